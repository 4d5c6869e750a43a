"""Things before the face that do not bend: they follow the skull, and the face moves beneath them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gioconda.engine import Portrait, pose_portrait, prepare, render
from gioconda.engine.rigid import RESTS_ON
from gioconda.errors import PictureError
from gioconda.face.analyse import analyse
from gioconda.face.nets import Nets
from gioconda.face.spectacles import find_spectacles
from gioconda.imaging import draw, resample
from gioconda.imaging.color import choose_display, display_srgb
from gioconda.imaging.image import read_picture
from gioconda.landmarks import interocular
from gioconda.pose import Pose, fit_similarity, rotation_matrix

from tests.sitters import Sitter

ROOT = Path(__file__).resolve().parents[3]
PORTRAITS = ROOT.parent / "shared" / "data" / "portraits"
FRAME = (0.0, 0.35, 0.02)  # linear light: nothing else in the picture is so green
EXPRESSIONS = (
    {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0},
    {"browDownLeft": 1.0, "browDownRight": 1.0, "noseSneerLeft": 0.5, "noseSneerRight": 0.5},
    {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "cheekSquintLeft": 1.0, "cheekSquintRight": 1.0, "jawOpen": 0.4},
)


def lens(landmarks: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """The middle and the half axes of a round lens, pixels."""
    reach = interocular(landmarks)
    corners = landmarks[[[33, 133], [362, 263]][side], :2]
    return corners.mean(0) + [0, 0.05 * reach], np.array([0.215, 0.2]) * reach


def glasses(sitter: Sitter) -> np.ndarray:
    """Spectacles drawn over the sitter's eyes, (H, W) 0..1."""
    height, width = sitter.matte.shape
    thick = 0.035 * interocular(sitter.landmarks)
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    mask = np.zeros((height, width), np.float32)
    inner = []
    for side, towards in ((0, 0.0), (1, np.pi)):
        middle, axes = lens(sitter.landmarks, side)
        ring = middle + axes * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        mask = np.maximum(mask, draw.polyline_coverage(ring, width, height, thickness_px=thick, closed=True))
        inner.append(middle + axes * [np.cos(towards), 0])
    return np.maximum(mask, draw.polyline_coverage(np.array(inner), width, height, thickness_px=thick))


@pytest.fixture(scope="module")
def mask(sitter: Sitter) -> np.ndarray:
    return glasses(sitter)


@pytest.fixture(scope="module")
def worn(sitter: Sitter, mask: np.ndarray) -> Sitter:
    """The sitter with spectacles on."""
    source = sitter.source.copy()
    source[..., :3] += mask[..., None] * (np.array(FRAME, np.float32) - source[..., :3])
    return replace(sitter, source=source, srgb=display_srgb(source, exposure=choose_display(source)))


@pytest.fixture(scope="module")
def spectacled(worn: Sitter, mask: np.ndarray) -> Portrait:
    return prepare(worn.source, worn.landmarks, worn.matte, rigid=mask)


def greens(picture: np.ndarray) -> np.ndarray:
    """Where a frame (H, W, 4) shows the spectacles."""
    return (picture[..., 1] > 0.2) & (picture[..., 1] > 4 * np.maximum(picture[..., 0], picture[..., 2]))


def heights(shown: np.ndarray, middle: np.ndarray, reach: float) -> tuple[float, float]:
    """The first and the last row of a lens near its middle column."""
    x = round(float(middle[0]))
    rows = np.flatnonzero(shown[:, x - 1 : x + 2].any(1))
    rows = rows[abs(rows - middle[1]) < 0.35 * reach]
    return float(rows.min()), float(rows.max() + 1)


def test_lenses_keep_their_shape_at_any_expression(
    spectacled: Portrait, worn: Sitter, pose_of: Callable[..., Pose]
) -> None:
    reach = interocular(worn.landmarks)
    for channels in EXPRESSIONS:
        pose = pose_of(spectacled, **channels)
        shown = greens(render(spectacled, pose).passes["Combined"])
        target = pose_portrait(spectacled, pose).position[:478].astype(np.float64)
        rests = list(RESTS_ON)
        skull = fit_similarity(spectacled.head[rests], target[rests])
        for side in (0, 1):
            middle, axes = lens(worn.landmarks, side)
            depth = worn.landmarks[168, 2]
            rim = np.array([[*(middle - [0, axes[1]]), depth], [*(middle + [0, axes[1]]), depth]])
            there = skull.to_picture(spectacled.pose.to_head(rim))
            first, last = heights(shown, there[:, :2].mean(0), reach)
            still_first, still_last = heights(greens(worn.source), middle, reach)
            grown = (there[1, 1] - there[0, 1]) / (2 * axes[1])
            assert abs((last - first) - grown * (still_last - still_first)) <= 1.0, channels


