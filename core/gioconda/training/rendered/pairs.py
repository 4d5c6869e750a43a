"""Rendered training pairs: one person's still becomes a head; two looks of it are a portrait and what it should become.

The first look is a portrait as a user would bring it: its face is found anew. The engine drives it to the landmarks
found in the second. Only mouth and eyes are kept: around the face both looks are the still moved by the engine itself
(the kit's head is bald), from which nothing is to be learned.
"""

from __future__ import annotations

import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ... import landmarks as lm
from ...engine import Portrait, pose_portrait, prepare, render_rows
from ...errors import GiocondaError
from ...face.analyse import analyse
from ...face.nets import Nets
from ...face.region import around_landmarks
from ...imaging.color import display_srgb, srgb_table
from ...imaging.encoding import encode
from ...imaging.image import read_picture
from ...neural import features
from ...neural.crops import FAST, Sizes
from ...pose import HeadPose, euler_degrees, head_pose
from ..pairs import cut_square, pose_back_to, prepare_portrait, random_motion, square_around
from ..shards import ABOUT, Pair, write_shard
from ..sources import Source
from .flow import Surface, true_flow, where_moved
from .head import HeadModel, Person, fit_person
from .render import HeadState, TexturedHead, draw, texture_head
from .texture import Mesh, head_mesh

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

LOG = logging.getLogger(__name__)
LOOKED_THROUGH = "congress/"  # see left_out.txt
MOST_TURNED = 14.0  # degrees of yaw of a still: what it hides is more than can be invented
SMALLEST = 70.0  # pixels between the eyes' outer corners
LEAST_COLOUR = 0.02  # mean spread of red, green and blue: engravings and old photographs are no skin
MOST_MISSED = 0.05  # of the inter-ocular distance, median: the face found in a look is not the one drawn
FARTHEST_GAZE = 0.6  # radians


@dataclass(frozen=True)
class RenderedSettings:
    """How many pairs of what."""

    seed: int = 0
    portraits: int = 2  # looks that become the portrait
    targets: int = 4  # looks that each of them is driven to
    turn: float = 12.0  # degrees of yaw at most
    most: int = 0  # stills; 0: all
    sizes: Sizes = FAST  # of the squares the networks see


@dataclass(frozen=True)
class StillHead:
    """A still with everything that was made of it."""

    portrait: Portrait
    textured: TexturedHead


@dataclass(frozen=True)
class RenderedView:
    """One look, drawn: (H, W, 3) scene-linear, the person's matte (H, W), the landmarks found in it, the head in it."""

    picture: Float32
    matte: Float32
    points: Float
    surface: Surface


