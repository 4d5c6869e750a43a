"""A frame's passes: the same however they are asked for, and true to what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Frame, Portrait, pose_portrait, prepare, render, render_rows
from gioconda.engine.frame import BACKGROUND
from gioconda.errors import SettingsError
from gioconda.imaging import resample
from gioconda.job.passes import ALL_PASSES, PASSES
from gioconda.pose import Pose, rotation_matrix

if TYPE_CHECKING:
    from tests.sitters import Sitter

Float32 = np.ndarray


@pytest.fixture(scope="module")
def pose(portrait: Portrait, pose_of: Callable[..., Pose]) -> Pose:
    """Turned, nodding, smiling with open mouth, one eye shut, looking aside."""
    channels = {"jawOpen": 0.7, "mouthSmileLeft": 0.6, "eyeBlinkRight": 1.0, "eyeLookOutLeft": 0.7, "browInnerUp": 0.8}
    pose = pose_of(portrait, **channels)
    return Pose(pose.displacement, rotation_matrix(11, -4, 3), np.array([0.05, -0.03, 0.0]), 1.03)


@pytest.fixture(scope="module")
def whole(portrait: Portrait, pose: Pose) -> Frame:
    return render(portrait, pose, following=Pose(rotation=rotation_matrix(5)), passes=ALL_PASSES)


def test_every_pass_has_its_size_and_is_finite(portrait: Portrait, whole: Frame) -> None:
    assert whole.row == 0
    for name, one in PASSES.items():
        values = whole.passes[name]
        assert values.shape == (portrait.height, portrait.width, one.count), name
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name


@pytest.mark.parametrize("rows", [1, 37, 256, 599])
def test_bands_together_are_the_whole_frame(portrait: Portrait, pose: Pose, whole: Frame, rows: int) -> None:
    posed = pose_portrait(portrait, pose, following=Pose(rotation=rotation_matrix(5)))
    # a row at a time only below the nose, where edges run along the rows
    first, last = (240, 260) if rows == 1 else (0, portrait.height)
    for row in range(first, last, rows):
        band = render_rows(posed, row, min(rows, last - row), passes=ALL_PASSES)
        for name in ALL_PASSES:
            expected = whole.passes[name][row : row + rows]
            assert np.array_equal(band.passes[name], expected[: last - row]), (name, row)


def test_a_frame_is_the_same_in_any_order_and_again(portrait: Portrait, pose: Pose, whole: Frame) -> None:
    others = [Pose(rotation=rotation_matrix(-15)), Pose(), Pose(scale=0.8)]
    for other in others:
        render(portrait, other, passes=("Combined", "UV"))
        again = render(portrait, pose, following=Pose(rotation=rotation_matrix(5)), passes=ALL_PASSES)
        for name in ALL_PASSES:
            assert np.array_equal(again.passes[name], whole.passes[name]), name


def test_a_pass_does_not_depend_on_which_others_are_asked_for(portrait: Portrait, pose: Pose, whole: Frame) -> None:
    for name in ALL_PASSES:
        alone = render(portrait, pose, following=Pose(rotation=rotation_matrix(5)), passes=(name,))
        assert list(alone.passes) == [name]
        assert np.array_equal(alone.passes[name], whole.passes[name]), name


def test_memory_that_is_drawn_into_again_leaves_no_trace(portrait: Portrait, pose: Pose, whole: Frame) -> None:
    old = render(portrait, Pose(scale=1.3), passes=ALL_PASSES)
    for values in old.passes.values():
        values[:] = np.nan
    kept = old.passes["Combined"]
    new = render(portrait, pose, following=Pose(rotation=rotation_matrix(5)), passes=ALL_PASSES, reuse=old)
    assert new.passes["Combined"] is kept
    for name in ALL_PASSES:
        assert np.array_equal(new.passes[name], whole.passes[name]), name


def test_rendering_does_not_change_the_portrait(portrait: Portrait, sitter: Sitter, whole: Frame) -> None:
    assert np.array_equal(portrait.source, sitter.source)
    assert np.array_equal(portrait.mesh.bind_pose[: lm.COUNT], sitter.landmarks)
    assert np.array_equal(render(portrait, Pose()).passes["Combined"], sitter.source)


def test_a_pass_that_does_not_exist_is_named(portrait: Portrait) -> None:
    with pytest.raises(SettingsError, match="Sparkle.*Combined"):
        render(portrait, Pose(), passes=("Combined", "Sparkle"))


def test_the_preview_differs_only_at_edges(portrait: Portrait, pose: Pose, whole: Frame) -> None:
    rough = render(portrait, pose, smooth_edges=False).passes["Combined"]
    different = np.abs(rough - whole.passes["Combined"]).max(2) > 0.01
    assert 0 < different.mean() < 0.03


# UV: the STMap -------------------------------------------------------------------------------------------------------


def test_the_stmap_brings_the_pictures_skin_to_where_the_frame_shows_it(
    portrait: Portrait, sitter: Sitter, whole: Frame
) -> None:
    u, v, one = np.moveaxis(whole.passes["UV"], 2, 0)
    assert (one == 1).all()
    warped = resample.remap(sitter.source, u * portrait.width, (1 - v) * portrait.height, method="cubic")
    off = np.abs(warped - whole.passes["Combined"])[..., :3].max(2)
    skin = (whole.passes["Face"][..., 0] > 0.99) & (whole.passes["Matte"][..., 0] == 1)
    skin &= (whole.passes["Eyes"][..., 0] == 0) & (whole.passes["Mouth"][..., 0] == 0)
    skin &= whole.passes["Confidence"][..., 0] > 0.9
    inner = resample.erode(skin, 3)  # away from painted eyes and mouth, and from anti-aliased edges
    assert inner.sum() > 5000
    assert np.percentile(off[inner], 99) < 0.03
    assert np.median(off[inner]) < 0.005  # OpenCV's cubic is a little sharper than ours


def test_the_stmap_of_an_undriven_frame_is_every_pixels_own_place(portrait: Portrait) -> None:
    u, v, _ = np.moveaxis(render(portrait, Pose(), passes=("UV",)).passes["UV"], 2, 0)
    x, y = np.meshgrid(np.arange(portrait.width) + 0.5, np.arange(portrait.height) + 0.5)
    assert np.abs(u * portrait.width - x).max() < 1e-2
    assert np.abs((1 - v) * portrait.height - y).max() < 1e-2


# Vector ---------------------------------------------------------------------------------------------------------------


def test_vectors_say_where_points_come_from_and_go_to(portrait: Portrait) -> None:
    """Cycles: x y = previous - current, z w = current - following, pixels, y up."""
    before, now, after = (Pose(rotation=rotation_matrix(a, a / 3)) for a in (2.0, 5.0, 9.0))
    vector = render(portrait, now, previous=before, following=after, passes=("Vector",)).passes["Vector"]
    places = [pose_portrait(portrait, pose).position[: lm.FACE_POINTS, :2] for pose in (before, now, after)]
    some = [lm.NOSE_TIP, lm.CHIN, lm.FOREHEAD, 50, 280, 205, 425, 151]
    was, here, goes = (p[some].astype(np.float64) for p in places)
    x, y = here.T.astype(int)
    seen = vector[y, x]
    back, on = (was - here) * [1, -1], (here - goes) * [1, -1]
    assert np.abs(back).max() > 1.5
    assert np.abs(seen[:, :2] - back).max() < 0.25
    assert np.abs(seen[:, 2:] - on).max() < 0.25


def test_the_colour_is_found_again_where_a_vector_leads(portrait: Portrait) -> None:
    now, after = Pose(rotation=rotation_matrix(3)), Pose(rotation=rotation_matrix(6, 2))
    first = render(portrait, now, following=after, passes=("Combined", "Vector", "Face", "Eyes")).passes
    second = render(portrait, after, passes=("Combined",)).passes["Combined"]
    y, x = np.nonzero(resample.erode((first["Face"][..., 0] > 0.99) & (first["Eyes"][..., 0] == 0), 6))
    step = first["Vector"][y, x, 2:]
    there_x, there_y = x + 0.5 - step[:, 0], y + 0.5 + step[:, 1]
    found = resample.remap(second, there_x[None].astype(np.float32), there_y[None].astype(np.float32), method="cubic")[
        0
    ]
    own = first["Combined"][y, x]
    assert np.median(np.abs(found - own)[:, :3].max(1)) < 0.01
    unmoved = np.median(np.abs(second[y, x] - own)[:, :3].max(1))
    assert np.median(np.abs(found - own)[:, :3].max(1)) < 0.5 * unmoved


def test_vectors_are_zero_without_neighbours_and_over_the_plate(portrait: Portrait, whole: Frame) -> None:
    alone = render(portrait, Pose(rotation=rotation_matrix(4)), passes=("Vector",)).passes["Vector"]
    assert np.abs(alone).max() == 0
    assert not whole.passes["Vector"][whole.passes["Matte"][..., 0] == 0].any()
    assert np.abs(whole.passes["Vector"][..., 2:]).max() > 1


# Matte, Depth, regions ----------------------------------------------------------------------------------------------


def test_the_matte_of_a_head_moved_aside_moves_with_it(portrait: Portrait) -> None:
    step = 8
    aside = Pose(translation=np.array([step / portrait.pose.scale, 0.0, 0.0]))
    still, moved = (render(portrait, pose, passes=("Matte",)).passes["Matte"][..., 0] for pose in (Pose(), aside))
    chin = int(portrait.landmarks[lm.CHIN, 1])
    head = slice(0, chin)  # below it the neck stays with the body
    assert np.abs(moved[head, step:] - still[head, :-step]).mean() < 0.004
    assert np.abs(moved[head] - still[head]).mean() > 0.01
    body = slice(portrait.height - 40, portrait.height)
    assert np.abs(moved[body] - still[body]).max() < 0.05


def test_depth_grows_from_the_nose_to_the_ears_and_most_at_the_wall(portrait: Portrait) -> None:
    depth = render(portrait, Pose(), passes=("Depth",)).passes["Depth"][..., 0]
    x, y = portrait.landmarks[:, :2].astype(int).T
    nose, cheek, ear = (float(np.mean(depth[y[i], x[i]])) for i in ([lm.NOSE_TIP], [50, 280], [93, 323]))
    wall = float(depth[5, 5])
    assert nose < cheek < ear < wall
    assert 0.02 < ear - nose < 0.2  # metres
    assert 0.8 < nose < 1.0
    assert wall == pytest.approx(BACKGROUND) and wall - float(depth.min()) > 1.5  # Defocus tells them apart


@pytest.mark.parametrize("yaw", [0, 12])
def test_the_foreground_over_the_plate_is_the_picture(portrait: Portrait, yaw: float) -> None:
    pose = Pose(rotation=rotation_matrix(yaw=yaw))
    made = render(portrait, pose, passes=("Combined", "Matte", "Plate", "Foreground")).passes
    assert np.array_equal(made["Foreground"][..., 3], made["Matte"][..., 0])
    together = made["Foreground"] + (1 - made["Matte"]) * made["Plate"]
    assert np.abs(together - made["Combined"]).max() < 1e-5
    whole = made["Matte"][..., 0] == 1
    assert np.array_equal(made["Foreground"][whole, :3], made["Combined"][whole, :3])
    assert np.abs(made["Foreground"][made["Matte"][..., 0] == 0]).max() < 0.01


def test_no_rim_of_the_old_background_is_left_in_the_foreground(small: Sitter) -> None:
    """The same person before a green screen: where the matte is soft the foreground has the person's colours."""
    alpha = small.matte[..., None]
    green = np.broadcast_to(np.float32([0.02, 0.8, 0.02, 1]), small.source.shape)
    own = small.source * (alpha > 0.99) + np.float32([0.05, 0.04, 0.03, 1]) * (alpha <= 0.99)
    picture = np.ascontiguousarray(alpha * own + (1 - alpha) * green, np.float32)
    portrait = prepare(picture, small.landmarks, small.matte)
    made = render(portrait, Pose(), passes=("Foreground", "Matte")).passes
    soft = (small.matte > 0.2) & (small.matte < 0.8)
    seen = made["Foreground"][soft, :3] / np.maximum(made["Matte"][soft], 1e-3)
    spill = seen[:, 1] - np.maximum(seen[:, 0], seen[:, 2])
    before = (picture[soft, 1] - np.maximum(picture[soft, 0], picture[soft, 2])).mean()
    assert spill.mean() < 0.1 * before


