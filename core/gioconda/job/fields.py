"""Plain data into dataclasses: every key a field, every value of the field's type. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any

from ..errors import SettingsError


def one_of(what: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise SettingsError(f"There is no {what} “{value}”; choose from {', '.join(choices)}.")


def check_fields(cls: type[Any], data: Mapping[str, Any], source: str) -> None:
    """Every key a field, every field without a default there, every value of a plain type that fits the annotation."""
    known = {f.name: f for f in fields(cls)}
    for key, value in data.items():
        if key not in known:
            raise SettingsError(f"{source} has an unknown setting “{key}”; known are {', '.join(known)}.")
        if not _fits(value, str(known[key].type)):
            raise SettingsError(
                f"{source}: “{key}” cannot be {json.dumps(value, ensure_ascii=False)}; it is {known[key].type}."
            )
    needed = (name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING)
    missing = [name for name in needed if name not in data]
    if missing:
        raise SettingsError(f"{source} lacks “{missing[0]}”.")


def _fits(value: Any, annotation: str) -> bool:
    """Whether a JSON value fits a field's annotation (one of the few kinds used above)."""
    for kind in annotation.split(" | "):
        if kind == "None" and value is None:
            return True
        if kind == "bool" and isinstance(value, bool):
            return True
        if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
            return True
        if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if kind == "str" and isinstance(value, str):
            return True
        if kind.startswith("tuple") and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            return True
        if kind.startswith("Mapping") and isinstance(value, dict):
            return True
    return False
