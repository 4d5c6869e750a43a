"""Crops turned, moved and sized a little anew: the same face as a slightly different crop would show it."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from .dataset import Batch

TURN, MOVE, SIZE = 0.15, 0.05, 0.12  # radians, sides of the crop, natural logarithm: at most
FLOWS, DEPTH = slice(0, 2), slice(2, 3)  # channels of the geometry that are measured in sides of the crop


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
