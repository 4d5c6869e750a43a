"""pymatting's solvers for alpha and foreground colours. The only file that imports pymatting."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..arrays import Float32


def _pymatting(module: str, name: str) -> Any:
    """A function of pymatting, without the packages' own __init__: those have numba compile all there is, on a first
    run 50 seconds of processor time instead of 10."""
    if "pymatting" not in sys.modules:
        spec = find_spec("pymatting")
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError("No module named 'pymatting'", name="pymatting")
        top = Path(spec.submodule_search_locations[0])
        for folder in (top, *(path for path in top.iterdir() if (path / "__init__.py").is_file())):
            package = ModuleType(".".join(("pymatting", *folder.relative_to(top).parts)))
            package.__path__ = [str(folder)]
            sys.modules[package.__name__] = package
    return getattr(import_module(f"pymatting.{module}"), name)


estimate_alpha_cf = _pymatting("alpha.estimate_alpha_cf", "estimate_alpha_cf")
estimate_foreground_ml = _pymatting("foreground.estimate_foreground_ml", "estimate_foreground_ml")
ichol = _pymatting("preconditioner.ichol", "ichol")
jacobi = _pymatting("preconditioner.jacobi", "jacobi")


def estimate_foreground(colour: Float32, alpha: Float32) -> Float32:
    """The person's own colour where it mixes with the background. (H, W, 3), (H, W) float32 → (H, W, 3) float32.

    Source: Germer et al., "Fast multi-level foreground estimation", ICPR 2020 (pymatting).
    """
    return np.asarray(estimate_foreground_ml(colour, alpha), np.float32)
