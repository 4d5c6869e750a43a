"""Test a mapping: play the scene's range and see which rows move; pull at the parts of those that do not."""

from __future__ import annotations

from collections import defaultdict

import bpy
import numpy as np

from ....core.gioconda import landmarks as lm
from ....core.gioconda.motion.motion import Motion
from ..bake import bake_steps, from_file, read_motion_file
from ..errors import RigError
from ..map import automap
from ..names import landmark_name
from ..read.assemble import FACE, GAZE_RULES, rotations_since_first
from ..read.plan import Plan, chosen_kind, make_plan, trouble
from ..steps import Steps, portion, still_there
from .probe import STILL, Part, Responses, probe_steps

FRAMES = 60  # the most frames of the range that are looked at
SEEN = 0.005  # of the distance between the outer eye corners: what moves less is shown as 0.00
SHOWN = 4  # so many names in a sentence
PARTS = {
    "jaw": (lm.CHIN,),
    "lips": (lm.MOUTH_LEFT, lm.MOUTH_RIGHT, lm.LIP_TOP, lm.LIP_BOTTOM),
    "lids": (386, 159),
    "brows": (336, 107, 334, 105),
    "gaze": (473, 468),
}


def test_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Steps[str]:
    """Fill every row's `response`, `answer` and `trouble`. Returns what responded, in a sentence or two.

    In steps of at most some hundredths of a second. Nothing of the artist's is changed.

    Raises:
        RigError: no rig; a row that cannot work (named); nothing responds at all; the portrait or the scene went away.
    """
    uid, scene_name = tree.session_uid, scene.name
    yield from automap.ensure_steps(tree, scene)
    tree, scene = still_there(uid, scene_name)
    _check_rows(tree)
    count = min(scene.frame_end - scene.frame_start + 1, FRAMES)
    frames = np.unique(np.linspace(scene.frame_start, scene.frame_end, count).round())
    span = f"frames {scene.frame_start} to {scene.frame_end}"
    if from_file(tree):
        motion = read_motion_file(tree, scene)
    else:
        steps = bake_steps(tree, scene, [float(f) for f in frames])
        motion = yield from portion(steps, 0.0, 0.5, "Playing the rig")
    tree, scene = still_there(uid, scene_name)
    played, moved = _by_points(motion) if motion.landmarks is not None else _by_channels(motion)
    kind = chosen_kind(tree.gioconda.rig)
    if kind == "FILE":
        if not moved:
            raise RigError(f"The file has no motion in {span}.")
        return _reported(tree, f"In {span}: {played}")
    plan = make_plan(tree)
    rule = f" {gaze_rule(plan)}".rstrip()
    if kind == "MESH" and moved:
        return _reported(tree, f"In {span}: {played}{rule}")
    rows = (*plan.channels, *plan.points)
    responding = _record_played(tree, plan, motion)
    text = f"{responding} of {len(rows)} rows respond in {span}: {played}" if rows else f"In {span}: {played}"
    if not moved:
        text = f"The rig has no animation in {span}."
    text += rule
    if rows and responding == len(rows):
        return _reported(tree, text)
    responses = yield from portion(probe_steps(plan, plan.inputs(), scene), 0.5, 0.5)
    tree, scene = still_there(uid, scene_name)
    pulled = _record(tree, plan, responses) if rows else _by_parts(responses)
    if not moved and not pulled:
        raise RigError(f"{text} And nothing of it answers when it is pulled at: press Auto-Map, or choose another rig.")
    return _reported(tree, f"{text} {pulled}".strip())


def gaze_rule(plan: Plan) -> str:
    """What gives the gaze, a sentence; "" where nothing does, or the irises are landmarks themselves."""
    keys = any(row.channel and row.channel.startswith("eyeLook") for row in plan.channels)
    if plan.gaze is not None:
        return GAZE_RULES["target"].format(target=plan.gaze.holder[0])
    if any(plan.eyes):
        return GAZE_RULES["both" if keys and not plan.by_points else "bones"]
    return GAZE_RULES["keys" if keys else "none"]


def map_and_test_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Steps[str]:
    """Auto-map, then test the mapping once. Returns what both say. Raises: as `automap.auto_map_steps`."""
    uid, scene_name = tree.session_uid, scene.name
    mapped = yield from portion(automap.auto_map_steps(tree, scene), 0.0, 0.6)
    tree, scene = still_there(uid, scene_name)
    if chosen_kind(tree.gioconda.rig) == "FILE":
        return mapped
    try:
        tested = yield from portion(test_steps(tree, scene), 0.6, 0.4)
    except RigError as error:
        tested = str(error)
    tree, scene = still_there(uid, scene_name)
    return _reported(tree, f"{mapped} {tested}")


def _check_rows(tree: bpy.types.NodeTree) -> None:
    rig = tree.gioconda.rig
    for i, row in enumerate(rig.rows):
        row.response, row.answer = -1.0, ""
        row.trouble = trouble(i, row, rig) if row.enabled else ""
    faults = [row.trouble for row in rig.rows if row.trouble]
    if faults:
        more = f" {len(faults) - 1} more rows have troubles." if len(faults) > 1 else ""
        raise RigError(faults[0] + more)


def _reported(tree: bpy.types.NodeTree, text: str) -> str:
    tree.gioconda.rig.report = text
    return text


