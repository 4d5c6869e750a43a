"""Lays a network's corrections over a frame's rows at the picture's own size. Compiled by numba; knows no networks.

Colours are moved, toned and painted in encoded values (`neural.tone`), which are looked up in tables; whatever the
tables do not hold (below 0, above 1) goes the exact way. Pixels without a correction keep their value to the last bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from .kernels import _FAST, _cubic_channel, _weights

OUTPUTS = 12  # flow 2, tone 7, paint 3
STEPS = 4096  # of the tables
SLOPE = np.float32(1.055 / 2.4)
NOTHING = np.float32(1e-4)  # corrections below this are none
STILL = np.float32(0.02)  # pixels: a flow below this is none
EDGE = np.float32(0.12)  # of a detail's side over which it fades out
RIM = np.float32(0.06)  # of the head's side
ONE = np.float32(1.0)
JUMP = np.float32(4.0)  # steps of one pixel: neighbours farther apart lie on different surfaces


def srgb_tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """sRGB's curve of the square of 0..1, and its inverse of 0..1, each (STEPS + 2,) float32."""
    t = np.arange(STEPS + 2) / STEPS
    x = t * t
    encoded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    decoded = np.where(t <= 0.04045, t / 12.92, ((t + 0.055) / 1.055) ** 2.4)
    return encoded.astype(np.float32), decoded.astype(np.float32)


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _encoded(x, table):  # type: ignore[no-untyped-def]
    if x < np.float32(0.0):
        return x * np.float32(12.92)
    if x >= np.float32(1.0):
        return np.float32(1.0) + SLOPE * np.float32(np.log(x))
    t = np.float32(np.sqrt(x)) * np.float32(STEPS)
    i = int(t)
    return table[i] + (t - np.float32(i)) * (table[i + 1] - table[i])


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _decoded(e, table):  # type: ignore[no-untyped-def]
    if e < np.float32(0.0):
        return e / np.float32(12.92)
    if e >= np.float32(1.0):
        return np.float32(np.exp(min((e - np.float32(1.0)) / SLOPE, np.float32(80.0))))
    t = e * np.float32(STEPS)
    i = int(t)
    return table[i] + (t - np.float32(i)) * (table[i + 1] - table[i])


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _answer(answers, n, u, v, weight):  # type: ignore[no-untyped-def]
    """weight · answers[n] (h, w, OUTPUTS) sampled bilinearly at (u, v) in 0..1."""
    h, w = answers.shape[1], answers.shape[2]
    fx = min(max(u * np.float32(w) - np.float32(0.5), np.float32(0.0)), np.float32(w - 1.001))
    fy = min(max(v * np.float32(h) - np.float32(0.5), np.float32(0.0)), np.float32(h - 1.001))
    ix, iy = int(fx), int(fy)
    dx, dy = fx - np.float32(ix), fy - np.float32(iy)
    w00, w01 = (ONE - dx) * (ONE - dy) * weight, dx * (ONE - dy) * weight
    w10, w11 = (ONE - dx) * dy * weight, dx * dy * weight
    return (
        _four(answers, n, iy, ix, 0, w00, w01, w10, w11)
        + _four(answers, n, iy, ix, 4, w00, w01, w10, w11)
        + _four(answers, n, iy, ix, 8, w00, w01, w10, w11)
    )


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _four(answers, n, y, x, c, w00, w01, w10, w11):  # type: ignore[no-untyped-def]
    """Channels c … c + 3 of a weighted sum of four neighbours: one vector."""
    return (
        _weighed(answers, n, y, x, c, w00, w01, w10, w11),
        _weighed(answers, n, y, x, c + 1, w00, w01, w10, w11),
        _weighed(answers, n, y, x, c + 2, w00, w01, w10, w11),
        _weighed(answers, n, y, x, c + 3, w00, w01, w10, w11),
    )


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _weighed(answers, n, y, x, c, w00, w01, w10, w11):  # type: ignore[no-untyped-def]
    upper = w00 * answers[n, y, x, c] + w01 * answers[n, y, x + 1, c]
    return upper + w10 * answers[n, y + 1, x, c] + w11 * answers[n, y + 1, x + 1, c]


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _bilinear(image, u, v):  # type: ignore[no-untyped-def]
    """An image (h, w) at (u, v) in 0..1."""
    h, w = image.shape
    fx = min(max(u * np.float32(w) - np.float32(0.5), np.float32(0.0)), np.float32(w - 1.001))
    fy = min(max(v * np.float32(h) - np.float32(0.5), np.float32(0.0)), np.float32(h - 1.001))
    ix, iy = int(fx), int(fy)
    dx, dy = fx - np.float32(ix), fy - np.float32(iy)
    upper = image[iy, ix] * (ONE - dx) + image[iy, ix + 1] * dx
    return upper * (ONE - dy) + (image[iy + 1, ix] * (ONE - dx) + image[iy + 1, ix + 1] * dx) * dy


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _rise(distance):  # type: ignore[no-untyped-def]
    x = min(max(distance, np.float32(0.0)), ONE)
    return x * x * (np.float32(3.0) - np.float32(2.0) * x)


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _sample(image, matte, top, h, x, y, colour):  # type: ignore[no-untyped-def]
    """Into colour[:4] a Catmull-Rom sample of a picture's rows (rows, W, 4) at (x, y), the picture's border repeated,
    held within its sixteen pixels' range; into colour[4] a bilinear one of the matte (rows, W).

    top: the first row's number; h: the picture's height.
    """
    w = image.shape[1]
    fx = min(max(x - np.float32(0.5), np.float32(0.0)), np.float32(w - 1))
    fy = min(max(y - np.float32(0.5), np.float32(0.0)), np.float32(h - 1))
    ix, iy = int(fx), int(fy)
    dx, dy = np.float32(fx - ix), np.float32(fy - iy)
    columns = (max(ix - 1, 0), ix, min(ix + 1, w - 1), min(ix + 2, w - 1))
    rows = (max(iy - 1, 0) - top, iy - top, min(iy + 1, h - 1) - top, min(iy + 2, h - 1) - top)
    wx, wy = _weights(dx), _weights(dy)
    colour[0] = _cubic_channel(image, rows, columns, 0, wx, wy)
    colour[1] = _cubic_channel(image, rows, columns, 1, wx, wy)
    colour[2] = _cubic_channel(image, rows, columns, 2, wx, wy)
    colour[3] = _cubic_channel(image, rows, columns, 3, wx, wy)
    iy, below, x1, x2 = rows[1], rows[2], columns[1], columns[2]
    upper = matte[iy, x1] * (ONE - dx) + matte[iy, x2] * dx
    lower = matte[below, x1] * (ONE - dx) + matte[below, x2] * dx
    colour[4] = upper * (ONE - dy) + lower * dy


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def apply_corrections(  # type: ignore[no-untyped-def]
    picture,
    matte,
    top,
    source,
    plate,
    window,
    box,
    gain,
    crops,
    rims,
    allowed,
    head,
    mouth,
    eyes,
    encode,
    decode,
    row0,
    out,
    out_matte,
    moves,
):
    """Corrections of head, mouth and eyes, blended where they overlap, then laid on at once: one resampling.

    Args:
        picture: (rows, W, 4) float32 premultiplied, finished rows from `top` on: all that is needed for those of `out`,
            and as many above and below as the flows reach; matte: (rows, W) float32.
        source: (H, W, 4) float32, the portrait; plate: (h, w, 4) float32, what lies behind the person within window.
        window, box: (4,) int32, x0, y0, x1, y1: of the plate; of what is corrected.
        gain: linear light to the screen's range.
        crops: (4, 2, 3) float32, picture pixels → 0..1 within the squares of head, mouth, left and right eye.
        rims: (4,) float32: 1 where the head's corrections must fade at the left, top, right, bottom.
        allowed: (size, size) float32, 0..1, within the head's square: where corrections may happen.
        head, mouth: (1, size, size, OUTPUTS) float32: flow 2 in sides of the square, tone 7, paint 3; eyes: (2, …).
        encode, decode: of `srgb_tables`.
        row0: the first row of `out`, (n, W, 4) float32, and out_matte, (n, W) float32: hold what `picture` does there.
        moves: (n, W, 2) float32, 0 before: from how far right and down each pixel comes; may be empty: of no interest.
    """
    x0, y0 = box[0], box[1]
    first, last = max(y0, row0), min(box[3], row0 + out.shape[0])
    turns = np.empty((4, 2, 2), np.float32)
    for k in range(4):
        # a step in crop units → pixels: the crop's axes are orthogonal and equally long
        square = crops[k, 0, 0] * crops[k, 0, 0] + crops[k, 1, 0] * crops[k, 1, 0]
        for a in range(2):
            for b in range(2):
                turns[k, a, b] = crops[k, b, a] / square
    for py in prange(first, max(first, last)):
        values, more, colour = np.empty(OUTPUTS, np.float32), np.empty(OUTPUTS, np.float32), np.empty(5, np.float32)
        behind = np.empty(3, np.float32)
        y = np.float32(py) + np.float32(0.5)
        for px in range(x0, box[2]):
            x = np.float32(px) + np.float32(0.5)
            u = crops[0, 0, 0] * x + crops[0, 0, 1] * y + crops[0, 0, 2]
            v = crops[0, 1, 0] * x + crops[0, 1, 1] * y + crops[0, 1, 2]
            if u < 0 or v < 0 or u > 1 or v > 1:
                continue
            share = _bilinear(allowed, u, v)
            if share <= 0:
                continue
            if rims[0] > 0:
                share *= _rise(u / RIM)
            if rims[1] > 0:
                share *= _rise(v / RIM)
            if rims[2] > 0:
                share *= _rise((ONE - u) / RIM)
            if rims[3] > 0:
                share *= _rise((ONE - v) / RIM)
            answer = _answer(head, 0, u, v, share)
            for c in range(OUTPUTS):
                values[c] = answer[c]
            _to_pixels(values, turns[0])
            for k in range(1, 4):
                u = crops[k, 0, 0] * x + crops[k, 0, 1] * y + crops[k, 0, 2]
                v = crops[k, 1, 0] * x + crops[k, 1, 1] * y + crops[k, 1, 2]
                if u <= 0 or v <= 0 or u >= 1 or v >= 1:
                    continue
                fade = _rise(min(u, ONE - u) / EDGE) * _rise(min(v, ONE - v) / EDGE)
                weight = fade * share
                answer = _answer(mouth, 0, u, v, weight) if k == 1 else _answer(eyes, k - 2, u, v, weight)
                for c in range(OUTPUTS):
                    more[c] = answer[c]
                _to_pixels(more, turns[k])
                more[8] = fade * values[8]
                for c in range(OUTPUTS):
                    values[c] = (ONE - fade) * values[c] + more[c]
            inside = window[0] <= px < window[2] and window[1] <= py < window[3]
            for c in range(3):
                behind[c] = plate[py - window[1], px - window[0], c] if inside else source[py, px, c]
            _lay(
                values,
                picture,
                matte,
                top,
                source.shape[0],
                behind,
                px,
                py,
                gain,
                encode,
                decode,
                colour,
                out,
                out_matte,
                py - row0,
                moves,
            )


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _to_pixels(values, turn):  # type: ignore[no-untyped-def]
    """The flow, values[:2], from crop units to pixels."""
    across, down = values[0], values[1]
    values[0] = turn[0, 0] * across + turn[0, 1] * down
    values[1] = turn[1, 0] * across + turn[1, 1] * down


