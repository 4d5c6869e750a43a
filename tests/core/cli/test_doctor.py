"""The doctor finds what is there and says in sentences what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gioconda.cli import doctor


def test_a_working_machine_is_told_so(models_folder: Path, tmp_path: Path) -> None:
    found = doctor.examine(models_folder, tmp_path / "cache" / "not" / "yet")
    assert found["cores"] >= 1
    assert set(found["models"].values()) == {"whole"}
    assert found["devices"]["cpu"] == "works"
    assert found["cache"]["free_mb"] > 0
    assert not [p for p in found["problems"] if "GB is free" not in p]
    assert json.loads(json.dumps(found)) == found
    assert "device cpu" in doctor.report(found)


def test_missing_nets_are_a_problem_with_a_way_out(tmp_path: Path) -> None:
    found = doctor.examine(tmp_path)
    assert all("restore the folder onnx_models" in state for state in found["models"].values())
    assert any("is missing" in problem for problem in found["problems"])
    assert found["devices"]["cpu"] == "not tried: no net is there"


def test_a_net_with_a_wrong_hash_is_a_problem(models_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(models_folder, tmp_path / "nets")
    (tmp_path / "nets" / "face_landmarks.onnx").write_bytes(b"something else")
    found = doctor.examine(tmp_path / "nets")
    assert "not the expected one" in found["models"]["face_landmarks"]
    assert len([p for p in found["problems"] if "GB is free" not in p]) == 1
