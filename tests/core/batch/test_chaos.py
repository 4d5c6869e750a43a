"""A small batch during which everything goes wrong; `make chaos` runs the large one."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from tests.bench.chaos import chaos

pytestmark = pytest.mark.slow


def test_whatever_is_killed_nothing_is_lost_and_nothing_differs(tmp_path: Path, models_folder: Path) -> None:
    wanted = Namespace(portraits=2, takes=2, frames=6, size=96, kills=3, processes=2, seed=1)
    found = chaos(tmp_path, wanted)
    assert found["passed"], found
    assert len(found["reasons"]) == 2
    assert any("corrupt.png" in reason for reason in found["reasons"])
    assert any("malformed.csv" in reason and "line 2" in reason for reason in found["reasons"])
