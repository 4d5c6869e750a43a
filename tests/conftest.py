"""Fixtures every test may use: where the shared data and the converted nets are; tests skip without them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """`../shared/data` beside the checkout: portraits, clips, rigs, motion. Never part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """`onnx_models/` with the converted nets in it; `make models` puts them there."""
    folder = ROOT / "onnx_models"
    if not list(folder.glob("*.onnx")):
        pytest.skip("onnx_models/ holds no nets yet: run `make models`")
    return folder
