"""Test a mapping: play the scene's range and see which rows respond, and how far."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.gioconda import landmarks as lm
from ...core.gioconda.landmarks import ARKIT
from . import automap
from .errors import RigError
from .plan import make_plan, trouble
from .sample import bake, chosen_kind

FRAMES = 60  # the most frames of the range that are looked at
STILL = 1e-3  # of a channel, or of the distance between the eyes: less is no response
SPOTS = {
    "jaw": (lm.CHIN,), "lips": (lm.MOUTH_LEFT, lm.MOUTH_RIGHT, lm.LIP_TOP, lm.LIP_BOTTOM),
    "lids": (386, 159), "brows": (336, 107, 334, 105), "gaze": (473, 468),
}  # fmt: skip


def test_mapping(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> str:
    """Fill every row's `response` and `trouble`. Returns what responded, in a sentence.

    Raises:
        RigError: no rig; a row that cannot work (named); nothing moves at all.
    """
    rig = tree.gioconda.rig
    automap.ensure(tree, scene)
    faults = []
    for i, row in enumerate(rig.rows):
        row.response = -1.0
        row.trouble = trouble(i, row, rig) if row.enabled else ""
        if row.trouble:
            faults.append(row.trouble)
    if faults:
        more = f" {len(faults) - 1} more rows have troubles." if len(faults) > 1 else ""
        raise RigError(faults[0] + more)
    count = min(scene.frame_end - scene.frame_start + 1, FRAMES)
    frames = np.unique(np.linspace(scene.frame_start, scene.frame_end, count).round())
    motion = bake(tree, scene, [float(f) for f in frames])
    span = f"frames {scene.frame_start} to {scene.frame_end}"
    text, moved = _by_points(motion) if motion.landmarks is not None else _by_channels(motion)
    if chosen_kind(rig) not in ("FILE", "MESH"):
        responding = _rows(tree, motion)
        text = f"{responding} of {sum(r.enabled for r in rig.rows)} rows respond in {span}: {text}"
    else:
        text = f"In {span}: {text}"
    if not moved:
        raise RigError(f"The rig has no animation in {span}: nothing of it moves there. Key it, or change the range.")
    rig.report = text
    return text


def _rows(tree: bpy.types.NodeTree, motion: object) -> int:
    """How far each row's target goes; the number of rows that respond."""
    rig = tree.gioconda.rig
    plan = make_plan(tree)
    for line in plan.points if plan.by_points else plan.channels:
        if line.landmark is not None:
            path = motion.landmarks[1:, line.landmark] - motion.landmarks[1:2, line.landmark]
            rig.rows[line.row].response = float(np.nan_to_num(np.linalg.norm(path, axis=1)).max()) / 220.0
        elif line.channel in motion.channel_names:
            values = motion.channels[1:, motion.channel_names.index(line.channel)]
            rig.rows[line.row].response = float(np.ptp(values))
    return sum(row.enabled and row.response > STILL for row in rig.rows)


def _by_channels(motion: object) -> tuple[str, bool]:
    reach = np.ptp(motion.channels[1:], axis=0)
    loud = [motion.channel_names[i] for i in np.argsort(-reach) if reach[i] > STILL]
    quiet = len(ARKIT) - len(loud)
    head = _turn(motion.rotation[1:]) if motion.rotation is not None else 0.0
    names = ", ".join(loud[:5]) + (" …" if len(loud) > 5 else "")
    text = f"{names or 'no channel moves'}; {quiet} channels stay still; the head turns {head:.0f}°."
    return text, bool(loud) or head > 0.1


def _by_points(motion: object) -> tuple[str, bool]:
    points = motion.landmarks[1:].astype(float)
    skull = [i for i in lm.STABLE if np.isfinite(points[:, i]).all()]
    parts = []
    if len(skull) >= 4:
        still = points[:, skull] - points[:, skull].mean(1, keepdims=True)
        u, _, vt = np.linalg.svd(np.einsum("fki,kj->fij", still, still[0]))
        u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
        turns = u @ vt
        inside = np.einsum("fij,fki->fkj", turns, points - points[:, skull].mean(1, keepdims=True))
        parts.append(f"head {_turn(turns):.0f}°")
    else:
        inside = points
    reach = {}
    for name, spots in SPOTS.items():
        known = [i for i in spots if np.isfinite(inside[:, i]).all()]
        if known:
            reach[name] = float(np.linalg.norm(inside[:, known] - inside[:1, known], axis=2).max()) / 220.0
    parts += [f"{name} {value:.2f}" for name, value in reach.items()]
    whole = float(np.nanmax(np.abs(points - points[:1]))) / 220.0
    return ", ".join(parts) + " (distances between the outer eye corners).", whole > STILL


def _turn(rotation: np.ndarray) -> float:
    """The largest angle from the first rotation, degrees."""
    relative = rotation @ rotation[0].T
    return float(np.degrees(np.arccos(np.clip((np.trace(relative, axis1=1, axis2=2) - 1) / 2, -1, 1))).max())
