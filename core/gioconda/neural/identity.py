"""An identity file: what few-shot learning knows of a person, for the networks it was made with and no others.

One `.npz` without pickles: the code, and as JSON whom it was made from and for which network (by SHA-256).
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..atomic import whole_file
from ..errors import InputError, ModelError

FORMAT = "gioconda-identity-1"
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class About:
    """Where an identity comes from.

    Attributes:
        network: SHA-256 of the network's file it was made for.
        pictures: SHA-256 of the pictures, in the order given.
        steps: of fine-tuning; 0: the mean embedding as it is.
        before, after: relative error on the pictures before and after fine-tuning; 1: as without any network.
    """

    network: str
    pictures: tuple[str, ...]
    steps: int = 0
    before: float = 0.0
    after: float = 0.0


def save_identity(path: Path, code: Float32, about: About) -> None:
    """code: (1, K)."""
    with whole_file(path) as part, part.open("wb") as file:
        np.savez(file, code=code, about=np.array(json.dumps({"format": FORMAT, **asdict(about)})))


def network_of(path: Path) -> str:
    """SHA-256 of the network that an identity was made for. Raises: InputError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return str(json.loads(str(file["about"]))["network"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no identity file of `gioconda personalise`: {error}.") from error


def load_identity(path: Path, *, network: str) -> Float32:
    """The code, (1, K), for the network with this SHA-256.

    Raises:
        InputError: the file is missing or no identity.
        ModelError: it was made for another network.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            code, about = np.asarray(file["code"], np.float32), json.loads(str(file["about"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no identity file of `gioconda personalise`: {error}.") from error
    if about.get("format") != FORMAT or code.ndim != 2 or not np.isfinite(code).all():
        raise InputError(f"{path} is no identity file of this version: make it anew with `gioconda personalise`.")
    if about["network"] != network:
        raise ModelError(f"The identity {path} was made for another network: make it anew with `gioconda personalise`.")
    return code
