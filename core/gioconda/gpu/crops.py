"""What the processor prepares for the networks on the device: where their crops lie, geometry, numbers, strengths.

The geometry is drawn by the processor's rasteriser, as everything that needs a depth test: 1.5 MB a frame for `fast`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Array, Float, Float32, Int
from ..engine import PosedPortrait
from ..engine.network_channels import VIEWS
from ..neural import features
from ..neural.apply import fades, to_crops
from ..neural.corrector import Corrector
from ..neural.crops import Crop
from ..neural.network_inputs import channels_first, mirrored_geometry, mirrored_numbers


@dataclass(frozen=True)
class CropSampling:
    """Which pixels of the picture hold a crop, and how they become its own.

    Attributes:
        rows, columns: (h,), (w,) int32, of the picture.
        down, across: (h', h), (w', w) float32, how they are averaged.
        to_averages: (2, 3) float64, the crop's pixels → those of the averages, corners at (0, 0).
    """

    rows: Int
    columns: Int
    down: Float32
    across: Float32
    to_averages: Float

    @classmethod
    def of(cls, crop: Crop, width: int, height: int) -> CropSampling:
        x0, y0, x1, y1 = box = crop.box(width, height)
        h, w = crop.averages(box)
        return cls(
            np.arange(y0, y1, dtype=np.int32),
            np.arange(x0, x1, dtype=np.int32),
            averaging(y1 - y0, h),
            averaging(x1 - x0, w),
            crop.to_averages(box),
        )


@dataclass(frozen=True)
class FrameCrops:
    """One frame as the networks will see it, but for its colours.

    Attributes:
        sampling, geometry: of head, mouth, left and right eye.
        strengths: (4,), how much of their corrections the frame gets, then lips, left and right eye.
        to_crops: (4, 2, 3), pixels of the picture → 0..1 within each crop.
        uncovered: (size, size) in the head's crop, where nothing lies before the face.
    """

    sampling: tuple[CropSampling, ...]
    geometry: tuple[Float32, ...]
    numbers: Float32
    strengths: Float32
    to_crops: Float32
    uncovered: Float32


def measure(corrector: Corrector, posed: PosedPortrait) -> FrameCrops:
    """The processor's part of a frame for the networks."""
    portrait, still = corrector.portrait, corrector.still
    crops = features.frame_crops(portrait, still, posed)
    geometry = features.geometries(portrait, still, posed, crops)
    return FrameCrops(
        tuple(CropSampling.of(crop, portrait.width, portrait.height) for crop in crops),
        geometry,
        features.numbers(portrait, posed),
        np.array([corrector.strength(posed), *corrector.detail_strengths(posed)], np.float32),
        to_crops(crops),
        features.uncovered(still, geometry[0]),
    )


def averaging(many: int, few: int) -> Float32:
    """(few, many): each row the mean over its part of `many` pixels, those cut through by how much of them it has."""
    step = many / few
    begins, ends = (np.arange(few) + k for k in (0, 1))
    cells = np.arange(many)
    covered = np.minimum(ends[:, None] * step, cells + 1) - np.maximum(begins[:, None] * step, cells)
    return np.asarray(np.clip(covered, 0, 1) / step, np.float32)


def portrait_inputs(corrector: Corrector) -> dict[str, Array]:
    """What stays on the device as long as the portrait does."""
    still, (x0, y0, x1, y1) = corrector.still, corrector.box
    details = zip(VIEWS[1:], still.details_rgb, strict=True)
    return {
        "gain": np.array([still.gain], np.float32),
        "plate": channels_first(still.plate[None]),
        "still_matte": np.ascontiguousarray(still.head_rgba[None, None, ..., 3]),
        **{f"{name}_still": channels_first(picture[None]) for name, picture in details},
        "code": corrector.embedding,
        "fades": fades(still.head, corrector.portrait),
        "box_columns": np.arange(x0, x1, dtype=np.int32),
        "box_rows": np.arange(y0, y1, dtype=np.int32),
    }


def frame_inputs(corrector: Corrector, frames: Sequence[FrameCrops]) -> dict[str, Array]:
    """What changes with every frame, for a batch."""
    pixels = corrector.portrait.width * corrector.portrait.height
    first = np.arange(len(frames), dtype=np.int32) * pixels
    made: dict[str, Array] = {"first": first}
    for k, name in enumerate(VIEWS):
        sampling = [frame.sampling[k] for frame in frames]
        made |= {f"{name}_{key}": value for key, value in _joined(sampling, first, corrector.portrait.width).items()}
    head, mouth, *eyes = zip(*(frame.geometry for frame in frames), strict=True)
    both = [geometry for left, right in zip(*eyes, strict=True) for geometry in (left, mirrored_geometry(right))]
    numbers = np.stack([frame.numbers for frame in frames]).astype(np.float32)
    strengths = np.stack([frame.strengths for frame in frames])
    crops = np.stack([frame.to_crops for frame in frames])
    return made | {
        "head_geometry": channels_first(np.stack(head)),
        "mouth_geometry": channels_first(np.stack(mouth)),
        "eyes_geometry": channels_first(np.stack(both)),
        "numbers": numbers,
        "eyes_numbers": np.stack([numbers, mirrored_numbers(numbers)], axis=1).reshape(-1, numbers.shape[1]),
        "strength": strengths[:, :1],
        "lips_strength": strengths[:, 1:2],
        "eyes_strength": strengths[:, 2:],
        "uncovered": np.stack([frame.uncovered for frame in frames])[:, None],
        "crops": crops.reshape(len(frames), 24),
        "turns": _turns(crops).reshape(len(frames), 16),
    }


def _turns(crops: Float32) -> Float32:
    """(frames, 4, 2, 2): a step in crops' sides → pixels; their axes are orthogonal and equally long."""
    linear = crops[..., :2]
    square = (linear[..., 0] ** 2).sum(-1)[..., None, None]
    return np.asarray(linear.swapaxes(-1, -2) / square, np.float32)


def _joined(crops: Sequence[CropSampling], first: Int, width: int) -> dict[str, Array]:
    """One crop of each frame of a batch, padded to the same number of pixels; the same averages are stored once."""
    rows, columns = max(len(crop.rows) for crop in crops), max(len(crop.columns) for crop in crops)
    sizes = np.array([(len(crop.across), len(crop.down)) for crop in crops])  # of the averages: width, height
    wide, high = largest = sizes.max(0)
    same = all(crop.down.shape == (high, rows) and crop.across.shape == (wide, columns) for crop in crops)
    each = crops[:1] if same else crops  # averages depend on nothing else
    into = np.stack([2 * crop.to_averages / largest[:, None] - [[0, 0, 1], [0, 0, 1]] for crop in crops])
    return {
        "rows": np.stack([_longer(crop.rows, rows) * width for crop in crops]) + first[:, None],
        "columns": np.stack([_longer(crop.columns, columns) for crop in crops]),
        "down": np.stack([_larger(crop.down, high, rows) for crop in each]),
        "across": np.stack([_larger(crop.across, wide, columns) for crop in each]),
        "into": into.reshape(-1, 6).astype(np.float32),
        "limit": (2 * (sizes - 0.5) / largest - 1).astype(np.float32),
    }


def _longer(index: Int, count: int) -> Int:
    return np.pad(index, (0, count - len(index)), mode="edge")


def _larger(matrix: Float32, high: int, wide: int) -> Float32:
    return np.pad(matrix, ((0, high - matrix.shape[0]), (0, wide - matrix.shape[1])))
