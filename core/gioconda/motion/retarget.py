"""A face motion → this portrait's performance: what the portrait is asked to do, frame by frame.

`retarget` is the whole of it: fill gaps, smooth, measure head and face against the neutral frame, fit to the portrait's
proportions, apply the artist's gains. Relative by default: the portrait starts as it is and only changes are
carried over.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .. import landmarks
from ..errors import SettingsError
from ..landmarks import ARKIT, COUNT
from ..pose import Performance, head_pose
from . import blendshapes, head_motion, regions
from .head_motion import HeadTrack, pinned
from .motion import Motion
from .prepare import from_channels, from_landmarks
from .smoothing import dead_band, firmness

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

CHUNK = 512  # frames at a time
SHAPE_RANGE = (0.7, 1.4)  # proportions are adapted within these ratios


@dataclass(frozen=True)
class RetargetSettings:
    """How a motion is carried over to a portrait. Gains: 1 as recorded, 0 off, above 1 exaggerated."""

    mode: Literal["relative", "absolute"] = (
        "relative"  # changes from the neutral frame, or the driver's very expression
    )
    neutral: int | Literal["auto", "rest"] = "auto"  # frame index; the most neutral frame; channels all zero
    pose: float = 1.0  # head rotation and translation
    jaw: float = 1.0  # how far the jaw opens and moves
    lips: float = 1.0  # lips, cheeks and nose, on top of the jaw
    brows: float = 1.0  # brows and forehead
    lids: float = 1.0  # opening and closing of the eyes
    gaze: float = 1.0  # where the eyes look
    lock_scale: bool = True  # the head keeps its size, however close the driver comes to the camera
    adapt: bool = True  # scale motion by the ratio of the two faces' width and height
    lid_floor: float = 0.045  # the openness (gap by width) a tracker reports for a shut eye; 0 trusts the tracker
    neutralise: float = 0.0  # first close the portrait's open mouth and open its half-shut eyes: 0 not, 1 fully
    smoothing: Literal["auto", "savgol", "one_euro", "none"] = "auto"  # auto: savgol for landmarks, none for channels
    dead_band: float = 1.0  # hold motions smaller than a tracker's noise: 0 off, 2 twice as wide

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        for name, choices in (
            ("mode", ("relative", "absolute")),
            ("smoothing", ("auto", "savgol", "one_euro", "none")),
        ):
            if getattr(self, name) not in choices:
                raise SettingsError(f"retarget {name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if isinstance(self.neutral, bool) or not (self.neutral in ("auto", "rest") or isinstance(self.neutral, int)):
            raise SettingsError(f"retarget neutral must be a frame index, 'auto' or 'rest', not {self.neutral!r}")
        for name, low, high in (
            *((n, 0.0, 5.0) for n in ("pose", "jaw", "lips", "brows", "lids", "gaze", "dead_band")),
            ("neutralise", 0.0, 1.0),
            ("lid_floor", 0.0, 0.15),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise SettingsError(f"retarget {name} must be a number from {low:g} to {high:g}, not {value!r}")
        for name in ("lock_scale", "adapt"):
            if not isinstance(getattr(self, name), bool):
                raise SettingsError(f"retarget {name} must be true or false, not {getattr(self, name)!r}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RetargetSettings:
        """The reverse of `to_dict`; keys may be left out.

        Raises:
            SettingsError: an unknown key, or a value that cannot be used.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(f"unknown retarget setting {unknown[0]!r}; there are {', '.join(sorted(known))}")
        return cls(**values)


def retarget(
    motion: Motion, portrait_landmarks: npt.NDArray[np.floating], settings: RetargetSettings | None = None
) -> Performance:
    """What a portrait does when it follows a motion.

    Args:
        motion: landmarks (preferred when there are both) or channels, gaps allowed.
        portrait_landmarks: (478, 3) pixels, picture space.
        settings: see `RetargetSettings`.

    Raises:
        MotionError: the motion has no usable frame, or the neutral frame asked for is not there.
    """
    settings = settings or RetargetSettings()
    notes: dict[str, Any] = {"settings": settings.to_dict(), "source": motion.provenance.get("source")}
    portrait = head_pose(portrait_landmarks)
    face = portrait.to_head(portrait_landmarks.astype(np.float64))
    start, neutralised = _start(face, settings)
    by_points = motion.landmarks is not None
    drive = (from_landmarks if by_points else from_channels)(motion, portrait.rotation, settings, notes)
    ratio = _proportions(start, drive.rest) if settings.adapt else np.ones(3)
    displaced = np.empty((len(motion), COUNT, 3), np.float32)
    for first in range(0, len(motion), CHUNK):
        part = slice(first, min(first + CHUNK, len(motion)))
        moved = ((drive.face(part) - drive.rest) * ratio).astype(np.float32)
        _fit(moved, drive.face(part), drive.rest, start, settings, by_points=by_points)
        displaced[part] = moved
    head = drive.head.gained(settings.pose)
    if by_points and settings.dead_band > 0 and settings.mode == "relative":
        head = _held_still(head, displaced, start, portrait.rotation, settings.dead_band)
    if drive.neutral is not None and settings.mode == "relative":
        displaced[drive.neutral] = 0
        head = pinned(head, drive.neutral)
    if neutralised.any():
        displaced += neutralised.astype(np.float32)
    notes["proportions"] = [round(float(r), 4) for r in ratio]
    return Performance(displaced, head.rotation, head.translation, head.scale, motion.frames, motion.fps, notes)


