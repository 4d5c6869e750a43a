"""The `fast` model as two ONNX files, proven against torch on real pairs: `person` once a portrait, `frame` per frame.

Standard operators of opset 17, the batch free to choose: one file for every provider of ONNX Runtime.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..face.runtime import Session
from ..models.weights import weights_in
from ..neural.corrector import OUTPUTS
from ..neural.features import COLOURS, GEOMETRY, NUMBERS
from . import checkpoint
from .fast import PARTS, SIZES, Part

OPSET = 17
TOLERANCE = 1e-3


class Person(nn.Module):
    """Head pictures, each followed by its mirror image, (2 N, 4, 256, 256) → code (N, K)."""

    def __init__(self, parts: dict[str, Part]) -> None:
        super().__init__()
        self.embedders = nn.ModuleList(parts[name].embedder for name in PARTS)

    def forward(self, source: Tensor) -> Tensor:
        head, mouth, eyes = (embedder(source) for embedder in self.embedders)
        return torch.cat([head[0::2], mouth[0::2], eyes[0::2], eyes[1::2]], dim=1)


class Frame(nn.Module):
    """All corrections of N frames at once; eyes come as 2 N: left, right of each frame."""

    def __init__(self, parts: dict[str, Part]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(parts)
        self.splits = [parts[name].config.embedding for name in ("head", "mouth", "eyes", "eyes")]

    def forward(
        self, head_colours: Tensor, head_geometry: Tensor, mouth_colours: Tensor, mouth_geometry: Tensor,
        eyes_colours: Tensor, eyes_geometry: Tensor, numbers: Tensor, eyes_numbers: Tensor, code: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        head, mouth, left, right = code.split(self.splits, dim=1)
        eyes = torch.stack([left, right], dim=1).flatten(0, 1)
        return (
            *self.parts["head"](head_colours, head_geometry, numbers, head),
            *self.parts["mouth"](mouth_colours, mouth_geometry, numbers, mouth),
            *self.parts["eyes"](eyes_colours, eyes_geometry, eyes_numbers, eyes),
        )


def load_parts(folder: Path) -> tuple[dict[str, Part], dict[str, dict[str, object]]]:
    """The averaged weights of PART.pt for every part, and what the checkpoints say of themselves.

    Raises:
        InputError: a checkpoint is missing or broken.
    """
    parts, about = {}, {}
    for name in PARTS:
        state = checkpoint.load(folder / f"{name}.pt", kind="fast")
        part = Part(SIZES[name])
        weights = {key.removeprefix("module."): v for key, v in state["average"].items() if key.startswith("module.")}
        part.load_state_dict(weights)
        parts[name] = part.eval()
        about[name] = {key: state[key] for key in ("step", "data", "commit", "config", "torch")}
    return parts, about


def parts_of_onnx(person: Path, frame: Path) -> dict[str, Part]:
    """The exported weights back in torch: what is shipped is enough to go on learning from.

    Raises:
        ModelError: the files are not of this version's model.
    """
    weights = {name: torch.from_numpy(value) for path in (person, frame) for name, value in weights_in(path).items()}
    parts = {}
    for k, name in enumerate(PARTS):
        part, state = Part(SIZES[name]), {}
        for key, value in part.state_dict().items():
            own = key.startswith("embedder.")
            stored = f"embedders.{k}.{key.removeprefix('embedder.')}" if own else f"parts.{name}.{key}"
            if stored not in weights or weights[stored].shape != value.shape:
                raise ModelError(f"{person if own else frame} lacks {stored}: it is not this version's model.")
            state[key] = weights[stored].clone()
        part.load_state_dict(state)
        parts[name] = part.eval()
    return parts


def export_fast(parts: dict[str, Part], out: Path) -> tuple[Path, Path]:
    """Write `neural_fast_person.onnx` and `neural_fast.onnx` into `out` and prove them.

    Raises:
        ModelError: ONNX Runtime's answers differ from torch's by more than TOLERANCE.
    """
    out.mkdir(parents=True, exist_ok=True)
    person, frame = out / "neural_fast_person.onnx", out / "neural_fast.onnx"
    width = sum(parts[name].config.embedding for name in ("head", "mouth", "eyes", "eyes"))
    _export(Person(parts), {"source": torch.rand(4, 4, 256, 256)}, ("code",), person)
    _export(Frame(parts), example(2, width), OUTPUTS, frame)
    return person, frame


def example(count: int, code: int) -> dict[str, Tensor]:
    """Random inputs of `Frame` for so many frames."""
    torch.manual_seed(0)
    inputs = {}
    for name, size, n in (("head", 256, count), ("mouth", 128, count), ("eyes", 96, 2 * count)):
        inputs[f"{name}_colours"] = torch.rand(n, COLOURS, size, size)
        inputs[f"{name}_geometry"] = torch.rand(n, GEOMETRY, size // 2, size // 2) - 0.5
    inputs["numbers"], inputs["eyes_numbers"] = torch.randn(count, NUMBERS), torch.randn(2 * count, NUMBERS)
    return inputs | {"code": torch.randn(count, code)}


def _export(model: nn.Module, inputs: dict[str, Tensor], outputs: tuple[str, ...], path: Path) -> None:
    model.eval()
    names = list(inputs)
    batch = {name: {0: "M" if name.startswith(("eyes", "source")) else "N"} for name in (*names, *outputs)}
    torch.onnx.export(
        model, tuple(inputs.values()), str(path), input_names=names, output_names=list(outputs), dynamic_axes=batch,
        opset_version=OPSET, dynamo=False,
    )  # fmt: skip
    _state_shapes(path, model, inputs, batch)
    difference = disagreement(model, inputs, path)
    if not difference <= TOLERANCE:
        raise ModelError(f"{path} differs from the trained model by {difference:.2g}: it must not be used.")


@torch.no_grad()
def _state_shapes(path: Path, model: nn.Module, inputs: dict[str, Tensor], batch: dict[str, dict[int, str]]) -> None:
    """Write all shapes into the file: the batch by name (N frames, M = 2 N), the rest as numbers."""
    content = onnx.load(str(path))
    made = model(*inputs.values())
    tensors = [*inputs.values(), *(made if isinstance(made, tuple) else (made,))]
    for value, tensor in zip((*content.graph.input, *content.graph.output), tensors, strict=True):
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            dimension.Clear()
            if axis:
                dimension.dim_value = tensor.shape[axis]
            else:
                dimension.dim_param = batch[value.name][0]
    onnx.save(content, str(path))


@torch.no_grad()
def disagreement(model: nn.Module, inputs: dict[str, Tensor], path: Path) -> float:
    """The largest difference between torch and ONNX Runtime on the same inputs."""
    session = Session(path, "cpu")
    theirs = session.run({name: value.numpy() for name, value in inputs.items()})
    ours = model(*inputs.values())
    ours = ours if isinstance(ours, tuple) else (ours,)
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(ours, theirs, strict=True))
