"""A face motion → this portrait's performance: what the portrait is asked to do, frame by frame.

`retarget` is the whole of it: fill gaps, smooth, measure head and face against the neutral frame, fit to the portrait's
proportions, apply the artist's gains. Relative by default: the portrait starts as it is and only changes are
carried over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import landmarks
from ..job.retarget import GAINS, RetargetSettings
from ..landmarks import ARKIT, COUNT
from ..pose import Performance, head_pose
from . import blendshapes, lips, regions
from .head_motion import FACE_BAND, FACE_SIZE_BAND, HEAD_BAND, HEAD_SIZE_BAND, HeadTrack, compensate, with_identity_at
from .motion import Motion, chunks
from .neutral import choose_neutral, mouth_openness
from .prepare import prepare_channels, prepare_landmarks
from .smoothing import dead_band, soft_dead_band

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

LIVE = "live"  # the kind, in its provenance, of a motion that was recorded live
SHAPE_RANGE = (0.7, 1.4)  # proportions are adapted within these ratios


def retarget(
    motion: Motion,
    portrait_landmarks: npt.NDArray[np.floating],
    settings: RetargetSettings | None = None,
    gains: Mapping[str, Float] | None = None,
) -> Performance:
    """What a portrait does when it follows a motion.

    Args:
        motion: landmarks (preferred when there are both) or channels, gaps allowed.
        portrait_landmarks: (478, 3) pixels, picture space.
        settings: see `RetargetSettings`.
        gains: name of `GAINS` → (F,), a gain for each frame in place of the settings'.

    Raises:
        MotionError: the motion has no usable frame, or the neutral frame asked for is not there.
    """
    settings = settings or RetargetSettings()
    if motion.neutral is not None and len(motion) > 2 and motion.provenance.get("kind") == LIVE:
        return _as_it_was_live(motion, motion.neutral, portrait_landmarks, settings, gains or {})
    notes: dict[str, Any] = {"settings": asdict(settings), "source": motion.provenance.get("source")}
    gain = {name: np.full(len(motion), getattr(settings, name)) for name in GAINS} | dict(gains or {})
    portrait = head_pose(portrait_landmarks)
    face = portrait.to_head(portrait_landmarks.astype(np.float64))
    start, neutralised = _start_face(face, settings)
    by_points = motion.landmarks is not None
    prepare = prepare_landmarks if by_points else prepare_channels
    driver = prepare(motion, portrait.rotation, settings, notes)
    notes["mouth_open"] = {
        name: round(float(mouth_openness(one)), 4)
        for name, one in (("portrait", start), ("neutral", driver.neutral_face))
    }
    ratio = _proportions(start, driver.neutral_face) if settings.adapt else np.ones(3)
    displaced = np.empty((len(motion), COUNT, 3), np.float32)
    for part in chunks(len(motion)):
        face_now = driver.face(part)
        moved = ((face_now - driver.neutral_face) * ratio).astype(np.float32)
        now = {name: values[part] for name, values in gain.items()}
        _fit(moved, face_now, driver.neutral_face, start, settings, now, by_points=by_points)
        displaced[part] = moved
    head = driver.head.with_gain(gain["pose"])
    if by_points and settings.dead_band > 0 and settings.mode == "relative":
        head = _without_drift(head, displaced, start, portrait.rotation, settings.dead_band)
    if driver.neutral is not None and settings.mode == "relative":
        displaced[driver.neutral] = 0
        head = with_identity_at(head, driver.neutral)
    if neutralised.any():
        displaced += neutralised.astype(np.float32)
    notes["proportions"] = [round(float(r), 4) for r in ratio]
    return Performance(
        displaced,
        head.rotation,
        head.translation,
        head.scale,
        motion.frames,
        motion.fps,
        notes,
        settings.shoulders,
    )


def _as_it_was_live(
    motion: Motion,
    neutral: int,
    portrait_landmarks: npt.NDArray[np.floating],
    settings: RetargetSettings,
    gains: Mapping[str, Float],
) -> Performance:
    """A live take, a frame at a time against the neutral one, as it was shown: so to the last bit, however matrix
    products round in larger batches."""
    if isinstance(settings.neutral, int):
        neutral = choose_neutral(settings.neutral, len(motion), lambda: None, {}) or 0
    settings = replace(settings, neutral="rest" if settings.neutral == "rest" else "auto")
    poses = []
    for i in range(len(motion)):
        pair = [neutral, i] if i != neutral else [neutral, neutral]
        changes = {name: array[pair] for name, array in motion.arrays().items()} | {"frames": np.arange(2)}
        of_pair = {name: values[pair] for name, values in gains.items()}
        poses.append(retarget(replace(motion, neutral=0, **changes), portrait_landmarks, settings, of_pair))
    which = [int(i != neutral) for i in range(len(motion))]
    arrays: dict[str, Any] = {
        name: np.stack([getattr(pose, name)[one] for pose, one in zip(poses, which, strict=True)])
        for name in ("displacement", "rotation", "translation", "scale")
    }
    notes = poses[0].notes
    notes |= {"neutral": neutral if notes["neutral"] != "rest" else "rest"}
    return replace(poses[0], **arrays, frames=motion.frames, notes=notes)


def _without_drift(head: HeadTrack, displaced: Float32, start: Float, rotation: Float, strength: float) -> HeadTrack:
    """The head's motion as hair and neck make it: without a tracker's drift. The face still moves as measured."""
    face = head.damped(dead_band, strength * FACE_BAND, strength * FACE_SIZE_BAND, rotation)
    shown = head.damped(soft_dead_band, strength * HEAD_BAND, strength * HEAD_SIZE_BAND, rotation)
    compensate(displaced, start, rotation, face, shown)
    return shown


def _fit(
    moved: Float32,
    driver: Float32,
    neutral_face: Float,
    start: Float,
    settings: RetargetSettings,
    gains: Mapping[str, Float],
    *,
    by_points: bool,
) -> None:
    """From the driver's motion to the portrait's, in place: lids, gaze, dead band, gains, lips that do not cross.

    gains: (f,) each.
    """
    for side, (a, b) in regions.CORNERS.items():
        eye = np.linalg.norm(start[a] - start[b]) / max(float(np.linalg.norm(neutral_face[a] - neutral_face[b])), 1e-6)
        wide = min(max(_width(start) / _width(neutral_face), SHAPE_RANGE[0]), SHAPE_RANGE[1])
        ratio = np.float32(np.clip(eye, *SHAPE_RANGE) / wide if settings.adapt else 1.0)
        regions.scale_gaze(moved, side, ratio)
    if settings.adapt:
        lips.fit_width(moved, driver, neutral_face, start)
        lips.fit_thickness(moved, driver, neutral_face, start)
    if by_points:
        regions.apply_dead_band(moved, settings.dead_band)
    openness = np.stack([regions.openness(driver, side) for side in regions.LIDS], -1)
    neutral = np.array([float(regions.openness(neutral_face, side)) for side in regions.LIDS])
    if by_points:
        change = openness - neutral
        openness = neutral + change * dead_band(np.abs(change), settings.dead_band * regions.LID_BAND)
    regions.apply_gains(moved, **{name: gains[name] for name in ("jaw", "lips", "brows", "lids", "gaze")})
    regions.set_lids(start, moved, openness, neutral, gain=gains["lids"], floor=settings.lid_floor)
    if not by_points:
        blendshapes.uncross_lips(start, moved)


def _start_face(face: Float, settings: RetargetSettings) -> tuple[Float, Float]:
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
            own = float(regions.openness(face, side))
            regions.open_eye(face, moved, side, own + strength * max(regions.OPEN_EYE - own, 0.0))
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
