"""The inside of the mouth: the portrait's own teeth while they last, a lit dental arch for what it never showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32
from ..imaging import resample
from ..imaging.srgb import LUMINANCE
from ..pose import HeadPose
from .anatomy import LOWER_TEETH, UPPER_TEETH, dental_arch
from .kernels import FAR, VertexMesh, rasterise_colours, smoothstep
from .patch import EDGE_ON, Opening, Patch, area, opening, sampled, turned_plane
from .teeth import NONE, OwnTeeth, find_teeth

_FIT = (61, 291, 0, 17, 13, 14, 2, 98, 327, 152, 205, 425, 4, 50, 280)  # where the arch is fitted to the face
_LOWER_LIP, _CHIN = (14, 17, 87, 317), (152, 199, 200, 175)
_OPEN = 0.012  # a portrait's mouth is open from that area between the lips on, see Mouth.open_area
_INCISOR_DISPLAY = 0.03  # how far upper teeth reach below a resting lip: 2.7 mm (Vig and Brundo 1978)
_ENAMEL = 0.8  # the teeth's exposure over the skin's: the median of portraits that show teeth
_SHIFT = 0.08  # how far the arch may be moved to end where the portrait's teeth do
# For each part (upper and lower teeth, gums, tongue, cavity):
_PART_LIGHT = np.array([1.0, 0.85, 0.9, 0.7, 1.0, 0.5])  # light that reaches it: less for what is lower
_DARKER = np.array([4.0, 3.0, 2.6, 2.6, 2.8, 3.6])  # how fast it gets dark with the depth
_WET = np.array([0.10, 0.06, 0.05, 0.04, 0.10, 0.0])  # how much it shines
_LIGHT = np.array([0.15, -0.35, -0.9]) / np.linalg.norm([0.15, -0.35, -0.9])
_HALFWAY = (_LIGHT + [0, 0, -1]) / np.linalg.norm(_LIGHT + [0, 0, -1])  # between light and eye
_REDDER = np.array([-0.15, 0.0, 0.0])  # the darker, the redder: exponents of what light reaches a place
_SHINE = 24.0  # Blinn's exponent
_FRONT_LIGHT = 0.9  # what of the light the arch's upper front teeth show


@dataclass(frozen=True)
class Mouth:
    """What a portrait's mouth is drawn with.

    Attributes:
        fit: (4, 3) float64: [template | 1] @ fit = this portrait's head space, for teeth and jaw.
        open_area: area between the lips in the portrait, squared inter-ocular distances.
        exposure: (3,) float64, what the arch's colours are multiplied with to sit in this picture's light.
        enamel: (3,) float64, the same for teeth: where the portrait shows its own, the arch's have their colour.
        chroma: 0..1, how colourful the picture is: a black-and-white portrait has a grey mouth, sepia a brown one.
        own: what the portrait shows of its own teeth.
    """

    fit: Float
    open_area: float
    exposure: Float
    enamel: Float
    chroma: float
    own: OwnTeeth


def find_mouth(colour: Float32, landmarks: Float, head: Float, template: Float) -> Mouth:
    """The portrait's mouth. colour: (H, W, 4) linear; landmarks: (478, 3) pixels; head: the same in head space."""
    index = list(_FIT)
    flat = np.concatenate([template[index], np.ones((len(index), 1))], axis=1)
    prior = np.concatenate([np.eye(3), np.zeros((1, 3))])
    # a little pull towards no change keeps a few points from shearing the teeth
    pull = 0.15 * np.diag([1.0, 1.0, 3.0, 0.3])
    fit, *_ = np.linalg.lstsq(np.concatenate([flat, pull]), np.concatenate([head[index], pull @ prior]), rcond=None)
    opened = area(landmarks[list(lm.LIPS_INNER), :2]) / lm.interocular(landmarks) ** 2
    skin = _skin(colour, landmarks)
    own = find_teeth(colour, landmarks, skin) if opened > _OPEN else NONE
    edge = own.edge if own.edge is not None or opened > _OPEN else _INCISOR_DISPLAY
    if edge is not None:  # move the arch so that its teeth end where the portrait's do
        fit[3, 1] += np.clip(head[lm.LIP_TOP, 1] + edge - _biting_edge(fit), -_SHIFT, _SHIFT)
    colours = _colours(colour, landmarks)
    exposure = _exposure(colour, skin, hue=1 - 0.65 * colours)
    chroma = colours * float(np.clip((skin.max() - skin.min()) / max(skin.max(), 1e-6) / 0.45, 0, 1))
    if own.colour is None:
        enamel = _ENAMEL * exposure
    else:
        enamel = own.colour / (_reflectance(chroma)[UPPER_TEETH] * _FRONT_LIGHT)
    return Mouth(fit, opened, exposure, enamel, chroma, own)


