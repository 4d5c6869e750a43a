"""A portrait as surfaces that morph: what moves is where the engine puts it at each ARKit channel.

All in picture space: pixels, x to the right, y down, z away from the viewer. The camera is orthographic, as the
engine's is: what lies behind something else is seen where that leaves a hole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32, Int, Mask, UInt8
from ..engine import Portrait, pose_portrait
from ..engine.anatomy import LOWER_GUM, LOWER_TEETH, TONGUE, UPPER_GUM, UPPER_TEETH, mouth_model
from ..engine.eyes import Eye
from ..engine.frame import DEPTH_UNIT
from ..engine.kernels import FAR, PAD, nearest
from ..engine.mesh import FACE, OUTER, HeadMesh
from ..engine.mouth import light
from ..engine.mouth.paint import posed_mouth
from ..engine.occluded import Occluded
from ..imaging import draw, resample
from ..imaging.color import Display, display_srgb
from ..imaging.srgb import decode
from ..job.retarget import RetargetSettings
from ..landmarks import ARKIT
from ..motion.head_motion import NECK
from ..motion.motion import Motion
from ..motion.retarget import retarget
from ..pose import Pose

_CLEAR = 0.002  # metres: so far behind the skin lies what is seen through its holes, at least
_DISC = 0.0005  # metres: an iris before the white
_HULL_CLEAR, _HULL_SMALLER = 0.004, 0.98  # metres; of its width: the head's back stays inside the outline
_FRONT = 0.35  # cosine towards the viewer from which on the person's sheet always covers the head's back
_BEHIND = 0.02  # metres behind all else: the plate
_STILL = 0.00002  # metres: a channel that moves no vertex farther has no target
_DEPTH_PX = 1024  # size at which the skin's depth is read off
_ARCH = 0.012  # metres: so far the teeth go back as one; what still reaches the skin goes by itself
_THROAT = 0.045  # metres behind the front teeth all is dark: deeper, and it would stand out beside a turned face
_EYE_MARGIN = 0.3, 0.22  # of an eye's width: how far its white goes on behind the lids
_EYE_GRID = 13, 9
_TALKING = 0.6  # of jawOpen: so wide is the mouth whose light the teeth carry
_DIMMEST, _DARK = 0.004, 0.03  # the least light in the mouth; of the gums' colour: what lies behind all of it
_SURE = 0.5  # alpha from which on a pixel's own colour is known
_SOLID, _RIM = 0.95, 0.015  # alpha of a face that is nothing else; of its height: so far from the rim it is sure
_AROUND = 0.05  # of a face's height: so far beyond its oval the far cheek of a turned one may be seen
_SPECKS = 0.02  # of the distance between the eyes' corners: sigma over which a matte's specks go
_IRIS = 1.3  # radii: half the side of the square that an iris is on


@dataclass(frozen=True)
class Surface:
    """A part of the portrait.

    Attributes:
        position: (N, 3) float64, picture space.
        triangles: (T, 3) int32, by material.
        targets: channel's name → (N, 3) float64 displacement at 1.
        uv: (N, 2) float64, 0..1 of the texture; None: `colour` says it all.
        colour: (N, 3) float64, linear, as displayed.
        follows: (N,) float64: 1 moves with the head, 0 stays with the body; None: it hangs from the head alone.
    """

    position: Float
    triangles: Mapping[str, Int]
    targets: Mapping[str, Float] = field(default_factory=dict)
    uv: Float | None = None
    colour: Float | None = None
    follows: Float | None = None


@dataclass(frozen=True)
class Relief:
    """The whole portrait.

    Attributes:
        surfaces: node's name → surface.
        textures: material's name → (H, W, 3 or 4) uint8 sRGB, straight alpha.
        unit: metres per pixel; centre: (3,) picture space, what lies at the origin; pivot: (3,) what the head
            turns about.
        size: (width, height) of the picture.
    """

    surfaces: Mapping[str, Surface]
    textures: Mapping[str, UInt8]
    unit: float
    centre: Float
    pivot: Float
    size: tuple[int, int]


def relief_of(
    portrait: Portrait,
    display: Display,
    *,
    settings: RetargetSettings | None = None,
    texture_size: int = 2048,
    plate: bool = True,
) -> Relief:
    """The portrait as surfaces. `display`: how its pixels are shown; `texture_size`: of the longest side, at most."""
    unit = DEPTH_UNIT / portrait.pose.scale
    poses = channel_poses(portrait, settings)
    moved = {name: pose_portrait(portrait, pose).position.astype(np.float64) for name, pose in poses.items()}
    rest = portrait.mesh.bind_pose
    skin = _Skin(portrait, unit, [rest, *(moved[name] for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight"))])
    targets = {name: moved[name] - (moved["jawOpen"] if name == "mouthClose" else rest) for name in ARKIT}
    surfaces, textures = {"Face": _face(portrait, targets)}, dict[str, UInt8]()
    textures["Person"] = _shown(_person(portrait), display, texture_size, face=_oval(portrait))
    if portrait.occluded is not None:
        behind = _behind_face(portrait, portrait.occluded, surfaces["Face"], unit)
        surfaces["BehindFace"] = behind
        textures["BehindFace"] = _shown(_hidden(portrait, portrait.occluded), display, texture_size)
    surfaces |= _mouth(portrait, poses, moved, skin, display)
    for eye in portrait.eyes:
        side = "Left" if eye.loop == lm.EYE_LEFT else "Right"
        surfaces[f"Eye{side}"], surfaces[f"Iris{side}"] = _eye(eye, portrait, targets, skin)
        textures[f"Eye{side}"] = _shown(_inside(eye.white), display, texture_size)[..., :3]
        textures[f"Iris{side}"] = _straight(_inside(eye.disc), display, texture_size)
    if portrait.rigid is not None:
        rigid = portrait.rigid
        texture = _inside(rigid.texture)
        h, w = texture.shape[:2]
        uv = rigid.corners / [w, h]
        position = portrait.pose.to_picture(rigid.surface) - [0, 0, _CLEAR / unit]
        surfaces["Spectacles"] = Surface(position, {"Spectacles": _facing(position, rigid.triangles)}, uv=uv)
        textures["Spectacles"] = _shown(texture * rigid.coverage[..., None], display, texture_size)
    if portrait.hull is not None:
        surfaces["HeadBack"] = _hull(portrait, skin)
        textures["HeadBack"] = _shown(_inside(portrait.hull.texture), display, texture_size)[..., :3]
    if plate:
        whole = np.empty_like(portrait.source)
        portrait.write_plate(0, whole)
        if whole[..., 3].max() > 0:
            back = max(float(part.position[:, 2].max()) for part in surfaces.values()) + _BEHIND / unit
            surfaces["Plate"] = _card(portrait.width, portrait.height, back)
            textures["Plate"] = _shown(whole, display, texture_size)
    pivot = portrait.pose.to_picture(NECK)
    size = (portrait.width, portrait.height)
    return Relief(surfaces, textures, unit, portrait.pose.translation, pivot, size)


def channel_poses(portrait: Portrait, settings: RetargetSettings | None = None) -> dict[str, Pose]:
    """What the portrait does when one ARKit channel alone is 1, by its name; at mouthClose the jaw is open too."""
    channels = np.concatenate([np.zeros((1, len(ARKIT))), np.eye(len(ARKIT))]).astype(np.float32)
    channels[1 + ARKIT.index("mouthClose"), ARKIT.index("jawOpen")] = 1
    motion = Motion(30.0, np.arange(len(channels), dtype=np.int32), channels=channels, channel_names=ARKIT, neutral=0)
    performance = retarget(motion, portrait.landmarks, settings)
    return {name: Pose(performance[i + 1].displacement) for i, name in enumerate(ARKIT)}


class _Skin:
    """How deep the skin lies under a place, in several expressions."""

    def __init__(self, portrait: Portrait, unit: float, positions: list[Float]) -> None:
        longest = max(portrait.width, portrait.height)
        self.unit, self._scale = unit, min(1.0, _DEPTH_PX / longest)
        self._size = (round(portrait.width * self._scale), round(portrait.height * self._scale))
        self._portrait = portrait
        self._depths = [self._read(position, np.ones(len(portrait.mesh.triangles), bool)) for position in positions]
        self._face = self._read(positions[0], portrait.mesh.region != OUTER)

    def _read(self, position: Float, triangles: Mask) -> Float32:
        scaled = position * self._scale
        depth = nearest(scaled, self._portrait.mesh.triangles[triangles], *self._size).depth
        return np.asarray(depth / np.float32(self._scale), np.float32)

    def _at(self, depth: Float32, points: Float) -> Float:
        x, y = (np.clip((points[:, k] * self._scale).astype(int), 0, self._size[k] - 1) for k in range(2))
        inside = (points[:, :2] >= 0).all(1) & (points[:, :2] * self._scale < self._size).all(1)
        found = depth[y, x].astype(np.float64)
        return np.where(inside & (found < FAR / 2), found, -np.inf)

    def least_depth(self, points: Float, *, clear: float = _CLEAR, which: int | None = None) -> Float:
        """How deep (N,) points (N, 3) must lie to stay behind the skin; of one expression, or of all; -inf: any."""
        depths = self._depths if which is None else [self._depths[which]]
        return np.asarray(np.max([self._at(depth, points) for depth in depths], axis=0) + clear / self.unit)

    def before(self, points: Float) -> Mask:
        """Over which points (N, 3) the face itself lies."""
        return np.isfinite(self._at(self._face, points))


def _face(portrait: Portrait, targets: Mapping[str, Float]) -> Surface:
    """The person: the engine's mesh less its holes. What lies beyond the picture is drawn in to its border."""
    mesh, size = portrait.mesh, (portrait.width, portrait.height)
    x0, y0, x1, y1 = portrait.layers.window
    position = mesh.bind_pose.copy()
    position[:, :2] = np.clip(position[:, :2], 0, size)
    uv = (position[:, :2] - [x0, y0]) / [x1 - x0, y1 - y0]
    follows = np.ones(len(position))
    follows[mesh.outer] = mesh.rigid
    outer = mesh.region == OUTER
    if portrait.occluded is not None:
        outer &= ~_covered(mesh, portrait.occluded)
    around = _facing(mesh.bind_pose, mesh.triangles[outer])
    triangles = {"Face": mesh.triangles[mesh.region == FACE], "Person": around}
    return Surface(position, triangles, targets, uv=np.clip(uv, 0, 1), follows=np.clip(follows, 0, 1))


