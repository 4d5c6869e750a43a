"""Frames on WebGPU, drawn by SwiftShader: a Vulkan device in software, of Debian's package chromium-common."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.gpu.sitter import ROOT

LIBRARY = Path("/usr/lib/chromium/libvk_swiftshader.so")


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("onnxruntime_ep_webgpu") is None, reason="onnxruntime-ep-webgpu is not installed"),
    pytest.mark.skipif(
        not LIBRARY.is_file(), reason="SwiftShader is not here: apt-get install chromium-common libvulkan1"
    ),
]


def run(folder: Path, *words: str) -> str:
    """What a module of tests.gpu prints, with SwiftShader as the only card."""
    driver = folder / "driver.json"
    icd = {"file_format_version": "1.0.0", "ICD": {"library_path": str(LIBRARY), "api_version": "1.0.5"}}
    driver.write_text(json.dumps(icd), encoding="utf-8")
    vulkan = {"VK_DRIVER_FILES": str(driver), "XDG_RUNTIME_DIR": str(folder)}
    paths = os.pathsep.join([str(ROOT / "core"), str(ROOT)])
    software = {"ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER": "1", "PYTHONPATH": paths}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | vulkan | software, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_frames_are_the_processors_and_stay_on_the_device(tmp_path: Path) -> None:
    """Whole frames without networks: the same bits, in batches of one and of three; no pixels leave halfway."""
    sizes = ["--size", "90", "--small", "128", "--batches", "1", "--frames", "2"]
    run(tmp_path, "tests.gpu", "--device", "webgpu", "--neural", "off", *sizes, "--out", str(tmp_path))
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [(row["largest"], row["matte"]) for row in report["agreement"]] == [(0, 0), (0, 0)]
    assert report["placement"][0]["elsewhere"] < 20


def test_the_network_gives_the_processors_answer_and_stays_on_the_device(tmp_path: Path) -> None:
    """`fast` without the frame around it, whose shaders take SwiftShader minutes more."""
    found = json.loads(run(tmp_path, "tests.gpu.network_alone", "webgpu", str(tmp_path)))
    assert found["largest"] <= 1e-4
    assert found["large_elsewhere"] == []
    assert found["operators"] > 300
