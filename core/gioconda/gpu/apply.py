"""Applies the networks' corrections to frames, as standard operators: the twin of `engine.apply_kernels`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..engine import apply_kernels
from ..engine.network_channels import FLOW, GAIN, MORE_MATTE, OFFSET, TONE_GAIN, TONE_MATTE, TONE_OFFSET, VIEWS
from ..neural.apply import STRAY, STRAY_SPAN, ring
from ..neural.crops import Sizes
from .encoding import decode, encode
from .features import NetworkInputs
from .graph import FLOAT, INT32, INT64, Graph, Value
from .sampling import clamped
from .shading import Canvas

EDGE, NOTHING, RIM, STILL = (
    float(k) for k in (apply_kernels.EDGE, apply_kernels.NOTHING, apply_kernels.RIM, apply_kernels.STILL)
)

FLAT = MORE_MATTE.stop  # channels without paint


@dataclass(frozen=True)
class _Corrections:
    """(frames, C, h, w) each: flow in pixels (1 and 1), gain 3, offset with paint 3, more of the matte 1."""

    across: Value
    down: Value
    gain: Value
    offset: Value
    more: Value


def corrected(
    g: Graph, canvas: Canvas, inputs: NetworkInputs, outputs: dict[str, Value], sizes: Sizes
) -> tuple[Canvas, Value]:
    """A batch of frames corrected, from the network's outputs and the inputs of `crops`.

    Returns:
        the frames; from how far right and down each pixel of the box comes, (frames · h · w, 2), 0 where it stays.
    """
    columns, rows = g.input("box_columns", INT32, ("box_columns",)), g.input("box_rows", INT32, ("box_rows",))
    x = columns.cast(FLOAT).reshape(1, 1, 1, -1) + 0.5
    y = rows.cast(FLOAT).reshape(1, 1, -1, 1) + 0.5
    uncovered = g.input("uncovered", FLOAT, ("frames", 1, sizes.head, sizes.head))
    wanted = _corrections(g, _upsampled(g, outputs, sizes), inputs.mask * uncovered, x, y)
    first = g.input("first", INT32, ("frames",)).reshape(-1, 1, 1)
    still = rows.reshape(1, -1, 1) * canvas.width + columns.reshape(1, 1, -1)
    pixel, begins = (first + still).reshape(-1), (first + still * 0).reshape(-1, 1)
    behind = canvas.behind.rows((still + first * 0).reshape(-1))
    # where each colour is now taken from; to the last bit where it was when it hardly moves
    moves = _flat((abs(wanted.across) > STILL) | (abs(wanted.down) > STILL), 1)
    flow = g.where(moves, g.concat(_flat(wanted.across, 1), _flat(wanted.down, 1), axis=1), 0.0)
    from_x, from_y = _flat(wanted.across + x, 1), _flat(wanted.down + y, 1)
    colour, matte = _moved(g, canvas, pixel, begins, (from_x, from_y), moves)
    colour, matte = _toned(g, colour, matte, behind, inputs.gain, wanted)
    combined, matte = g.scatter(canvas.combined, pixel, colour), g.scatter(canvas.matte, pixel, matte)
    return replace(canvas, combined=combined, matte=matte), flow


def _flat(value: Value, channels: int) -> Value:
    """(frames, C, h, w) → (frames · h · w, C)."""
    return value.transpose(0, 2, 3, 1).reshape(-1, channels)


def _upsampled(g: Graph, outputs: dict[str, Value], sizes: Sizes) -> dict[str, Value]:
    """The outputs for each crop, (frames, FLAT, size, size), with its strength: paint is added to the tone's offset."""
    lips, eyes = g.input("lips_strength", FLOAT, ("frames", 1)), g.input("eyes_strength", FLOAT, ("frames", 2))
    made = {}
    for part, size in (("head", sizes.head), ("mouth", sizes.mouth), ("eyes", sizes.eye)):
        flow, tone = (_resized(g, outputs[f"{part}_{kind}"], size) for kind in ("flow", "tone"))
        offset = tone.channels(TONE_OFFSET) + outputs[f"{part}_paint"]
        made[part] = g.concat(flow, tone.channels(TONE_GAIN), offset, tone.channels(TONE_MATTE), axis=1)
    made["mouth"] = _without_strays(g, made["mouth"] * lips.reshape(-1, 1, 1, 1), sizes.mouth)
    both = made.pop("eyes") * eyes.reshape(-1, 1, 1, 1)
    both = _without_strays(g, both, sizes.eye).reshape(-1, 2, FLAT, sizes.eye, sizes.eye)
    for k, name in enumerate(("left", "right")):
        made[name] = both.part(k, k + 1, axis=1).reshape(-1, FLAT, sizes.eye, sizes.eye)
    return made


def _without_strays(g: Graph, outputs: Value, size: int) -> Value:
    """As `neural.apply`: a detail's corrections, those that are too strong at its rim faded out."""
    toned = outputs.channels(GAIN) * 0.5 + outputs.channels(OFFSET)
    squares = toned * toned * g.constant(ring(size)[None, None] / 3, FLOAT)
    stray = g.op("Sqrt", g.op("ReduceSum", squares, g.constant([1, 2, 3], INT64), keepdims=1))
    return outputs * (1.0 - _smoothstep((stray - STRAY) / STRAY_SPAN))


