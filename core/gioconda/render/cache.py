"""Prepared portraits kept on disk, found again by the content of everything they were made from. No pickle.

    key = key_of(picture, landmarks=…, person=…)
    portrait = load(folder, key, picture)  # None: not there, or not whole
    save(folder, key, prepare(picture, …))

An entry is one uncompressed `.npz`: named arrays, and the rest as JSON. The picture itself is not in it: of the person
and the plate only the pixels that differ from it are kept. Whatever is not a whole entry of this very portrait is
ignored and written anew. The engine's version is part of the key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from .. import ENGINE_VERSION
from ..engine.portrait import Portrait
from ..files import DAMAGED_NPZ, whole_file
from ..imaging import resample

Array = npt.NDArray[Any]
Float32 = npt.NDArray[np.float32]

LIMIT_BYTES = 4_000_000_000
_HEAD = "entry"  # what is no array, as JSON
_LAYERS = ("layers.texture", "layers.plate")
_NOTHING, _PICTURE, _OWN = range(3)  # what a layer's pixel is: zeros, the picture's, or its own


def key_of(picture: Float32, **made_from: Array | str | bool | None) -> str:
    """A hash of all that a prepared portrait depends on: the picture as `prepare` takes it, (H, W, 4) float32;
    landmarks, matte or what the matte is made from, clean plate …: arrays, switches, hashes, or None."""
    digest = hashlib.sha256(f"{ENGINE_VERSION}".encode())
    for name, value in {"picture": picture, **made_from}.items():
        if isinstance(value, np.ndarray):
            digest.update(f"\n{name} {value.dtype.str} {value.shape}\n".encode())
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update(f"\n{name} {value}\n".encode())
    return digest.hexdigest()


def load(folder: Path, key: str, picture: Float32) -> Portrait | None:
    """The portrait kept under the key made from `picture`, or None where there is none that is whole."""
    path = _path(folder, key)
    try:
        with np.load(path, allow_pickle=False) as file:  # zip's checksums tell damage
            head = json.loads(file[_HEAD].tobytes())
            if head["key"] != key:
                return None
            arrays = {name: file[name] for name in file.files if name != _HEAD and not name.startswith(_LAYERS)}
            arrays["source"] = picture
            for name in _LAYERS:
                arrays[name] = _read_layer(file, name, _seen(arrays, picture))
        portrait: Portrait = _built(Portrait, "", arrays, head["plain"])
    except DAMAGED_NPZ:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used just now
    return portrait


def save(folder: Path, key: str, portrait: Portrait, *, limit_bytes: int = LIMIT_BYTES) -> None:
    """Keep a portrait; above `limit_bytes` in all, those not used for longest go. Raises: OutputError."""
    arrays: dict[str, Array] = {}
    plain: dict[str, Any] = {}
    _taken_apart(portrait, "", arrays, plain)
    picture = arrays.pop("source")
    layers = {name: arrays.pop(name) for name in _LAYERS}
    head = json.dumps({"key": key, "plain": plain}).encode()
    path = _path(folder, key)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # whose portraits these are is the user's affair
    with whole_file(path) as part, part.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in {_HEAD: np.frombuffer(head, np.uint8), **arrays}.items():
            _write(archive, name, array.shape, array.dtype, [array])
        for name, layer in layers.items():
            _write_layer(archive, name, layer, _seen(arrays, picture))
    _drop_oldest(folder, path, limit_bytes)


def _path(folder: Path, key: str) -> Path:
    return folder / f"portrait-{key}.npz"


def _drop_oldest(folder: Path, newest: Path, limit_bytes: int) -> None:
    """Another process may be doing the same: what is gone already is no harm."""
    used = []
    for path in folder.glob("portrait-*.npz"):
        with contextlib.suppress(OSError):
            status = path.stat()
            used.append((path == newest, status.st_mtime_ns, status.st_size, path))
    used.sort(reverse=True)
    total = 0
    for is_newest, _, size, path in used:
        total += size
        if total > limit_bytes and not is_newest:
            with contextlib.suppress(OSError):
                path.unlink()


# A layer as its difference from the picture --------------------------------------------------------------------------


def _seen(arrays: dict[str, Array], picture: Float32) -> Array:
    """The picture within the person's window."""
    x0, y0, x1, y1 = arrays["layers.window"]
    return picture[y0:y1, x0:x1]


