"""A model as two ONNX files, proven against torch: `person` once a portrait, `frame` per frame.

Standard operators of opset 17, the batch free to choose: one file for every provider of ONNX Runtime. Inputs and
outputs are float32. The weights of `full` are stored as float16 and become float32 where they are loaded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from ..engine.network_channels import COLOURS, GEOMETRY, NUMBERS, OUTPUTS
from ..errors import ModelError
from ..models.onnx_weights import weights_in
from ..models.runtime import Session
from . import checkpoint
from .fast import PARTS
from .variants import SIDES, Part, crop_sides, new_part

OPSET = 17
TOLERANCE = 1e-3  # between torch and ONNX Runtime, both in float32
HALF_TOLERANCE = 5e-3  # the same, when the weights are stored as float16
HALF, SMALL = ".half", 1024  # what stored names end with then; weights with fewer numbers stay float32
KEPT = ("projection",)  # and so does what few-shot learning changes


class Person(nn.Module):
    """Head pictures, each followed by its mirror image, (2 N, 4, S, S) → code (N, K)."""

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
        self,
        head_colours: Tensor,
        head_geometry: Tensor,
        mouth_colours: Tensor,
        mouth_geometry: Tensor,
        eyes_colours: Tensor,
        eyes_geometry: Tensor,
        numbers: Tensor,
        eyes_numbers: Tensor,
        code: Tensor,
    ) -> tuple[Tensor, ...]:
        head, mouth, left, right = code.split(self.splits, dim=1)
        eyes = torch.stack([left, right], dim=1).flatten(0, 1)
        return (
            *self.parts["head"](head_colours, head_geometry, numbers, head),
            *self.parts["mouth"](mouth_colours, mouth_geometry, numbers, mouth),
            *self.parts["eyes"](eyes_colours, eyes_geometry, eyes_numbers, eyes),
        )


def load_parts(folder: Path) -> tuple[str, dict[str, Part], dict[str, dict[str, object]]]:
    """Which model it is, the averaged weights of PART.pt for every part, and what the checkpoints say of themselves.

    Raises:
        InputError: a checkpoint is missing, broken, or not of the same model as the others.
    """
    parts, about, qualities = {}, {}, tuple(SIDES)
    for name in PARTS:
        state = checkpoint.load(folder / f"{name}.pt", kind=qualities)
        qualities = (str(state["kind"]),)
        part = new_part(qualities[0], name)
        weights = {key.removeprefix("module."): v for key, v in state["average"].items() if key.startswith("module.")}
        part.load_state_dict(weights)
        parts[name] = part.eval()
        about[name] = {key: state[key] for key in ("step", "data", "commit", "config", "torch")}
    return qualities[0], parts, about


def parts_of_onnx(person: Path, frame: Path, quality: str = "fast") -> dict[str, Part]:
    """The exported weights back in torch: what is shipped is enough to go on learning from.

    Raises:
        ModelError: the files are not of this version's model.
    """
    stored = {name: value for path in (person, frame) for name, value in weights_in(path).items()}
    weights = {name.removesuffix(HALF): torch.from_numpy(value) for name, value in stored.items()}
    parts = {}
    for k, name in enumerate(PARTS):
        part, state = new_part(quality, name), {}
        for key, value in part.state_dict().items():
            own = key.startswith("embedder.")
            within = f"embedders.{k}.{key.removeprefix('embedder.')}" if own else f"parts.{name}.{key}"
            if within not in weights or weights[within].shape != value.shape:
                raise ModelError(f"{person if own else frame} lacks {within}: it is not this version's model.")
            state[key] = weights[within].to(value.dtype).clone()
        part.load_state_dict(state)
        parts[name] = part.eval()
    return parts


def export(quality: str, parts: dict[str, Part], out: Path) -> tuple[Path, Path]:
    """Write `neural_QUALITY_person.onnx` and `neural_QUALITY.onnx` into `out` and prove them.

    Raises:
        ModelError: ONNX Runtime's answers differ from torch's by more than TOLERANCE, or HALF_TOLERANCE.
    """
    out.mkdir(parents=True, exist_ok=True)
    person, frame = out / f"neural_{quality}_person.onnx", out / f"neural_{quality}.onnx"
    side = SIDES[quality].head
    torch.manual_seed(0)
    half = quality == "full"
    _export(Person(parts), {"source": torch.rand(4, 4, side, side)}, ("code",), person, half=half)
    _export(Frame(parts), example(quality, parts, 2), OUTPUTS, frame, half=half)
    return person, frame


def example(quality: str, parts: dict[str, Part], count: int) -> dict[str, Tensor]:
    """Random inputs of `Frame` for so many frames."""
    inputs = {}
    for name, size in crop_sides(quality).items():
        n = 2 * count if name == "eyes" else count
        inputs[f"{name}_colours"] = torch.rand(n, COLOURS, size, size)
        inputs[f"{name}_geometry"] = torch.rand(n, GEOMETRY, size // 2, size // 2) - 0.5
    inputs["numbers"], inputs["eyes_numbers"] = torch.randn(count, NUMBERS), torch.randn(2 * count, NUMBERS)
    code = sum(parts[name].config.embedding for name in ("head", "mouth", "eyes", "eyes"))
    return inputs | {"code": torch.randn(count, code)}


def _export(model: nn.Module, inputs: dict[str, Tensor], outputs: tuple[str, ...], path: Path, *, half: bool) -> None:
    model.eval()
    names = list(inputs)
    batch = {name: {0: "M" if name.startswith(("eyes", "source")) else "N"} for name in (*names, *outputs)}
    torch.onnx.export(
        model,
        tuple(inputs.values()),
        str(path),
        input_names=names,
        output_names=list(outputs),
        dynamic_axes=batch,
        opset_version=OPSET,
        dynamo=False,
    )
    _state_shapes(path, model, inputs, batch)
    _prove(model, inputs, path, TOLERANCE)
    if half:
        store_half(path)
        _prove(model, inputs, path, HALF_TOLERANCE)


def _prove(model: nn.Module, inputs: dict[str, Tensor], path: Path, tolerance: float) -> None:
    """Raises: ModelError."""
    difference = largest_difference(model, inputs, path)
    if not difference <= tolerance:
        raise ModelError(f"{path} differs from the trained model by {difference:.2g}: it must not be used.")


def store_half(path: Path) -> None:
    """Store a file's weights as float16, in place: each is made float32 again by a Cast, once, when it is loaded."""
    content = onnx.load(str(path))
    casts = []
    for tensor in content.graph.initializer:
        name, values = tensor.name, numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= SMALL and not any(kept in name for kept in KEPT):
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + HALF))
            casts.append(helper.make_node("Cast", [name + HALF], [name], f"{name}{HALF}/Cast", to=TensorProto.FLOAT))
    nodes = [*casts, *content.graph.node]
    del content.graph.node[:]
    content.graph.node.extend(nodes)
    onnx.checker.check_model(content)
    onnx.save(content, str(path))


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
def largest_difference(model: nn.Module, inputs: dict[str, Tensor], path: Path) -> float:
    """The largest difference between torch and ONNX Runtime on the same inputs."""
    session = Session(path, "cpu")
    theirs = session.run({name: value.numpy() for name, value in inputs.items()})
    ours = model(*inputs.values())
    ours = ours if isinstance(ours, tuple) else (ours,)
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(ours, theirs, strict=True))
