"""What a job file may reach, and a studio's policy: what it states for jobs that say nothing, what they may reach.

A job file can come from anybody: it reaches its own folder and below, unless somebody allows more. One that names
../../home/somebody/####.exr would write there, one that names its own `models` would bring its own nets.

gioconda_policy: 1
consent:                      # leave out: jobs without a statement are refused
  right: licensed
  who: Example Studio, legal department
  text: talent contracts 2024 to 2026
portraits: [/projects]        # the statement holds for portraits below these folders; leave out: for all
allow_outside: [/projects]    # job files may name files below these folders; true: anywhere
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..files import is_below
from ..job.consent import Consent
from ..job.document import Document, read_document
from ..job.job import PATHS, Job
from ..job.settings import declared

VERSION = 1
KEYS = ("gioconda_policy", "consent", "portraits", "allow_outside")


@dataclass(frozen=True)
class Policy:
    """A studio's statement and limits."""

    consent: Consent | None = None
    portraits: tuple[Path, ...] = ()  # where the statement holds; empty: everywhere
    allow_outside: tuple[Path, ...] = ()  # folders that job files may reach besides their own

    def consent_for(self, portrait: str) -> Consent | None:
        """The studio's statement for a portrait, if it makes one."""
        if self.consent is None or (self.portraits and not is_below(Path(portrait), self.portraits)):
            return None
        return self.consent


def read_policy(path: Path) -> Policy:
    """Read a policy file. Raises: InputError, SettingsError: with file and line."""
    document = read_document(path)
    data = document.data
    unknown = [key for key in data if key not in KEYS]
    if unknown:
        raise document.error((unknown[0],), f"is no part of a policy; known are {', '.join(KEYS)}.")
    if data.get("gioconda_policy") != VERSION:
        raise document.error(("gioconda_policy",), f"must be {VERSION}: this Gioconda reads that version.")
    given = data.get("consent")
    if given is not None and not isinstance(given, dict):
        raise document.error(("consent",), "must be a mapping with right and who.")
    return Policy(
        consent=Consent.from_plain(given, source=str(path)) if given is not None else None,
        portraits=_folders(document, "portraits"),
        allow_outside=(Path("/").absolute(),)
        if data.get("allow_outside") is True
        else _folders(document, "allow_outside"),
    )


def _folders(document: Document, key: str) -> tuple[Path, ...]:
    value: Any = document.data.get(key)
    if value is None or value is False:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, str) and entry for entry in value):
        raise document.error((key,), "must be a list of folders.")
    return tuple((document.path.absolute().parent / entry).resolve() for entry in value)


def check_reach(job: Job, folder: Path, allowed: Sequence[Path] = ()) -> None:
    """Raises: SettingsError: an anchored job names its own nets, or what lies outside `folder` and `allowed` ones."""
    home = folder.resolve()
    named = [(name, kind, getattr(job, name)) for name, kind in PATHS.items()]
    for index, one in enumerate(job.of_persons(), 1):
        named += [(f"persons[{index}].{name}", kind, getattr(one, name)) for name, kind in PATHS.items()]
    for place, kind, value in named:
        name = place.rpartition(".")[2]
        if value is None or value in declared(Job)[name].also or (name == "ocio" and "://" in value):
            continue
        if "://" in value:
            raise SettingsError(f"The job's “{place}” is {value}: only files of this machine are read.")
        if kind == "folder" and not is_below(Path(value), allowed):
            raise SettingsError(f"The job names its own nets ({value}): use --allow-outside if you trust the job.")
        if not is_below(Path(value), (home, *allowed)):
            raise SettingsError(
                f"The job's “{place}” lies outside its folder: {value}; add --allow-outside if you trust the job."
            )
