"""A job's motion, opened: read from a file, tracked in a video, or one of the built-in ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..face.nets import Nets
from ..face.tracker import track_video
from ..files import cache_folder
from ..job.frame_range import FrameRange
from ..job.job import LARGEST, REST, TAKE, Job
from ..models import load_registry
from ..motion import track_cache
from ..motion.curves import read_curves
from ..motion.demo_motion import FPS, make_demo_motion
from ..motion.files import is_video, load_motion
from ..motion.motion import Motion
from ..motion.notes import notes_of
from ..worker.messages import Log, Progress, Report, Stage, Warn
from .judge import check_range
from .open_portrait import open_nets


def open_motion(job: Job, report: Report) -> Motion:
    """Read a motion file, track a video, or make a built-in motion. Raises: MotionError, ModelError, DeviceError."""
    if job.motion == REST:
        frames = FrameRange.parse(job.frames).numbers()
        if not frames:
            frames = [1] if job.curves is None else read_curves(job.curves).span()
        return still_motion(frames, job.fps or FPS)
    report(Stage("motion", f"Reading the motion {job.motion}"))
    if job.motion == TAKE:
        return make_demo_motion(job.fps or FPS)
    motion = _tracked(job, report) if is_video(job.motion) else load_motion(job.motion, job.motion_face)
    for note in notes_of(motion):
        report(Warn(note))
    if job.motion_start is not None:
        return motion.retimed(job.fps or motion.fps, job.motion_start)
    return motion if job.fps is None else replace(motion, fps=job.fps)


def _tracked(job: Job, report: Report) -> Motion:
    """The motion of a job's video: tracked, unless it was before."""
    video, folder = Path(job.motion), Path(job.cache) if job.cache else cache_folder()
    face = job.motion_face or LARGEST
    check_range(job)
    if not video.is_file() or folder is None:
        return track(video, open_nets(job.models, job.device, job.threads, report), face, report)
    nets = [net.sha256 for net in load_registry(job.models).values()]
    key = track_cache.key_of(video, nets, face)
    motion = track_cache.load(folder, key)
    if motion is not None:
        report(Log("The video was tracked before."))
        return motion
    motion = track(video, open_nets(job.models, job.device, job.threads, report), face, report)
    try:
        track_cache.save(folder, key, motion)
    except OutputError as error:
        report(Log(f"The video will have to be tracked again next time: {error}"))
    return motion


def still_motion(frames: list[int], fps: float) -> Motion:
    """The motion of a portrait that stays as it is, at any frames."""
    return Motion(fps, np.array(frames), channels=np.zeros((len(frames), 1), np.float32), channel_names=("jawOpen",))


def track(path: Path, nets: Nets, face: int | str | None, report: Report) -> Motion:
    """Follow a face through a video. Raises: MotionError, NoFaceError."""
    report(Stage("track", f"Tracking the face in {path}"))
    return track_video(path, nets, face=face, on_progress=lambda done, total: report(Progress(done, max(done, total))))
