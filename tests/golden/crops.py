"""The golden crops: small pieces of frames in which each thing that the engine paints is seen, rendered anew.

Two sitters: Grace Hopper (a photograph, spectacles) and Botticelli's Venus (a painting, turned and tilted, loose hair).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gioconda import landmarks as lm
from gioconda.engine import Portrait, prepare, render
from gioconda.face.spectacles import find_spectacles
from gioconda.imaging.color import choose_display, display_srgb
from gioconda.imaging.image import read_picture, write_png
from gioconda.pose import Pose, rotation_matrix

from tests.sitters import Sitter, pose_of

FOLDER = Path(__file__).resolve().parent / "pictures"
VERSION = FOLDER / "engine_version.txt"  # ENGINE_VERSION of the engine that rendered the pictures
# How far another machine's pictures may be from these, in 1/255: its processor rounds last bits otherwise, and a pixel
# on an edge may belong to the other side there. The same machine gives the same pictures.
MEAN, LARGE, LARGE_SHARE = 0.1, 4, 0.001

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Shot:
    """What one crop shows: a sitter in a pose, the square of `side` pixels around a landmark, one pass."""

    sitter: str
    around: int
    side: int = 112
    offset: tuple[int, int] = (0, 0)  # pixels right and down from the landmark
    turn: tuple[float, float, float] = (0, 0, 0)  # yaw, pitch, roll, degrees
    move: tuple[float, float, float] = (0, 0, 0)
    channels: dict[str, float] = field(default_factory=dict)
    layer: str = "Combined"


def _both(**sides: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in sides.items() for side in ("Left", "Right")}


SHOTS = {
    "shut_lid": Shot("botticelli_venus", lm.EYE_LEFT[4], channels=_both(eyeBlink=1)),
    "half_shut_lid": Shot("botticelli_venus", lm.EYE_RIGHT[4], channels=_both(eyeBlink=0.55)),
    "open_mouth": Shot("grace_hopper", lm.LIP_BOTTOM, 96, channels={"jawOpen": 0.6, **_both(mouthLowerDown=1.0)}),
    "smile": Shot("botticelli_venus", lm.LIP_TOP, channels={"jawOpen": 0.2, **_both(mouthSmile=0.8, mouthUpperUp=0.4)}),
    "turned_cheek": Shot("botticelli_venus", 50, turn=(25, 0, 0)),
    "turned_cheek_confidence": Shot("botticelli_venus", 50, turn=(25, 0, 0), layer="Confidence"),
    "hair_edge": Shot("botticelli_venus", lm.FOREHEAD, offset=(-40, -70), turn=(0, 0, 8), move=(0.25, 0, 0)),
    "glasses": Shot("grace_hopper", 168, turn=(12, 5, 0), channels=_both(eyeBlink=0.6, browDown=0.7)),
    "eyes_aside": Shot(
        "grace_hopper", 168, 96, turn=(-30, 0, 0), channels={"eyeLookOutLeft": 0.7, "eyeLookInRight": 0.7}
    ),
    "painting": Shot("botticelli_venus", 4, 128, turn=(-12, 6, 4), channels={"mouthPucker": 0.7, "browInnerUp": 0.8}),
}


def render_crops() -> Iterator[tuple[str, Picture]]:
    """Name → (side, side, 3) uint8, as an artist's monitor shows it."""
    sitters = {name: Sitter.read(name) for name in dict.fromkeys(shot.sitter for shot in SHOTS.values())}
    portraits = {
        name: prepare(s.source, s.landmarks, s.matte, rigid=find_spectacles(s.srgb, s.landmarks))
        for name, s in sitters.items()
    }
    for name, shot in SHOTS.items():
        yield name, _crop(portraits[shot.sitter], shot)


def _crop(portrait: Portrait, shot: Shot) -> Picture:
    pose = pose_of(portrait, **{"jawOpen": 0, **shot.channels})
    pose = Pose(pose.displacement, rotation_matrix(*shot.turn), np.array(shot.move, float))
    frame = render(portrait, pose, passes=(shot.layer,)).passes[shot.layer]
    if shot.layer == "Combined":
        seen = display_srgb(frame, exposure=choose_display(portrait.source))
    else:
        seen = np.round(np.repeat(np.clip(frame, 0, 1), 3, axis=2) * 255).astype(np.uint8)
    middle = portrait.landmarks[shot.around, :2] + shot.offset
    x, y = (int(np.clip(middle[k] - shot.side / 2, 0, seen.shape[1 - k] - shot.side)) for k in range(2))
    return np.ascontiguousarray(seen[y : y + shot.side, x : x + shot.side])


def read_crop(name: str) -> Picture:
    """The crop that is kept."""
    path = FOLDER / f"{name}.png"
    return np.round(display_srgb(read_picture(path).pixels, exposure=0.0)).astype(np.uint8)


def write_crop(name: str, crop: Picture) -> None:
    FOLDER.mkdir(exist_ok=True)
    write_png(FOLDER / f"{name}.png", crop)


def apart(ours: Picture, theirs: Picture) -> tuple[float, float]:
    """Mean difference in 1/255; share of the values that differ by more than LARGE."""
    difference = np.abs(ours.astype(int) - theirs)
    return float(difference.mean()), float((difference > LARGE).mean())


def alike(ours: Picture, theirs: Picture) -> bool:
    """Whether two crops are the same within the tolerance."""
    mean, large = apart(ours, theirs)
    return ours.shape == theirs.shape and mean <= MEAN and large <= LARGE_SHARE
