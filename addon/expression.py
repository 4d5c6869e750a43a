"""The expression sliders of the node: what each one moves, and their and the gains' values over frames as curves.

The core takes curves as a table, see `motion.curves` there: what a slider moves is added to whatever drives the
portrait, an animated gain is taken in place of the still one.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import bpy

from ..core.gioconda.job.retarget import GAINS
from ..core.gioconda.landmarks import ARKIT
from ..core.gioconda.motion.curves import GAIN
from ..core.gioconda.voice.visemes import visemes
from .compositing import compositor
from .rig.read.sample import STEP
from .rig.steps import Progress, Steps, still_there

SETTINGS = "gioconda."  # data paths of a portrait's settings begin so
SUBSTEPS = 2  # rows of a table to a frame
NAME = "Gioconda Curves"  # of the scene that exists while curves are read


def _both(**channels: float) -> dict[str, float]:
    """The channels of a face's left and right side."""
    return {f"{name}{side}": value for name, value in channels.items() for side in ("Left", "Right")}


def _viseme(phone: str) -> dict[str, float]:
    """What a sound's mouth moves, from the table that animates a voice, at its strongest opened to be read."""
    table = visemes()
    targets = dict(zip(table.channels, table.targets[table.phones.index(phone)].tolist(), strict=True))
    moved = {name: VISEME_STRENGTH * value for name, value in targets.items() if value}
    one = {name: value for name, value in moved.items() if name in ARKIT}
    return one | _both(**{name: value for name, value in moved.items() if name not in ARKIT})


VISEME_STRENGTH = 1.6  # the table is of flowing speech; a slider at 1 is a clear single sound


@dataclass(frozen=True)
class Slider:
    """One slider.

    Attributes:
        label, text: for the panel and its tooltip.
        up: column of the table of curves → how much of it at 1.
        down: likewise at −1; empty: the slider begins at 0.
        angle: the slider is an angle, and `up` is per degree.
    """

    label: str
    text: str
    up: dict[str, float]
    down: dict[str, float] = field(default_factory=dict)
    angle: bool = False


def _turn(label: str, text: str, column: str) -> Slider:
    return Slider(label, text, {column: 1.0}, angle=True)


def _sound(letter: str, phone: str, text: str) -> Slider:
    return Slider(letter, f"The mouth of {text}", _viseme(phone))


# title of a group → property → its slider. Left and right are the portrayed person's own.
GROUPS: dict[str, dict[str, Slider]] = {
    "Head": {
        "turn": _turn("Turn", "Turn the head; above 0 towards the right of the picture", "headYaw"),
        "nod": _turn("Nod", "Nod; above 0 the head looks up", "headPitch"),
        "tilt": _turn("Tilt", "Tilt the head to the side; above 0 clockwise", "headRoll"),
    },
    "Eyes": {
        "lid_left": Slider(
            "Left Lid", "Shut the left eye; below 0 it is wide open", {"eyeBlinkLeft": 1}, {"eyeWideLeft": 1}
        ),
        "lid_right": Slider(
            "Right Lid", "Shut the right eye; below 0 it is wide open", {"eyeBlinkRight": 1}, {"eyeWideRight": 1}
        ),
        "gaze_x": Slider(
            "Gaze X",
            "Look to the right of the picture; below 0 to the left",
            {"eyeLookOutLeft": 1, "eyeLookInRight": 1},
            {"eyeLookInLeft": 1, "eyeLookOutRight": 1},
        ),
        "gaze_y": Slider("Gaze Y", "Look up; below 0 down", _both(eyeLookUp=1), _both(eyeLookDown=1)),
    },
    "Face": {
        "brows": Slider(
            "Brows",
            "Raise the brows; below 0 lower them",
            {"browInnerUp": 1, **_both(browOuterUp=1)},
            _both(browDown=1),
        ),
        "frown": Slider(
            "Frown", "Draw the brows together and the mouth's corners down", _both(browDown=0.8, mouthFrown=0.7)
        ),
        "cheeks": Slider("Cheeks", "Puff the cheeks; below 0 raise them", {"cheekPuff": 1}, _both(cheekSquint=1)),
        "jaw": Slider("Jaw", "Open the jaw", {"jawOpen": 1}),
        "smile": Slider("Smile", "Smile, with the cheeks", _both(mouthSmile=1, cheekSquint=0.4)),
        "pucker": Slider("Pucker", "Purse the lips", {"mouthPucker": 1}),
    },
    "Sounds": {
        "sound_a": _sound("A", "AA", "“a” in “father”"),
        "sound_e": _sound("E", "EH", "“e” in “bed”"),
        "sound_i": _sound("I", "IY", "“ee” in “see”"),
        "sound_o": _sound("O", "AO", "“o” in “more”"),
        "sound_u": _sound("U", "UW", "“oo” in “you”"),
        "sound_m": _sound("M", "M", "“m”, “b” and “p”"),
        "sound_f": _sound("F", "F", "“f” and “v”"),
    },
}
SLIDERS = {name: slider for group in GROUPS.values() for name, slider in group.items()}


