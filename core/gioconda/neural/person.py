"""A person file (`--identity`): what few-shot learning knows of a person, for the networks it was made with.

One `.npz` without pickles:

    code     (1, K) float32             the person's embedding
    +NAME    float16, the shape of NAME  what is added to the network's weights NAME; any number of them
    about    JSON                       whom it was made from, for which network (SHA-256), what all of it hashes to

It comes from outside: whatever is in it, reading it ends well or with a sentence.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Array, Float16, Float32
from ..errors import InputError, ModelError, one_line
from ..files import DAMAGED_NPZ, whole_file

FORMAT = "gioconda-identity-2"
MOST_BYTES, MOST_ARRAYS = 32 << 20, 4096  # no honest file is half as large
CHANGE = "+"


@dataclass(frozen=True)
class About:
    """Where a person file comes from.

    Attributes:
        network: SHA-256 of the network's file it was made for.
        pictures: SHA-256 of the pictures, in the order given.
        steps: of fine-tuning, of the part that learned longest; 0: the mean embedding as it is.
        before, after: relative error on the pictures before and after fine-tuning; 1: as without any network.
    """

    network: str
    pictures: tuple[str, ...]
    steps: int = 0
    before: float = 0.0
    after: float = 0.0


@dataclass(frozen=True)
class Person:
    """What is known of a person.

    Attributes:
        embedding: (1, K), instead of the one portrait's.
        changes: what is added to the network's weights, by name.
    """

    embedding: Float32
    changes: Mapping[str, Float16] = field(default_factory=dict)


def save_person(path: Path, person: Person, about: About) -> None:
    """Write it; the file appears whole or not at all."""
    arrays: dict[str, Array] = {"code": person.embedding.astype(np.float32)}
    arrays |= {CHANGE + name: change.astype(np.float16) for name, change in person.changes.items()}
    words = json.dumps({"format": FORMAT, "content": _digest(arrays), **asdict(about)})
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, about=np.array(words), **arrays)  # type: ignore[arg-type]


def network_of(path: Path) -> str:
    """SHA-256 of the network that a person file was made for. Raises: InputError."""
    return _read(path)[1]


def load_person(path: Path, *, network: str) -> Person:
    """What is known of a person, for the network with this SHA-256.

    Raises:
        InputError: the file is missing, no person file, or not as it was written.
        ModelError: it was made for another network.
    """
    person, made_for = _read(path)
    if made_for != network:
        raise ModelError(f"The identity {path} was made for another network: make it anew with `gioconda personalise`.")
    return person


def _read(path: Path) -> tuple[Person, str]:
    """The person, and the network. Raises: InputError."""
    try:
        with zipfile.ZipFile(path) as whole:
            members = whole.infolist()
        if len(members) > MOST_ARRAYS or sum(member.file_size for member in members) > MOST_BYTES:
            raise ValueError("it is far too large")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
        about = json.loads(str(arrays.pop("about")))
        return _checked(arrays, about), str(about["network"])
    except (*DAMAGED_NPZ, AttributeError) as error:
        raise InputError(
            f"{path} is no identity file of this version of `gioconda personalise` ({one_line(error)}): make it anew."
        ) from error


def _checked(arrays: dict[str, Array], about: dict[str, Any]) -> Person:
    """Raises: ValueError, KeyError, TypeError, AttributeError: anything is not as `save_person` writes it."""
    if about.get("format") != FORMAT:
        raise ValueError("its format is unknown")
    if about["content"] != _digest(arrays):
        raise ValueError("its content was changed")
    embedding = arrays.pop("code")
    changes = {name.removeprefix(CHANGE): change for name, change in arrays.items() if name.startswith(CHANGE)}
    shaped = embedding.ndim == 2 and len(embedding) == 1 and embedding.dtype == np.float32
    if not shaped or len(changes) != len(arrays) or any(change.dtype != np.float16 for change in changes.values()):
        raise ValueError("its arrays are others")
    if not all(np.isfinite(values).all() for values in (embedding, *changes.values())):
        raise ValueError("it has values that are no numbers")
    return Person(embedding, changes)


def _digest(arrays: Mapping[str, Array]) -> str:
    """SHA-256 of names, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        digest.update(json.dumps([name, values.dtype.str, values.shape]).encode() + b"\0" + values.tobytes())
    return digest.hexdigest()
