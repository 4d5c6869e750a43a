"""What the processor prepares for the networks on the device: where their squares lie, geometry, numbers, strengths.

The geometry is drawn by the processor's rasteriser, as everything that needs a depth test: 1.5 MB a frame for `fast`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..engine import PosedPortrait
from ..engine.mesh import smoothstep
from ..neural import features
from ..neural.corrector import OWN, WIDE, WIDE_SPAN, Corrector
from ..neural.crops import Crop
from ..neural.network_inputs import mirrored_numbers, mirrored_place

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]
Array = npt.NDArray[np.generic]
NAMES = ("head", "mouth", "left", "right")


@dataclass(frozen=True)
class Square:
    """A square of the picture: which pixels hold it and how they become its own.

    Attributes:
        rows, columns: (h,), (w,) int32, of the picture.
        down, across: (h', h), (w', w) float32, how they are averaged.
        into: (2, 3) float64, the square's pixels → those of the average, corners at (0, 0).
    """

    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    down: Float32
    across: Float32
    into: Float
    small: tuple[int, int]


@dataclass(frozen=True)
class Looked:
    """One frame as the networks will see it, but for its colours."""

    squares: tuple[Square, ...]
    shapes: tuple[Float32, ...]
    numbers: Float32
    strengths: tuple[float, float, float, float]
    crops: Float32


def looked(corrector: Corrector, posed: PosedPortrait) -> Looked:
    """Measure a frame."""
    portrait, still = corrector.portrait, corrector.still
    crops = features.crops_now(portrait, still, posed)
    squares = tuple(_square(crop, portrait.width, portrait.height) for crop in crops)
    shapes = features.shapes(portrait, still, posed, crops)
    strength = corrector.share(posed)
    *moved, apart = features.own_movement(portrait, posed)
    lips, left, right = (float(s) for s in smoothstep(np.array(moved) / OWN))
    lips *= float(1 - smoothstep(np.array((apart - WIDE) / WIDE_SPAN)))
    into = np.stack([crop.from_picture() / crop.size for crop in crops]).astype(np.float32)
    return Looked(squares, shapes, features.numbers(portrait, posed), (strength, lips, left, right), into)


def _square(crop: Crop, width: int, height: int) -> Square:
    x0, y0, x1, y1 = crop.box(width, height)
    steps = np.hypot(crop.to_picture[:, 0], crop.to_picture[:, 1])
    wide = max(1, round((x1 - x0) / max(1.0, steps[0])))
    high = max(1, round((y1 - y0) / max(1.0, steps[1])))
    into = crop.to_picture.copy()
    into[:, 2] -= (x0, y0)
    into *= np.array([[wide / (x1 - x0)], [high / (y1 - y0)]])
    return Square(
        np.arange(y0, y1, dtype=np.int32),
        np.arange(x0, x1, dtype=np.int32),
        averaging(y1 - y0, high),
        averaging(x1 - x0, wide),
        into,
        (wide, high),
    )


def averaging(many: int, few: int) -> Float32:
    """(few, many): each row the mean over its part of `many` pixels, those cut through by how much of them it has."""
    step = many / few
    begins, ends = (np.arange(few) + k for k in (0, 1))
    cells = np.arange(many)
    covered = np.minimum(ends[:, None] * step, cells + 1) - np.maximum(begins[:, None] * step, cells)
    return np.asarray(np.clip(covered, 0, 1) / step, np.float32)


def of_portrait(corrector: Corrector) -> dict[str, Array]:
    """What stays on the device as long as the portrait does."""
    still, (x0, y0, x1, y1) = corrector.still, corrector.box
    low = still.head.to_picture[:, 2]
    high = low + still.head.to_picture[:, :2].sum(1) * still.head.size
    size = np.array([corrector.portrait.width, corrector.portrait.height])
    rest = {f"{name}_rest": picture for name, picture in zip(NAMES[1:], still.rest, strict=True)}
    return {
        "gain": np.array([still.gain], np.float32),
        "plate": _planar(still.plate[None]),
        "was": np.ascontiguousarray(still.source[None, None, ..., 3]),
        **{name: _planar(picture[None]) for name, picture in rest.items()},
        "code": corrector.code,
        "rims": np.concatenate([low > 2, high < size - 2]).astype(np.float32),
        "box_columns": np.arange(x0, x1, dtype=np.int32),
        "box_rows": np.arange(y0, y1, dtype=np.int32),
    }


def of_frames(corrector: Corrector, frames: Sequence[Looked]) -> dict[str, Array]:
    """What changes with every frame, for a batch."""
    pixels = corrector.portrait.width * corrector.portrait.height
    first = np.arange(len(frames), dtype=np.int32) * pixels
    made: dict[str, Array] = {"first": first}
    for k, name in enumerate(NAMES):
        squares = [frame.squares[k] for frame in frames]
        made |= {f"{name}_{key}": value for key, value in _joined(squares, first, corrector.portrait.width).items()}
    head, mouth, *eyes = zip(*(frame.shapes for frame in frames), strict=True)
    both = [shape for left, right in zip(*eyes, strict=True) for shape in (left, mirrored_place(right))]
    numbers = np.stack([frame.numbers for frame in frames]).astype(np.float32)
    strengths = np.array([frame.strengths for frame in frames], np.float32)
    crops = np.stack([frame.crops for frame in frames])
    return made | {
        "head_geometry": _planar(np.stack(head)),
        "mouth_geometry": _planar(np.stack(mouth)),
        "eyes_geometry": _planar(np.stack(both)),
        "numbers": numbers,
        "eyes_numbers": np.stack([numbers, mirrored_numbers(numbers)], axis=1).reshape(-1, numbers.shape[1]),
        "strength": strengths[:, :1],
        "lips_strength": strengths[:, 1:2],
        "eyes_strength": strengths[:, 2:],
        "crops": crops.reshape(len(frames), 24),
        "turns": _turns(crops).reshape(len(frames), 16),
    }


def _turns(crops: Float32) -> Float32:
    """(frames, 4, 2, 2): a step in squares' units → pixels; their axes are orthogonal and equally long."""
    linear = crops[..., :2]
    square = (linear[..., 0] ** 2).sum(-1)[..., None, None]
    return np.asarray(linear.swapaxes(-1, -2) / square, np.float32)


