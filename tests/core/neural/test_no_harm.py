"""What networks may not touch: heads turned far, the open eye of a wink, what lies before the face. And no squares."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from gioconda.engine import Portrait, pose_portrait, prepare, render_rows
from gioconda.face.spectacles import find_spectacles
from gioconda.imaging.encoding import encode
from gioconda.neural.corrector import TURNED, TURNED_SPAN, CorrectionNets, Corrector, corrected_frame
from gioconda.neural.crops import FAST
from gioconda.pose import Pose, rotation_matrix

from tests.sitters import Sitter

Float32 = npt.NDArray[np.float32]


def answering(head: float = 0.0, mouth: float = 0.0, eyes: float = 0.0) -> CorrectionNets:
    """Networks that always paint the same, of each part its own."""

    def frame(_inputs: dict[str, Float32]) -> list[Float32]:
        answers: list[Float32] = []
        for size, count, paint in ((FAST.head, 1, head), (FAST.mouth, 1, mouth), (FAST.eye, 2, eyes)):
            answers += [
                np.zeros((count, 2, size // 2, size // 2), np.float32),
                np.zeros((count, 7, size // 4, size // 4), np.float32),
                np.full((count, 3, size, size), paint, np.float32),
            ]
        return answers

    return CorrectionNets(lambda _inputs: [np.zeros((1, 8), np.float32)], frame, "cpu", FAST)


def changed(portrait: Portrait, pose: Pose, nets: CorrectionNets) -> Float32:
    """How much corrections change of a frame, (H, W), encoded values."""
    posed = pose_portrait(portrait, pose)
    alone = render_rows(posed, 0, portrait.height, passes=("Combined",)).passes["Combined"]
    made = corrected_frame(Corrector(nets, portrait), posed, ("Combined",))["Combined"]
    apart = np.abs(encode(made[..., :3]) - encode(alone[..., :3])).mean(2)
    return np.asarray(apart, np.float32)


def around(portrait: Portrait, pose: Pose, points: tuple[int, ...], reach: int) -> tuple[slice, slice]:
    x, y = pose_portrait(portrait, pose).position[list(points), :2].mean(0).astype(int)
    return slice(y - reach, y + reach), slice(x - reach, x + reach)


def test_corrections_fade_out_as_the_head_turns(portrait: Portrait) -> None:
    corrector = Corrector(answering(), portrait)
    yaws = (5.0, TURNED - 1, TURNED + TURNED_SPAN / 2, TURNED + TURNED_SPAN + 1, 40.0)
    strengths = [corrector.strength(pose_portrait(portrait, Pose(rotation=rotation_matrix(yaw=yaw)))) for yaw in yaws]
    assert strengths[0] == strengths[1] == 1
    assert 0.3 < strengths[2] < 0.7
    assert strengths[3] == strengths[4] == 0
    tilted = pose_portrait(portrait, Pose(rotation=rotation_matrix(roll=25.0)))
    assert corrector.strength(tilted) == 1  # crops follow a tilt


def test_a_head_turned_far_is_the_engines_to_the_last_bit(portrait: Portrait) -> None:
    turned = Pose(rotation=rotation_matrix(yaw=30.0))
    assert not changed(portrait, turned, answering(head=0.2, mouth=0.02, eyes=0.02)).any()


def test_the_open_eye_of_a_wink_is_left_alone(portrait: Portrait, pose_of: Callable[..., Pose]) -> None:
    corrector = Corrector(answering(), portrait)
    for shut, still in (("Left", 2), ("Right", 1)):
        other = "Right" if shut == "Left" else "Left"
        # the other eye narrows a little, as it does in a wink
        wink = pose_of(portrait, **{f"eyeBlink{shut}": 1.0, f"eyeSquint{other}": 0.3, f"cheekSquint{other}": 0.3})
        strengths = corrector.detail_strengths(pose_portrait(portrait, wink))
        assert strengths[still] < 0.05
        assert strengths[3 - still] > 0.95
    blink = pose_of(portrait, eyeBlinkLeft=1.0, eyeBlinkRight=1.0)
    assert (corrector.detail_strengths(pose_portrait(portrait, blink))[1:] > 0.95).all()


@pytest.mark.parametrize("paint", [0.02, 0.3])
def test_no_square_is_seen_around_the_mouth(portrait: Portrait, pose_of: Callable[..., Pose], paint: float) -> None:
    """A network that lightens its whole crop: a weak one ends softly, a strong one is not believed."""
    pose = pose_of(portrait, jawOpen=0.3)
    change = changed(portrait, pose, answering(mouth=paint))
    lips = change[around(portrait, pose, (13, 14), 4)].mean()
    assert (lips > 0) == (paint < 0.1)
    steps = max(np.abs(np.diff(change, axis=axis)).max() for axis in (0, 1))
    assert steps <= 0.15 * lips


def test_what_lies_before_the_face_is_left_alone(sitter: Sitter) -> None:
    found = find_spectacles(sitter.srgb, sitter.landmarks)
    assert found is not None
    portrait = prepare(sitter.source, sitter.landmarks, sitter.matte, rigid=found)
    without = prepare(sitter.source, sitter.landmarks, sitter.matte)
    pose = Pose(rotation=rotation_matrix(yaw=4.0), translation=np.array([0.05, 0, 0]))
    nets = answering(head=0.1)
    shown = next(patch for patch in pose_portrait(portrait, pose).patches if patch.anywhere)
    x, y = shown.origin
    h, w = shown.coverage.shape
    inside = shown.coverage > 0.9
    kept = changed(portrait, pose, nets)[y : y + h, x : x + w][inside]
    lost = changed(without, pose, nets)[y : y + h, x : x + w][inside]
    assert np.median(kept) < 0.2 * np.median(lost)