def test_without_the_mask_raised_brows_bend_them(worn: Sitter, pose_of: Callable[..., Pose]) -> None:
    portrait = prepare(worn.source, worn.landmarks, worn.matte)
    reach = interocular(worn.landmarks)
    shown = greens(render(portrait, pose_of(portrait, **EXPRESSIONS[1])).passes["Combined"])
    middle, axes = lens(worn.landmarks, 0)
    first, last = heights(shown, middle, reach)
    assert last - first - 0.035 * reach > 2 * axes[1] + 2


def test_at_rest_the_picture_is_the_source_and_a_small_step_leaves_no_rim(spectacled: Portrait) -> None:
    assert np.array_equal(render(spectacled, Pose()).passes["Combined"], spectacled.source)
    nearly = render(spectacled, Pose(translation=np.array([1e-5, 0, 0]))).passes["Combined"]
    assert np.abs(nearly - spectacled.source).max() < 0.02


def test_a_closed_lid_passes_behind_the_frame_and_shows_skin(
    spectacled: Portrait, portrait: Portrait, pose_of: Callable[..., Pose]
) -> None:
    blink = EXPRESSIONS[0]
    with_glasses = render(spectacled, pose_of(spectacled, **blink)).passes["Combined"]
    bare = render(portrait, pose_of(portrait, **blink)).passes["Combined"]
    shown = resample.dilate(greens(with_glasses), 6)
    x0, y0, x1, y1 = spectacled.rigid.window  # type: ignore[union-attr]
    beside = np.zeros_like(shown)
    beside[y0:y1, x0:x1] = True
    apart = np.abs(with_glasses - bare)[..., :3].mean(2)
    assert np.median(apart[beside & ~shown]) < 0.01  # lids and lenses as if there were no frame before them


def test_the_frame_stays_before_the_face_as_the_head_turns(spectacled: Portrait, worn: Sitter) -> None:
    upright = greens(spectacled.source).sum()
    for yaw in (-20.0, 20.0):
        frame = render(spectacled, Pose(rotation=rotation_matrix(yaw=yaw))).passes["Combined"]
        assert greens(frame).sum() > 0.6 * upright


def test_bands_of_rows_are_the_whole_frame(spectacled: Portrait, pose_of: Callable[..., Pose]) -> None:
    from gioconda.engine import render_rows

    posed = pose_portrait(spectacled, pose_of(spectacled, **EXPRESSIONS[1]))
    whole = render_rows(posed, 0, spectacled.height).passes["Combined"]
    for row in (0, 131, 260):
        assert np.array_equal(render_rows(posed, row, 97).passes["Combined"], whole[row : row + 97])


def test_an_empty_mask_is_nothing_and_another_size_is_refused(sitter: Sitter, mask: np.ndarray) -> None:
    assert prepare(sitter.source, sitter.landmarks, sitter.matte, rigid=np.zeros_like(mask)).rigid is None
    with pytest.raises(PictureError, match="rigid mask"):
        prepare(sitter.source, sitter.landmarks, sitter.matte, rigid=mask[1:])


def test_spectacles_are_found_and_none_are_made_up(sitter: Sitter) -> None:
    venus = Sitter.read("botticelli_venus")
    assert find_spectacles(venus.srgb, venus.landmarks) is None
    assert find_spectacles(sitter.srgb, sitter.landmarks) is not None  # she wears some
    mask = glasses(venus)
    light = venus.srgb.astype(np.float32)
    drawn = (light + mask[..., None] * (np.array([20, 30, 60], np.float32) - light)).astype(np.uint8)
    found = find_spectacles(drawn, venus.landmarks)
    assert found is not None
    assert found[mask > 0.9].mean() > 0.85
    around = resample.dilate(mask > 0.1, 0.06 * interocular(venus.landmarks))
    assert found[~around].sum() < 0.1 * found.sum()


@pytest.mark.slow
@pytest.mark.skipif(not PORTRAITS.is_dir(), reason="the shared portraits are not here")
@pytest.mark.parametrize(
    ("name", "wears"),
    [
        ("photo_nasa_koch.jpg", True),
        ("photo_us_house_robert-scott_1024.jpg", True),
        ("photo_us_house_glenn-grothman_1024.jpg", True),
        ("painting_american_gothic_1024x1236.jpg", True),
        ("photo_biden_official_1200x1200.jpg", False),
        ("painting_vangogh_self_1889_1045x1277.jpg", False),
        ("photo_us_house_pramila-jayapal_1024.jpg", False),
    ],
)
def test_spectacles_on_shared_portraits(name: str, wears: bool) -> None:
    pixels = read_picture(PORTRAITS / name).pixels
    srgb = display_srgb(pixels, exposure=choose_display(pixels))
    nets = Nets.open(ROOT / "onnx_models", "cpu")
    assert (find_spectacles(srgb, analyse(srgb, nets).landmarks) is not None) == wears
