"""Test a mapping: play the scene's range and see which rows move; pull at the parts of those that do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from typing import TypeVar

import bpy
import numpy as np

from ....core.gioconda import landmarks as lm
from ....core.gioconda.landmarks import ARKIT
from ....core.gioconda.motion.motion import Motion
from ..errors import RigError
from ..map import automap
from ..names import landmark_name
from ..read.plan import Plan, make_plan, trouble
from ..read.sample import bake_steps, chosen_kind
from ..steps import Progress, Steps, finish, still_there
from .probe import STILL, Answers, Part, stir

FRAMES = 60  # the most frames of the range that are looked at
SHOWN = 4  # so many names in a sentence
SPOTS = {
    "jaw": (lm.CHIN,),
    "lips": (lm.MOUTH_LEFT, lm.MOUTH_RIGHT, lm.LIP_TOP, lm.LIP_BOTTOM),
    "lids": (386, 159),
    "brows": (336, 107, 334, 105),
    "gaze": (473, 468),
}
T = TypeVar("T")


def test_mapping(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> str:
    """Fill every row's `response`, `answer` and `trouble`. Returns what responded, in a sentence or two.

    Raises:
        RigError: no rig; a row that cannot work (named); nothing answers at all.
    """
    return finish(test_steps(tree, scene))


def test_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Steps[str]:
    """`test_mapping` in steps of at most some hundredths of a second. Nothing of the artist's is changed.

    Raises:
        RigError: as `test_mapping`; the portrait or the scene went away between two steps.
    """
    uid, shot = tree.session_uid, scene.name
    yield from automap.ensure_steps(tree, scene)
    tree, scene = still_there(uid, shot)
    kind = chosen_kind(tree.gioconda.rig)
    _check_rows(tree)
    count = min(scene.frame_end - scene.frame_start + 1, FRAMES)
    frames = np.unique(np.linspace(scene.frame_start, scene.frame_end, count).round())
    span = f"frames {scene.frame_start} to {scene.frame_end}"
    motion = yield from _told("Playing the rig", bake_steps(tree, scene, [float(f) for f in frames]), 0.5)
    tree, scene = still_there(uid, shot)
    played, moved = _by_points(motion) if motion.landmarks is not None else _by_channels(motion)
    if kind == "FILE" or (kind == "MESH" and moved):
        if not moved:
            raise RigError(f"The file has no motion in {span}.")
        return _reported(tree, f"In {span}: {played}")
    plan = make_plan(tree)
    lines = (*plan.channels, *plan.points)
    responding = _play(tree, plan, motion)
    text = f"{responding} of {len(lines)} rows respond in {span}: {played}" if lines else f"In {span}: {played}"
    if not moved:
        text = f"The rig has no animation in {span}."
    if lines and responding == len(lines):
        return _reported(tree, text)
    answers = yield from _told("Pulling at the rig", stir(plan, plan.taps(), scene), 0.5, start=0.5)
    tree, scene = still_there(uid, shot)
    pulled = _note(tree, plan, answers) if lines else _by_parts(answers)
    if not moved and not pulled:
        raise RigError(f"{text} And nothing of it answers when it is pulled at: press Auto-Map, or choose another rig.")
    return _reported(tree, f"{text} {pulled}".strip())


def _told(stage: str, steps: Generator[tuple[int, int], None, T], share: float, start: float = 0.0) -> Steps[T]:
    """Steps that yield (done, total), told as progress."""
    while True:
        try:
            done, total = next(steps)
        except StopIteration as stop:
            return stop.value
        yield Progress(stage, start + share * done / max(total, 1))


def _check_rows(tree: bpy.types.NodeTree) -> None:
    rig = tree.gioconda.rig
    faults = []
    for i, row in enumerate(rig.rows):
        row.response, row.answer = -1.0, ""
        row.trouble = trouble(i, row, rig) if row.enabled else ""
        if row.trouble:
            faults.append(row.trouble)
    if faults:
        more = f" {len(faults) - 1} more rows have troubles." if len(faults) > 1 else ""
        raise RigError(faults[0] + more)


def _reported(tree: bpy.types.NodeTree, text: str) -> str:
    tree.gioconda.rig.report = text
    return text


def _play(tree: bpy.types.NodeTree, plan: Plan, motion: Motion) -> int:
    """How far each row's target goes in the range; the number of rows that respond."""
    rig = tree.gioconda.rig
    for line in (*plan.channels, *plan.points):
        if line.landmark is not None and motion.landmarks is not None:
            path = motion.landmarks[1:, line.landmark] - motion.landmarks[1:2, line.landmark]
            rig.rows[line.row].response = float(np.nan_to_num(np.linalg.norm(path, axis=1)).max()) / 220.0
        elif line.channel in motion.channel_names:
            values = motion.channels[1:, motion.channel_names.index(line.channel)]
            rig.rows[line.row].response = float(np.ptp(values))
    return sum(row.enabled and row.response > STILL for row in rig.rows)


