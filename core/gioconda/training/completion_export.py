"""A trained completion network as ONNX, proven against torch."""

from __future__ import annotations

from pathlib import Path

import torch

from ..errors import ModelError
from ..neural.background import GUESSES, SIZE
from . import checkpoint
from .completion import Completion, CompletionConfig
from .export import OPSET, TOLERANCE, disagreement


def load_completion(run: Path) -> tuple[Completion, int]:
    """The averaged weights of a training's results, and after how many steps.

    Raises:
        InputError: there are none.
    """
    stored = checkpoint.load(run / "completion.pt", kind="completion")
    known = stored["config"]["model"]
    config = CompletionConfig(tuple(known["channels"]), tuple(known["dilations"]), known["blocks"])
    model = Completion(config)
    prefix = "module."
    weights = {name[len(prefix) :]: value for name, value in stored["average"].items() if name.startswith(prefix)}
    model.load_state_dict(weights)
    return model.eval(), int(stored["step"])


def export_completion(model: Completion, path: Path) -> Path:
    """Write the ONNX file and prove it.

    Raises:
        ModelError: ONNX Runtime's answers differ from torch's by more than TOLERANCE.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    inputs = {"guesses": torch.rand(2, 3 * GUESSES, SIZE, SIZE), "hole": (torch.rand(2, 1, SIZE, SIZE) > 0.5).float()}
    batch = {name: {0: "N"} for name in (*inputs, "painted")}
    torch.onnx.export(
        model.eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=["painted"],
        dynamic_axes=batch,
        opset_version=OPSET,
        dynamo=False,
    )
    difference = disagreement(model, inputs, path)
    if not difference <= TOLERANCE:
        raise ModelError(f"{path} differs from the trained model by {difference:.2g}: it must not be used.")
    return path
