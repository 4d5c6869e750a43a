"""Curves over a job's frames, on top of whatever drives it: gains that change, expression channels, the head's turn.

A table with a column `frame`, in the frames' own numbers (12.5 lies between two), and any of

    gain.pose  gain.jaw  gain.lips  gain.brows  gain.lids  gain.gaze    in place of the job's gains
    jawOpen  mouthSmileLeft  …                                          ARKit channels, added to the motion's face
    headYaw  headPitch  headRoll                                        degrees, added to the motion's head

Between rows values run straight; before the first and after the last they stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import MotionError
from ..job.retarget import GAINS
from ..landmarks import ARKIT, template
from ..pose import Performance, head_pose, rotation_matrix
from . import blendshapes, regions
from .head_motion import about_neck
from .readers.text import parse_table, read_text

Float = npt.NDArray[np.float64]

GAIN = "gain."
TURNS = ("headYaw", "headPitch", "headRoll")  # towards the right of the picture, up, clockwise: degrees
_MOST = {**dict.fromkeys(GAINS, 5.0), **dict.fromkeys(ARKIT, 2.0), **dict.fromkeys(TURNS, 180.0)}


@dataclass(frozen=True)
class Curves:
    """
    Attributes:
        frames: (K,) float64, rising: where the values are.
        gains: name of `job.retarget.GAINS` → (K,) float64, 0..5.
        channels: ARKit name → (K,) float64, 1 is the whole expression.
        turns: name of `TURNS` → (K,) float64, degrees.
    """

    frames: Float
    gains: Mapping[str, Float]
    channels: Mapping[str, Float]
    turns: Mapping[str, Float]

    def at(self, frames: npt.NDArray[np.integer]) -> Curves:
        """The values at other frames (F,)."""
        when = frames.astype(np.float64)

        def sampled(values: Mapping[str, Float]) -> dict[str, Float]:
            return {name: np.interp(when, self.frames, each) for name, each in values.items()}

        return Curves(when, sampled(self.gains), sampled(self.channels), sampled(self.turns))

    def span(self) -> list[int]:
        """The whole frames from the first to the last."""
        return list(range(int(np.ceil(self.frames[0])), int(np.floor(self.frames[-1])) + 1)) or [round(self.frames[0])]


def read_curves(path: str | Path) -> Curves:
    """Read a table of curves. Raises: MotionError: names the file, and line and column where there are any."""
    path = Path(path)
    if not path.is_file():
        raise MotionError(f"there is no table of curves {path}")
    table = parse_table(read_text(path), path)
    if (column := table.index("frame")) is None:
        raise MotionError(f"{path}: no column “frame” in the header")
    frames = table.numbers([column])[:, 0]
    if not np.isfinite(frames).all() or (np.diff(frames) <= 0).any():
        row = int(np.argmax(~np.isfinite(frames) | np.r_[False, np.diff(frames) <= 0]))
        raise MotionError(f"{path}, line {table.lines[row]}: frames must be numbers that rise from row to row")
    kinds: dict[str, dict[str, Float]] = {"gains": {}, "channels": {}, "turns": {}}
    known = {name.lower(): (kind, name) for kind, names in (("channels", ARKIT), ("turns", TURNS)) for name in names}
    known |= {f"{GAIN}{name}": ("gains", name) for name in GAINS}
    for index, heading in enumerate(table.names):
        if index == column or not heading:
            continue
        if heading.lower() not in known:
            raise MotionError(
                f"{path}: no gain, channel or angle is called “{heading}”: gain.lips and so on, ARKit names such as "
                "jawOpen, headYaw, headPitch, headRoll"
            )
        kind, name = known[heading.lower()]
        if name in kinds[kind]:
            raise MotionError(f"{path}: two columns are called “{heading}”")
        kinds[kind][name] = _checked(table.numbers([index])[:, 0], name, path, table.lines)
    if not any(kinds.values()):
        raise MotionError(f"{path}: no curves beside the frames")
    return Curves(frames, **kinds)


def _checked(values: Float, name: str, path: Path, lines: list[int]) -> Float:
    least, most = (0.0 if name in GAINS else -_MOST[name]), _MOST[name]
    wrong = np.flatnonzero(~((values >= least) & (values <= most)))
    if len(wrong):
        raise MotionError(
            f"{path}, line {lines[wrong[0]]}, column {name}: {values[wrong[0]]:g} is not between {least:g} and {most:g}"
        )
    return values


def with_curves(performance: Performance, portrait_landmarks: npt.NDArray[np.floating], curves: Curves) -> Performance:
    """A performance with the curves' channels and head turns on top; gains are `retarget`'s.

    portrait_landmarks: (478, 3) pixels.
    """
    here = curves.at(performance.frames)
    portrait = head_pose(portrait_landmarks)
    face = portrait.to_head(portrait_landmarks.astype(np.float64))
    if here.channels:
        values = np.zeros((len(here.frames), len(ARKIT)), np.float32)
        for name, each in here.channels.items():
            values[:, ARKIT.index(name)] = each
        performance = replace(performance, displacement=_expressed(face, performance.displacement, values))
    if here.turns:
        zero = np.zeros(len(here.frames))
        angles = np.stack([here.turns.get(name, zero) for name in TURNS], axis=1)
        turn = np.stack([rotation_matrix(*each) for each in angles.tolist()])
        # the head turns about its neck, wherever the motion has carried that
        shift = about_neck(turn, portrait.rotation) + (turn @ performance.translation[..., None])[..., 0]
        performance = replace(performance, rotation=turn @ performance.rotation, translation=shift)
    return performance


def _expressed(
    face: Float, displacement: npt.NDArray[np.float32], values: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Displacements (F, 478, 3) of a face (478, 3) with channels (F, 52) added; lids close on this face's own eyes."""
    before = np.array(displacement, np.float32)
    open_before = np.stack([regions.openness(face + before, side) for side in regions.LIDS], -1)
    added = blendshapes.displacement(values)
    moved = before + added
    neutral = template()
    still = np.array([float(regions.openness(neutral, side)) for side in regions.LIDS])
    share = np.stack([regions.openness(neutral + added, side) for side in regions.LIDS], -1) / still
    blinks = [ARKIT.index(f"eyeBlink{side}") for side in ("Right", "Left")]
    share = np.where(values[:, blinks] >= 1, 0.0, share)
    own = np.array([float(regions.openness(face, side)) for side in regions.LIDS])
    regions.set_lids(face, moved, open_before * share, own, gain=1.0, floor=0.0)
    blendshapes.uncross_lips(face, moved)
    untouched = ~values.any(1)
    moved[untouched] = before[untouched]
    return moved
