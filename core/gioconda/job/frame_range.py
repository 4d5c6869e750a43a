"""Frame numbers and the names of a sequence's files: "1-100x2,120" and "out/####.exr". Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from ..errors import SettingsError


@dataclass(frozen=True)
class FrameRange:
    """Frame numbers as artists write them: "1-100x2,120" (or 1-100:2). No numbers at all means every frame there is."""

    spans: tuple[tuple[int, int, int], ...]  # first, last (inclusive), step

    LIMIT: ClassVar[int] = 10_000_000
    SPAN: ClassVar[re.Pattern[str]] = re.compile(r"(-?\d{1,9})(?:-(-?\d{1,9})(?:[x:](\d{1,9}))?)?")

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> FrameRange:
        """Raises SettingsError naming the part that is wrong."""
        spans = []
        for part in (p.strip() for p in text.split(",") if text.strip()):
            match = cls.SPAN.fullmatch(part)
            if not match:
                raise SettingsError(f"Frame range “{text}”: “{part}” is none of 7, 1-100 and 1-100x2.")
            first = int(match[1])
            last, step = int(match[2] or first), int(match[3] or 1)
            if last < first:
                raise SettingsError(f"Frame range “{text}”: “{part}” ends before it begins.")
            if step < 1:
                raise SettingsError(f"Frame range “{text}”: “{part}” has a step of 0.")
            if (last - first) // step >= cls.LIMIT:
                raise SettingsError(f"Frame range “{text}”: “{part}” is more than {cls.LIMIT} frames.")
            spans.append((first, last, step))
        return cls(tuple(spans))

    def numbers(self) -> list[int]:
        """The frame numbers, ascending, each once."""
        if len(self.spans) == 1:
            first, last, step = self.spans[0]
            return list(range(first, last + 1, step))
        return sorted({n for first, last, step in self.spans for n in range(first, last + 1, step)})

    @staticmethod
    def format(numbers: Iterable[int]) -> str:
        """Frame numbers as the shortest list of spans: [1, 2, 3, 5, 8] → "1-3,5,8"."""
        parts: list[str] = []
        run: list[int] = []
        ordered = sorted(set(numbers))
        if len(ordered) > 1 and ordered[-1] - ordered[0] == len(ordered) - 1:  # most are, and batches have thousands
            return f"{ordered[0]}-{ordered[-1]}"
        for number in [*ordered, None]:
            if run and (number is None or number != run[-1] + 1):
                parts.append(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}")
                run = []
            if number is not None:
                run.append(number)
        return ",".join(parts)


@dataclass(frozen=True)
class FramePattern:
    """A sequence's file name: "out/####.exr", "out/%04d.exr" or "out/face.@@@@.exr"."""

    before: str
    digits: int
    after: str

    NUMBER: ClassVar[re.Pattern[str]] = re.compile(r"#+|@+|%0?(\d*)d")

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, text: str) -> FramePattern:
        """Raises SettingsError unless the file's name holds exactly one run of #, @ or %0Nd and ends in .exr."""
        path = Path(text)
        found = list(cls.NUMBER.finditer(path.name))
        if len(found) != 1:
            raise SettingsError(
                f"Output “{text}” must say once where the frame number goes: out/####.exr, out/%04d.exr, out/@@@@.exr."
            )
        if path.suffix.lower() != ".exr":
            raise SettingsError(f"Output “{text}” must end in .exr; --png and --review add files for looking at.")
        match = found[0]
        digits = int(match[1] or 1) if match[0].startswith("%") else len(match[0])
        if digits > 12:
            raise SettingsError(f"Output “{text}” asks for {digits} digits; 12 are enough.")
        folder = text[: len(text) - len(path.name)]
        return cls(folder + path.name[: match.start()], digits, path.name[match.end() :])

    def path(self, frame: int) -> Path:
        """Frame number → file. Negative numbers keep their sign in front of the digits."""
        sign = "-" if frame < 0 else ""
        return Path(f"{self.before}{sign}{abs(frame):0{self.digits}d}{self.after}")
