"""The networks' corrections of one frame, applied to its rows: all at once, or band after band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Float32, Int
from ..engine import Portrait
from ..engine.apply_kernels import CURVE, CropOutputs, Rows, apply_corrections, warp_pass
from ..engine.frame import DEPTH_UNIT, layers_of, write_foreground
from ..engine.kernels import smoothstep
from ..engine.network_channels import GAIN, OFFSET, PAINT
from ..errors import ModelError
from ..imaging import resample
from ..job.passes import SURFACE_PASSES
from . import features
from .crops import Crop

# How strong corrections of the skin around mouth or eye are, root mean square of encoded values. Above the first the
# network takes what it sees for something else, and they fade out.
STRAY, STRAY_SPAN = 0.03, 0.02
RING = (0.6, 0.88)  # where that skin is: distances from the crop's middle, of half its side
TAPS = 3  # rows that sampling needs beyond where a flow ends


@dataclass(frozen=True)
class Corrections:
    """What the networks' outputs do to one frame.

    Attributes:
        gain: linear factor that brings the picture to the screen's range.
        box: (4,) int32, x0, y0, x1, y1: what of the picture may change.
        reach: rows above and below a pixel's own that its correction may need.
    """

    portrait: Portrait
    gain: float
    box: Int
    outputs: CropOutputs
    reach: int

    def apply(self, row: int, rows: int, drawn: dict[str, Float32], top: int) -> dict[str, Float32]:
        """Rows `row` … `row + rows - 1`, corrected, of every pass of `drawn`, as new arrays where they change.

        drawn: passes of the engine's frame, Combined and Matte among them, from the row `top` on: at least `reach`
        rows more than are corrected on either side, as far as the picture has them.
        """
        made = {name: array[row - top : row - top + rows] for name, array in drawn.items()}
        if row >= self.box[3] or row + rows <= self.box[1]:
            return made
        warped = [name for name in SURFACE_PASSES if name in drawn]
        width, height = self.portrait.width, self.portrait.height
        out, matte = made["Combined"].copy(), made["Matte"][..., 0].copy()
        moves = np.zeros((rows if warped else 0, width, 2), np.float32)
        apply_corrections(
            Rows(drawn["Combined"], drawn["Matte"][..., 0], top, height),
            layers_of(self.portrait),
            self.outputs,
            CURVE,
            np.float32(self.gain),
            self.box,
            row,
            out,
            matte,
            moves,
        )
        made |= {"Combined": out, "Matte": matte[..., None]}
        if "Foreground" in made:
            made["Foreground"] = np.empty_like(out)
            write_foreground(self.portrait, row, out, matte, made["Foreground"])
        for name in warped if moves.any() else ():
            made[name] = made[name].copy()
            warp_pass(drawn[name], top, height, moves, row, pixel_steps(self.portrait, name), made[name])
        return made


def pixel_steps(portrait: Portrait, name: str) -> Float32:
    """1 over what a step of one pixel is in each channel of a pass; 0: no measure of distance."""
    steps = {
        "UV": (portrait.width, portrait.height, 0),
        "Vector": (1, 1, 1, 1),
        "Depth": (portrait.pose.scale / DEPTH_UNIT,),
    }
    return np.array(steps.get(name, (0,)), np.float32)


def corrections(
    portrait: Portrait, still: features.Still, crops: tuple[Crop, ...], outputs: list[Float32], mask: Float32
) -> Corrections:
    """What the networks' outputs, in the order of `network_channels.OUTPUTS`, do to a frame.

    crops: of head, mouth and eyes in the frame; mask: how much is corrected, (size, size) 0..1 in the head's crop.

    Raises: ModelError: an output has something that is no number.
    """
    if not all(np.isfinite(output.sum()) for output in outputs):
        raise ModelError("The networks answered with something that is no number: use --neural off, or --device cpu.")
    return Corrections(
        portrait,
        still.gain,
        np.array(still.head.covered(portrait.width, portrait.height), np.int32),
        CropOutputs(
            to_crops(crops),
            fades(still.head, portrait),
            np.ascontiguousarray(mask, np.float32),
            _upsampled(outputs[:3]),
            *(_without_strays(_upsampled(outputs[k : k + 3])) for k in (3, 6)),
        ),
        _reach(crops, outputs),
    )


def fades(head: Crop, portrait: Portrait) -> Float32:
    """(4,): 1 where the head's crop ends within the picture (left, top, right, bottom): corrections must end softly."""
    low = head.to_picture[:, 2]
    high = low + head.to_picture[:, :2].sum(1) * head.size
    size = np.array([portrait.width, portrait.height])
    return np.concatenate([low > 2, high < size - 2]).astype(np.float32)


def to_crops(crops: Sequence[Crop]) -> Float32:
    """(N, 2, 3): pixels of the picture → 0..1 within each crop."""
    return np.stack([crop.from_picture() / crop.size for crop in crops]).astype(np.float32)


def _reach(crops: tuple[Crop, ...], outputs: list[Float32]) -> int:
    """How many rows away a flow may lead, and what sampling there needs. Blending and upsampling make none longer."""
    flows = (outputs[0][0], outputs[3][0], *outputs[6])
    longest = 0.0
    for crop, flow in zip(crops, flows, strict=True):
        across, down = crop.to_picture[1, :2] * crop.size
        longest = max(longest, float(np.abs(across * flow[0] + down * flow[1]).max()))
    return int(np.ceil(longest * 1.001)) + TAPS


def ring(size: int) -> Float32:
    """What is a detail's rim: (size, size) float32, 1 / n on RING's n pixels, else 0."""
    away = np.abs((np.arange(size) + 0.5) * (2 / size) - 1)
    far = np.maximum(away[:, None], away[None])
    rim = ((far > RING[0]) & (far < RING[1])).astype(np.float32)
    return np.asarray(rim / rim.sum(), np.float32)


def _without_strays(outputs: Float32) -> Float32:
    """A detail's corrections (N, size, size, CORRECTION), those that are too strong at its rim faded out."""
    toned = outputs[..., GAIN] * np.float32(0.5) + outputs[..., OFFSET] + outputs[..., PAINT]
    stray = np.sqrt(np.einsum("nyxc,yx->n", toned * toned, ring(outputs.shape[1])) / np.float32(3))
    share = 1 - smoothstep((stray - STRAY) / STRAY_SPAN)
    return np.asarray(outputs * share[:, None, None, None], np.float32)


def _upsampled(outputs: list[Float32]) -> Float32:
    """flow, tone, paint of one part at the size of paint, channels last: (N, size, size, CORRECTION)."""
    size = outputs[2].shape[-1]
    upsampled = [
        resample.interleaved([resample.resize(plane, size, size, method="linear") for part in parts for plane in part])
        for parts in zip(*outputs, strict=True)
    ]
    return np.stack(upsampled)
