"""Eyeballs: iris and sclera coloured as the still's, highlights where the person's lamps put them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ... import landmarks as lm
from ...imaging import resample
from .head import Person
from .texture import sample

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

RINGS = 24
_LOOPS = ((lm.EYE_RIGHT, lm.IRIS_RIGHT), (lm.EYE_LEFT, lm.IRIS_LEFT))


@dataclass(frozen=True)
class Eyes:
    """How a person's eyes look, scene-linear.

    Attributes:
        iris: (RINGS, 3) from the middle to the rim; pupil: its share of the iris' radius.
        sclera: (3,); white: brightness of something white in this light.
        limbus: angle from the axis to the iris' rim, radians.
        waves: (n, 3) frequency, phase, strength of the iris' streaks.
        glints: (n, 4) x, y in radii of the iris, size, brightness.
        lashes: seed of the strands; lash_colour: (3,).
    """

    iris: Float
    pupil: float
    sclera: Float
    white: float
    limbus: float
    waves: Float
    glints: Float
    lashes: int
    lash_colour: Float

    def colour(self, way: Float) -> Float:
        """(N, 3) directions from the eyeball's centre, the eye's own axis towards −z → (N, 3)."""
        angle = np.arccos(np.clip(-way[:, 2], -1, 1))
        around = np.arctan2(way[:, 1], way[:, 0])
        radius = angle / self.limbus
        rings = (np.arange(RINGS) + 0.5) / RINGS
        iris = np.stack([np.interp(radius, rings, self.iris[:, c]) for c in range(3)], axis=1)
        streaks = sum(s * np.sin(f * around + p + 2 * radius * np.sin(f)) for f, p, s in self.waves)
        band = np.clip((radius - self.pupil) / 0.15, 0, 1) * np.clip((1 - radius) / 0.15, 0, 1)
        iris = iris * (1 + np.asarray(streaks) * band)[:, None]
        open_ = _rise((radius - self.pupil) / 0.06 + 0.5)[:, None]
        iris = 0.012 * self.white + (iris - 0.012 * self.white) * open_
        corner = np.clip((np.abs(way[:, 0]) - 0.55) / 0.35, 0, 1)[:, None]
        sclera = self.sclera * (1 - corner * [0.05, 0.22, 0.22])
        sclera = sclera * (1 + 0.03 * np.sin(9 * way[:, 0] + 5 * way[:, 1]) + 0.02 * np.sin(31 * way[:, 1]))[:, None]
        rim = _rise((radius - 0.94) / 0.14)[:, None]
        return np.asarray(iris + (sclera - iris) * rim)


def eyes_of(person: Person, picture: Float32, points: Float, skin: Float, rng: np.random.Generator) -> Eyes:
    """From the still: points (478, 3) its landmarks, skin (3,) the mean colour of the face."""
    rings: list[list[Float]] = [[] for _ in range(RINGS)]
    whites: list[Float] = []
    for loop, iris in _LOOPS:
        inside, at = between(points[list(loop), :2])
        colours = sample(picture, at)[inside]
        far = np.linalg.norm(at[inside] - points[iris[0], :2], axis=1) / (person.iris * person.pose.scale)
        for k in range(RINGS):
            near = np.abs(far - (k + 0.5) / RINGS) < 0.06
            rings[k] += list(colours[near])
        whites += list(colours[far > 1.25])
    typical = np.array([0.12, 0.075, 0.05]) * skin.mean() / 0.3
    iris_rings = np.array([np.quantile(r, 0.45, axis=0) if len(r) > 6 else typical for r in rings])
    iris_rings = np.stack([np.convolve(np.pad(c, 2, mode="edge"), np.ones(5) / 5, "valid") for c in iris_rings.T], 1)
    iris_rings[: RINGS // 2] = iris_rings[RINGS // 2]  # the pupil and its highlight are painted
    sclera = _sclera(np.array(whites), skin)
    count = 14
    waves = np.column_stack([rng.integers(5, 60, count), rng.uniform(0, 6.3, count), rng.uniform(0.02, 0.08, count)])
    glints = [
        [rng.uniform(-0.45, 0.45), rng.uniform(-0.6, -0.1), rng.uniform(0.09, 0.2), rng.uniform(0.8, 2.2)]
        for _ in range(int(rng.integers(1, 3)))
    ]
    white = float(sclera.mean()) / 0.8
    limbus = float(np.arcsin(np.clip(person.iris / 1.45, 0.25, 0.6)))
    dark = np.minimum(0.12 * skin + 0.01, 0.08)
    return Eyes(
        iris_rings,
        float(rng.uniform(0.3, 0.5)),
        sclera,
        white,
        limbus,
        waves,
        np.array(glints),
        int(rng.integers(1 << 30)),
        dark,
    )


def between(loop: Float) -> tuple[npt.NDArray[np.bool_], Float]:
    """A grid of places around an opening, its outline (n, 2): (N,) which lie well within it, (N, 2) the places."""
    low, high = loop.min(0), loop.max(0)
    at = np.stack(np.meshgrid(*(np.linspace(low[k], high[k], 60) for k in range(2))), axis=-1).reshape(-1, 2)
    middle = loop.mean(0)
    ring = middle + (loop - middle) * [0.92, 0.72]
    a, b = ring, np.roll(ring, -1, axis=0)
    crosses = (a[:, 1] > at[:, 1:]) != (b[:, 1] > at[:, 1:])
    slope = (b[:, 0] - a[:, 0]) / np.where(b[:, 1] == a[:, 1], 1e-9, b[:, 1] - a[:, 1])
    inside = (crosses & (at[:, :1] < a[:, 0] + (at[:, 1:] - a[:, 1]) * slope)).sum(1) % 2 == 1
    return inside, at


def _sclera(whites: Float, skin: Float) -> Float:
    """The still's, but no darker than skin, and near to grey."""
    if len(whites) < 20:
        found = np.full(3, 1.1 * skin.mean())
    else:
        bright = whites.mean(1)
        found = whites[bright >= np.quantile(bright, 0.5)].mean(0)
    level = float(np.clip(found.mean(), 0.75 * skin.mean(), 1.0))
    tone = 0.6 * found / max(found.mean(), 1e-6) + 0.4
    return np.asarray(level * tone)


