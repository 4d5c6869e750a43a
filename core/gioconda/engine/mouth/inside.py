"""The inside of a portrait's open mouth, cut out upright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ... import landmarks as lm
from ...arrays import Float, Float32, Int, Mask
from ...imaging import draw, resample
from ...pose import HeadPose
from ..anatomy import mouth_model
from ..kernels import smoothstep
from ..patch import catmull_rom_loop
from . import kernels
from .shape import in_head, triangle_layer

_MARGIN = 0.05  # around the lips, of the distance between the eyes' corners
_RIM = 0.018  # the outermost band of the opening shows the lips' edge
_LEVEL = np.radians(4)  # a face tilted by less counts as upright


@dataclass(frozen=True)
class Inside:
    """The inside of a portrait's open mouth, upright, and what is what in it.

    Attributes:
        to_crop: (2, 3) float64, from the picture to the crop, pixels.
        crop: (h, w, 3) float32 linear; known: (h, w) float32, 1 within the lips, 0 on them.
        hole: (h, w), what lies between them.
        apart: distance between the eyes' corners, pixels of the crop.
    """

    to_crop: Float
    crop: Float32
    known: Float32
    hole: Mask
    apart: float

    @classmethod
    def of(cls, colour: Float32, landmarks: Float, most: float) -> Inside:
        """colour: (H, W, 4); landmarks: (478, 3) pixels; most: `apart` is no larger."""
        across = landmarks[lm.EYE_OUTER_LEFT, :2] - landmarks[lm.EYE_OUTER_RIGHT, :2]
        apart = float(np.linalg.norm(across))
        turn = _upright(across / apart)
        scale = min(1.0, most / apart)
        lips = landmarks[list(lm.LIPS_INNER), :2] @ turn.T
        low = np.floor(lips.min(0) - _MARGIN * apart)
        w, h = (max(8, int(v)) for v in np.ceil((np.ptp(lips, axis=0) + 2 * _MARGIN * apart) * scale))
        to_crop = scale * np.concatenate([turn, -low[:, None]], axis=1)
        back = np.concatenate([turn.T / scale, (turn.T @ low)[:, None]], axis=1)
        crop = resample.warp_affine(colour, back, w, h, method="area" if scale < 1 else "cubic")
        hole = draw.fill_polygon(catmull_rom_loop((lips - low) * scale, 4), w, h) > 0.5
        known = smoothstep(resample.distance_inside(hole).astype(np.float64) / (_RIM * apart * scale)).astype(
            np.float32
        )
        return cls(to_crop, np.maximum(crop[..., :3], 0), known, hole, apart * scale)  # cubic undershoots

    def placed(self, vertices: Float, affine: Float, pose: HeadPose) -> Float:
        """The model's vertices (V, 3), template space, in the crop: pixels, depth in the picture's."""
        picture = pose.to_picture(in_head(vertices, affine))
        return np.column_stack([picture[:, :2] @ self.to_crop[:, :2].T + self.to_crop[:, 2], picture[:, 2]])

    def layers(self, position: Float) -> tuple[Int, Float32]:
        """Which layer of the model is nearest at each pixel, -1 for none, and its depth."""
        model, shape = mouth_model(), self.hole.shape
        nearest, depth = np.empty(shape, np.int32), np.empty(shape, np.float32)
        kernels.find_nearest(position.astype(np.float32), model.triangles, 1, nearest, depth)
        return np.where(nearest < 0, -1, triangle_layer()[nearest]), depth


def _upright(across: Float) -> Float:
    """The rotation (2, 2) that makes a face upright; none where its eyes are as good as level: pixels stay as they are.

    across: (2,) unit vector from the person's right eye to the left.
    """
    if across[0] > np.cos(_LEVEL):
        return np.eye(2)
    return np.array([across, [-across[1], across[0]]])
