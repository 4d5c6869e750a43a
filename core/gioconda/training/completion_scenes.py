"""What completion learns from: places with and without people, small; and holes shaped like people laid over them.

A still shows its place only beside its person: that part alone is ever a target. A clip of a resting camera shows more
of it: what other frames show where this one shows the person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import InputError
from ..face.nets import Nets
from ..face.region import Region
from ..face.segmenter import BELOW, BODY
from ..files import whole_file
from ..imaging import resample
from ..imaging.color import display_srgb
from ..imaging.image import read_picture
from ..imaging.video import read_frames, video_info
from ..neural.background import SIZE, guesses
from .sources import CLIPS, HELD_OUT, TRAIN, find_sources, load_splits

Byte = npt.NDArray[np.uint8]
Float32 = npt.NDArray[np.float32]
Batch = tuple[Tensor, Tensor, Tensor]  # see `batch_of`

PERSON = 25  # of 255: from this probability on a pixel may be person and teaches nothing
FRAMES = 40  # of a clip, that its place is put together from
SHOWN = 4  # of them, that become scenes
STILL_CAMERA = 6.0  # of 255: how far the place may change in a clip of a resting camera


@dataclass(frozen=True)
class Scenes:
    """Small pictures, SIZE × SIZE, and what is known of the places they show.

    Attributes:
        picture: (N, SIZE, SIZE, 3) uint8, sRGB.
        person: (N, SIZE, SIZE) uint8, probability of person.
        place: (N, SIZE, SIZE, 3) uint8, the place as far as it is known.
        known: (N, SIZE, SIZE) uint8, 0 or 1.
        name, side: (N,) where each is from; TRAIN or HELD_OUT.
    """

    picture: Byte
    person: Byte
    place: Byte
    known: Byte
    name: npt.NDArray[np.str_]
    side: npt.NDArray[np.str_]

    def of(self, side: str) -> Scenes:
        """Those of one side of the split."""
        chosen = self.side == side
        return Scenes(*(getattr(self, each)[chosen] for each in self.__dataclass_fields__))


def open_scenes(data: Path, kept: Path, nets: Nets, *, only: str = "") -> Scenes:
    """The scenes of a folder of clips and stills, made once and kept in the file `kept`.

    only: files whose names begin so.

    Raises:
        InputError: there is nothing to learn from.
    """
    if not kept.exists():
        made = [scene for scene in _scenes(data, nets) if scene[4].startswith(only)]
        if not made:
            raise InputError(f"There is nothing to learn from in {data}: it should hold clips, congress, artflow …")
        columns = zip(*made, strict=True)
        arrays = {name: np.stack(column) for name, column in zip(Scenes.__dataclass_fields__, columns, strict=True)}
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(kept) as part, part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
    with np.load(kept, allow_pickle=False) as file:
        return Scenes(**{name: file[name] for name in Scenes.__dataclass_fields__})


def _scenes(data: Path, nets: Nets) -> Iterator[tuple[Byte, Byte, Byte, Byte, str, str]]:
    for source in find_sources(data):
        if source.path.suffix in CLIPS:
            yield from ((*each, source.name, source.side) for each in _of_clip(source.path, nets))
        else:
            yield *_of_still(source.path, nets), source.name, source.side
    every = int(load_splits()["stills"]["held_out_every"])
    for path in sorted((data / "artflow").glob("*.jpg")):
        held_out = int(hashlib.sha256(path.stem.encode()).hexdigest()[:8], 16) % every == 0
        yield *_of_still(path, nets), f"artflow/{path.stem}", HELD_OUT if held_out else TRAIN


def _of_still(path: Path, nets: Nets) -> tuple[Byte, Byte, Byte, Byte]:
    srgb = _small(display_srgb(read_picture(path).pixels))
    person = _person(srgb, nets)
    known = ~resample.dilate(person >= PERSON, 0.012 * SIZE)
    return srgb, person, srgb, known.astype(np.uint8)


def _of_clip(path: Path, nets: Nets) -> Iterator[tuple[Byte, Byte, Byte, Byte]]:
    """A few frames; their place is the median of what the other frames show of it. Nothing where the camera moves."""
    count = max(video_info(path).frames, 1)
    wanted = set(np.linspace(0, min(count, 900) - 1, FRAMES).astype(int).tolist())
    frames = [_small(frame) for k, frame in enumerate(read_frames(path, stop=max(wanted) + 1)) if k in wanted]
    persons = [_person(frame, nets) for frame in frames]
    stack = np.stack(frames).astype(np.float32)
    hidden = np.stack([resample.dilate(person >= PERSON, 0.02 * SIZE) for person in persons])
    stack[hidden] = np.nan
    seen = (~hidden).sum(0)
    known = seen >= 4
    stack[:, ~known] = 0
    place = np.nanmedian(stack, axis=0)
    spread = np.nanmedian(np.abs(stack - place), axis=0).max(-1)
    if not known.any() or np.percentile(spread[known], 90) > STILL_CAMERA:
        return
    known &= spread < 2 * STILL_CAMERA
    for k in np.linspace(0, len(frames) - 1, SHOWN).astype(int):
        yield frames[k], persons[k], place.astype(np.uint8), known.astype(np.uint8)


def _small(srgb: Byte) -> Byte:
    """The picture's largest square from its top, SIZE × SIZE: heads are there."""
    height, width = srgb.shape[:2]
    side = min(height, width)
    left = (width - side) // 2
    return np.asarray(resample.resize(np.ascontiguousarray(srgb[:side, left : left + side]), SIZE, SIZE), np.uint8)


