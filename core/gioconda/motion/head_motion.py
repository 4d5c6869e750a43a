"""The head's rigid motion over time: measured on landmarks, made relative to a neutral frame, scaled, freed of drift.

Picture axes throughout (x right, y down, z away). A `HeadTrack` carries the face of frame f to
scale[f] · rotation[f] @ head + translation[f].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..landmarks import STABLE, template
from ..pose import rotation_from_vector, rotation_vector
from .motion import chunks

Float = npt.NDArray[np.float64]
NECK = np.array([0.0, 1.0, 1.1])  # head space: what a head turns about, when a source gives angles only
JITTER = 0.0005  # head units: how much a tracker's pose moves the head from frame to frame
# Root-mean-square motion of the head, in head units, and relative change of its size, of which half is shown: a
# tracker's pose drifts by that much with the expression, and the texture of hair and neck shows every false move.
HEAD_BAND, HEAD_SIZE_BAND = 0.06, 0.03
# The same for the face itself, which may move more readily: only what a tracker adds to a motionless face is held.
FACE_BAND, FACE_SIZE_BAND = 0.005, 0.003
# Points of the head (crown, temples, ears, nose, chin, eyes) whose motion says how far the head as a whole has moved.
PROBES = np.array(
    [[-0.7, -0.2, 0.6], [0.7, -0.2, 0.6], [0, -0.8, 0.4], [0, -0.5, 0.1], [-0.75, 0.5, 0.8], [0.75, 0.5, 0.8]]
    + [[0, 1.2, 0.2], [0, 0.3, -0.2], [-0.35, 0, 0.2], [0.35, 0, 0.2]]
)


@dataclass(frozen=True)
class HeadTrack:
    """A head's pose per frame. scale (F,), rotation (F, 3, 3), translation (F, 3), all float64."""

    scale: Float
    rotation: Float
    translation: Float

    def to_head(self, picture: npt.NDArray[np.floating], frames: slice) -> Float:
        """(f, N, 3) picture space → head space, for a slice of the frames."""
        centred = (picture - self.translation[frames, None]) / self.scale[frames, None, None]
        result: Float = centred @ self.rotation[frames]
        return result

    def with_gain(self, gain: float | Float) -> HeadTrack:
        """Rotation angle and translation times `gain`, scale to that power. Meaningful for relative tracks.

        gain: one for all frames, or (F,).
        """
        if np.all(np.asarray(gain) == 1):
            return self
        vectors, much = rotation_vector(self.rotation), np.asarray(gain, np.float64).reshape(-1, 1)
        return HeadTrack(self.scale**gain, rotation_from_vector(much * vectors), much * self.translation)

    def smoothed(self, smooth: Callable[[Float], Float]) -> HeadTrack:
        """Run a filter for arrays (frames, …) over the track, in head units."""
        unit = float(np.median(self.scale))
        shift = unit * smooth(self.translation / unit)
        return HeadTrack(smooth(self.scale / unit) * unit, smooth_rotations(self.rotation, smooth), shift)

    def fast_motions_onto(self, smooth: HeadTrack) -> HeadTrack:
        """`smooth`, made of this track, with its quick motions given back; see `smoothing.keep_fast`."""
        unit = self.scale[:, None, None]
        apart = (self.to_picture(PROBES) - smooth.to_picture(PROBES))[..., :2] / unit
        energy = (apart**2).sum(2).mean(1)
        gain = (energy / (energy + 9 * JITTER**2)) ** 2
        turn = rotation_vector(self.rotation @ smooth.rotation.transpose(0, 2, 1))
        rotation = rotation_from_vector(gain[:, None] * turn) @ smooth.rotation
        scale = smooth.scale + gain * (self.scale - smooth.scale)
        return HeadTrack(scale, rotation, smooth.translation + gain[:, None] * (self.translation - smooth.translation))

    def to_picture(self, points: Float) -> Float:
        """(N, 3) head space → (F, N, 3) picture space."""
        result: Float = (
            self.scale[:, None, None] * points @ self.rotation.transpose(0, 2, 1) + self.translation[:, None]
        )
        return result

    def damped(
        self, response: Callable[[Float, float], Float], band: float, size_band: float, portrait_rotation: Float
    ) -> HeadTrack:
        """Without motions that are no larger than a tracker's noise. For relative tracks.

        Args:
            response: `smoothing.dead_band` or `smoothing.soft_dead_band`: how much of a motion of some length to show.
            band: head units of root-mean-square motion; size_band: relative change of size.
            portrait_rotation: (3, 3) the portrait's own.
        """
        if band <= 0:
            return self
        probes = PROBES @ portrait_rotation.T
        moved = probes @ self.rotation.transpose(0, 2, 1) + self.translation[:, None]
        length = np.sqrt(((moved - probes)[..., :2] ** 2).sum(2).mean(1))
        weight = response(length, band)
        size_weight = response(np.abs(np.log(self.scale)), size_band)
        vectors = rotation_vector(self.rotation) * weight[:, None]
        return HeadTrack(self.scale**size_weight, rotation_from_vector(vectors), self.translation * weight[:, None])


