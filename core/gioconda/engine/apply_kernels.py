"""Applies a network's corrections to a frame's rows at the picture's own size. Compiled by numba; knows no networks.

Colours are moved, toned and painted in encoded values (`neural.encoding`), which are looked up in tables; whatever the
tables do not hold (below 0, above 1) goes the exact way. Pixels without a correction keep their value to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays import Float32
from ..imaging import srgb
from .kernels import bilinear, cubic_channel, cubic_weights, inlined, prange, smoothstep32, texel, threaded
from .network_channels import CORRECTION, GAIN, MORE_MATTE, OFFSET, PAINT

STEPS = 4096  # of the tables
TOE, SLOPE = np.float32(srgb.TOE), np.float32(srgb.SLOPE_AT_WHITE)
NOTHING = np.float32(1e-4)  # corrections below this are none
STILL = np.float32(0.02)  # pixels: a flow below this is none
EDGE = np.float32(0.3)  # of a detail's side over which it fades out
RIM = np.float32(0.06)  # of the head's side
ONE = np.float32(1.0)
_GAIN, _OFFSET, _MORE, _PAINT = GAIN.start, OFFSET.start, MORE_MATTE.start, PAINT.start
JUMP = np.float32(4.0)  # steps of one pixel: neighbours farther apart lie on different surfaces


class Curve(NamedTuple):
    """sRGB's curve of the square of 0..1, and its inverse of 0..1, each (STEPS + 2,) float32."""

    encode: Float32
    decode: Float32


class Rows(NamedTuple):
    """Finished rows of a frame: all that are corrected, and as many above and below as the flows reach.

    Attributes:
        combined: (rows, W, 4) float32, premultiplied; matte: (rows, W) float32.
        top: the first row's number; height: the picture's.
    """

    combined: Float32
    matte: Float32
    top: int
    height: int


class CropOutputs(NamedTuple):
    """What the networks answered for a frame's crops.

    Attributes:
        crops: (4, 2, 3) float32, picture pixels → 0..1 within the crops of head, mouth, left and right eye.
        fades: (4,) float32: 1 where the head's corrections must fade at the left, top, right, bottom.
        mask: (size, size) float32, 0..1, within the head's crop: how much may be corrected.
        head, mouth: (1, size, size, CORRECTION) float32: flow 2 in sides of the crop, tone 7, paint 3; eyes: (2, …).
    """

    crops: Float32
    fades: Float32
    mask: Float32
    head: Float32
    mouth: Float32
    eyes: Float32


_T = np.arange(STEPS + 2) / STEPS
CURVE = Curve(srgb.encode(_T * _T).astype(np.float32), srgb.decode(_T).astype(np.float32))


@inlined
def encoded(x, table):  # type: ignore[no-untyped-def]
    """Light → network values; table: `Curve.encode`."""
    if x < np.float32(0.0):
        return x * TOE
    if x >= np.float32(1.0):
        return np.float32(1.0) + SLOPE * np.float32(np.log(x))
    t = np.float32(np.sqrt(x)) * np.float32(STEPS)
    i = int(t)
    return table[i] + (t - np.float32(i)) * (table[i + 1] - table[i])


@inlined
def _decoded(e, table):  # type: ignore[no-untyped-def]
    if e < np.float32(0.0):
        return e / TOE
    if e >= np.float32(1.0):
        return np.float32(np.exp(min((e - np.float32(1.0)) / SLOPE, np.float32(80.0))))
    t = e * np.float32(STEPS)
    i = int(t)
    return table[i] + (t - np.float32(i)) * (table[i + 1] - table[i])


@inlined
def _sampled(outputs, n, u, v, weight):  # type: ignore[no-untyped-def]
    """weight · outputs[n] (h, w, CORRECTION) sampled bilinearly at (u, v) in 0..1."""
    h, w = outputs.shape[1], outputs.shape[2]
    ix, iy, dx, dy = texel(u * np.float32(w), v * np.float32(h), w, h)
    weights = (
        (ONE - dx) * (ONE - dy) * weight,
        dx * (ONE - dy) * weight,
        (ONE - dx) * dy * weight,
        dx * dy * weight,
    )
    return (
        _four(outputs, n, iy, ix, 0, weights)
        + _four(outputs, n, iy, ix, 4, weights)
        + _four(outputs, n, iy, ix, 8, weights)
    )


@inlined
def _four(outputs, n, y, x, c, weights):  # type: ignore[no-untyped-def]
    """Channels c … c + 3 of a weighted sum of four neighbours: one vector."""
    return (
        _weighed(outputs, n, y, x, c, weights),
        _weighed(outputs, n, y, x, c + 1, weights),
        _weighed(outputs, n, y, x, c + 2, weights),
        _weighed(outputs, n, y, x, c + 3, weights),
    )