@njit(cache=True, nogil=True, fastmath=_FAST, inline="always")
def _lay(  # type: ignore[no-untyped-def]
    values, picture, matte, top, height, behind, px, py, gain, encode, decode, colour, out, out_matte, row, moves
):
    """One pixel: moved, the person strengthened or thinned against the plate, toned, painted."""
    there = matte[py - top, px]
    if abs(values[0]) > STILL or abs(values[1]) > STILL:
        x, y = np.float32(px) + np.float32(0.5) + values[0], np.float32(py) + np.float32(0.5) + values[1]
        _sample(picture, matte, top, height, x, y, colour)
        there = colour[4]
        out_matte[row, px] = there
        for c in range(4):
            out[row, px, c] = colour[c]
        if len(moves):
            moves[row, px, 0], moves[row, px, 1] = values[0], values[1]
    more = values[8] * np.float32(4.0) * there * (ONE - there)
    if abs(more) > NOTHING:
        out_matte[row, px] = min(max(there * (ONE + more), np.float32(0.0)), ONE)
    for c in range(3):
        tone, shift = values[2 + c], values[5 + c] + values[9 + c]
        if abs(more) <= NOTHING and abs(tone) + abs(shift) <= NOTHING:
            continue
        was = _encoded(out[row, px, c] * gain, encode)
        now = was
        if abs(more) > NOTHING:
            now += more * (was - _encoded(behind[c] * gain, encode))
        now += tone * now + shift
        out[row, px, c] = _decoded(now, decode) / gain


