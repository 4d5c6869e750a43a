"""What became of every item: items.jsonl grows while the batch runs; report.json and index.html are made from it.
Beside them logs/, manifests/ and thumbs/ have a file per item. Bounded memory.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

from .. import __version__
from ..files import unwritable, whole_file
from .page import write_page
from .plan import Item, Plan

VERSION = 1


class Results:
    """A context: leaving it closes the files."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan
        self.logs = folder / "logs"
        self.total = len(plan.items)
        self.frames = sum(plan.frames(item)[1] for item in plan.items if not plan.problem(item)[0])
        self.done = self.failed = self.rendered = self.kept = self.repaired = self.warned = self.bytes = 0
        self.codes: Counter[int] = Counter()  # exit statuses of what failed
        self.first_failure = ""
        self.began = time.monotonic()
        self._offsets: dict[int, int] = {}  # item → where its line begins in items.jsonl
        self._attempts: Counter[int] = Counter()
        self._file: IO[bytes]

    @property
    def left(self) -> int:
        """Items nothing is known of yet."""
        return self.total - self.done - self.failed

    def __enter__(self) -> Self:
        try:
            for name in ("logs", "manifests", "thumbs"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._file = (self.folder / "items.jsonl").open("w+b")
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def manifest(self, item: Item) -> Path:
        return self.folder / "manifests" / item.portrait.name / f"{item.motion.name}.jsonl"

    def thumb(self, item: Item) -> Path:
        return self.folder / "thumbs" / item.portrait.name / f"{item.motion.name}.jpg"

    def log_file(self, item: Item) -> Path:
        return self.logs / item.portrait.name / f"{item.motion.name}.log"

    def log(self, item: Item, text: str) -> None:
        """A line for the item's log. Raises: OutputError."""
        path = self.log_file(item)
        try:
            path.parent.mkdir(exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        except OSError as error:
            raise unwritable(path, error) from error

    def attempt(self, item: Item) -> int:
        return self._attempts[item.index] + 1

    def again(self, item: Item) -> None:
        self._attempts[item.index] += 1

    def has(self, item: Item) -> bool:
        return item.index in self._offsets

    def succeed(self, item: Item, facts: dict[str, Any]) -> None:
        self.done += 1
        self.rendered += facts.get("rendered", 0)
        self.kept += facts.get("kept", 0)
        self.repaired += facts.get("repaired", 0)
        self.bytes += facts.get("bytes", 0)
        self.warned += bool(facts.get("warnings"))
        self._add(item, facts)

    def fail(self, item: Item, text: str, code: int) -> None:
        self.failed += 1
        self.codes[code] += 1
        self.first_failure = self.first_failure or f"{item.name}: {text}".rstrip(".")
        self._add(item, {"state": "failed", "code": code, "text": text})

    def _add(self, item: Item, facts: dict[str, Any]) -> None:
        line = self._line(item, {**facts, "attempts": self.attempt(item)})
        try:
            self._offsets[item.index] = self._file.seek(0, 2)
            self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise unwritable(self.folder / "items.jsonl", error) from error

    def _line(self, item: Item, facts: dict[str, Any]) -> dict[str, Any]:
        head = {"item": item.index, "name": item.name, "portrait": item.portrait.file, "motion": item.motion.file}
        return {**head, **facts, "log": self._relative(self.log_file(item)), "thumb": self._relative(self.thumb(item))}

    def _relative(self, path: Path) -> str | None:
        return path.relative_to(self.folder).as_posix() if path.exists() else None

    def items(self) -> Iterator[dict[str, Any]]:
        """Every item's facts, in order; what was not begun is “waiting”."""
        for item in self.plan.items:
            offset = self._offsets.get(item.index)
            if offset is None:
                yield self._line(item, {"state": "waiting"})
            else:
                self._file.seek(offset)
                facts: dict[str, Any] = json.loads(self._file.readline())
                yield facts

    def finish(self, state: str, reason: str = "") -> dict[str, Any]:
        """Write report.json and index.html. state: “done”, “partial” or, and then nothing is raised, “stopped”."""
        facts = self._facts(state, reason)
        if state == "stopped":
            with contextlib.suppress(Exception):
                self._write(facts)
        else:
            self._write(facts)
        return facts

    def _facts(self, state: str, reason: str) -> dict[str, Any]:
        seconds = time.monotonic() - self.began
        failed = f", {self.failed} failed" if self.failed else ""
        kept = f" ({self.kept} were whole already)" if self.kept else ""
        return {
            "state": state,
            "reason": reason,
            "batch": str(self.plan.batch.path),
            "gioconda": __version__,
            "items": self.total,
            "done": self.done,
            "failed": self.failed,
            "waiting": self.left,
            "excluded": self.plan.excluded,
            "frames": self.rendered + self.kept,
            "rendered": self.rendered,
            "kept": self.kept,
            "repaired": self.repaired,
            "with_warnings": self.warned,
            "bytes": self.bytes,
            "seconds": round(seconds, 2),
            "frames_per_second": round(self.rendered / seconds, 3) if seconds else 0.0,
            "report": str(self.folder / "report.json"),
            "page": str(self.folder / "index.html"),
            "text": f"{self.done} of {self.total} items done{failed}: {self.rendered} frames in {seconds:.1f} s{kept}; "
            f"{self.folder / 'index.html'}",
        }

    def _write(self, facts: dict[str, Any]) -> None:
        with whole_file(self.folder / "report.json") as part, part.open("w", encoding="utf-8") as file:
            head = json.dumps({"gioconda_batch_report": VERSION, **facts}, indent=1, ensure_ascii=False)
            file.write(head.removesuffix("\n}") + ',\n "list": [')
            for count, item in enumerate(self.items()):
                file.write((",\n  " if count else "\n  ") + json.dumps(item, ensure_ascii=False))
            file.write("\n ]\n}\n")
        write_page(self.folder / "index.html", facts, self.items(), self.folder)
