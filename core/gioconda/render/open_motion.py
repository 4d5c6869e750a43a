"""A job's motion, opened: read from a file, tracked in a video, made of a voice, or one of the built-in ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import OutputError, SettingsError
from ..face.nets import Nets
from ..face.tracker import track_video
from ..files import cache_folder
from ..imaging.video import video_info
from ..job.frame_range import FrameRange
from ..job.job import LARGEST, REST, TAKE, Job
from ..models import load_registry
from ..motion import track_cache
from ..motion.curves import read_curves
from ..motion.demo_motion import FPS, make_demo_motion
from ..motion.files import is_sound, is_video, load_motion
from ..motion.motion import Motion
from ..motion.notes import notes_of
from ..voice.speech import facts, speak
from ..worker.messages import Log, Progress, Report, Stage, Warn
from .judge import check_range
from .open_portrait import open_nets


def open_motion(job: Job, report: Report) -> Motion:
    """Read a motion file, track a video, animate a voice, or make a built-in motion.

    Raises: MotionError, SettingsError, ModelError, DeviceError.
    """
    if job.motion == REST:
        frames = FrameRange.parse(job.frames).numbers()
        if not frames:
            frames = [1] if job.curves is None else read_curves(job.curves).span()
        return still_motion(frames, job.fps or FPS)
    report(Stage("motion", f"Reading the motion {job.motion}"))
    if job.motion == TAKE:
        return make_demo_motion(job.fps or FPS)
    if speaks(job):
        motion = _spoken(job, report)
    elif is_video(job.motion):
        motion = _tracked(job, report)
    else:
        motion = load_motion(job.motion, job.motion_face)
    for note in notes_of(motion):
        report(Warn(note))
    if job.motion_start is not None:
        return motion.retimed(job.fps or motion.fps, job.motion_start)
    return motion if job.fps is None else replace(motion, fps=job.fps)


def speaks(job: Job) -> bool:
    """Whether a voice drives: a recording, or a video's sound. Raises: SettingsError: there is none for what is set."""
    video = is_video(job.motion)
    if is_sound(job.motion) or (video and job.sound_drives):
        return True
    for name in ("text", "language"):
        if getattr(job, name) is not None:
            more = ", or say --sound-drives" if video else ""
            raise SettingsError(f"--{name} is about a voice, and {job.motion} is none: give a recording{more}.")
    if job.sound_drives:
        raise SettingsError(f"--sound-drives is about a video, and {job.motion} is none.")
    return False


def _spoken(job: Job, report: Report) -> Motion:
    """The motion of a job's voice: made, unless it was before."""
    path, folder = Path(job.motion), Path(job.cache) if job.cache else cache_folder()
    fps, first, count = job.fps, 1, None
    if is_video(path):  # its frames, which count from 0
        check_range(job)
        info = video_info(path)
        fps, first, count = info.fps, 0, info.frames or None
    text = None if job.text is None else Path(job.text)
    if text is not None and not text.is_file():
        raise SettingsError(f"There is no text {text}; check the path.")

    def make() -> Motion:
        told = "Timing the text's words" if text else "Recognising what is said"
        report(Stage("voice", f"{told} in {path}"))
        return speak(path, text=text, language=job.language, fps=fps, seed=job.voice_seed, first=first, count=count)

    if not path.is_file() or folder is None:
        return make()
    made_from = facts(text=text, language=job.language, fps=fps, seed=job.voice_seed, first=first)
    key = track_cache.key_of(path, [made_from], None)
    motion = track_cache.load(folder, key)
    if motion is not None:
        report(Log("The voice was animated before."))
        return motion
    motion = make()
    _keep(folder, key, motion, "The voice will have to be animated again next time", report)
    return motion


def _keep(folder: Path, key: str, motion: Motion, otherwise: str, report: Report) -> None:
    try:
        track_cache.save(folder, key, motion)
    except OutputError as error:
        report(Log(f"{otherwise}: {error}"))


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
    _keep(folder, key, motion, "The video will have to be tracked again next time", report)
    return motion


def still_motion(frames: list[int], fps: float) -> Motion:
    """The motion of a portrait that stays as it is, at any frames."""
    return Motion(fps, np.array(frames), channels=np.zeros((len(frames), 1), np.float32), channel_names=("jawOpen",))


def track(path: Path, nets: Nets, face: int | str | None, report: Report) -> Motion:
    """Follow a face through a video. Raises: MotionError, NoFaceError."""
    report(Stage("track", f"Tracking the face in {path}"))
    return track_video(path, nets, face=face, on_progress=lambda done, total: report(Progress(done, max(done, total))))
