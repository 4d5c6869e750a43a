"""Makes training pairs with the engine, as it ships: frame pairs from clips, cycle pairs from stills.

Clips: frame i is the portrait, the clip's own tracked face drives it, frame j is what it should look like.
Stills: the portrait is moved away by a random motion and the moved picture, as a new portrait, is moved back: every
artefact of moving is in the result, and the still is what it should look like.
"""

from __future__ import annotations

import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from .. import native
from ..engine import Portrait, pose_portrait, prepare, render_rows
from ..errors import GiocondaError
from ..face.analyse import analyse
from ..face.matte import estimate_matte
from ..face.nets import Nets
from ..face.region import around_landmarks
from ..face.tracker import track_video
from ..imaging import resample
from ..imaging.color import display_srgb, srgb_table
from ..imaging.encoding import encode
from ..imaging.image import read_picture
from ..imaging.video import read_frames
from ..job.job import LARGEST
from ..job.retarget import RetargetSettings
from ..motion.motion import Motion
from ..motion.retarget import retarget
from ..neural import features
from ..neural.crops import FAST, Sizes
from ..pose import Pose, head_pose, rotation_matrix
from .shards import ABOUT, Pair, write_shard
from .sources import CLIPS, Source

Bytes = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PairSettings:
    """How many pairs of what."""

    seed: int = 0
    portraits: int = 8  # frames of a clip that become the portrait
    targets: int = 24  # frames a clip's portrait is driven to
    window: int = 220  # frames of a clip around the portrait's that it is driven by
    cycles: int = 3  # motions a still is moved away by
    turn: float = 15.0  # degrees of yaw a still is turned by at most
    sizes: Sizes = FAST  # of the squares the networks will see; pictures are cut out as large as the file has them,
    # from the size of the head's square to twice that


