"""Where the picture shows ears, and how far back they lie: plates that lean outwards from the ear canal."""

from __future__ import annotations

import numpy as np

from ..arrays import Float, Float32, Mask
from ..imaging import resample
from ..pose import HeadPose
from .hull import Upright

_TOP, _BOTTOM = -0.25, 0.65  # head units: an ear's height on the head
_WIDEST = 0.5  # head units: no ear stands out farther
_CANAL = (0.9, 1.05)  # head units: how far to the side and behind the bridge of the nose the ear canal is
_LEAN, _MOST = 1.6, 0.22  # how far back for each unit outwards, to so many units outwards
_SIZE = 512  # pixels, longer side: the matte is looked at in so small a picture


def ear_depth(points: Float, pose: HeadPose, matte: Float32, hair: Float32) -> tuple[Float, Mask]:
    """Depth of an ear at picture points (N, 2), pixels, and at which of them the picture shows one.

    An ear is skin beside the skull, between brow and mouth. hair: (h, w) float32, 0..1, of the same picture, any size.
    """
    upright = Upright.of(pose)
    flat = np.concatenate([points, np.full((len(points), 1), pose.translation[2])], axis=1)
    x, y = upright.from_picture(flat)[:, :2].T
    height, middle, _ = upright.axis(y)
    r = upright.rotation
    skull = np.interp(height, [-0.2, 0.3, 1.0], [0.93, 0.86, 0.74]) * abs(r[0, 0])
    side, beyond = np.sign(x - middle), np.abs(x - middle) - skull
    width, tall = matte.shape[1], matte.shape[0]
    person = resample.pixels_at(resample.shrunk(matte, _SIZE), points * min(1.0, _SIZE / max(matte.shape)))
    covered = resample.pixels_at(hair, points * [hair.shape[1] / width, hair.shape[0] / tall])
    found = (beyond > 0) & (beyond < _WIDEST) & (height > _TOP) & (height < _BOTTOM) & (person > 0.4) & (covered < 0.5)
    out, back = _CANAL
    z = height * r[2, 1] + back * r[2, 2] + side * out * r[2, 0] + _LEAN * np.clip(beyond, 0, _MOST)
    return np.asarray(pose.translation[2] + pose.scale * z), np.asarray(found)
