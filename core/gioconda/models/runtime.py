"""Run an ONNX network on the device the user chose. The only file that imports ONNX Runtime; it knows no faces."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DeviceError, ModelError
from ..job.job import DEVICES
from ..machine import cores
from .onnx_weights import Weights, changed

try:
    import onnxruntime
except ImportError as missing:  # two builds exclude each other, so neither is a plain dependency
    raise DeviceError(
        "ONNX Runtime is not installed: run `pip install gioconda[cpu]`, "
        "or `pip install gioconda[gpu]` for an NVIDIA GPU."
    ) from missing

_PROVIDERS = {  # best first
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "webgpu": "WebGpuExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# The networks are small: more threads mostly wait for each other. And from three on the last bits of an answer change
# with their number: a frame must have the same bytes on every machine of a farm.
MAX_THREADS = 2

GRAPHICS = ("cuda", "webgpu")  # what “gpu” stands for, best first
LOG = logging.getLogger(__name__)

Array = npt.NDArray[np.float32]


def available_devices() -> list[str]:
    """The devices this build of ONNX Runtime knows, best first; a driver may still be missing."""
    present = onnxruntime.get_available_providers()
    if webgpu_device() is not None:
        present.append(_PROVIDERS["webgpu"])
    return [device for device, provider in _PROVIDERS.items() if provider in present]


@cache
def webgpu_device() -> Any | None:
    """The first graphics card that onnxruntime-ep-webgpu reaches, as ONNX Runtime's object; None: there is none.

    The package is a library that is loaded into ONNX Runtime, once in a process. Cards drawn in software count only
    where the environment says ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER=1.
    """
    if find_spec("onnxruntime_ep_webgpu") is None or not hasattr(onnxruntime, "register_execution_provider_library"):
        return None
    import onnxruntime_ep_webgpu as plugin

    try:
        onnxruntime.register_execution_provider_library("webgpu", plugin.get_library_path())
    except Exception:  # no Vulkan here, or this ONNX Runtime is older than the library wants
        return None
    cards = (device for device in onnxruntime.get_ep_devices() if device.ep_name == _PROVIDERS["webgpu"])
    return next(cards, None)


def open_session(model: bytes | str, options: Any, device: str, settings: Mapping[str, str] | None = None) -> Any:
    """ONNX Runtime's session of a file, or of its bytes, on one of `available_devices`. Raises ONNX Runtime's errors.

    settings: the provider's own. What the device has no operator for runs on the processor.
    """
    if device == "webgpu":
        options.add_provider_for_devices([webgpu_device()], dict(settings or {}))
        return onnxruntime.InferenceSession(model, options)
    if device in ("cuda", "tensorrt") and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # CUDA and cuDNN from pip packages
    providers: list[Any] = [(_PROVIDERS[device], dict(settings or {}))]
    if device != "cpu":
        providers.append(_PROVIDERS["cpu"])
    return onnxruntime.InferenceSession(model, options, providers=providers)


class Session:
    """One network, ready to run.

    Attributes:
        device: the device it got, one of `DEVICES` without "auto" and "gpu"; “cpu” after a card has failed.
        inputs: name → shape; a string is a size free to choose.
    """

    def __init__(
        self,
        path: Path,
        device: str = "auto",
        *,
        threads: int | None = None,
        changes: Mapping[str, Weights] | None = None,
    ) -> None:
        """Load the network.

        Args:
            path: the .onnx file; `models.model_path` has checked it.
            device: one of `DEVICES`. "auto" takes the best that works and ends with the CPU, "gpu" is CUDA or WebGPU.
            threads: for the CPU; by default as many as there are cores. Never more than MAX_THREADS.
            changes: what is added to its weights, by name: see `onnx_weights`.

        Raises:
            DeviceError: the asked-for device is unknown or does not work here.
            ModelError: the file is no network ONNX Runtime can load, or the changes do not fit it.
        """
        self._path, self._threads = path, threads
        self._content: str | bytes = changed(path, changes) if changes else str(path)
        for candidate in _candidates(device):
            self._session = _open(path, self._content, candidate, threads)
            if self._session.get_providers()[0] == _PROVIDERS[candidate]:
                self.device = candidate
                break
        else:
            raise DeviceError(
                f"The device {device!r} does not work here: its driver or libraries are missing; "
                "see `gioconda doctor`, or use --device cpu."
            )
        self.inputs: dict[str, list[int | str]] = {each.name: each.shape for each in self._session.get_inputs()}
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, inputs: dict[str, Array]) -> list[Array]:
        """Inputs by name, float32 → outputs in the order of `self.outputs`, float32.

        A card that fails, mostly for want of memory, is told to the log; these inputs and all that follow are the
        processor's. Raises: ONNX Runtime's errors, where the processor fails as well.
        """
        try:
            results: list[Array] = self._session.run(None, inputs)
        except Exception as error:  # ONNX Runtime raises classes of its own that share no base
            if self.device == "cpu":
                raise
            why = (str(error).splitlines() or [type(error).__name__])[0]
            self._session = _open(self._path, self._content, "cpu", self._threads)
            results = self._session.run(None, inputs)
            LOG.warning("%s fails on %s (%s): the processor runs it from here on.", self._path.name, self.device, why)
            self.device = "cpu"
        return results


def _candidates(device: str) -> list[str]:
    if device not in DEVICES:
        raise DeviceError(f"There is no device {device!r}: choose one of {', '.join(DEVICES)}.")
    present = available_devices()
    if device == "auto":
        # Without TensorRT, which compiles for minutes before its first frame, and without WebGPU, whose shaders are
        # compiled in every process and which a small card may run slower than the processor.
        return [name for name in present if name not in ("tensorrt", "webgpu")]
    if device == "gpu":
        if cards := [name for name in GRAPHICS if name in present]:
            return cards
        raise DeviceError(
            "There is no graphics card that ONNX Runtime can use here: `pip install gioconda[gpu]` for NVIDIA's, "
            "gioconda[webgpu] for any maker's, with the card's driver; or use --device cpu."
        )
    if device not in present:
        raise DeviceError(
            f"The device {device!r} is not in this build of ONNX Runtime, which has {', '.join(present)}: "
            "install the build for it (`pip install gioconda[gpu]` for cuda and tensorrt, gioconda[webgpu] for webgpu, "
            "which also wants a graphics card and its driver)."
        )
    return [device]


def _open(path: Path, content: str | bytes, device: str, threads: int | None) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # it would write to stderr what we say in a sentence
    options.intra_op_num_threads = min(threads or cores(), MAX_THREADS)
    options.inter_op_num_threads = 1
    # Idle threads sleep instead of spinning: rendering needs the cores between two frames.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return open_session(content, options, device)
    except Exception as error:  # ONNX Runtime raises classes of its own that share no base
        raise ModelError(
            f"The model {path} cannot be loaded ({str(error).splitlines()[0]}): run `gioconda models verify`."
        ) from error