def _record_played(tree: bpy.types.NodeTree, plan: Plan, motion: Motion) -> int:
    """Record how far each row's target goes in the range. Returns the number of rows that respond."""
    rig = tree.gioconda.rig
    for row in (*plan.channels, *plan.points):
        if row.landmark is not None and motion.landmarks is not None:
            path = motion.landmarks[1:, row.landmark] - motion.landmarks[1:2, row.landmark]
            rig.rows[row.row].response = float(np.nan_to_num(np.linalg.norm(path, axis=1)).max()) / FACE
        elif row.channel in motion.channel_names:
            values = motion.channels[1:, motion.channel_names.index(row.channel)]
            rig.rows[row.row].response = float(np.ptp(values))
    return sum(row.enabled and row.response > STILL for row in rig.rows)


def _record(tree: bpy.types.NodeTree, plan: Plan, responses: Responses) -> str:
    """Record in the rows what was found by pulling. Returns a sentence about it, "" if nothing responds."""
    rows = tree.gioconda.rig.rows
    unmoved = []
    for mapped in (*plan.channels, *plan.points):
        row, by = rows[mapped.row], responses.by.get(mapped.row)
        row.response = max(row.response, responses.rows.get(mapped.row, 0.0))
        if row.response <= STILL:
            row.answer = "nothing moves it"
            unmoved.append(f"{row.source} → {row.target}")
        elif by is not None and by.source != row.source:
            row.answer = f"follows “{by.source}”"
        else:
            own = Part(mapped.input.kind, mapped.input.holder, mapped.input.source)
            row.answer = f"moves {_listed(_names(responses.moves.get(own, ())))}"
    if not responses.rows:
        return ""
    count = sum(row.enabled and row.response > STILL for row in rows)
    text = f"Pulled at, {count} of {len(plan.channels) + len(plan.points)} rows answer: {_examples(responses)}."
    head = [name for name, there in (("head", responses.head), ("eyes", responses.eyes)) if there]
    text += f" The {' and '.join(head)} answer{'s' if head == ['head'] else ''}." if head else ""
    return text + (f" Silent: {_listed(unmoved)}." if unmoved else "")


def _examples(responses: Responses) -> str:
    """The parts that move most, and what they move: “jaw” moves chin, lip_lower; …"""
    parts = sorted(set(responses.by.values()), key=lambda part: -len(responses.moves.get(part, ())))
    said = [f"“{part.source}” moves {_listed(_names(responses.moves[part]))}" for part in parts[:2]]
    return "; ".join(said) + (f"; and {len(parts) - 2} more" if len(parts) > 2 else "")


def _by_parts(responses: Responses) -> str:
    """The same for a face on the mesh, which has no rows: which parts of the rig move which part of the face."""
    found: dict[str, list[str]] = defaultdict(list)
    for part, moved in responses.moves.items():
        for name, landmarks_ in PARTS.items():
            if moved & set(landmarks_):
                found[name].append(part.source)
    count = sum(bool(moved) for moved in responses.moves.values())
    if not count:
        return ""
    text = "; ".join(f"{name}: {_listed(sources)}" for name, sources in found.items())
    still = [name for name in PARTS if name not in found]
    text += f". Nothing moves the {', '.join(still)}" if still else ""
    return f"Of {len(responses.moves)} parts pulled at, {count} move the face. {text}."


def _names(moved: set[int | str] | tuple[()]) -> list[str]:
    """Channels and landmarks by name, those that have one first."""
    names = [m if isinstance(m, str) else landmark_name(m) for m in moved]
    return sorted((f"point {n}" if n.isdigit() else n for n in names), key=lambda n: (n.startswith("point"), n))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _by_channels(motion: Motion) -> tuple[str, bool]:
    reach = np.ptp(motion.channels[1:], axis=0)
    loud = [motion.channel_names[i] for i in np.argsort(-reach) if reach[i] > STILL]
    quiet = len(lm.ARKIT) - len(loud)
    head = _turn(motion.rotation[1:]) if motion.rotation is not None else 0.0
    names = ", ".join(loud[:5]) + (" …" if len(loud) > 5 else "")
    text = f"{names or 'no channel moves'}; {quiet} channels stay still; the head turns {head:.0f}°."
    if head > 0.1 and not loud:
        text += " Warning: nothing of the face itself moves."
    return text, bool(loud) or head > 0.1


def _by_points(motion: Motion) -> tuple[str, bool]:
    points = motion.landmarks[1:].astype(float)
    skull = [i for i in lm.STABLE if np.isfinite(points[:, i]).all()]
    parts = []
    if len(skull) >= 4:
        turns = rotations_since_first(points[:, skull])
        inside = np.einsum("fij,fki->fkj", turns, points - points[:, skull].mean(1, keepdims=True))
        parts.append(f"head {_turn(turns):.0f}°")
    else:
        inside = points
    reach = {}
    for name, landmarks_ in PARTS.items():
        known = [i for i in landmarks_ if np.isfinite(inside[:, i]).all()]
        if known:
            reach[name] = float(np.linalg.norm(inside[:, known] - inside[:1, known], axis=2).max()) / FACE
    parts += [f"{name} {value:.2f}" for name, value in reach.items()]
    whole = float(np.nanmax(np.abs(points - points[:1]))) / FACE
    text = ", ".join(parts) + " (distances between the outer eye corners)."
    still = [name for name, value in reach.items() if value < SEEN]
    if whole > STILL and len(still) == len(reach):
        text += " Warning: nothing of the face itself moves; the rig's face is driven by something else."
    elif whole > STILL and still:
        text += f" Still: {', '.join(still)}."
    return text, whole > STILL


def _turn(rotation: np.ndarray) -> float:
    """The largest angle from the first rotation, degrees."""
    relative = rotation @ rotation[0].T
    return float(np.degrees(np.arccos(np.clip((np.trace(relative, axis1=1, axis2=2) - 1) / 2, -1, 1))).max())
