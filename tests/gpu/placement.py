"""Whether a frame stays on the device: which operators ran elsewhere, and how much they had to hand."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import onnxruntime
from gioconda.engine import Portrait, pose_portrait
from gioconda.gpu import crops, inputs
from gioconda.gpu.device import DeviceGraph
from gioconda.gpu.frame_graph import frame_graph, read_network

from .sitter import corrector_of, poses_of

LARGE = 65536  # bytes: shapes and other bookkeeping may be worked out by the processor, pixels not


def measure(
    portrait: Portrait, device: str, there: dict[str, tuple[Path, Path] | None], folder: Path, failed: list[str]
) -> list[dict[str, Any]]:
    """Prints what one run of each graph did where; pixels that left the device halfway go to `failed`."""
    rows = []
    for name, nets in there.items():
        events = _run(portrait, device, nets, folder / name)
        copies = [event for event in events if event["op_name"].startswith("Memcpy")]
        away = [event for event in events if device != "cpu" and "CPU" in event["provider"]]
        large = [event for event in (*copies, *away) if int(event["output_size"]) > LARGE]
        row = {"neural": name, "operators": len(events), "elsewhere": len(away), "copies": len(copies)}
        rows.append(row)
        print(f"{name}: {len(events)} operators in one run, {len(away)} of them elsewhere, {len(copies)} copies")
        if large:
            kinds = Counter(event["op_name"] for event in large)
            failed.append(f"{name}: pixels leave the device halfway: {dict(kinds)}")
    print()
    return rows


def _run(portrait: Portrait, device: str, nets: tuple[Path, Path] | None, prefix: Path) -> list[dict[str, Any]]:
    """What ONNX Runtime's profile says of each operator."""
    corrector = corrector_of(portrait, nets, device)
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(prefix)
    model = frame_graph(None if nets is None else read_network(nets[1]), half=device != "webgpu")
    graph = DeviceGraph(model, device, options=options)
    [posed] = [pose_portrait(portrait, pose) for pose in poses_of(portrait, 1)]
    still, feeds = inputs.portrait_inputs(portrait), inputs.frame_inputs([inputs.list_frame(posed)])
    if corrector is not None:
        still |= crops.portrait_inputs(corrector)
        feeds |= crops.frame_inputs(corrector, [crops.measure(corrector, posed)])
    graph.run({**{name: graph.hold(array) for name, array in still.items()}, **feeds}, ["combined", "matte"])
    with Path(graph.session.end_profiling()).open(encoding="utf-8") as file:
        events = json.load(file)
    return [e["args"] for e in events if e.get("cat") == "Node" and "output_size" in e.get("args", {})]
