"""What a turned face hides: no second cheek comes out beside it when the head turns back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Portrait, pose_portrait, prepare, render
from gioconda.engine.frame import Band
from gioconda.engine.mesh import OUTER, build_mesh
from gioconda.imaging.draw import fill_polygon
from gioconda.pose import Pose, head_pose, rotation_matrix
from scipy.ndimage import distance_transform_edt

SIZE, FACE_PX = 480, 150.0
SKIN, HAIR = (0.0, 0.8, 0.0), (0.8, 0.0, 0.0)


def sitter(yaw: float, hair_px: float = 90.0) -> Portrait:
    """A green face turned by so many degrees, red hair around it, a blue wall; grain, so that it is no drawing."""
    head = lm.template() @ rotation_matrix(yaw=yaw).T
    landmarks = head * FACE_PX / np.ptp(head[:, 1]) + [SIZE / 2, SIZE / 2, 0]
    mesh = build_mesh(landmarks, head_pose(landmarks), np.ones((SIZE, SIZE), np.float32))
    face = np.zeros((SIZE, SIZE), bool)
    for triangle in mesh.bind_pose[mesh.triangles[mesh.region != OUTER], :2]:
        face |= fill_polygon(triangle, SIZE, SIZE) > 0.01
    person = distance_transform_edt(~face) < hair_px
    source = np.ones((SIZE, SIZE, 4), np.float32)
    source[..., :3] = np.where(face[..., None], SKIN, np.where(person[..., None], HAIR, (0.0, 0.0, 0.5)))
    source[..., :3] *= np.random.default_rng(0).normal(1, 0.06, (SIZE, SIZE, 1)).clip(0.8, 1.2)
    return prepare(source, landmarks, person.astype(np.float32))


def skin_beside_the_face(portrait: Portrait, pose: Pose) -> int:
    """Pixels of skin that are not the face's, nor next to it."""
    posed = pose_portrait(portrait, pose)
    band = Band(posed, 0, SIZE, {})
    outer = (band.buffer.triangle >= 0) & (portrait.mesh.region[band.buffer.triangle] == OUTER)
    picture = render(portrait, pose, passes=("Combined",), smooth_edges=False).passes["Combined"]
    return int(((distance_transform_edt(outer) > 2) & (picture[..., 1] > 0.4)).sum())


@pytest.mark.parametrize("yaw", [-38.0, 38.0])
def test_no_second_cheek_comes_out(yaw: float) -> None:
    portrait = sitter(yaw)
    back = Pose(rotation=rotation_matrix(yaw=-0.6 * yaw))
    assert skin_beside_the_face(replace(portrait, occluded=None), back) > 800
    assert skin_beside_the_face(portrait, back) < 30


def test_what_is_hidden_is_hair_where_there_is_hair_and_the_background_where_there_is_none() -> None:
    back = Pose(rotation=rotation_matrix(yaw=-22.8))
    for hair_px, red in ((90.0, True), (6.0, False)):
        portrait = replace(sitter(38.0, hair_px), hull=None)  # the back of the head would stand before the background
        bare = replace(portrait, occluded=None)
        passes = ("Combined", "Matte", "Confidence")
        after, before = (render(p, back, passes=passes, smooth_edges=False).passes for p in (portrait, bare))
        cheek = (before["Combined"][..., 1] > 0.4) & (after["Combined"][..., 1] < 0.1)
        assert cheek.sum() > 800
        shown = after["Combined"][cheek]
        assert ((shown[:, 0] > 0.4) == red).mean() > 0.9
        assert not red or np.median(after["Confidence"][cheek]) < 0.5
        assert (after["Matte"][cheek, 0] > 0.5).mean() > 0.9 if red else (after["Matte"][cheek, 0] < 0.5).mean() > 0.9


def test_it_comes_with_the_turn_not_at_once() -> None:
    portrait = sitter(38.0)
    still = render(portrait, Pose(), passes=("Combined",)).passes["Combined"]
    change = [
        float(np.abs(render(portrait, Pose(rotation=rotation_matrix(yaw=-angle))).passes["Combined"] - still).mean())
        for angle in (0.01, 0.1, 1.0)
    ]
    assert change[0] < 1e-4
    assert change == sorted(change)


def test_a_face_seen_from_the_front_hides_nothing() -> None:
    assert sitter(0.0).occluded is None
