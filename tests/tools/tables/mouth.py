"""The mouth's inside in head space: the kit's teeth, gums, tongue and cavity, made coarser, with whole crowns.

The kit's teeth show 7–8 mm of crown and narrow towards the gum; people's show about 10 mm and stand close (Ash and
Nelson, "Wheeler's Dental Anatomy"). So crowns and gums are stretched away from the biting edge, and each tooth is
widened at its neck.
"""

from __future__ import annotations

import numpy as np
from gioconda.engine.anatomy import vertex_normals
from gioconda.pose import fit_similarity
from scipy.spatial import cKDTree

from .decimate import decimate
from .ict import Float, Head, Int

MM = 1 / 90.0  # head-space units: the outer eye corners are about 90 mm apart
UPPER_TEETH, LOWER_TEETH, UPPER_GUM, LOWER_GUM, TONGUE, CAVITY = range(6)
# Linear Rec.709 reflectance: enamel, gum, tongue, cheeks and throat.
COLOURS = (
    (0.70, 0.66, 0.58),
    (0.66, 0.61, 0.53),
    (0.42, 0.15, 0.14),
    (0.40, 0.14, 0.13),
    (0.46, 0.19, 0.19),
    (0.20, 0.065, 0.06),
)
SOCKET, GUMS, LOWER_ROW = slice(11248, 13294), slice(14062, 17039), 19247  # the kit's vertices
# Where each of the 32 teeth begins, upper row first, and where the last ends.
TEETH = (
    *(17039, 17230, 17416, 17607, 17730, 17895, 17991, 18067, 18143, 18219, 18295, 18391, 18556, 18679, 18870, 19056),
    *(19247, 19426, 19602, 19814, 19952, 20079, 20169, 20263, 20349, 20435, 20529, 20619, 20746, 20884, 21096, 21272),
    21451,
)
BITE = (0.816, 0.775)  # where the upper and the lower incisors end, y
LONGER = 1.28  # how much crowns and gums are stretched away from there
NECK = 0.9  # a tooth's width near the gum, of its greatest width
CLOSER = 1.05  # teeth are that much wider, so that they touch
CROWN, ROOT = 0.115, 0.18  # height of a crown; beyond that distance from its edge a tooth is hidden for good
FRONT, BACK = 90, 36  # vertices of an incisor … first premolar, and of the others
GUM_VERTICES, TONGUE_VERTICES, CAVITY_VERTICES = 900, 300, 260


def mouth(head: Head) -> dict[str, np.ndarray]:
    """The arrays of `mouth.npz`."""
    pivot, angle = _hinge(head)
    vertices = _in_template(head, head.vertices)
    jaw = _jaw_weights(vertices, _in_template(head, head.vertices + head.expressions["jawOpen"]), pivot, angle)
    teeth = np.concatenate([vertices[a:b] for a, b in zip(TEETH[:-1], TEETH[1:], strict=True)])
    pieces = []
    for k, (a, b) in enumerate(zip(TEETH[:-1], TEETH[1:], strict=True)):
        part = LOWER_TEETH if a >= LOWER_ROW else UPPER_TEETH
        points, triangles = _cut(head, vertices, slice(a, b))
        points, triangles = _without_root(_longer(points, np.full(len(points), BITE[part])), triangles, part)
        points = _whole_crown(points, upper=part == UPPER_TEETH)
        count = FRONT if abs(points[:, 0].mean()) < 0.24 else BACK
        points, triangles = decimate(points, triangles, count)
        pieces.append((points, triangles, np.full(len(points), part), np.full(len(points), float(part)), k))
    points, triangles = _cut(head, vertices, GUMS)
    lower = jaw[GUMS] > 0.12
    far, _ = cKDTree(teeth).query(points)
    kinds = np.where(lower, np.where(far > 0.045, TONGUE, LOWER_GUM), UPPER_GUM)
    bite = np.where(lower, BITE[1], BITE[0])
    longer = _longer(points, bite)
    longer[kinds == TONGUE] = points[kinds == TONGUE]
    # from gum to tongue without a step
    blend = np.where(lower, np.clip((far - 0.02) / 0.05, 0, 1), 0)[:, None]
    points_out = longer * (1 - blend) + points * blend
    pieces.append((*_coarser(points_out, triangles, GUM_VERTICES + TONGUE_VERTICES, (kinds, jaw[GUMS])), -1))
    points, triangles = _cut(head, vertices, SOCKET)
    kinds = np.full(len(points), CAVITY)
    pieces.append((*_coarser(points, triangles, CAVITY_VERTICES, (kinds, jaw[SOCKET])), -1))
    return _joined(pieces, pivot, angle)