def _covered(mesh: HeadMesh, occluded: Occluded) -> Mask:
    """The triangles (T,) that the face covers in the portrait."""
    return np.asarray(occluded.triangles & (occluded.weight[mesh.triangles].mean(1) > 0.5))


def _behind_face(portrait: Portrait, occluded: Occluded, face: Surface, unit: float) -> Surface:
    """What the face covers in the portrait, of hair and background: seen when a head that was turned turns back."""
    mesh = portrait.mesh
    assert face.follows is not None
    used, flat = np.unique(mesh.triangles[_covered(mesh, occluded)], return_inverse=True)
    position, box = face.position[used], occluded.box
    triangles = _facing(mesh.bind_pose[used], flat.reshape(-1, 3).astype(np.int32))
    return Surface(
        position,
        {"BehindFace": triangles},
        _moving({name: shift[used] for name, shift in face.targets.items()}, unit),
        uv=np.clip((position[:, :2] - box[:2]) / (box[2:] - box[:2]), 0, 1),
        follows=face.follows[used],
    )


def _mouth(
    portrait: Portrait, poses: Mapping[str, Pose], moved: Mapping[str, Float], skin: _Skin, display: Display
) -> dict[str, Surface]:
    """Teeth, gums, tongue and cheeks: the upper ones fast to the skull, the lower ones to the jaw; dark behind all."""
    mouth, model = portrait.mouth, mouth_model()

    def at(pose: Pose | None) -> Float:
        displacement = np.zeros_like(portrait.head) if pose is None else pose.displacement
        return portrait.pose.to_picture(posed_mouth(mouth, displacement)[1])

    rest = at(None)
    every = {name: at(pose) for name, pose in poses.items()}
    short = np.zeros(len(rest))
    for which, position in ((0, rest), (1, every["jawOpen"])):
        short = np.maximum(short, skin.least_depth(position, which=which) - position[:, 2])
    teeth = np.asarray(model.part <= LOWER_TEETH)
    all_of_it = min(float(np.percentile(short[teeth], 95)), _ARCH / skin.unit)
    push = np.maximum(short, all_of_it)  # teeth stay an arch as far as they can
    rest[:, 2] += push
    targets = {name: position + np.column_stack([0 * push, 0 * push, push]) for name, position in every.items()}
    targets = {n: p - (targets["jawOpen"] if n == "mouthClose" else rest) for n, p in targets.items()}
    colour = _mouth_colours(portrait, poses["jawOpen"], display)
    part = model.part[model.triangles].max(1)
    parts = {
        "UpperTeeth": np.isin(part, (UPPER_TEETH, UPPER_GUM)),
        "LowerTeeth": np.isin(part, (LOWER_TEETH, LOWER_GUM, TONGUE)),
    }
    parts["MouthCavity"] = ~(parts["UpperTeeth"] | parts["LowerTeeth"])
    made = {}
    for name, chosen in parts.items():
        used, flat = np.unique(model.triangles[chosen], return_inverse=True)
        mine = {channel: shift[used] for channel, shift in targets.items()} if name != "UpperTeeth" else {}
        corners = flat.reshape(-1, 3).astype(np.int32)
        made[name] = Surface(rest[used], {"Mouth": corners}, _moving(mine, skin.unit), colour=colour[used])
    ring = list(lm.LIPS_OUTER)
    rim = portrait.mesh.bind_pose[ring]
    front = float(np.percentile(rest[teeth, 2], 10))
    deep = min(rest[:, 2].max() + _CLEAR / skin.unit, front + _THROAT / skin.unit)
    loop = np.concatenate([rim, rim.mean(0)[None]])
    loop[:, 2] = deep
    shifts = {}
    for name, position in moved.items():
        shift = position[ring] - (moved["jawOpen"] if name == "mouthClose" else portrait.mesh.bind_pose)[ring]
        shifts[name] = np.concatenate([shift, shift.mean(0)[None]]) * [1, 1, 0]
    k = np.arange(len(ring))
    fan = np.stack([k, np.roll(k, -1), np.full(len(ring), len(ring))], axis=1).astype(np.int32)
    fan = _facing(loop, fan)
    dark = _as_displayed(_DARK * mouth.gums[None], display)
    made["MouthBack"] = Surface(
        loop, {"Mouth": fan}, _moving(shifts, skin.unit), colour=np.repeat(dark, len(loop), axis=0)
    )
    return made


