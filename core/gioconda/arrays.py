"""The types of arrays, named once. numpy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Float16 = npt.NDArray[np.float16]
Float32 = npt.NDArray[np.float32]
Int = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
