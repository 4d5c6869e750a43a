"""Every network there is, as onnx_models/models.yaml lists them, and the one way to its file: by name, with its hash
checked.

Functions take the models folder that a job or a command names; None or "" is the default one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..errors import ModelError
from ..files import file_sha256

REGISTRY_FILE = "models.yaml"
MODELS_VARIABLE = "GIOCONDA_MODELS"
RESTORE = "restore the folder onnx_models from Gioconda's checkout or extension"

Shape = tuple[int | str, ...]


@dataclass(frozen=True)
class Model:
    """One network. models.yaml says more of those that were converted: see `onnx_models/convert`.

    Attributes:
        name: how the code asks for it.
        task: "detection", "landmarks" or "segmentation" for the face analysis, "correction" of frames.
        file: its file's name in the models folder.
        description: one sentence.
        inputs, outputs: name → shape; a string is a size free to choose (N: the batch).
        licence: of the weights.
        provenance: where it was made and from what.
        sha256: of the file.
    """

    name: str
    task: str
    file: str
    description: str
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    licence: str
    provenance: str
    sha256: str


def models_folder(chosen: str | Path | None = None) -> Path:
    """Where the networks are: the folder chosen, else $GIOCONDA_MODELS, else `onnx_models` beside `core`.

    The only place that knows. A checkout and the Blender extension both have that folder.
    """
    named = chosen or os.environ.get(MODELS_VARIABLE)
    return Path(named) if named else _folder_beside_core()


def _folder_beside_core() -> Path:
    return Path(__file__).resolve().parents[3] / "onnx_models"


def load_registry(folder: str | Path | None = None) -> dict[str, Model]:
    """Name → network, from the models.yaml of a models folder; without one there, from the list beside the code.

    Raises:
        ModelError: there is no models.yaml, or it cannot be understood.
    """
    for candidate in (models_folder(folder), _folder_beside_core()):
        path = candidate / REGISTRY_FILE
        if path.is_file():
            return dict(_parsed(path, path.stat().st_mtime_ns))
    raise ModelError(
        f"There is no {REGISTRY_FILE} in {models_folder(folder)}: "
        f"name the models folder with --models or ${MODELS_VARIABLE}."
    )


@cache
def _parsed(path: Path, _changed: int) -> dict[str, Model]:
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        return {entry["name"]: _model(entry) for entry in entries}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} cannot be understood ({error}): restore it from the project.") from error


def _model(entry: dict[str, Any]) -> Model:
    shapes = {key: {name: tuple(shape) for name, shape in entry[key].items()} for key in ("inputs", "outputs")}
    return Model(**{field.name: entry[field.name] for field in fields(Model)} | shapes)


def model_path(name: str, folder: str | Path | None = None) -> Path:
    """The file of a network, after making sure that it is the expected one.

    Raises:
        ModelError: unknown name, missing file, or a file whose SHA-256 is not the registry's.
    """
    models = load_registry(folder)
    if name not in models:
        raise ModelError(f"There is no model {name!r}: there are {', '.join(models)}.")
    path = models_folder(folder) / models[name].file
    try:
        stat = path.stat()
    except OSError as error:
        raise ModelError(f"The model {path} is missing: {RESTORE}.") from error
    if _sha256_once(path, stat.st_mtime_ns, stat.st_size) != models[name].sha256:
        raise ModelError(f"The model {path} is not the expected one (wrong SHA-256): {RESTORE}.")
    return path


@lru_cache(maxsize=64)
def _sha256_once(path: Path, modified_ns: int, size: int) -> str:
    """The file's hash, computed again only when the file has changed."""
    return file_sha256(path, ModelError)
