"""One network of an external engine: loaded, compared with the catalogue, run; every fault becomes a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..models.runtime import Session
from .catalogue import NetworkFile, Shape

Float32 = npt.NDArray[np.float32]

# how ONNX Runtime names what it lacks
_LACKING = (
    re.compile(r"No Op registered for (\S+)"),
    re.compile(r"(\S+?)(?:\([-\d]+\))? is not a registered function"),
)


class Network:
    """A network by the names of its inputs and outputs.

    Attributes:
        device: where it runs.
    """

    def __init__(self, path: Path, known: NetworkFile, device: str = "auto", *, threads: int | None = None) -> None:
        """
        Raises:
            ModelError: ONNX Runtime cannot load it, or it is another network.
            DeviceError: the device does not work here.
        """
        self.path, self.known = path, known
        self._asked, self._threads = device, threads
        self._session = self._open(device)
        for name, shape in known.inputs.items():
            if name not in self._session.inputs:
                raise ModelError(self._other(f"it has no input “{name}”"))
            self._check(f"input “{name}”", self._session.inputs[name], shape)
        missing = [name for name in known.outputs if name not in self._session.outputs]
        if missing:
            raise ModelError(self._other(f"it has no output “{missing[0]}”"))

    @property
    def device(self) -> str:
        return self._session.device

    def __call__(self, **inputs: Float32) -> dict[str, Float32]:
        """Inputs by name → outputs by name.

        Raises:
            ModelError: it cannot work on them, or its outputs have other shapes.
        """
        try:
            outputs = self._session.run(inputs)
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base
            if self._asked != "auto" or self.device == "cpu":
                raise ModelError(f"{self.path} does not run on {self.device}: {_first_line(error)}") from error
            # devices lack operators that the processor has, and some say so only now: 5-D GridSample on CUDA
            self._session = self._open("cpu")
            return self(**inputs)
        made = dict(zip(self._session.outputs, outputs, strict=True))
        for name, shape in self.known.outputs.items():
            self._check(f"output “{name}”", made[name].shape, shape)
        return {name: np.asarray(made[name], np.float32) for name in self.known.outputs}

    def _open(self, device: str) -> Session:
        try:
            return Session(self.path, device, threads=self._threads)
        except ModelError as error:
            why = error.__cause__ or error
            lacking = next((found[1] for pattern in _LACKING if (found := pattern.search(str(why)))), None)
            if lacking:
                raise ModelError(
                    f"{self.path} needs the operator {lacking}, which ONNX Runtime does not have: use an export with "
                    "standard operators only (GridSample of five dimensions is one, see docs/other-engines.md)."
                ) from error
            raise ModelError(
                f"{self.path} is no network ONNX Runtime can load ({_first_line(why)}): get it again."
            ) from error

    def _check(self, what: str, found: Sequence[int | str | None], shape: Shape) -> None:
        """Sizes a network leaves open fit every size."""
        fits = len(found) == len(shape) and all(
            not isinstance(size, int) or size == wanted for size, wanted in zip(found, shape, strict=True)
        )
        if not fits:
            raise ModelError(self._other(f"its {what} is {_shown(found)}, not {_shown(shape)}"))

    def _other(self, why: str) -> str:
        return f"{self.path} is not the network it should be ({self.known.role}): {why}; get the file named so."


def _shown(shape: Sequence[int | str | None]) -> str:
    return " × ".join(str(size) if isinstance(size, int) else "any" for size in shape) or "one number"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
