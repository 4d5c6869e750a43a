"""The pictures a person is learned from: out of files and clips, and whether they differ enough to teach anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..engine import Portrait
from ..imaging.video import read_frames, video_info
from ..job.job import LARGEST
from ..motion.files import is_video
from ..render.open_portrait import find_face
from ..worker.messages import Report
from ..worker.requests import Analyse

FRAMES = 8  # of a video that a person is learned from
ALIKE = 0.02  # distances between the eyes: pictures that differ by less show the networks nothing new


def pictures_of(path: str, models: str | None, report: Report) -> list[npt.NDArray[np.uint8]]:
    """The picture of a file, (H, W, 3) sRGB; of a video as many as `FRAMES` of its frames, evenly.

    Raises: PictureError, NoFaceError, MotionError.
    """
    if not is_video(path):
        source, _ = find_face(Analyse(0, path, "", LARGEST, models=models, device="cpu"), report)
        return [source.srgb]
    count = video_info(path).frames or sum(1 for _ in read_frames(path))
    wanted = {round(k) for k in np.linspace(0, count - 1, FRAMES)}
    return [frame for number, frame in enumerate(read_frames(path)) if number in wanted]


def unlike(portraits: Sequence[Portrait]) -> float:
    """How much the two most different faces differ: the mean way of eyes and lips from one to the other, turn of the
    head included, in distances between the eyes."""
    index = [*lm.EYE_LEFT, *lm.EYE_RIGHT, *lm.LIPS_OUTER, *lm.LIPS_INNER]
    faces = [each.head[index] @ each.pose.rotation.T for each in portraits]
    return max(float(np.linalg.norm(a - b, axis=1).mean()) for a in faces for b in faces)