def _biting_edge(fit: Float) -> float:
    """Where the arch's upper front teeth end, head-space y."""
    arch = dental_arch()
    front = arch.vertices[(arch.part == UPPER_TEETH) & (np.abs(arch.vertices[:, 0]) < 0.09)]
    return float(np.percentile(_fitted(front, fit)[:, 1], 95))


def _fitted(vertices: Float, fit: Float) -> Float:
    """The arch's vertices (V, 3) in the portrait's head space. fit: see Mouth."""
    return np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1) @ fit


def _skin(colour: Float32, landmarks: Float) -> Float:
    """The colour of the skin around the mouth, (3,) linear."""
    around = landmarks[[50, 280, 205, 425, 36, 266, 118, 347, 164, 18], :2]
    return np.asarray(np.median(resample.pixels_at(colour, around)[:, :3], axis=0))


def _colours(colour: Float32, landmarks: Float) -> float:
    """1 where the face has colours, 0 where it has a single tint at each brightness: grey, sepia, cyanotype.

    What a cubic through the tints leaves: under 0.02 of the mean brightness for toned photographs, 0.06 for the Mona
    Lisa, 0.08 and more for anything else seen.
    """
    height, width = colour.shape[:2]
    low = np.clip(landmarks[:, :2].min(0), 0, (width - 1, height - 1)).astype(int)
    high = np.clip(landmarks[:, :2].max(0), low + 1, (width, height)).astype(int)
    step = max(1, int((high - low).max() // 150))
    face = np.sqrt(np.clip(colour[low[1] : high[1] : step, low[0] : high[0] : step, :3], 0, None)).reshape(-1, 3)
    brightness = face.astype(np.float64) @ LUMINANCE
    middle = max(float(brightness.mean()), 1e-6)
    powers = (brightness / middle)[:, None] ** np.arange(4)
    tints, *_ = np.linalg.lstsq(powers, face / middle, rcond=None)
    left = np.sqrt(((face / middle - powers @ tints) ** 2).mean(0))
    return float(np.clip((left[0] + left[2] - 0.02) / 0.05, 0, 1))


def _exposure(colour: Float32, skin: Float, *, hue: float) -> Float:
    """Light on the face: the skin's brightness over that of average skin, with so much (0..1) of its hue. (3,)"""
    height, width = colour.shape[:2]
    light = max(float(skin @ LUMINANCE), 1e-4)
    # dark skin is not dim light: teeth stay between what the skin suggests and the picture's bright parts
    bright = float(np.percentile(colour[:: max(1, height // 256), :: max(1, width // 256), :3].mean(2), 90))
    level = np.sqrt(light * max(0.5 * bright, light)) / 0.32
    exposure: Float = level * np.clip(skin / light, 0.1, 4.0) ** hue
    return exposure


def paint_mouth(
    mouth: Mouth,
    landmarks: Float,
    target: Float,
    displacement: Float,
    portrait_pose: HeadPose,
    pose: HeadPose,
    size: tuple[int, int],
) -> Patch | None:
    """The inside of the mouth of one frame, or None while there is nothing to add to the warped picture.

    Args:
        landmarks, target: (478, 3) landmarks in the portrait and in this frame, pixels.
        displacement: (478, 3) head space, this frame's expression.
        portrait_pose, pose: the head's pose in the portrait and in this frame.
        size: width and height of the picture.
    """
    interocular = lm.interocular(landmarks)
    lips = target[list(lm.LIPS_INNER), :2]
    opened = area(lips) / interocular**2
    shown = smoothstep((opened - mouth.open_area * 1.15 - 0.002) / 0.008)
    if shown <= 0:
        return None
    hole = opening(lips, *size, softness=0.008 * interocular)
    if hole is None:
        return None
    coverage = hole.coverage()
    colour = _arch(mouth, hole, coverage, displacement, pose, opened, interocular)
    # the upper teeth are rigid in the skull, a little behind the lips
    middle = landmarks[[lm.LIP_TOP, lm.LIP_BOTTOM]].mean(0) + [0, 0, 0.08 * portrait_pose.scale]
    turn, there = turned_plane(middle, 0.3 * portrait_pose.scale, portrait_pose, pose)
    if mouth.own.picture.size and abs(np.linalg.det(turn)) > EDGE_ON:
        linear, corner = mouth.own.to_crop[:, :2] @ np.linalg.inv(turn), mouth.own.to_crop[:, 2]
        shift = there - turn @ middle[:2]
        own = sampled(mouth.own.picture, np.column_stack([linear, linear @ (hole.origin - shift) + corner]), hole.size)
        colour += own[..., 3:] * (own - colour)
    colour[..., 3] = 1
    return Patch(hole.origin, colour, coverage * np.float32(shown))


def _arch(
    mouth: Mouth,
    hole: Opening,
    coverage: Float32,
    displacement: Float,
    pose: HeadPose,
    opened: float,
    interocular: float,
) -> Float32:
    """The dental arch seen through the lips. (h, w, 4) float32."""
    arch = dental_arch()
    # how far the chin has dropped, of how far the lower front teeth drop when the jaw is fully open
    front = int(np.argmin(np.where(arch.part == LOWER_TEETH, arch.vertices[:, 2], np.inf)))
    chin_drop = float(arch.opened(arch.open_angle)[0][front, 1] - arch.vertices[front, 1])
    drop = 0.65 * displacement[list(_LOWER_LIP), 1].mean() + 0.35 * displacement[list(_CHIN), 1].mean()
    angle = float(np.clip(drop / max(chin_drop, 1e-6), -0.05, 1.3)) * arch.open_angle
    vertices, normals = arch.opened(angle)
    head = _fitted(vertices, mouth.fit)
    head[:, 0] += displacement[list(_CHIN), 0].mean() * arch.jaw
    posed = pose.to_picture(head)
    colours = _lit(mouth, posed[:, 2] / pose.scale, normals @ pose.rotation.T, opened)
    posed[:, :2] -= hole.origin
    image = np.empty((hole.size[1], hole.size[0], 3), np.float32)
    image[:] = (np.array([0.006, 0.005, 0.005]) * mouth.exposure).astype(np.float32)
    rasterise_colours(
        VertexMesh(posed.astype(np.float32), arch.triangles),
        colours.astype(np.float32),
        image,
        np.full(image.shape[:2], FAR, np.float32),
    )
    image = resample.gaussian_blur(image, max(0.6, 0.0035 * interocular))
    return np.concatenate(
        [image * _contact_shadow(coverage, interocular), np.ones((*image.shape[:2], 1), np.float32)], axis=2
    )


def _lit(mouth: Mouth, depth: Float, normals: Float, opened: float) -> Float:
    """The arch's colours, (V, 3) linear: diffuse light, and Blinn's highlights (1977) on what is wet.

    depth: (V,) head units; normals: (V, 3) in the picture's space; opened: area between the lips, see Mouth.open_area.
    """
    arch = dental_arch()
    exposure = np.tile(mouth.exposure, (len(arch.colours), 1))
    exposure[[UPPER_TEETH, LOWER_TEETH]] = mouth.enamel
    parts = _reflectance(mouth.chroma) * _PART_LIGHT[:, None] * exposure
    behind = np.clip(depth - np.percentile(depth, 2), 0, 2)
    reaches = arch.light * np.exp(-behind * _DARKER[arch.part] * (1 + 1.2 * np.exp(-opened / 0.03)))
    diffuse = 0.5 + 0.5 * np.clip(normals @ _LIGHT, 0, 1)
    shine = _WET[arch.part] * np.clip(normals @ _HALFWAY, 0, 1) ** _SHINE
    reddened = reaches[:, None] ** (1 + mouth.chroma * _REDDER)  # by the light that the mouth's red walls reflect
    lit: Float = reddened * (parts[arch.part] * diffuse[:, None] + shine[:, None] * mouth.exposure)
    return lit


def _reflectance(chroma: float) -> Float:
    """The parts' colours, (6, 3), grey in a picture without colour."""
    colours = dental_arch().colours
    grey = colours @ LUMINANCE[:, None]
    reflectance: Float = grey + chroma * (colours - grey)
    return reflectance


def _contact_shadow(coverage: Float32, interocular: float) -> Float32:
    """The lips' shadow on what lies behind them, stronger below the upper lip. (h, w, 1)"""
    light = resample.gaussian_blur(coverage, 0.05 * interocular)
    drop = int(round(0.03 * interocular))
    if drop:
        light = np.concatenate([np.repeat(light[:1], drop, axis=0) * 0, light[:-drop]])
    return np.clip(0.45 + 0.7 * light, 0, 1)[..., None].astype(np.float32)
