"""Presets: what other people's rigs call their parts. Read from `presets/*.yaml`; knows names only, no bpy.

A preset file says, in this order of a reader's interest: `title`, `from` (the kinds of source it looks at, see
`settings.SOURCES`), `need` (so many recognised names make it this kind of rig), `channels` (name: {channel: weight})
and `landmarks` (bone: landmark), `head` and `eyes` (bones, the first that is there). A name may end in `@PART`
(`settings.COMPONENTS`), hold several spellings with commas, and a `*` for the side, one of the pairs in `sides`: the
target is then the one on the left, the right one is its mirror image. `strip` and `prefixes` are what may stand before
a name. `spelling: arkit` adds every ARKit spelling; `exact` minds capitals and separators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from ....core.gioconda.landmarks import ARKIT
from ..errors import RigError
from ..names import channels_of, landmark_of, other_side


@dataclass(frozen=True)
class Match:
    """One recognised name: `source` of a rig drives `target` (a channel or a landmark)."""

    source: str
    part: str
    target: str
    weight: float


@dataclass(frozen=True)
class Preset:
    """A kind of rig, as its file says."""

    title: str
    kinds: tuple[str, ...]
    need: int
    entries: Mapping[str, tuple[tuple[str, str, float], ...]]  # comparable name → (part, target, weight)
    exact: bool = False
    arkit: bool = False
    strip: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ("",)
    heads: tuple[str, ...] = ()
    eyes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def match(self, names: Iterable[str]) -> list[Match]:
        """Every one of a rig's names that this preset knows. With several prefixes the first that is there counts."""
        by_name: dict[str, str] = {}
        taken: set[str] = set()
        names = list(names)
        for prefix in self.prefixes:
            for name in names:
                if name.startswith(prefix):
                    key = self._comparable(name.removeprefix(prefix))
                    if key in self.entries and key not in taken:
                        by_name[name] = key
            taken.update(by_name.values())
        matches = []
        for name in names:
            if name in by_name:
                matches += [Match(name, part, target, weight) for part, target, weight in self.entries[by_name[name]]]
            elif self.arkit:
                matches += [Match(name, "VALUE", channel, 1.0) for channel in channels_of(name)]
        return matches

    def _comparable(self, name: str) -> str:
        for start in self.strip:
            if name.lower().startswith(start.lower()):
                name = name[len(start) :]
        return name if self.exact else _plain(name)


def _plain(name: str) -> str:
    """`c_lips_top.x`, `c_lips_top_x` → clipstopx."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def presets() -> tuple[Preset, ...]:
    """All presets that ship. Raises: RigError: a file is not a preset."""
    folder = resources.files(__package__).joinpath("presets")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return tuple(_preset(yaml.safe_load(f.read_text(encoding="utf-8")), f.name) for f in files)


def best(kind_names: Mapping[str, Iterable[str]], kinds: Iterable[str]) -> tuple[Preset, str, list[Match]] | None:
    """The preset that knows most of a rig, which kind of its parts, and the matches; None if none knows enough.

    Args:
        kind_names: for each kind of source the rig's names.
        kinds: which of them to look at.
    """
    found: list[tuple[int, Preset, str, list[Match]]] = []
    for preset in presets():
        for kind in kinds:
            if kind in preset.kinds:
                matches = preset.match(kind_names.get(kind, ()))
                if len({m.source for m in matches}) >= preset.need:
                    found.append((len({m.target for m in matches}), preset, kind, matches))
    if not found:
        return None
    _, preset, kind, matches = max(found, key=lambda entry: entry[0])
    return preset, kind, matches


def load_rows(text: str, where: str) -> dict[str, Any]:
    """A mapping that was saved, as plain values. Raises: RigError: not YAML, or not a mapping."""
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise RigError(f"{where}{line}: this is not YAML.") from None
    if not isinstance(plain, dict) or not isinstance(plain.get("rows"), list):
        raise RigError(f"{where} is not a mapping: it should have “rows”.")
    return plain


def dump_rows(plain: dict[str, Any]) -> str:
    """A mapping as YAML, one row a line."""
    head = yaml.safe_dump({k: v for k, v in plain.items() if k != "rows"}, sort_keys=False, allow_unicode=True)
    rows = (
        yaml.safe_dump(r, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
        for r in plain["rows"]
    )
    return head + "rows:\n" + "".join(f"  - {row}" for row in rows)


def _preset(plain: dict[str, Any], where: str) -> Preset:
    sides = [tuple(pair) for pair in plain.get("sides", [])]
    exact = bool(plain.get("exact"))
    entries: dict[str, list[tuple[str, str, float]]] = {}
    for written, targets in {**plain.get("channels", {}), **plain.get("landmarks", {})}.items():
        weights = targets if isinstance(targets, dict) else {str(targets): 1.0}
        for target in weights:
            if target not in ARKIT and landmark_of(target) is None:
                raise RigError(f"{where}: “{target}” is neither an ARKit channel nor a landmark.")
        for spelling in str(written).split(","):
            name, _, part = spelling.strip().partition("@")
            part = part or ("VALUE" if isinstance(targets, dict) else "HEAD")
            for full, mirror in _sided(name, sides):
                key = full if exact else _plain(full)
                rows = [(part, other_side(t) if mirror else t, float(w)) for t, w in weights.items()]
                entries.setdefault(key, []).extend(rows)
    return Preset(
        title=plain["title"],
        kinds=tuple(plain["from"]),
        need=int(plain["need"]),
        entries={name: tuple(rows) for name, rows in entries.items()},
        exact=exact,
        arkit=plain.get("spelling") == "arkit",
        strip=tuple(plain.get("strip", ())),
        prefixes=tuple(plain.get("prefixes", ("",))),
        heads=tuple(plain.get("head", ())),
        eyes={side: tuple(names) for side, names in plain.get("eyes", {}).items()},
    )


def _sided(name: str, sides: list[tuple[str, ...]]) -> list[tuple[str, bool]]:
    """A name with a `*` → the names of both sides, and whether it is the right one."""
    if "*" not in name:
        return [(name, False)]
    return [(name.replace("*", side), i == 1) for pair in sides for i, side in enumerate(pair)]
