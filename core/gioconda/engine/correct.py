"""Lays a network's corrections over a finished frame at the picture's own size. Compiled by numba; knows no networks.

Colours are moved, toned and painted in encoded values (`neural.tone`), which are looked up in tables; whatever the
tables do not hold (below 0, above 1) goes the exact way. Pixels without a correction keep their value to the last bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from .kernels import _weights

STEPS = 4096  # of the tables
SLOPE = np.float32(1.055 / 2.4)
NOTHING = np.float32(1e-4)  # corrections below this are none
STILL = np.float32(0.02)  # pixels: a flow below this is none
EDGE = np.float32(0.12)  # of a detail's side over which it fades out
RIM = np.float32(0.06)  # of the head's side
ONE = np.float32(1.0)


def tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """sRGB's curve of the square of 0..1, and its inverse of 0..1, each (STEPS + 2,) float32."""
    t = np.arange(STEPS + 2) / STEPS
    x = t * t
    encoded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    decoded = np.where(t <= 0.04045, t / 12.92, ((t + 0.055) / 1.055) ** 2.4)
    return encoded.astype(np.float32), decoded.astype(np.float32)


@njit(cache=True, nogil=True, inline="always")
def _encoded(x, table):  # type: ignore[no-untyped-def]
    if x < np.float32(0.0):
        return x * np.float32(12.92)
    if x >= np.float32(1.0):
        return np.float32(1.0) + SLOPE * np.float32(np.log(x))
    t = np.float32(np.sqrt(x)) * np.float32(STEPS)
    i = int(t)
    return table[i] + (t - np.float32(i)) * (table[i + 1] - table[i])


@njit(cache=True, nogil=True, inline="always")
def _decoded(e, table):  # type: ignore[no-untyped-def]
    if e < np.float32(0.0):
        return e / np.float32(12.92)
    if e >= np.float32(1.0):
        return np.float32(np.exp(min((e - np.float32(1.0)) / SLOPE, np.float32(80.0))))
    t = e * np.float32(STEPS)
    i = int(t)
    return table[i] + (t - np.float32(i)) * (table[i + 1] - table[i])


@njit(cache=True, nogil=True, inline="always")
def _add(values, first, map_, u, v, weight):  # type: ignore[no-untyped-def]
    """values[first:] += weight · map_ (C, h, w) sampled bilinearly at (u, v) in 0..1."""
    h, w = map_.shape[1], map_.shape[2]
    fx = min(max(u * np.float32(w) - np.float32(0.5), np.float32(0.0)), np.float32(w - 1.001))
    fy = min(max(v * np.float32(h) - np.float32(0.5), np.float32(0.0)), np.float32(h - 1.001))
    ix, iy = int(fx), int(fy)
    dx, dy = fx - np.float32(ix), fy - np.float32(iy)
    w00, w01 = (ONE - dx) * (ONE - dy) * weight, dx * (ONE - dy) * weight
    w10, w11 = (ONE - dx) * dy * weight, dx * dy * weight
    for c in range(map_.shape[0]):
        values[first + c] += (
            w00 * map_[c, iy, ix]
            + w01 * map_[c, iy, ix + 1]
            + w10 * map_[c, iy + 1, ix]
            + w11 * map_[c, iy + 1, ix + 1]
        )


@njit(cache=True, nogil=True, inline="always")
def _rise(distance):  # type: ignore[no-untyped-def]
    x = min(max(distance, np.float32(0.0)), np.float32(1.0))
    return x * x * (np.float32(3.0) - np.float32(2.0) * x)


@njit(cache=True, nogil=True, inline="always")
def _cubic(image, k, x, y):  # type: ignore[no-untyped-def]
    """Catmull-Rom sample of channel k of (H, W, C) at (x, y), its border repeated, held within its taps."""
    h, w = image.shape[0], image.shape[1]
    fx = min(max(x - np.float32(0.5), np.float32(0.0)), np.float32(w - 1))
    fy = min(max(y - np.float32(0.5), np.float32(0.0)), np.float32(h - 1))
    ix, iy = int(fx), int(fy)
    wx, wy = _weights(np.float32(fx - ix)), _weights(np.float32(fy - iy))
    low = high = image[iy, ix, k]
    total = np.float32(0.0)
    for j in range(4):
        r = min(max(iy - 1 + j, 0), h - 1)
        line = np.float32(0.0)
        for i in range(4):
            value = image[r, min(max(ix - 1 + i, 0), w - 1), k]
            line += wx[i] * value
            low, high = min(low, value), max(high, value)
        total += wy[j] * line
    return min(max(total, low), high)