def track_head(landmarks: npt.NDArray[np.floating]) -> HeadTrack:
    """The pose of every frame, (F, 478, 3) pixels → `HeadTrack` in pixels: `pose.head_pose` for all frames at once."""
    index = list(STABLE)
    source = template()[index]
    target = landmarks[:, index].astype(np.float64)
    a, centre = source - source.mean(0), target.mean(1)
    b = target - centre[:, None]
    u, s, vt = np.linalg.svd(np.einsum("fni,nj->fij", b, a))
    sign = np.ones_like(s)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None]) @ vt
    scale = (s * sign).sum(1) / (a**2).sum()
    return HeadTrack(scale, rotation, centre - scale[:, None] * (rotation @ source.mean(0)))


def relative(track: HeadTrack, neutral: int, *, lock_scale: bool) -> HeadTrack:
    """The track against its own frame `neutral`: exactly no motion there. Translation in head units of that frame."""
    first = track.scale[neutral]
    scale = np.ones_like(track.scale) if lock_scale else track.scale / first
    rotation = track.rotation @ track.rotation[neutral].T
    translation = (track.translation - track.translation[neutral]) / first
    return with_identity_at(HeadTrack(scale, rotation, translation), neutral)


def compensate(
    displaced: npt.NDArray[np.float32], face: Float, portrait_rotation: Float, wanted: HeadTrack, shown: HeadTrack
) -> None:
    """Change `displaced` so that the face moves as `wanted` although the head moves as `shown`, in place.

    So the face makes the small head motions that hair and neck do not.

    Args:
        displaced: (F, 478, 3); face: (478, 3) the portrait in head space; portrait_rotation: (3, 3) its own.
        wanted, shown: the head's motion as it should be for the face, and as it will be.
    """
    apart = (wanted.rotation != shown.rotation).any((1, 2)) | (wanted.translation != shown.translation).any(1)
    apart |= wanted.scale != shown.scale
    frames = np.flatnonzero(apart)
    for rows in chunks(len(frames)):
        part = frames[rows]
        head = face + displaced[part]
        turned, kept = wanted.rotation[part] @ portrait_rotation, shown.rotation[part] @ portrait_rotation
        picture = wanted.scale[part, None, None] * head @ turned.transpose(0, 2, 1) + wanted.translation[part, None]
        back = (picture - shown.translation[part, None]) / shown.scale[part, None, None] @ kept
        displaced[part] += (back - head).astype(np.float32)


def with_identity_at(track: HeadTrack, neutral: int) -> HeadTrack:
    """The same track with an exact identity in frame `neutral`."""
    scale, rotation, translation = track.scale.copy(), track.rotation.copy(), track.translation.copy()
    scale[neutral], rotation[neutral], translation[neutral] = 1.0, np.eye(3), 0.0
    return HeadTrack(scale, rotation, translation)


def about_neck(rotation: Float, portrait_rotation: Float) -> Float:
    """The translation (F, 3) that makes rotations (F, 3, 3) turn a head about its neck, in the portrait's rotation."""
    neck = portrait_rotation @ NECK
    result: Float = neck - rotation @ neck
    return result


def smooth_rotations(rotation: Float, smooth: Callable[[Float], Float]) -> Float:
    """Run a filter for arrays, `smooth(values)`, over rotations (F, 3, 3): on their matrices, made rotations again."""
    u, _, vt = np.linalg.svd(smooth(rotation))
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    result: Float = u @ vt
    return result
