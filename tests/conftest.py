"""Fixtures every test may use: where the shared data and the nets are; tests skip without the first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import gioconda  # noqa: F401 - the program, before pytest imports the root's __init__.py under the checkout's name
import pytest
from gioconda.machine import compute_alike

compute_alike()  # as the program does, before numpy is imported: frames drawn here and there have the same bytes

ROOT = Path(__file__).resolve().parent.parent
POLICY = ROOT / "tests" / "data" / "policy.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-bytes", type=int, default=15_000, help="broken bytes for each reader (make fuzz: a million)"
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """`../shared/data` beside the checkout: portraits, clips, rigs, motion. Never part of the project."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """`onnx_models/`, where the nets are."""
    return ROOT / "onnx_models"


@pytest.fixture(scope="session", autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys and remembered answers stay out of the user's own folder; a policy covers the tests' pictures."""
    own = {"GIOCONDA_CONFIG": str(tmp_path_factory.mktemp("config")), "GIOCONDA_POLICY": str(POLICY)}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
