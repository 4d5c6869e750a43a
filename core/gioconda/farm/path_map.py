"""Where files are on this machine: a job's paths by the path mapping rules that farms hand to their tasks.

The file is Open Job Description's: {"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path_format":
"POSIX" or "WINDOWS", "source_path": …, "destination_path": …}]}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from ..errors import SettingsError
from ..job.job import Job

_KINDS: dict[str, type[PurePath]] = {"POSIX": PurePosixPath, "WINDOWS": PureWindowsPath}
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Rule:
    """Everything below `source` is below `destination` here."""

    source: PurePath
    destination: Path

    def apply(self, path: str) -> str | None:
        there = type(self.source)(path)
        below = there.is_relative_to(self.source)
        return str(self.destination.joinpath(*there.relative_to(self.source).parts)) if below else None


def load_rules(path: Path | None) -> list[Rule]:
    """The rules of a file, those with the longest source first; none without a file. Raises: SettingsError."""
    if path is None:
        return []
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path} is too large for path mapping rules.")
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        rules = [
            Rule(_KINDS[entry["source_path_format"]](entry["source_path"]), Path(entry["destination_path"]))
            for entry in (data.get("path_mapping_rules") or [])
        ]
    except OSError as error:
        raise SettingsError(f"The path mapping rules {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path} holds no path mapping rules (pathmapping-1.0).") from error
    return sorted(rules, key=lambda rule: -len(rule.source.parts))


def mapped(path: str, rules: list[Rule]) -> str:
    """A path as it is on this machine; the longest rule that fits."""
    return next((found for rule in rules if (found := rule.apply(path)) is not None), path)


def mapped_job(job: Job, rules: list[Rule]) -> Job:
    """The same job with all its paths as they are on this machine."""
    changes: dict[str, Any] = {name: mapped(path, rules) for name, path in job.paths().items()}
    return replace(job, **changes)