def _joined(pieces: list, pivot: Float, angle: float) -> dict[str, np.ndarray]:
    vertices = np.concatenate([piece[0] for piece in pieces])
    starts = np.cumsum([0, *(len(piece[0]) for piece in pieces)])
    triangles = np.concatenate([piece[1] + start for piece, start in zip(pieces, starts, strict=False)])
    part = np.concatenate([piece[2] for piece in pieces])
    tooth = np.concatenate([np.full(len(piece[0]), piece[4]) for piece in pieces])
    _, mirrored = cKDTree(np.column_stack([vertices, part])).query(np.column_stack([vertices * [-1, 1, 1], part]))
    return {
        "vertices": vertices.astype(np.float32),
        "triangles": triangles.astype(np.uint16),
        "part": part.astype(np.uint8),
        "tooth": tooth.astype(np.int8),
        "jaw": np.concatenate([piece[3] for piece in pieces]).astype(np.float32),
        "light": _crevices(vertices, triangles, part, tooth).astype(np.float32),
        "mirrored": mirrored.astype(np.uint16),
        "colours": np.array(COLOURS, np.float32),
        "bite": np.array(BITE, np.float32),
        "pivot": pivot.astype(np.float32),
        "axis": np.array([1.0, 0.0, 0.0], np.float32),
        "jaw_open_angle": np.array(angle, np.float32),
    }


def _in_template(head: Head, vertices: Float) -> Float:
    return np.column_stack([vertices, np.ones(len(vertices))]) @ head.to_template


def _cut(head: Head, vertices: Float, piece: slice) -> tuple[Float, Int]:
    """The vertices of a piece of the kit, and its triangles."""
    inside = ((head.faces >= piece.start) & (head.faces < piece.stop)) | (head.faces < 0)
    quads = head.faces[inside.all(1)]
    triangles = np.concatenate([quads[:, :3], quads[quads[:, 3] >= 0][:, [0, 2, 3]]]) - piece.start
    return vertices[piece], triangles.astype(np.int32)


def _longer(points: Float, bite: Float) -> Float:
    result = points.copy()
    result[:, 1] = bite + (points[:, 1] - bite) * LONGER
    return result


def _whole_crown(points: Float, *, upper: bool) -> Float:
    """A tooth that touches its neighbours and is hardly narrower at the gum."""
    middle = points.mean(0)
    tangent = _along_arch(middle[0])
    across = (points - middle) @ tangent
    depth = points[:, 1].max() - points[:, 1] if upper else points[:, 1] - points[:, 1].min()  # from the biting edge
    crown = depth < CROWN
    levels = np.linspace(0, 1.4 * CROWN, 9)
    at = np.digitize(depth, levels) - 1
    width = np.array([np.abs(across[at == k]).max() if (at == k).any() else np.nan for k in range(8)])
    centre = (levels[:-1] + levels[1:]) / 2
    known = np.isfinite(width)
    most = float(np.abs(across[crown]).max())
    widest = float(depth[crown][np.argmax(np.abs(across[crown]))])
    wanted = most * np.interp(depth, [widest, 0.7 * CROWN, CROWN, 1.2 * CROWN], [1.0, NECK, 0.65, 0.3])
    here = np.interp(depth, centre[known], width[known])
    gain = np.where(depth > widest, np.maximum(1, wanted / np.maximum(here, 0.3 * most)), 1)
    return points + ((CLOSER * gain - 1) * across)[:, None] * tangent


