"""What a network is shown of a frame: colours at the crop's size, geometry at half of it, a few numbers for the whole.

`engine.network_channels` says what each channel is. Everything counts in units of the crop or the head, never in
pixels: what learned on small pictures serves large ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32
from ..engine import Portrait, PosedPortrait, kernels
from ..engine.crop_kernels import describe
from ..engine.frame import head_turn, mesh_at, vertex_stretch
from ..engine.network_channels import GEOMETRY, MATTE, Geometry
from ..imaging import resample
from ..imaging.color import choose_display
from ..pose import rotation_vector
from .crop_sampler import CropSampler
from .crops import FAST, Crop, Sizes, detail_crops, head_crop, skull_pose

AROUND = 1 / 64  # of the head's crop: so far around the person may be corrected too
ROWS = 256  # of a portrait read at once
FAR = 0.35  # head units: the networks have hardly seen a head move farther, so they are not told
FLOW_UNIT = 0.1  # of the crop's side: a flow of 1
_LIDS = ((159, 145, 33, 133), (386, 374, 263, 362))
_IRISES = ((468, 33, 133), (473, 263, 362))


@dataclass(frozen=True)
class View:
    """One crop as a network sees it.

    Attributes:
        colours: (size, size, COLOURS) float32.
        geometry: (size / 2, size / 2, GEOMETRY) float32.
    """

    colours: Float32
    geometry: Float32


@dataclass(frozen=True)
class Still:
    """What never changes of a portrait: the crops of the picture as it is, before anything moves.

    Attributes:
        gain: linear factor that brings the picture to the screen's range.
        head, details: the crops of the head and of mouth, left eye, right eye.
        head_rgba: (size, size, 4) the head, its alpha the person's matte; plate: (size, size, 3) without the person;
            details_rgb: (size, size, 3) of each detail; all encoded.
        vertices: (N, 4) float32, per vertex of the mesh: visible, place on the head 3.
        hair_body: (h, w, 2) float32, the portrait's mattes of hair and body, small.
        covered: (size / 2, size / 2) float32, 0..1, in the head's crop: what lies before the face; None: nothing.
    """

    gain: float
    head: Crop
    details: tuple[Crop, Crop, Crop]
    head_rgba: Float32
    plate: Float32
    details_rgb: tuple[Float32, ...]
    vertices: Float32
    hair_body: Float32
    covered: Float32 | None

    @property
    def sizes(self) -> Sizes:
        """Of the crops."""
        return Sizes(self.head.size, self.details[0].size, self.details[1].size)


def still(portrait: Portrait, sizes: Sizes = FAST) -> Still:
    """Prepare what `frame_views` needs, once per portrait. sizes: of the crops."""
    gain = choose_display(portrait.source).gain
    head = head_crop(portrait.landmarks, sizes.head)
    details = detail_crops(portrait.landmarks, portrait.pose, sizes)
    source = CropSampler((head, *details), portrait.width, portrait.height)
    plate = CropSampler((head,), portrait.width, portrait.height)
    for row in range(0, portrait.height, ROWS):
        colours, behind, alpha = _layers(portrait, row)
        source.add_rows(row, colours, alpha)
        plate.add_rows(row, behind, alpha)
    head_rgba, *shown = (_channels_last(view) for view in source.result(gain))
    bind_pose = portrait.mesh.bind_pose
    visible = 1 - portrait.mesh.on_skin(1 - portrait.symmetry.visible)
    return Still(
        gain=gain,
        head=head,
        details=details,
        head_rgba=head_rgba,
        plate=_channels_last(plate.result(gain)[0])[..., :3].copy(),
        details_rgb=tuple(view[..., :3].copy() for view in shown),
        vertices=np.column_stack([visible, portrait.pose.to_head(bind_pose)]).astype(np.float32),
        hair_body=np.ascontiguousarray(portrait.mattes[..., 2:4]),
        covered=_covered(portrait, head),
    )


def _covered(portrait: Portrait, head: Crop) -> Float32 | None:
    """What lies before the face, a little grown, (size / 2, size / 2) in the head's crop."""
    if portrait.rigid is None:
        return None
    crop = Crop(head.to_picture * [[2, 2, 1], [2, 2, 1]], head.size // 2)
    return np.asarray(resample.dilate(crop.cut(portrait.rigid.mask(portrait.width, portrait.height)), 1.5), np.float32)


def uncovered(still: Still, geometry: Float32) -> Float32:
    """Where nothing lies before the face in a frame, (size, size) 0..1 in the head's crop.

    geometry: (size / 2, size / 2, GEOMETRY) of the head's crop: its flow says where the portrait has what is seen.
    """
    size = still.head.size
    if still.covered is None:
        return np.ones((size, size), np.float32)
    half = size // 2
    y, x = np.mgrid[:half, :half].astype(np.float32)
    flow = geometry[..., Geometry.FLOW_X : Geometry.FLOW_Y + 1] * np.float32(FLOW_UNIT * half)
    there = resample.remap(still.covered, x + flow[..., 0] + 0.5, y + flow[..., 1] + 0.5)
    return 1 - np.asarray(resample.resize(there, size, size, method="linear"), np.float32)


def _layers(portrait: Portrait, row: int) -> tuple[Float32, Float32, Float32]:
    """ROWS rows of the portrait, of what lies behind the person, (rows, W, 4), and of the person's matte (rows, W)."""
    colours = portrait.source[row : row + ROWS]
    behind, alpha = np.empty_like(colours), np.zeros(colours.shape[:2], np.float32)
    portrait.write_plate(row, behind)
    x0, y0, x1, y1 = (int(k) for k in portrait.layers.window)
    top, bottom = max(row, y0), min(row + len(colours), y1)
    if bottom > top:
        pad = kernels.PAD
        texture = portrait.layers.texture[pad + top - y0 : pad + bottom - y0, pad : pad + x1 - x0]
        alpha[top - row : bottom - row, x0:x1] = texture[..., 3]
    return colours, behind, alpha


def _channels_last(view: Float32) -> Float32:
    """(4, size, size) → (size, size, 4)."""
    return np.ascontiguousarray(view.transpose(1, 2, 0))


def frame_views(
    portrait: Portrait, still: Still, posed: PosedPortrait, combined: Float32, matte: Float32
) -> tuple[View, ...]:
    """Head, mouth, left and right eye of one frame.

    combined: (H, W, 4) and matte (H, W), as the engine rendered them.
    """
    sampler = CropSampler(frame_crops(portrait, still, posed), portrait.width, portrait.height)
    sampler.add_rows(0, combined, matte)
    return views(portrait, still, posed, sampler)


def views(portrait: Portrait, still: Still, posed: PosedPortrait, sampler: CropSampler) -> tuple[View, ...]:
    """Head, mouth, left and right eye of one frame all of whose rows `sampler` has got."""
    made = []
    geometry = geometries(portrait, still, posed, sampler.crops)
    behind = (still.plate, *still.details_rgb)
    for view, other, shape in zip(sampler.result(still.gain), behind, geometry, strict=True):
        colours = np.concatenate([view[:3], other.transpose(2, 0, 1), view[3:]])
        made.append(View(colours.transpose(1, 2, 0), shape))
    alpha = made[0].colours[..., MATTE.start]
    geometry[0][..., Geometry.DISOCCLUDED] = (still.head_rgba[..., 3] * (1 - alpha))[::2, ::2]
    return tuple(made)


def geometries(portrait: Portrait, still: Still, posed: PosedPortrait, crops: Sequence[Crop]) -> tuple[Float32, ...]:
    """The GEOMETRY channels of head, mouth, left and right eye of one frame; DISOCCLUDED is left 0.

    crops: of `frame_crops`.
    """
    position = posed.position.astype(np.float64)
    skin = _stretch_and_fill(portrait, position, head_turn(posed.pose))
    both = zip(crops, (still.head, *still.details), strict=True)
    return tuple(_geometry(portrait, still, position, skin, crop, still_crop) for crop, still_crop in both)


def correction_mask(head: View) -> Float32:
    """Where corrections may happen, (size, size) 0..1: at the person, where the still has it, and a little around."""
    disoccluded = head.geometry[..., Geometry.DISOCCLUDED].repeat(2, axis=0).repeat(2, axis=1)
    person = np.clip(head.colours[..., MATTE.start] + disoccluded, 0, 1)
    radius = round(AROUND * len(person))
    around = resample.dilate(person, radius)
    return np.asarray(resample.box_filter(around, radius // 2), np.float32)


def frame_crops(portrait: Portrait, still: Still, posed: PosedPortrait) -> tuple[Crop, ...]:
    """The crops of head, mouth, left and right eye in a frame."""
    target = posed.position[: lm.COUNT].astype(np.float64)
    return (still.head, *detail_crops(target, skull_pose(portrait.head, target), still.sizes))


def _geometry(portrait: Portrait, still: Still, position: Float, skin: Float, crop: Crop, still_crop: Crop) -> Float32:
    """The GEOMETRY channels of a crop at half its size, (size / 2, size / 2, GEOMETRY).

    Args:
        position: (N, 3) vertices of the mesh in this frame, pixels; skin: of `_stretch_and_fill`.
        crop, still_crop: in this frame and in the portrait.
    """
    size, mesh = crop.size // 2, portrait.mesh
    here, there = crop.to_crop(position) / 2, still_crop.to_crop(mesh.bind_pose) / 2
    deep = np.concatenate([here, position[:, 2:] * (crop.scale / 2)], axis=1).astype(np.float32)
    drawn = mesh_at(portrait, deep)
    buffer = kernels.ZBuffer(np.empty((size, size), np.int32), np.empty((size, size), np.float32), 0)
    kernels.rasterise_rows(drawn, buffer, 0, size)
    middle = deep[: lm.FACE_POINTS, 2].mean()
    values = np.concatenate(
        [
            (there - here) / (FLOW_UNIT * size),
            (deep[:, 2:] - middle) / size,
            skin,
            still.vertices,
        ],
        axis=1,
    ).astype(np.float32)
    out, maps = np.empty((GEOMETRY, size, size), np.float32), still.hair_body
    scale = np.float32(maps.shape[1] / portrait.width)
    describe(buffer.triangle, drawn, mesh.region, values, maps, scale, out)
    return out.transpose(1, 2, 0)


def _stretch_and_fill(portrait: Portrait, position: Float, turn: float) -> Float:
    """Per vertex, (N, 2): how little it is stretched, and how much is filled from the face's other half."""
    stretch, symmetry = vertex_stretch(portrait, position), portrait.symmetry
    fill_weight = np.zeros_like(stretch)
    if len(symmetry.weight):
        fill_weight = portrait.mesh.on_skin(symmetry.fill_weight(stretch[: lm.FACE_POINTS], turn))
    return np.stack([stretch, fill_weight], axis=1)


def numbers(portrait: Portrait, posed: PosedPortrait) -> Float32:
    """(NUMBERS,) float32, see `network_channels.Number`: what the whole face does."""
    target = posed.position[: lm.COUNT].astype(np.float64)
    pose = skull_pose(portrait.head, target)
    turned = rotation_vector(pose.rotation @ portrait.pose.rotation.T)
    moved = np.clip((pose.translation - portrait.pose.translation) / portrait.pose.scale, -FAR, FAR)
    now, still = pose.to_head(target), portrait.head
    lids = [_openness(face, *lid) for face in (now, still) for lid in _LIDS]
    jaw = [float(np.linalg.norm(face[lm.LIP_TOP] - face[lm.LIP_BOTTOM])) for face in (now, still)]
    gaze = [float(axis) for iris in _IRISES for axis in (_gaze(now, *iris) - _gaze(still, *iris))]
    size = np.log(pose.scale / portrait.pose.scale)
    row = [*turned * 3, *moved, 3 * size, *(3 * np.array(lids)), *(3 * np.array(jaw)), *(10 * np.array(gaze))]
    return np.clip(np.array(row, np.float32), -4, 4)


def movement_on_skull(portrait: Portrait, posed: PosedPortrait) -> tuple[float, float, float, float]:
    """How far lips, left and right eye have moved on the skull, and how far the lips are apart now; head units.

    The largest movement of a landmark counts.
    """
    target = posed.position[: lm.COUNT].astype(np.float64)
    now = skull_pose(portrait.head, target).to_head(target)
    moved = np.linalg.norm((now - portrait.head)[:, :2], axis=1)
    groups = (lm.LIPS_OUTER + lm.LIPS_INNER, lm.EYE_LEFT + lm.IRIS_LEFT, lm.EYE_RIGHT + lm.IRIS_RIGHT)
    lips, left, right = (float(moved[list(group)].max()) for group in groups)
    return lips, left, right, float(np.linalg.norm(now[lm.LIP_TOP] - now[lm.LIP_BOTTOM]))


def skull_turn(portrait: Portrait, posed: PosedPortrait) -> float:
    """By how many degrees the skull has turned since the still portrait, about any axis in the picture's plane.

    Tilting the head in the picture's plane does not count: crops follow it.
    """
    pose = skull_pose(portrait.head, posed.position[: lm.COUNT].astype(np.float64))
    turned = np.degrees(rotation_vector(pose.rotation @ portrait.pose.rotation.T))
    return float(np.hypot(turned[0], turned[1]))


def opened(portrait: Portrait, posed: PosedPortrait) -> tuple[float, float]:
    """How far left and right eye are open, of what they are in the portrait."""
    target = posed.position[: lm.COUNT].astype(np.float64)
    right, left = (_openness(target, *lid) / max(_openness(portrait.landmarks, *lid), 1e-3) for lid in _LIDS)
    return left, right


def movement(portrait: Portrait, posed: PosedPortrait) -> float:
    """How far the frame is from the still portrait: the largest movement of a landmark, head units."""
    moved = posed.position[: lm.COUNT, :2] - portrait.landmarks[:, :2]
    return float(np.linalg.norm(moved, axis=1).max() / portrait.pose.scale)


def _openness(face: Float, upper: int, lower: int, outer: int, inner: int) -> float:
    width = float(np.linalg.norm(face[outer] - face[inner]))
    return float(np.linalg.norm(face[upper] - face[lower])) / max(width, 1e-6)


def _gaze(face: Float, iris: int, outer: int, inner: int) -> Float:
    return np.asarray((face[iris] - (face[outer] + face[inner]) / 2)[:2], np.float64)
