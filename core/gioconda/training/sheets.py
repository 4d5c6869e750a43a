"""Contact sheets of training: what was there, what the networks make of it, what it should be, the difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..imaging import resample
from ..imaging.image import write_png
from .augment import Batch
from .objectives import corrected_pictures, predict
from .variants import Part

CELL = 160


@torch.no_grad()
def write_sheet(path: Path, model: Part, batches: list[Batch], *, rows: int = 12) -> None:
    """One row a pair: engine, network, target, |engine - target| x 4, |network - target| x 4."""
    lines: list[list[Tensor]] = []
    device = next(model.parameters()).device
    for whole in batches:
        batch = {name: value.to(device) for name, value in whole.items()}
        colours, target = batch["colours"], batch["target"]
        engine, picture = colours[:, :3], corrected_pictures(batch, predict(model, batch), head=not model.config.local)
        shown = (engine, picture, target, (engine - target).abs() * 4, (picture - target).abs() * 4)
        lines += [[each[i] for each in shown] for i in range(len(target))]
    write_rows(path, lines[:rows])


def write_rows(path: Path, rows: Sequence[Sequence[Tensor]]) -> None:
    """Rows of pictures (3, S, S), 0..1, in two columns of rows, as a PNG."""
    lines = [np.concatenate([_cell(picture) for picture in row], axis=1) for row in rows]
    half = (len(lines) + 1) // 2
    lines += [np.zeros_like(lines[0])] * (2 * half - len(lines))
    columns = [np.concatenate(lines[k * half : (k + 1) * half], axis=0) for k in (0, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, np.concatenate(columns, axis=1))


def _cell(picture: Tensor) -> np.ndarray:
    values = (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return np.asarray(resample.resize(np.ascontiguousarray(values), CELL, CELL, method="linear"))