def _resized(g: Graph, output: Value, size: int) -> Value:
    """(N, C, h, w) at another size, linearly."""
    batch = g.op("Shape", output, kind=INT64).part(0, 2, axis=0)
    shape = g.concat(batch, g.constant([size, size], INT64), axis=0)
    nothing = Value(g, "", FLOAT)
    return g.op("Resize", output, nothing, nothing, shape, mode="linear", coordinate_transformation_mode="half_pixel")


def _corrections(g: Graph, outputs: dict[str, Value], mask: Value, x: Value, y: Value) -> _Corrections:
    """The outputs where the picture's pixels are, details blended over the head's where they overlap."""
    into, turns = g.input("crops", FLOAT, ("frames", 24)), g.input("turns", FLOAT, ("frames", 16))
    u, v = _in_crop(into, 0, x, y)
    strength = _strength(g, mask, u, v)
    head = _sampled(g, outputs["head"], u, v)
    across, down = _in_pixels(turns, 0, head)
    gain, offset, more = (head.channels(each) for each in (GAIN, OFFSET, MORE_MATTE))
    for k, name in enumerate(VIEWS[1:], start=1):
        u, v = _in_crop(into, k, x, y)
        fade = _smoothstep(u.minimum(1.0 - u) / EDGE) * _smoothstep(v.minimum(1.0 - v) / EDGE)
        here = _sampled(g, outputs[name], u, v)
        right, below = _in_pixels(turns, k, here)
        across, down = across + fade * (right - across), down + fade * (below - down)
        gain = gain + fade * (here.channels(GAIN) - gain)
        offset = offset + fade * (here.channels(OFFSET) - offset)
    return _Corrections(*(value * strength for value in (across, down, gain, offset, more)))


def _in_crop(into: Value, k: int, x: Value, y: Value) -> tuple[Value, Value]:
    """Where pixels are within crop k, 0..1, (frames, 1, h, w) each."""
    a, b, c, d, e, f = (into.part(6 * k + i, 6 * k + i + 1, axis=1).reshape(-1, 1, 1, 1) for i in range(6))
    return a * x + b * y + c, d * x + e * y + f


def _in_pixels(turns: Value, k: int, output: Value) -> tuple[Value, Value]:
    """A crop's flow in pixels of the picture."""
    a, b, c, d = (turns.part(4 * k + i, 4 * k + i + 1, axis=1).reshape(-1, 1, 1, 1) for i in range(4))
    right, below = output.part(FLOW.start, FLOW.start + 1, axis=1), output.part(FLOW.start + 1, FLOW.stop, axis=1)
    return a * right + b * below, c * right + d * below


def _sampled(g: Graph, output: Value, u: Value, v: Value) -> Value:
    """(frames, C, size, size) at u, v in 0..1, linearly, the border repeated."""
    grid = g.concat(*((axis * 2.0 - 1.0).transpose(0, 2, 3, 1) for axis in (u, v)), axis=3)
    return g.op("GridSample", output, grid, mode="bilinear", padding_mode="border", align_corners=0)


def _strength(g: Graph, mask: Value, u: Value, v: Value) -> Value:
    """How much of the corrections, (frames, 1, h, w): within the head's crop, softly where the picture goes on."""
    whole, fades = g.input("strength", FLOAT, ("frames", 1)), g.input("fades", FLOAT, (4,))
    outside = ((u.minimum(1.0 - u)).minimum(v.minimum(1.0 - v))) < 0.0
    strength = _sampled(g, mask, u, v) * whole.reshape(-1, 1, 1, 1)
    for k, distance in enumerate((u, v, 1.0 - u, 1.0 - v)):
        strength = strength * (1.0 - fades.part(k, k + 1, axis=0) * (1.0 - _smoothstep(distance / RIM)))
    return g.where(outside, 0.0, strength)


def _smoothstep(distance: Value) -> Value:
    x = distance.clip(0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _moved(
    g: Graph, canvas: Canvas, pixel: Value, begins: Value, at: tuple[Value, Value], moves: Value
) -> tuple[Value, Value]:
    """Colours (n, 4) and matte (n, 1) from where the flow says."""
    size = (canvas.width, canvas.height)
    colour, a, b, c, d, dx, dy = clamped(g, canvas.combined, begins, size, *at)
    upper, lower = (
        canvas.matte.rows(one.reshape(-1)) * (1.0 - dx) + canvas.matte.rows(other.reshape(-1)) * dx
        for one, other in ((a, b), (c, d))
    )
    matte = upper * (1.0 - dy) + lower * dy
    return g.where(moves, colour, canvas.combined.rows(pixel)), g.where(moves, matte, canvas.matte.rows(pixel))


def _toned(
    g: Graph, colour: Value, matte: Value, behind: Value, gain: Value, wanted: _Corrections
) -> tuple[Value, Value]:
    """The person made more or less opaque against the plate, toned, painted; the rest to the last bit as it was."""
    more = _flat(wanted.more, 1) * 4.0 * matte * (1.0 - matte)
    tone, offset = _flat(wanted.gain, 3), _flat(wanted.offset, 3)
    thicker = abs(more) > NOTHING
    light = colour.part(0, 3, axis=1)
    was = encode(g, light * gain)
    now = g.where(thicker, was + more * (was - encode(g, behind.part(0, 3, axis=1) * gain)), was)
    now = now + (tone * now + offset)
    changed = (abs(tone) + abs(offset) > NOTHING) | thicker
    light = g.where(changed, decode(g, now) / gain, light)
    return (
        g.concat(light, colour.part(3, 4, axis=1), axis=1),
        g.where(thicker, (matte * (more + 1.0)).clip(0.0, 1.0), matte),
    )
