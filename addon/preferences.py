"""What is stored per user: the worker's Python, folders, device, threads; and the check whether that works."""

from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..core.gioconda.job.job import DEVICES
from . import session
from .operators import check_interpreter
from .panels.drawing import property_column

PACKAGE = __package__.rpartition(".")[0]
DEVICE_TEXTS = {
    "auto": ("Automatic", "The best device that works"),
    "cpu": ("Processor", "Works everywhere"),
    "gpu": ("Graphics card", "CUDA where it works, else WebGPU; an error where there is no card"),
    "cuda": ("CUDA", "NVIDIA cards; needs a Python of your own with onnxruntime-gpu"),
    "webgpu": ("WebGPU", "Any maker's card, through Direct3D 12, Vulkan or Metal"),
    "tensorrt": (
        "TensorRT",
        "NVIDIA cards, compiled for minutes first; needs a Python of your own with onnxruntime-gpu",
    ),
    "directml": ("DirectML", "Any card in Windows; needs a Python of your own with onnxruntime-directml"),
    "coreml": ("Core ML", "Apple's chips"),
}


def _changed(_self: Any, _context: bpy.types.Context) -> None:
    """The worker is started anew when it is next needed; what the check said holds no longer."""
    session.stop_worker()
    check_interpreter.forget()


class GIOCONDA_AddonPreferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    python: StringProperty(
        name="Python",
        subtype="FILE_PATH",
        update=_changed,
        description="A Python of your own that runs Gioconda, such as one with a GPU build of ONNX Runtime; "
        "empty: Blender's own, with what the extension brings along",
    )
    device: EnumProperty(
        name="Device",
        default="auto",
        update=_changed,
        items=[(name, *DEVICE_TEXTS[name]) for name in DEVICES],
        description="What the nets that find and measure the face run on",
    )
    threads: IntProperty(
        name="Threads",
        default=0,
        min=0,
        soft_max=64,
        update=_changed,
        description="Processor threads that rendering may use; 0: all of them",
    )
    models: StringProperty(
        name="Nets",
        subtype="DIR_PATH",
        update=_changed,
        description="Folder of the nets (models.yaml and .onnx files); empty: those of the extension",
    )
    cache: StringProperty(
        name="Cache",
        subtype="DIR_PATH",
        update=_changed,
        description="Folder where prepared portraits are kept; empty: among the extension's data",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        column = property_column(self.layout)
        for name in ("python", "device", "threads", "models", "cache"):
            column.prop(self, name)
        check_interpreter.draw(self.layout)


def preferences(context: bpy.types.Context) -> GIOCONDA_AddonPreferences:
    """Ours, with the fields above."""
    return context.preferences.addons[PACKAGE].preferences


def for_worker(context: bpy.types.Context) -> dict[str, Any]:
    """Fields of a worker's request: where its networks are, what they run on."""
    chosen = preferences(context)
    return {"models": chosen.models or None, "device": chosen.device, "threads": chosen.threads or None}


CLASSES = (*check_interpreter.CLASSES, GIOCONDA_AddonPreferences)


def unregister() -> None:
    check_interpreter.forget()
