"""Applies the networks' corrections to frames, as standard operators: the twin of `engine.apply_kernels`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..engine import apply_kernels
from ..neural.crops import Sizes
from .encoding import decode, encode
from .features import Seen
from .graph import FLOAT, INT32, INT64, Graph, Value
from .sampling import clamped
from .shading import Canvas

EDGE, NOTHING, RIM, STILL = (
    float(k) for k in (apply_kernels.EDGE, apply_kernels.NOTHING, apply_kernels.RIM, apply_kernels.STILL)
)
_PARTS = ("head", "mouth", "left", "right")


@dataclass(frozen=True)
class _Wanted:
    """Corrections, (frames, C, h, w) each: flow in pixels (1 and 1), gain 3, what is added 3, more of the person 1."""

    across: Value
    down: Value
    gain: Value
    added: Value
    more: Value


def corrected(g: Graph, canvas: Canvas, seen: Seen, said: dict[str, Value], sizes: Sizes) -> tuple[Canvas, Value]:
    """A batch of frames corrected, from the networks' answers and the inputs of `squares`.

    Returns:
        the frames; from how far right and down each pixel of the box comes, (frames · h · w, 2), 0 where it stays.
    """
    columns, rows = g.input("box_columns", INT32, ("box_columns",)), g.input("box_rows", INT32, ("box_rows",))
    x = columns.cast(FLOAT).reshape(1, 1, 1, -1) + 0.5
    y = rows.cast(FLOAT).reshape(1, 1, -1, 1) + 0.5
    wanted = _wanted(g, _answers(g, said, sizes), seen.allowed, x, y)
    first = g.input("first", INT32, ("frames",)).reshape(-1, 1, 1)
    still = rows.reshape(1, -1, 1) * canvas.width + columns.reshape(1, 1, -1)
    pixel, begins = (first + still).reshape(-1), (first + still * 0).reshape(-1, 1)
    behind = canvas.behind.rows((still + first * 0).reshape(-1))
    # where each colour is now taken from; to the last bit where it was when it hardly moves
    moves = _flat((abs(wanted.across) > STILL) | (abs(wanted.down) > STILL), 1)
    flow = g.where(moves, g.concat(_flat(wanted.across, 1), _flat(wanted.down, 1), axis=1), 0.0)
    from_x, from_y = _flat(wanted.across + x, 1), _flat(wanted.down + y, 1)
    colour, matte = _moved(g, canvas, pixel, begins, (from_x, from_y), moves)
    colour, matte = _toned(g, colour, matte, behind, seen.gain, wanted)
    combined, matte = g.scatter(canvas.combined, pixel, colour), g.scatter(canvas.matte, pixel, matte)
    return replace(canvas, combined=combined, matte=matte), flow


def _flat(value: Value, channels: int) -> Value:
    """(frames, C, h, w) → (frames · h · w, C)."""
    return value.transpose(0, 2, 3, 1).reshape(-1, channels)


def _answers(g: Graph, said: dict[str, Value], sizes: Sizes) -> dict[str, Value]:
    """What was said of each square, (frames, 9, size, size), each with the strength it is to have."""
    lips, eyes = g.input("lips_strength", FLOAT, ("frames", 1)), g.input("eyes_strength", FLOAT, ("frames", 2))
    made = {}
    for part, size in (("head", sizes.head), ("mouth", sizes.mouth), ("eyes", sizes.eye)):
        flow, tone = (_grown(g, said[f"{part}_{kind}"], size) for kind in ("flow", "tone"))
        added = tone.part(3, 6, axis=1) + said[f"{part}_paint"]
        made[part] = g.concat(flow, tone.part(0, 3, axis=1), added, tone.part(6, 7, axis=1), axis=1)
    made["mouth"] = made["mouth"] * lips.reshape(-1, 1, 1, 1)
    both = made.pop("eyes").reshape(-1, 2, 9, sizes.eye, sizes.eye)
    for k, name in enumerate(("left", "right")):
        strength = eyes.part(k, k + 1, axis=1).reshape(-1, 1, 1, 1)
        made[name] = both.part(k, k + 1, axis=1).reshape(-1, 9, sizes.eye, sizes.eye) * strength
    return made


def _grown(g: Graph, answer: Value, size: int) -> Value:
    """(N, C, h, w) at another size, linearly."""
    batch = g.op("Shape", answer, kind=INT64).part(0, 2, axis=0)
    shape = g.concat(batch, g.constant([size, size], INT64), axis=0)
    nothing = Value(g, "", FLOAT)
    return g.op("Resize", answer, nothing, nothing, shape, mode="linear", coordinate_transformation_mode="half_pixel")


def _wanted(g: Graph, answers: dict[str, Value], allowed: Value, x: Value, y: Value) -> _Wanted:
    """The answers where the picture's pixels are, details blended over the head's where they overlap."""
    into, turns = g.input("crops", FLOAT, ("frames", 24)), g.input("turns", FLOAT, ("frames", 16))
    u, v = _place(into, 0, x, y)
    share = _share(g, allowed, u, v)
    head = _sampled(g, answers["head"], u, v)
    across, down = _in_pixels(turns, 0, head)
    gain, added, more = head.part(2, 5, axis=1), head.part(5, 8, axis=1), head.part(8, 9, axis=1)
    for k, name in enumerate(_PARTS[1:], start=1):
        u, v = _place(into, k, x, y)
        fade = _rise(u.minimum(1.0 - u) / EDGE) * _rise(v.minimum(1.0 - v) / EDGE)
        here = _sampled(g, answers[name], u, v)
        right, below = _in_pixels(turns, k, here)
        across, down = across + fade * (right - across), down + fade * (below - down)
        gain = gain + fade * (here.part(2, 5, axis=1) - gain)
        added = added + fade * (here.part(5, 8, axis=1) - added)
    return _Wanted(*(value * share for value in (across, down, gain, added, more)))


def _place(into: Value, k: int, x: Value, y: Value) -> tuple[Value, Value]:
    """Where pixels are within square k, 0..1, (frames, 1, h, w) each."""
    a, b, c, d, e, f = (into.part(6 * k + i, 6 * k + i + 1, axis=1).reshape(-1, 1, 1, 1) for i in range(6))
    return a * x + b * y + c, d * x + e * y + f


def _in_pixels(turns: Value, k: int, answer: Value) -> tuple[Value, Value]:
    """A square's flow in pixels of the picture."""
    a, b, c, d = (turns.part(4 * k + i, 4 * k + i + 1, axis=1).reshape(-1, 1, 1, 1) for i in range(4))
    right, below = answer.part(0, 1, axis=1), answer.part(1, 2, axis=1)
    return a * right + b * below, c * right + d * below