def make_pairs_in_processes(
    sources: list[Source], models: Path | None, out: Path, settings: PairSettings, workers: int
) -> None:
    """`make_pairs`, by so many processes with one thread each. models: the folder of the face nets."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_open, initargs=(models,)) as pool:
        waiting = [pool.submit(_one, source, out, settings) for source in sources]
        for done, future in enumerate(as_completed(waiting), start=1):
            future.result()
            LOG.info("%d of %d files", done, len(sources))


def _open(models: Path | None) -> None:
    native.set_threads(1)
    _NETS.append(Nets.open(models, "cpu", threads=1))


def _one(source: Source, out: Path, settings: PairSettings) -> None:
    make_pairs([source], _NETS[0], out, settings)


_NETS: list[Nets] = []  # of a worker process


def make_pairs(sources: list[Source], nets: Nets, out: Path, settings: PairSettings) -> None:
    """Everything that is not there yet. Broken files are told and passed over."""
    for source in sources:
        try:
            if source.path.suffix in CLIPS:
                _from_clip(source, nets, out, settings)
            else:
                _from_still(source, nets, out, settings)
        except GiocondaError as error:
            LOG.warning("%s: %s", source.name, error)


# --- clips ----------------------------------------------------------------------------------------------------------


def _from_clip(source: Source, nets: Nets, out: Path, settings: PairSettings) -> None:
    rng = np.random.default_rng([settings.seed, len(source.name), sum(source.name.encode())])
    if all((out / source.name / f"{k:02}" / ABOUT).exists() for k in range(settings.portraits)):
        return
    motion = track_video(source.path, nets, resample=False)
    frames = list(read_frames(source.path))
    assert motion.landmarks is not None
    whole = np.flatnonzero(~np.isnan(motion.landmarks).any((1, 2)))
    chosen = rng.choice(whole, settings.portraits, replace=False)
    for k, index in enumerate(chosen):
        folder = out / source.name / f"{k:02}"
        if not (folder / ABOUT).exists():
            pairs, still = _clip_pairs(frames, motion, int(index), whole, nets, rng, settings)
            _write(folder, source, pairs, still, {"frame": int(index)})


def _clip_pairs(
    frames: list[Bytes],
    motion: Motion,
    index: int,
    whole: npt.NDArray[np.intp],
    nets: Nets,
    rng: np.random.Generator,
    settings: PairSettings,
) -> tuple[list[Pair], features.Still]:
    assert motion.landmarks is not None
    first = max(0, min(index - settings.window // 2, len(frames) - settings.window))
    part = motion.between(int(motion.frames[first]), int(motion.frames[min(first + settings.window, len(frames)) - 1]))
    square = square_around(motion.landmarks[index])
    portrait = prepare_portrait(cut_square(frames[index], square, settings.sizes), nets)
    at_rest = features.still(portrait, settings.sizes)
    performance = retarget(part, portrait.landmarks, RetargetSettings(neutral=index - first, lock_scale=False))
    others = [int(j) for j in whole if first <= j < first + len(part) and j != index]
    pairs = []
    for j in rng.choice(others, min(settings.targets, len(others)), replace=False):
        target = srgb_table("uint8")[cut_square(frames[j], square, settings.sizes)]
        pairs.append(pair_of(portrait, at_rest, performance[int(j) - first], target))
    return pairs, at_rest


def square_around(points: npt.NDArray[np.floating]) -> tuple[int, int, int]:
    """Left, top and side of a square around a face, twice its size: it may reach outside the picture."""
    low, high = points[: lm.FACE_POINTS, :2].min(0), points[: lm.FACE_POINTS, :2].max(0)
    side = 2 * float((high - low).max())
    left, top = (low + high) / 2 - side / 2 - [0, 0.05 * side]
    return round(float(left)), round(float(top)), round(side)


def cut_square(frame: Bytes, square: tuple[int, int, int], sizes: Sizes = FAST) -> Bytes:
    """The square of a picture, its border repeated, at the size the file has it, within what `PairSettings` says."""
    left, top, side = square
    height, width = frame.shape[:2]
    x, y = np.clip(np.arange(left, left + side), 0, width - 1), np.clip(np.arange(top, top + side), 0, height - 1)
    size = int(np.clip(side, sizes.head, 2 * sizes.head))
    cut: Bytes = resample.resize(frame[y][:, x], size, size, method="area" if side > size else "cubic")
    return cut


# --- stills ---------------------------------------------------------------------------------------------------------


def _from_still(source: Source, nets: Nets, out: Path, settings: PairSettings) -> None:
    folder = out / source.name
    if (folder / "00" / ABOUT).exists():
        return
    rng = np.random.default_rng([settings.seed, len(source.name), sum(source.name.encode())])
    srgb = display_srgb(read_picture(source.path).pixels)
    portrait = prepare_portrait(cut_square(srgb, square_around(analyse(srgb, nets).landmarks), settings.sizes), nets)
    motion = random_motion(settings.cycles, rng, turn=settings.turn)
    calm = RetargetSettings(neutral="rest", neutralise=float(rng.choice([0.0, 0.5, 1.0])))
    performance = retarget(motion, portrait.landmarks, calm)
    for k in range(settings.cycles):
        away = moved(portrait, performance[k], nets)
        at_rest = features.still(away, settings.sizes)
        pair = pair_of(away, at_rest, pose_back_to(away, portrait.landmarks), portrait.source[..., :3])
        _write(folder / f"{k:02}", source, [pair], at_rest, {"cycle": k})


def moved(portrait: Portrait, pose: Pose, nets: Nets) -> Portrait:
    """The portrait moved, as a portrait of its own: its matte is the moved one, its face is found anew."""
    posed = pose_portrait(portrait, pose)
    passes = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    picture = passes["Combined"].copy()
    srgb = display_srgb(picture)
    region = around_landmarks(posed.position[: lm.COUNT].astype(np.float64))
    points, _ = nets.landmarker.predict_with_mirror(srgb, region)
    return prepare(picture, points, np.clip(passes["Matte"][..., 0], 0, 1).copy())


def pose_back_to(moved: Portrait, points: Float) -> Pose:
    """The pose that puts the landmarks of a moved portrait back to `points`, (478, 3) pixels."""
    rest, there = moved.pose, head_pose(points)
    rotation = there.rotation @ rest.rotation.T
    return Pose(
        there.to_head(points) - moved.head,
        rotation,
        (there.translation - rest.translation) / rest.scale,
        there.scale / rest.scale,
    )


def random_motion(count: int, rng: np.random.Generator, *, turn: float) -> Motion:
    """Frames without connection: expressions as faces make them, some exaggerated, and turned heads."""
    channels = np.zeros((count, len(lm.ARKIT)), np.float32)
    for row in channels:
        for names, low, high, likely in _HABITS:
            if rng.random() < likely:
                strength = rng.uniform(low, high)
                for name in names:
                    row[lm.ARKIT.index(name)] += strength * rng.uniform(0.8, 1.0)
    angles = rng.normal(0, 0.5, (count, 3)).clip(-1, 1) * [turn, 0.6 * turn, 0.5 * turn]
    return Motion(
        fps=25,
        frames=np.arange(count, dtype=np.int32),
        channels=channels.clip(0, 1),
        channel_names=lm.ARKIT,
        rotation=np.stack([rotation_matrix(*a) for a in angles]),
        translation=rng.normal(0, 0.05, (count, 3)) * [1, 1, 0],
    )


def _both(name: str) -> tuple[str, str]:
    return f"{name}Left", f"{name}Right"


# channels that go together, how far (low, high), how often
_HABITS: tuple[tuple[tuple[str, ...], float, float, float], ...] = (
    (("jawOpen",), 0.05, 0.7, 0.55),
    (_both("eyeBlink"), 0.2, 1.0, 0.45),
    (_both("mouthSmile"), 0.1, 0.8, 0.3),
    (("mouthPucker",), 0.1, 0.8, 0.15),
    (("mouthFunnel",), 0.1, 0.7, 0.15),
    (_both("mouthLowerDown"), 0.1, 0.6, 0.25),
    (_both("mouthUpperUp"), 0.1, 0.5, 0.2),
    (_both("mouthStretch"), 0.1, 0.5, 0.15),
    (_both("mouthPress"), 0.1, 0.6, 0.15),
    (_both("mouthFrown"), 0.1, 0.6, 0.12),
    (("mouthRollLower", "mouthRollUpper"), 0.1, 0.5, 0.12),
    (("browInnerUp", *_both("browOuterUp")), 0.1, 0.7, 0.25),
    (_both("browDown"), 0.1, 0.7, 0.2),
    (_both("eyeSquint"), 0.1, 0.7, 0.2),
    (_both("eyeWide"), 0.1, 0.7, 0.12),
    (("eyeLookOutLeft", "eyeLookInRight"), 0.1, 0.7, 0.2),
    (("eyeLookInLeft", "eyeLookOutRight"), 0.1, 0.7, 0.2),
    (_both("eyeLookUp"), 0.1, 0.6, 0.12),
    (_both("eyeLookDown"), 0.1, 0.6, 0.15),
    (_both("cheekSquint"), 0.1, 0.6, 0.15),
)


# --- both -----------------------------------------------------------------------------------------------------------


def portrait_in(srgb: Bytes, nets: Nets) -> Portrait:
    """The largest face of a picture (H, W, 3) as a portrait of its own, no larger than pairs are made of."""
    return prepare_portrait(cut_square(srgb, square_around(analyse(srgb, nets, face=LARGEST).landmarks)), nets)


def prepare_portrait(srgb: Bytes, nets: Nets) -> Portrait:
    """A picture (H, W, 3) made ready the way `gioconda animate` does it."""
    found = analyse(srgb, nets)
    picture = np.ones((*srgb.shape[:2], 4), np.float32)
    picture[..., :3] = srgb_table("uint8")[srgb]
    return prepare(picture, found.landmarks, estimate_matte(srgb, found.person, found.landmarks))


def pair_of(portrait: Portrait, at_rest: features.Still, pose: Pose, target: Float32) -> Pair:
    """target: (H, W, 3) scene-linear."""
    posed = pose_portrait(portrait, pose)
    passes = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    views = features.frame_views(portrait, at_rest, posed, passes["Combined"], passes["Matte"][..., 0])
    crops = features.frame_crops(portrait, at_rest, posed)
    targets = tuple(encode(crop.cut(target), at_rest.gain) for crop in crops)
    points = crops[0].to_crop(posed.position[: lm.COUNT]) / crops[0].size
    return Pair(views, targets, features.numbers(portrait, posed), points.astype(np.float32))


def _write(folder: Path, source: Source, pairs: list[Pair], at_rest: features.Still, more: dict[str, int]) -> None:
    about = {"source": source.name, "person": source.person, "side": source.side, **more}
    write_shard(folder, pairs, at_rest.head_rgba, about)
    LOG.info("%s: %d pairs", folder, len(pairs))
