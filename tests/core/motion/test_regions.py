"""Regions of the face, and the head's rigid motion."""

from __future__ import annotations

import numpy as np
import pytest
from gioconda import landmarks
from gioconda.landmarks import template
from gioconda.motion import head_motion, regions
from gioconda.pose import head_pose, rotation_matrix


def test_the_regions_share_every_point_out_completely() -> None:
    masks = regions.masks()
    np.testing.assert_allclose(sum(masks.values()), 1, atol=1e-5)
    assert masks["brows"][105] > 0.9
    assert masks["mouth"][landmarks.LIP_TOP] > 0.9
    assert masks["jaw"][landmarks.CHIN] > 0.9
    assert masks["lids left"][386] > 0.9 and masks["lids right"][386] < 0.05
    assert masks["gaze"][473] == 1


def test_gains_of_one_change_nothing_to_the_bit() -> None:
    moved = np.random.default_rng(0).normal(size=(3, 478, 3)).astype(np.float32) * 0.02
    before = moved.copy()
    regions.apply_gains(moved, jaw=1, lips=1, brows=1, lids=1, gaze=1)
    np.testing.assert_array_equal(moved, before)


def test_the_face_makes_small_motions_that_the_head_does_not() -> None:
    face, own = template(), rotation_matrix(5, 2, 1)
    turn = np.stack([np.eye(3), rotation_matrix(yaw=1.0)])
    wanted = head_motion.HeadTrack(np.ones(2), turn, np.array([[0, 0, 0], [0.01, 0, 0]]))
    still = head_motion.HeadTrack(np.ones(2), np.tile(np.eye(3), (2, 1, 1)), np.zeros((2, 3)))
    moved = np.zeros((2, 478, 3), np.float32)
    head_motion.compensate(moved, face, own, wanted, still)
    assert not moved[0].any()
    shown, asked = (face + moved[1]) @ own.T, face @ (turn[1] @ own).T + wanted.translation[1]
    assert np.abs(shown - asked).max() < 1e-5


def test_all_frames_at_once_give_the_same_poses_as_one_by_one() -> None:
    faces = np.stack(
        [150 * template() @ rotation_matrix(a, -a / 2, a / 3).T + [200 + a, 100, a] for a in (-30.0, 0.0, 25.0)]
    )
    track = head_motion.track_head(faces)
    for i, face in enumerate(faces):
        one = head_pose(face)
        assert track.scale[i] == pytest.approx(one.scale)
        np.testing.assert_allclose(track.rotation[i], one.rotation, atol=1e-9)
        np.testing.assert_allclose(track.translation[i], one.translation, atol=1e-6)


def test_quick_head_motion_survives_smoothing_and_jitter_does_not() -> None:
    from gioconda.motion.smoothing import savitzky_golay

    rng = np.random.default_rng(1)
    shift = rng.normal(size=(60, 3)) * 0.001
    shift[30:, 0] += 0.3  # between two frames
    raw = head_motion.HeadTrack(np.ones(60), np.tile(np.eye(3), (60, 1, 1)), shift)
    kept = raw.fast_motions_onto(raw.smoothed(savitzky_golay))
    assert kept.translation[30, 0] > 0.27 and kept.translation[29, 0] < 0.03
    assert kept.translation[:25].std() < 0.75 * shift[:25].std()