def make_rendered_in_processes(
    sources: list[Source], kit: Path, models: Path | None, out: Path, settings: RenderedSettings, workers: int
) -> int:
    """`make_rendered`, by so many processes with one thread each. models: the folder of the face nets.

    Raises: InputError: the kit cannot be read.
    """
    fit = chosen(sources, settings.seed)
    share = replace(settings, most=-(-settings.most // workers))
    parts = [(fit[k::workers], kit, models, out, share) for k in range(workers)]
    if workers == 1:
        return _make(parts[0])
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return sum(pool.map(_make, parts))


def _make(work: tuple[list[Source], Path, Path | None, Path, RenderedSettings]) -> int:
    sources, kit, models, out, settings = work
    return make_rendered(sources, kit, Nets.open(models, "cpu", threads=1), out, settings)


def make_rendered(sources: list[Source], kit: Path, nets: Nets, out: Path, settings: RenderedSettings) -> int:
    """Every still that serves and is not there yet. The number of stills made. Others are told and passed over."""
    model = HeadModel.load(kit)
    mesh = head_mesh(model)
    made = 0
    for source in chosen(sources, settings.seed):
        if settings.most and made >= settings.most:
            break
        try:
            made += _from_still(source, model, mesh, nets, out, settings)
        except GiocondaError as error:
            LOG.warning("%s: %s", source.name, error)
    return made


def chosen(sources: list[Source], seed: int) -> list[Source]:
    """The stills of a folder that has been looked through, without those left out there, in random order."""
    text = resources.files(__package__).joinpath("left_out.txt").read_text(encoding="utf-8")
    left_out = {line for line in text.splitlines() if not line.startswith("#")}
    fit = [s for s in sources if s.name.startswith(LOOKED_THROUGH) and s.path.stem not in left_out]
    return [fit[k] for k in np.random.default_rng(seed).permutation(len(fit))]


def _from_still(
    source: Source, model: HeadModel, mesh: Mesh, nets: Nets, out: Path, settings: RenderedSettings
) -> bool:
    folder = out / "rendered" / source.name
    if all((folder / f"{k:02}" / ABOUT).exists() for k in range(settings.portraits)):
        return True
    rng = np.random.default_rng([settings.seed, len(source.name), sum(source.name.encode())])
    sitter = sitter_of(source.path, model, mesh, nets, rng, sizes=settings.sizes)
    if sitter is None:
        LOG.info("%s: not a still that serves", source.name)
        return False
    for k in range(settings.portraits):
        pairs, at_rest = _pairs(sitter, nets, rng, settings)
        if pairs:
            about = {"source": f"rendered/{source.name}", "person": source.person, "side": source.side, "look": k}
            write_shard(folder / f"{k:02}", pairs, at_rest.head_rgba, about)
            LOG.info("%s: %d pairs", folder / f"{k:02}", len(pairs))
    return True


def sitter_of(
    path: Path, model: HeadModel, mesh: Mesh, nets: Nets, rng: np.random.Generator, *, sizes: Sizes
) -> StillHead | None:
    """A still as a portrait and as a head; None where too much of the face would have to be invented.

    sizes: of the squares the networks will see; the picture is cut out as large as serves them.
    """
    srgb = display_srgb(read_picture(path).pixels)
    points = analyse(srgb, nets).landmarks
    yaw = euler_degrees(head_pose(points).rotation)[0]
    wide = lm.interocular(points)
    if abs(yaw) > MOST_TURNED or wide < SMALLEST:
        return None
    cut = cut_square(srgb, square_around(points), sizes)
    picture = srgb_table("uint8")[cut].astype(np.float32)
    if float(np.ptp(picture, axis=2).mean()) < LEAST_COLOUR:
        return None
    portrait = prepare_portrait(cut, nets)
    person = fit_person(model, portrait.landmarks)
    return StillHead(portrait, texture_head(person, mesh, picture, portrait.landmarks, rng))


def _pairs(
    sitter: StillHead, nets: Nets, rng: np.random.Generator, settings: RenderedSettings
) -> tuple[list[Pair], features.Still]:
    person = sitter.textured.person
    first, *others = random_states(person, 1 + settings.targets, rng, turn=settings.turn)
    shot = render_view(sitter, first, nets)
    picture = np.ones((*shot.picture.shape[:2], 4), np.float32)
    picture[..., :3] = shot.picture
    away = prepare(picture, shot.points, shot.matte)
    at_rest = features.still(away, settings.sizes)
    pairs = []
    for state in others:
        target = render_view(sitter, state, nets)
        if _landmark_error(shot, sitter, first) < MOST_MISSED and _landmark_error(target, sitter, state) < MOST_MISSED:
            pairs.append(_pair(away, at_rest, shot, target, sitter.textured.mesh))
    return pairs, at_rest


def render_view(sitter: StillHead, state: HeadState, nets: Nets) -> RenderedView:
    """Draw a look. Around the face, the still is moved there by the engine."""
    textured, still = sitter.textured, sitter.portrait
    head = state.head(textured.person)
    wanted = textured.person.landmarks(head, state.pose)
    then = textured.person.landmarks(
        textured.person.vertices(textured.person.weights, textured.person.gaze), textured.person.pose
    )
    posed = pose_portrait(still, pose_back_to(still, still.landmarks + wanted - then))
    passes = render_rows(posed, 0, still.height, passes=("Combined", "Matte")).passes
    picture = draw(textured, state, passes["Combined"][..., :3])
    points, _ = nets.landmarker.predict_with_mirror(display_srgb(picture), around_landmarks(wanted))
    surface = Surface.of(state.pose.to_picture(head), textured.mesh, still.height, still.width)
    return RenderedView(picture, np.clip(passes["Matte"][..., 0], 0, 1).copy(), np.asarray(points, np.float64), surface)


def random_states(person: Person, count: int, rng: np.random.Generator, *, turn: float) -> list[HeadState]:
    """Looks without connection: the first calm, as portraits are, the others as `random_motion` has them."""
    motion = random_motion(count, rng, turn=turn)
    calm = rng.choice([0.0, 0.5, 1.0])
    states = []
    for k in range(count):
        assert motion.channels is not None and motion.rotation is not None and motion.translation is not None
        channels = dict(zip(motion.channel_names, motion.channels[k].astype(float), strict=True))
        strength = rng.choice([0.0, 0.4, 1.0]) if k == 0 else 1.0
        if k == 0:  # who sits for a portrait keeps the eyes open
            channels |= {name: 0.2 * value for name, value in channels.items() if name.startswith("eyeBlink")}
        weights = (1 - calm) * person.weights + strength * person.model.weights(channels)
        gaze = person.gaze * (0.5 if k else 1) + (0.3 if k == 0 else 1) * _gaze(channels, rng)
        turned = np.eye(3) + (0.5 if k == 0 else 1.0) * (motion.rotation[k] - np.eye(3))
        u, _, vt = np.linalg.svd(turned)
        pose = HeadPose(
            person.pose.scale,
            u @ vt @ person.pose.rotation,
            person.pose.translation + 4 * person.pose.scale * motion.translation[k],
        )
        tongue = np.array([0, rng.uniform(-0.1, 0.7), rng.uniform(-0.2, 0.7)])
        states.append(HeadState(weights.clip(0, 1), gaze.clip(-FARTHEST_GAZE, FARTHEST_GAZE), pose, tongue))
    return states


def _gaze(channels: dict[str, float], rng: np.random.Generator) -> Float:
    """(2, 2) radians of right and left eye, a little of it nobody asked for."""
    own = rng.normal(0, 0.06, 2)
    right = channels["eyeLookInRight"] - channels["eyeLookOutRight"]
    left = channels["eyeLookOutLeft"] - channels["eyeLookInLeft"]
    down = [channels[f"eyeLookDown{side}"] - channels[f"eyeLookUp{side}"] for side in ("Right", "Left")]
    return np.array([[0.6 * right, 0.45 * down[0]], [0.6 * left, 0.45 * down[1]]]) + own


def _landmark_error(shot: RenderedView, sitter: StillHead, state: HeadState) -> float:
    drawn = sitter.textured.person.landmarks(state.head(sitter.textured.person), state.pose)
    return float(np.median(np.linalg.norm((shot.points - drawn)[:, :2], axis=1)) / sitter.portrait.interocular)


def _pair(away: Portrait, at_rest: features.Still, source: RenderedView, target: RenderedView, mesh: Mesh) -> Pair:
    posed = pose_portrait(away, pose_back_to(away, target.points))
    passes = render_rows(posed, 0, away.height, passes=("Combined", "Matte")).passes
    views = features.frame_views(away, at_rest, posed, passes["Combined"], passes["Matte"][..., 0])
    crops = features.frame_crops(away, at_rest, posed)
    targets = tuple(encode(crop.cut(target.picture), at_rest.gain) for crop in crops[1:])
    moved = where_moved(away, posed)
    flows = tuple(true_flow(crop, source.surface, target.surface, mesh, moved) for crop in crops[1:])
    points = crops[0].to_crop(posed.position[: lm.COUNT]) / crops[0].size
    return Pair(views[1:], targets, features.numbers(away, posed), points.astype(np.float32), flows)
