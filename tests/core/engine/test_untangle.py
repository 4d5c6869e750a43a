"""No expression turns a piece of skin inside out, on any face; and what does not fold stays where it was put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from gioconda import landmarks as lm
from gioconda.engine.refinement import FACE, refinement
from gioconda.engine.untangle import displaced_face
from gioconda.face.nets import Nets
from gioconda.face.search import find_faces
from gioconda.imaging.color import choose_display, display_srgb
from gioconda.imaging.image import read_picture
from gioconda.imaging.resample import fit
from gioconda.job.retarget import RetargetSettings
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.pose import head_pose, rotation_matrix

Float = npt.NDArray[np.float64]
SEEN = 2e-6  # twice a fold's area, head units: a tenth of a pixel where the eyes are 300 apart


def expressions(count: int) -> Motion:
    """At rest, then `count` frames with one to eight channels at once, whether they go together or not."""
    random = np.random.default_rng(12)
    values = np.zeros((count + 1, len(lm.ARKIT)), np.float32)
    for row in values[1:]:
        chosen = random.choice(len(lm.ARKIT), random.integers(1, 9), replace=False)
        row[chosen] = random.uniform(0.3, 1.0, len(chosen))
    return Motion(24.0, np.arange(count + 1), channels=values, channel_names=lm.ARKIT, neutral=0)


def areas(face: Float, rotation: Float) -> Float:
    """Twice the signed area of the skin's triangles as the portrait shows them, positive towards the camera."""
    on_skin = np.r_[0 : lm.FACE_POINTS, lm.COUNT : len(face)]
    points = (face @ rotation.T)[on_skin][:, :2]
    skin = refinement().triangles[refinement().region == FACE]
    a, b, c = (points[skin[:, k]] for k in range(3))
    return np.asarray((b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) - (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]))


def folded(landmarks: Float, motion: Motion) -> tuple[int, int]:
    """How many triangles fold over in all frames of a motion, and how many would if nothing kept them from it."""
    pose = head_pose(landmarks)
    head, face = pose.to_head(landmarks), refinement()
    still = areas(displaced_face(head, pose.rotation, np.zeros((lm.COUNT, 3))), pose.rotation)
    towards = still > 1e-6
    kept = free = 0
    for each in retarget(motion, landmarks, RetargetSettings(neutral=0)).displacement.astype(np.float64):
        now = areas(displaced_face(head, pose.rotation, each), pose.rotation)
        kept += int((now[towards] < -SEEN).sum())
        finer = face.at_rest @ head[: lm.FACE_POINTS] + (face.moved @ each[: lm.FACE_POINTS])[lm.FACE_POINTS :]
        free += int((areas(np.concatenate([head + each, finer]), pose.rotation)[towards] < -SEEN).sum())
    return kept, free


@pytest.mark.parametrize("yaw", [0.0, 25.0])
def test_no_triangle_folds_over(yaw: float) -> None:
    """An average face, a broad one and a narrow one with thin lips, from the front and from the side."""
    for shape in ((1.0, 1.0, 1.0), (1.2, 0.9, 1.0), (0.85, 1.15, 1.1)):
        face = lm.template() * shape
        lips = face[[*lm.LIPS_OUTER, *lm.LIPS_INNER], 1]
        if shape[0] < 1:
            face[[*lm.LIPS_OUTER, *lm.LIPS_INNER], 1] = lips.mean() + 0.6 * (lips - lips.mean())
        kept, free = folded(300 * face @ rotation_matrix(yaw=yaw).T + [500, 500, 0], expressions(60))
        assert free > 500, "the expressions must be hard enough to tell"
        assert kept == 0


@pytest.mark.slow
def test_no_triangle_folds_over_on_the_shared_portraits(shared_data: Path, models_folder: Path) -> None:
    nets, motion, seen, bad = Nets.open(models_folder, "cpu", threads=1), expressions(60), 0, {}
    for path in sorted((shared_data / "portraits").iterdir()):
        if path.suffix not in (".jpg", ".png"):
            continue
        pixels = fit(read_picture(path).pixels, 1024)
        for face in find_faces(display_srgb(pixels, exposure=choose_display(pixels)), nets)[:1]:
            kept, _ = folded(face.landmarks.astype(np.float64), motion)
            seen += 1
            if kept:
                bad[path.stem] = kept
    assert seen > 25
    assert not bad


def test_what_does_not_fold_is_where_it_was_put() -> None:
    head, rotation = lm.template(), rotation_matrix(yaw=10)
    still = displaced_face(head, rotation, np.zeros((lm.COUNT, 3)))
    assert np.allclose(still[: lm.COUNT], head, atol=1e-12)
    shift = np.tile([0.01, -0.02, 0.03], (lm.COUNT, 1))
    assert np.allclose(displaced_face(head, rotation, shift), still + shift[0], atol=1e-9)


def test_a_face_goes_over_into_a_fold_without_a_jump() -> None:
    """A small step of a hard expression is a small step of the face."""
    motion = expressions(12)
    pulled = retarget(motion, 300 * lm.template() + [500, 500, 0], RetargetSettings(neutral=0)).displacement
    for each in pulled[1:].astype(np.float64):
        steps = [displaced_face(lm.template(), np.eye(3), share * each) for share in np.linspace(0, 1, 41)]
        fastest = max(float(np.abs(each).max()), 0.02) / 40
        assert max(np.abs(b - a).max() for a, b in zip(steps, steps[1:], strict=False)) < 6 * fastest


def test_a_cheek_that_lifts_does_not_bulge_out_of_a_turned_heads_outline() -> None:
    head, lifted = lm.template(), np.zeros((lm.COUNT, 3))
    cheek = 425  # of the person's left side
    lifted[cheek, 2] = -0.1  # towards the front

    def outwards(yaw: float) -> float:
        rotation = rotation_matrix(yaw=yaw)
        moved = displaced_face(head, rotation, lifted) - displaced_face(head, rotation, np.zeros_like(lifted))
        return float(np.linalg.norm((moved @ rotation.T)[cheek, :2]))

    assert outwards(0) < 1e-3
    seen_from_the_side, free = outwards(40), 0.1 * np.sin(np.radians(40))
    assert 0.1 * free < seen_from_the_side < 0.7 * free
    assert outwards(-40) > 0.8 * free, "the near side faces the camera and moves as it does"
