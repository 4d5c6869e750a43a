"""Person over plate, then eyes and mouth over both, as standard operators: the twin of `engine.frame`'s composite.

Pixels come as lists, so that nothing is worked out for the background: the number of each in its batch of frames, and
the triangle seen there. What is linear within a triangle comes as planes, as the kernels have it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..engine.hull_kernels import LEAST, SOLID, SPAN
from ..engine.kernels import FILLED, PAD, SUBSAMPLES
from .graph import FLOAT, INT32, INT64, Graph, Value
from .sampling import padded


@dataclass(frozen=True)
class Canvas:
    """A batch of pictures on the device.

    Attributes:
        combined: (frames · H · W, 4), premultiplied; matte: (frames · H · W, 1).
        behind: (H · W, 4), the picture without the person.
        width, height: (1,) int32, pixels; frames: (1,) int64.
    """

    combined: Value
    matte: Value
    behind: Value
    width: Value
    height: Value
    frames: Value

    def position(self, pixel: Value) -> tuple[Value, Value]:
        """x and y of the pixels' centres, as float32."""
        y = (pixel / self.width) % self.height
        return (pixel % self.width).cast(FLOAT) + 0.5, y.cast(FLOAT) + 0.5


def empty_canvas(g: Graph) -> Canvas:
    """The picture without the person, as often as there are frames."""
    behind = g.input("behind", FLOAT, ("pixels", 4))
    width, height = (g.input(name, INT32, (1,)) for name in ("width", "height"))
    frames = g.input("frames", INT64, (1,))
    one = g.constant([1], INT64)
    pixels = (width * height).cast(INT64)
    combined = behind.reshape(1, -1, 4).expand(g.concat(frames, one, one, axis=0)).reshape(-1, 4)
    matte = g.constant([[0.0]], FLOAT).expand(g.concat(frames * pixels, one, axis=0))
    return Canvas(combined, matte, behind, width, height, frames)


@dataclass(frozen=True)
class _Texture:
    """The person and where each triangle takes its colour from; see `engine.frame.Planes`."""

    graph: Graph
    pixels: Value
    size: tuple[Value, Value]
    planes: Value

    def seen(self, triangle: Value, x: Value, y: Value) -> Value:
        """(n, 4) at the pixels x, y (n, 1), which show `triangle` (n,)."""
        return self.at(*linear(self.planes.rows(triangle), x, y, 2))

    def at(self, u: Value, v: Value) -> Value:
        return padded(self.graph, self.pixels, self.size, u, v, pad=PAD)


def shaded(g: Graph, canvas: Canvas) -> Canvas:
    """The person composited over it, from the inputs of `inputs.FrameLists`; no list may be empty."""
    size = (g.input("texture_width", INT32, (1,)), g.input("texture_height", INT32, (1,)))
    planes = g.input("planes", FLOAT, ("triangles", 6))
    texture = _Texture(g, g.input("texture", FLOAT, ("texels", 4)), size, planes)
    plain, triangle = g.input("plain", INT32, ("plain",)), g.input("plain_triangle", INT32, ("plain",))
    once = texture.seen(triangle, *(at.reshape(-1, 1) for at in canvas.position(plain)))
    multisampled = g.input("multisampled", INT32, ("multisampled",))
    pixel = g.concat(plain, multisampled, axis=0)
    colour = g.concat(once, _several(g, canvas, texture, multisampled), axis=0)
    alpha = colour.part(3, 4, axis=1)
    behind = canvas.behind.rows(pixel % (canvas.width * canvas.height))
    # what lies behind stays to the last bit where there is nothing of the person
    over = g.where(abs(alpha) > 0.0, colour + (1.0 - alpha) * behind, behind)
    return replace(
        canvas, combined=g.scatter(canvas.combined, pixel, over), matte=g.scatter(canvas.matte, pixel, alpha)
    )


def _several(g: Graph, canvas: Canvas, texture: _Texture, pixel: Value) -> Value:
    """Where parts hide each other and where skin is filled: the mean of SUBSAMPLES samples, (n, 4)."""
    triangles = g.input("multisampled_triangle", INT32, ("multisampled", SUBSAMPLES))
    fill = g.input("fill", FLOAT, ("triangles", 18))
    every = g.op("Shape", triangles, kind=INT64)
    x, y = (at.reshape(-1, 1).expand(every).reshape(-1, 1) for at in canvas.position(pixel))
    triangle = triangles.reshape(-1, 1)
    there = triangle > -1
    triangle = triangle.maximum(0).reshape(-1)
    own = texture.seen(triangle, x, y)
    u, v, weight, *gain = linear(fill.rows(triangle), x, y, 6)
    other = texture.at(u, v) * g.concat(*gain, g.constant([[1.0]], FLOAT).expand(g.op("Shape", u, kind=INT64)), axis=1)
    colour = g.where(there, g.where(weight > float(FILLED), own + weight * (other - own), own), 0.0)
    samples = colour.reshape(-1, SUBSAMPLES, 4) * (1.0 / SUBSAMPLES)
    total = samples.part(0, 1, axis=1)
    for k in range(1, SUBSAMPLES):
        total = total + samples.part(k, k + 1, axis=1)
    return total.reshape(-1, 4)


def with_hull(g: Graph, canvas: Canvas) -> tuple[Canvas, Value]:
    """The back of the head put between person and background: the twin of `hull_kernels.composite_hull`.

    Returns:
        the pictures; how much of each pixel is the hull's, (frames · H · W, 1).
    """
    pixel, layer = g.input("hull", INT32, ("hull",)), g.input("hull_layer", FLOAT, ("hull", 6))
    own, share, gives_way = (layer.part(k, k + 1, axis=1) for k in (3, 4, 5))
    alpha, colour = canvas.matte.rows(pixel), canvas.combined.rows(pixel)
    behind = canvas.behind.rows(pixel % (canvas.width * canvas.height))
    solid = ((alpha - float(SOLID)) / float(SPAN)).clip(0.0, 1.0)
    k = (alpha + share * (solid - alpha)) * (1.0 - share * gives_way)
    person = (colour - (1.0 - alpha) * behind) * (k / alpha.maximum(1e-4))
    back = layer.part(0, 4, axis=1) + (1.0 - own) * behind
    changed = (share > float(LEAST)) & (k < 1.0)
    shown = g.where(changed, (1.0 - k) * own, 0.0)
    combined = g.scatter(canvas.combined, pixel, g.where(changed, person + (1.0 - k) * back, colour))
    matte = g.scatter(canvas.matte, pixel, g.where(changed, k + shown, alpha))
    return replace(canvas, combined=combined, matte=matte), g.scatter(canvas.matte * 0.0, pixel, shown)


def patched(g: Graph, canvas: Canvas) -> Canvas:
    """Eyes and mouth composited over skin that is there: never over the plate."""
    pixel = g.input("patch", INT32, ("patch",))
    colour, coverage = g.input("patch_colour", FLOAT, ("patch", 4)), g.input("patch_coverage", FLOAT, ("patch", 1))
    under = canvas.combined.rows(pixel)
    over = under + coverage * canvas.matte.rows(pixel) * (colour - under)
    return replace(canvas, combined=g.scatter(canvas.combined, pixel, over))


def linear(planes: Value, x: Value, y: Value, count: int) -> list[Value]:
    """`count` values (n, 1) from planes (n, 3 · count): p0 + p1 x + p2 y each."""
    p = [planes.part(k, k + 1, axis=1) for k in range(3 * count)]
    return [p[3 * k] + p[3 * k + 1] * x + p[3 * k + 2] * y for k in range(count)]
