"""What is told of a rendering's inputs: which cannot be used, what was assumed of a motion, which frame is neutral."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import SettingsError
from gioconda.imaging.image import write_png
from gioconda.imaging.video import VideoWriter
from gioconda.job.job import Job
from gioconda.job.retarget import RetargetSettings
from gioconda.landmarks import ARKIT, template
from gioconda.motion.blendshapes import displacement
from gioconda.motion.motion import Motion
from gioconda.motion.notes import notes_of
from gioconda.motion.retarget import retarget
from gioconda.render.judge import judge_job
from gioconda.render.sequence import tell_neutral
from gioconda.worker.messages import Log, Message, Warn


def test_frames_beyond_a_video_are_told_at_once(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3))
    with VideoWriter(tmp_path / "clip.mp4", 64, 64, 25) as video:
        for i in range(10):
            video.write(np.full((64, 64, 3), 10 * i, np.uint8))
    job = Job(str(tmp_path / "a.png"), str(tmp_path / "clip.mp4"), "####.exr", frames="0-9")
    judge_job(job)
    with pytest.raises(SettingsError, match=r"no frame 10 in .*clip\.mp4: it has 0-9, for a video counts from 0"):
        judge_job(Job(job.portrait, job.motion, job.output, frames="1-10"))


def face(opened: np.ndarray) -> np.ndarray:
    """(F, 478, 3) pixels: the template with its jaw `opened`, (F,) 0 to 1."""
    channels = np.zeros((len(opened), len(ARKIT)), np.float32)
    channels[:, ARKIT.index("jawOpen")] = opened
    return (template() + displacement(channels)) * 100 + (320, 240, 0)


def told(opened: np.ndarray, portrait: float = 0.0, settings: RetargetSettings | None = None) -> list[Message]:
    motion = Motion(25.0, np.arange(len(opened)) + 5, landmarks=face(opened).astype(np.float32))
    messages: list[Message] = []
    tell_neutral(retarget(motion, face(np.array([portrait]))[0], settings), messages.append)
    return messages


def test_the_neutral_frame_is_told_and_a_speaking_first_one_is_not_taken() -> None:
    calm = told(np.r_[0.0, np.full(20, 0.5)])
    assert calm == [Log("The motion's neutral frame is 5: the first is as calm as any.")]
    speaking = told(np.r_[np.full(10, 0.25), 0.0, np.full(10, 0.6)], settings=RetargetSettings(smoothing="none"))
    assert speaking == [Log("The motion's neutral frame is 15: the calmest of all.")]


def test_open_mouths_come_with_what_to_do() -> None:
    assert "--neutral FRAME" in [m.text for m in told(np.full(20, 0.6)) if isinstance(m, Warn)][0]
    assert "--neutralise" in [m.text for m in told(np.zeros(20), portrait=0.6) if isinstance(m, Warn)][0]
    asked = told(np.zeros(20), portrait=0.6, settings=RetargetSettings(neutralise=1.0))
    assert not any(isinstance(m, Warn) for m in asked)


def test_frames_without_a_face_are_told_by_number() -> None:
    landmarks = face(np.zeros(20)).astype(np.float32)
    landmarks[[3, 7, 8, 9]] = np.nan
    motion = Motion(25.0, np.arange(20) + 1, landmarks=landmarks).noted("Made up.")
    assert notes_of(motion) == [
        "Made up.",
        "4 of 20 frames have no face (4,8-10): carried across from those before and after.",
    ]
