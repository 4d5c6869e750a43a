"""The back of the head: it comes with the turn, stands before the background, and tells the passes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.engine import Portrait, pose_portrait, prepare, render, render_rows
from gioconda.pose import Pose, rotation_matrix

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
