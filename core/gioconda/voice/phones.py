"""When which phone is spoken: the text aligned with the sound, or without a text what is recognised of it.

Phones are CMU's ARPAbet without stress (AA, AE … ZH); SIL is silence. The work is done by pocketsphinx and the model of
American English that comes with it. The only file that imports it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DeviceError, MotionError

Int16 = npt.NDArray[np.int16]
RATE = 16_000  # samples per second that the model hears
STEP = 0.01  # seconds between the model's frames
SILENCE = "SIL"
QUIET = 33  # of 32768, -60 dB: a file whose loudest sample is below is taken for silent
LEAST_SPEECH = 0.1  # seconds
Pronounce = Callable[[str], list[str] | None]  # a word's phones; None: not known


@dataclass(frozen=True)
class Phone:
    """One phone of an utterance."""

    name: str  # ARPAbet, or SILENCE
    start: float  # seconds
    end: float


def timed_phones(
    sound: Int16,
    source: Path,
    text: str | None = None,
    pronounce: Pronounce | None = None,
    *,
    english: bool = True,
) -> list[Phone]:
    """The phones of a recording, ascending and without gaps.

    sound: (N,) at `RATE`. source: the file, for sentences. text: what is said. pronounce: says the phones of words that
    the English dictionary lacks; where the text is not `english`, of every word.

    Raises:
        MotionError: silence, no speech, a word that nobody can pronounce, a text that is not what is said.
        DeviceError: pocketsphinx is not installed.
    """
    if not len(sound) or int(np.abs(sound.astype(np.int32)).max()) < QUIET:
        raise MotionError(f"{source} is silent: give a recording of a voice.")
    phones = _recognised(sound) if text is None else _aligned(sound, source, text, pronounce, english)
    if sum(phone.end - phone.start for phone in phones if phone.name != SILENCE) < LEAST_SPEECH:
        raise MotionError(f"No speech was found in {source}: give a recording of a voice, without music.")
    return phones


def words_of(text: str) -> list[str]:
    """The words of a text, lower case, without punctuation; apostrophes and hyphens inside words stay."""
    text = text.replace("’", "'").lower()
    return [word.strip("'-") for word in re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text)]


def _aligned(sound: Int16, source: Path, text: str, pronounce: Pronounce | None, english: bool) -> list[Phone]:
    words = words_of(text)
    if not words:
        raise MotionError(f"The text for {source} holds no words.")
    decoder = _decoder()
    said = [part for word in words for part in _known(decoder, word, pronounce, english)]
    decoder.set_align_text(" ".join(said))
    try:
        _process(decoder, sound)
        decoder.set_alignment()
        _process(decoder, sound)
        found = [phone for word in decoder.get_alignment() for phone in word]
    except (RuntimeError, TypeError):
        raise MotionError(
            f"The text does not match what is said in {source}: give exactly the words that are spoken, or no text."
        ) from None
    return _joined((one.name, one.start, one.start + one.duration) for one in found)


def _known(decoder: Any, word: str, pronounce: Pronounce | None, english: bool) -> list[str]:
    """A word as entries of the decoder's dictionary, which learns it if need be. Raises: MotionError."""
    entry = word if english else f"{word}@"  # a word of another language may be an English one too
    if decoder.lookup_word(entry) is not None:
        return [entry]
    phones = pronounce(word) if pronounce else None
    if phones:
        decoder.add_word(entry, " ".join(phones), True)
        return [entry]
    parts = word.split("-")
    if len(parts) > 1:
        return [entry for part in parts for entry in _known(decoder, part, pronounce, english)]
    if word.isdigit():
        raise MotionError(f"The text holds the number {word}: write it in words, as it is spoken.")
    raise MotionError(
        f"The word “{word}” of the text is not in the pronouncing dictionary: write it as it sounds, in common words, "
        "or install espeak-ng, which can pronounce it."
    )


def _recognised(sound: Int16) -> list[Phone]:
    decoder = _decoder()
    decoder.add_allphone_file("phones", str(Path(_library().get_model_path()) / "en-us" / "en-us-phone.lm.bin"))
    decoder.activate_search("phones")
    _process(decoder, sound)
    return _joined((one.word, one.start_frame, one.end_frame + 1) for one in decoder.seg() or ())


def _joined(found: Any) -> list[Phone]:
    """(name, first frame, frame after the last) as phones; noises are silence, silences in a row one."""
    phones = list[Phone]()
    for name, first, last in found:
        name = name if name.isalpha() else SILENCE
        start, end = round(first * STEP, 3), round(last * STEP, 3)
        if name == SILENCE and phones and phones[-1].name == SILENCE:
            start = phones.pop().start
        phones.append(Phone(name, start, end))
    return phones


def _process(decoder: Any, sound: Int16) -> None:
    decoder.start_utt()
    decoder.process_raw(np.ascontiguousarray(sound).tobytes(), full_utt=True)
    decoder.end_utt()


def _decoder() -> Any:
    return _library().Decoder(lm=None, loglevel="FATAL")


def _library() -> Any:
    try:
        import pocketsphinx
    except ImportError as error:
        raise DeviceError(
            "A voice needs the library pocketsphinx, which is not installed: pip install “gioconda[voice]”."
        ) from error
    return pocketsphinx
