"""Tables, verdicts and JSON: how the figures are shown. Plain text on stdout."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Column:
    """One column of a table: the row's key, the heading, digits after the point."""

    key: str
    heading: str
    digits: int = 2


@dataclass(frozen=True)
class Goal:
    """A figure that must be reached: value ≥ at_least, or value ≤ at_most."""

    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        """NaN (not measured) is not met."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    def line(self) -> str:
        """ "met      PSNR, dB  25.31  (at least 25.0)" """
        bound = f"at least {self.at_least:g}" if self.at_least is not None else f"at most {self.at_most:g}"
        return f"  {'met    ' if self.met else 'NOT MET'}  {self.what:<58} {_number(self.value, 2):>8}  ({bound})"


def print_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], *, labels: Sequence[str]) -> None:
    """`labels` are the keys of the leading text columns; a figure that is missing or NaN prints as a dash."""
    cells = [[*labels, *(c.heading for c in columns)]]
    cells += [
        [str(row.get(k, "")) for k in labels] + [_number(row.get(c.key), c.digits) for c in columns] for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for line in cells:
        text = [
            c.ljust(w) if i < len(labels) else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "  ".join(text).rstrip())


def print_goals(goals: Sequence[Goal]) -> None:
    """One line a goal, then how many are met."""
    for goal in goals:
        print(goal.line())
    print(f"  {sum(goal.met for goal in goals)} of {len(goals)} met")


def write_json(path: Path, data: Any) -> None:
    """The whole report, for comparison with the next one. NaN becomes null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(data), indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """What `write_json` wrote; empty where there is none that can be read."""
    try:
        data: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return data


def _number(value: object, digits: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    if isinstance(data, float):
        return None if math.isnan(data) else round(data, 5)
    return data
