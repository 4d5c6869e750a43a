"""What another engine paints is laid over frames as a change: nothing at rest, nothing outside, lights survive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from gioconda.engine import Portrait, pose_portrait, render_rows
from gioconda.external.composite import ExternalEngine
from gioconda.external.folder import Notice
from gioconda.external.liveportrait import LivePortrait, Painted
from gioconda.imaging import resample
from gioconda.imaging.encoding import encode
from gioconda.neural.crops import Crop
from gioconda.pose import Pose, rotation_matrix

Float32 = npt.NDArray[np.float32]
Paint = Callable[[Float32, Float32], Float32]  # driving picture, source → picture

TURNED = Pose(rotation=rotation_matrix(yaw=6.0, pitch=2.0))
SIZE = 512


@dataclass(frozen=True)
class Simple:
    """An engine that is one function of the driving picture and the source, shown at twice their size."""

    paint: Paint
    notice: Notice = Notice("liveportrait", "none", "here", {})
    device: str = "cpu"

    def crop(self, landmarks: npt.NDArray[np.float64]) -> Crop:
        return LivePortrait({}, self.notice).crop(landmarks)

    def prepare(self, source: Float32) -> Ready:
        assert source.shape == (256, 256, 3)
        return Ready(self.paint, source)


@dataclass(frozen=True)
class Ready:
    paint: Paint
    source: Float32

    def frame(self, driving: Float32) -> Painted:
        assert driving.dtype == np.float32
        assert driving.min() >= 0
        assert driving.max() <= 1
        picture = resample.resize(self.paint(driving, self.source), SIZE, SIZE, method="linear")
        return Painted(picture, np.ones((SIZE, SIZE), np.float32))


def faithful(driving: Float32, source: Float32) -> Float32:
    return driving


def dull(driving: Float32, source: Float32) -> Float32:
    """Blurred, its colours off: as networks are, of whatever they see."""
    return np.asarray(resample.gaussian_blur(driving, 2.0) * np.float32(0.8) + np.float32(0.07), np.float32)


def lighter(driving: Float32, source: Float32) -> Float32:
    """The same at rest, lighter as soon as anything moves."""
    return driving if np.array_equal(driving, source) else np.clip(driving + np.float32(0.05), 0, 1)


def frames(portrait: Portrait, paint: Paint, pose: Pose = TURNED) -> tuple[Float32, Float32, Float32]:
    """The engine's own frame (H, W, 4), the painted one, and the matte (H, W)."""
    posed = pose_portrait(portrait, pose)
    made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    painted, matte = made["Combined"].copy(), made["Matte"][..., 0]
    ExternalEngine(Simple(paint), portrait).apply(posed, {"Combined": painted, "Matte": matte[..., None]})
    return made["Combined"], painted, matte


def cheek(portrait: Portrait) -> tuple[slice, slice]:
    """Rows and columns of skin in the middle of the face."""
    x, y = (int(k) for k in portrait.landmarks[50, :2])
    return slice(y - 12, y + 12), slice(x - 8, x + 8)


def test_nothing_happens_at_the_identity_pose(portrait: Portrait) -> None:
    alone, painted, _ = frames(portrait, lighter, Pose())
    assert (alone == painted).all()


def test_what_is_outside_the_person_stays_to_the_last_bit(portrait: Portrait) -> None:
    alone, painted, matte = frames(portrait, lighter)
    assert (alone != painted).any()
    assert (alone == painted)[matte == 0].all()
    assert (alone[..., 3] == painted[..., 3]).all()


def test_an_engine_that_only_repeats_the_frame_hardly_changes_it(portrait: Portrait) -> None:
    alone, painted, _ = frames(portrait, faithful)
    away = np.abs(encode(alone[..., :3]) - encode(painted[..., :3]))
    assert away.mean() < 2e-3
    assert np.percentile(away, 99) < 0.03


