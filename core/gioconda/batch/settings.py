"""What a job file and a batch file say: read, checked against the published schemas, made into dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..files import expanded
from ..job.check import Schema
from ..job.document import Document, read_document
from ..job.job import BUILT_IN_MOTIONS, Job, names_file
from ..job.job import VERSION as JOB_VERSION
from ..job.schema import object_schema, published
from ..job.settings import declared, setting

VERSION = 1
FORMATS = ("exr", "png", "webp", "atlas", "mp4", "webm")
ALPHAS = ("picture", "matte", "none")


@dataclass(frozen=True)
class Delivery:
    """How the files for looking at and for games are made from the EXR frames."""

    formats: tuple[str, ...] = setting(
        "which files; without exr the EXR frames go once everything else is made",
        default=("exr",),
        choices=FORMATS,
        minItems=1,
    )
    size: int | None = setting(
        "pixels of the longer side of png, webp, atlas, mp4 and webm; null: as rendered",
        minimum=16,
        maximum=16384,
    )
    alpha: str = setting(
        "of png, webp, atlas and webm: “picture” as rendered, “matte” the person cut out, “none”",
        default="picture",
        choices=ALPHAS,
    )
    columns: int | None = setting("frames side by side in an atlas; null: as square as possible", minimum=1)
    quality: int = setting(
        "of webp, mp4 and webm, 1 to 100; webp at 100 is lossless", default=90, minimum=1, maximum=100
    )


@dataclass(frozen=True)
class Source:
    """One entry of `portraits` or `motions`."""

    file: str = setting("a file or a glob (portraits/*.jpg, takes/**/*.csv)", needed=True)
    name: str | None = setting("instead of the file's own name; not for a glob")


@dataclass(frozen=True)
class Match:
    """Which items something is about: both patterns must fit."""

    portrait: str = setting("a pattern for the portrait's name, such as group_*", default="*")
    motion: str = setting("a pattern for the motion's name", default="*")


_SETTINGS = object_schema(Job, batch=True)


@dataclass(frozen=True)
class Override(Match):
    """Settings for some of the items."""

    settings: Mapping[str, Any] = setting(
        "settings that replace the batch's for these items", default_factory=dict, **_SETTINGS
    )


def _sources_setting(text: str) -> Any:
    one = {"type": "string", "minLength": 1}
    several = {"type": "array", "items": {"anyOf": [one, object_schema(Source)]}, "minItems": 1}
    return setting(text, needed=True, anyOf=[one, several])


@dataclass(frozen=True)
class Batch:
    """Portraits × motions, and how each pair is rendered. Paths are absolute."""

    path: Path
    portraits: tuple[Source, ...] = _sources_setting("files and globs")
    motions: tuple[Source, ...] = _sources_setting("files and globs; “take” is the built-in take")
    output: str = setting(
        "names of the frames: out/{portrait}/{motion}/####.exr",
        needed=True,
        pattern=declared(Job)["output"].schema["pattern"],
        examples=["out/{portrait}/{motion}/####.exr"],
    )
    exclude: tuple[Match, ...] = setting("pairs that are left out", default=(), items=object_schema(Match))
    settings: Mapping[str, Any] = setting("fields of a job, for all items", default_factory=dict, **_SETTINGS)
    overrides: tuple[Override, ...] = setting(
        "settings for some of the items; later ones win", default=(), items=object_schema(Override)
    )
    delivery: Delivery = setting("what is made of the frames", default_factory=Delivery, **object_schema(Delivery))
    report: str | None = setting("folder of the report and the logs; null: “NAME.report” beside the batch file")
    processes: int | None = setting("how many at a time; null: what cores, memory and GPUs allow", minimum=1)
    attempts: int = setting("how often an item is tried whose process died", default=3, minimum=1, maximum=100)
    keep_going: bool = setting("go on with the others when an item cannot be rendered", default=False)

    @property
    def report_folder(self) -> Path:
        return Path(self.report) if self.report else self.path.with_name(f"{self.path.stem}.report")


def read_job(path: Path | str, mapped: Callable[[Job], Job] = lambda job: job) -> Job:
    """The job in a .yaml or .json file; its paths count from the file's folder. `mapped` changes them before.

    Raises: InputError, SettingsError.
    """
    document = read_document(path)
    document.check(schema("job"))
    job = mapped(Job.from_plain(document.data, source=str(path)))
    found = {name: expanded(text) for name, text in job.paths().items() if "$" in text or text.startswith("~")}
    return job.with_paths(found).anchored(document.path.absolute().parent)


def read_batch(path: Path | str) -> Batch:
    """The batch in a .yaml or .json file. Raises: InputError, SettingsError: with file, line and field."""
    document = read_document(path)
    document.check(schema("batch"))
    data = document.data
    folder = document.path.absolute().parent
    return Batch(
        path=document.path.absolute(),
        portraits=_sources(document, "portraits", folder),
        motions=_sources(document, "motions", folder),
        output=str(folder / expanded(data["output"])),
        exclude=tuple(Match(**entry) for entry in data.get("exclude", ())),
        settings=_anchored(data.get("settings", {}), folder),
        overrides=tuple(
            Override(**{**entry, "settings": _anchored(entry.get("settings", {}), folder)})
            for entry in data.get("overrides", ())
        ),
        delivery=delivery_of(data.get("delivery", {})),
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
        built_in = name == "motions" and source.file in BUILT_IN_MOTIONS
        sources.append(source if built_in else Source(str(folder / expanded(source.file)), source.name))
    return tuple(sources)


def is_glob(text: str) -> bool:
    return any(letter in text for letter in "*?[")


def _anchored(settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Settings with paths that count from a folder made absolute."""
    return {
        name: str(folder / expanded(value)) if names_file(name, value) else value for name, value in settings.items()
    }


def delivery_of(data: Mapping[str, Any]) -> Delivery:
    """From a batch file's or a request's fields."""
    given = dict(data)
    if "formats" in given:
        given["formats"] = tuple(dict.fromkeys(given["formats"]))
    return Delivery(**given)


def schema(name: str) -> Schema:
    """The published JSON Schema of "job" or "batch" files. Raises: SettingsError for another name."""
    if name not in ("job", "batch"):
        raise SettingsError(f"There is no schema of “{name}”; choose from job, batch.")
    return published(Job, "job", JOB_VERSION) if name == "job" else published(Batch, "batch", VERSION)
