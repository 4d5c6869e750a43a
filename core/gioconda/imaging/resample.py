"""Resampling, filters and masks on arrays of pixels. The only file that imports OpenCV; it knows no files and no faces.

Coordinates are picture coordinates everywhere: x right, y down, the picture's corner at (0, 0), the first pixel's
centre at (0.5, 0.5). OpenCV counts from pixel centres; the half pixel is added here and nowhere else.

Arrays are (H, W) or (H, W, C), float32 or uint8, and come back in the type they came in. Nothing clamps float values:
scene-linear pixels far above 1 and below 0 pass through every function (cubic sampling may overshoot, as it does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import cv2
import numpy as np

from ..arrays import Array, Float, Float32, Floating, Mask, UInt8

# The code for all processors: what OpenCV chooses by their instructions differs in last bits. It would warn that
# $OPENCV_IPP is obeyed (set by the package, for all threads: this switch turns Intel's library off in one alone).
_LEVEL = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
cv2.setUseOptimized(False)
cv2.utils.logging.setLogLevel(_LEVEL)

Pixels = Array  # (H, W) or (H, W, C), float32 or uint8

Method = Literal["area", "linear", "cubic", "nearest"]
Border = Literal["replicate", "zero"]

_INTERPOLATION = {
    "area": cv2.INTER_AREA,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "nearest": cv2.INTER_NEAREST,
}
_BAND_ROWS = 128
_SLIGHT_PX = 3.5  # a blur's sigma, from which on OpenCV's own has the same bits each time
_BORDER = {"replicate": cv2.BORDER_REPLICATE, "zero": cv2.BORDER_CONSTANT}


# Resampling ---------------------------------------------------------------------------------------------------------


def fit(image: Pixels, longest: int) -> Pixels:
    """Made smaller so that its longer side has at most `longest` pixels."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    return resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


def resize(image: Pixels, width: int, height: int, *, method: Method = "area") -> Pixels:
    """The whole picture at another size.

    `area` averages the pixels that each new one covers (right for making smaller; along an axis that grows it is
    `linear`). The other methods sample at points: made much smaller, they alias.
    """
    source_height, source_width = image.shape[:2]
    if (source_width, source_height) == (width, height):
        return image.copy()
    if image.ndim == 3 and not image.flags.c_contiguous and image.size > width * height * image.shape[2]:
        # OpenCV wants a copy: of one channel at a time it is small
        return np.dstack([resize(image[..., c], width, height, method=method) for c in range(image.shape[2])])
    if method == "area" and (width > source_width or height > source_height):
        small = resize(image, min(width, source_width), min(height, source_height), method="area")
        return resize(small, width, height, method="linear")
    resized = cv2.resize(_writable(image), (width, height), interpolation=_INTERPOLATION[method])
    return _like(resized, image)


def shrunk(image: Pixels, longest: int) -> Pixels:
    """The whole picture averaged down until no side is longer than `longest` pixels."""
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    return resize(image, max(1, round(width * scale)), max(1, round(height * scale)))


def pixels_at(image: Pixels, points: Floating) -> Float:
    """The pixel under each point (…, 2 or more: x, y), the border's beyond it. (…[, C]) float64"""
    x, y = (np.clip(np.floor(points[..., k]).astype(int), 0, image.shape[1 - k] - 1) for k in range(2))
    return np.asarray(image[y, x], np.float64)


def interleaved(planes: Sequence[Float32]) -> Float32:
    """Pictures of one channel each, (h, w) → (h, w, channels)."""
    return np.asarray(cv2.merge(list(planes)), np.float32)


def bands(height: int) -> Iterator[slice]:
    """A picture's rows in bands, top to bottom: work that goes through them needs little memory."""
    for top in range(0, height, _BAND_ROWS):
        yield slice(top, min(top + _BAND_ROWS, height))


