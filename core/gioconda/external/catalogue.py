"""Which engines can be plugged in, as engines.yaml lists them. Knows no networks and no pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..errors import ModelError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class KnownNet:
    """One file of an engine.

    Attributes:
        role: what the adapter calls it.
        file: its name.
        inputs, outputs: name → shape.
        known: SHA-256 → who hands on a file with it.
        instead: other file's name → why it cannot take this one's place.
    """

    role: str
    file: str
    inputs: Mapping[str, Shape]
    outputs: Mapping[str, Shape]
    known: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownEngine:
    """An engine that can be plugged in.

    Attributes:
        name: how engine.yaml calls it; title: how people do.
        adapter: the module here that drives it.
        paper, published, licence: facts, as they are public: where it comes from, where the files are, on which terms.
        nets: role → file.
    """

    name: str
    title: str
    adapter: str
    paper: str
    published: str
    licence: str
    nets: Mapping[str, KnownNet]


@cache
def known_engines() -> dict[str, KnownEngine]:
    """Name → engine."""
    text = (Path(__file__).parent / "engines.yaml").read_text(encoding="utf-8")
    return {name: _engine(name, entry) for name, entry in yaml.safe_load(text)["engines"].items()}


def known_engine(name: str) -> KnownEngine:
    """Raises: ModelError: there is none of that name."""
    engines = known_engines()
    if name not in engines:
        raise ModelError(f"There is no engine “{name}”; Gioconda can drive {', '.join(engines)}.")
    return engines[name]


def _engine(name: str, entry: dict[str, Any]) -> KnownEngine:
    nets = {role: _net(role, net) for role, net in entry.pop("nets").items()}
    return KnownEngine(name, nets=nets, **entry)


def _net(role: str, entry: dict[str, Any]) -> KnownNet:
    inputs, outputs = ({name: tuple(shape) for name, shape in entry.pop(key).items()} for key in ("inputs", "outputs"))
    return KnownNet(role, inputs=inputs, outputs=outputs, **entry)