def _without_root(points: Float, triangles: Int, part: int) -> tuple[Float, Int]:
    """What of a tooth is not deep in the gum."""
    edge = points[:, 1].max() if part == UPPER_TEETH else points[:, 1].min()
    keep = np.abs(points[:, 1] - edge) < ROOT
    number = np.cumsum(keep) - 1
    return points[keep], number[triangles[keep[triangles].all(1)]].astype(np.int32)


def _along_arch(x: float) -> Float:
    """The direction along the row of teeth at x: z = 3.1 x² or so."""
    direction = np.array([1.0, 0.0, 2 * 2.6 * x])
    return direction / np.linalg.norm(direction)


def _coarser(points: Float, triangles: Int, count: int, values: tuple[Float, Float]) -> tuple[Float, Int, Float, Float]:
    """Decimated, with the kind and the jaw weight of the nearest vertex before."""
    coarse, left = decimate(points, triangles, count)
    _, nearest = cKDTree(points).query(coarse)
    return coarse, left, values[0][nearest], values[1][nearest]


def _jaw_weights(before: Float, after: Float, pivot: Float, angle: float) -> Float:
    """How far each vertex goes with the jaw: its motion along what a whole turn would be, 0..1."""
    c, s = np.cos(angle), np.sin(angle)
    from_pivot = before - pivot
    turned = np.column_stack(
        [from_pivot[:, 0], c * from_pivot[:, 1] - s * from_pivot[:, 2], s * from_pivot[:, 1] + c * from_pivot[:, 2]]
    )
    whole = turned + pivot - before
    share: Float = ((after - before) * whole).sum(1) / np.maximum((whole * whole).sum(1), 1e-9)
    return np.clip(share, 0, 1)


def _crevices(vertices: Float, triangles: Int, part: Int, tooth: Int) -> Float:
    """How much of the light around reaches each vertex, 0..1: less between two teeth and in folds."""
    light = np.ones(len(vertices))
    hard = np.flatnonzero(part <= LOWER_GUM)
    tree = cKDTree(vertices[hard])
    for i in np.flatnonzero(part <= LOWER_TEETH):
        near = hard[tree.query_ball_point(vertices[i], 0.022)]
        near = near[tooth[near] != tooth[i]]
        if len(near):
            nearest = np.linalg.norm(vertices[near] - vertices[i], axis=1).min()
            light[i] = 1 - 0.3 * np.clip(1 - nearest / 0.022, 0, 1) ** 0.7
    normals, total, count = vertex_normals(vertices, triangles), np.zeros_like(vertices), np.zeros(len(vertices))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        for i, j in ((a, b), (b, a)):
            np.add.at(total, triangles[:, i], vertices[triangles[:, j]])
            np.add.at(count, triangles[:, i], 1)
    to = total / np.maximum(count, 1)[:, None] - vertices
    bend = (to * normals).sum(1) / np.maximum(np.linalg.norm(to, axis=1), 1e-4)
    soft = part > LOWER_TEETH
    light[soft] = np.clip(1 - 0.5 * np.clip(bend[soft], 0, 1), 0.5, 1)
    return light


def _hinge(head: Head) -> tuple[Float, float]:
    """Pivot and angle of the jaw at `jawOpen` = 1 from the rigid motion of the kit's lower teeth, in template space.

    A point p of the lower jaw goes to  pivot + R_x(angle) (p − pivot); positive angles open the mouth.
    """
    lower = slice(LOWER_ROW, TEETH[-1])
    before = _in_template(head, head.vertices[lower])
    after = _in_template(head, head.vertices[lower] + head.expressions["jawOpen"][lower])
    motion = fit_similarity(before, after)
    angle = float(np.arctan2(motion.rotation[2, 1], motion.rotation[2, 2]))
    c, s = np.cos(angle), np.sin(angle)
    plane = np.array([[c, -s], [s, c]])
    shift = after.mean(0)[1:] - plane @ before.mean(0)[1:]
    pivot = np.linalg.solve(np.eye(2) - plane, shift)
    return np.array([0.0, *pivot]), angle
