"""The script of `make gpu` itself, on the processor and tiny."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from gioconda.gpu.device import graphics_device

from tests.gpu import __main__ as script
from tests.gpu import agreement, sitter

TINY = ["--device", "cpu", "--size", "90", "--small", "120", "--batches", "1", "--frames", "2", "--neural", "off"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["tests.gpu", *arguments])
    return script.main()


def test_it_compares_looks_and_times(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *TINY, "--out", str(tmp_path)) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [(row["batch"], row["same"]) for row in report["agreement"]] == [(1, 1.0), (3, 1.0)]
    assert report["placement"][0]["operators"] > 100
    assert all(row["frames_per_second"] > 0 for row in report["speed"])
    assert "is not judged" in capsys.readouterr().out


def test_frames_that_differ_are_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(agreement.TOLERANCE, "cpu", {"off": -1.0, "networks": -1.0})
    assert run(monkeypatch, *TINY, "--out", str(tmp_path)) == 1
    assert "from the processor" in (tmp_path / "report.json").read_text(encoding="utf-8")


@pytest.mark.skipif(graphics_device("cuda") is not None, reason="there is a graphics card's build of ONNX Runtime")
def test_no_card_is_an_exit_status_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch) == 7
    assert "NO GPU" in capsys.readouterr().out


def test_networks_that_are_not_here_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(sitter.ROOT / "onnx_models" / "models.yaml", tmp_path)
    assert sitter.qualities(tmp_path, ["off", "full"]) == {"off": None}
    assert "left out" in capsys.readouterr().out
