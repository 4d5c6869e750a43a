"""Plain data against a JSON Schema: the part of Draft 2020-12 that our own schemas use, with sentences for people.

The add-on checks jobs in Blender's Python, which has no library for that; the tests compare with one. Standard library
only.
"""

from __future__ import annotations

import difflib
import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Where = tuple[str | int, ...]  # the keys and indices that lead to a value: ("portraits", 2, "face")
Schema = Mapping[str, Any]
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping (name: value)",
    "null": "nothing (null)",
}


def named(where: Where) -> str:
    """Where a value is, for people: ("portraits", 2, "face") → portraits[3].face."""
    text = ""
    for part in where:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def sentence(where: Where, text: str, whole: str = "it") -> str:
    """A problem with its subject; `whole` says what is meant when it is no part of the data."""
    return f"“{named(where)}” {text}" if where else f"{whole} {text}"


def problems(value: Any, schema: Schema, where: Where = ()) -> Iterator[tuple[Where, str]]:
    """Everything that does not fit: where, and what is wrong."""
    if "anyOf" in schema:
        alike = [choice for choice in schema["anyOf"] if _is(value, choice.get("type"))]  # no sentences for the others
        if not any(next(problems(value, choice, where), None) is None for choice in alike):
            yield from _closest(value, schema["anyOf"], where)
        return
    if "const" in schema or "enum" in schema:
        choices = schema.get("enum", [schema.get("const")])
        if not any(value == choice and type(value) is type(choice) for choice in choices):
            yield where, f"cannot be {_shown(value)}{_instead(value, choices)}; choose from {_listed(choices)}."
        return
    if not _is(value, schema.get("type")):
        yield where, f"cannot be {_shown(value)}; it is {accepted(schema)}."
        return
    for keyword, wrong in _LIMITS.items():
        if keyword in schema and wrong(value, schema[keyword]):
            yield where, f"cannot be {_shown(value)}; it is {accepted(schema)}."
            return
    if isinstance(value, Mapping):
        yield from _entries(value, schema, where)
    if isinstance(value, list | tuple) and "items" in schema:
        for index, item in enumerate(value):
            yield from problems(item, schema["items"], (*where, index))


def _entries(value: Mapping[str, Any], schema: Schema, where: Where) -> Iterator[tuple[Where, str]]:
    known = schema.get("properties", {})
    for key, item in value.items():
        if key in known:
            yield from problems(item, known[key], (*where, key))
        elif schema.get("additionalProperties") is False:
            yield (*where, key), f"is no setting{_instead(key, list(known))}; known are {', '.join(known)}."
    for key in schema.get("required", ()):
        about = known.get(key, {}).get("description", "")
        if key not in value:
            yield where, f"lacks “{key}”{': ' if about else ''}{about}."


def _closest(value: Any, choices: list[Schema], where: Where) -> Iterator[tuple[Where, str]]:
    """The inner problems of the one choice that has the value's type, else all that is accepted."""
    fitting = [choice for choice in choices if _is(value, choice.get("type"))]
    if len(fitting) == 1 and isinstance(value, Mapping | list | tuple):
        yield from problems(value, fitting[0], where)
    else:
        yield where, f"cannot be {_shown(value)}; it is {' or '.join(map(accepted, choices))}."


def accepted(schema: Schema) -> str:
    """What a schema takes, in words."""
    if "anyOf" in schema:
        return " or ".join(map(accepted, schema["anyOf"]))
    if "enum" in schema:
        return "one of " + _listed(schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "pattern" in schema:
        return f"text such as {_listed(schema.get('examples', []))}"
    signs = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    bounds = [f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema]
    if schema.get("minItems", schema.get("minLength")):
        bounds.append("that is not empty")
    if "maxLength" in schema:
        bounds.append(f"of {schema['maxLength']} letters at most")
    return " ".join([_WORDS[schema["type"]], *bounds])


def _is(value: Any, kind: str | None) -> bool:
    return kind is None or _TYPES[kind](value)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: _TYPES["integer"](value) or (isinstance(value, float) and math.isfinite(value)),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, Mapping),
    "null": lambda value: value is None,
}
# keyword → whether a value (of the right type already) breaks it
_LIMITS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": operator.lt,
    "maximum": operator.gt,
    "exclusiveMinimum": operator.le,
    "exclusiveMaximum": operator.ge,
    "pattern": lambda value, limit: re.search(limit, value) is None,
    "minItems": lambda value, limit: len(value) < limit,
    "minLength": lambda value, limit: len(value) < limit,
    "maxLength": lambda value, limit: len(value) > limit,
}


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _listed(choices: list[Any]) -> str:
    return ", ".join(choice if isinstance(choice, str) else json.dumps(choice) for choice in choices)


def _instead(word: Any, choices: list[Any]) -> str:
    """“ (did you mean …?)” where a choice is spelled alike."""
    words = [choice for choice in choices if isinstance(choice, str)]
    close = difflib.get_close_matches(word, words, 1, 0.7) if isinstance(word, str) else []
    return f" (did you mean “{close[0]}”?)" if close else ""
