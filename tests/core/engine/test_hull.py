"""The back of the head: it comes with the turn, stands before the background, and tells the passes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Portrait, hull_texture, pose_portrait, prepare, render, render_rows
from gioconda.engine.hull import Upright, _backs
from gioconda.engine.hull_frame import pose_hull
from gioconda.pose import HeadPose, Pose, rotation_matrix

SIZE = 360
FACE_PX = 150
WALL, SKIN, HAIR = (0.02, 0.02, 0.6), (0.5, 0.35, 0.25), (0.3, 0.02, 0.02)


@cache
def sitter(yaw: float = 0.0, hair_to: float = 20) -> Portrait:
    """A drawing: red hair on an ellipse, to so many pixels below its middle, a face turned by `yaw` degrees, a neck, a
    blue wall."""
    head = lm.template()
    landmarks = head * FACE_PX / np.ptp(head[: lm.FACE_POINTS, 1]) @ rotation_matrix(yaw=yaw).T
    landmarks = landmarks + [SIZE / 2, 0.45 * SIZE, 0]
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    middle = landmarks[list(lm.OVAL), :2].mean(0) - [0, 12]
    away = ((x - middle[0]) / 88) ** 2 + ((y - middle[1]) / 105) ** 2
    neck = (abs(x - middle[0]) < 50) & (y > middle[1])
    hair = ((away < 1) & (y < middle[1] + hair_to)).astype(np.float32)
    person = np.maximum(away < 1, neck).astype(np.float32)
    inner = ((x - middle[0]) / 62) ** 2 + ((y - middle[1] - 20) / 85) ** 2 < 1
    source = np.ones((SIZE, SIZE, 4), np.float32)
    source[..., :3] = np.where(person[..., None] > 0, SKIN, WALL)
    source[(hair > 0) & ~inner, :3] = HAIR
    grain = np.random.default_rng(0).normal(1, 0.05, (SIZE, SIZE, 1)).clip(0.8, 1.2)
    source[..., :3] *= grain
    return prepare(source, landmarks, person, hair=hair * ~inner)


def turned(yaw: float) -> Pose:
    return Pose(rotation=rotation_matrix(yaw=yaw))


@pytest.mark.parametrize("yaw", [-35.0, 35.0])
def test_hair_stands_where_the_wall_would_be_seen(yaw: float) -> None:
    portrait = sitter()
    bare = replace(portrait, hull=None)
    after, before = (render(p, turned(yaw), passes=("Combined", "Matte")).passes for p in (portrait, bare))
    gained = (after["Matte"][..., 0] > 0.9) & (before["Matte"][..., 0] < 0.1)
    assert gained.sum() > 800
    red, _, blue = after["Combined"][gained][:, :3].T
    assert (red > blue).mean() > 0.98
    x = np.nonzero(gained)[1]
    assert ((x < SIZE / 2) == (yaw > 0)).mean() > 0.95  # on the side that comes into view


def test_a_head_that_is_turned_already_has_no_made_up_far_cheek() -> None:
    turned_already, hardly = sitter(20.0, -45).hull, sitter(10.0, -45).hull
    assert turned_already is not None and hardly is not None
    assert len(turned_already.triangles) < 0.6 * len(hardly.triangles)
    nose = sitter(20.0, -45).pose.rotation @ [0, 0, -1]
    towards = turned_already.normals[turned_already.triangles].mean(1)[:, 0] * np.sign(nose[0])
    assert (towards > 0.5).mean() < 0.02, "nothing is left that looks to where the nose points"
    assert sitter(33.0).hull is None


def test_skin_in_shade_is_not_taken_for_a_wall_of_nearly_its_colour() -> None:
    skin, hair = np.sqrt(np.float32(SKIN)), np.sqrt(np.float32(HAIR))
    kinds = hull_texture._Kinds(*np.zeros((2, 1, 1), np.bool_), np.zeros((1, 1), np.float32), (hair, skin))
    wall = np.full((40, 40, 3), (0.55, 0.5, 0.45), np.float32)
    ear, gap = np.full_like(wall, 0.7 * skin), wall + np.float32(0.01)
    assert hull_texture._background_caught(ear, wall, kinds, 200).max() < 0.05
    assert hull_texture._background_caught(gap, wall, kinds, 200).min() > 0.9


def test_the_back_of_a_head_has_a_round_crown_and_a_neck() -> None:
    y = np.linspace(-1.6, 1.4, 61)
    spiky = np.where(y < -0.15, 0.9 * np.clip((y + 1.6) / 1.45, 0, 1) ** 2, 0.9)
    upright = Upright.of(HeadPose(100.0, np.eye(3), np.zeros(3)))
    left, right = _backs(y, -spiky, spiky, upright, np.array([False, True]))
    crown, jaw = y < -0.3, (y > 0.85) & (y < 1.2)
    assert (right[crown] - spiky[crown]).max() > 0.15 and (right[crown] >= spiky[crown]).all()
    assert -left[jaw].max() < 0.7, "a neck is narrower than a jaw"
    np.testing.assert_allclose(right[jaw], 0.9, err_msg="where hair hangs it goes on")


def test_what_faces_the_viewer_fills_holes_of_a_turned_head() -> None:
    portrait = sitter()
    hull, rest = portrait.hull, portrait.pose
    assert hull is not None
    assert pose_hull(hull, rest, Pose(translation=np.array([0.1, 0, 0])), (SIZE, SIZE), (None, None)) is None
    posed = pose_hull(hull, rest, turned(20), (SIZE, SIZE), (None, None))
    assert posed is not None
    front = (hull.normals @ turned(20).rotation.T)[:, 2] < -0.8
    assert posed.values[front, 3].min() > 0.95


def test_it_comes_with_the_turn_not_at_once() -> None:
    portrait = sitter()
    still = render(portrait, Pose()).passes["Combined"]
    change = []
    for yaw in (0.01, 0.1, 1.0, 5.0):
        now = render(portrait, turned(yaw)).passes["Combined"]
        change.append(float(np.abs(now - still).mean()))
    assert change[0] < 1e-4
    assert change == sorted(change)


def test_passes_say_what_is_the_hulls() -> None:
    portrait, pose = sitter(), turned(30.0)
    names = ("Combined", "Matte", "UV", "Depth", "Hair", "Face", "Body", "Confidence", "Vector")
    passes = render(portrait, pose, passes=names).passes
    bare = render(replace(portrait, hull=None), pose, passes=names).passes
    hull = (passes["Matte"][..., 0] > 0.99) & (bare["Matte"][..., 0] < 0.01)
    person = bare["Matte"][..., 0] > 0.99
    assert hull.sum() > 300
    assert np.median(passes["Confidence"][hull]) < 0.3
    assert np.median(passes["Hair"][hull]) > 0.9
    total = sum(passes[name][..., 0] for name in ("Face", "Hair", "Body"))
    assert np.abs(total - passes["Matte"][..., 0])[hull].max() < 1e-3
    # it lies behind the face, before the wall
    assert np.median(passes["Depth"][hull]) > np.median(passes["Depth"][person])
    assert passes["Depth"][hull].max() < passes["Depth"][passes["Matte"][..., 0] == 0].min() + 1e-6
    # the picture there is hair, as the frame is
    x = (passes["UV"][hull][:, 0] * SIZE).astype(int).clip(0, SIZE - 1)
    y = ((1 - passes["UV"][hull][:, 1]) * SIZE).astype(int).clip(0, SIZE - 1)
    assert (portrait.source[y, x, 0] > portrait.source[y, x, 2]).mean() > 0.95


def test_vectors_point_to_where_the_hull_was() -> None:
    portrait = sitter()
    posed = pose_portrait(portrait, turned(30.0), previous=turned(28.0))
    assert posed.hull is not None
    shown = render_rows(posed, 0, SIZE, passes=("Vector", "Matte")).passes
    still = render(replace(portrait, hull=None), turned(30.0), passes=("Matte",)).passes["Matte"]
    hull = (shown["Matte"][..., 0] > 0.99) & (still[..., 0] < 0.01)
    before = pose_portrait(portrait, turned(28.0)).hull
    assert before is not None
    offset = before.position - posed.hull.position
    assert np.abs(shown["Vector"][hull][:, 0]).max() <= np.abs(offset[:, 0]).max() + 1e-3
    assert np.abs(shown["Vector"][hull][:, 0]).mean() > 0.5


def test_bands_have_the_same_pixels() -> None:
    posed = pose_portrait(sitter(), turned(-25.0))
    names = ("Combined", "Matte", "UV", "Confidence", "Hair")
    whole = render_rows(posed, 0, SIZE, passes=names).passes
    for row, rows in ((0, 7), (101, 64), (SIZE - 33, 33)):
        part = render_rows(posed, row, rows, passes=names).passes
        for name in names:
            assert np.array_equal(part[name], whole[name][row : row + rows]), name


def test_shoulders_follow_as_far_as_asked() -> None:
    portrait = sitter()
    outer = portrait.mesh.outer
    body = portrait.mesh.bind_pose[outer]
    low = (portrait.mesh.rigid < 0.5) & (np.abs(body[:, 0] - SIZE / 2) < 50) & (body[:, 1] < SIZE - 10)
    assert low.any()
    still = pose_portrait(portrait, turned(20.0)).position[outer]
    moved = []
    for share in (0.2, 1.0):
        follows = pose_portrait(portrait, replace(turned(20.0), shoulders=share)).position[outer]
        moved.append(float(np.abs(follows[low] - still[low]).max()))
        beyond = body[:, 1] > SIZE
        assert np.allclose(follows[beyond], still[beyond])  # it does not come off the border
    assert 0.2 < moved[0] < moved[1]
