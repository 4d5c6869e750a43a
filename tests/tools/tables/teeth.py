"""A procedural mouth interior in head space: teeth on a parabolic arch, gums, tongue, cavity, and the jaw's hinge.

Proportions (tooth widths and heights in mm) follow common dental anatomy (Ash and Nelson, "Wheeler's Dental Anatomy");
position in the head, the arch's depth and the hinge are measured on the ICT head's teeth and its `jawOpen`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gioconda.pose import fit_similarity
from scipy import ndimage

from .ict import Float, Head, Int

MM = 1 / 90.0  # head-space units: the outer eye corners are about 90 mm apart
UPPER_TEETH, LOWER_TEETH, UPPER_GUM, LOWER_GUM, TONGUE, CAVITY = range(6)
# Linear Rec.709 reflectance: enamel, gum, tongue, throat.
COLOURS = (
    (0.70, 0.66, 0.58),
    (0.66, 0.61, 0.53),
    (0.42, 0.15, 0.14),
    (0.40, 0.14, 0.13),
    (0.48, 0.20, 0.20),
    (0.15, 0.042, 0.036),
)
# From the middle outwards: width, depth and crown height in mm, thickness of the biting edge (share of the depth),
# width at the gum (share of the width).
UPPER = (
    (8.5, 7.0, 10.5, 0.30, 0.84),
    (6.5, 6.0, 9.0, 0.30, 0.84),
    (7.5, 8.0, 10.0, 0.35, 0.80),
    (7.0, 9.0, 8.5, 0.75, 0.85),
    (7.0, 9.0, 8.5, 0.80, 0.85),
    (10.0, 11.0, 7.5, 0.90, 0.90),
    (9.0, 11.0, 7.0, 0.90, 0.90),
)
LOWER = (
    (5.0, 6.0, 9.0, 0.30, 0.80),
    (5.5, 6.2, 9.5, 0.30, 0.80),
    (7.0, 7.5, 11.0, 0.35, 0.78),
    (7.0, 7.5, 8.5, 0.75, 0.85),
    (7.0, 8.0, 8.0, 0.80, 0.85),
    (11.0, 10.5, 7.5, 0.90, 0.90),
    (10.5, 10.0, 7.0, 0.90, 0.90),
)
RING, LEVELS = (
    10,
    (-0.25, 0.0, 0.35, 0.7, 0.9, 0.98),
)  # points around a tooth; heights from below the gum line (0) to the edge (1)


@dataclass(frozen=True)
class Arch:
    """A row of teeth: its outer line z = front + bend·x² + close·x⁴, where it bites (y), where it grows (±1 in y)."""

    front: float
    bend: float
    close: float
    edge: float
    grows: float

    def at(self, length: float) -> tuple[Float, Float]:
        """The place (x, z) and the outward normal at a signed arc length from the middle."""
        x = np.linspace(0, 0.6, 601)
        z = self.bend * x**2 + self.close * x**4
        arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
        at = float(np.interp(abs(length), arc, x)) * (1 if length >= 0 else -1)
        normal = np.array([2 * self.bend * at + 4 * self.close * at**3, -1.0])
        return np.array([at, self.front + np.interp(abs(at), x, z)]), normal / np.linalg.norm(normal)


class Mesh:
    """Vertices, triangles, parts and jaw weights, grown piece by piece."""

    def __init__(self) -> None:
        self.vertices: list[Float] = []
        self.triangles: list[Int] = []
        self.part: list[Int] = []
        self.jaw: list[Float] = []
        self.light: list[Float] = []
        self.count = 0

    def add(self, vertices: Float, triangles: Int, part: int, jaw: Float | float, light: Float | float = 1.0) -> None:
        """light: how much of the light around reaches each vertex, 0..1."""
        self.vertices.append(vertices)
        self.triangles.append(triangles + self.count)
        self.part.append(np.full(len(vertices), part))
        for values, many in ((jaw, self.jaw), (light, self.light)):
            many.append(np.broadcast_to(np.asarray(values, float).reshape(-1), (len(vertices),)))
        self.count += len(vertices)

    def add_grid(
        self, grid: Float, part: int, jaw: Float | float, light: Float | float = 1.0, *, closed: bool = False
    ) -> None:
        """(rows, columns, 3) points; `closed` joins the last column to the first."""
        rows, columns = grid.shape[:2]
        r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
        a, b = r * columns + c, r * columns + (c + 1) % columns
        quads = np.stack([a, a + columns, b, b, a + columns, b + columns], -1).reshape(-1, 3)
        self.add(grid.reshape(-1, 3), quads.astype(np.int32), part, jaw, light)


def dental_arch(head: Head) -> dict[str, np.ndarray]:
    """The arrays of `dental_arch.npz`."""
    upper, lower = _arches(head)
    mesh = Mesh()
    for arch, teeth, tooth_part, gum_part, jaw in (
        (upper, UPPER, UPPER_TEETH, UPPER_GUM, 0.0),
        (lower, LOWER, LOWER_TEETH, LOWER_GUM, 1.0),
    ):
        for side in (1, -1):
            along = 0.0
            for width, depth, height, edge, neck in teeth:
                _add_tooth(
                    mesh,
                    arch,
                    side * (along + width * MM / 2),
                    np.array([width, depth, height]) * MM,
                    edge,
                    neck,
                    tooth_part,
                    jaw,
                )
                along += width * MM
        _add_gum(mesh, arch, teeth, gum_part, jaw)
    _add_tongue(mesh, lower)
    _add_cavity(mesh, upper, lower)
    vertices, triangles = np.concatenate(mesh.vertices), np.concatenate(mesh.triangles)
    pivot, angle = _hinge(head)
    return {
        "vertices": vertices.astype(np.float32),
        "triangles": triangles.astype(np.uint16),
        "part": np.concatenate(mesh.part).astype(np.uint8),
        "jaw": np.concatenate(mesh.jaw).astype(np.float32),
        "light": np.concatenate(mesh.light).astype(np.float32),
        "colours": np.array(COLOURS, np.float32),
        "pivot": pivot.astype(np.float32),
        "axis": np.array([1.0, 0.0, 0.0], np.float32),
        "jaw_open_angle": np.array(angle, np.float32),
    }


def _in_template(head: Head, first: int, last: int) -> Float:
    part = head.vertices[first:last]
    return np.column_stack([part, np.ones(len(part))]) @ head.to_template


def _arches(head: Head) -> tuple[Arch, Arch]:
    """Front, bend and bite measured on the kit's teeth; the lower row bites just behind the upper."""
    result = []
    for (first, last), grows in (((17039, 19247), 1.0), ((19247, 21451), -1.0)):
        teeth = _in_template(head, first, last)
        x, z = teeth[:, 0], teeth[:, 2]
        reach = 0.95 * float(np.abs(x).max())
        bins = np.linspace(-reach, reach, 31)
        outer = np.array([z[(x >= a) & (x < b)].min() for a, b in zip(bins[:-1], bins[1:], strict=True)])
        centre = (bins[:-1] + bins[1:]) / 2
        close, bend, front = np.polyfit(centre**2, outer, 2)
        incisors = teeth[np.abs(x) < 0.08]
        edge = incisors[:, 1].max() if grows > 0 else incisors[:, 1].min()
        result.append(Arch(float(front), float(bend), float(close), float(edge), grows))
    upper, lower = result
    return upper, Arch(upper.front + 2.5 * MM, upper.bend, upper.close, min(lower.edge, upper.edge - 1.5 * MM), -1.0)


