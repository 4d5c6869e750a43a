"""The types of arrays, named once. numpy only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floating = npt.NDArray[np.floating[Any]]
Float = npt.NDArray[np.float64]
Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.int32]
UInt8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
