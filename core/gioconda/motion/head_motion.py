"""The head's rigid motion over time: measured on landmarks, made relative to a neutral frame, scaled, held still.

Picture axes throughout (x right, y down, z away). A `HeadTrack` places the face of frame f at
scale[f] · rotation[f] @ head + translation[f].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from ..landmarks import STABLE, template

Float = npt.NDArray[np.float64]
CHUNK = 512  # frames at a time
NECK = np.array([0.0, 1.0, 1.1])  # head space: what a head turns about, when a source gives angles only
JITTER = 0.0005  # head units: how much a tracker's pose moves the head from frame to frame
# Root-mean-square motion of the head, in head units, and relative change of its size, of which half is shown: a
# tracker's pose drifts by that much with the expression, and the texture of hair and neck shows every false move.
STILL_HEAD, STILL_SIZE = 0.06, 0.03
# The same below which even the face does not move: what a tracker adds to a face that stands still.
STILL_FACE, STILL_FACE_SIZE = 0.005, 0.003
# Places on the head (crown, temples, ears, nose, chin, eyes) whose motion says how far the head as a whole has moved.
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

    def gained(self, gain: float) -> HeadTrack:
        """Rotation angle and translation times `gain`, scale to that power. Meaningful for relative tracks."""
        if gain == 1:
            return self
        vectors = Rotation.from_matrix(self.rotation).as_rotvec()
        return HeadTrack(self.scale**gain, Rotation.from_rotvec(gain * vectors).as_matrix(), gain * self.translation)

    def smoothed(self, smooth: Callable[[Float], Float]) -> HeadTrack:
        """Run a filter for arrays (frames, …) over the track, in head units."""
        unit = float(np.median(self.scale))
        shift = unit * smooth(self.translation / unit)
        return HeadTrack(smooth(self.scale / unit) * unit, smooth_rotations(self.rotation, smooth), shift)

    def blended(self, calm: HeadTrack) -> HeadTrack:
        """A smoothed version of this track, with quick motions given back; see `smoothing.keep_fast`."""
        unit = self.scale[:, None, None]
        apart = (self.placed(PROBES) - calm.placed(PROBES))[..., :2] / unit
        energy = (apart**2).sum(2).mean(1)
        gain = (energy / (energy + 9 * JITTER**2)) ** 2
        turn = Rotation.from_matrix(self.rotation @ calm.rotation.transpose(0, 2, 1)).as_rotvec()
        rotation = Rotation.from_rotvec(gain[:, None] * turn).as_matrix() @ calm.rotation
        scale = calm.scale + gain * (self.scale - calm.scale)
        return HeadTrack(scale, rotation, calm.translation + gain[:, None] * (self.translation - calm.translation))

    def placed(self, points: Float) -> Float:
        """(N, 3) head space → (F, N, 3) picture space."""
        result: Float = (
            self.scale[:, None, None] * points @ self.rotation.transpose(0, 2, 1) + self.translation[:, None]
        )
        return result

    def held_still(self, hold: Callable[[Float, float], Float], band: float, size_band: float, own: Float) -> HeadTrack:
        """Without motions that are no larger than a tracker's noise. For relative tracks.

        Args:
            hold: `smoothing.firmness` or `smoothing.dead_band`: the share of a motion of some length to show.
            band: head units of root-mean-square motion; size_band: relative change of size.
            own: (3, 3) the portrait's own rotation.
        """
        if band <= 0:
            return self
        probes = PROBES @ own.T
        moved = probes @ self.rotation.transpose(0, 2, 1) + self.translation[:, None]
        length = np.sqrt(((moved - probes)[..., :2] ** 2).sum(2).mean(1))
        share = hold(length, band)
        nearer = hold(np.abs(np.log(self.scale)), size_band)
        vectors = Rotation.from_matrix(self.rotation).as_rotvec() * share[:, None]
        return HeadTrack(
            self.scale**nearer, Rotation.from_rotvec(vectors).as_matrix(), self.translation * share[:, None]
        )


def track_heads(landmarks: npt.NDArray[np.floating]) -> HeadTrack:
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
    return pinned(HeadTrack(scale, rotation, translation), neutral)


def absorb(displaced: npt.NDArray[np.float32], face: Float, own: Float, wanted: HeadTrack, shown: HeadTrack) -> None:
    """Let the face make the small head motions that hair and neck do not: its points stay where they were, in place.

    Args:
        displaced: (F, 478, 3); face: (478, 3) the portrait in head space; own: (3, 3) its rotation.
        wanted, shown: the head's motion as it should be for the face, and as it will be.
    """
    apart = (wanted.rotation != shown.rotation).any((1, 2)) | (wanted.translation != shown.translation).any(1)
    apart |= wanted.scale != shown.scale
    frames = np.flatnonzero(apart)
    for first in range(0, len(frames), CHUNK):
        part = frames[first : first + CHUNK]
        head = face + displaced[part]
        turned, kept = wanted.rotation[part] @ own, shown.rotation[part] @ own
        place = wanted.scale[part, None, None] * head @ turned.transpose(0, 2, 1) + wanted.translation[part, None]
        back = (place - shown.translation[part, None]) / shown.scale[part, None, None] @ kept
        displaced[part] += (back - head).astype(np.float32)


def pinned(track: HeadTrack, neutral: int) -> HeadTrack:
    """The same track with an exact identity in frame `neutral`."""
    scale, rotation, translation = track.scale.copy(), track.rotation.copy(), track.translation.copy()
    scale[neutral], rotation[neutral], translation[neutral] = 1.0, np.eye(3), 0.0
    return HeadTrack(scale, rotation, translation)


def about_neck(rotation: Float, own: Float) -> Float:
    """The translation (F, 3) that makes rotations (F, 3, 3) turn a head of pose `own` (3, 3) about its neck."""
    neck = own @ NECK
    result: Float = neck - rotation @ neck
    return result


def smooth_rotations(rotation: Float, smooth: Callable[[Float], Float]) -> Float:
    """Run a filter for arrays, `smooth(values)`, over rotations (F, 3, 3): on their matrices, made rotations again."""
    u, _, vt = np.linalg.svd(smooth(rotation))
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    result: Float = u @ vt
    return result