def _add_tooth(mesh: Mesh, arch: Arch, at: float, size: Float, edge: float, neck: float, part: int, jaw: float) -> None:
    """A rounded box lofted from superellipses, thin at the biting edge, narrow at the gum, bellied outwards."""
    place, normal = arch.at(at)
    tangent = np.array([-normal[1], normal[0]])
    rise = 3.5 * MM * min(abs(place[0]) / 0.3, 1.0) ** 2  # the curve of Spee: back teeth sit higher
    angle = np.linspace(0, 2 * np.pi, RING, endpoint=False)
    round_x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.55
    round_n = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.55
    rings = []
    for level in LEVELS:
        wide = np.interp(level, [-0.25, 0, 0.6, 0.9, 1.0], [neck * 0.9, neck, 1.0, 0.97, 0.80])
        deep = np.interp(level, [-0.25, 0, 0.4, 0.9, 1.0], [0.8, 0.9, 1.0, edge + 0.1, edge * 0.8])
        belly = -0.5 * size[1] + 0.06 * size[1] * np.sin(np.pi * np.clip(level, 0, 1))  # outer face near the arch line
        across = 0.49 * size[0] * wide * round_x
        out = belly + 0.5 * size[1] * (1 - deep) * 0.55 + 0.5 * size[1] * deep * round_n
        xz = place + across[:, None] * tangent + out[:, None] * normal
        y = arch.edge - rise - arch.grows * size[2] * (1 - level)
        rings.append(np.column_stack([xz[:, 0], np.full(RING, y), xz[:, 1]]))
    grid = np.array(rings)
    # between two teeth it is dark, a little at the gum, and more the further the cheek is in front of them
    light = 0.5 + 0.5 * np.clip(round_n, 0, 1)[None] ** 0.8
    light = light * np.interp(LEVELS, [-0.25, 0.35, 0.9, 1], [0.6, 0.95, 1, 0.93])[:, None] * _beside(place[0])
    top = grid[-1].mean(0) + [0, arch.grows * size[2] * 0.02, 0]
    start = mesh.count
    if arch.grows > 0:
        grid, light = grid[:, ::-1], light[:, ::-1]
    mesh.add_grid(grid, part, jaw, light, closed=True)
    last = start + (len(LEVELS) - 1) * RING + np.arange(RING)
    fan = np.stack([last, np.full(RING, mesh.count), np.roll(last, -1)], 1) - mesh.count
    mesh.add(top[None], fan.astype(np.int32), part, jaw, 0.8)