@njit(cache=True, nogil=True, fastmath=_FAST, parallel=True)
def warp_pass(values, top, height, moves, row0, scale, out):  # type: ignore[no-untyped-def]
    """What a pass says, taken from where each colour is taken from: linearly within a surface, else the nearest.

    Args:
        values: (rows, W, K) float32, rows of a pass from `top` on, as far as the moves reach; height: of the picture.
        moves: (n, W, 2) float32, of `apply_corrections`, from the row `row0` on.
        scale: (K,) float32: how much of each channel is a step of one pixel; neighbours more than JUMP steps apart lie
            on different surfaces. 0: never.
        out: (n, W, K) float32: holds what `values` does there.
    """
    width, count = values.shape[1], values.shape[2]
    for row in prange(len(moves)):
        for px in range(width):
            if moves[row, px, 0] == 0 and moves[row, px, 1] == 0:
                continue
            fx = min(max(np.float32(px) + moves[row, px, 0], np.float32(0.0)), np.float32(width - 1))
            fy = min(max(np.float32(row0 + row) + moves[row, px, 1], np.float32(0.0)), np.float32(height - 1))
            ix, iy = int(fx), int(fy)
            dx, dy = fx - np.float32(ix), fy - np.float32(iy)
            jx, jy = min(ix + 1, width - 1), min(iy + 1, height - 1) - top
            iy -= top
            spread = np.float32(0.0)
            for c in range(count):
                a, b, d, e = values[iy, ix, c], values[iy, jx, c], values[jy, ix, c], values[jy, jx, c]
                spread = max(spread, (max(max(a, b), max(d, e)) - min(min(a, b), min(d, e))) * scale[c])
            if spread > JUMP:
                dx, dy = np.float32(np.rint(dx)), np.float32(np.rint(dy))
            for c in range(count):
                upper = values[iy, ix, c] + (values[iy, jx, c] - values[iy, ix, c]) * dx
                lower = values[jy, ix, c] + (values[jy, jx, c] - values[jy, ix, c]) * dx
                out[row, px, c] = upper + (lower - upper) * dy