def _person(srgb: Byte, nets: Nets) -> Byte:
    """Probability of person in a square picture, (SIZE, SIZE)."""
    face = SIZE / BODY  # so that the closer look is at the whole picture
    answer = nets.segmenter.person(srgb, Region(SIZE / 2, SIZE / 2 - BELOW * face, face))
    return np.asarray(np.round(255 * resample.resize(answer, SIZE, SIZE, method="linear")), np.uint8)


# Holes ---------------------------------------------------------------------------------------------------------------


def batches(scenes: Scenes, size: int, seed: int) -> Iterator[Batch]:
    """Endless batches: scenes drawn, mirrored, cut, recoloured, with a hole each."""
    rng = np.random.default_rng(seed)
    while True:
        yield batch_of([draw(scenes, int(rng.integers(len(scenes.side))), rng) for _ in range(size)])


def held_out_batches(scenes: Scenes, size: int, most: int) -> list[Batch]:
    """Always the same scenes with the same holes, unchanged otherwise."""
    rng = np.random.default_rng(0)
    chosen = np.linspace(0, len(scenes.side) - 1, min(most, len(scenes.side))).astype(int)
    items = [draw(scenes, int(k), rng, change=False) for k in chosen]
    return [batch_of(items[k : k + size]) for k in range(0, len(items), size)]


def batch_of(items: list[tuple[Float32, Float32, Float32]]) -> Batch:
    """guesses (N, 3 · GUESSES, SIZE, SIZE); hole (N, 1, …); the place and how much each pixel counts (N, 4, …)."""
    columns = [np.stack(column).transpose(0, 3, 1, 2) for column in zip(*items, strict=True)]
    picture, hole, wanted = (torch.from_numpy(np.ascontiguousarray(column, np.float32)) for column in columns)
    return picture, hole, wanted


def draw(
    scenes: Scenes, index: int, rng: np.random.Generator, *, change: bool = True
) -> tuple[Float32, Float32, Float32]:
    """One scene with a hole: guesses (SIZE, SIZE, 3 · GUESSES), hole (…, 1), place and how much it counts (…, 4)."""
    own = resample.dilate(scenes.person[index] >= PERSON, float(rng.uniform(0.004, 0.03)) * SIZE)
    hole = own | _shape(scenes, index, rng)
    place, known = scenes.place[index].astype(np.float32) / 255, scenes.known[index]
    picture = scenes.picture[index].astype(np.float32) / 255
    target = (known > 0) & hole
    if change:
        picture, place = _recoloured([picture, place], rng)
        matrix, mirror = _window(rng), rng.random() < 0.5
        picture, place = (_cut(each, matrix, mirror) for each in (picture, place))
        hole, target = (_cut(each.astype(np.float32), matrix, mirror) > 0.5 for each in (hole, target))
    made = guesses(picture, hole)
    # what lies close to the rim comes into view first and most often
    near = np.exp(-resample.distance_inside(hole) / (0.06 * SIZE))
    weight = target * (0.25 + near)
    return made, hole[..., None].astype(np.float32), np.dstack([place, weight]).astype(np.float32)


def _shape(scenes: Scenes, index: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """A hole like a person: the scene's own, moved and grown a little, or somebody else's, moved at will."""
    own = rng.random() < 0.6
    other = index if own else int(rng.integers(len(scenes.side)))
    scale = rng.uniform(1.0, 1.35) if own else rng.uniform(0.5, 1.2)
    shift = rng.uniform(-0.16, 0.16, 2) if own else rng.uniform(-0.5, 0.5, 2)
    centre = SIZE / 2
    matrix = np.array([[1 / scale, 0, centre - centre / scale], [0, 1 / scale, centre - centre / scale]])
    matrix[:, 2] -= shift * SIZE / scale
    return _cut((scenes.person[other] >= 128).astype(np.float32), matrix, False) > 0.5


def _window(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A part of the scene, (2, 3), output to input; pictures of any shape are squeezed into the square."""
    scale = rng.uniform(0.6, 1.0, 2)
    left, top = rng.uniform(0, 1, 2) * (1 - scale) * SIZE
    return np.array([[scale[0], 0, left], [0, scale[1], top]])


def _cut(image: Float32, matrix: npt.NDArray[np.float64], mirror: bool) -> Float32:
    cut = resample.warp_affine(np.ascontiguousarray(image), matrix, SIZE, SIZE, method="linear")
    return np.ascontiguousarray(cut[:, ::-1] if mirror else cut)


def _recoloured(pictures: list[Float32], rng: np.random.Generator) -> list[Float32]:
    """Other light and tints, the same for all."""
    gain = np.exp(rng.uniform(-0.3, 0.3) + rng.uniform(-0.2, 0.2, 3)).astype(np.float32)
    power, order = np.float32(np.exp(rng.uniform(-0.3, 0.3))), rng.permutation(3)
    return [np.clip(each[..., order] ** power * gain, 0, 1.5) for each in pictures]
