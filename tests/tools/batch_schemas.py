"""Writes core/gioconda/batch/{job,batch}.schema.json from the dataclasses: names, types and defaults from their fields,
descriptions from the comments beside them. `python tests/tools/batch_schemas.py`; a test says when it is time.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import gioconda.batch.settings as batch
from gioconda.imaging.exr import LOSSLESS, LOSSY
from gioconda.job.consent import RIGHTS
from gioconda.job.job import DEVICES, NEURAL, Job
from gioconda.job.passes import PASSES
from gioconda.motion.settings import RetargetSettings

FOLDER = Path(batch.__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "null"}
SPAN = r"-?\d+(-(-?\d+)(x\d+)?)?"

Schema = dict[str, Any]


def any_of(*choices: Schema) -> Schema:
    return {"anyOf": list(choices)}


NULL = {"type": "null"}
GAIN = {"type": "number", "minimum": 0, "maximum": 5}
# What an annotation does not say.
RETARGET: dict[str, Schema] = {
    "mode": {"enum": ["relative", "absolute"]},
    "smoothing": {"enum": ["auto", "savgol", "one_euro", "none"]},
    **dict.fromkeys(("pose", "jaw", "lips", "brows", "lids", "gaze", "dead_band"), GAIN),
    "neutralise": {"type": "number", "minimum": 0, "maximum": 1},
    "lid_floor": {"type": "number", "minimum": 0, "maximum": 0.15},
}
CONSENT: Schema = {
    "type": "object",
    "properties": {
        "right": {"description": "which right", "enum": list(RIGHTS)},
        "who": {"description": "the person or the studio who states it", "type": "string", "minLength": 1},
        "text": {"description": "a contract's number, a link, a date", "type": "string"},
    },
    "additionalProperties": False,
    "required": ["right", "who"],
}
COMPRESSIONS = "|".join(re.escape(name) for name in LOSSLESS + LOSSY)
JOB: dict[str, Schema] = {
    "portrait": {"type": "string", "minLength": 1},
    "motion": {"type": "string", "minLength": 1},
    "output": {"type": "string", "pattern": r"(#+|@+|%0?\d*d)[^/\\]*\.[eE][xX][rR]$", "examples": ["out/####.exr"]},
    "frames": any_of(
        {"type": "string", "pattern": rf"^\s*({SPAN}(\s*,\s*{SPAN})*)?\s*$", "examples": ["1-100x2,120"]},
        {"type": "integer"},
    ),
    "neutral": any_of({"type": "integer"}, {"enum": ["auto", "rest"]}, NULL),
    "face": any_of({"type": "integer", "minimum": 1}, {"enum": ["largest"]}, NULL),
    "fps": any_of({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10000}, NULL),
    "threads": any_of({"type": "integer", "minimum": 1}, NULL),
    "passes": {"type": "array", "items": {"enum": list(PASSES)}},
    "compression": {
        "type": "string",
        "pattern": rf"^({COMPRESSIONS})(:\d+)?$",
        "examples": [*LOSSLESS, "zip:1"],
    },
    "device": {"enum": list(DEVICES)},
    "neural": {"enum": list(NEURAL)},
    "consent": any_of(CONSENT, NULL),
}
DELIVERY: dict[str, Schema] = {
    "formats": {"type": "array", "items": {"enum": list(batch.FORMATS)}, "minItems": 1},
    "size": any_of({"type": "integer", "minimum": 16, "maximum": 16384}, NULL),
    "alpha": {"enum": list(batch.Delivery.ALPHAS)},
    "columns": any_of({"type": "integer", "minimum": 1}, NULL),
    "quality": {"type": "integer", "minimum": 1, "maximum": 100},
}


def comments(cls: type) -> dict[str, str]:
    """Field → the comment on its line."""
    found = re.findall(r"^    (\w+): .*?  # (.+)$", inspect.getsource(cls), re.MULTILINE)
    return dict(found)


def generic(annotation: str) -> Schema:
    """An annotation of plain data as a schema."""
    if annotation.startswith("tuple"):
        return {"type": "array", "items": {"type": "string"}}
    if annotation.startswith(("Mapping", "dict")):
        return {"type": "object"}
    kinds = [TYPES[kind] for kind in annotation.split(" | ")]
    return {"type": kinds[0]} if len(kinds) == 1 else {"type": kinds}


def properties(cls: type, special: dict[str, Schema], leave_out: tuple[str, ...] = ()) -> dict[str, Schema]:
    """Every field of a dataclass."""
    about = comments(cls)
    named = {}
    for field in fields(cls):
        if field.name in leave_out:
            continue
        entry = {"description": about[field.name]} if field.name in about else {}
        entry |= special[field.name] if field.name in special else generic(str(field.type))
        if field.default is not MISSING and field.default is not None:
            entry["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
        named[field.name] = entry
    return named


def mapping(named: dict[str, Schema], **more: Any) -> Schema:
    return {"type": "object", "properties": named, "additionalProperties": False, **more}


def job_properties(leave_out: tuple[str, ...] = ()) -> dict[str, Schema]:
    # a job's neutral frame is a number of the motion's own, so retarget has none
    retarget = mapping(properties(RetargetSettings, RETARGET, ("neutral",)))
    named = properties(Job, {**JOB, "retarget": retarget}, leave_out)
    named["retarget"].pop("default", None)
    return named


def job_schema() -> Schema:
    named = {"gioconda_job": {"description": "version of this format", "const": 1}, **job_properties()}
    needed = [field.name for field in fields(Job) if field.default is MISSING and field.default_factory is MISSING]
    head = {"$schema": DIALECT, "$id": "gioconda/job.schema.json", "title": "A Gioconda job"}
    return head | {"description": inspect.getdoc(Job)} | mapping(named, required=needed)


def batch_schema() -> Schema:
    settings = mapping(job_properties(batch.Batch.NOT_SETTINGS))
    source = any_of({"type": "string", "minLength": 1}, mapping(properties(batch.Source, {}), required=["file"]))
    sources = any_of({"type": "string", "minLength": 1}, {"type": "array", "items": source, "minItems": 1})
    special: dict[str, Schema] = {
        "portraits": sources,
        "motions": sources,
        "output": {**JOB["output"], "examples": ["out/{portrait}/{motion}/####.exr"]},
        "exclude": {"type": "array", "items": mapping(properties(batch.Match, {}))},
        "settings": settings,
        "overrides": {"type": "array", "items": mapping(properties(batch.Override, {"settings": settings}))},
        "delivery": mapping(properties(batch.Delivery, DELIVERY)),
        "processes": any_of({"type": "integer", "minimum": 1}, NULL),
        "attempts": {"type": "integer", "minimum": 1, "maximum": 100},
    }
    named = {
        "gioconda_batch": {"description": "version of this format", "const": batch.VERSION},
        **properties(batch.Batch, special, ("path",)),
    }
    head = {"$schema": DIALECT, "$id": "gioconda/batch.schema.json", "title": "A Gioconda batch"}
    return (
        head
        | {"description": inspect.getdoc(batch.Batch)}
        | mapping(named, required=["portraits", "motions", "output"])
    )


def texts() -> dict[str, str]:
    """File name → what should be in it."""
    made = {"job.schema.json": job_schema(), "batch.schema.json": batch_schema()}
    return {name: json.dumps(data, indent=2, ensure_ascii=False) + "\n" for name, data in made.items()}


if __name__ == "__main__":
    for file_name, text in texts().items():
        (FOLDER / file_name).write_text(text, encoding="utf-8")
        print(FOLDER / file_name)