def enlarged_rows(image: Float32, width: int, height: int, rows: slice) -> Float32:
    """The rows `rows` of `resize(image, width, height, method="linear")`, to the last bit or two, without the others.

    image: (h, w[, C]) float32. -> (rows, width[, C]) float32
    """
    y = np.asarray((np.arange(rows.start, rows.stop) + 0.5) * (image.shape[0] / height) - 0.5, np.float32)
    above = np.floor(y)
    fraction = (y - above).reshape(-1, *[1] * (image.ndim - 1))
    first, second = (np.clip(above + step, 0, image.shape[0] - 1).astype(np.intp) for step in (0, 1))
    top, bottom = first[0], second[-1] + 1
    wide = resize(image[top:bottom], width, int(bottom - top), method="linear")
    return np.asarray(wide[first - top] * (1 - fraction) + wide[second - top] * fraction, np.float32)


def warp_affine(
    image: Pixels,
    output_to_input: Floating,
    width: int,
    height: int,
    *,
    border: Border = "replicate",
    method: Method = "linear",
) -> Pixels:
    """A new picture (height, width) whose point p shows the input's point A p + b.

    output_to_input: (2, 3) [A | b], from the new picture's coordinates to the input's, in pixels, corners at (0, 0).
    `area` first averages the input down when the new picture is smaller than what it shows, then samples it linearly:
    use it for crops that go into a net. Outside the input: its edge pixels (`replicate`) or 0 (`zero`).
    """
    matrix = np.asarray(output_to_input, np.float64)
    if method == "area":
        image, matrix = _shrunk_for(image, matrix)
        method = "linear"
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    flags = _INTERPOLATION[method] | cv2.WARP_INVERSE_MAP
    return _by_channel_groups(
        image, lambda part: cv2.warpAffine(part, shifted, (width, height), flags=flags, borderMode=_BORDER[border])
    )


def _shrunk_for(image: Pixels, output_to_input: Float) -> tuple[Pixels, Float]:
    """The image averaged down until `output_to_input` steps about one pixel at a time, and the matrix into it."""
    steps = np.hypot(output_to_input[:, 0], output_to_input[:, 1])  # input pixels per output pixel along x and y
    height, width = image.shape[:2]
    new_width = max(1, round(width / max(1.0, steps[0])))
    new_height = max(1, round(height / max(1.0, steps[1])))
    if (new_width, new_height) == (width, height):
        return image, output_to_input
    scale = np.array([[new_width / width], [new_height / height]])
    return resize(image, new_width, new_height), output_to_input * scale


def remap(image: Pixels, x: Floating, y: Floating, *, method: Method = "linear") -> Pixels:
    """The input sampled at (x, y), two arrays (H', W') of input picture coordinates in pixels. -> (H', W'[, C])

    `cubic` has a = -0.75; edges are replicated.
    Points at pixel centres give the input's own values exactly. OpenCV 4 (not 5) rounds others to 1/32 pixel.
    """
    shifted_x = np.asarray(x, np.float32) - np.float32(0.5)
    shifted_y = np.asarray(y, np.float32) - np.float32(0.5)
    flag = _INTERPOLATION[method]
    return _by_channel_groups(
        image, lambda part: cv2.remap(part, shifted_x, shifted_y, flag, borderMode=cv2.BORDER_REPLICATE)
    )


# Filters ------------------------------------------------------------------------------------------------------------


