"""Where files are on this machine: a job's paths by the path mapping rules that farms hand to their tasks.

The file is Open Job Description's: {"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path_format":
"POSIX" or "WINDOWS", "source_path": …, "destination_path": …}]}. Rules are applied to paths as they were written,
before relative ones are made absolute: Z:/show/a.png is absolute in Windows alone.
"""

from __future__ import annotations

import json
import ntpath
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from ..errors import SettingsError
from ..files import read_regular
from ..job.job import Job
from ..job.settings import PathKind

_KINDS: dict[str, type[PurePath]] = {"POSIX": PurePosixPath, "WINDOWS": PureWindowsPath}
_HERE = type(PurePath())
MAX_BYTES = 1_000_000


def _tidy(path: str, kind: type[PurePath]) -> PurePath:
    """Without “..” and doubled slashes, which would hide where it is."""
    if issubclass(kind, PureWindowsPath):
        return kind(ntpath.normpath(path))
    return kind(posixpath.normpath(re.sub("^/+", "/", path)))


@dataclass(frozen=True)
class Rule:
    """Everything below `source` is below `destination` here."""

    source: PurePath
    destination: PurePath

    def apply(self, path: str) -> str | None:
        there = _tidy(path, type(self.source))
        if not there.is_relative_to(self.source):
            return None
        return str(self.destination.joinpath(*there.relative_to(self.source).parts))


def rule(kind: str, source: str, destination: str, here: type[PurePath] = _HERE) -> Rule:
    """A rule for a source path of a kind, “POSIX” or “WINDOWS”. `here`: how paths are written on this machine."""
    return Rule(_tidy(source, _KINDS[kind]), here(destination))


def rules_between(source: str, destination: str) -> list[Rule]:
    """The rule from a path, written wherever it was, to a folder of this machine."""
    return [rule("WINDOWS" if is_windows(source) else "POSIX", source, destination)]


def is_windows(path: str) -> bool:
    """Whether an absolute path is one of Windows: with a drive or a share."""
    return bool(PureWindowsPath(path).drive) and not path.startswith("//")


def load_rules(path: Path | None, here: type[PurePath] = _HERE) -> list[Rule]:
    """The rules of a file, those with the longest source first; none without a file. Raises: SettingsError."""
    if path is None:
        return []
    try:
        content = read_regular(path, MAX_BYTES)
        if len(content) > MAX_BYTES:
            raise SettingsError(f"{path} is too large for path mapping rules.")
        data: Any = json.loads(content.decode())
        rules = [
            rule(entry["source_path_format"], entry["source_path"], entry["destination_path"], here)
            for entry in (data.get("path_mapping_rules") or [])
        ]
    except OSError as error:
        raise SettingsError(f"The path mapping rules {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path} holds no path mapping rules (pathmapping-1.0).") from error
    return sorted(rules, key=lambda rule: -len(rule.source.parts))


def mapped(path: str, rules: Sequence[Rule]) -> str:
    """A path as it is on this machine; the longest rule that fits."""
    return next((found for rule in rules if (found := rule.apply(path)) is not None), path)


def mapped_job(job: Job, rules: Sequence[Rule], *kinds: PathKind) -> Job:
    """The same job with all its paths, or those of some kinds, as they are on this machine."""
    return job.with_paths({name: mapped(path, rules) for name, path in job.paths(*kinds).items()})
