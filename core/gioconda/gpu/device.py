"""A graph on a device, whose inputs may stay there between runs. Beside models/runtime.py alone in using ONNX Runtime.

`models.runtime.Session` takes files and arrays; frames need what it has no use for: graphs made in memory and layers
that are uploaded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arrays import Array
from ..errors import DeviceError
from ..machine import cores
from ..models.runtime import (
    GRAPHICS,
    available_devices,
    open_session,
)  # first: it says in a sentence where ONNX Runtime is missing

import onnxruntime  # isort: skip

# Where whole frames are worth it: the device and its memory, in ONNX Runtime's words. TensorRT compiles a graph anew
# for every length of a list, so its cards use CUDA for frames; DirectML and CoreML were never measured.
_PROVIDERS = {
    "cuda": ("CUDAExecutionProvider", "cuda"),
    "webgpu": ("WebGpuExecutionProvider", "webgpu"),
    "cpu": ("CPUExecutionProvider", "cpu"),
}
_OPTIONS: dict[str, dict[str, str]] = {"cuda": {"arena_extend_strategy": "kSameAsRequested"}}
_SAME_CARD = {"cuda": "cuda", "tensorrt": "cuda", "webgpu": "webgpu"}
# WebGPU promises no more for one buffer that a shader reads or writes, in bytes.
STORAGE_LIMIT = 128 << 20


def graphics_device(wanted: str) -> str | None:
    """Which device draws whole frames for a job that wants one of `job.DEVICES`; None: the processor does.

    For “auto” and “gpu” the best there is; whether it is worth it `trial` finds out.
    """
    present = available_devices()
    wanted_cards = GRAPHICS if wanted in ("auto", "gpu") else (_SAME_CARD.get(wanted),)
    return next((device for device in wanted_cards if device in present), None)


class DeviceGraph:
    """An open graph.

    Attributes:
        device: where it runs, “cuda”, “webgpu” or “cpu”; session: ONNX Runtime's.
    """

    def __init__(self, model: bytes, device: str, *, threads: int | None = None, options: Any = None) -> None:
        """Open it.

        Args:
            model: an ONNX file's bytes.
            device: “cuda”, “webgpu” or “cpu”.
            threads: for the processor.
            options: ONNX Runtime's, where there are any to begin with.

        Raises: DeviceError: the device does not work here, or not with this graph.
        """
        provider, self._memory = _PROVIDERS[device]
        self.device = device
        options = options or onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or cores()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        with _failing(device):
            self.session = open_session(model, options, device, _OPTIONS.get(device))
        if self.session.get_providers()[0] != provider:
            raise DeviceError(f"Frames cannot be rendered on {device}: its driver or libraries are missing.")

    def hold(self, array: Array) -> Any:
        """An array's copy in the device's memory, to be given to `run` again and again. Raises: DeviceError."""
        with _failing(self.device):
            return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array), self._memory, 0)

    def run(self, inputs: Mapping[str, Any], outputs: Sequence[str]) -> list[Array]:
        """The outputs asked for, in this order; nothing else is worked out or fetched.

        inputs: arrays, and what `hold` returned.

        Raises: DeviceError: mostly, there is not enough memory.
        """
        with _failing(self.device):
            binding = self.session.io_binding()
            for name, value in inputs.items():
                if isinstance(value, np.ndarray):
                    binding.bind_cpu_input(name, np.ascontiguousarray(value))
                else:
                    binding.bind_ortvalue_input(name, value)
            for name in outputs:
                binding.bind_output(name, "cpu")
            self.session.run_with_iobinding(binding)
            return [value.numpy() for value in binding.get_outputs()]


@contextmanager
def _failing(device: str) -> Iterator[None]:
    """Raises: DeviceError for any of ONNX Runtime's errors: its classes share no base."""
    try:
        yield
    except Exception as error:
        words = (str(error).splitlines() or [type(error).__name__])[0]
        raise DeviceError(f"Frames cannot be rendered on {device} ({words}): use --device cpu.") from error
