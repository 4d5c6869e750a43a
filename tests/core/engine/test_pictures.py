"""Pictures of every kind: bright, grey, cut out, cropped through the face, enlarged; and those that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Portrait, prepare, render
from gioconda.errors import PictureError
from gioconda.imaging import resample
from gioconda.job.passes import ALL_PASSES
from gioconda.pose import Pose, rotation_matrix

if TYPE_CHECKING:
    from tests.sitters import Sitter

PoseOf = Callable[..., Pose]


@pytest.fixture(scope="module")
def driven(small: Sitter, pose_of: PoseOf) -> Pose:
    """Everything at once: turned, talking, blinking, looking aside."""
    portrait = prepare(small.source, small.landmarks, small.matte)
    pose = pose_of(portrait, jawOpen=0.8, eyeBlinkLeft=0.6, eyeLookInRight=0.8, mouthFunnel=0.4)
    return Pose(pose.displacement, rotation_matrix(10, 4, -3))


def test_a_highlight_leaves_no_ring_and_no_infinity(small: Sitter, driven: Pose) -> None:
    source = small.source.copy()
    nose, brow = small.landmarks[[lm.NOSE_TIP, 151], :2].astype(int)
    source[nose[1] - 1 : nose[1] + 2, nose[0] - 1 : nose[0] + 2, :3] = 1000  # a light on the nose
    source[brow[1], brow[0], :3] = 1000
    source[3, 3, :3] = 60_000  # and one on the wall
    frame = render(prepare(source, small.landmarks, small.matte), driven, passes=ALL_PASSES).passes
    plain = render(prepare(small.source, small.landmarks, small.matte), driven).passes["Combined"]
    assert plain.min() > -0.01  # the plate's estimate may dip below black by a hair's breadth
    assert frame["Combined"].min() > plain.min() - 1e-4
    assert 500 < frame["Combined"][..., :3].max() <= 60_000
    assert all(np.isfinite(values).all() for values in frame.values())
    lit = (np.abs(frame["Combined"] - plain).max(2) > 1).astype(np.uint8)
    assert 5 < lit.sum() < 120  # only where the lights are


def test_brightness_scales_through(small: Sitter, driven: Pose) -> None:
    """Twice the light gives twice the picture, except for the estimates that are bounded for HDR's sake."""
    half = small.source * np.float32([0.5, 0.5, 0.5, 1])
    full, dim = (
        render(prepare(source, small.landmarks, small.matte), driven).passes["Combined"][..., :3]
        for source in (small.source, half)
    )
    off = np.abs(dim - 0.5 * full).max(2)
    assert np.percentile(off, 98) < 0.01


def test_a_grey_picture_stays_grey(small: Sitter, driven: Pose) -> None:
    portrait = prepare(_grey(small.source), small.landmarks, small.matte)
    frame = render(portrait, driven, passes=("Combined", "Mouth")).passes
    colour, mouth = frame["Combined"][..., :3], frame["Mouth"][..., 0]
    assert mouth.max() > 0.9
    assert np.ptp(colour, axis=2)[mouth == 0].max() < 1e-5


def test_the_mouth_of_a_grey_picture_is_grey_inside(small: Sitter, driven: Pose) -> None:
    grey = _grey(small.source)
    frame = render(prepare(grey, small.landmarks, small.matte), driven).passes["Combined"]
    assert np.ptp(frame[..., :3], axis=2).max() < 0.02


def test_the_mouth_of_a_sepia_picture_has_its_tint(small: Sitter, driven: Pose) -> None:
    sepia = _grey(small.source)
    sepia[..., :3] = sepia[..., :3] ** np.array([0.9, 1.0, 1.15], np.float32)  # a tint that changes with brightness
    frame = render(prepare(sepia, small.landmarks, small.matte), driven, passes=("Combined", "Mouth")).passes
    mouth = frame["Combined"][frame["Mouth"][..., 0] > 0.99][:, :3]
    bright = mouth[mouth.mean(1) > 0.02]
    assert len(bright) > 50
    assert (bright[:, 0] >= bright[:, 1] - 1e-4).all()  # brown …
    assert (bright[:, 1] >= bright[:, 2] - 1e-4).all()
    redness = np.log(bright[:, 0] / bright[:, 1])
    assert np.ptp(redness) < 0.35  # … and no part of it pink