def test_blur_and_wrong_colours_that_the_engine_always_has_are_no_change(portrait: Portrait) -> None:
    alone, painted, _ = frames(portrait, dull)
    face = portrait.landmarks[:, :2].astype(int)
    (x0, y0), (x1, y1) = face.min(0), face.max(0)
    was, now = (encode(picture[y0:y1, x0:x1, :3]) for picture in (alone, painted))
    fault = np.abs(dull(was, was) - was)
    assert fault.mean() > 0.03
    assert np.abs(now - was).mean() < 0.15 * fault.mean()


def test_a_change_comes_through_at_its_full_strength_and_keeps_fine_detail(portrait: Portrait) -> None:
    alone, painted, _ = frames(portrait, lighter)
    part = cheek(portrait)
    was, now = encode(alone[part][..., :3]), encode(painted[part][..., :3])
    assert np.abs(now - was - 0.05).max() < 0.04
    assert (now - was).mean() == pytest.approx(0.05, abs=0.004)


@pytest.mark.slow
def test_something_else_altogether_replaces_the_frames_detail(portrait: Portrait) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, portrait.source.shape[:2]).astype(np.float32)
    rough = replace(portrait, source=portrait.source + noise[..., None] * np.float32([1, 1, 1, 0]))
    posed = pose_portrait(rough, TURNED)
    external = ExternalEngine(
        Simple(lambda driving, source: driving if driving is source else np.full_like(driving, 0.5)), rough
    )
    external.error[:] = 0
    combined, matte = rough.source.astype(np.float32), np.ones(rough.source.shape[:2], np.float32)
    part = cheek(portrait)
    before = encode(combined[part][..., :3]).std()
    combined[part][..., :3] *= 0.05
    external.apply(posed, {"Combined": combined, "Matte": matte[..., None]})
    middle = encode(combined[part][4:-4, 4:-4, :3])
    assert middle.mean() == pytest.approx(0.5, abs=0.03)
    assert middle.std() < 0.3 * before


def test_light_far_above_white_and_below_black_is_not_clamped(portrait: Portrait) -> None:
    bright = portrait.source.copy()
    part = cheek(portrait)
    bright[part] = [40.0, -0.02, 0.5, 1.0]
    _, painted, _ = frames(replace(portrait, source=bright), lighter)
    posed = pose_portrait(portrait, TURNED)
    combined, matte = bright.copy(), np.ones(bright.shape[:2], np.float32)
    ExternalEngine(Simple(lighter), portrait).apply(posed, {"Combined": combined, "Matte": matte[..., None]})
    assert (combined[part][4:-4, 4:-4, 0] > 36).all()
    assert combined[part][4:-4, 4:-4, 0].max() < 60
    assert np.isfinite(painted).all()


def test_a_cut_out_stays_a_cut_out(portrait: Portrait) -> None:
    matte = np.clip(portrait.mattes.sum(2), 0, 1)
    alpha = resample.resize(matte, portrait.width, portrait.height, method="linear")[..., None]
    posed, combined = pose_portrait(portrait, TURNED), np.asarray(portrait.source * alpha, np.float32)
    before = combined.copy()
    ExternalEngine(Simple(lighter), portrait).apply(posed, {"Combined": combined, "Matte": alpha})
    assert (combined[..., 3] == before[..., 3]).all()
    assert (combined == before)[alpha[..., 0] == 0].all()


def test_the_square_is_the_one_the_engine_was_trained_on(portrait: Portrait) -> None:
    square = Simple(faithful).crop(portrait.landmarks)
    assert square.size == 256
    posed = square.to_crop(portrait.landmarks) / square.size
    eyes, mouth = posed[[33, 133, 362, 263]].mean(0), posed[[61, 291]].mean(0)
    assert eyes[0] == pytest.approx(mouth[0], abs=1e-3)  # upright
    face = posed[[*range(468)]]
    assert 0.35 < np.ptp(face[:, 1]) < 0.6
    assert 0.55 < mouth[1] < 0.75