@inlined
def _weighed(outputs, n, y, x, c, weights):  # type: ignore[no-untyped-def]
    w00, w01, w10, w11 = weights
    upper = w00 * outputs[n, y, x, c] + w01 * outputs[n, y, x + 1, c]
    return upper + w10 * outputs[n, y + 1, x, c] + w11 * outputs[n, y + 1, x + 1, c]


@inlined
def _sample(rows, x, y, colour):  # type: ignore[no-untyped-def]
    """Into colour[:4] a Catmull-Rom sample of `Rows` at (x, y), the picture's border repeated, held within its sixteen
    pixels' range; into colour[4] a bilinear one of the matte."""
    image, matte, top, h = rows.combined, rows.matte, rows.top, rows.height
    w = image.shape[1]
    fx = min(max(x - np.float32(0.5), np.float32(0.0)), np.float32(w - 1))
    fy = min(max(y - np.float32(0.5), np.float32(0.0)), np.float32(h - 1))
    ix, iy = int(fx), int(fy)
    dx, dy = np.float32(fx - ix), np.float32(fy - iy)
    xs = (max(ix - 1, 0), ix, min(ix + 1, w - 1), min(ix + 2, w - 1))
    ys = (max(iy - 1, 0) - top, iy - top, min(iy + 1, h - 1) - top, min(iy + 2, h - 1) - top)
    wx, wy = cubic_weights(dx), cubic_weights(dy)
    colour[0] = cubic_channel(image, ys, xs, 0, wx, wy)
    colour[1] = cubic_channel(image, ys, xs, 1, wx, wy)
    colour[2] = cubic_channel(image, ys, xs, 2, wx, wy)
    colour[3] = cubic_channel(image, ys, xs, 3, wx, wy)
    upper = matte[ys[1], xs[1]] * (ONE - dx) + matte[ys[1], xs[2]] * dx
    lower = matte[ys[2], xs[1]] * (ONE - dx) + matte[ys[2], xs[2]] * dx
    colour[4] = upper * (ONE - dy) + lower * dy


@inlined
def _in_crop(crops, k, x, y):  # type: ignore[no-untyped-def]
    """A pixel of the picture in 0..1 within crop k."""
    u = crops[k, 0, 0] * x + crops[k, 0, 1] * y + crops[k, 0, 2]
    v = crops[k, 1, 0] * x + crops[k, 1, 1] * y + crops[k, 1, 2]
    return u, v


@threaded
def apply_corrections(  # type: ignore[no-untyped-def]
    rows, layers, outputs, curve, gain, box, row0, combined, matte, flow
):
    """Corrections of head, mouth and eyes, blended where they overlap, then applied at once: one resampling.

    Args:
        rows, layers, outputs, curve: `Rows`, `kernels.Layers`, `CropOutputs`, `Curve`.
        gain: linear light to the screen's range.
        box: (4,) int32, x0, y0, x1, y1: what of the picture is corrected.
        row0: the number of the first row to correct.
        combined: (n, W, 4) and matte: (n, W) float32, out: hold what `rows` does there.
        flow: (n, W, 2) float32, out, 0 before: from how far right and down each pixel comes; may be empty: not wanted.
    """
    crops, fades, head, mouth, eyes = outputs.crops, outputs.fades, outputs.head, outputs.mouth, outputs.eyes
    source, plate, window = layers.source, layers.plate, layers.window
    high, wide = outputs.mask.shape
    mask = outputs.mask.reshape(high, wide, 1)
    x0, y0 = box[0], box[1]
    first, last = max(y0, row0), min(box[3], row0 + combined.shape[0])
    turns = np.empty((4, 2, 2), np.float32)
    for k in range(4):
        # a step in crop units → pixels: the crop's axes are orthogonal and equally long
        square = crops[k, 0, 0] * crops[k, 0, 0] + crops[k, 1, 0] * crops[k, 1, 0]
        for a in range(2):
            for b in range(2):
                turns[k, a, b] = crops[k, b, a] / square
    for py in prange(first, max(first, last)):
        values, more, colour = (
            np.empty(CORRECTION, np.float32),
            np.empty(CORRECTION, np.float32),
            np.empty(5, np.float32),
        )
        behind = np.empty(3, np.float32)
        y = np.float32(py) + np.float32(0.5)
        for px in range(x0, box[2]):
            x = np.float32(px) + np.float32(0.5)
            u, v = _in_crop(crops, 0, x, y)
            if u < 0 or v < 0 or u > 1 or v > 1:
                continue
            ix, iy, dx, dy = texel(u * np.float32(wide), v * np.float32(high), wide, high)
            strength = bilinear(mask, ix, iy, dx, dy, 0)
            if strength <= 0:
                continue
            if fades[0] > 0:
                strength *= smoothstep32(u / RIM)
            if fades[1] > 0:
                strength *= smoothstep32(v / RIM)
            if fades[2] > 0:
                strength *= smoothstep32((ONE - u) / RIM)
            if fades[3] > 0:
                strength *= smoothstep32((ONE - v) / RIM)
            answer = _sampled(head, 0, u, v, strength)
            for c in range(CORRECTION):
                values[c] = answer[c]
            _to_pixels(values, turns[0])
            for k in range(1, 4):
                u, v = _in_crop(crops, k, x, y)
                if u <= 0 or v <= 0 or u >= 1 or v >= 1:
                    continue
                fade = smoothstep32(min(u, ONE - u) / EDGE) * smoothstep32(min(v, ONE - v) / EDGE)
                weight = fade * strength
                answer = _sampled(mouth, 0, u, v, weight) if k == 1 else _sampled(eyes, k - 2, u, v, weight)
                for c in range(CORRECTION):
                    more[c] = answer[c]
                _to_pixels(more, turns[k])
                more[_MORE] = fade * values[_MORE]
                for c in range(CORRECTION):
                    values[c] = (ONE - fade) * values[c] + more[c]
            inside = window[0] <= px < window[2] and window[1] <= py < window[3]
            for c in range(3):
                behind[c] = plate[py - window[1], px - window[0], c] if inside else source[py, px, c]
            _apply_to_pixel(values, rows, behind, px, py, curve, gain, colour, py - row0, combined, matte, flow)


