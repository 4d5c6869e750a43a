"""What a closing lid looks like: the skin around one eye as if it had no eye, and the lashes of the open one.

Colour is interpolated between the brow's side and the cheek's side of the same eye, grain is that of the skin below it,
shading is what the portrait's light makes of a bulge. Found once per portrait; `lids` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32
from ..imaging import resample
from ..imaging.srgb import LUMINANCE
from ..maths.sparse import Sparse
from .anatomy import vertex_normals
from .kernels import smoothstep
from .lid_curves import AT, COLUMNS, LidCurves, at_columns, lid_curves, smoothed
from .patch import padded

HEIGHTS = 49  # rows of the table of lashes
LASHES = 0.32  # how far it reaches above the lid's edge, eye widths
_H = np.linspace(0, LASHES, HEIGHTS)
_WORK_PX = 256  # the longer side of what is worked on, but for the grain
_CELLS = 56  # the longer side of the grid on which skin is interpolated
_RIM, _DRAWN_RIM = 0.1, 0.25  # how far above its landmarks a lid's edge is looked for, eye widths
_FLOOR = 1e-4  # the darkest colour a logarithm is taken of


@dataclass(frozen=True)
class Lid:
    """The skin around one eye, in the crop of its `Eye`.

    Attributes:
        skin: padded (h + 2 PAD, w + 2 PAD, 4) float32, lit; alpha: how much of the picture it stands in for.
        rest: the curves of the open eye, in pixels of the crop.
        lashes: (COLUMNS, HEIGHTS) float32, opacity above the lid's edge; lash: (3,) float32, their colour.
        line: half the thickness of the line they stand on, eye widths.
        drawn: 1 for flat colour between lines, 0 for photographs and paintings.
    """

    skin: Float32
    rest: LidCurves
    lashes: Float32
    lash: Float32
    line: float
    drawn: float


def face_light(colour: Float32, landmarks: Float) -> Float:
    """The portrait's light: skin of normal n is `light @ [1, n]` times as bright as skin that faces the camera. (4,)

    First-order harmonics of the irradiance (Ramamoorthi and Hanrahan 2001) fitted to the face's landmarks.
    """
    points = landmarks[: lm.FACE_POINTS]
    normals = vertex_normals(points, lm.triangles())
    normals = normals if normals[:, 2].mean() < 0 else -normals
    interocular = lm.interocular(landmarks)
    low = np.floor(np.clip(points[:, :2].min(0), 0, np.array(colour.shape[1::-1]) - 2)).astype(int)
    high = np.ceil(np.clip(points[:, :2].max(0), low + 2, colour.shape[1::-1])).astype(int)
    face = resample.shrunk(np.ascontiguousarray(colour[low[1] : high[1], low[0] : high[0], :3]), _WORK_PX)
    scale = face.shape[1] / (high[0] - low[0])
    soft = resample.gaussian_blur(face @ LUMINANCE.astype(np.float32), 0.03 * interocular * scale)
    bright = resample.pixels_at(soft, (points[:, :2] - low) * scale)
    weight = np.clip((-normals[:, 2] - 0.15) / 0.3, 0, 1)
    features = (lm.EYE_RIGHT, lm.EYE_LEFT, lm.LIPS_INNER, lm.LIPS_OUTER, lm.BROW_RIGHT, lm.BROW_LEFT)
    weight[[i for part in (*features, lm.CREASE_RIGHT, lm.CREASE_LEFT) for i in part]] *= 0.05
    basis = np.column_stack([np.ones(len(points)), normals])
    goal = bright / max(float((weight * bright).sum() / max(weight.sum(), 1e-6)), _FLOOR)
    calm = np.diag([0.0, 0.02, 0.02, 0.02]) * weight.sum() + 1e-9 * np.eye(4)
    trust, fit = weight, np.array([1.0, 0, 0, 0])
    for _ in range(4):  # beards, brows and spots are not light
        fit = np.linalg.solve(basis.T @ (trust[:, None] * basis) + calm, basis.T @ (trust * goal))
        trust = weight / (1 + ((goal - basis @ fit) / 0.2) ** 2)
    return np.asarray(fit / max(float(fit[0] - fit[3]), 0.2))


def find_lid(crop: Float32, origin: Float, landmarks: Float, loop: tuple[int, ...], light: Float) -> Lid:
    """The lid of an eye that is open in the picture.

    Args:
        crop: (h, w, 4) float32 around the eye; origin: (2,) its corner in the picture.
        landmarks: (478, 3) pixels of the picture; loop: the eye's 16; light: see `face_light`.
    """
    points = landmarks[:, :2] - origin
    rest = lid_curves(points, loop)
    h, w = crop.shape[:2]
    small = resample.shrunk(np.ascontiguousarray(crop[..., :3]), _WORK_PX)
    eye = _Eye(small, rest, small.shape[1] / w)
    # the eye is known by the skin around it, and that skin is what lies outside the eye
    mask = eye.mask()
    skin, spread = eye.skin(mask)
    drawn = float(smoothstep((0.035 - spread) / 0.02))
    if drawn > 0:  # lines are drawn where no eye's are, and skin of one colour shows where they end
        mask += np.float32(drawn) * (eye.grown(mask, skin) - mask)
        skin, _ = eye.skin(mask)
    lashes = eye.lashes(skin, _DRAWN_RIM if drawn > 0.5 else _RIM)
    shaded = skin * eye.shading(lashes.fold, light, drawn)[..., None]
    full = np.empty(crop.shape, np.float32)
    full[..., :3] = resample.resize(shaded.astype(np.float32), w, h, method="linear") * _grain(crop, rest)[..., None]
    full[..., 3] = resample.resize(mask, w, h, method="linear")
    return Lid(
        skin=padded(full),
        rest=rest,
        lashes=np.ascontiguousarray(lashes.opacity),
        lash=lashes.colour,
        line=float(np.clip(0.65 * lashes.thickness, 0.014, 0.038)),
        drawn=drawn,
    )


def _grain(crop: Float32, rest: LidCurves) -> Float32:
    """The grain of the skin below the lower lid, there and back over the whole eye: (h, w) float32 around 1."""
    luminance = crop[..., :3] @ LUMINANCE.astype(np.float32)
    fine = luminance / np.maximum(resample.gaussian_blur(luminance, 0.016 * rest.width), _FLOOR)
    h, w = luminance.shape
    at, height = rest.place(_centres(h, w, 1.0))
    back = 0.2 * np.abs((at_columns(rest.upper, at) - height) / 0.2 % 2 - 1)
    there = rest.picture(at, np.minimum(at_columns(rest.lower, at) + 0.3, 0.62) + back)
    moved = resample.remap(fine, there[..., 0], there[..., 1], method="cubic")
    return np.asarray(1 + 0.9 * (np.clip(moved, 0.9, 1.1) - 1), np.float32)


def _centres(h: int, w: int, scale: float) -> Float:
    """The pixels' centres of a crop made smaller by `scale`, in its own pixels. (h, w, 2)"""
    x, y = np.meshgrid((np.arange(w) + 0.5) / scale, (np.arange(h) + 0.5) / scale)
    return np.stack([x, y], axis=2)