def _mouth_colours(portrait: Portrait, wide: Pose, display: Display) -> Float:
    """The model's colours in the light of a talking mouth, (V, 3), linear, as displayed."""
    mouth = portrait.mouth
    displacement = _TALKING * wide.displacement
    jaw, head, normals = posed_mouth(mouth, displacement)
    lips = (portrait.head + displacement)[list(lm.LIPS_INNER)]
    reaches = light.through_lips(head, normals, lips)
    if mouth.is_open:
        reaches = np.maximum(reaches, mouth.rest_light)
    shade = light.scattered(np.maximum(reaches, _DIMMEST), mouth.chroma) * light.shade_by_depth(jaw)[:, None]
    return _as_displayed(mouth.colour * (shade + mouth.flat * (1 - shade)), display)


def _as_displayed(colours: Float, display: Display) -> Float:
    """Scene-linear colours (N, 3) as linear ones of the screen's."""
    srgb = display_srgb(colours[None].astype(np.float32), exposure=display)[0]
    return np.asarray(decode(srgb / 255.0), np.float64)


def _eye(eye: Eye, portrait: Portrait, targets: Mapping[str, Float], skin: _Skin) -> tuple[Surface, Surface]:
    """The white, still, and the iris before it, which moves as the engine's does; both behind the lids."""
    outline = portrait.landmarks[list(eye.loop)]
    h, w = (n - 2 * PAD for n in eye.white.shape[:2])
    low, high = outline[:, :2].min(0), outline[:, :2].max(0)
    margin = np.array(_EYE_MARGIN) * eye.width
    low, high = np.fmax(low - margin, eye.origin), np.fmin(high + margin, eye.origin + [w, h])
    basis = np.column_stack([outline[:, :2], np.ones(len(outline))])
    plane, *_ = np.linalg.lstsq(basis, outline[:, 2], rcond=None)

    def on_plane(points: Float) -> Float:
        return np.column_stack([points, points @ plane[:2] + plane[2]])

    white, triangles = _grid(low, high, *_EYE_GRID)
    white = on_plane(white)
    short = skin.least_depth(white) - white[:, 2]
    triangles = triangles[skin.before(white)[triangles].all(1)]  # on a turned face it would stand out beside it
    seen = (np.abs(white[:, :2] - outline[:, :2].mean(0)) < 0.5 * np.ptp(outline[:, :2], axis=0)).all(1)
    push = float(np.clip(short[seen].max(initial=0), _CLEAR / skin.unit, None))
    white[:, 2] += np.maximum(short, push)
    ball = Surface(white, {f"Eye{_side(eye)}": triangles}, uv=(white[:, :2] - eye.origin) / [w, h])
    iris = portrait.landmarks[list(eye.iris), :2]
    radius = _IRIS * float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
    disc, triangles = _grid(iris[0] - radius, iris[0] + radius, 5, 5)
    before = push - _DISC / skin.unit
    placed = on_plane(disc)
    shifts = {}
    for name, shift in targets.items():
        if name.startswith("eyeLook"):
            shifts[name] = on_plane(disc + shift[eye.iris[0], :2]) - placed
    placed[:, 2] += before
    uv = (disc - eye.origin) / [w, h]
    return ball, Surface(placed, {f"Iris{_side(eye)}": triangles}, _moving(shifts, skin.unit), uv=uv)


