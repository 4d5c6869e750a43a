"""A recording of a voice, and what is said in it, as a face motion."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ..errors import MotionError, SettingsError
from ..files import file_sha256
from ..imaging.video import read_sound
from ..landmarks import ARKIT
from ..motion.motion import MAX_FPS, Motion
from .phones import RATE, timed_phones
from .pronounce import ENGLISH, pronouncer
from .speaker import blinks, head_and_brows, loudness
from .visemes import TABLE, mouth_channels

FPS = 24.0
MOST_TEXT = 1_000_000  # bytes
ONSET = 0.08  # seconds in which the motion leaves the first frame, which is neutral


def read_text(path: Path) -> str:
    """What is said, from a text file in UTF-8. Raises: SettingsError."""
    try:
        if path.stat().st_size > MOST_TEXT:
            raise SettingsError(f"The text {path} is longer than {MOST_TEXT // 1_000_000} MB: give what is said.")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"The text {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError:
        raise SettingsError(f"The text {path} is not in UTF-8: save it as plain text in UTF-8.") from None


def speak(
    path: Path,
    *,
    text: Path | None = None,
    language: str | None = None,
    fps: float | None = None,
    seed: int = 0,
    first: int = 1,
    count: int | None = None,
) -> Motion:
    """The motion of who says what a sound or video file holds: channels and head rotation, neutral in the first frame.

    Args:
        text: a file with what is said; without it phones are recognised, less surely.
        language: the text's, as espeak-ng calls it; None: English.
        fps: frames per second (default: 24). first: the first frame's number.
        count: of frames (default: as long as the sound).
        seed: of blinks, head and brows.

    Raises: MotionError, SettingsError, DeviceError.
    """
    if language not in (None, ENGLISH) and text is None:
        raise SettingsError(f"The language {language} needs a text: without one only English is recognised.")
    if fps is not None and fps > MAX_FPS:
        raise MotionError(f"A voice cannot be animated at {fps:g} frames per second; {MAX_FPS:g} is the most.")
    fps = fps or FPS
    said = None if text is None else read_text(text)
    pronounce = None if said is None else pronouncer(language or ENGLISH)
    sound = read_sound(path, rate=RATE)[:, 0]
    phones = timed_phones(sound, path, said, pronounce, english=language in (None, ENGLISH))
    times = np.arange(count or max(2, int(np.floor(len(sound) / RATE * fps + 1e-6)))) / fps
    level, random = loudness(sound, times), np.random.default_rng(seed)
    lids = blinks(phones, times, random)
    rotation, brows = head_and_brows(phones, times, level, random)
    channels = mouth_channels(phones, times, level)
    channels |= {"eyeBlinkLeft": lids, "eyeBlinkRight": lids, "browInnerUp": brows}
    channels |= {"browOuterUpLeft": 0.7 * brows, "browOuterUpRight": 0.7 * brows}
    onset = np.minimum(times / ONSET, 1)
    values = np.stack([channels.get(name, np.zeros(len(times))) * onset for name in ARKIT], 1)
    return Motion(
        fps=fps,
        frames=np.arange(first, first + len(times), dtype=np.int32),
        channels=values.astype(np.float32),
        channel_names=ARKIT,
        rotation=rotation,
        neutral=0,
        provenance={
            "source": str(path.name),
            "made_by": "gioconda voice",
            "text": said is not None,
            "language": language or ENGLISH,
            "seed": seed,
        },
    )


def facts(*, text: Path | None, language: str | None, fps: float | None, seed: int, first: int) -> str:
    """A hash of all that `speak` depends on besides the recording. Raises: InputError."""
    parts = [str(text and file_sha256(text)), language or ENGLISH, str(fps or FPS), str(seed), str(first)]
    code = [file_sha256(one) for one in (TABLE, *sorted(Path(__file__).parent.glob("*.py")))]
    return hashlib.sha256(" ".join([*parts, *code]).encode()).hexdigest()
