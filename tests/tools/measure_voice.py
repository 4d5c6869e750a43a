"""How well a voice's mouth agrees with the tracked one: `python tests/tools/measure_voice.py CLIPS TRACKS`.

CLIPS: videos with sound; TRACKS: what `gioconda track` makes of each, NAME.npz. The words of a clip are in NAME.txt
beside its track, or in its name where that is a sentence of the GRID corpus (grid_bbaf2n: “bin blue at f two now”). Of
each clip (GRID's together) it prints the correlation of channels and lip distance with the tracked ones, their spread
as a ratio, how many of p, b, m have a tracked closure within two frames, and how many frames of speech have one.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from gioconda.errors import GiocondaError
from gioconda.imaging.video import read_sound
from gioconda.landmarks import ARKIT, interocular, template
from gioconda.motion.blendshapes import expression_basis
from gioconda.motion.channels import to_channels
from gioconda.motion.files import load_motion
from gioconda.voice.phones import RATE, SILENCE, timed_phones
from gioconda.voice.speaker import loudness
from gioconda.voice.visemes import SHUT, mouth_channels, visemes

FRAMES = 2  # of tolerance
NEAR_SHUT = 0.35  # of the way from the tracked lip distance's 10th to its 90th percentile: a minimum below is a closure
UPPER, LOWER = 13, 14  # inner lips
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
WORDS = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"},
    dict(zip("z123456789", DIGITS, strict=True)),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


def text_of(clip: Path, tracks: Path) -> str | None:
    beside = tracks / f"{clip.stem}.txt"
    if beside.is_file():
        return beside.read_text("utf-8")
    code = clip.stem.removeprefix("grid_")
    if not clip.stem.startswith("grid_") or len(code) != len(WORDS):
        return None
    return " ".join(words[letter] for words, letter in zip(WORDS, code, strict=True))


def lip_distance(channels: np.ndarray) -> np.ndarray:
    """(F, 52) channels of the average face → (F,) head units."""
    basis = expression_basis().astype(np.float64)
    apart = channels @ (basis[:, LOWER] - basis[:, UPPER]) + template()[LOWER] - template()[UPPER]
    return np.linalg.norm(apart[:, :2], axis=1)


def main(clips: Path, tracks: Path) -> None:
    channels = visemes().channels
    found = defaultdict(lambda: defaultdict(list))
    for clip in sorted(path for path in clips.iterdir() if (tracks / f"{path.stem}.npz").is_file()):
        motion = load_motion(tracks / f"{clip.stem}.npz")
        tracked, points = to_channels(motion)[0], motion.landmarks
        gap = np.linalg.norm(points[:, LOWER, :2] - points[:, UPPER, :2], axis=1) / [interocular(one) for one in points]
        seen, times = np.isfinite(gap), motion.frames / motion.fps
        low, high = np.nanpercentile(gap, (10, 90))
        shut = [
            i for i in range(1, len(gap) - 1) if gap[i] <= min(*gap[[i - 1, i + 1]], low + NEAR_SHUT * (high - low))
        ]
        for text in dict.fromkeys((text_of(clip, tracks), None)):
            try:
                sound = read_sound(clip, rate=RATE)[:, 0]
                phones = timed_phones(sound, clip, text)
            except GiocondaError as error:
                print(error)
                continue
            made = mouth_channels(phones, times, loudness(sound, times))
            matrix = np.stack([made.get(name, np.zeros(len(times))) for name in ARKIT], 1)
            group = found["grid" if clip.stem.startswith("grid") else clip.stem, "text" if text else "no text"]
            for name in channels:
                index = ARKIT.index(name if name in ARKIT else f"{name}Left")
                ours, theirs = matrix[seen, index], tracked[seen, index]
                if ours.std() > 1e-4 and theirs.std() > 1e-4:
                    group[name].append((np.corrcoef(ours, theirs)[0, 1], ours.std() / theirs.std()))
            ours = lip_distance(matrix)
            group["lip distance"].append((np.corrcoef(ours[seen], gap[seen])[0, 1], ours[seen].std() / gap[seen].std()))
            for phone in phones:
                first, last = int(np.ceil((phone.start - 0.03) * motion.fps)), int(phone.end * motion.fps) + 1
                if phone.name == SILENCE or first < 0 or last >= len(gap) or not seen[first : last + 1].all():
                    continue
                group["chance"] += [min(map(abs, np.array(shut) - i), default=99) <= FRAMES for i in range(first, last)]
                if phone.name in SHUT:
                    part = ours[first : last + 1]
                    closed = first + np.flatnonzero(part <= part.min() + 0.003)
                    group["closures"].append(any(abs(i - j) <= FRAMES for i in closed for j in shut))
    for (who, how), group in sorted(found.items()):
        closures, chance = group.pop("closures", []), group.pop("chance", [])
        print(f"{who}, {how}: closures {sum(closures)} of {len(closures)}, by chance {np.mean(chance):.2f}")
        for name, values in group.items():
            each = np.array(values)
            print(f"  {name}: correlation {each[:, 0].mean():.2f}, spread {np.exp(np.log(each[:, 1]).mean()):.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