def _write_layer(archive: zipfile.ZipFile, name: str, layer: Array, seen: Array) -> None:
    """Write a layer (h, w, 4) as what each pixel is, (h, w) uint8, and the values (N, 4) of those of its own."""
    kind = np.empty(layer.shape[:2], np.uint8)
    for rows in resample.bands(len(layer)):
        kind[rows] = np.where(layer[rows].view(np.uint32).any(2), np.uint8(_OWN), np.uint8(_NOTHING))
    inner, inner_kind = _within(layer, seen), _within(kind, seen)
    for rows in resample.bands(len(seen)):
        inner_kind[rows][(inner[rows].view(np.uint32) == seen[rows].view(np.uint32)).all(2)] = _PICTURE
    _write(archive, f"{name}.kind", kind.shape, kind.dtype, [kind])
    count = int(np.count_nonzero(kind == _OWN))
    own = (layer[rows][kind[rows] == _OWN] for rows in resample.bands(len(layer)))
    _write(archive, f"{name}.own", (count, 4), layer.dtype, own)


def _read_layer(file: Any, name: str, seen: Array) -> Float32:
    """The layer that `_write_layer` wrote into the `.npz` that `file` is."""
    kind = file[f"{name}.kind"]
    layer = np.zeros((*kind.shape, 4), np.float32)
    inner, inner_kind = _within(layer, seen), _within(kind, seen)
    for rows in resample.bands(len(seen)):
        np.copyto(inner[rows], seen[rows], where=(inner_kind[rows] == _PICTURE)[..., None])
    with file.zip.open(f"{name}.own.npy") as entry:
        np.lib.format.read_magic(entry)
        shape, _, dtype = np.lib.format.read_array_header_1_0(entry)
        if shape != (int(np.count_nonzero(kind == _OWN)), 4) or dtype != layer.dtype:
            raise ValueError(name)
        for rows in resample.bands(len(layer)):
            own = kind[rows] == _OWN
            layer[rows][own] = np.frombuffer(entry.read(16 * int(np.count_nonzero(own))), np.float32).reshape(-1, 4)
        if entry.read():  # at the end, and only there, the checksum is looked at
            raise ValueError(name)
    return layer


def _write(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], parts: Iterable[Array]
) -> None:
    """Add an array to an `.npz`; `parts` are its rows from first to last."""
    head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
        np.lib.format.write_array_header_1_0(entry, head)
        for part in parts:
            entry.write(np.ascontiguousarray(part).data.cast("B") if part.size else b"")


def _within(layer: Array, seen: Array) -> Array:
    """A layer's part that lies within the window, without its repeated border and spare rows: a view."""
    height, width = seen.shape[:2]
    border = (layer.shape[1] - width) // 2
    return layer[border : border + height, border : border + width]


# Dataclasses of arrays and plain values ------------------------------------------------------------------------------


def _taken_apart(value: Any, name: str, arrays: dict[str, Array], plain: dict[str, Any]) -> None:
    """Sort what a dataclass holds into arrays and JSON-able values, under dotted names."""
    if is_dataclass(value):
        for field in fields(value):
            _taken_apart(getattr(value, field.name), f"{name}.{field.name}".lstrip("."), arrays, plain)
    elif isinstance(value, tuple) and any(is_dataclass(item) for item in value):
        for i, item in enumerate(value):
            _taken_apart(item, f"{name}.{i}", arrays, plain)
    elif isinstance(value, np.ndarray):
        arrays[name] = value
    else:
        plain[name] = value.item() if isinstance(value, np.generic) else value


def _built(kind: Any, name: str, arrays: dict[str, Array], plain: dict[str, Any]) -> Any:
    """The value of type `kind` that `_taken_apart` put under `name`."""
    if name in arrays:
        return arrays[name]
    if name in plain:
        return tuple(plain[name]) if isinstance(plain[name], list) else plain[name]
    item: Any = next((k for k in (kind, *get_args(kind)) if is_dataclass(k)), None)
    if item is None:
        raise KeyError(name)
    if get_origin(kind) is tuple:
        there = {key[len(name) + 1 :].split(".")[0] for key in (*arrays, *plain) if key.startswith(f"{name}.")}
        return tuple(_built(item, f"{name}.{i}", arrays, plain) for i in sorted(map(int, there)))
    hints = get_type_hints(item)
    inner = {f.name: _built(hints[f.name], f"{name}.{f.name}".lstrip("."), arrays, plain) for f in fields(item)}
    return item(**inner)