def gaussian_blur(image: Pixels, sigma_px: float) -> Pixels:
    """Gaussian blur of `sigma_px` pixels, edges replicated. Above 8 px it works on a smaller copy, to within 1 %."""
    if sigma_px <= 0:
        return image.copy()
    step = int(sigma_px // 4)
    height, width = image.shape[:2]
    if sigma_px > 8 and min(height, width) >= 4 * step:
        small = resize(image, max(1, round(width / step)), max(1, round(height / step)))
        factor = small.shape[1] / width
        # averaging over step pixels and linear enlargement blur by themselves; what is left is the Gaussian's part
        own = (1 / factor**2 - 1) / 12 + 1 / (6 * factor**2)
        rest = np.sqrt(max(sigma_px**2 - own, 0.01)) * factor
        return resize(gaussian_blur(small, float(rest)), width, height, method="linear")
    if image.ndim == 2 and image.dtype != np.uint8 and sigma_px < _SLIGHT_PX:
        # a slight blur of one channel by OpenCV has other last bits each time, as its threads happen to run
        weights = cv2.getGaussianKernel(int(round(8 * sigma_px + 1)) | 1, sigma_px, cv2.CV_32F)
        along = cv2.filter2D(_writable(image), -1, weights.T, borderType=cv2.BORDER_REPLICATE)
        return _like(cv2.filter2D(along, -1, weights, borderType=cv2.BORDER_REPLICATE), image)
    blurred = cv2.GaussianBlur(_writable(image), (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE)
    return _like(blurred, image)


def box_filter(image: Pixels, radius: int) -> Pixels:
    """The mean over the (2 radius + 1)² square around each pixel, edges replicated."""
    size = 2 * radius + 1
    return _like(cv2.blur(_writable(image), (size, size), borderType=cv2.BORDER_REPLICATE), image)


def guided_filter(guide: Pixels, source: Floating, radius: int, eps: float, *, step: int = 1) -> Float32:
    """Smooth `source` along the edges of `guide`. K. He, J. Sun, X. Tang, "Guided Image Filtering", ECCV 2010.

    guide: (H, W) or (H, W, 3) float, about 0..1 (display values, not linear HDR), or uint8. source: (H, W) float.
    radius: pixels.
    eps: the variance of the guide below which it counts as flat (0.01² keeps nearly every edge, 0.1² few).
    step: find the coefficients on a copy `step` times smaller ("Fast Guided Filter", arXiv 1505.00996).
    -> (H, W) float32, q = a · guide + b.
    """
    guide = guide[..., None] if guide.ndim == 2 else guide
    source = np.asarray(source, np.float32)
    height, width = source.shape
    if step > 1:
        small_size = max(1, round(width / step)), max(1, round(height / step))
        # a channel at a time: the guide is the largest thing here
        channels = [resize(_unit(guide[..., c]), *small_size) for c in range(guide.shape[2])]
        small_guide, source = np.stack(channels, axis=2), resize(source, *small_size)
    else:
        small_guide = _unit(guide)
    slope, offset = _guided_coefficients(small_guide, source, max(1, round(radius / step)), eps)
    smooth = np.empty((height, width), np.float32)
    for rows in bands(height):
        a, b = (part[rows] if step <= 1 else enlarged_rows(part, width, height, rows) for part in (slope, offset))
        smooth[rows] = np.einsum("hwc,hwc->hw", a, _unit(guide[rows])) + b
    return smooth


def _unit(image: Pixels) -> Float32:
    """As float32; uint8 becomes 0..1."""
    values = image.astype(np.float32)
    if image.dtype == np.uint8:
        values /= 255
    return values


def _guided_coefficients(guide: Float32, source: Float32, radius: int, eps: float) -> tuple[Float32, Float32]:
    """a (H, W, C) and b (H, W) of equations 11–15 (C = 1) and 19–20 (C = 3), already averaged over the windows."""
    channels = guide.shape[2]
    mean_guide = box_filter(guide, radius)
    mean_source = box_filter(source, radius)
    covariance = box_filter(guide * source[..., None], radius) - mean_guide * mean_source[..., None]
    moments = [
        box_filter(guide[..., i] * guide[..., j], radius) - mean_guide[..., i] * mean_guide[..., j]
        for i in range(channels)
        for j in range(i, channels)
    ]
    slope = np.empty_like(guide)
    for rows in bands(len(guide)):
        solve = _solved_3 if channels == 3 else _solved_1
        slope[rows] = solve([moment[rows].astype(np.float64) for moment in moments], covariance[rows], eps)
    offset = mean_source - np.einsum("hwc,hwc->hw", slope, mean_guide)
    return box_filter(slope, radius), box_filter(offset, radius)


def _solved_1(moments: list[Float], right: Float32, eps: float) -> Float:
    """right / (variance + eps). right: (H, W, 1)"""
    return np.asarray(right / (moments[0] + eps)[..., None])


def _solved_3(moments: list[Float], right: Float32, eps: float) -> Float:
    """(S + eps I)⁻¹ right for each pixel, by the adjugate. moments: (H, W) xx, xy, xz, yy, yz, zz; right: (H, W, 3)"""
    xx, xy, xz, yy, yz, zz = moments
    xx, yy, zz = xx + eps, yy + eps, zz + eps
    x, y, z = (right[..., k] for k in range(3))
    a, b, c = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
    d, e, f = xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy
    solved = np.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z], axis=2)
    return np.asarray(solved / (xx * a + xy * b + xz * c)[..., None])


