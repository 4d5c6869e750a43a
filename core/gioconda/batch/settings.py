"""What a job file and a batch file say: read, checked against the published schemas, made into dataclasses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

from ..errors import SettingsError
from ..job.check import check
from ..job.document import Document, read_document
from ..job.job import Job, names_file

VERSION = 1
FORMATS = ("exr", "png", "webp", "atlas", "mp4", "webm")


@dataclass(frozen=True)
class Delivery:
    """How the files for looking at and for games are made from the EXR frames."""

    formats: tuple[str, ...] = ("exr",)  # of FORMATS; without exr the EXR frames go once everything else is made
    size: int | None = None  # pixels of the longer side of png, webp, atlas, mp4 and webm; null: as rendered
    alpha: str = "picture"  # of png, webp, atlas and webm: “picture” as rendered, “matte” the person cut out, “none”
    columns: int | None = None  # frames side by side in an atlas; null: as square as possible
    quality: int = 90  # of webp, mp4 and webm, 1 to 100; webp at 100 is lossless

    ALPHAS: ClassVar[tuple[str, ...]] = ("picture", "matte", "none")


@dataclass(frozen=True)
class Source:
    """One entry of `portraits` or `motions`."""

    file: str  # a file or a glob (portraits/*.jpg, takes/**/*.csv)
    name: str | None = None  # instead of the file's own name; not for a glob


@dataclass(frozen=True)
class Match:
    """Which items something is about: both patterns must fit."""

    portrait: str = "*"  # a pattern for the portrait's name, such as group_*
    motion: str = "*"  # a pattern for the motion's name


@dataclass(frozen=True)
class Override(Match):
    """Settings for some of the items."""

    settings: Mapping[str, Any] = field(default_factory=dict)  # settings that replace the batch's for these items


@dataclass(frozen=True)
class Batch:
    """Portraits × motions, and how each pair is rendered. Paths are absolute."""

    path: Path
    portraits: tuple[Source, ...]  # files and globs
    motions: tuple[Source, ...]  # files and globs; “take” is the built-in take
    output: str  # names of the frames: out/{portrait}/{motion}/####.exr
    exclude: tuple[Match, ...] = ()  # pairs that are left out
    settings: Mapping[str, Any] = field(default_factory=dict)  # fields of a job, for all items
    overrides: tuple[Override, ...] = ()  # settings for some of the items; later ones win
    delivery: Delivery = field(default_factory=Delivery)  # what is made of the frames
    report: str | None = None  # folder of the report and the logs; null: “NAME.report” beside the batch file
    processes: int | None = None  # how many at a time; null: what cores, memory and GPUs allow
    attempts: int = 3  # how often an item is tried whose process died
    keep_going: bool = False  # go on with the others when an item cannot be rendered

    # What a batch sets itself, or the run does: not in `settings`.
    NOT_SETTINGS: ClassVar[tuple[str, ...]] = ("portrait", "motion", "output", "resume", "overwrite", "png")

    @property
    def report_folder(self) -> Path:
        return Path(self.report) if self.report else self.path.with_name(f"{self.path.stem}.report")


def read_job(path: Path | str) -> Job:
    """The job in a .yaml or .json file; its paths count from the file's folder.

    Raises:
        InputError, SettingsError: with file, line and field.
    """
    document = read_document(path)
    if document.path.suffix.lower() == ".json":
        return _machine_written(document).anchored(document.path.absolute().parent)
    check(document, schema("job"))
    return job_of(document.data, document.path).anchored(document.path.absolute().parent)


def _machine_written(document: Document) -> Job:
    """JSON is what programs write: the job itself reads it; only what it refuses is looked up in the schema."""
    try:
        return job_of(document.data, document.path)
    except SettingsError:
        check(document, schema("job"))
        raise


def job_of(data: Mapping[str, Any], source: Path | str) -> Job:
    """Settings as a file has them → a job.

    Raises:
        SettingsError.
    """
    data = dict(data)
    if isinstance(data.get("frames"), int):
        data["frames"] = str(data["frames"])
    try:
        return Job.from_json(json.dumps(data), source=str(source))
    except SettingsError as error:
        text = str(error)
        raise SettingsError(text if text.startswith(str(source)) else f"{source}: {text}") from error


def read_batch(path: Path | str) -> Batch:
    """The batch in a .yaml or .json file.

    Raises:
        InputError, SettingsError: with file, line and field.
    """
    document = read_document(path)
    check(document, schema("batch"))
    data = document.data
    folder = document.path.absolute().parent
    return Batch(
        path=document.path.absolute(),
        portraits=_sources(document, "portraits", folder),
        motions=_sources(document, "motions", folder),
        output=str(folder / data["output"]),
        exclude=tuple(Match(**entry) for entry in data.get("exclude", ())),
        settings=_anchored(data.get("settings", {}), folder),
        overrides=tuple(_override(entry, folder) for entry in data.get("overrides", ())),
        delivery=_delivery(data.get("delivery", {})),
        report=str(folder / data["report"]) if data.get("report") else None,
        **{name: data[name] for name in ("processes", "attempts", "keep_going") if name in data},
    )


def _sources(document: Document, name: str, folder: Path) -> tuple[Source, ...]:
    given = document.data[name]
    sources = []
    for index, entry in enumerate(given if isinstance(given, list) else [given]):
        source = Source(entry) if isinstance(entry, str) else Source(**entry)
        if source.name and is_glob(source.file):
            raise document.error((name, index, "name"), "cannot name a glob: every file in it has its own name.")
        built_in = name == "motions" and source.file in BUILT_IN
        sources.append(source if built_in else Source(str(folder / source.file), source.name))
    return tuple(sources)


BUILT_IN = ("take", "rest")


def is_glob(text: str) -> bool:
    return any(letter in text for letter in "*?[")


def _override(entry: Mapping[str, Any], folder: Path) -> Override:
    return Override(entry.get("portrait", "*"), entry.get("motion", "*"), _anchored(entry.get("settings", {}), folder))


def _anchored(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings with paths that count from a folder made absolute."""
    return {name: str(folder / value) if names_file(name, value) else value for name, value in settings.items()}


def _delivery(data: Mapping[str, Any]) -> Delivery:
    known = dict(data)
    if "formats" in known:
        known["formats"] = tuple(dict.fromkeys(known["formats"]))
    return Delivery(**known)


@cache
def schema(name: str) -> dict[str, Any]:
    """The published JSON Schema of "job" or "batch" files."""
    text = resources.files(__package__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
