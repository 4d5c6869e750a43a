"""Rendered heads: the landmark table, the fit, eyes and lids, light, what is drawn, the flow that is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gioconda import landmarks as lm
from gioconda.errors import InputError
from gioconda.imaging.color import display_srgb
from gioconda.neural.crops import Crop
from gioconda.neural.features import View
from gioconda.pose import HeadPose, fit_similarity, rotation_matrix
from gioconda.training.rendered import correspondence, flow, head, light, pairs, render, texture
from gioconda.training.shards import VIEWS, Pair, write_shard
from gioconda.training.sources import Source

if TYPE_CHECKING:
    from gioconda.training.rendered.head import HeadModel, Person
    from gioconda.training.rendered.texture import Mesh

KIT = Path(__file__).parents[4] / "shared/data/ict_facekit"
SIDE = 256

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not KIT.exists(), reason="needs ../shared/data/ict_facekit")]


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return head.HeadModel.load(KIT / "ict_facekit.npz")


@pytest.fixture(scope="module")
def mesh(model: HeadModel) -> Mesh:
    return texture.head_mesh(model)


@pytest.fixture(scope="module")
def person(model: HeadModel) -> Person:
    """The kit's own neutral head, 9 pixels a centimetre, in the middle of a picture of SIDE pixels."""
    shape = model.neutral.astype(np.float64)
    pose = HeadPose(9.0, np.eye(3), np.array([SIDE / 2, SIDE / 2 - 10, 0]))
    return head.Person(model, shape, np.zeros(len(model.names)), pose, np.zeros((2, 2)), 0.58)