def _held_still(head: HeadTrack, displaced: Float32, start: Float, own: Float, strength: float) -> HeadTrack:
    """The head's motion as hair and neck make it: without a tracker's drift. The face goes where it went."""
    face = head.held_still(dead_band, strength * head_motion.STILL_FACE, strength * head_motion.STILL_FACE_SIZE, own)
    shown = head.held_still(firmness, strength * head_motion.STILL_HEAD, strength * head_motion.STILL_SIZE, own)
    head_motion.absorb(displaced, start, own, face, shown)
    return shown


def _fit(
    moved: Float32, driver: Float32, rest: Float, start: Float, settings: RetargetSettings, *, by_points: bool
) -> None:
    """From the driver's motion to the portrait's, in place: lids, gaze, dead band, gains, lips that do not cross."""
    for side, (a, b) in regions.CORNERS.items():
        eye = np.linalg.norm(start[a] - start[b]) / max(float(np.linalg.norm(rest[a] - rest[b])), 1e-6)
        wide = min(max(_width(start) / _width(rest), SHAPE_RANGE[0]), SHAPE_RANGE[1])
        ratio = np.float32(np.clip(eye, *SHAPE_RANGE) / wide if settings.adapt else 1.0)
        iris = list(regions.IRISES[side])
        still = moved[:, [a, b]].mean(1, keepdims=True)
        moved[:, iris] = still + ratio * (moved[:, iris] - still)
    if by_points:
        regions.hold_still(moved, settings.dead_band)
    seen = np.stack([regions.openness(driver, side) for side in regions.LIDS], -1)
    calm = np.array([float(regions.openness(rest, side)) for side in regions.LIDS])
    gains = {"jaw": settings.jaw, "lips": settings.lips, "brows": settings.brows, "gaze": settings.gaze}
    if by_points:
        change = np.abs(seen - calm)
        seen = calm + (seen - calm) * dead_band(change, settings.dead_band * regions.LID_BAND)
    regions.apply_gains(moved, lids=settings.lids, **gains)
    regions.set_lids(start, moved, seen, calm, gain=settings.lids, floor=settings.lid_floor)
    if not by_points:
        blendshapes.meet_lips(start, moved)


def _start(face: Float, settings: RetargetSettings) -> tuple[Float, Float]:
    """The face from which motion starts, (478, 3), and how it differs from the portrait: nothing, unless asked for."""
    change = np.zeros_like(face)
    strength = 1.0 if settings.mode == "absolute" else settings.neutralise
    if strength > 0:
        channels, expression = blendshapes.fit_channels(face)
        if settings.mode == "relative":
            mouth = np.array([n.startswith(("jaw", "mouth", "cheek")) for n in ARKIT])
            expression = np.tensordot(channels * mouth, blendshapes.expression_basis().astype(np.float64), 1)
        change -= strength * expression
        moved = change[None].astype(np.float32)
        blendshapes.close_lips(face, moved, strength)
        for side in regions.LIDS:
            rest = float(regions.openness(face, side))
            regions.open_eye(face, moved, side, rest + strength * max(regions.AWAKE - rest, 0.0))
        change = moved[0].astype(np.float64)
    return face + change, change


def _proportions(portrait: Float, driver: Float) -> Float:
    """Face width, height and depth of the portrait by the driver's, (3,); depth goes with width."""
    wide = _width(portrait) / _width(driver)
    high = np.linalg.norm(portrait[landmarks.CHIN] - portrait[landmarks.FOREHEAD])
    high /= np.linalg.norm(driver[landmarks.CHIN] - driver[landmarks.FOREHEAD])
    result: Float = np.clip([wide, high, wide], *SHAPE_RANGE)
    return result


def _width(face: Float) -> float:
    return float(np.linalg.norm(face[landmarks.EAR_LEFT] - face[landmarks.EAR_RIGHT]))