def _note(tree: bpy.types.NodeTree, plan: Plan, answers: Answers) -> str:
    """Put into the rows what was found by pulling; a sentence about it, "" if nothing answers."""
    rows = tree.gioconda.rig.rows
    silent = []
    for line in (*plan.channels, *plan.points):
        row, by = rows[line.row], answers.by.get(line.row)
        row.response = max(row.response, answers.rows.get(line.row, 0.0))
        if row.response <= STILL:
            row.answer = "nothing moves it"
            silent.append(f"{row.source} → {row.target}")
        elif by is not None and by.source != row.source:
            row.answer = f"follows “{by.source}”"
        else:
            own = Part(line.tap.kind, line.tap.holder, line.tap.source)
            row.answer = f"moves {_listed(_names(answers.moves.get(own, ())))}"
    if not answers.rows:
        return ""
    count = sum(row.enabled and row.response > STILL for row in rows)
    text = f"Pulled at, {count} of {len(plan.channels) + len(plan.points)} rows answer: {_examples(answers)}."
    head = [name for name, there in (("head", answers.head), ("eyes", answers.eyes)) if there]
    text += f" The {' and '.join(head)} answer{'s' if head == ['head'] else ''}." if head else ""
    return text + (f" Silent: {_listed(silent)}." if silent else "")


def _examples(answers: Answers) -> str:
    """The parts that move most, and what they move: “jaw” moves chin, lip_lower; …"""
    parts = sorted(set(answers.by.values()), key=lambda part: -len(answers.moves.get(part, ())))
    said = [f"“{part.source}” moves {_listed(_names(answers.moves[part]))}" for part in parts[:2]]
    return "; ".join(said) + (f"; and {len(parts) - 2} more" if len(parts) > 2 else "")


def _by_parts(answers: Answers) -> str:
    """The same for a face on the mesh, which has no rows: which parts of the rig move which part of the face."""
    found: dict[str, list[str]] = defaultdict(list)
    for part, moved in answers.moves.items():
        for name, spots in SPOTS.items():
            if moved & set(spots):
                found[name].append(part.source)
    count = sum(bool(moved) for moved in answers.moves.values())
    if not count:
        return ""
    text = "; ".join(f"{name}: {_listed(sources)}" for name, sources in found.items())
    still = [name for name in SPOTS if name not in found]
    text += f". Nothing moves the {', '.join(still)}" if still else ""
    return f"Of {len(answers.moves)} parts pulled at, {count} move the face. {text}."


def _names(moved: set[int | str] | tuple[()]) -> list[str]:
    """Channels and landmarks by name, those that have one first."""
    names = [m if isinstance(m, str) else landmark_name(m) for m in moved]
    return sorted((f"point {n}" if n.isdigit() else n for n in names), key=lambda n: (n.startswith("point"), n))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _by_channels(motion: Motion) -> tuple[str, bool]:
    reach = np.ptp(motion.channels[1:], axis=0)
    loud = [motion.channel_names[i] for i in np.argsort(-reach) if reach[i] > STILL]
    quiet = len(ARKIT) - len(loud)
    head = _turn(motion.rotation[1:]) if motion.rotation is not None else 0.0
    names = ", ".join(loud[:5]) + (" …" if len(loud) > 5 else "")
    text = f"{names or 'no channel moves'}; {quiet} channels stay still; the head turns {head:.0f}°."
    return text, bool(loud) or head > 0.1


def _by_points(motion: Motion) -> tuple[str, bool]:
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
