"""A voice as a motion: phones, the table of visemes, blinks, head and brows, and the sentences for what cannot be used.

No recording of a person is needed: phones are given, or the sounds are made here.
"""

from __future__ import annotations

import shutil
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import DeviceError, GiocondaError, MotionError, SettingsError
from gioconda.imaging.video import SOUND_RATE, VideoWriter, read_sound
from gioconda.job.job import Job
from gioconda.landmarks import template
from gioconda.motion.blendshapes import expression_basis
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion
from gioconda.render.open_motion import open_motion, speaks
from gioconda.render.review_sound import review_sound
from gioconda.voice import phones as phones_module
from gioconda.voice.phones import RATE, SILENCE, Phone, timed_phones, words_of
from gioconda.voice.pronounce import arpabet, pronouncer
from gioconda.voice.speaker import blinks, head_and_brows, loudness
from gioconda.voice.speech import speak
from gioconda.voice.visemes import closure, dominances, mouth_channels, visemes

FPS = 25.0
INNER_LIPS = (13, 14)  # upper, lower


def write_wav(path: Path, sound: np.ndarray, rate: int = RATE, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.astype("<i2").tobytes())
    return path


def said(*names: str, each: float = 0.12) -> list[Phone]:
    return [Phone(name, round(i * each, 3), round((i + 1) * each, 3)) for i, name in enumerate(names)]


def times_of(phones: list[Phone]) -> np.ndarray:
    return np.arange(int(phones[-1].end * FPS)) / FPS


def gap(channels: dict[str, np.ndarray]) -> np.ndarray:
    """How far apart the lips are, head units, (F,)."""
    from gioconda.landmarks import ARKIT

    values = np.stack([channels.get(name, 0 * channels["jawOpen"]) for name in ARKIT], 1)
    face = template() + np.einsum("fc,cnd->fnd", values, expression_basis().astype(np.float64))
    return face[:, INNER_LIPS[1], 1] - face[:, INNER_LIPS[0], 1]


def test_lips_shut_on_bilabials_and_open_on_vowels():
    phones = said(SILENCE, "AA", "M", "AA", "P", "AE", "B", "AA", SILENCE)
    times = times_of(phones)
    apart = gap(mouth_channels(phones, times))
    rest = apart[0]
    for phone in phones:
        inside = (times >= phone.start - 0.02) & (times < phone.end)
        if phone.name in "MPB":
            assert apart[inside].min() < rest + 0.006, phone
        elif phone.name in ("AA", "AE"):
            assert apart[inside].max() > rest + 0.03, phone


def test_round_vowels_round_and_their_neighbours_with_them():
    phones = said(SILENCE, "S", "UW", "S", SILENCE)
    alone = said(SILENCE, "S", "AE", "S", SILENCE)
    times = times_of(phones)
    index = int(0.18 * FPS) + 1  # in the first S
    rounded, spread = mouth_channels(phones, times), mouth_channels(alone, times)
    assert rounded["mouthPucker"].max() > 3 * spread["mouthPucker"].max()
    assert rounded["mouthPucker"][index] > spread["mouthPucker"][index] + 0.02


def test_dominances_are_shares_and_silence_is_rest():
    phones = said(SILENCE, "IY", SILENCE, each=0.5)
    times = times_of(phones)
    weights = dominances(phones, times, visemes())
    np.testing.assert_allclose(weights.sum(1), 1)
    assert mouth_channels(phones, times)["jawOpen"][0] < 0.02


def test_the_table_has_every_phone_and_known_channels():
    table = visemes()
    assert len(set(table.phones)) == len(table.phones)
    assert {*"PBMFVSZTDNLKGRWY"} | {SILENCE, "AA", "IY", "UW", "SH", "TH", "NG"} <= set(table.phones)
    assert (table.targets >= 0).all() and (table.targets <= 1).all() and (table.dominance > 0).all()
    mouth_channels(said("AA"), np.zeros(3))  # raises where a channel is none of ARKit's


def test_closure_lasts_a_frame_however_short_the_phone():
    shut = closure([Phone("B", 0.5, 0.53)], np.arange(0, 1, 1 / 24))
    assert shut.max() == 1 and shut[0] == 0 and shut[-1] == 0


def test_louder_opens_wider():
    phones = said(SILENCE, "AA", "T", "AA", SILENCE)
    times = times_of(phones)
    quiet, loud = (mouth_channels(phones, times, np.full(len(times), level)) for level in (-8.0, 8.0))
    assert loud["jawOpen"].max() > 1.3 * quiet["jawOpen"].max()


