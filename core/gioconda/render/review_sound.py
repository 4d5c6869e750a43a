"""The sound of a review video: that of the recording or video which drives, cut to the frames that are rendered."""

from __future__ import annotations

import numpy as np

from ..errors import MotionError
from ..imaging.video import SOUND_RATE, Int16, has_sound, read_sound, video_info
from ..job.job import Job
from ..motion.files import is_sound, is_video
from ..motion.motion import Motion
from ..worker.messages import Log, Report


def review_sound(job: Job, motion: Motion, numbers: list[int], report: Report) -> Int16 | None:
    """(N, 2) int16 at `SOUND_RATE`, from the first of the frames `numbers` to the end of the last; None: no sound.

    Frames with gaps between them, and a video that plays at another rate than its own, have none: that is told.
    """
    video = is_video(job.motion)
    try:
        if not video and not is_sound(job.motion) or not has_sound(job.motion):
            return None
        if numbers != list(range(numbers[0], numbers[-1] + 1)):
            report(Log("The review video has no sound: frames are left out between its first and last."))
            return None
        if video and job.motion_start is None and abs(motion.fps / video_info(job.motion).fps - 1) > 1e-3:
            report(Log("The review video has no sound: --fps plays the video at another rate than its own."))
            return None
        sound = read_sound(job.motion, rate=SOUND_RATE, channels=2)
    except MotionError as error:
        report(Log(f"The review video has no sound: {error}"))
        return None
    first = (numbers[0] - int(motion.frames[0])) / motion.fps
    start, count = round(first * SOUND_RATE), round(len(numbers) / motion.fps * SOUND_RATE)
    return np.ascontiguousarray(sound[start : start + count])
