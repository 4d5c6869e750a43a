"""What a job's results depend on: keys for reusing frames and portraits. Standard library only.

All of it follows from what each setting declares to change, see `settings.Changes`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .. import ENGINE_VERSION
from .job import PATHS, Job
from .person import Person
from .settings import declared


def pixel_settings(job: Job) -> dict[str, Any]:
    """The job's settings that pixels depend on; files are left out, since their contents count."""
    settings = {
        name: getattr(job, name)
        for name, one in declared(Job).items()
        if one.changes != "nothing" and name not in PATHS and name != "persons"
    }
    persons = [
        {
            name: value
            for name, one in declared(Person).items()
            if one.changes != "nothing" and not one.path and (value := person.get(name)) is not None
        }
        for person in job.persons
    ]
    return {**settings, "persons": persons} if persons else settings


def portrait_settings(job: Job) -> dict[str, Any]:
    """The job's settings that a prepared portrait depends on, with the paths of its files: equal ones can share it."""
    return {name: getattr(job, name) for name, one in declared(Job).items() if one.changes == "portrait"}


def fingerprint(job: Job, contents: Mapping[str, str]) -> str:
    """A hash of all that every frame depends on, but for its poses: settings, engine, files (name → SHA-256)."""
    settings = {name: value for name, value in pixel_settings(job).items() if declared(Job)[name].changes != "pose"}
    if job.persons:
        of = declared(Person)
        settings["persons"] = [
            {name: value for name, value in person.items() if of[name].changes != "pose"}
            for person in settings["persons"]
        ]
    made_from = {"engine": ENGINE_VERSION, "settings": settings, "contents": dict(contents)}
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
