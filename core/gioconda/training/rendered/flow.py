"""The flow a network should answer: from a pixel of the engine's picture to where in it the right colour is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...engine import Portrait, PosedPortrait, kernels
from ...imaging import resample
from ...neural.crops import Crop
from .texture import SKIN_PART, Mesh

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

FARTHEST = 0.15  # of a crop's side; beyond, the two do not mean the same place
HIDDEN = 0.02  # of the face's height, in depth


@dataclass(frozen=True)
class Surface:
    """Where a rendered head is in a picture: (N, 3) pixels, and the depth (H, W) of what is nearest."""

    placed: Float
    depth: Float32

    @classmethod
    def of(cls, placed: Float, mesh: Mesh, height: int, width: int) -> Surface:
        return cls(placed, kernels.nearest(placed, mesh.triangles, width, height).depth)


def true_flow(crop: Crop, source: Surface, target: Surface, mesh: Mesh, moved: Float32) -> Float32:
    """(size / 2, size / 2, 3): dx, dy in sides of the crop, and how much they can be relied upon, 0..1.

    Args:
        crop: in the engine's frame; source, target: the head in the portrait and as the frame should be.
        moved: (H, W, 3) of `where_moved`.
    """
    size = crop.size // 2
    here = np.column_stack([crop.to_crop(target.placed) / 2, target.placed[:, 2] * crop.scale / 2])
    seen = kernels.nearest(here, mesh.triangles, size, size).triangle
    rows, columns = np.nonzero(seen >= 0)
    found = seen[rows, columns]
    values = np.column_stack([source.placed, mesh.alpha])
    planes = kernels.planes(here, mesh.triangles, values)[found]
    x, y = columns + 0.5, rows + 0.5
    at = planes[..., 0] + planes[..., 1] * x[:, None] + planes[..., 2] * y[:, None]
    u, v = (np.ascontiguousarray(at[None, :, k], np.float32) for k in range(2))
    to = resample.remap(moved, u, v)[0].astype(np.float64)
    depth = resample.remap(np.minimum(source.depth, 1e6), u, v)[0]
    near = HIDDEN * float(np.ptp(target.placed[:9409, 1]))
    flow = (crop.to_crop(to[:, :2] / np.maximum(to[:, 2:], 1e-6)) / 2 - np.stack([x, y], axis=1)) / size
    confidence = (mesh.part[found] == SKIN_PART) & (at[:, 3] > 0.6) & (at[:, 2] < depth + near) & (to[:, 2] > 0.99)
    confidence &= np.hypot(*flow.T) < FARTHEST
    out = np.zeros((size, size, 3), np.float32)
    out[rows[confidence], columns[confidence], :2] = flow[confidence]
    out[rows[confidence], columns[confidence], 2] = 1
    return out


def where_moved(portrait: Portrait, placed: PosedPortrait) -> Float32:
    """Where the engine puts each pixel of the portrait: (H, W, 3) x, y in frame pixels, and 1 where it is on the mesh.

    x and y are multiplied by the third, so that they may be sampled smoothly.
    """
    mesh = portrait.mesh
    seen = kernels.nearest(mesh.bind_pose, mesh.triangles, portrait.width, portrait.height).triangle
    out = np.zeros((*seen.shape, 3), np.float32)
    rows, columns = np.nonzero(seen >= 0)
    planes = kernels.planes(mesh.bind_pose, mesh.triangles, placed.position[:, :2])[seen[rows, columns]]
    x, y = columns[:, None] + 0.5, rows[:, None] + 0.5
    out[rows, columns, :2] = planes[..., 0] + planes[..., 1] * x + planes[..., 2] * y
    out[rows, columns, 2] = 1
    return out
