"""Blender as a Python module, where there is one: `make extension` puts it into .venv-bpy."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def blender_python() -> str:
    """An interpreter that can import bpy. Blender never runs inside the tests' own process."""
    if importlib.util.find_spec("bpy"):
        return sys.executable
    for python in (ROOT / ".venv-bpy" / "bin" / "python", ROOT / ".venv-bpy" / "Scripts" / "python.exe"):
        if python.exists() and list(python.parents[1].glob("[Ll]ib/**/site-packages/bpy")):
            return str(python)
    pytest.skip("no bpy module here: run `make extension`")
