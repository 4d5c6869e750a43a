"""A YAML or JSON file as plain data that knows the line of every value. Safe for files from strangers.

Only what YAML 1.2 calls its core schema is read: text, numbers, true and false, null, lists and mappings. There are no
aliases (a few lines can claim gigabytes), no tags (they build objects), no key twice, no second document; size, depth
and count are bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import InputError, SettingsError
from ..files import read_regular
from .check import Schema, Where, problems, sentence

MAX_BYTES = 1_000_000
MAX_VALUES = 100_000
MAX_DEPTH = 20

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True)
class Document:
    """What a file says.

    Attributes:
        path: the file, as it was named.
        data: its content as plain data; a mapping at the top.
        lines: the line (from 1) where the value at a place begins; for an entry of a mapping its key's line.
    """

    path: Path
    data: dict[str, Any]
    lines: dict[Where, int]

    def line(self, where: Where) -> int:
        """The line of a value, or of the nearest one around it."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def error(self, where: Where, text: str) -> SettingsError:
        """An error at a place: the file, its line, the field, and `text`, what is wrong and what is accepted."""
        return SettingsError(f"{self.path}, line {self.line(where)}: {sentence(where, text, 'the file')}")

    def check(self, schema: Schema) -> None:
        """Whether the content fits a schema.

        Raises:
            SettingsError: for the first thing in the file's order that does not fit.
        """
        found = sorted(problems(self.data, schema), key=lambda problem: self.line(problem[0]))
        if found:
            raise self.error(*found[0])


def read_document(path: Path | str) -> Document:
    """Read a .yaml, .yml or .json file.

    Raises:
        InputError: the file cannot be read.
        SettingsError: it is no YAML or JSON, or holds something that is not read; the line is named.
    """
    path = Path(path)
    text = _text(path)
    if path.suffix.lower() == ".json":
        data = _json(path, text)
        try:
            lines = parse(path, text).lines
        except SettingsError:  # JSON that YAML does not take: its lines stay unknown
            lines = {}
        return Document(path, data, lines)
    return parse(path, text)


def parse(path: Path, text: str) -> Document:
    """YAML text as a document. Raises: SettingsError."""
    return _Builder(path, text).document()


def _text(path: Path) -> str:
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check the path.") from error
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB: no job or batch file is.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SettingsError(f"{path}, line {line}: this is not UTF-8 text; save the file as UTF-8.") from error


def _json(path: Path, text: str) -> dict[str, Any]:
    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(entries)
        if len(data) < len(entries):
            key = next(key for i, (key, _) in enumerate(entries) if key in dict(entries[:i]))
            raise SettingsError(f"{path}: “{key}” is there twice; keep one of them.")
        return data

    try:
        data = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}, line {error.lineno}: this is not JSON ({error.msg}).") from error
    except (RecursionError, ValueError) as error:
        raise SettingsError(f"{path} is not JSON that can be used ({error}).") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{path} should be one JSON object: {{…}}.")
    return data


class _Builder:
    """Makes plain data of YAML's events in one pass; refuses what is too deep or too much while it reads."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines: dict[Where, int] = {}
        self.count = 0
        self.events = self._events(text)

    def document(self) -> Document:
        data = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if data is not None:
                    raise self._wrong(event, "a second document begins (---); one file is one job or batch")
                data = self._value(next(self.events), ())
        if not isinstance(data, dict):
            raise SettingsError(f"{self.path}, line 1: the file should be a list of settings, such as “output: …”.")
        return Document(self.path, data, self.lines)

    def _events(self, text: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark: Any = error.problem_mark
            line = mark.line + 1 if mark else 1
            raise SettingsError(f"{self.path}, line {line}: this is not YAML ({error.problem}).") from error
        except yaml.YAMLError as error:  # a character that no text has
            position = getattr(error, "position", 0) or 0
            line = text.encode().count(b"\n", 0, position) + 1
            reason = getattr(error, "reason", error)
            raise SettingsError(f"{self.path}, line {line}: this is not YAML ({reason}).") from error

    def _value(self, event: Any, where: Where) -> Any:
        self.lines.setdefault(where, self._line(event))
        self.count += 1
        if self.count > MAX_VALUES:
            raise self._wrong(event, f"there are more than {MAX_VALUES} values; use a glob instead of a list")
        if len(where) > MAX_DEPTH:
            raise self._wrong(event, f"the lists are nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            raise self._wrong(event, f"*{event.anchor} is not read: aliases are left out for safety; write it out")
        if event.tag not in (None, "!"):
            raise self._wrong(event, f"the tag {event.tag} is not read; write plain text, numbers, lists")
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(where)
        return self._mapping(where)

    def _sequence(self, where: Where) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*where, len(items))))
        return items

    def _mapping(self, where: Where) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._wrong(event, "a setting's name must be a word")
            key, line = event.value, self._line(event)
            if key in entries:
                raise self._wrong(event, f"“{key}” is there twice; keep one of them")
            self.lines[(*where, key)] = line
            entries[key] = self._value(next(self.events), (*where, key))
        return entries

    def _wrong(self, event: Any, text: str) -> SettingsError:
        return SettingsError(f"{self.path}, line {self._line(event)}: {text}.")

    @staticmethod
    def _line(event: Any) -> int:
        line: int = event.start_mark.line + 1
        return line


def _scalar(text: str) -> Any:
    """What an unquoted word means (YAML 1.2's core schema: “no” and “12:30” are text, 1e3 a number)."""
    if text.lower() in _WORDS and text in (text.lower(), text.capitalize(), text.upper()):
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text
