"""Catmull-Rom samples as standard operators, the twins of `engine.kernels.cubic` and `engine.apply_kernels._sample`.

ONNX's own bicubic GridSample has other coefficients (a = -0.75) and overshoots next to highlights; so the sixteen taps
are gathered one after the other, weighed, and the sum is held within their range, in the kernels' order of adding.
"""

from __future__ import annotations

from ..engine.kernels import COPIED
from .graph import FLOAT, INT32, Graph, Value


def weights(f: Value) -> tuple[Value, Value, Value, Value]:
    """For the four taps around a fraction f in [0, 1). Exactly (0, 1, 0, 0) at 0."""
    f2 = f * f
    f3 = f2 * f
    return (
        f3 * -0.5 + f2 - f * 0.5,
        f3 * 1.5 - f2 * 2.5 + 1.0,
        f3 * -1.5 + f2 * 2.0 + f * 0.5,
        f3 * 0.5 - f2 * 0.5,
    )


def padded(g: Graph, texture: Value, size: tuple[Value, Value], x: Value, y: Value, *, pad: int) -> Value:
    """Samples (n, 4) of a texture whose border is repeated, (h · w, 4), at x, y (n, 1), pixels without the border.

    size: its width and height with the border, (1,) int32.
    """
    wide, high = size
    fx = (x + (pad - 0.5)).clip(1.0, (wide - 3).cast(FLOAT))
    fy = (y + (pad - 0.5)).clip(1.0, (high - 3).cast(FLOAT))
    ix, iy = fx.cast(INT32), fy.cast(INT32)
    dx, dy = fx - ix.cast(FLOAT), fy - iy.cast(FLOAT)
    still = dx + dy < float(COPIED)
    dx, dy = (g.where(still, 0.0, d) for d in (dx, dy))
    columns = [ix + k for k in (-1, 0, 1, 2)]
    rows = [(iy + k) * wide for k in (-1, 0, 1, 2)]
    return _sum(texture, columns, rows, dx, dy)


def clamped(g: Graph, picture: Value, first: Value, size: tuple[Value, Value], x: Value, y: Value) -> tuple[Value, ...]:
    """Samples (n, 4) of one of several pictures, (frames · H · W, 4), at x, y (n, 1), pixels, its border repeated.

    first: (n, 1) int32, the row at which the picture begins; size: (1,) int32 each.

    Returns:
        the samples; the indices of the four nearest pixels, (n, 1) each, row by row; dx and dy between them, (n, 1).
    """
    wide, high = size
    fx = (x - 0.5).clip(0.0, (wide - 1).cast(FLOAT))
    fy = (y - 0.5).clip(0.0, (high - 1).cast(FLOAT))
    ix, iy = fx.cast(INT32), fy.cast(INT32)
    dx, dy = fx - ix.cast(FLOAT), fy - iy.cast(FLOAT)
    columns = [(ix - 1).maximum(0), ix, *((ix + k).minimum(wide - 1) for k in (1, 2))]
    rows = [(iy - 1).maximum(0), iy, *((iy + k).minimum(high - 1) for k in (1, 2))]
    rows = [row * wide + first for row in rows]
    near = (rows[1] + columns[1], rows[1] + columns[2], rows[2] + columns[1], rows[2] + columns[2])
    return (_sum(picture, columns, rows, dx, dy), *near, dx, dy)


def _sum(texture: Value, columns: list[Value], rows: list[Value], dx: Value, dy: Value) -> Value:
    """The sum over sixteen taps, held within their range."""
    across, down = weights(dx), weights(dy)
    total = low = high = None
    for row, weight_down in zip(rows, down, strict=True):
        taps = [texture.rows((row + column).reshape(-1)) for column in columns]
        line = taps[0] * across[0]
        for tap, weight in zip(taps[1:], across[1:], strict=True):
            line = line + tap * weight
        total = line * weight_down if total is None else total + line * weight_down
        for tap in taps:
            low = tap if low is None else low.minimum(tap)
            high = tap if high is None else high.maximum(tap)
    assert total is not None and low is not None and high is not None
    return total.clip(low, high)