class _Lashes(NamedTuple):
    """opacity, colour: see `Lid`; thickness: of the dark line, eye widths; fold: (COLUMNS,) 0..1, how dark it is."""

    opacity: Float32
    colour: Float32
    thickness: float
    fold: Float


class _Eye:
    """The crop of an open eye, made smaller, with what is asked of it."""

    def __init__(self, small: Float32, rest: LidCurves, scale: float) -> None:
        self.small, self.rest, self.scale = small, rest, scale
        self.width = rest.width * scale  # of the eye, pixels of `small`
        self.at, self.height = rest.place(_centres(small.shape[0], small.shape[1], scale))
        self.brow, self.fold, self.upper, self.lower = (
            at_columns(curve, self.at) for curve in (rest.brow, rest.fold, rest.upper, rest.lower)
        )
        self.luminance = small @ LUMINANCE.astype(np.float32)

    def blurred(self, layer: Float32 | Float, widths: float) -> Float32:
        """Gaussian blur by so many eye widths."""
        return resample.gaussian_blur(np.asarray(layer, np.float32), widths * self.width)

    def sampled(self, layer: Float32 | Float) -> Float:
        """A layer at the table of lashes' places: (COLUMNS, HEIGHTS[, C])."""
        at, above = np.meshgrid(AT, _H, indexing="ij")
        there = self.rest.picture(at, at_columns(self.rest.upper, at) - above) * self.scale
        return np.asarray(resample.remap(np.asarray(layer, np.float32), there[..., 0], there[..., 1]), np.float64)

    def mask(self) -> Float32:
        """What is painted anew, 0..1: eye and fold, not the brow."""
        ends = smoothstep((self.at + 0.34) / 0.22) * smoothstep((1.15 - self.at) / 0.14)
        most = np.maximum(0.66 * (self.upper - self.brow - 0.04), 0.12)
        above = np.clip(np.maximum(self.upper - self.fold + 0.10, 0.18), 0, most) * np.sqrt(ends)
        below = self.lower + 0.15 * np.sqrt(ends) - self.height
        inside = np.minimum((self.height - self.upper + above) / 0.14, below / 0.1)
        return np.asarray(np.clip(self.blurred(smoothstep(inside) * smoothstep(2 * ends), 0.02), 0, 1), np.float32)

    def grown(self, mask: Float32, skin: Float) -> Float32:
        """The mask with all that is unlike skin and hangs together with the eye: long lashes, lines that are drawn."""
        apart = np.abs(np.log(np.maximum(self.luminance, _FLOOR) / np.maximum(skin @ LUMINANCE, _FLOOR)))
        brow = self.height < self.brow + 0.05
        around = (self.height > self.upper - 0.36) & (self.height < self.lower + 0.3) & (np.abs(self.at - 0.5) < 0.85)
        unlike = (self.blurred(apart, 0.01) > 0.22) & around & ~brow
        eye = (self.height > self.upper) & (self.height < self.lower) & (self.at > 0) & (self.at < 1)
        found = resample.connected(unlike | eye, eye)
        soft = self.blurred(resample.dilate(found.astype(np.float32), 0.06 * self.width), 0.025)
        return np.asarray(np.maximum(mask, np.clip(soft, 0, 1) * ~brow), np.float32)

    def skin(self, mask: Float32) -> tuple[Float, float]:
        """The crop without its eye, (h, w, 3), and how much its skin varies (standard deviation of the logarithm)."""
        free = ~resample.dilate(mask > 0.02, 1.0) & (self.height > self.brow + 0.03)
        soft = self.blurred(self.luminance, 0.015)
        like = free.astype(np.float32)
        for _ in range(2):
            level = self.blurred(soft * like, 0.22) / np.maximum(self.blurred(like, 0.22), 1e-3)
            like = (free & (soft > 0.85 * level)).astype(np.float32)
        skin = free & (self.height > self.brow + 0.06) & (soft > 0.8 * level) & (soft < 1.5 * level)
        if skin.sum() < 50:
            skin = free | (self.height > self.lower + 0.15)
        # shade is smooth and holds the edge too, so that no seam is seen; hair is not
        fine = np.abs(self.luminance - self.blurred(self.luminance, 0.02))
        rough = self.blurred(fine, 0.03) / np.maximum(soft, 1e-3)
        shade = free & ~skin & (self.height > self.brow + 0.05)
        smooth = 1 - smoothstep((rough - 0.03) / 0.05)
        near = 0.12 + 0.88 * np.minimum(3 * self.blurred((mask > 0.02).astype(np.float32), 0.1), 1)
        trust = np.where(skin, 1.0, np.where(shade, smooth, 0.0)) * near
        spread = np.log(np.maximum(self.luminance[skin], _FLOOR)).std() if skin.any() else 1.0
        # hues of skin alone: shade may be dark, but is no greyer than the cheek
        plain = np.where(skin, 0.2 + 0.8 * smooth, 0.0)
        soft_colour = np.log(np.maximum(self.blurred(self.small, 0.012), _FLOOR))
        bright = soft_colour.mean(2, keepdims=True)
        filled = _interpolated(bright, trust) + _interpolated(soft_colour - bright, plain * near)
        return np.exp(filled), float(spread)

    def lashes(self, skin: Float, rim: float) -> _Lashes:
        """What stands on the upper lid's edge, which lies up to `rim` eye widths above its landmarks."""
        colour, behind = self.sampled(self.small), np.maximum(self.sampled(skin @ LUMINANCE), _FLOOR)
        bright = (colour @ LUMINANCE) / behind
        folded = np.clip(self.rest.upper - self.rest.fold + 0.05, 0.12, 0.3)
        own = np.array([np.percentile(row[most > _H], 85) for row, most in zip(bright, folded, strict=True)])
        bright = np.clip(bright / np.clip(smoothed(own, 3), 0.35, 1.1)[:, None], 0.02, 1)
        smooth = resample.gaussian_blur(bright, 1.5)
        within = (AT > 0.12) & (AT < 0.88)
        # from the darkest row up, as long as it gets lighter
        first = np.argmin(smooth[:, rim > _H], axis=1)
        reach = np.empty(COLUMNS)
        for column, row in enumerate(smooth):
            light = np.maximum.accumulate(row[first[column] :]) > 0.93
            reach[column] = _H[first[column] + np.argmax(light)] if light.any() else LASHES
        reach = np.clip(reach, 0.025, 0.24)
        reach = smoothed(np.minimum(reach, 1.3 * np.median(reach[within])), 2)
        lash = np.median(colour[np.arange(COLUMNS), first][within], axis=0)
        low = float(lash @ LUMINANCE) / float(np.median(behind[within]))
        opacity = np.clip((1 - bright) / max(1 - low, 0.15), 0, 1)
        thickness = float((opacity[within] * (1.2 * reach[within][:, None] > _H)).sum(1).mean()) * _H[1]
        opacity = np.apply_along_axis(smoothed, 0, opacity, 3)
        for column, row in enumerate(first):
            opacity[column, :row] = opacity[column, row]  # below the first dark row there may be eye
            opacity[column] = np.minimum.accumulate(opacity[column])  # beyond a light one there may be the fold
        opacity *= 1 - smoothstep((_H - 0.75 * reach[:, None]) / (0.45 * reach[:, None]))
        opacity *= (smoothstep((AT + 0.10) / 0.12) * smoothstep((1 - AT) / 0.12))[:, None]
        fold = np.zeros(COLUMNS)
        for column, height in enumerate(self.rest.upper - self.rest.fold):
            near = (np.abs(_H - height) < 0.05) & (reach[column] < _H)
            if near.any():
                fold[column] = max(0.0, 1 - float(smooth[column, near].min()))
        fold = smoothed(fold, 4) * smoothstep((AT + 0.02) / 0.2) * smoothstep((1.02 - AT) / 0.2)
        return _Lashes(opacity.astype(np.float32), lash.astype(np.float32), thickness, fold)

    def shading(self, fold: Float, light: Float, drawn: float) -> Float:
        """What the skin is multiplied with: a bulge in the portrait's light, and the fold above it. (h, w)"""
        at, height = self.at, self.height
        middle = float(at_columns(self.rest.upper + self.rest.lower, np.array([0.5]))[0]) / 2
        right, down = (at - 0.5) / 0.75, (height - middle) / 0.75
        towards = np.sqrt(np.clip(1 - right**2 - down**2, 0.15, 1))
        along, up = self.rest.along, self.rest.up
        x, y = right * along[0] - down * up[0], right * along[1] - down * up[1]
        size = np.sqrt(x**2 + y**2 + towards**2)
        lit = light[0] + (light[1] * x + light[2] * y - light[3] * towards) / size
        near = np.exp(-(((at - 0.5) / 0.42) ** 4) - ((height - middle) / 0.26) ** 2)
        gain = 1 + 0.6 * near * (np.clip(lit, 0.75, 1.25) - 1)
        # a shut lid is lighter in its middle and darker towards the nose than what surrounds the eye
        lid = self.lower - height
        gain *= 1 + 0.12 * np.exp(-(((at - 0.45) / 0.35) ** 2) - ((lid - 0.17) / 0.14) ** 2)
        gain *= 1 - 0.15 * np.exp(-(((at - 1.0) / 0.14) ** 2) - ((lid - 0.05) / 0.16) ** 2)
        crease = np.maximum(
            0.25 * np.minimum(fold, 0.5), 0.05 * smoothstep((AT + 0.02) / 0.25) * smoothstep((1.02 - AT) / 0.25)
        )
        below = height - self.fold
        gain *= 1 - 0.5 * at_columns(crease, at) * np.exp(-((below / 0.028) ** 2))
        gain *= 1 - 0.07 * near * np.exp(-((below / 0.07) ** 2))
        return np.asarray(1 + (1 - drawn) * (gain - 1))


