"""The weights inside an ONNX file, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from ..errors import ModelError


def weights_in(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Every initialiser of the graph.

    Raises:
        ModelError: the file is missing or no ONNX.
    """
    try:
        graph: Any = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's errors share no base
        raise ModelError(f"The model {path} cannot be read: {error}.") from error
    return {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