def _sampled(g: Graph, answer: Value, u: Value, v: Value) -> Value:
    """(frames, C, size, size) at u, v in 0..1, linearly, the border repeated."""
    grid = g.concat(*((axis * 2.0 - 1.0).transpose(0, 2, 3, 1) for axis in (u, v)), axis=3)
    return g.op("GridSample", answer, grid, mode="bilinear", padding_mode="border", align_corners=0)


def _share(g: Graph, allowed: Value, u: Value, v: Value) -> Value:
    """How much of the corrections, (frames, 1, h, w): within the head's square, softly where the picture goes on."""
    strength, rims = g.input("strength", FLOAT, ("frames", 1)), g.input("rims", FLOAT, (4,))
    inside = ((u.minimum(1.0 - u)).minimum(v.minimum(1.0 - v))) < 0.0
    share = _sampled(g, allowed, u, v) * strength.reshape(-1, 1, 1, 1)
    for k, distance in enumerate((u, v, 1.0 - u, 1.0 - v)):
        fades = rims.part(k, k + 1, axis=0)
        share = share * (1.0 - fades * (1.0 - _rise(distance / RIM)))
    return g.where(inside, 0.0, share)


def _rise(distance: Value) -> Value:
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


def _toned(g: Graph, colour: Value, matte: Value, behind: Value, gain: Value, wanted: _Wanted) -> tuple[Value, Value]:
    """The person strengthened or thinned against the plate, toned, painted; the rest to the last bit as it was."""
    more = _flat(wanted.more, 1) * 4.0 * matte * (1.0 - matte)
    tone, added = _flat(wanted.gain, 3), _flat(wanted.added, 3)
    thicker = abs(more) > NOTHING
    light = colour.part(0, 3, axis=1)
    was = encode(g, light * gain)
    now = g.where(thicker, was + more * (was - encode(g, behind.part(0, 3, axis=1) * gain)), was)
    now = now + (tone * now + added)
    changed = (abs(tone) + abs(added) > NOTHING) | thicker
    light = g.where(changed, decode(g, now) / gain, light)
    return (
        g.concat(light, colour.part(3, 4, axis=1), axis=1),
        g.where(thicker, (matte * (more + 1.0)).clip(0.0, 1.0), matte),
    )
