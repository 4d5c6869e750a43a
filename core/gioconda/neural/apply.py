"""What the networks said of one frame, laid over its rows: all at once, or band after band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..engine import Portrait
from ..engine.apply_kernels import apply_corrections, srgb_tables, warp_pass
from ..engine.frame import DEPTH_UNIT
from ..engine.kernels import ONE_AT_A_TIME
from ..errors import ModelError
from ..imaging import resample
from . import features
from .crops import Crop

Float32 = npt.NDArray[np.float32]
TABLES = srgb_tables()
TAPS = 3  # rows that sampling needs beyond where a flow ends
# Passes that say something of the surface that a pixel shows, so they go where its colour comes from.
FOLLOWING = ("UV", "Vector", "Depth", "Face", "Hair", "Body", "Eyes", "Lips", "Mouth", "Confidence")


@dataclass(frozen=True)
class Corrections:
    """All that is to be done to one frame.

    Attributes:
        portrait: whose.
        box: (4,) int32, x0, y0, x1, y1: what of the picture may change.
        crops: (4, 2, 3) float32, see `apply_kernels.apply_corrections`, as are rims, where, head, mouth and eyes.
        reach: rows above and below a pixel's own that its correction may need.
    """

    portrait: Portrait
    gain: float
    box: npt.NDArray[np.int32]
    crops: Float32
    rims: Float32
    where: Float32
    head: Float32
    mouth: Float32
    eyes: Float32
    reach: int

    def lay(self, row: int, rows: int, drawn: dict[str, Float32], top: int) -> dict[str, Float32]:
        """Rows `row` … `row + rows - 1`, corrected, of every pass of `drawn`, as new arrays where they change.

        drawn: passes of the engine's frame, Combined and Matte among them, from the row `top` on: at least `reach`
        rows more than are corrected on either side, as far as the picture has them.
        """
        made = {name: array[row - top : row - top + rows] for name, array in drawn.items()}
        if row >= self.box[3] or row + rows <= self.box[1]:
            return made
        followers = [name for name in FOLLOWING if name in drawn]
        width, height = self.portrait.width, self.portrait.height
        out, matte = made["Combined"].copy(), made["Matte"][..., 0].copy()
        moves = np.zeros((rows if followers else 0, width, 2), np.float32)
        layers = self.portrait.layers
        with ONE_AT_A_TIME:
            apply_corrections(
                drawn["Combined"],
                drawn["Matte"][..., 0],
                top,
                self.portrait.source,
                layers.plate,
                np.array(layers.window, np.int32),
                self.box,
                np.float32(self.gain),
                self.crops,
                self.rims,
                self.where,
                self.head,
                self.mouth,
                self.eyes,
                *TABLES,
                row,
                out,
                matte,
                moves,
            )
        made |= {"Combined": out, "Matte": matte[..., None]}
        for name in followers if moves.any() else ():
            made[name] = made[name].copy()
            with ONE_AT_A_TIME:
                warp_pass(drawn[name], top, height, moves, row, steps_of(self.portrait, name), made[name])
        return made


def steps_of(portrait: Portrait, name: str) -> Float32:
    """How much of each channel of a pass is a step of one pixel, turned around."""
    steps = {
        "UV": (portrait.width, portrait.height, 0),
        "Vector": (1, 1, 1, 1),
        "Depth": (portrait.pose.scale / DEPTH_UNIT,),
    }
    return np.array(steps.get(name, (0,)), np.float32)


def corrections(
    portrait: Portrait, at_rest: features.Still, squares: tuple[Crop, ...], answers: list[Float32], where: Float32
) -> Corrections:
    """What `answers`, in the order of `corrector.OUTPUTS`, do to a frame.

    squares: of head, mouth and eyes in the frame; where: how much of it, (size, size) 0..1 in the head's square.

    Raises:
        ModelError: the networks answered with something that is no number.
    """
    if not all(np.isfinite(answer.sum()) for answer in answers):
        raise ModelError("The networks answered with something that is no number: use --neural off, or --device cpu.")
    head, mouth, eyes = (_grown(answers[k : k + 3]) for k in (0, 3, 6))
    # corrections must end softly where the head's square ends within the picture
    low = at_rest.head.to_picture[:, 2]
    high = low + at_rest.head.to_picture[:, :2].sum(1) * at_rest.head.size
    rims = np.concatenate([low > 2, high < np.array([portrait.width, portrait.height]) - 2])
    return Corrections(
        portrait,
        at_rest.gain,
        box_of(at_rest.head, portrait.width, portrait.height),
        np.stack([_into(crop) for crop in squares]),
        rims.astype(np.float32),
        np.ascontiguousarray(where, np.float32),
        head,
        mouth,
        eyes,
        _reach(squares, answers),
    )


def _reach(squares: tuple[Crop, ...], answers: list[Float32]) -> int:
    """How many rows away a flow may lead, and what sampling there needs. Blending and growing make none longer."""
    flows = (answers[0][0], answers[3][0], *answers[6])
    longest = 0.0
    for crop, flow in zip(squares, flows, strict=True):
        across, down = crop.to_picture[1, :2] * crop.size
        longest = max(longest, float(np.abs(across * flow[0] + down * flow[1]).max()))
    return int(np.ceil(longest * 1.001)) + TAPS


def _grown(answer: list[Float32]) -> Float32:
    """flow, tone, paint of one part at the size of paint, channels last: (N, size, size, OUTPUTS)."""
    size = answer[2].shape[-1]
    grown = [
        resample.interleaved([resample.resize(plane, size, size, method="linear") for part in parts for plane in part])
        for parts in zip(*answer, strict=True)
    ]
    return np.stack(grown)


def _into(crop: Crop) -> Float32:
    """(2, 3): pixels of the picture → 0..1 within the crop."""
    return np.ascontiguousarray(crop.from_picture() / crop.size, np.float32)


def box_of(crop: Crop, width: int, height: int) -> npt.NDArray[np.int32]:
    """(4,) int32, the whole pixels of a picture that an upright crop covers."""
    low = crop.to_picture[:, 2]
    high = low + crop.to_picture[:, :2] @ [crop.size, crop.size]
    x0, y0 = (int(k) for k in np.clip(np.floor(low), 0, (width - 1, height - 1)))
    x1, y1 = (int(k) for k in np.clip(np.ceil(high), (x0 + 1, y0 + 1), (width, height)))
    return np.array([x0, y0, x1, y1], np.int32)