def add_glints(picture: Float32, cover: Float32, eyes: Eyes, middle: Float, radius_px: float) -> None:
    """Highlights around the cornea's middle (2,) pixels where an eyeball is seen (H, W) 0..1; in place."""
    for x, y, size, bright in eyes.glints:
        at, reach = middle + np.array([x, y]) * radius_px, size * radius_px
        x0, y0 = (max(0, int(v - 4 * reach)) for v in at)
        x1, y1 = (int(v + 4 * reach) + 2 for v in at)
        part = picture[y0:y1, x0:x1]
        rows, columns = np.mgrid[y0 : y0 + part.shape[0], x0 : x0 + part.shape[1]] + 0.5
        far = np.hypot(columns - at[0], rows - at[1]) / reach
        part += ((1 - _rise((far - 0.6) / 0.8)) * cover[y0:y1, x0:x1] * bright * eyes.white)[..., None]


def lid_shadow(cover: Float32, iod_px: float) -> Float32:
    """What lids take from the light on an eyeball, (H, W) 0..1: most under the upper lid."""
    down = max(1, round(0.018 * iod_px))
    above = np.concatenate([np.repeat(cover[:1], down, axis=0), cover[:-down]])
    soft = resample.gaussian_blur(np.minimum(above, cover), 0.022 * iod_px)
    return np.asarray(np.clip(0.28 + 0.95 * soft, 0, 1), np.float32)


def add_lashes(layer: Float32, eyes: Eyes, upper: Float, closed: float, iod_px: float) -> None:
    """A line and strands along an upper lid's rim, (n, 2) pixels; an open lid brings its own from the still. In place.

    layer: (H, W, ≥ 3) premultiplied colours; closed: 0..1.
    """
    strength = float(np.clip((closed - 0.25) / 0.5, 0, 1))
    if strength <= 0:
        return
    low, high = (upper.min(0) - 0.1 * iod_px).astype(int), (upper.max(0) + 0.12 * iod_px).astype(int) + 1
    part = layer[max(low[1], 0) : high[1], max(low[0], 0) : high[0]]
    cover = np.zeros(part.shape[:2], np.float32)
    rng = np.random.default_rng(eyes.lashes)
    length = rng.uniform(0.02, 0.055) * iod_px
    count = 70
    t = np.linspace(0.03, 0.97, count)
    along = np.linspace(0, 1, len(upper))
    root = np.stack([np.interp(t, along, upper[:, k]) for k in range(2)], axis=1)
    outwards = np.sign(upper[0, 0] - upper[-1, 0]) * (0.9 - 1.3 * t)
    way = np.stack([outwards + rng.normal(0, 0.12, count), np.full(count, 1.0)], axis=1) * length
    way *= (np.sin(np.pi * np.clip(1.15 - t, 0, 1)) * rng.uniform(0.5, 1, count))[:, None]
    for s in np.linspace(0, 1, 24):
        at = (root + way * s + [0, -0.25 * length * s * (1 - s)] - np.maximum(low, 0)).astype(int)
        inside = ((at >= 0) & (at < cover.shape[::-1])).all(1)
        np.add.at(cover, (at[inside, 1], at[inside, 0]), np.float32(0.3 * (1 - 0.7 * s)))
    fine = np.stack([np.interp(np.linspace(0, 1, 400), along, upper[:, k]) for k in range(2)], axis=1)
    at = (fine - np.maximum(low, 0)).astype(int)
    inside = ((at >= 0) & (at < cover.shape[::-1])).all(1)
    cover[at[inside, 1], at[inside, 0]] += 1.5
    soft = np.clip(resample.gaussian_blur(cover, 0.005 * iod_px), 0, 0.75) * strength
    part[..., :3] += soft[..., None] * (eyes.lash_colour.astype(np.float32) - part[..., :3]) * part[..., 3:4]


def _rise(x: Float) -> Float:
    t = np.clip(x, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
