"""Devices: which one there is, which one it got, and a sentence when the asked-for one is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.errors import DeviceError, ModelError
from gioconda.models import model_path, runtime
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
    for device in set(DEVICES) - {"auto", "gpu"} - set(available_devices()):
        with pytest.raises(DeviceError, match=f"{device}.*is not in this build"):
            Session(path, device)
    with pytest.raises(DeviceError, match="There is no device 'npu': choose one of auto, cpu"):
        Session(path, "npu")


def test_gpu_is_cuda_else_webgpu_else_a_sentence(models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "available_devices", lambda: ["cpu"])
    with pytest.raises(DeviceError, match=r"no graphics card .* gioconda\[webgpu\]"):
        Session(model_path("face_detection_short_range", models_folder), "gpu")
    for present, wanted in ((["webgpu", "cpu"], "webgpu"), (["cuda", "webgpu", "cpu"], "cuda")):
        monkeypatch.setattr(runtime, "available_devices", lambda present=present: present)
        assert runtime._candidates("gpu")[0] == wanted


@pytest.mark.parametrize("asked", ["auto", "gpu", "webgpu"])
def test_a_card_that_fails_halfway_leaves_the_same_inputs_to_the_processor(
    asked: str, models_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Card:
        """A session on a card that has room for one run."""

        runs = 0

        def __init__(self, session: Any) -> None:
            self.session = session
            self.get_inputs, self.get_outputs = session.get_inputs, session.get_outputs

        def get_providers(self) -> list[str]:
            return ["WebGpuExecutionProvider"]

        def run(self, names: Any, inputs: Any) -> Any:
            self.runs += 1
            if self.runs > 1:
                raise RuntimeError("Failed to allocate memory\nfor a buffer")
            return self.session.run(names, inputs)

    open_it = runtime._open
    monkeypatch.setattr(
        runtime,
        "_open",
        lambda path, content, device, threads: (
            open_it(path, content, device, threads) if device == "cpu" else Card(open_it(path, content, "cpu", threads))
        ),
    )
    monkeypatch.setattr(runtime, "_candidates", lambda device: ["webgpu"])
    session = Session(model_path("face_detection_short_range", models_folder), asked, threads=1)
    image = {"image": np.random.default_rng(3).random((1, 128, 128, 3), np.float32)}
    first = session.run(image)
    assert session.device == "webgpu"
    again, third = session.run(image), session.run(image)
    assert session.device == "cpu"
    for one, other, last in zip(first, again, third, strict=True):
        assert np.array_equal(one, other) and np.array_equal(one, last)
    [said] = caplog.messages
    assert "fails on webgpu (Failed to allocate memory): the processor runs it" in said


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