def test_a_cut_out_stays_clear_where_nobody_is(small: Sitter, driven: Pose) -> None:
    cutout = small.source * small.matte[..., None]
    portrait = prepare(cutout, small.landmarks, small.matte, cutout=True)
    frame = render(portrait, driven, passes=("Combined", "Matte")).passes
    nobody = frame["Matte"][..., 0] == 0
    assert nobody.mean() > 0.2
    assert not frame["Combined"][nobody].any()
    assert np.abs(frame["Combined"][..., 3] - frame["Matte"][..., 0]).max() < 1e-5
    assert not frame["Combined"][..., 3].max() > 1 + 1e-5
    far = render(portrait, Pose(translation=np.array([-40.0, 0, 0])), passes=("Combined",)).passes["Combined"]
    head = small.landmarks[lm.NOSE_TIP, :2].astype(int)
    assert not far[head[1], head[0]].any()  # nothing lay behind


def test_the_artists_plate_is_what_is_seen_behind(small: Sitter) -> None:
    plate = np.zeros_like(small.source)
    plate[..., 1] = plate[..., 3] = 1
    portrait = prepare(small.source, small.landmarks, small.matte, clean_plate=plate)
    assert np.array_equal(render(portrait, Pose()).passes["Combined"], small.source)
    away = render(portrait, Pose(translation=np.array([-40.0, 0, 0])), passes=("Combined", "Plate")).passes
    nose = small.landmarks[lm.NOSE_TIP, :2].astype(int)
    assert np.allclose(away["Combined"][nose[1], nose[0]], [0, 1, 0, 1], atol=1e-5)
    assert np.allclose(away["Plate"][nose[1], nose[0]], [0, 1, 0, 1], atol=1e-5)


@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_a_face_partly_out_of_the_picture_is_rendered(small: Sitter, driven: Pose, side: str) -> None:
    height, width = small.matte.shape
    nose_x, nose_y = small.landmarks[lm.NOSE_TIP, :2].astype(int)
    brow, lip = int(small.landmarks[151, 1]), int(small.landmarks[lm.LIP_TOP, 1])
    box = {
        "left": (nose_x - 6, 0, width, height),
        "right": (0, 0, nose_x + 6, height),
        "top": (0, brow + 12, width, height),  # through the brows
        "bottom": (0, 0, width, lip),
    }[side]
    part = small.cropped(*box)
    portrait = prepare(part.source, part.landmarks, part.matte)
    assert np.array_equal(render(portrait, Pose()).passes["Combined"], part.source)
    frame = render(portrait, driven, following=Pose(), passes=ALL_PASSES).passes
    for name, values in frame.items():
        assert np.isfinite(values).all(), name
    assert np.abs(frame["Combined"] - part.source).mean() > 0.001


def test_a_portrait_of_twice_the_size_gives_twice_the_frame(small: Sitter, sitter: Sitter, driven: Pose) -> None:
    names = ("Combined", "UV", "Matte", "Depth")
    ours, theirs = (
        render(prepare(s.source, s.landmarks, s.matte), driven, passes=(*names, "Confidence")).passes
        for s in (small, sitter)
    )
    height, width = small.matte.shape
    shrunk = {name: resample.resize(values, width, height, method="area") for name, values in theirs.items()}
    off = np.abs(shrunk["Combined"] - ours["Combined"])[..., :3].max(2)
    assert np.median(off) < 0.002
    assert np.percentile(off, 95) < 0.05
    assert np.abs(shrunk["Matte"][..., 0] - ours["Matte"][..., 0]).mean() < 0.01
    # the back of the head takes its detail from anywhere
    face = (ours["Matte"][..., 0] == 1) & (ours["Confidence"][..., 0] > 0.3)
    assert np.percentile(np.abs(shrunk["UV"][..., 0] - ours["UV"][..., 0].reshape(height, width))[face], 98) < 0.004
    # depth is in metres whatever the resolution
    assert np.median(np.abs(shrunk["Depth"].reshape(height, width) - ours["Depth"].reshape(height, width))[face]) < 1e-3


