"""Reading text of untrusted files: size limits, encodings, tables and JSON, with errors that name the line."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import MotionError

MAX_BYTES = 512 << 20  # a 10,000-frame motion with 478 landmarks is about 150 MB as text
# What makes parsed JSON large: lists and objects (about 64 bytes each), and values (about 32). 20,000 such frames.
MAX_LISTS, MAX_VALUES = 10_000_000, 40_000_000
MAX_COLUMNS = 10_000
MAX_ROWS = 1_000_000
MAX_CELLS = 50_000_000  # about 3 GB while they are text
MISSING = frozenset(("", "nan", "none", "null", "na", "n/a", "-"))


def read_text(path: Path) -> str:
    """The whole file as text (UTF-8 with or without a mark, UTF-16 with one).

    Raises:
        MotionError: missing, unreadable, empty, too large or not text.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise MotionError(f"{path} is {size >> 20} MiB large; {MAX_BYTES >> 20} MiB is the most we read")
        raw = path.read_bytes()
    except OSError as error:
        raise MotionError(f"cannot read {path}: {error.strerror or error}") from None
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise MotionError(f"{path}, line {line}: not text ({encoding} expected)") from None
    if not text.strip():
        raise MotionError(f"{path} is empty")
    if "\0" in text:
        raise MotionError(f"{path}, line {text[: text.index(chr(0))].count(chr(10)) + 1}: not text (a zero byte)")
    return text


def parse_json(path: Path) -> Any:
    """A JSON file's content. Raises: MotionError: as `read_text`, or not JSON; names line and column."""
    text = read_text(path)
    if text.count("[") + text.count("{") > MAX_LISTS or text.count(",") > MAX_VALUES:
        raise MotionError(f"{path} holds too many values for JSON; save the motion as .npz, or in parts")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise MotionError(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}; this is not JSON") from None
    except RecursionError:
        raise MotionError(f"{path} is nested too deeply to be a motion") from None
    except ValueError as error:  # a whole number of thousands of digits
        raise MotionError(f"{path} holds a number that cannot be read ({str(error)[:60]})") from None


@dataclass(frozen=True)
class Table:
    """A CSV file: a header and rows of numbers or text.

    Attributes:
        path: for messages.
        names: the columns' names as written, stripped.
        rows: the rows' cells as text, every row as long as `names`.
        lines: each row's line number in the file, from 1.
    """

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def index(self, *names: str) -> int | None:
        """The column with one of these names, upper and lower case alike."""
        lower = [n.lower() for n in self.names]
        return next((lower.index(n.lower()) for n in names if n.lower() in lower), None)

    def numbers(self, columns: list[int]) -> npt.NDArray[np.float64]:
        """Some columns as numbers, (rows, columns) float64; empty cells and the like are NaN.

        Raises:
            MotionError: a cell is not a number, or infinite; names line and column.
        """
        result = np.empty((len(self.rows), len(columns)))
        for i, row in enumerate(self.rows):
            try:
                result[i] = [float(row[c]) for c in columns]
            except ValueError:
                result[i] = [self._number(i, c) for c in columns]
        if np.isinf(result).any():
            i, k = (int(v) for v in np.argwhere(np.isinf(result))[0])
            raise MotionError(
                f"{self.path}, line {self.lines[i]}, column {self.names[columns[k]]!r}: an infinite number"
            )
        return result

    def _number(self, row: int, column: int) -> float:
        cell = self.rows[row][column].strip()
        if cell.lower() in MISSING:
            return float("nan")
        try:
            return float(cell)
        except ValueError:
            raise MotionError(
                f"{self.path}, line {self.lines[row]}, column {self.names[column]!r}: {cell[:40]!r} is not a number"
            ) from None


def parse_table(text: str, path: Path) -> Table:
    """CSV text (comma, semicolon or tab) to a `Table`.

    Raises:
        MotionError: no header, no rows, uneven rows, too many columns; names the line.
    """
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    if first.count(delimiter) >= MAX_COLUMNS:
        raise MotionError(f"{path}, line 1: {first.count(delimiter) + 1} columns; {MAX_COLUMNS} is the most we read")
    reader = csv.reader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    names: tuple[str, ...] = ()
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = tuple(cell.strip() for cell in row)
                continue
            if len(row) > len(names) and not any(c.strip() for c in row[len(names) :]):
                row = row[: len(names)]  # a comma at the line's end
            if len(row) != len(names):
                raise MotionError(
                    f"{path}, line {reader.line_num}: {len(row)} columns where the first line has {len(names)}"
                )
            rows.append(row)
            lines.append(reader.line_num)
            if len(rows) > MAX_ROWS or len(rows) * len(names) > MAX_CELLS:
                raise MotionError(f"{path}, line {reader.line_num}: too long; {MAX_ROWS} rows are the most we read")
    except csv.Error as error:
        raise MotionError(f"{path}, line {reader.line_num}: {error}") from None
    if not rows:
        raise MotionError(f"{path} has no data rows below its first line")
    return Table(path, names, rows, lines)


def number(value: object, path: Path, where: str) -> float:
    """A JSON value as a finite number; null is NaN. Raises: MotionError: anything else; `where` says which entry."""
    if value is None:
        return float("nan")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            result = float(value)
        except OverflowError:
            result = float("inf")
        if abs(result) != float("inf"):
            return result
    raise MotionError(f"{path}, {where}: {str(value)[:40]!r} is not a usable number")
