"""How words are pronounced that the English dictionary lacks, and those of other languages: asked of espeak-ng.

espeak-ng (GPL-3) is a program of the user's own system. Its IPA is carried over to the nearest phones of American
English, which the aligner knows: near enough for when a phone is spoken and how the mouth looks.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache, partial

from ..errors import DeviceError, SettingsError
from .phones import Pronounce

PROGRAM = "espeak-ng"
ENGLISH = "en"
SECONDS = 20.0  # that the program may take for a word

# IPA → ARPAbet; the longest that fits counts. Sounds that English lacks go to what looks alike at the mouth.
IPA = {
    **{"tʃ": "CH", "dʒ": "JH", "ts": "T S", "dz": "D Z", "pf": "P F", "tɕ": "CH", "dʑ": "JH"},
    **{"aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY", "ɔʏ": "OY", "ɔø": "OY", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ei": "EY"},
    **{"ai": "AY", "au": "AW", "oi": "OY", "ou": "OW", "ɜː": "ER", "ɑː": "AA", "iː": "IY", "uː": "UW", "yː": "UW"},
    **{"p": "P", "b": "B", "m": "M", "f": "F", "v": "V", "ɸ": "F", "β": "V", "ʋ": "V", "t": "T", "d": "D", "n": "N"},
    **{"s": "S", "z": "Z", "θ": "TH", "ð": "DH", "ʃ": "SH", "ʒ": "ZH", "ɕ": "SH", "ʑ": "ZH", "ʂ": "SH", "ʐ": "ZH"},
    **{"ç": "SH", "x": "HH", "χ": "HH", "h": "HH", "ɦ": "HH", "ħ": "HH", "k": "K", "g": "G", "ɡ": "G", "q": "K"},
    **{"c": "K", "ɟ": "G", "ŋ": "NG", "ɲ": "N Y", "ɳ": "N", "l": "L", "ɫ": "L", "ʎ": "L Y", "ɭ": "L", "j": "Y"},
    **{"w": "W", "ɥ": "W", "r": "R", "ɹ": "R", "ɾ": "D", "ʁ": "R", "ʀ": "R", "ɽ": "R", "ɣ": "G", "ʈ": "T", "ɖ": "D"},
    **{"i": "IY", "y": "UW", "ɪ": "IH", "ʏ": "UH", "e": "EH", "ø": "ER", "ɛ": "EH", "œ": "ER", "æ": "AE", "a": "AA"},
    **{"ɐ": "AH", "ɑ": "AA", "ɒ": "AO", "ʌ": "AH", "ə": "AH", "ɚ": "ER", "ɜ": "ER", "ɝ": "ER", "ɔ": "AO", "o": "OW"},
    **{"ʊ": "UH", "u": "UW", "ɨ": "IH", "ʉ": "UW", "ɯ": "UH", "ɤ": "AH", "ᵻ": "IH", "ɵ": "ER"},
}
LONGEST = max(map(len, IPA))


def pronouncer(language: str) -> Pronounce | None:
    """Who says a word's phones in a language (espeak-ng's code: de, fr-fr, es); None: English, without espeak-ng.

    Raises: DeviceError: another language needs espeak-ng, which is not installed.
    """
    program = shutil.which(PROGRAM)
    if program is None and language == ENGLISH:
        return None
    if program is None:
        raise DeviceError(f"A text in the language {language} needs espeak-ng, which is not installed: install it.")
    return partial(_asked, program, language)


@cache
def _asked(program: str, language: str, word: str) -> list[str] | None:
    try:
        done = subprocess.run(
            [program, "-q", "--ipa", "-v", language, "--stdin"],
            input=word.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DeviceError(f"espeak-ng does not answer ({type(error).__name__}): is it installed properly?") from error
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        raise SettingsError(f"espeak-ng cannot speak the language {language!r}: {said or 'it gives no reason'}.")
    return arpabet(done.stdout.decode("utf-8", "replace")) or None


def arpabet(ipa: str) -> list[str]:
    """The phones nearest to a transcription in IPA; stress, length and marks that are unknown are left out."""
    phones, at = list[str](), 0
    while at < len(ipa):
        for length in range(LONGEST, 0, -1):
            if found := IPA.get(ipa[at : at + length]):
                phones += found.split()
                at += length
                break
        else:
            at += 1
    return phones
