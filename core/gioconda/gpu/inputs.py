"""What the processor prepares for the device: a portrait's layers, once; which triangle is seen where, each frame.

Which triangle is seen stays the processor's decision, because ONNX's operators have no depth test: a dense search of
some 2000 triangles at every pixel would cost a thousand times what shading does. It is also what makes both renderers
decide alike at every edge. It goes over as lists: eight bytes for each pixel of the person, 10 to 20 MB a frame at
2048², against 84 MB (float32) or 42 MB (half) of finished pixels that come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from ..engine import Portrait, PosedPortrait
from ..engine.frame import Band
from ..engine.pixel_lists import PixelLists, list_pixels


@dataclass(frozen=True)
class FrameLists:
    """A frame ready for the device.

    Attributes:
        posed: the portrait in its pose.
        band: what is seen, the whole picture as one band; None once nobody needs it any more.
        lists: its pixels.
    """

    posed: PosedPortrait
    band: Band
    lists: PixelLists


def list_frame(posed: PosedPortrait, *, smooth_edges: bool = True) -> FrameLists:
    """Look which triangle is seen where."""
    band = Band(posed, 0, posed.portrait.height, {})
    return FrameLists(posed, band, list_pixels(band, smooth_edges=smooth_edges))


def can_be_drawn(frame: FrameLists) -> bool:
    """Whether there is anything for the device to do: not at the identity pose, not without a person in the picture."""
    return not frame.posed.pose.is_identity and len(frame.lists.plain) > 0


def portrait_inputs(portrait: Portrait) -> dict[str, Array]:
    """What stays on the device as long as the portrait does."""
    behind, texture = np.empty_like(portrait.source), portrait.layers.texture
    portrait.write_plate(0, behind)
    sides = {"width": portrait.width, "height": portrait.height}
    sides |= {"texture_width": texture.shape[1], "texture_height": texture.shape[0]}
    return {
        "behind": behind.reshape(-1, 4),
        "texture": texture.reshape(-1, 4),
        **{name: np.array([side], np.int32) for name, side in sides.items()},
    }


def frame_inputs(frames: Sequence[FrameLists]) -> dict[str, Array]:
    """What changes with every frame, for a batch; each of `can_be_drawn`."""
    portrait = frames[0].posed.portrait
    pixels, triangles = portrait.width * portrait.height, len(portrait.mesh.triangles)
    lists = [frame.lists for frame in frames]
    planes = [frame.posed.planes for frame in frames]

    def numbered(name: str, step: int) -> Array:
        """Joined, each frame's numbers after those of the frame before; MISS stays."""
        parts = [getattr(one, name) for one in lists]
        out = np.concatenate(parts)
        start = len(parts[0])
        for k, part in enumerate(parts[1:], start=1):
            own = out[start : start + len(part)]
            np.add(own, np.int32(k * step), out=own, where=part >= 0 if part.ndim == 2 else True)
            start += len(part)
        return out

    made = {
        "frames": np.array([len(frames)], np.int64),
        "planes": np.concatenate([each.texture for each in planes]).reshape(-1, 6),
        "fill": np.concatenate([each.fill for each in planes]).reshape(-1, 18),
        **{name: numbered(name, pixels) for name in ("plain", "multisampled", "patch", "hull")},
        **{name: numbered(name, triangles) for name in ("plain_triangle", "multisampled_triangle")},
        "patch_colour": np.concatenate([one.patch_colour for one in lists]),
        "patch_coverage": np.concatenate([one.patch_coverage for one in lists]),
        "hull_layer": np.concatenate([one.hull_layer for one in lists]),
    }
    return _none_empty(made)


def _none_empty(made: dict[str, Array]) -> dict[str, Array]:
    """Lists of nothing are no shape for a device: a pixel that is shaded anyway stands in, and comes out the same."""
    if not len(made["multisampled"]):
        made["multisampled"] = made["plain"][:1]
        made["multisampled_triangle"] = np.repeat(made["plain_triangle"][:1, None], 4, axis=1)
    if not len(made["patch"]):
        made["patch"] = made["plain"][:1]
        made["patch_colour"], made["patch_coverage"] = np.zeros((1, 4), np.float32), np.zeros((1, 1), np.float32)
    if not len(made["hull"]):
        made["hull"], made["hull_layer"] = made["plain"][:1], np.zeros((1, 6), np.float32)
    return made