@pytest.fixture(scope="module")
def still() -> np.ndarray:
    """(SIDE, SIDE, 3) smooth stripes around the colour of skin."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    stripes = 0.1 * np.sin(20 * x + 9 * y)[..., None] + 0.05 * np.sin(31 * y)[..., None]
    return (np.array([0.45, 0.3, 0.24]) + stripes).astype(np.float32)


@pytest.fixture(scope="module")
def textured(person: Person, mesh: Mesh, still: np.ndarray) -> render.TexturedHead:
    points = person.landmarks(person.vertices(person.weights, person.gaze), person.pose)
    made = render.texture_head(person, mesh, still, points, np.random.default_rng(3))
    plain = light.Light(made.light.shape, made.light.lamp, np.zeros(3))
    return render.TexturedHead(person, mesh, made.texture, made.inner, made.eyes, plain, 1.0)


def state_of(person: Person, **channels: float) -> render.HeadState:
    return render.HeadState(person.model.weights(channels), person.gaze, person.pose, np.zeros(3))


def test_the_landmarks_on_the_kits_head_are_where_the_template_has_them(model: HeadModel) -> None:
    found = head.on_mesh(model.neutral, model.landmark_vertices, model.landmark_weights)
    template = lm.template()[: lm.FACE_POINTS]
    missed = np.linalg.norm(fit_similarity(found, template).to_picture(found) - template, axis=1)
    assert np.median(missed) < 0.06  # of the distance between the outer eye corners: two faces differ by as much
    assert missed.max() < 0.25


def test_the_table_is_what_its_maker_finds(model: HeadModel) -> None:
    marks = np.array(json.loads((KIT / "vertex_indices.json").read_text())["idx_to_landmark_verts"], np.int32)
    vertices, landmark_weights = correspondence.find_correspondence(model.neutral.astype(float), model.triangles, marks)
    assert (vertices == model.landmark_vertices).all()
    assert np.abs(landmark_weights - model.landmark_weights).max() < 1e-4


def test_a_head_is_found_again_from_its_landmarks(model: HeadModel, person: Person) -> None:
    rng = np.random.default_rng(0)
    shape = person.shape + np.tensordot(rng.normal(0, 0.8, 20), model.identity[:20], 1)
    pose = HeadPose(12.0, rotation_matrix(yaw=9, pitch=-4, roll=3), np.array([200.0, 180, 0]))
    other = head.Person(model, shape, model.weights({"jawOpen": 0.5}), pose, np.full((2, 2), 0.1), 0.6)
    points = other.landmarks(other.vertices(other.weights, other.gaze), pose)
    found = head.fit_person(model, points)
    again = found.landmarks(found.vertices(found.weights, found.gaze), found.pose)
    apart = np.linalg.norm((again - points)[:, :2], axis=1) / np.linalg.norm(points[33] - points[263])
    assert apart.max() < 0.02
    assert found.weights[model.names.index("jawOpen")] == pytest.approx(0.5, abs=0.15)
    assert found.gaze == pytest.approx(other.gaze, abs=0.12)  # the eyes' depth is not seen
    turned = np.degrees(np.arccos((np.trace(found.pose.rotation @ pose.rotation.T) - 1) / 2))
    assert turned < 3


def test_a_file_that_is_no_head_is_named(tmp_path: Path) -> None:
    (tmp_path / "head.npz").write_bytes(b"nothing")
    with pytest.raises(InputError, match="head.npz"):
        head.HeadModel.load(tmp_path / "head.npz")


def test_closed_lids_meet_before_the_eyeball_and_go_no_further(person: Person) -> None:
    squinting = person.model.weights(
        {f"{kind}{side}": 1.0 for kind in ("eyeBlink", "eyeSquint", "cheekSquint") for side in ("Left", "Right")}
    )
    closed = person.vertices(squinting, person.gaze)
    points = person.landmarks(closed, person.pose) / person.pose.scale
    for upper, lower in (((160, 159, 158), (144, 145, 153)), ((387, 386, 385), (373, 374, 380))):
        assert abs((points[list(lower), 1] - points[list(upper), 1]).mean()) < 0.15  # cm
    for first, last in head.EYEBALLS:
        centre, radius = head.eyeball(person.shape[first:last])
        away = closed[: head.SKIN] - centre
        before = away[:, 2] < -0.4 * radius
        assert np.linalg.norm(away[before], axis=1).min() > radius


def test_eyes_turn_about_their_middle(person: Person) -> None:
    ahead = person.landmarks(person.vertices(person.weights, np.zeros((2, 2))), person.pose)
    aside = person.landmarks(person.vertices(person.weights, np.array([[0.4, 0], [0.4, 0.2]])), person.pose)
    for iris, down in ((468, 0.0), (473, 0.2)):
        moved = aside[iris] - ahead[iris]
        assert moved[0] / person.pose.scale == pytest.approx(1.35 * np.sin(0.4) * np.cos(down), rel=0.15)
        assert moved[1] / person.pose.scale == pytest.approx(1.35 * np.sin(down), rel=0.15, abs=0.02)
    assert np.array_equal(aside[: lm.FACE_POINTS], ahead[: lm.FACE_POINTS])


def test_light_is_told_from_shading_and_changes_as_the_surface_turns() -> None:
    rng = np.random.default_rng(0)
    normals = rng.normal(0, 1, (4000, 3)) * [1, 1, 0.7]
    normals[:, 2] = -np.abs(normals[:, 2])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    shading = 1 + 0.4 * normals @ np.array([0.6, -0.5, -0.62])
    albedo = np.where(rng.random(4000) < 0.15, 0.3, 1.0)  # brows and beard
    shape = light.estimate_light(normals, 0.4 * shading * albedo, np.ones(4000))
    lit = light.Light(shape, np.array([0.0, 0, -1]), np.zeros(3))
    change = lit.change(normals, normals[::-1])[:, 0]
    true = np.clip(shading[::-1] / shading, light.DARKEST, light.BRIGHTEST)
    assert np.median(np.abs(change - true)) < 0.03
    assert lit.change(normals, normals) == pytest.approx(1)


def test_the_stills_own_look_is_the_still(textured: render.TexturedHead, still: np.ndarray) -> None:
    own = render.draw(textured, state_of(textured.person), still)
    points = textured.person.landmarks(
        textured.person.vertices(textured.person.weights, textured.person.gaze), textured.person.pose
    )
    x, y = points[[205, 425, 151, 199, 50, 280], :2].astype(int).T  # cheeks, forehead, chin
    assert np.abs(own[y, x] - still[y, x]).max() < 0.02
    outside = np.hypot(*(np.mgrid[:SIDE, :SIDE] - SIDE / 2)) > 0.45 * SIDE
    assert np.abs(own - still)[outside].max() < 0.01


def test_an_open_mouth_shows_teeth_and_dark_and_a_blink_covers_the_eye(
    textured: render.TexturedHead, still: np.ndarray
) -> None:
    person = textured.person
    wide = state_of(person, jawOpen=0.8, mouthUpperUpLeft=0.7, mouthUpperUpRight=0.7, mouthLowerDownLeft=0.5)
    picture = render.draw(textured, wide, still)
    points = person.landmarks(wide.head(person), wide.pose)
    rows = slice(int(points[13, 1]) + 1, int(points[14, 1]))
    mouth = picture[rows, int(points[13, 0])].mean(1)
    assert mouth.min() < 0.1 < 0.22 < mouth.max()
    open_, shut = (
        render.draw(textured, state_of(person, **how), still)
        for how in ({}, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    )
    x, y = points[468, :2].astype(int)
    assert open_[y, x].mean() < 0.1  # the pupil
    assert shut[y - 1, x].mean() > 0.2  # the lid


def test_the_same_seed_draws_the_same_picture(textured: render.TexturedHead, still: np.ndarray) -> None:
    states = [pairs.random_states(textured.person, 2, np.random.default_rng(5), turn=10)[1] for _ in range(2)]
    first, second = (render.draw(textured, state, still) for state in states)
    assert first.tobytes() == second.tobytes()
    assert display_srgb(first).shape == (SIDE, SIDE, 3)


def test_the_flow_says_how_far_the_right_colour_is(textured: render.TexturedHead) -> None:
    person, mesh = textured.person, textured.mesh
    placed = person.pose.to_picture(state_of(person).head(person))
    source, target = (flow.Surface.of(placed + [by, 0, 0], mesh, SIDE, SIDE) for by in (0, 5))
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) + 0.5
    still_standing = np.stack([x, y, np.ones_like(x)], axis=2)
    crop = Crop.around(person.landmarks(person.shape, person.pose)[13, :2], 80, 64, along=np.array([1.0, 0]))
    found = flow.true_flow(crop, source, target, mesh, still_standing)
    known = found[..., 2] > 0
    assert known.mean() > 0.5
    assert np.median(found[known][:, 0]) == pytest.approx(-5 / 80, abs=1e-3)
    assert np.abs(found[known][:, 1]).max() < 0.01


def test_a_shard_without_the_head_keeps_the_other_views_and_the_flow(tmp_path: Path) -> None:
    views = tuple(View(np.zeros((s, s, 7), np.float32), np.zeros((s // 2, s // 2, 16), np.float32)) for s in (8, 4, 4))
    targets = tuple(np.zeros((s, s, 3), np.float32) for s in (8, 4, 4))
    flows = tuple(np.full((s // 2, s // 2, 3), 0.25, np.float32) for s in (8, 4, 4))
    pair = Pair(views, targets, np.zeros(17, np.float32), np.zeros((478, 2), np.float32), flows)
    write_shard(tmp_path, [pair], np.zeros((8, 8, 4), np.float32), {"source": "rendered/a", "side": "train"})
    assert sorted(path.stem for path in tmp_path.glob("flow_*.npy")) == sorted(f"flow_{view}" for view in VIEWS[1:])
    assert np.load(tmp_path / "flow_mouth.npy").shape == (1, 4, 4, 3)
    assert not (tmp_path / "colours_head.npy").exists()


def test_stills_with_glasses_and_folders_nobody_looked_through_are_left_out() -> None:
    names = ("congress/house_adam-kinzinger", "congress/house_al-green", "voteview/someone", "clips/someone")
    sources = [Source(Path(f"{name}.jpg"), name, name, "train") for name in names]
    assert [source.name for source in pairs.chosen(sources, 0)] == ["congress/house_adam-kinzinger"]