@inlined
def _to_pixels(values, turn):  # type: ignore[no-untyped-def]
    """The flow, values[:2], from crop units to pixels."""
    across, down = values[0], values[1]
    values[0] = turn[0, 0] * across + turn[0, 1] * down
    values[1] = turn[1, 0] * across + turn[1, 1] * down


@inlined
def _apply_to_pixel(  # type: ignore[no-untyped-def]
    values, rows, behind, px, py, curve, gain, colour, row, combined, matte, flow
):
    """One pixel: moved, the person strengthened or thinned against the plate, toned, painted."""
    alpha = rows.matte[py - rows.top, px]
    if abs(values[0]) > STILL or abs(values[1]) > STILL:
        x, y = np.float32(px) + np.float32(0.5) + values[0], np.float32(py) + np.float32(0.5) + values[1]
        _sample(rows, x, y, colour)
        alpha = colour[4]
        matte[row, px] = alpha
        for c in range(4):
            combined[row, px, c] = colour[c]
        if len(flow):
            flow[row, px, 0], flow[row, px, 1] = values[0], values[1]
    more = values[_MORE] * np.float32(4.0) * alpha * (ONE - alpha)
    if abs(more) > NOTHING:
        matte[row, px] = min(max(alpha * (ONE + more), np.float32(0.0)), ONE)
    for c in range(3):
        tone, shift = values[_GAIN + c], values[_OFFSET + c] + values[_PAINT + c]
        if abs(more) <= NOTHING and abs(tone) + abs(shift) <= NOTHING:
            continue
        was = encoded(combined[row, px, c] * gain, curve.encode)
        now = was
        if abs(more) > NOTHING:
            now += more * (was - encoded(behind[c] * gain, curve.encode))
        now += tone * now + shift
        combined[row, px, c] = _decoded(now, curve.decode) / gain


@threaded
def warp_pass(values, top, height, flow, row0, scale, out):  # type: ignore[no-untyped-def]
    """What a pass says, taken from where each colour is taken from: linearly within a surface, else the nearest.

    Args:
        values: (rows, W, K) float32, rows of a pass from `top` on, as far as the flow reaches; height: of the picture.
        flow: (n, W, 2) float32, of `apply_corrections`, from the row `row0` on.
        scale: (K,) float32: how much of each channel is a step of one pixel; neighbours more than JUMP steps apart lie
            on different surfaces. 0: never.
        out: (n, W, K) float32: holds what `values` does there.
    """
    width, count = values.shape[1], values.shape[2]
    for row in prange(len(flow)):
        for px in range(width):
            if flow[row, px, 0] == 0 and flow[row, px, 1] == 0:
                continue
            fx = min(max(np.float32(px) + flow[row, px, 0], np.float32(0.0)), np.float32(width - 1))
            fy = min(max(np.float32(row0 + row) + flow[row, px, 1], np.float32(0.0)), np.float32(height - 1))
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
