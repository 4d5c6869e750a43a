"""A job's inputs looked at before anything slow is loaded: what cannot be used is refused within a second or two."""

from __future__ import annotations

from ..errors import SettingsError
from ..imaging.image import judge_picture
from ..job.frame_range import FrameRange
from ..job.job import Job
from ..motion.files import is_video


def judge_job(job: Job) -> None:
    """Whether a job's picture can be used, and its frames lie in its video. The picture is kept for who reads it next.

    Raises: PictureError, MotionError, SettingsError.
    """
    judge_picture(job.portrait, colorspace=job.colorspace, ocio_config=job.ocio, layer=job.layer)
    for one in job.of_persons() or (job,):
        if is_video(one.motion):
            check_range(one)


def check_range(job: Job) -> None:
    """Whether a job's frames lie in its video. Raises: MotionError, SettingsError."""
    wanted = FrameRange.parse(job.frames).numbers()
    from ..imaging.video import video_info  # loads FFmpeg

    info = video_info(job.motion)
    if not wanted or info.frames < 1 or job.motion_start is not None:
        return
    outside = [number for number in (wanted[0], wanted[-1]) if not 0 <= number < info.frames]
    if outside:
        there = FrameRange.format(range(info.frames))
        raise SettingsError(
            f"There is no frame {outside[0]} in {job.motion}: it has {there}, for a video counts from 0."
        )
