"""Follow one face through a clip, frame by frame, and return what it did as a `Motion`. Nothing is smoothed here.

The landmarks are predicted where the face was in the frame before; when it is gone, or is a face no longer, it is
searched for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MotionError, NoFaceError
from ..imaging.video import VideoInfo, timed_frames, video_info
from ..landmarks import COUNT
from ..motion.clock import clock, resampled
from ..motion.motion import Motion
from .analyse import LARGEST, choose_face
from .landmarker import moved
from .nets import Nets
from .plausibility import PRESENCE, detectors_agree, has_face_proportions, is_face
from .region import Float, Picture, Region, around_landmarks
from .search import find_faces

REACH = 2.0  # a lost face is first searched for in a square this much larger than the last one
CHECK_EVERY = 15  # frames between two checks that it is still a face: after a cut, a wall may score as high
JUMP = 0.15  # a square that moves by more than this part of its side is checked at once
SEARCH_EVERY = 25  # frames between two thorough searches while there is no face

Progress = Callable[[int, int], None]
"""(frames done, frames in all or 0 where that is unknown)"""


def track_video(
    path: Path,
    nets: Nets,
    *,
    face: int | str | None = LARGEST,
    on_progress: Progress | None = None,
    max_frames: int | None = None,
    resample: bool = True,
) -> Motion:
    """Landmarks for every frame of a video. One frame is in memory at a time.

    Args:
        path: the video.
        nets: the opened networks.
        face: which one, when the first frame that shows a face shows several: as for `analyse`.
        on_progress: called after every frame.
        max_frames: stop after so many.
        resample: a rate that varies becomes a constant one by the time stamps; off: one frame for every picture.

    -> landmarks (F, 478, 3) float32 pixels, NaN where there is no face, confidence (F,) 0 to 1, frames from 0.

    Raises:
        MotionError: the file is no video that can be read, or has no frame rate.
        NoFaceError: no frame shows a face, or not the asked-for one.
    """
    info = video_info(path)
    if not info.fps > 0:
        raise MotionError(f"{path} does not say how many frames per second it has: export it again at a constant rate.")
    total = info.frames if max_frames is None else min(info.frames or max_frames, max_frames)
    tracker = FaceTracker(nets, face=face)
    landmarks: list[np.ndarray] = []
    confidence: list[float] = []
    times: list[float | None] = []
    for seconds, frame in timed_frames(path, stop=max_frames):
        times.append(seconds)
        points, score = tracker.follow(frame)
        landmarks.append(np.full((COUNT, 3), np.nan, np.float32) if points is None else points.astype(np.float32))
        confidence.append(score)
        if on_progress is not None:
            on_progress(len(landmarks), total)
    found = int(np.count_nonzero(confidence))
    if not found:
        raise NoFaceError(
            f"No face was found in any of the {len(landmarks)} frames of {path}: show the face larger or frontally."
        )
    arrays = {"landmarks": np.stack(landmarks), "confidence": np.array(confidence, np.float32)}
    fps, arrays, notes = _at_constant_rate(info, arrays, times if resample else [None])
    provenance = {"kind": "video", "file": path.name, "frames": len(landmarks), "tracked": found, "device": nets.device}
    motion = Motion(
        fps=fps,
        frames=np.arange(len(arrays["confidence"]), dtype=np.int32),
        size=(info.width, info.height),
        provenance=provenance,
        landmarks=arrays["landmarks"],
        confidence=arrays["confidence"],
    )
    return motion.noted(*notes)


def _at_constant_rate(
    info: VideoInfo, arrays: dict[str, Any], times: list[float | None]
) -> tuple[float, dict[str, Any], tuple[str, ...]]:
    """The rate and what was tracked at it: as it is or, where the frames' time stamps (F,) vary, resampled by them."""
    found = clock(np.array(times, np.float64)) if info.varies and None not in times else None
    if found is None or found.numbers is not None:
        return info.fps, arrays, ()
    seconds = np.array(times, np.float64)
    slowest, fastest = (1 / float(step) for step in (np.diff(seconds).max(), np.diff(seconds).min()))
    note = (
        f"The video's rate varies ({slowest:.3g} to {fastest:.3g} frames per second): its motion is resampled to "
        f"{found.fps:.6g} by the time stamps."
    )
    return found.fps, resampled(arrays, seconds, found.fps), (note,)


class FaceTracker:
    """Where one face is, from frame to frame.

    Attributes:
        region: the square to predict in next, None while there is no face.
    """

    def __init__(self, nets: Nets, *, face: int | str | None = LARGEST) -> None:
        self._nets = nets
        self._face = face
        self._last: Region | None = None  # where the face was seen last
        self._since_check = 0
        self._searches = 0
        self.region: Region | None = None

    def follow(self, frame: Picture) -> tuple[Float | None, float]:
        """The next frame, (H, W, 3) uint8 → landmarks (478, 3) float64 pixels, or None, and the score, 0 to 1.

        Raises:
            NoFaceError: the first face that appears is not the asked-for one.
        """
        points, score = self._continued(frame)
        if points is None:
            points, score = self._searched(frame)
            if points is not None:
                # as in every other frame: the first is often the neutral one, against which all are measured
                points, score = self._nets.landmarker.predict_with_mirror(frame, around_landmarks(points))
        if points is None:
            self.region = None
            self._searches += 1
            return None, 0.0
        # the square follows the face fully: the network's errors depend on where in the square the face lies, and
        # errors that stay the same cancel when motion is measured against a neutral frame
        self.region = self._last = around_landmarks(points)
        self._searches = 0
        return points, score

    def _continued(self, frame: Picture) -> tuple[Float | None, float]:
        """The face where it was a frame ago, if it is still there."""
        if self.region is None:
            return None, 0.0
        points, score = self._nets.landmarker.predict_with_mirror(frame, self.region)
        jump = moved(self.region, around_landmarks(points))
        if jump > JUMP:  # it moved far within the square: predict again in a square around it
            points, score = self._nets.landmarker.predict_with_mirror(frame, around_landmarks(points))
        self._since_check += 1
        lost = score < PRESENCE or not has_face_proportions(points)
        if not lost and (self._since_check >= CHECK_EVERY or jump > JUMP):
            self._since_check = 0
            lost = not detectors_agree(frame, points, self._nets)
        if lost:
            self.region = None
            return None, 0.0
        return points, score

    def _searched(self, frame: Picture) -> tuple[Float | None, float]:
        """The face wherever it is in the frame: near where it was, else the nearest, else the chosen one."""
        self._since_check = 0
        if self._last is not None:
            near = replace(self._last, size=self._last.size * REACH)
            for box in self._nets.near.detect(frame, near, threshold=PRESENCE):
                points, score = self._nets.landmarker.landmarks(frame, box)
                if is_face(frame, points, score, self._nets):
                    return points, score
        thorough = self._searches % SEARCH_EVERY == 0
        faces = find_faces(frame, self._nets, wanted=1 if thorough else 0)
        if not faces:
            return None, 0.0
        if self._last is None:
            chosen = faces[choose_face(faces, self._face)]
        else:
            x, y = self._last.x, self._last.y
            chosen = min(faces, key=lambda face: float(np.hypot(*((face.box[:2] + face.box[2:]) / 2 - (x, y)))))
        return chosen.landmarks, chosen.score