def _side(eye: Eye) -> str:
    return "Left" if eye.loop == lm.EYE_LEFT else "Right"


def _hull(portrait: Portrait, skin: _Skin) -> Surface:
    """The sides and back of the head, a little within the outline; nothing of it before or behind the face."""
    hull = portrait.hull
    assert hull is not None
    height, width = (n - 2 * PAD for n in hull.texture.shape[:2])
    position = hull.vertices.copy()
    _, row = np.unique(hull.uv[:, 1], return_inverse=True)
    middle = (np.bincount(row, position[:, 0]) / np.bincount(row))[row]
    position[:, 0] = middle + _HULL_SMALLER * (position[:, 0] - middle)
    position[:, 2] = np.maximum(position[:, 2], skin.least_depth(position, clear=_HULL_CLEAR, which=0))
    toward = -hull.normals[:, 2]  # cosine
    front = (toward > _FRONT) | (skin.before(hull.vertices) & (toward > 0))
    kept = hull.triangles[~front[hull.triangles].any(1)]
    return Surface(position, {"HeadBack": kept}, uv=hull.uv / [width, height], follows=np.clip(hull.rigid, 0, 1))


def _card(width: int, height: int, depth: float) -> Surface:
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
    position = np.column_stack([corners * [width, height], np.full(4, depth)])
    return Surface(position, {"Plate": np.array([[0, 2, 1], [0, 3, 2]], np.int32)}, uv=corners)


