"""What a job file may reach: its own folder and below, unless somebody allows more. Standard library only.

A job file can come from anybody. One that names ../../home/somebody/####.exr would write there, one that names its own
`models` would bring its own nets. Symbolic links count as what they point to.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import SettingsError
from ..files import is_below
from ..job.job import PATHS, Job
from ..job.settings import declared


def check_reach(job: Job, folder: Path, allowed: Sequence[Path] = ()) -> None:
    """Whether all that an anchored job names lies below the job file's `folder` or the `allowed` ones.

    Raises:
        SettingsError: something lies elsewhere, or the job brings its own nets.
    """
    home = folder.resolve()
    for name, kind in PATHS.items():
        value = getattr(job, name)
        if value is None or value in declared(Job)[name].also:
            continue
        if name == "ocio" and "://" in value:
            continue
        if "://" in value:
            raise SettingsError(f"The job's “{name}” is {value}: only files of this machine are read.")
        if kind == "folder" and not is_below(Path(value), allowed):
            raise SettingsError(f"The job names its own nets ({value}): use --allow-outside if you trust the job.")
        if not is_below(Path(value), (home, *allowed)):
            raise SettingsError(
                f"The job's “{name}” lies outside its folder: {value}; add --allow-outside if you trust the job."
            )
