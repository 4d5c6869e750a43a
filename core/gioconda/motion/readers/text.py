"""Reading text of untrusted files: size limits, encodings, tables and JSON, with errors that name the line."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, replace
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
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_TIME_COLUMNS = ("timecode", "timestamp", "time", "seconds", "frame", "frame_number")  # what tells two takes apart


def read_text(path: Path) -> str:
    """The whole file as text: UTF-8 with or without a mark, UTF-16 and UTF-32 with one, UTF-16 recognised without.

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
    encoding = _encoding(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        if encoding != "utf-8-sig" or re.search(rb"[\x00-\x08\x0e-\x1f]", raw[:4096]):
            raise MotionError(f"{path}, line {line}: not text ({encoding} expected)") from None
        raise MotionError(
            f"{path}, line {line}: not text in UTF-8 but in another encoding, such as Windows-1252 or Shift-JIS: "
            "save it as UTF-8"
        ) from None
    if not text.strip():
        raise MotionError(f"{path} is empty")
    if "\0" in text:
        raise MotionError(f"{path}, line {text[: text.index(chr(0))].count(chr(10)) + 1}: not text (a zero byte)")
    return text


def _encoding(raw: bytes) -> str:
    """By the file's mark or, of UTF-16 without one, by the zero bytes that ASCII letters have there."""
    if raw.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding, zeros in (("utf-16-le", raw[1:400:2]), ("utf-16-be", raw[0:400:2])):
        if len(zeros) > 3 and not any(zeros):
            return encoding
    return "utf-8-sig"


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
        notes: what was left out while reading, sentences.
    """

    path: Path
    names: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def rows_of(self, rows: npt.NDArray[np.intp]) -> Table:
        """The same table with some of its rows, by index."""
        if len(rows) == len(self) and (np.diff(rows) == 1).all():
            return self
        return replace(self, rows=[self.rows[i] for i in rows], lines=[self.lines[i] for i in rows])

    def index(self, *names: str) -> int | None:
        """The column with one of these names, upper and lower case alike."""
        lower = [n.lower() for n in self.names]
        return next((lower.index(n.lower()) for n in names if n.lower() in lower), None)

    def numbers(self, columns: list[int]) -> npt.NDArray[np.float64]:
        """Some columns as numbers, (rows, columns) float64; empty cells and the like are NaN, 0,5 is a half.

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
        if _DECIMAL_COMMA.fullmatch(cell):
            cell = cell.replace(",", ".")
        try:
            return float(cell)
        except ValueError:
            raise MotionError(
                f"{self.path}, line {self.lines[row]}, column {self.names[column]!r}: {cell[:40]!r} is not a number"
            ) from None


def parse_table(text: str, path: Path) -> Table:
    """CSV text (comma, semicolon or tab, quoted or not; decimal commas) to a `Table`.

    A first line `sep=;` chooses the separator. A last row that was cut off is left out, and noted. Where the header
    comes again and time starts anew, a second take begins: the first one is read, and that is noted.

    Raises:
        MotionError: no header, no rows, uneven rows, too many columns; names the line.
    """
    lines_of_text = text.splitlines()
    first = next((i for i, line in enumerate(lines_of_text) if line.strip()), 0)
    chosen = re.fullmatch(r"\s*\"?sep=(.)\"?\s*", lines_of_text[first], re.IGNORECASE)
    first += bool(chosen)
    head = lines_of_text[first] if first < len(lines_of_text) else ""
    delimiter = chosen[1] if chosen and chosen[1] in ",;\t|" else max(",;\t", key=head.count)
    if head.count(delimiter) >= MAX_COLUMNS:
        raise MotionError(f"{path}, line 1: {head.count(delimiter) + 1} columns; {MAX_COLUMNS} is the most we read")
    reader = csv.reader(lines_of_text[first:], delimiter=delimiter, skipinitialspace=True)
    names: tuple[str, ...] = ()
    rows: list[list[str]] = []
    lines: list[int] = []
    heads: list[tuple[int, int]] = []  # where the header came again: the row after it, its line
    short: tuple[int, int] | None = None  # a row that is too short: its line and length
    try:
        for row in reader:
            line = first + reader.line_num
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = tuple(cell.strip() for cell in row)
                continue
            if len(row) > len(names) and not any(c.strip() for c in row[len(names) :]):
                row = row[: len(names)]  # a comma at the line's end
            if short is not None or len(row) > len(names):
                where, length = short or (line, len(row))
                raise MotionError(
                    f"{path}, line {where}: {length} columns where the first line has {len(names)}"
                    + ("" if length < len(names) or delimiter != "," else "; are its decimals written with commas?")
                )
            if len(row) < len(names):
                short = (line, len(row))  # no harm, should it be the last
                continue
            if len(names) > 1 and row[0].strip() == names[0] and tuple(cell.strip() for cell in row) == names:
                heads.append((len(rows), line))
                continue
            rows.append(row)
            lines.append(line)
            if len(rows) > MAX_ROWS or len(rows) * len(names) > MAX_CELLS:
                raise MotionError(f"{path}, line {line}: too long; {MAX_ROWS} rows are the most we read")
    except csv.Error as error:
        raise MotionError(f"{path}, line {first + reader.line_num}: {error}") from None
    if not rows:
        cut = f": line {short[0]} is cut off" if short else ""
        raise MotionError(f"{path} has no data rows below its first line{cut}")
    notes = () if short is None else (f"Line {short[0]}, the last one, is cut off: left out.",)
    return _first_take(Table(path, names, rows, lines, notes), heads)


def _first_take(table: Table, heads: list[tuple[int, int]]) -> Table:
    """The rows up to a header in which time does not go on."""
    column = table.index(*_TIME_COLUMNS)
    for row, line in heads:
        if 0 < row < len(table) and (
            column is None or not _later(table.rows[row - 1][column], table.rows[row][column])
        ):
            note = f"The header comes again in line {line}: two takes in one file, of which the first is read."
            notes = (*(note for note in table.notes if "cut off" not in note), note)
            return replace(table, rows=table.rows[:row], lines=table.lines[:row], notes=notes)
    return table


def _later(before: str, after: str) -> bool:
    """Whether a time, a timecode or a frame number goes on."""
    try:
        return float(after.replace(",", ".")) > float(before.replace(",", "."))
    except ValueError:
        return after.strip() > before.strip()


def is_number(cell: str) -> bool:
    """Whether a table's cell is a number, with a decimal comma or point."""
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True


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
