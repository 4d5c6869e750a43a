"""Devices: which one there is, which one it got, and a sentence when the asked-for one is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import DeviceError, ModelError
from gioconda.models import model_path
from gioconda.models.runtime import DEVICES, Session, available_devices


def test_auto_gets_a_device_and_says_which(models_folder: Path) -> None:
    session = Session(model_path("face_detection_short_range", models_folder))
    assert session.device in available_devices()


def test_the_cpu_is_always_there(models_folder: Path) -> None:
    session = Session(model_path("face_detection_short_range", models_folder), "cpu", threads=1)
    assert session.device == "cpu" and available_devices()[-1] == "cpu"
    outputs = session.run({"image": np.zeros((1, 128, 128, 3), np.float32)})
    assert [output.shape for output in outputs] == [(1, 896, 16), (1, 896, 1)]
    assert session.outputs == ["boxes", "scores"]


def test_a_missing_device_gives_a_sentence(models_folder: Path) -> None:
    path = model_path("face_detection_short_range", models_folder)
    for device in set(DEVICES[1:]) - set(available_devices()):
        with pytest.raises(DeviceError, match=f"{device}.*is not in this build"):
            Session(path, device)
    with pytest.raises(DeviceError, match="There is no device 'gpu': choose one of auto, cpu"):
        Session(path, "gpu")


def test_a_file_that_is_no_network_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"broken\.onnx cannot be loaded"):
        Session(tmp_path / "broken.onnx", "cpu")


def test_without_onnx_runtime_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from gioconda.errors import DeviceError\n"
        "try:\n    import gioconda.models.runtime\n"
        "except DeviceError as error:\n    print(error)\n"
    )
    core = Path(__file__).resolve().parents[3] / "core"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=core, check=True)
    assert "pip install gioconda[cpu]" in done.stdout
