"""Phones to mouth channels: a table of targets, blended by dominance functions.

Every phone pulls each channel towards its target; how strongly, its dominance, is greatest while it sounds and falls
off before and after (Cohen and Massaro, "Modeling coarticulation in synthetic visual speech", 1993), so that neighbours
shape each other. Lips that a phone shuts are shut by a curve of their own, whatever the neighbours do.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..landmarks import ARKIT
from .phones import SILENCE, Phone

Float = npt.NDArray[np.float64]
TABLE = Path(__file__).parents[1] / "tables" / "visemes.csv"

SHUT = ("P", "B", "M")
OPENING = ("mouthLowerDown", "mouthUpperUp", "mouthFunnel")  # give way where lips are shut
LEAD = 0.02  # seconds by which the mouth is ahead of the sound
SPREAD = 0.05  # seconds in which a dominance falls to 1/e outside its phone
WHOLE = 0.5  # the middle part of a phone in which its dominance is full
CLOSING, PARTING = 0.07, 0.06  # seconds
HELD = 0.7  # of a phone that shuts the lips: the burst comes after
LEAST_HELD = 0.045  # seconds: at least one frame at 24 a second shows shut lips
LOUDER = 0.025  # more of a phone's opening per dB above the recording's usual loudness
LOUD_RANGE = (0.6, 1.35)
DIPHTHONGS = {  # where the mouth ends, and the part of the phone after which it goes there
    "AY": ("AA", "IY"),
    "AW": ("AA", "UW"),
    "OY": ("AO", "IY"),
    "EY": ("EH", "IY"),
    "OW": ("AO", "UW"),
}
ONSET = 0.55


@dataclass(frozen=True)
class Visemes:
    """The table: what each phone's mouth looks like."""

    phones: tuple[str, ...]
    channels: tuple[str, ...]  # ARKit names; both sides of a channel by its name without Left and Right
    targets: Float  # (phones, channels), 0 to 1
    dominance: Float  # (phones,), above 0


@cache
def visemes(path: Path = TABLE) -> Visemes:
    """The table that comes with Gioconda."""
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(line for line in file if not line.startswith("#"))
    values = np.array([[float(value) for value in row[1:]] for row in rows])
    return Visemes(tuple(row[0] for row in rows), tuple(head[2:]), values[:, 1:], values[:, 0])


def mouth_channels(phones: Sequence[Phone], times: Float, loudness: Float | None = None) -> dict[str, Float]:
    """What the mouth does at `times` (F,), seconds: ARKit channel → (F,), 0 to 1.

    loudness: (F,) dB relative to the recording's usual loudness; louder opens wider.
    """
    table = visemes()
    blended = dominances(phones, times, table) @ table.targets
    given = {name: blended[:, i] for i, name in enumerate(table.channels)}
    if loudness is not None:
        gain = np.clip(1 + LOUDER * loudness, *LOUD_RANGE)
        given |= {name: given[name] * gain for name in ("jawOpen", "mouthLowerDown", "mouthUpperUp") if name in given}
    shut = closure(phones, times)
    for name in OPENING:
        if name in given:
            given[name] = given[name] * (1 - shut)
    given["mouthClose"] = np.maximum(given.get("mouthClose", 0.0 * shut), 0) * (1 - shut) + shut * given["jawOpen"]
    result = dict[str, Float]()
    for name, value in given.items():
        for channel in (name,) if name in ARKIT else (f"{name}Left", f"{name}Right"):
            result[channel] = np.clip(value, 0, 1)
    return result


def dominances(phones: Sequence[Phone], times: Float, table: Visemes) -> Float:
    """How much each of the table's phones counts at `times`, (F, phones): rows sum to 1."""
    weights = np.zeros((len(times), len(table.phones)))
    at = times + LEAD
    for phone in _parts(phones):
        index = table.phones.index(phone.name) if phone.name in table.phones else table.phones.index(SILENCE)
        margin = (1 - WHOLE) / 2 * min(phone.end - phone.start, 0.2)
        first, last = phone.start + margin, phone.end - margin
        near = np.flatnonzero((at > first - 12 * SPREAD) & (at < last + 12 * SPREAD))
        away = np.maximum(np.maximum(first - at[near], at[near] - last), 0)
        weights[near, index] += table.dominance[index] * np.exp(-away / SPREAD)
    weights[:, table.phones.index(SILENCE)] += 1e-9
    return np.asarray(weights / weights.sum(1, keepdims=True))


def closure(phones: Sequence[Phone], times: Float) -> Float:
    """How far the lips are shut at `times`, (F,), 0 to 1: wholly while a bilabial is held."""
    shut = np.zeros(len(times))
    for phone in phones:
        if phone.name not in SHUT:
            continue
        first = phone.start - LEAD
        last = max(
            phone.end - LEAD if phone.name == "M" else first + HELD * (phone.end - phone.start), first + LEAST_HELD
        )
        rise = _ease(1 - (first - times) / CLOSING)
        fall = _ease(1 - (times - last) / PARTING)
        shut = np.maximum(shut, np.minimum(rise, fall))
    return shut


def _parts(phones: Sequence[Phone]) -> list[Phone]:
    """The phones, each diphthong as the two vowels it goes between."""
    parts = list[Phone]()
    for phone in phones:
        if phone.name in DIPHTHONGS:
            turn = phone.start + ONSET * (phone.end - phone.start)
            begin, end = DIPHTHONGS[phone.name]
            parts += [Phone(begin, phone.start, turn), Phone(end, turn, phone.end)]
        else:
            parts.append(phone)
    return parts


def _ease(share: Float) -> Float:
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))
