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
    """Every initialiser of the graph. Of several equal ones (all zeros, say) a file keeps one: it has each name here.

    Raises:
        ModelError: the file is missing or no ONNX.
    """
    try:
        graph: Any = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's errors share no base
        raise ModelError(f"The model {path} cannot be read: {error}.") from error
    weights = {tensor.name: np.array(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return weights
