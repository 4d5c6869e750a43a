"""A .blend of version 0.1, with hardly a setting at its default, is the same portrait and makes the same job."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

OLD = Path(__file__).resolve().parents[1] / "data" / "version_0_1"


@pytest.mark.timeout(900)
def test_a_blend_is_read_with_every_setting(blender: Any, tmp_path: Path) -> None:
    shutil.copy(OLD / "portrait.blend", tmp_path)
    found = blender.run(OLD / "in_blender.py", "read", tmp_path / "portrait.blend", tmp_path, folder=tmp_path)
    old = json.loads((OLD / "portrait.json").read_text(encoding="utf-8"))
    for part in ("settings", "job"):  # what was added since is at its default
        assert _known_then(found[part], old[part]) == old[part]


def _known_then(now: Any, then: Any) -> Any:
    """What `now` says of the names that `then` knew, at any depth."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {name: _known_then(now.get(name), value) for name, value in then.items()}
    return now
