"""`python -m tests.gpu.network_alone DEVICE FOLDER`: the network `fast` without the rest of a frame, as JSON.

The quickest way to try a device's convolutions: in software, the shaders of a whole frame with them take minutes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from gioconda.gpu.device import DeviceGraph

from .placement import LARGE
from .sitter import ROOT

EYES = {"M": 2}  # of one head


def measure(device: str, folder: Path) -> dict[str, Any]:
    """The largest difference to the processor's outputs, and the bytes of operators that ran elsewhere.

    Returns: {"largest": float, "operators": int, "large_elsewhere": [names of operators]}.
    """
    content = (ROOT / "onnx_models/neural_fast.onnx").read_bytes()
    options = onnxruntime.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(folder / "network")
    there, here = DeviceGraph(content, device, options=options), DeviceGraph(content, "cpu")
    rng = np.random.default_rng(5)
    feeds = {
        entry.name: rng.random(
            [side if isinstance(side, int) else EYES.get(side, 1) for side in entry.shape], np.float32
        )
        for entry in here.session.get_inputs()
    }
    names = [entry.name for entry in here.session.get_outputs()]
    pairs = zip(there.run(feeds, names), here.run(feeds, names), strict=True)
    largest = max(float(np.abs(made - wanted).max()) for made, wanted in pairs)
    events = json.loads(Path(there.session.end_profiling()).read_text(encoding="utf-8"))
    nodes = [e["args"] for e in events if e.get("cat") == "Node" and "output_size" in e.get("args", {})]
    away = [node for node in nodes if device != "cpu" and "CPU" in node["provider"]]
    large = [node["op_name"] for node in away if int(node["output_size"]) > LARGE]
    return {"largest": largest, "operators": len(nodes), "large_elsewhere": large}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