def _beside(x: float) -> float:
    """How much light the cheeks leave, 1 at the front teeth."""
    return float(np.interp(abs(x), [0.12, 0.26], [1.0, 0.45]))


def _add_gum(mesh: Mesh, arch: Arch, teeth: tuple[tuple[float, ...], ...], part: int, jaw: float) -> None:
    """A band over the roots, scalloped between the teeth, inside and outside of the row."""
    widths = np.array([t[0] for t in teeth]) * MM
    heights = np.array([t[2] for t in teeth]) * MM
    ends = np.concatenate([[0], np.cumsum(widths)])
    centres = (ends[:-1] + ends[1:]) / 2
    stations = np.linspace(-ends[-1] - 2 * MM, ends[-1] + 2 * MM, 57)
    rows = []
    for s in stations:
        place, normal = arch.at(float(s))
        k = int(np.clip(np.searchsorted(ends, abs(s)) - 1, 0, len(widths) - 1))
        phase = np.clip(abs(abs(s) - centres[k]) / (widths[k] / 2), 0, 1)
        scallop = (
            1.8 * MM * phase**3 * np.array([0, 0, 0.4, 1, 1, 0.4, 0, 0])
        )  # the gum reaches further down between teeth
        crown = np.interp(abs(s), centres, heights) - scallop
        depth = np.interp(abs(s), centres, [t[1] * MM for t in teeth])
        rise = 3.5 * MM * min(abs(place[0]) / 0.3, 1.0) ** 2
        line = arch.edge - rise - arch.grows * crown
        # outside, from the fold down to the teeth; then inside, back up to the palate or the floor
        out = np.array([2.0, 2.2, 1.3, 0.25]) * MM
        up = np.array([12.0, 7.0, 2.2, 0.0]) * MM
        back = np.array([0.9, 1.1, 1.35, 1.6]) * depth
        rise_in = np.array([0.0, 2.2, 6.0, 11.0]) * MM
        offsets = np.concatenate([out, -back])
        heights_here = line - arch.grows * np.concatenate([up, rise_in])
        xz = place + offsets[:, None] * normal
        rows.append(np.column_stack([xz[:, 0], heights_here, xz[:, 1]]))
    grid = np.array(rows)
    across = np.array([0.45, 0.8, 1.0, 0.8, 0.6, 0.5, 0.45, 0.4])
    light = across * np.array([[_beside(row[0, 0])] for row in grid])
    mesh.add_grid(grid if arch.grows < 0 else grid[:, ::-1], part, jaw, light)


