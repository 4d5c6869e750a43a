"""The graph of whole frames: with the networks in it, or without."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnx

from ..engine.network_channels import PARTS
from ..errors import ModelError
from ..imaging.exr_zip import HALF_MAX
from ..models.onnx_weights import Weights, changed
from ..neural.crops import Sizes
from .apply import corrected
from .features import network_inputs
from .graph import HALF, Graph
from .shading import empty_canvas, patched, shaded, with_hull

NETWORK = "network/"


def frame_graph(network: onnx.ModelProto | None = None, *, half: bool = True) -> bytes:
    """An ONNX model: lists of pixels in, finished frames out.

    Outputs, of which a run makes those that are asked for:
        combined: (frames · H · W, 4) float32, premultiplied; combined_half: the same in half precision, held within
            its range.
        matte, matte_half: (frames · H · W, 1).
        hull_shown: (frames · H · W, 1), how much of each pixel is the back of the head.
        drawn_matte: the matte as it was before the networks corrected it.
        moves: (frames · h · w, 2) float32, with a network: see `apply.corrected`.

    Args:
        network: that corrects frames, as `training.export` writes it.
        half: with the outputs in half precision, which WebGPU's devices need not have.

    Raises: ModelError: the network is none of these.
    """
    g = Graph()
    canvas, hull_shown = with_hull(g, shaded(g, empty_canvas(g)))
    g.output("hull_shown", hull_shown, ("pixels", 1))
    canvas = patched(g, canvas)
    g.output("drawn_matte", canvas.matte, ("pixels", 1))
    if network is not None:
        sizes, embedding = sizes_of(network)
        inputs = network_inputs(g, canvas, sizes, embedding)
        outputs = g.include(network, inputs.tensors, prefix=NETWORK)
        canvas, moves = corrected(g, canvas, inputs, outputs, sizes)
        g.output("moves", moves, ("box_pixels", 2))
    for name, value, channels in (("combined", canvas.combined, 4), ("matte", canvas.matte, 1)):
        g.output(name, value, ("pixels", channels))
        if half:
            g.output(f"{name}_half", value.clip(-HALF_MAX, HALF_MAX).cast(HALF), ("pixels", channels))
    return g.model()


def read_network(path: Path, changes: Mapping[str, Weights] | None = None) -> onnx.ModelProto:
    """A network's file, with `changes`, by name, added to its weights.

    Raises: ModelError: it is no ONNX file, or the changes do not fit.
    """
    content = changed(path, changes or {})
    try:
        return onnx.load_from_string(content)
    except Exception as error:  # protobuf's and onnx's classes share no base
        raise ModelError(f"The model {path} cannot be read: run `gioconda models verify`.") from error


def sizes_of(network: onnx.ModelProto) -> tuple[Sizes, int]:
    """The sides of the crops it wants to see, and how long the person's embedding is. Raises: ModelError."""
    shapes = {
        entry.name: [side.dim_value for side in entry.type.tensor_type.shape.dim] for entry in network.graph.input
    }
    try:
        head, mouth, eye = (shapes[f"{part}_colours"][-1] for part in PARTS)
        return Sizes(head, mouth, eye), shapes["code"][-1]
    except (KeyError, IndexError) as error:
        raise ModelError("The model is no network of corrections.") from error