def test_sizes_that_differ_are_refused(small: Sitter) -> None:
    with pytest.raises(PictureError, match="matte is 255×300.*256×300"):
        prepare(small.source, small.landmarks, small.matte[:, :-1])
    with pytest.raises(PictureError, match="clean plate is 256×299"):
        prepare(small.source, small.landmarks, small.matte, clean_plate=small.source[1:])


def test_a_face_too_small_to_move_is_refused(small: Sitter) -> None:
    tiny = np.ascontiguousarray(small.source[:20, :20]), np.ones((20, 20), np.float32)
    with pytest.raises(PictureError, match="only 4 pixels between the eyes"):
        prepare(tiny[0], small.landmarks * (4.4 / _apart(small.landmarks)), tiny[1])


def test_a_face_just_large_enough_is_moved(sitter: Sitter, driven: Pose) -> None:
    factor = 9 / _apart(sitter.landmarks)
    least = sitter.scaled(factor)
    frame = render(prepare(least.source, least.landmarks, least.matte), driven, passes=ALL_PASSES).passes
    assert all(np.isfinite(values).all() for values in frame.values())


def test_a_picture_that_is_all_person_or_all_hidden_is_rendered(small: Sitter, driven: Pose) -> None:
    for matte in (np.ones_like(small.matte), np.full_like(small.matte, 0.5)):
        portrait = prepare(small.source, small.landmarks, matte)
        assert np.array_equal(render(portrait, Pose()).passes["Combined"], small.source)
        frame = render(portrait, driven, passes=ALL_PASSES).passes
        assert all(np.isfinite(values).all() for values in frame.values())


def test_a_huge_motion_is_drawn_without_complaint(portrait: Portrait) -> None:
    for pose in (
        Pose(rotation=rotation_matrix(89.9)),
        Pose(rotation=rotation_matrix(180, 60, 45)),
        Pose(scale=0.01),
        Pose(scale=20.0),
        Pose(translation=np.array([1e4, -1e4, 0.0])),
        Pose(displacement=np.random.default_rng(1).normal(0, 0.3, (lm.COUNT, 3))),
    ):
        frame = render(portrait, pose, passes=ALL_PASSES).passes
        assert all(np.isfinite(values).all() for values in frame.values())


@pytest.mark.parametrize("turn", [(90, 0, 0), (0, 90, 0), (-90, 0, 30)])
def test_a_face_seen_exactly_from_the_side_is_drawn(portrait: Portrait, turn: tuple[float, float, float]) -> None:
    own = portrait.pose.rotation
    for rotation in (rotation_matrix(*turn), rotation_matrix(*turn) @ own.T):
        frame = render(portrait, Pose(rotation=rotation), passes=ALL_PASSES).passes
        assert all(np.isfinite(values).all() for values in frame.values())


def _grey(source: np.ndarray) -> np.ndarray:
    grey = source.copy()
    grey[..., :3] = (source[..., :3] @ np.float32([0.2126, 0.7152, 0.0722]))[..., None]
    return grey


def _apart(landmarks: np.ndarray) -> float:
    return float(np.linalg.norm(landmarks[lm.EYE_OUTER_RIGHT, :2] - landmarks[lm.EYE_OUTER_LEFT, :2]))