# Masks --------------------------------------------------------------------------------------------------------------


def dilate(mask: Pixels, radius_px: float) -> Pixels:
    """Grow the bright parts of a mask (H, W), bool, uint8 or float32, by a disc of `radius_px`."""
    return _morphology(mask, radius_px, grow=True)


def erode(mask: Pixels, radius_px: float) -> Pixels:
    """Shrink the bright parts of a mask (H, W), bool, uint8 or float32, by a disc of `radius_px`."""
    return _morphology(mask, radius_px, grow=False)


def _morphology(mask: Pixels, radius_px: float, *, grow: bool) -> Pixels:
    if radius_px <= 0:
        return mask.copy()
    if mask.dtype == np.bool_:
        # by distance: exact discs at any radius, in the same time
        return distance_inside(~mask) <= radius_px if grow else distance_inside(mask) > radius_px
    size = 2 * max(1, round(radius_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    operation = cv2.dilate if grow else cv2.erode
    return _like(operation(_writable(mask), disc, borderType=cv2.BORDER_REPLICATE), mask)


def distance_inside(mask: Pixels) -> Float32:
    """How far each pixel inside `mask` (H, W; not 0) is from the nearest one outside, in pixels; 0 outside. -> float32

    The picture's border does not count as outside. With nothing outside at all, every distance is the diagonal.
    """
    inside = np.asarray(mask != 0, np.uint8)
    if inside.all():
        return np.full(inside.shape, np.hypot(*inside.shape), np.float32)
    found = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # OpenCV's last bit differs from call to call; the square of the true distance is a whole number
    return np.asarray(np.sqrt(np.rint(np.square(found, dtype=np.float64))), np.float32)


def connected(mask: Mask, seeds: Mask) -> Mask:
    """The connected parts of a mask (H, W), corners counting as touching, that have a pixel of `seeds` in them."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    chosen = np.unique(parts[seeds & mask])
    return np.asarray(np.isin(parts, chosen[chosen > 0]))


def draw_label(image: UInt8, text: str, x: float, y: float, *, height_px: float = 16.0) -> None:
    """Write white letters with a dark outline into (H, W, 3) uint8, in place, from the lower left corner (x, y)."""
    scale = height_px / 22  # OpenCV's capital letters are 22 pixels high at scale 1
    corner = (round(x), round(y))
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        thick = max(1, round(thickness * height_px / 16))
        cv2.putText(image, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thick, cv2.LINE_AA)


def encode_jpeg(srgb: UInt8, *, quality: int = 88) -> bytes:
    """(H, W, 3) uint8 sRGB as a JPEG in memory, quickly: for streams. Files are written by `image`."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(srgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(data)


def encode_png(srgb: UInt8) -> bytes:
    """(H, W, 3 or 4) uint8 sRGB, straight alpha, as a PNG in memory: for textures. Files are written by `image`."""
    order = cv2.COLOR_RGB2BGR if srgb.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(srgb, order))
    assert done
    return bytes(data)


# Filling ------------------------------------------------------------------------------------------------------------


def fill_holes_smooth(image: Floating, known: Pixels) -> Float32:
    """Unknown pixels filled smoothly from the known ones around them; known pixels keep their values exactly.

    image: (H, W[, C]) float, unclamped. known: (H, W) bool, or float 0..1 as confidence. -> float32 of image's shape.
    Push-pull (S. Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4): weighted averages down a pyramid, holes
    filled from the coarser level on the way back. With nothing known the result is 0.
    """
    weight: Float32 = np.clip(np.asarray(known, np.float32), 0.0, 1.0)
    pixels: Float32 = np.asarray(image, np.float32)
    layered = pixels if pixels.ndim == 3 else pixels[..., None]
    start: Any = np.where(weight[..., None] > 0, layered, np.float32(0.0))
    filled: Any = np.where(weight[..., None] >= 1, layered, _push_pull(start, weight))
    return np.asarray(filled, np.float32).reshape(pixels.shape)


def inpaint(image: Floating, missing: Pixels, *, radius_px: float) -> Float32:
    """Missing pixels painted inwards from the rim so that lines continue. Slow for large holes.

    image: (H, W, 3) float, not negative, unclamped. missing: (H, W) bool. radius_px: how far around a pixel to look.
    -> (H, W, 3) float32, known pixels unchanged, painted ones in 256 steps of sqrt(x / (x + 1/4)).
    Source: A. Telea, "An image inpainting technique based on the fast marching method", 2004.
    """
    mask = np.asarray(missing != 0, np.uint8)
    known = np.maximum(np.asarray(image, np.float32), 0)
    coded = np.asarray(np.sqrt(known / (known + 0.25)) * 255 + 0.5, np.uint8)
    # OpenCV's own float version overshoots wildly
    painted = np.asarray(cv2.inpaint(coded, mask, radius_px, cv2.INPAINT_TELEA), np.float32) / 255
    bounded = np.minimum(np.square(painted), 0.999)
    return np.asarray(np.where(mask[..., None] > 0, 0.25 * bounded / (1 - bounded), image), np.float32)


def _push_pull(colour: Float32, weight: Float32) -> Float32:
    """colour (h, w, C) with confidence weight (h, w) 0..1 -> colour (h, w, C) everywhere."""
    height, width = weight.shape
    if weight.min() >= 1:
        return colour
    if max(height, width) == 1:
        return np.where(weight[..., None] > 0, colour, np.float32(0.0))
    coarse_weight = _like(cv2.pyrDown(weight, borderType=cv2.BORDER_REPLICATE), weight)
    weighted = colour * weight[..., None]
    coarse = _like(cv2.pyrDown(weighted, borderType=cv2.BORDER_REPLICATE), weighted)
    coarse = np.asarray(coarse / np.maximum(coarse_weight, 1e-12)[..., None], np.float32)
    # four fine pixels make a coarse one: its weight is theirs together, at most 1
    below = _push_pull(coarse, np.asarray(np.minimum(coarse_weight * 4, 1), np.float32))
    enlarged = _like(cv2.pyrUp(below, dstsize=(width, height)), colour)
    return np.asarray(enlarged + (colour - enlarged) * weight[..., None], np.float32)


# OpenCV's ways ----------------------------------------------------------------------------------------------------


def _writable(image: Pixels) -> Pixels:
    """The image as OpenCV takes it: contiguous, uint8 or float32."""
    if image.dtype == np.float16 or image.dtype == np.float64:
        return np.ascontiguousarray(image, np.float32)
    return np.ascontiguousarray(image)


def _by_channel_groups(image: Pixels, sample: Callable[[Pixels], Any]) -> Pixels:
    """`sample` of the image; channel by channel for 2 or more than 4, where OpenCV rounds points or gives up."""
    if image.ndim == 2 or image.shape[2] in (1, 3, 4):
        return _like(sample(_writable(image)), image)
    return np.dstack([sample(_writable(image[..., channel])) for channel in range(image.shape[2])])


def _like(result: Any, image: Pixels) -> Pixels:
    """OpenCV drops a channel axis of length 1: put it back."""
    array = np.asarray(result)
    return array[..., None] if image.ndim == 3 and array.ndim == 2 else array