def _joined(squares: Sequence[Square], first: npt.NDArray[np.int32], width: int) -> dict[str, Array]:
    """The squares of a batch, padded to the same number of pixels; one average serves where all are the same."""
    rows, columns = (max(len(getattr(square, name)) for square in squares) for name in ("rows", "columns"))
    wide, high = (max(square.small[k] for square in squares) for k in (0, 1))
    same = all(
        square.down.shape == (high, rows) and square.across.shape == (wide, columns) for square in squares
    )  # averages depend on nothing else
    each = squares[:1] if same else squares
    scale = np.array([wide, high], np.float64)
    into = np.stack([2 * square.into / scale[:, None] - [[0, 0, 1], [0, 0, 1]] for square in squares])
    limit = np.stack([2 * (np.array(square.small) - 0.5) / scale - 1 for square in squares])
    return {
        "rows": np.stack([_longer(s.rows, rows) * width for s in squares]) + first[:, None],
        "columns": np.stack([_longer(s.columns, columns) for s in squares]),
        "down": np.stack([_larger(s.down, high, rows) for s in each]),
        "across": np.stack([_larger(s.across, wide, columns) for s in each]),
        "into": into.reshape(-1, 6).astype(np.float32),
        "limit": limit.astype(np.float32),
    }


def _longer(index: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int32]:
    return np.pad(index, (0, count - len(index)), mode="edge")


def _larger(matrix: Float32, high: int, wide: int) -> Float32:
    return np.pad(matrix, ((0, high - matrix.shape[0]), (0, wide - matrix.shape[1])))


def _planar(pixels: npt.NDArray[np.floating]) -> Float32:
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
