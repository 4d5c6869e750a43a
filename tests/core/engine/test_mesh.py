"""The head's mesh and the skin it fills from the other half."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from gioconda import landmarks as lm
from gioconda.engine import Portrait, prepare, render
from gioconda.engine.kernels import planes
from gioconda.engine.mesh import OUTER, build_mesh
from gioconda.engine.mirrored_skin import find_symmetry_fill
from gioconda.pose import Pose, head_pose, rotation_matrix

from tests.sitters import Sitter


def test_no_vertex_stands_out_from_its_neighbours(portrait: Portrait) -> None:
    """A rim of ears that alternates in depth becomes a zigzag when the head turns."""
    mesh = portrait.mesh
    triangles = mesh.triangles[mesh.region == OUTER]
    depth, count, total = mesh.bind_pose[:, 2], np.zeros(len(mesh.bind_pose)), np.zeros(len(mesh.bind_pose))
    for a, b in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        np.add.at(total, triangles[:, a], depth[triangles[:, b]])
        np.add.at(count, triangles[:, a], 1)
    behind = depth[lm.COUNT :] - (total / np.maximum(count, 1))[lm.COUNT :]
    assert behind[count[lm.COUNT :] > 0].max() < 0.25 * portrait.pose.scale


def turned(size: int, yaw: float) -> npt.NDArray[np.float64]:
    """Landmarks, (478, 3) pixels, of an average face in the middle of a picture."""
    head = lm.template() @ rotation_matrix(yaw=yaw).T
    return np.asarray(head * 200 / np.ptp(head[:, 1]) + [size / 2, size / 2, 0])


def test_a_face_takes_nothing_from_beside_the_person() -> None:
    """Where the landmarks lie outside the person, all that comes into view is filled from the other half."""
    size = 480
    points = turned(size, 25.0)
    far = points[: lm.FACE_POINTS, 0] > size / 2
    edge = np.quantile(points[: lm.FACE_POINTS, 0][far], 0.8)
    matte = np.zeros((size, size), np.float32)
    matte[:, : int(edge)] = 1
    symmetry = find_symmetry_fill(points, matte, np.ones((size, size, 4), np.float32))
    beside = points[: lm.FACE_POINTS, 0] > edge + 4
    assert beside.sum() > 20
    assert symmetry.weight[beside].min() == 1
    assert symmetry.weight[points[: lm.FACE_POINTS, 0] < size / 2 - 40].max() < 0.05


def test_the_occluded_rim_of_a_turned_face_is_filled_once_the_head_turns() -> None:
    """In its place the picture shows cheek: without a loan that is a bright line along the contour."""
    size = 480
    everyone, grey = np.ones((size, size), np.float32), np.ones((size, size, 4), np.float32)
    points = turned(size, 40.0)
    symmetry = find_symmetry_fill(points, everyone, grey)
    oval = np.array(lm.OVAL)
    rim = oval[symmetry.occluded[oval] > 0.9]
    unstretched = np.ones(lm.FACE_POINTS)
    assert 8 <= len(rim) <= len(oval) / 2
    assert symmetry.fill_weight(unstretched, 1.0)[rim].min() > 0.9
    assert symmetry.fill_weight(unstretched, 0.0).max() == 0, "a head that has hardly moved must not jump"
    assert symmetry.fill_weight(np.zeros(lm.FACE_POINTS), 0.0).max() == 0, "what an expression stretches is its own"
    assert find_symmetry_fill(turned(size, 0.0), everyone, grey).occluded.max() < 0.1


def test_a_person_cut_by_the_border_stays_on_it(small: Sitter) -> None:
    """Cropped through hair and shoulders, the head moves inwards: nothing of the background comes in at the border."""
    top = int(small.landmarks[lm.FOREHEAD, 1] * 0.85)
    bottom = int(small.landmarks[lm.CHIN, 1] + 0.3 * (small.landmarks[lm.CHIN, 1] - small.landmarks[lm.FOREHEAD, 1]))
    source, matte = (np.ascontiguousarray(each[top:bottom]) for each in (small.source, small.matte))
    portrait = prepare(source, small.landmarks - [0, top, 0], matte)
    down, up = (
        render(portrait, Pose(translation=np.array([0, way, 0.0])), passes=("Matte",)).passes["Matte"][..., 0]
        for way in (0.25, -0.25)
    )
    for moved, row in ((down, 0), (up, -1)):
        middle = matte[row] > 0.99
        assert middle.sum() > 20
        assert (moved[row][middle] > 0.95).mean() > 0.9


def test_a_border_that_cuts_nobody_holds_nothing(small: Sitter) -> None:
    shifted = small.landmarks.astype(np.float64)
    padded = np.pad(small.matte, ((0, 200), (0, 0)))
    padded[-300:] = 0
    mesh = build_mesh(shifted, head_pose(shifted), padded)
    assert mesh.held.shape == (len(mesh.rigid), 4)
    assert mesh.held[:, 3].max() < 1e-3


def test_a_sliver_does_not_take_its_colour_from_afar() -> None:
    """A sample beside a pixel's centre may lie in a triangle that is thinner than a pixel: a dot, black or white."""
    position = np.array([[10.0, 10.0], [30.0, 10.001], [20.0, 10.003], [10.0, 30.0]])
    values = np.array([[10.0, 10.0], [30.0, 10.0], [20.0, 14.0], [10.0, 30.0]])
    thin, large = planes(position, np.array([[0, 1, 2], [0, 1, 3]], np.int32), values).astype(np.float64)
    beside = thin @ [1.0, 20.5, 10.5]
    assert (np.abs(beside - [20.5, 11]) < 6).all()
    assert np.allclose(large @ [1.0, 10.0, 30.0], [10, 30], atol=1e-4), "others are exact at their corners"
