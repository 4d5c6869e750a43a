"""Checkpoints: weights, averaged weights and optimiser, with the config, the data and the code they come from."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from .. import __version__
from ..errors import InputError
from ..files import whole_file

FORMAT = 1


def save(path: Path, *, kind: str, config: Any, step: int, data: Mapping[str, Any], **state: Any) -> None:
    """Write a checkpoint; it appears whole or not at all.

    Args:
        kind: "fast", "full", "paper" …
        config: the dataclass training was asked for.
        data: what it learned from.
        state: `state_dict`s and whatever else resuming needs.
    """
    about = {"format": FORMAT, "kind": kind, "config": asdict(config), "step": step, "data": dict(data)}
    about |= {"gioconda": __version__, "commit": commit(), "torch": str(torch.__version__)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        torch.save(about | state, part)


def load(path: Path, *, kind: str | tuple[str, ...]) -> dict[str, Any]:
    """What `save` wrote. kind: which, or which ones will do.

    Raises:
        InputError: the file is missing, broken or of another kind.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"The checkpoint {path} cannot be read: {str(error).splitlines()[0]}.") from error
    kinds = (kind,) if isinstance(kind, str) else kind
    if content.get("format") != FORMAT or content.get("kind") not in kinds:
        raise InputError(f"{path} is not a checkpoint of a “{'” or “'.join(kinds)}” model of this version.")
    return content


def commit() -> str:
    """The commit of the code that runs, with + when it was changed since; "" outside a checkout."""
    folder = Path(__file__).resolve().parent
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--", "."], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