def test_blinks_head_and_brows_are_seeded_and_small():
    phones = [Phone("AA", 0, 4), Phone(SILENCE, 4, 4.5), Phone("AA", 4.5, 12)]
    times = np.arange(300) / FPS
    sound = (3000 * np.sin(np.arange(12 * RATE) * 0.05) * (1 + np.sin(np.arange(12 * RATE) / RATE * 3))).astype(
        np.int16
    )
    level = loudness(sound, times)

    def made(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        return blinks(phones, times, random), *head_and_brows(phones, times, level, random)

    one, again, other = made(1), made(1), made(2)
    assert all((a == b).all() for a, b in zip(one, again, strict=True))
    assert not (one[0] == other[0]).all() and not (one[1] == other[1]).all()
    lids, rotation, brows = one
    starts = np.flatnonzero((lids[1:] > 0.5) & (lids[:-1] <= 0.5))
    assert 2 <= len(starts) <= 8 and lids.max() > 0.7
    angles = np.degrees(np.arccos(np.clip((np.trace(rotation, axis1=1, axis2=2) - 1) / 2, -1, 1)))
    assert 0.5 < angles.max() < 15 and angles[0] == 0
    assert brows.min() >= 0 and brows.max() < 0.5


def test_words_and_foreign_sounds():
    assert words_of("Don’t stop — “Bach-like”, 3 times!") == ["don't", "stop", "bach-like", "3", "times"]
    assert arpabet("ɡˈuːtən tˈɑːk") == ["G", "UW", "T", "AH", "N", "T", "AA", "K"]
    assert arpabet("tʃˈyːs") == ["CH", "UW", "S"]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for espeak-ng is a shell script")
def test_espeak_says_how_a_word_is_pronounced(tmp_path, monkeypatch):
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\necho ' bˈɪmbəl'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    pronounce = pronouncer("de")
    assert pronounce is not None and pronounce("bimbel") == ["B", "IH", "M", "B", "AH", "L"]


# --- what cannot be used --------------------------------------------------------------------------------------------


def noise(seconds: float = 1.0, strength: float = 2000) -> np.ndarray:
    return (np.random.default_rng(0).normal(0, strength, int(seconds * RATE))).clip(-32000, 32000).astype(np.int16)


def voice_job(motion: Path, **settings: object) -> Job:
    return Job("portrait.png", str(motion), "####.exr", **settings)


def opened(motion: Path, tmp_path: Path, **settings: object):
    return open_motion(voice_job(motion, cache=str(tmp_path / "cache"), **settings), lambda message: None)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path.write_bytes(b""), "is not a sound file that can be read"),
        (
            lambda path: path.write_bytes(b"RIFF" + bytes(300)),
            "is not a sound file that can be read|is damaged|no sound",
        ),
        (lambda path: write_wav(path, np.zeros(RATE)), "is silent"),
        (lambda path: None, "There is no file"),
    ],
)
def test_a_sound_that_cannot_be_used_ends_in_a_sentence(tmp_path, make, sentence):
    path = tmp_path / "speech.wav"
    make(path)
    with pytest.raises(MotionError, match=sentence):
        opened(path, tmp_path)


def test_no_speech_ends_in_a_sentence(tmp_path):
    pytest.importorskip("pocketsphinx")
    path = write_wav(tmp_path / "hum.wav", np.where(np.arange(RATE) == 500, 3000, 0))
    with pytest.raises(MotionError, match="No speech was found"):
        opened(path, tmp_path)


def test_texts_that_cannot_be_used_end_in_a_sentence(tmp_path, monkeypatch):
    pytest.importorskip("pocketsphinx")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    path = write_wav(tmp_path / "speech.wav", noise())
    text = tmp_path / "text.txt"
    for words, language, sentence in (
        ("", None, "holds no words"),
        ("the xyzzyplugh speaks", None, "“xyzzyplugh” of the text is not in the pronouncing dictionary"),
        ("I have 27 cats", None, "number 27: write it in words"),
        ("one word " * 300, None, "does not match what is said"),
        ("guten Tag", "de", "needs espeak-ng, which is not installed"),
    ):
        text.write_text(words)
        with pytest.raises(GiocondaError, match=sentence):
            opened(path, tmp_path, text=str(text), language=language)
    text.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="not in UTF-8"):
        opened(path, tmp_path, text=str(text))
    with pytest.raises(SettingsError, match="There is no text"):
        opened(path, tmp_path, text=str(tmp_path / "none.txt"))
    with pytest.raises(SettingsError, match="needs a text"):
        opened(path, tmp_path, language="de")


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(DeviceError, match=r"pip install .gioconda\[voice\]"):
        timed_phones(noise(), Path("speech.wav"))


def test_voice_settings_for_what_is_no_voice_are_refused(tmp_path):
    for motion, settings, sentence in (
        ("clip.mp4", {"text": "a.txt"}, "--text is about a voice.*--sound-drives"),
        ("take.npz", {"language": "de"}, "--language is about a voice"),
        ("take.npz", {"sound_drives": True}, "--sound-drives is about a video"),
    ):
        with pytest.raises(SettingsError, match=sentence):
            speaks(voice_job(Path(motion), **settings))
    assert speaks(voice_job(Path("a.WAV"))) and speaks(voice_job(Path("a.mp4"), sound_drives=True))
    assert not speaks(voice_job(Path("a.mp4")))