@njit(cache=True, nogil=True, parallel=True)
def correct(  # type: ignore[no-untyped-def]
    picture, matte, plate, box, gain, head, head_flow, head_tone, head_paint, rims, mouth, mouth_flow, mouth_tone,
    mouth_paint, eyes, eyes_flow, eyes_tone, eyes_paint, encode, decode, out, out_matte,
):  # fmt: skip
    """Corrections of head, mouth and eyes, blended where they overlap, then laid on at once: one resampling.

    Args:
        picture: (H, W, 4) float32 premultiplied, the finished frame; matte: (H, W) float32; plate: (h, w, 4) float32.
        box: (4,) int32, x0, y0, x1, y1: what is corrected of the picture; plate, out and out_matte cover it.
        gain: linear light to the screen's range.
        head, mouth: (2, 3) float32, picture pixels → 0..1 within the crop; eyes: (2, 2, 3).
        *_flow: (2, h, w) in units of the crop's side; *_tone: (7, h, w); *_paint: (3, h, w); eyes: (2, …).
        rims: (4,) float32: 1 where the head's corrections must fade at the left, top, right, bottom.
        encode, decode: of `tables`.
        out: (h, w, 4) float32; out_matte: (h, w) float32.
    """
    x0, y0 = box[0], box[1]
    sides = np.empty(4, np.float32)
    for k, affine in enumerate((head, mouth, eyes[0], eyes[1])):
        sides[k] = np.float32(1.0) / np.float32(np.sqrt(affine[0, 0] ** 2 + affine[1, 0] ** 2))
    turns = np.empty((4, 2, 2), np.float32)
    for k, affine in enumerate((head, mouth, eyes[0], eyes[1])):
        # a step in crop units → pixels: the crop's axes are orthogonal and equally long
        for a in range(2):
            for b in range(2):
                turns[k, a, b] = affine[b, a] * sides[k] * sides[k]
    for row in prange(out.shape[0]):
        values = np.empty(12, np.float32)
        more = np.empty(12, np.float32)
        y = np.float32(y0 + row) + np.float32(0.5)
        for column in range(out.shape[1]):
            px, py = x0 + column, y0 + row
            x = np.float32(px) + np.float32(0.5)
            for c in range(4):
                out[row, column, c] = picture[py, px, c]
            out_matte[row, column] = matte[py, px]
            values[:] = np.float32(0.0)
            u = head[0, 0] * x + head[0, 1] * y + head[0, 2]
            v = head[1, 0] * x + head[1, 1] * y + head[1, 2]
            if u < 0 or v < 0 or u > 1 or v > 1:
                continue
            share = np.float32(1.0)
            if rims[0] > 0:
                share *= _rise(u / RIM)
            if rims[1] > 0:
                share *= _rise(v / RIM)
            if rims[2] > 0:
                share *= _rise((ONE - u) / RIM)
            if rims[3] > 0:
                share *= _rise((ONE - v) / RIM)
            _add(values, 0, head_flow, u, v, share)
            _add(values, 2, head_tone, u, v, share)
            _add(values, 9, head_paint, u, v, share)
            _to_pixels(values, turns[0])
            for k in range(3):
                affine = mouth if k == 0 else eyes[k - 1]
                u = affine[0, 0] * x + affine[0, 1] * y + affine[0, 2]
                v = affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]
                if u <= 0 or v <= 0 or u >= 1 or v >= 1:
                    continue
                fade = _rise(min(u, ONE - u) / EDGE) * _rise(min(v, ONE - v) / EDGE)
                more[:] = np.float32(0.0)
                if k == 0:
                    _add(more, 0, mouth_flow, u, v, fade)
                    _add(more, 2, mouth_tone, u, v, fade)
                    _add(more, 9, mouth_paint, u, v, fade)
                else:
                    _add(more, 0, eyes_flow[k - 1], u, v, fade)
                    _add(more, 2, eyes_tone[k - 1], u, v, fade)
                    _add(more, 9, eyes_paint[k - 1], u, v, fade)
                _to_pixels(more, turns[k + 1])
                more[8] = fade * values[8]
                for c in range(12):
                    values[c] = (ONE - fade) * values[c] + more[c]
            _lay(values, picture, matte, plate, px, py, row, column, gain, encode, decode, out, out_matte)


@njit(cache=True, nogil=True, inline="always")
def _to_pixels(values, turn):  # type: ignore[no-untyped-def]
    """The flow, values[:2], from crop units to pixels."""
    across, down = values[0], values[1]
    values[0] = turn[0, 0] * across + turn[0, 1] * down
    values[1] = turn[1, 0] * across + turn[1, 1] * down


@njit(cache=True, nogil=True, inline="always")
def _lay(  # type: ignore[no-untyped-def]
    values, picture, matte, plate, px, py, row, column, gain, encode, decode, out, out_matte
):
    """One pixel: moved, the person strengthened or thinned against the plate, toned, painted."""
    moved = abs(values[0]) > STILL or abs(values[1]) > STILL
    x, y = np.float32(px) + np.float32(0.5) + values[0], np.float32(py) + np.float32(0.5) + values[1]
    there = matte[py, px]
    if moved:
        h, w = matte.shape
        fx = min(max(x - np.float32(0.5), np.float32(0.0)), np.float32(w - 1.001))
        fy = min(max(y - np.float32(0.5), np.float32(0.0)), np.float32(h - 1.001))
        ix, iy = int(fx), int(fy)
        dx, dy = fx - np.float32(ix), fy - np.float32(iy)
        upper = matte[iy, ix] * (ONE - dx) + matte[iy, ix + 1] * dx
        lower = matte[iy + 1, ix] * (ONE - dx) + matte[iy + 1, ix + 1] * dx
        there = upper * (ONE - dy) + lower * dy
        out_matte[row, column] = there
        for c in range(4):
            out[row, column, c] = _cubic(picture, c, x, y)
    soft = np.float32(4.0) * there * (ONE - there)
    more = values[8] * soft
    if abs(more) > NOTHING:
        out_matte[row, column] = min(max(there * (ONE + more), np.float32(0.0)), np.float32(1.0))
    for c in range(3):
        tone, shift = values[2 + c], values[5 + c] + values[9 + c]
        if abs(more) <= NOTHING and abs(tone) + abs(shift) <= NOTHING:
            continue
        was = _encoded(out[row, column, c] * gain, encode)
        now = was
        if abs(more) > NOTHING:
            now += more * (was - _encoded(plate[row, column, c] * gain, encode))
        now += tone * now + shift
        out[row, column, c] = _decoded(now, decode) / gain