def test_all_mattes_lie_between_nothing_and_everything(whole: Frame) -> None:
    for name in ("Matte", "Face", "Lips", "Hair", "Body", "Eyes", "Mouth", "Disocclusion", "Confidence"):
        values = whole.passes[name]
        assert values.min() >= -1e-6, name
        assert values.max() <= 1 + 1e-5, name
        assert values.max() > 0.3, name


def test_region_mattes_lie_within_the_person(whole: Frame) -> None:
    matte = whole.passes["Matte"]
    for name in ("Face", "Lips", "Hair", "Body", "Eyes", "Mouth"):
        assert (whole.passes[name] <= matte + 1e-5).all(), name
    together = sum(whole.passes[name] for name in ("Face", "Hair", "Body"))
    assert (np.abs(together - matte) < 0.02).mean() > 0.97


def test_what_the_head_left_is_disoccluded_and_what_is_hidden_is_less_sure(portrait: Portrait, whole: Frame) -> None:
    undriven = render(portrait, Pose(), passes=("Disocclusion", "Confidence")).passes
    assert (undriven["Disocclusion"] > 0.26).mean() < 1e-4  # a soft hair over itself: a (1 - a)
    away = render(portrait, Pose(translation=np.array([-40.0, 0, 0])), passes=("Disocclusion", "Matte", "Plate")).passes
    head = portrait.landmarks[lm.NOSE_TIP, :2].astype(int)
    assert away["Disocclusion"][head[1], head[0], 0] == 1
    turned = render(portrait, Pose(rotation=rotation_matrix(30)), passes=("Confidence", "Face")).passes
    skin = turned["Face"][..., 0] > 0.9
    assert turned["Confidence"][..., 0][skin].min() < 0.7
    assert np.percentile(undriven["Confidence"][..., 0], 5) > 0.7
