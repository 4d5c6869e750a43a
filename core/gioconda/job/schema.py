"""JSON Schemas of dataclasses, from their types and declarations, and checks by them. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from ..errors import SettingsError
from .check import Schema, Where, problems, sentence
from .settings import Setting, declared

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "null"}
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
# which of a declaration's keywords belong to a type
_KEYWORDS = {
    "string": ("pattern", "minLength", "maxLength", "examples"),
    "integer": _LIMITS,
    "number": _LIMITS,
    "array": ("items", "minItems"),
    "object": ("properties", "additionalProperties", "required"),
}


def object_schema(cls: type[Any], *, batch: bool = False) -> dict[str, Any]:
    """The schema of a dataclass as a mapping: of its declared fields, or of all where none is.

    batch: only of what may stand among a batch's settings, none of it needed.
    """
    if (cls, batch) not in _made:
        _made[cls, batch] = _object_schema(cls, batch)
    return _made[cls, batch]


_made: dict[tuple[type[Any], bool], dict[str, Any]] = {}


def _object_schema(cls: type[Any], batch: bool) -> dict[str, Any]:
    known = declared(cls)
    named = [field for field in fields(cls) if field.name in known or not known]
    if batch:
        named = [field for field in named if known[field.name].in_batch]
    schema = {
        "type": "object",
        "properties": {field.name: _property(field, known.get(field.name)) for field in named},
        "additionalProperties": False,
    }
    needed = [field.name for field in named if field.default is MISSING and field.default_factory is MISSING]
    return schema | ({"required": needed} if needed and not batch else {})


def _property(field: Field[Any], known: Setting | None) -> dict[str, Any]:
    """The schema of one field: with what its declaration says, or of its type alone."""
    more, choices = (known.schema, known.choices) if known else ({}, ())
    kinds = [more] if "anyOf" in more else [_kind(name, more, choices) for name in str(field.type).split(" | ")]
    schema = {**({"description": known.text} if known else {}), **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}
    if known and field.default is not MISSING and field.default is not None:
        schema["default"] = list(field.default) if isinstance(field.default, tuple) else field.default
    return schema


def _kind(annotation: str, more: Mapping[str, Any], choices: tuple[str, ...]) -> dict[str, Any]:
    """The schema of one of the types in an annotation: one of `_TYPES`, a tuple of text or of mappings, a mapping."""
    if annotation == "str" and choices:
        return {"enum": list(choices)}
    if annotation.startswith("tuple"):
        schema: dict[str, Any] = {"type": "array", "items": {"enum": list(choices)} if choices else {"type": "string"}}
    else:
        schema = {"type": _TYPES.get(annotation, "object")}
    return schema | {key: more[key] for key in _KEYWORDS.get(schema["type"], ()) if key in more}


def published(cls: type[Any], kind: str, version: int) -> Schema:
    """The schema of a kind of file that a dataclass describes, as editors and validators read it."""
    schema = object_schema(cls)
    marker = {f"gioconda_{kind}": {"description": "version of this format", "const": version}}
    return {
        "$schema": DIALECT,
        "$id": f"gioconda/{kind}.schema.json",
        "title": f"A Gioconda {kind}",
        "description": cls.__doc__,
        **schema,
        "properties": {**marker, **schema["properties"]},
    }


def check_fields(cls: type[Any], data: Mapping[str, Any], source: str) -> None:
    """Whether plain data can be a dataclass's fields. Raises: SettingsError for the first thing that does not fit."""
    _refuse(problems(data, object_schema(cls)), source)


def check_keys(data: Mapping[str, Any], known: tuple[str, ...], needed: tuple[str, ...], source: str) -> None:
    """Whether all keys are known and none is missing, whatever their values. Raises: SettingsError."""
    schema = {"properties": dict.fromkeys(known, {}), "additionalProperties": False, "required": needed}
    _refuse(problems(data, schema), source)


def check_values(settings: Any, where: Where = ()) -> None:
    """Whether each declared field of a dataclass has a value that its declaration allows.

    A text that a file must give may still be empty here: a preview's job brings its motion another way.

    Raises:
        SettingsError: for the first that has none.
    """
    for name, schema in object_schema(type(settings))["properties"].items():
        value = getattr(settings, name)
        if value is getattr(type(settings), name, MISSING):  # the default, which is allowed
            continue
        if value == "" and "minLength" in schema:
            continue
        for place, text in problems(value, schema, (*where, name)):
            raise SettingsError(sentence(place, text))


def _refuse(found: Iterable[tuple[Where, str]], source: str) -> None:
    """Raises: SettingsError for the first problem."""
    for where, text in found:
        raise SettingsError((f"{source}: " if where else "") + sentence(where, text, source))