def _add_tongue(mesh: Mesh, lower: Arch) -> None:
    """A half-ellipsoid with a groove, resting behind the lower teeth; its tip follows the jaw, its root half as much.

    Its skin is uneven, which breaks the wet light on it; towards the teeth and the throat it is dark.
    """
    u = np.linspace(0.0, 1, 26)  # tip to root
    v = np.linspace(-1, 1, 23)  # right to left
    front = lower.front + 8.5 * MM
    half = 19.5 * MM * np.sqrt(1 - (1 - np.clip(u * 1.7, 0, 1)) ** 2)
    ridge = lower.edge + 2.5 * MM - 6.0 * MM * np.sin(np.pi * u**0.75) + 7 * MM * (1 - np.clip(u * 5, 0, 1)) ** 2
    x = half[:, None] * np.sin(v * np.pi / 2)[None]
    dome = 9.0 * MM * (1 - np.sqrt(np.clip(1 - v**2 * 0.98, 0, 1)))
    groove = 1.6 * MM * np.exp(-((v / 0.14) ** 2))[None] * np.sin(np.pi * u)[:, None]
    uneven = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=x.shape), 0.7) * 0.4 * MM
    y = ridge[:, None] + dome[None] + groove + uneven
    z = np.broadcast_to((front + u * 44 * MM)[:, None], x.shape)
    jaw = np.broadcast_to((0.97 - 0.45 * u)[:, None], x.shape)
    rim = np.clip((1 - np.abs(v)) / 0.35, 0, 1)[None] * np.clip((u + 0.04) / 0.2, 0, 1)[:, None]
    light = (0.3 + 0.7 * rim) * (1 - 0.25 * np.exp(-((v / 0.1) ** 2)))[None] * (1 - 0.45 * u)[:, None]
    mesh.add_grid(np.stack([x, y, z], -1)[:, ::-1], TONGUE, jaw[:, ::-1], light[:, ::-1])


def _add_cavity(mesh: Mesh, upper: Arch, lower: Arch) -> None:
    """The mouth's inner wall: a bag open to the front, whose lower half follows the jaw."""
    depth = np.linspace(0, 1, 10)
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    middle = (upper.edge + lower.edge) / 2
    size = np.sqrt(np.clip(1 - depth**3, 0.0, 1))
    x = 0.43 * size[:, None] * np.cos(angle)[None]
    y = middle + 0.27 * size[:, None] * np.sin(angle)[None]
    z = (
        np.broadcast_to((upper.front + 2 * MM + 0.66 * depth)[:, None], x.shape)
        + 0.34 * (np.abs(np.cos(angle)) ** 2)[None] * (1 - depth)[:, None]
    )
    jaw = np.clip(0.5 + 0.5 * np.sin(angle), 0, 1)[None] * (1 - 0.7 * depth)[:, None]
    light = np.broadcast_to((0.7 - 0.5 * depth)[:, None], x.shape)
    mesh.add_grid(np.stack([x, y, z], -1), CAVITY, jaw, light, closed=True)


def _hinge(head: Head) -> tuple[Float, float]:
    """Pivot and angle of the jaw at `jawOpen` = 1 from the rigid motion of the kit's lower teeth, in template space.

    A point p of the lower jaw goes to  pivot + R_x(angle) (p − pivot); positive angles open the mouth.
    """
    before = _in_template(head, 19247, 21451)
    moved = head.vertices[19247:21451] + head.expressions["jawOpen"][19247:21451]
    after = np.column_stack([moved, np.ones(len(moved))]) @ head.to_template
    motion = fit_similarity(before, after)
    angle = float(np.arctan2(motion.rotation[2, 1], motion.rotation[2, 2]))
    c, s = np.cos(angle), np.sin(angle)
    plane = np.array([[c, -s], [s, c]])
    shift = after.mean(0)[1:] - plane @ before.mean(0)[1:]
    pivot = np.linalg.solve(np.eye(2) - plane, shift)
    return np.array([0.0, *pivot]), angle
