"""Every network there is, as onnx_models/models.yaml lists them, and the one way to its file: by name, with its hash
checked.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from ..errors import ModelError

REGISTRY_FILE = "models.yaml"
MODELS_VARIABLE = "GIOCONDA_MODELS"

Shape = tuple[int | str, ...]


@dataclass(frozen=True)
class Model:
    """One network.

    Attributes:
        name: how the code asks for it.
        task: "detection", "landmarks" or "segmentation" for the face analysis.
        file: its file's name in the models folder.
        description: one sentence.
        inputs, outputs: name → shape; a string is a size free to choose (N: the batch).
        licence: of the weights.
        provenance: where it was made and from what.
        source: the file inside `Package` it is converted from, "" when it is not converted.
        source_sha256, sha256: of the source and of the ONNX file.
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
    source: str = ""
    source_sha256: str = ""


@dataclass(frozen=True)
class Package:
    """The wheel on the Python package index that the sources are taken from."""

    name: str
    version: str
    platform: str
    python: str
    sha256: str
    licence_file: str


@dataclass(frozen=True)
class Registry:
    """What models.yaml says."""

    models: dict[str, Model]
    package: Package


def default_models_folder() -> Path:
    """Where the networks are unless told otherwise: $GIOCONDA_MODELS, else `onnx_models` beside `core`.

    The only place that knows. A checkout and the Blender extension both have that folder.
    """
    chosen = os.environ.get(MODELS_VARIABLE)
    return Path(chosen) if chosen else _folder_beside_core()


def _folder_beside_core() -> Path:
    return Path(__file__).resolve().parents[3] / "onnx_models"


def load_registry(folder: Path | None = None) -> Registry:
    """Read models.yaml of a models folder; a folder without one is filled after the list that comes with the code.

    Raises:
        ModelError: there is no models.yaml, or it cannot be understood.
    """
    for candidate in (folder or default_models_folder(), _folder_beside_core()):
        path = candidate / REGISTRY_FILE
        if path.is_file():
            return _parse(path)
    raise ModelError(
        f"There is no {REGISTRY_FILE} in {folder}: name the models folder with --models or ${MODELS_VARIABLE}."
    )


def _parse(path: Path) -> Registry:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        models = [
            Model(**{**entry, "inputs": _shapes(entry["inputs"]), "outputs": _shapes(entry["outputs"])})
            for entry in content["models"]
        ]
        return Registry({model.name: model for model in models}, Package(**content["package"]))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} cannot be understood ({error}): restore it from the project.") from error


def _shapes(entries: dict[str, list[int | str]]) -> dict[str, Shape]:
    return {name: tuple(shape) for name, shape in entries.items()}


def model_path(name: str, folder: Path | None = None) -> Path:
    """The file of a network, after making sure that it is the expected one.

    Raises:
        ModelError: unknown name, missing file, or a file whose SHA-256 is not the registry's.
    """
    folder = folder or default_models_folder()
    models = load_registry(folder).models
    if name not in models:
        raise ModelError(f"There is no model {name!r}: there are {', '.join(models)}.")
    path = folder / models[name].file
    try:
        stat = path.stat()
    except OSError as error:
        raise ModelError(f"The model {path} is missing: run `gioconda models`.") from error
    if _sha256_once(path, stat.st_mtime_ns, stat.st_size) != models[name].sha256:
        raise ModelError(
            f"The model {path} is not the expected one (wrong SHA-256): run `gioconda models` to replace it."
        )
    return path


def is_built(model: Model, folder: Path) -> bool:
    """True when the network's file is in the folder and is the expected one."""
    path = folder / model.file
    return path.is_file() and sha256(path.read_bytes()) == model.sha256


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=64)
def _sha256_once(path: Path, modified_ns: int, size: int) -> str:
    """The file's hash, computed again only when the file has changed."""
    try:
        return sha256(path.read_bytes())
    except OSError as error:
        raise ModelError(f"The model {path} cannot be read ({error.strerror}): run `gioconda models`.") from error
