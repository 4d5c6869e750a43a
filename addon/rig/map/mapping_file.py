"""The mapping table as a YAML file, for the next shot or another character."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ....core.gioconda.files import write_text
from ..errors import RigError
from ..settings import MappingRow
from .presets import dump_rows, load_rows

FORMAT = "gioconda-mapping"
VERSION = 1
FIELDS = ("kind", "head_bone", "eye_left", "eye_right")
FIELDS += ("follow_turn", "follow_move", "forward", "neutral", "neutral_frame")
OBJECTS = ("head_object", "eye_left_object", "eye_right_object", "gaze_target")
ROW = ("kind", "source", "component", "target", "gain", "offset", "enabled")


def save(rig: bpy.types.PropertyGroup, path: Path) -> None:
    """Raises: RigError: there is nothing to save. OutputError: the file cannot be written."""
    if not len(rig.rows):
        raise RigError("The mapping has no rows to save; a face followed on the mesh is stored in the .blend.")
    write_text(path, to_yaml(rig), make_folder=False)


def load(rig: bpy.types.PropertyGroup, path: Path) -> int:
    """Fill the table from a file; the rig itself stays. Returns the number of rows.

    Raises: RigError: the file is missing or is no mapping; the table is then as it was.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RigError(f"The mapping {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    plain = load_rows(text, str(path))
    rows = [_checked(row, i, path) for i, row in enumerate(plain["rows"])]
    rig.rows.clear()
    for values in rows:
        row = rig.rows.add()
        for name in ROW:
            if name in values:
                setattr(row, name, values[name])
        if values.get("object"):
            row.holder = bpy.data.objects.get(values["object"])
    for name in FIELDS:
        if name in plain:
            setattr(rig, name, plain[name])
    for name in OBJECTS:
        if plain.get(name):
            setattr(rig, name, bpy.data.objects.get(plain[name]) or getattr(rig, name))
    rig.found = plain.get("found", rig.found) if plain.get("found") != "MESH" else rig.found
    rig.preset = path.name
    rig.anatomy = ""
    return len(rows)


def to_yaml(rig: bpy.types.PropertyGroup) -> str:
    """The whole mapping as text."""
    plain: dict[str, Any] = {FORMAT: VERSION, "found": rig.found}
    plain |= {name: getattr(rig, name) for name in FIELDS}
    plain |= {name: getattr(rig, name).name for name in OBJECTS if getattr(rig, name)}
    plain["rows"] = [_row(row) for row in rig.rows]
    return dump_rows(plain)


def _row(row: bpy.types.PropertyGroup) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in ROW}
    values["gain"], values["offset"] = round(row.gain, 6), round(row.offset, 6)
    if row.holder:
        values["object"] = row.holder.name
    return values


def _checked(row: Any, index: int, path: Path) -> dict[str, Any]:
    """Raises: RigError: names the row."""
    where = f"{path.name}, row {index + 1}"
    if not isinstance(row, dict) or not isinstance(row.get("source"), str) or "target" not in row:
        raise RigError(f"{where}: a row needs a source and a target.")
    row = {**row, "target": str(row["target"])}
    known = MappingRow.bl_rna.properties
    for name in ("kind", "component"):
        if name in row and row[name] not in known[name].enum_items:
            raise RigError(f"{where}: there is no {name} “{row[name]}”.")
    for name in ("gain", "offset"):
        if name in row and not isinstance(row[name], (int, float)):
            raise RigError(f"{where}: {name} must be a number.")
    return row