# --- from the sound to the motion -----------------------------------------------------------------------------------


def test_a_voice_is_an_editable_motion_and_kept(tmp_path, monkeypatch):
    phones = said(SILENCE, "HH", "EH", "L", "OW", "M", "AA", "M", "AA", SILENCE)
    calls = []
    monkeypatch.setattr("gioconda.voice.speech.timed_phones", lambda *a, **k: calls.append(1) or phones)
    path = write_wav(tmp_path / "speech.wav", noise(1.2))
    motion = opened(path, tmp_path, fps=30.0)
    assert (motion.fps, motion.frames[0], len(motion)) == (30.0, 1, 36)
    assert not motion.channels[0].any() and motion.channels.max() > 0.1
    np.testing.assert_allclose(motion.rotation[0], np.eye(3), atol=1e-12)
    again = opened(path, tmp_path, fps=30.0)
    assert len(calls) == 1 and (again.channels == motion.channels).all()
    opened(path, tmp_path, fps=30.0, voice_seed=3)
    assert len(calls) == 2
    assert opened(path, tmp_path, fps=30.0, motion_start=1001).frames[0] == 1001
    for name in ("take.npz", "take.csv", "take.json", "take.arkit.json"):
        save_motion(motion, tmp_path / name)


def test_pocketsphinx_finds_no_words_in_noise_that_is_not_speech(tmp_path):
    pytest.importorskip("pocketsphinx")
    with pytest.raises(MotionError, match="does not match"):
        timed_phones(noise(0.3), Path("speech.wav"), "a rather long sentence that takes far longer to say than that")
    assert phones_module.words_of("") == []


def test_a_speakers_words_are_timed_where_they_are(tmp_path):
    pytest.importorskip("pocketsphinx")
    clip = Path(__file__).parents[4] / "shared" / "data" / "train" / "clips" / "grid_bbaf2n.mpg"
    if not clip.is_file():
        pytest.skip("the training clips are not here")
    sound = read_sound(clip, rate=RATE)[:, 0]
    phones = timed_phones(sound, clip, "Bin blue at F, two now.")
    assert [phone.name for phone in phones][:5] == [SILENCE, "B", "IH", "N", "B"]
    assert abs(phones[1].start - 0.92) < 0.1 and phones[-1].name == SILENCE
    text = tmp_path / "text.txt"
    text.write_text("bin blue at f two now")
    assert len(speak(clip, text=text, fps=25.0, first=0)) in (74, 75)


# --- sound in files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("codec", "name"), [("h264", "a.mp4"), ("vp9", "a.webm")])
def test_a_video_carries_its_sound_in_time(tmp_path, codec, name):
    rate, seconds, click = 25.0, 2.0, 1.2
    sound = np.zeros((int(SOUND_RATE * 3), 2), np.int16)  # longer than the picture
    at = int(click * SOUND_RATE)
    sound[at : at + 480] = 20000
    with VideoWriter(tmp_path / name, 64, 48, rate, codec=codec, sound=sound) as video:
        for _ in range(int(rate * seconds)):
            video.write(np.zeros((48, 64, 3), np.uint8))
    heard = read_sound(tmp_path / name, rate=SOUND_RATE)[:, 0].astype(int)
    assert abs(int(np.abs(heard).argmax()) - at) < 0.03 * SOUND_RATE
    assert abs(len(heard) / SOUND_RATE - seconds) < 0.1


def test_stereo_at_any_rate_is_mixed_to_what_is_asked_for(tmp_path):
    sound = np.zeros((44100, 2), np.int16)
    sound[:, 0] = 8000 * np.sin(np.arange(44100) * 2 * np.pi * 440 / 44100)
    heard = read_sound(write_wav(tmp_path / "a.wav", sound, 44100, 2), rate=RATE)
    assert heard.shape[1] == 1 and abs(len(heard) - RATE) < 40
    assert 2500 < np.abs(heard).max() < 7000


def test_the_review_has_the_drivers_sound_in_time_with_its_frames(tmp_path):
    sound, click = np.zeros((SOUND_RATE * 2, 2), np.int16), int(1.0 * SOUND_RATE)
    sound[click : click + 100] = 20000
    path = write_wav(tmp_path / "speech.wav", sound, SOUND_RATE, 2)
    motion = Motion(25.0, np.arange(1001, 1051), channels=np.zeros((50, 1)), channel_names=("jawOpen",))
    told = []
    heard = review_sound(voice_job(path), motion, list(range(1021, 1041)), told.append)
    assert heard is not None and len(heard) == SOUND_RATE * 20 // 25
    assert int(np.abs(heard[:, 0].astype(int)).argmax()) == click - SOUND_RATE * 20 // 25
    assert review_sound(voice_job(path), motion, [1001, 1003], told.append) is None
    assert "left out" in told[0].text
    assert review_sound(voice_job(Path("take.npz")), motion, [1001], told.append) is None
