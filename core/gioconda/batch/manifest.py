"""Which frames of an item are finished, with their hashes: one file of JSON lines per item. Standard library only.

The first line says what the frames were made of (a key), then comes a line per finished file, at last one that says the
item is done. Lines are appended as frames are finished; a line that a killed process left half written is not counted.
Two processes may append to one file: both write the same lines, because the same key makes the same bytes.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..files import file_sha256, unwritable, write_text

VERSION = 1


@dataclass(frozen=True)
class Entry:
    """A finished file."""

    file: str  # name relative to the folder of the frames
    sha256: str
    bytes: int
    frame: int | None = None  # its number; None for a file made of many frames


@dataclass
class Manifest:
    """What is known to be finished of an item."""

    path: Path  # the manifest's file
    folder: Path  # where the item's frames lie
    key: str  # a hash of all that the files were made of
    entries: dict[str, Entry] = field(default_factory=dict)  # file name → what it should be
    done: bool = False  # the whole item is finished
    facts: dict[str, Any] = field(default_factory=dict)  # what was reported when it was finished: plain data

    @classmethod
    def open(cls, path: Path, folder: Path, key: str) -> Manifest:
        """Read what is there; of another key, nothing is known."""
        manifest = cls(path, folder, key)
        lines = _lines(path)
        if not lines or lines[0].get("gioconda_manifest") != VERSION or lines[0].get("key") != key:
            return manifest
        for line in lines[1:]:
            if line.get("done") is True:
                manifest.done, manifest.facts = True, line.get("facts", {})
            elif "file" in line:
                with contextlib.suppress(TypeError):
                    entry = Entry(**line)
                    manifest.entries[entry.file] = entry
        return manifest

    def begin(self) -> None:
        """Write the manifest anew, with what is still true. Raises: OutputError."""
        self.done = False
        self._write()

    def add(self, path: Path, frame: int | None = None) -> Entry:
        """Record a finished file. Raises: OutputError."""
        entry = entry_of(path, self.folder, frame)
        if self.entries.get(entry.file) != entry:
            self.entries[entry.file] = entry
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(_line(asdict(entry)))
            except OSError as error:
                raise unwritable(self.path, error) from error
        return entry

    def finish(self, facts: dict[str, Any]) -> None:
        """The item is done. Raises: OutputError."""
        self.done, self.facts = True, facts
        self._write()

    def _write(self) -> None:
        lines = [{"gioconda_manifest": VERSION, "key": self.key}, *map(asdict, self.entries.values())]
        if self.done:
            lines.append({"done": True, "facts": self.facts})
        write_text(self.path, "".join(map(_line, lines)))

    def broken(self) -> list[Path]:
        """The files that are not what they were when they were finished: gone, cut off, or changed since."""
        return [self.folder / entry.file for entry in self.entries.values() if not self._is_unchanged(entry)]

    def _is_unchanged(self, entry: Entry) -> bool:
        path = self.folder / entry.file
        try:
            return path.stat().st_size == entry.bytes and file_sha256(path) == entry.sha256
        except (OSError, InputError):
            return False


def entry_of(path: Path, folder: Path, frame: int | None = None) -> Entry:
    """Raises: OutputError: the file that was just written cannot be read."""
    try:
        return Entry(path.relative_to(folder).as_posix(), file_sha256(path, OutputError), path.stat().st_size, frame)
    except OSError as error:
        raise unwritable(path, error) from error


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(", ", ": ")) + "\n"


def _lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line; [] where there is no file, or none of ours."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            data = json.loads(line)
            if isinstance(data, dict):
                lines.append(data)
    return lines
