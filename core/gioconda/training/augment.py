"""How training pairs are changed while they are drawn: part of the crop, mirroring, light, colour, the crop itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ..engine.network_channels import Geometry
from ..neural.network_inputs import MIRROR_FROM, MIRROR_SIGN, MIRRORED_GEOMETRY

HALF = {"geometry", "flow"}  # what is seen at half the crop's size
PICTURES = {"source", "colours", "target", *HALF}
TURN, MOVE, SIZE = 0.15, 0.05, 0.12  # of `jittered`, at most: radians, sides of the crop, natural logarithm
# in sides of the crop
FLOWS, DEPTH = slice(Geometry.FLOW_X, Geometry.DEPTH), slice(Geometry.DEPTH, Geometry.BACKGROUND)

Array = npt.NDArray[Any]
Item = dict[str, Array]  # one pair, as `Pairs.load` gives it
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class DrawSettings:
    """How pairs are drawn and changed."""

    clips: float = 0.5  # share of pairs that come from clips
    rendered: float = 0.0  # share of pairs that come from rendered heads, before the rest is shared out
    shots: int = 1  # at most: pictures of a person that are embedded and averaged, the paper's K; in each batch 1 to K
    mirror: float = 0.5
    colour: float = 0.9  # share of pairs whose colours are changed
    exposure: float = 0.5  # natural logarithm, at most
    tint: float = 0.4  # the same, of red, green and blue on their own: lamps, sunsets
    gamma: float = 0.35  # natural logarithm of the exponent, at most
    grey: float = 0.2  # share of pairs that lose all colour
    swapped: tuple[float, float] = (0.5, 0.3)  # share of pairs whose red, green and blue change places: head, others
    still: float = 0.3  # share of the head's pairs that do not say how the head moved: bodies follow in their own way
    window: int = 128  # side of the part of the head's square that is shown, a multiple of 32


def cropped(item: Item, rng: np.random.Generator, side: int) -> Item:
    """A random part of a crop: convolutions learn from it as from the whole, at less cost."""
    size = item["colours"].shape[0]
    room = max(0, size - side) // 2 + 1
    y, x = (2 * int(rng.integers(room)) for _ in range(2))
    out = dict(item)
    for name in ("colours", "target"):
        out[name] = np.asarray(item[name][y : y + side, x : x + side])
    for name in HALF & item.keys():
        out[name] = item[name][y // 2 : (y + side) // 2, x // 2 : (x + side) // 2]
    return out


def mirrored(item: Item) -> Item:
    """The pair in a mirror."""
    out = item | {"numbers": item["numbers"][MIRROR_FROM] * MIRROR_SIGN}
    for name in PICTURES & item.keys():
        out[name] = item[name][..., ::-1, :].copy()
    for channel in MIRRORED_GEOMETRY:
        out["geometry"][..., channel] *= -1
    if "flow" in item:
        out["flow"][..., 0] *= -1
    return out


def recoloured(item: Item, rng: np.random.Generator, settings: DrawSettings | None) -> Item:
    """Bytes to values 0..1; with settings, the same change of light and colour on everything that shows colour."""
    codes = np.arange(256, dtype=np.float32) / 255
    table, vivid = np.stack([codes] * 3), np.float32(1)
    if settings is not None:
        gain = np.exp(rng.uniform(-1, 1) * settings.exposure + rng.uniform(-1, 1, 3) * settings.tint).astype(np.float32)
        gamma = np.float32(np.exp(rng.uniform(-1, 1) * settings.gamma))
        vivid = np.float32(0 if rng.random() < settings.grey else rng.uniform(0.6, 1.3))
        table = np.stack([codes**gamma * g for g in gain])
    out = dict(item)
    for name, triples in (("colours", (0, 3)), ("target", (0,)), ("source", (0,))):
        stored = item[name]
        values = stored.astype(np.float32) / 255
        for first in triples if settings is not None else ():
            rgb = [table[c].astype(np.float32)[stored[..., first + c]] for c in range(3)]
            grey = np.float32(0.30) * rgb[0] + np.float32(0.59) * rgb[1] + np.float32(0.11) * rgb[2]
            for c in range(3):
                values[..., first + c] = grey + vivid * (rgb[c] - grey)
        out[name] = values
    return out


def swap_channels(item: Item, rng: np.random.Generator) -> None:
    """Red, green and blue in another order on everything that shows colour, in place."""
    order = rng.permutation(3)
    for name, triples in (("colours", (0, 3)), ("target", (0,)), ("source", (0,))):
        for first in triples:
            item[name][..., first : first + 3] = item[name][..., first + order]


def jittered(batch: Batch, rng: np.random.Generator) -> Batch:
    """Every pair of a batch seen through a crop of its own, colours, target and geometry alike.

    What is measured in sides of the crop (flow, depth) turns and grows with it; places on the head stay what they are.
    What lies outside the old crop is its border, repeated.
    """
    count = len(batch["colours"])
    angle, size = rng.uniform(-TURN, TURN, count), np.exp(rng.uniform(-SIZE, SIZE, count))
    cosine, sine = size * np.cos(angle), size * np.sin(angle)  # new crop -> old crop
    linear = np.stack([np.stack([cosine, -sine], 1), np.stack([sine, cosine], 1)], axis=1)
    move = rng.uniform(-2 * MOVE, 2 * MOVE, (count, 2, 1))  # the side is 2 in these units
    there = torch.from_numpy(np.concatenate([linear, move], axis=2).astype(np.float32)).to(batch["colours"].device)
    out = dict(batch)
    for name in ("colours", "target", "geometry", "flow")[: 4 if "flow" in batch else 3]:
        grid = functional.affine_grid(there, list(batch[name].shape), align_corners=False)
        moved = functional.grid_sample(batch[name], grid, padding_mode="border", align_corners=False)
        out[name] = moved.contiguous(memory_format=torch.channels_last)
    back = torch.linalg.inv(there[:, :, :2])
    geometry = out["geometry"]
    flow = torch.einsum("nij,njhw->nihw", back, geometry[:, FLOWS])
    depth = geometry[:, DEPTH] / torch.from_numpy(size.astype(np.float32)).to(geometry.device)[:, None, None, None]
    out["geometry"] = torch.cat([flow, depth, geometry[:, DEPTH.stop :]], dim=1)
    if "flow" in batch:
        truth = torch.einsum("nij,njhw->nihw", back, out["flow"][:, FLOWS])
        out["flow"] = torch.cat([truth, out["flow"][:, FLOWS.stop :]], dim=1)
    return out
