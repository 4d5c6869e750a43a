"""All 478 points from a few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda import landmarks
from gioconda.errors import MotionError
from gioconda.landmarks import ARKIT, IBUG68, NAMED, template
from gioconda.motion import blendshapes
from gioconda.motion.densify import densify, is_sparse
from gioconda.motion.files import load_motion
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.pose import euler_degrees, head_pose, rotation_matrix


def talking(count: int = 20) -> np.ndarray:
    """(F, 478, 3) pixels of a face that opens its mouth, lifts its brows and turns."""
    t = np.linspace(0, 1, count)
    channels = np.zeros((count, 52), np.float32)
    channels[:, ARKIT.index("jawOpen")] = 0.6 * np.sin(np.pi * t)
    channels[:, ARKIT.index("browInnerUp")] = 0.8 * t
    faces = template() * [1.05, 0.95, 1.0] + blendshapes.displacement(channels)
    return np.array(
        [160 * f @ rotation_matrix(15 * k, 5 * k).T + 256 for f, k in zip(faces, t, strict=True)], np.float32
    )


def only(points: np.ndarray, known: list[int]) -> Motion:
    sparse = np.full_like(points, np.nan)
    sparse[:, known, :2] = points[:, known, :2]
    return Motion(25, np.arange(len(points)), landmarks=sparse)


@pytest.mark.parametrize(
    ("known", "limit"), [(list(IBUG68), 0.02), (list(NAMED.values()), 0.03), ([33, 263, 4, 61, 291, 13, 14, 152], 0.06)]
)
def test_the_whole_face_follows_from_a_few_points(known: list[int], limit: float) -> None:
    points = talking()
    motion = only(points, known)
    assert is_sparse(motion)
    dense = densify(motion).landmarks
    error = np.linalg.norm((dense - points)[..., :2], axis=2) / 160  # type: ignore[operator]
    assert error.mean() < limit
    assert error[:, known].mean() < 0.02


def test_the_head_turns_as_it_did() -> None:
    points = talking()
    dense = densify(only(points, list(IBUG68))).landmarks
    np.testing.assert_allclose(euler_degrees(head_pose(dense[-1]).rotation)[:2], (15, 5), atol=3)  # type: ignore[index]


def test_frames_without_a_face_stay_missing_and_are_bridged_when_retargeted() -> None:
    points = talking()
    motion = only(points, list(IBUG68))
    motion.landmarks[5:7] = np.nan  # type: ignore[index]
    assert np.isnan(densify(motion).landmarks[5:7]).all()  # type: ignore[index]
    performance = retarget(motion, points[0])
    assert performance.notes["frames_interpolated"] == 2
    assert performance.notes["points_measured"] == 68
    assert np.isfinite(performance.displacement).all()


@pytest.mark.parametrize("known", [[4], [33, 263], [10, 168, 4, 152]])
def test_points_that_cannot_tell_a_pose_are_refused(known: list[int]) -> None:
    with pytest.raises(MotionError, match="at least three"):
        densify(only(talking(), known))


def test_a_mesh_without_irises_gets_them() -> None:
    points = talking()
    points[:, landmarks.FACE_POINTS :] = np.nan
    motion = Motion(25, np.arange(len(points)), landmarks=points)
    dense = densify(motion).landmarks
    assert np.isfinite(dense).all()  # type: ignore[arg-type]
    iris, corners = dense[:, 468], dense[:, [33, 133]].mean(1)  # type: ignore[index]
    assert np.linalg.norm(iris[:, :2] - corners[:, :2], axis=1).max() < 0.1 * 160


def test_a_real_openface_table_drives_a_portrait(shared_data: Path) -> None:
    motion = load_motion(shared_data / "motion/openface68/OpenFace_Test.csv")
    performance = retarget(motion, template() * 200 + 300)
    assert len(performance) == 100
    assert np.isfinite(performance.displacement).all()
    assert np.abs(performance.displacement).max() < 0.5
