"""Split the picture into person and plate so that putting them together again gives the picture, exactly."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import native
from ..arrays import Float32, Int, Mask
from ..imaging import resample
from ..imaging.matting import estimate_foreground
from .kernels import PAD

_FILL_PX = 512  # what is hidden is painted at this size: it has no fine detail
_FOREGROUND_PX = 1024

_SIZE, _FLOAT = ctypes.c_int64, native.Array.of(np.float32)
_plate_separate = native.kernel(
    "plate_separate", _FLOAT, _FLOAT, *[_SIZE] * 4, _FLOAT, _SIZE, _SIZE, _FLOAT, _FLOAT, _SIZE, _SIZE
)


@dataclass(frozen=True)
class Layers:
    """The picture in two layers, person over plate, within a window.

    Attributes:
        window: (4,) int32, x0, y0, x1, y1 in picture pixels; outside it the picture is all plate.
        texture: (h + 2 PAD + spare, w + 2 PAD, 4) float32, the person, premultiplied, its border repeated; the spare
            rows are for what the face hides, see `occluded.Occluded`.
        plate: (h, w, 4) float32, premultiplied; equal to the picture wherever there is no person.
    """

    window: Int
    texture: Float32
    plate: Float32


def split(
    picture: Float32,
    matte: Float32,
    *,
    clean_plate: Float32 | None = None,
    cutout: bool = False,
    exact_plate: bool = False,
    spare: int = 0,
) -> Layers:
    """Person and plate from a picture and its matte, with  person + (1 - person alpha) · plate = picture.

    Args:
        picture: (H, W, 4) float32, scene-linear, premultiplied, unclamped.
        matte: (H, W) float32, 0..1.
        clean_plate: (H, W, 4) float32, the artist's picture of the background without the person.
        cutout: the picture's own alpha is the matte: there is nothing behind the person.
        exact_plate: where there is any person at all, the plate is right and the person takes the difference.
        spare: rows of zeros below the texture.

    Where the estimates contradict the picture the plate gives way by least squares (with r = I - aF - (1-a)B, B gains
    (1-a) r / (a² + (1-a)²)) where it is well seen; elsewhere the person takes the difference, as far as possible.
    """
    window = window_around(matte > 0, 4)
    x0, y0, x1, y1 = window
    colour = picture[y0:y1, x0:x1]
    height, width = colour.shape[:2]
    texture = np.zeros((height + 2 * PAD + spare, width + 2 * PAD, 4), np.float32)
    if cutout:
        texture[PAD : PAD + height, PAD : PAD + width], plate = colour, np.zeros_like(colour)
    else:
        given = None if clean_plate is None else clean_plate[y0:y1, x0:x1].copy()
        plate = _fill_behind(picture, matte, window) if given is None else given
        _separate(picture, matte, window, texture, plate, exact_plate)
    padded = texture[: height + 2 * PAD]  # its border repeats the outermost pixels
    padded[:, :PAD], padded[:, -PAD:] = padded[:, PAD : PAD + 1], padded[:, -PAD - 1 : -PAD]
    padded[:PAD], padded[-PAD:] = padded[PAD], padded[-PAD - 1]
    return Layers(window, texture, plate)


def _separate(
    picture: Float32, matte: Float32, window: Int, texture: Float32, plate: Float32, exact_plate: bool
) -> None:
    """Fill the person's layer, zeros before, and put what is seen of the background into the plate. See `split`, and
    native/plate.c for how soft pixels are divided."""
    x0, y0, x1, y1 = (int(each) for each in window)
    height, width = y1 - y0, x1 - x0
    own = _foreground_colour(picture[y0:y1, x0:x1], matte[y0:y1, x0:x1])
    whole = (np.ascontiguousarray(picture), np.ascontiguousarray(matte), matte.shape[1], x0, y0, width)
    for rows in resample.bands(height):
        colour = None if own is None else resample.enlarged_rows(own, width, height, rows)
        divide = partial(_plate_separate, *whole, colour, rows.start, int(exact_plate), texture, plate)
        native.in_bands(divide, rows.start, rows.stop)


def _foreground_colour(colour: Float32, alpha: Float32) -> Float32 | None:
    """The person's own colour in the soft band, small, x / (x + 1/4) of it, so that HDR does no harm. (h', w', 3)

    None where nothing is soft.
    """
    if not any(((alpha[rows] > 0) & (alpha[rows] < 1)).any() for rows in resample.bands(len(alpha))):
        return None
    bounded = np.stack([resample.shrunk(_bounded(colour[..., k]), _FOREGROUND_PX) for k in range(3)], axis=2)
    return estimate_foreground(bounded, resample.shrunk(alpha, _FOREGROUND_PX))


def _bounded(light: Float32) -> Float32:
    """0 to infinity → 0 to 1."""
    light = np.maximum(light, 0)
    light /= light + np.float32(0.25)
    return light


def _fill_behind(picture: Float32, matte: Float32, window: Int) -> Float32:
    """The background behind the person, smoothly from what is seen around it, for a start. (h, w, 4) float32."""
    small, (height, width) = resample.shrunk(picture, _FILL_PX), matte.shape
    h, w = small.shape[:2]
    known = resample.erode(resample.shrunk(matte, _FILL_PX) <= 0.004, max(1.0, 0.006 * max(h, w)))
    filled = (
        resample.fill_holes_smooth(small, known) if known.any() else np.broadcast_to(small.mean((0, 1)), small.shape)
    )
    x0, y0, x1, y1 = window
    whole = np.array([[w / width, 0, x0 * w / width], [0, h / height, y0 * h / height]])
    behind = resample.warp_affine(np.ascontiguousarray(filled), whole, int(x1 - x0), int(y1 - y0), method="cubic")
    alpha, colour = matte[y0:y1, x0:x1], picture[y0:y1, x0:x1]
    # from the picture to the painting over a few pixels, so that no line shows where the hidden part begins
    reach = max(2.0, 0.006 * max(height, width))
    margin = int(np.ceil(reach)) + 1
    for rows in resample.bands(len(alpha)):
        above = min(rows.start, margin)
        inside = resample.distance_inside(alpha[rows.start - above : rows.stop + margin] <= 0)
        ramp = np.clip(1 - inside[above : above + rows.stop - rows.start] / reach, 0, 1)[..., None]
        behind[rows] = colour[rows] + ramp * (behind[rows] - colour[rows])
    return behind


def window_around(mask: Mask, margin: int) -> Int:
    """x0, y0, x1, y1 of the pixels around a mask (H, W), within it; the first pixel where the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.array([0, 0, 1, 1], np.int32)
    low = np.maximum([columns[0] - margin, rows[0] - margin], 0)
    high = np.minimum([columns[-1] + 1 + margin, rows[-1] + 1 + margin], mask.shape[::-1])
    return np.array([*low, *high], np.int32)