def _interpolated(values: Float32, trust: Float) -> Float:
    """Values (h, w, C) where they are trusted (h, w) 0..1, a thin plate under tension elsewhere."""
    h, w = trust.shape
    scale = min(1.0, _CELLS / max(h, w))
    columns, rows = max(4, round(w * scale)), max(4, round(h * scale))
    weight = np.asarray(trust, np.float32)
    share = resample.resize(weight, columns, rows)
    sums = resample.resize(np.ascontiguousarray(values * weight[..., None]), columns, rows).reshape(rows * columns, -1)
    mean = sums.astype(np.float64) / np.maximum(share.reshape(-1, 1), 1e-6)
    known = np.where(share > 0.02, share, 0).astype(np.float64).ravel()
    index = np.arange(rows * columns).reshape(rows, columns)
    first = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    second = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    edge, one = np.arange(len(first)), np.ones(len(first))
    slope = Sparse.of_entries(
        (len(first), index.size), np.tile(edge, 2), np.concatenate([first, second]), np.concatenate([one, -one])
    )
    bend = slope.transposed.times(slope)
    solved = (Sparse.diagonal_of(known + 1e-7) + bend * 0.15 + bend.times(bend) * 0.35).solve(known[:, None] * mean)
    if known.any():
        solved = np.clip(solved, *np.percentile(mean[known > 0], (3, 97), axis=0))
    grid = solved.reshape(rows, columns, -1).astype(np.float32)
    return np.asarray(resample.resize(grid, w, h, method="cubic"), np.float64).reshape(h, w, -1)
