"""A corrected frame in bands of rows, so that memory does not grow with the picture.

The networks' crops are sampled while the engine's rows go by; their outputs are then applied to the rows. A frame that
fits into KEEP is drawn once and kept in between; a larger one is drawn twice, to the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..arrays import Float32
from ..engine import Frame, PosedPortrait, render_rows
from ..job.passes import PASSES
from .corrector import Corrector

KEEP = 256_000_000  # bytes


def corrected_bands(
    corrector: Corrector | None, posed: PosedPortrait, passes: Sequence[str], step: int, *, smooth_edges: bool = True
) -> Iterator[tuple[int, dict[str, Float32]]]:
    """A frame from top to bottom: (first row, passes of (rows, W, channels) float32), `step` rows each.

    corrector: None: the engine's frame as it is.

    Raises: ModelError: as `Corrector.corrections`.
    """
    height = posed.portrait.height
    strength = 0.0 if corrector is None else corrector.strength(posed)
    if corrector is None or strength == 0:
        for row in range(0, height, step):
            rows = min(step, height - row)
            yield row, render_rows(posed, row, rows, passes=passes, smooth_edges=smooth_edges).passes
        return
    drawn = DrawnRows(posed, [*dict.fromkeys(("Combined", "Matte", *passes))], smooth_edges=smooth_edges)
    sampler = corrector.sampler(posed)
    first, last = sampler.rows
    for row in range(first, last, step):
        seen = drawn.for_crops(row, min(step, last - row))
        sampler.add_rows(row, seen["Combined"], seen["Matte"][..., 0])
    corrections = corrector.corrections(posed, sampler, strength)
    for row in range(0, height, step):
        rows = min(step, height - row)
        top = max(0, row - corrections.reach)
        window = drawn.window(top, min(height, row + rows + corrections.reach))
        made = corrections.apply(row, rows, window, top)
        yield row, {name: drawn.own(made[name], window[name]) for name in passes}


class DrawnRows:
    """The engine's rows of one frame, drawn when they are asked for: kept, where all of them fit, else as long as they
    are needed."""

    def __init__(self, posed: PosedPortrait, passes: Sequence[str], *, smooth_edges: bool) -> None:
        self.posed, self.passes, self.smooth_edges = posed, tuple(passes), smooth_edges
        self.width, self.height = posed.portrait.width, posed.portrait.height
        size = 4 * self.width * self.height * sum(PASSES[name].count for name in self.passes)
        self.kept = size <= KEEP
        self._arrays = self._room(self.height) if self.kept else self._room(0)
        self._top = 0  # the row where the arrays begin
        self._there = (0, 0)  # rows that are drawn

    def for_crops(self, row: int, rows: int) -> dict[str, Float32]:
        """Combined and Matte of some rows, asked for from top to bottom without a gap."""
        if not self.kept:
            return self._draw(row, rows, ("Combined", "Matte"), None).passes
        low, high = self._there
        if low == high:
            self._there = row, row
        self._extend(row + rows)
        return self._slices(row, row + rows)

    def window(self, first: int, last: int) -> dict[str, Float32]:
        """Rows first … last - 1 of every pass, asked for from top to bottom. Stays as it is until the next is asked."""
        if self.kept:
            low, high = self._there
            if first < low:  # above those that the crops needed
                self._draw(first, low - first, self.passes, self._slices(first, low))
                self._there = first, high
            elif low == high:
                self._there = first, first
        else:
            self._move(first, last)
        self._extend(last)
        return self._slices(first, last)

    def own(self, array: Float32, window: Float32) -> Float32:
        """An array that stays as it is: a copy, where it is a part of a window that will be drawn over."""
        return array if self.kept or not np.shares_memory(array, window) else array.copy()

    def _move(self, first: int, last: int) -> None:
        """Make room for a window, keeping what is drawn of it."""
        low, high = self._there
        keep = slice(max(first, low), max(first, high))
        before = {name: array.copy() for name, array in self._slices(keep.start, keep.stop).items()}
        if last - first > len(self._arrays["Combined"]):
            self._arrays = self._room(last - first)
        self._top, self._there = first, (first, keep.stop)
        for name, array in self._slices(first, keep.stop).items():
            array[:] = before[name]

    def _extend(self, last: int) -> None:
        """Draw what is missing down to the row before `last`."""
        low, high = self._there
        if last > high:
            self._draw(high, last - high, self.passes, self._slices(high, last))
            self._there = low, last

    def _slices(self, first: int, last: int) -> dict[str, Float32]:
        return {name: array[first - self._top : last - self._top] for name, array in self._arrays.items()}

    def _room(self, rows: int) -> dict[str, Float32]:
        return {name: np.empty((rows, self.width, PASSES[name].count), np.float32) for name in self.passes}

    def _draw(self, row: int, rows: int, passes: Sequence[str], into: dict[str, Float32] | None) -> Frame:
        reuse = None if into is None else Frame(row, into)
        return render_rows(self.posed, row, rows, passes=passes, smooth_edges=self.smooth_edges, reuse=reuse)