def moved(values: dict[str, float]) -> dict[str, float]:
    """Slider → value as column of the table → value. Sliders at 0 move nothing."""
    columns: dict[str, float] = {}
    for name, value in values.items():
        slider = SLIDERS[name]
        strength = math.degrees(value) if slider.angle else abs(value)
        for column, weight in (slider.up if value >= 0 or slider.angle else slider.down).items():
            columns[column] = columns.get(column, 0.0) + weight * strength
    limit = {column: 180.0 if column.startswith("head") else 2.0 for column in columns}
    return {
        column: round(min(max(value, -limit[column]), limit[column]), 6) for column, value in columns.items() if value
    }


def keyed(tree: bpy.types.NodeTree) -> set[str]:
    """The data paths of the settings that keyframes, drivers or strips change, below `tree.gioconda`."""
    data = tree.animation_data
    if data is None:
        return set()
    curves = [*data.drivers]
    used = [(data.action, getattr(data, "action_slot", None))]
    used += [(s.action, getattr(s, "action_slot", None)) for track in data.nla_tracks for s in track.strips]
    for action, slot in used:
        if action is not None:
            curves += compositor.fcurves(action, slot)
    return {c.data_path.removeprefix(SETTINGS) for c in curves if c.data_path.startswith(SETTINGS) and not c.mute}


def animated_gains(tree: bpy.types.NodeTree) -> list[str]:
    """Which gains are not the same in every frame."""
    paths = keyed(tree)
    return [name for name in GAINS if f"gains.{name}" in paths]


def columns_of(tree: bpy.types.NodeTree, gains: Sequence[str]) -> dict[str, float]:
    """The row of a table that the sliders, and these gains, say now."""
    settings = tree.gioconda
    row = moved({name: getattr(settings.expression, name) for name in SLIDERS})
    return row | {GAIN + name: round(float(getattr(settings.gains, name)), 6) for name in gains}


def is_used(tree: bpy.types.NodeTree) -> bool:
    """Whether there is anything that a table has to say."""
    paths = keyed(tree)
    moving = any(path.startswith(("expression.", "gains.")) for path in paths)
    return moving or any(getattr(tree.gioconda.expression, name) for name in SLIDERS)


Rows = list[tuple[float, dict[str, float]]]  # frame, and the row of the table


def rows_now(tree: bpy.types.NodeTree, frame: int) -> Rows:
    """The table of one frame, which the scene shows now; empty where nothing is set."""
    return [(float(frame), columns_of(tree, animated_gains(tree)))] if is_used(tree) else []


def rows_steps(tree: bpy.types.NodeTree, scene: bpy.types.Scene, first: int, last: int) -> Steps[Rows]:
    """The table of frames `first` to `last`, read in steps; empty where nothing is set.

    Raises: RigError: the portrait or its scene went away between two steps.
    """
    if not is_used(tree):
        return []
    gains = animated_gains(tree)
    if not any(path.startswith(("expression.", "gains.")) for path in keyed(tree)):
        row = columns_of(tree, gains)
        return [(float(first), row), (float(last), row)][: 1 + (last > first)]
    uid, name = tree.session_uid, scene.name
    rows: Rows = []
    since = time.perf_counter()
    # one frame beyond each end, for motion vectors
    count = SUBSTEPS * (last - first + 2) + 1
    with _evaluated(tree, scene) as evaluation:
        for k in range(count):
            frame = first - 1 + k / SUBSTEPS
            tree, _ = still_there(uid, name)
            rows.append((frame, columns_of(_at(tree, evaluation, frame), gains)))
            if time.perf_counter() - since > STEP:
                yield Progress("Reading the sliders", k / count)
                since = time.perf_counter()
    return rows


@contextmanager
def _evaluated(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> Iterator[str]:
    """A scene that composites the portrait alone, in which its settings can be evaluated in any frame: its name. The
    artist's own scene keeps its frame."""
    made = bpy.data.scenes.new(NAME)
    name = made.name
    try:
        for one in ("fps", "fps_base", "frame_map_old", "frame_map_new"):
            setattr(made.render, one, getattr(scene.render, one))
        nodes = compositor.scene_tree(made, create=True)
        for node in list(nodes.nodes):
            nodes.nodes.remove(node)
        compositor.add_group(nodes, tree)
        group = None if bpy.app.version < (5, 0, 0) else nodes.name
        del made, nodes
        yield name
    finally:
        if (made := bpy.data.scenes.get(name)) is not None:
            bpy.data.scenes.remove(made)
        if group is not None and (nodes := bpy.data.node_groups.get(group)) is not None:
            bpy.data.node_groups.remove(nodes)


def _at(tree: bpy.types.NodeTree, evaluation: str, frame: float) -> bpy.types.NodeTree:
    """The portrait with its settings as they are in a frame."""
    scene = bpy.data.scenes[evaluation]
    whole = math.floor(frame)
    scene.frame_set(whole, subframe=frame - whole)
    depsgraph = scene.view_layers[0].depsgraph
    depsgraph.update()
    return tree.evaluated_get(depsgraph)


def table(rows: Rows) -> str:
    """Rows as the text of a table that the core reads; a column that a row leaves out is 0 there."""
    columns = list(dict.fromkeys(column for _, row in rows for column in row))
    lines = [",".join(["frame", *columns])]
    for frame, row in rows:
        lines.append(",".join([f"{frame:g}", *(f"{row.get(column, 0.0):.6g}" for column in columns)]))
    return "\n".join(lines) + "\n"