def _grid(low: Float, high: Float, columns: int, rows: int) -> tuple[Float, Int]:
    """Points (rows · columns, 2) from one corner to the other, and triangles."""
    x, y = np.meshgrid(np.linspace(low[0], high[0], columns), np.linspace(low[1], high[1], rows))
    k = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (k[:-1, :-1], k[:-1, 1:], k[1:, 1:], k[1:, :-1]))
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([a, d, c], 1)])
    return np.stack([x.ravel(), y.ravel()], axis=1), triangles.astype(np.int32)


def _facing(position: Float, triangles: Int) -> Int:
    """Triangles (T, 3) of a sheet, all turned towards the viewer."""
    a, b, c = (position[triangles[:, k], :2] for k in range(3))
    away = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) > (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    return np.where(away[:, None], triangles[:, ::-1], triangles)


def _moving(targets: Mapping[str, Float], unit: float) -> dict[str, Float]:
    """The targets that move anything."""
    return {name: shift for name, shift in targets.items() if float(np.abs(shift).max()) * unit > _STILL}


# Textures -----------------------------------------------------------------------------------------------------------


def _person(portrait: Portrait) -> Float32:
    """The person's layer, (h, w, 4) premultiplied."""
    x0, y0, x1, y1 = portrait.layers.window
    return portrait.layers.texture[PAD : PAD + y1 - y0, PAD : PAD + x1 - x0]


def _hidden(portrait: Portrait, occluded: Occluded) -> Float32:
    """What the face covers, (h, w, 4) premultiplied, the size of its box, without the specks that a matte leaves
    beside the person: over the plate they are its exact colours, alone they are of any."""
    height, width = occluded.source.shape[:2]
    spare = portrait.layers.texture[-height:, PAD : PAD + width]
    whole = np.pad(spare, ((0, 0), (0, width - spare.shape[1]), (0, 0)), mode="edge")
    smooth = resample.gaussian_blur(np.clip(whole[..., 3], 0, 1), _SPECKS * portrait.interocular)
    return np.asarray(whole * np.clip((smooth - 0.4) / 0.2, 0, 1)[..., None], np.float32)


def _inside(texture: Float32) -> Float32:
    """A texture without its border."""
    return texture[PAD:-PAD, PAD:-PAD]


def _fit(pixels: Float32, longest: int) -> Float32:
    return np.ascontiguousarray(resample.fit(np.ascontiguousarray(pixels), longest))


def _oval(portrait: Portrait) -> Float:
    """The face's oval in the person's layer, (M, 2) pixels."""
    return portrait.landmarks[list(lm.OVAL), :2] - portrait.layers.window[:2]


def _shown(pixels: Float32, display: Display, longest: int, *, face: Float | None = None) -> UInt8:
    """(H, W, 4) linear premultiplied as sRGB with straight alpha; what is transparent has the colours around it.

    face: (M, 2) pixels, an outline that is shown without its alpha, and may lie beside the person.
    """
    before = pixels.shape[1]
    pixels = _fit(pixels, longest)
    alpha = np.clip(pixels[..., 3], 0, 1)
    sure = alpha > _SURE  # in thinner strands the division shows the matte's errors as colours
    if face is not None:
        height, width = alpha.shape
        scale = width / before
        face_px = float(np.ptp(face[:, 1])) * scale
        inside = resample.dilate(draw.fill_polygon(face * scale, width, height) > 0, _AROUND * face_px) > 0
        rim = _RIM * face_px
        sure = np.where(inside, resample.erode(alpha > _SOLID, rim) > 0, sure)
    colour = np.asarray(pixels[..., :3] / np.maximum(alpha, _SURE)[..., None], np.float32)
    if not sure.all():
        colour = resample.fill_holes_smooth(colour, sure)
    straight = np.concatenate([colour, alpha[..., None]], axis=2).astype(np.float32)
    return _straight(straight, display, longest)


def _straight(pixels: Float32, display: Display, longest: int) -> UInt8:
    """(H, W, 4) linear with straight alpha as sRGB."""
    pixels = _fit(pixels, longest)
    srgb = display_srgb(np.ascontiguousarray(pixels[..., :3]), exposure=display)
    alpha = (np.clip(pixels[..., 3:], 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.concatenate([srgb, alpha], axis=2)
