"""`python -m tests.gpu`: does a graphics card draw the processor's frames, does all of it stay there, how fast is it?

Exit status: 0 all well · 1 something is not · 7 there is no graphics card that ONNX Runtime can use here.
`--device cpu --size 256` runs the script itself where there is none; figures of that mean nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import onnxruntime
from gioconda.errors import DeviceError, ExitCode
from gioconda.gpu.device import DeviceGraph, graphics_device
from gioconda.gpu.graph import FLOAT, Graph

from . import agreement, placement, speed
from .sitter import ROOT, portrait_of, qualities

GOAL = 60.0  # frames a second with the full networks at 2048 x 2048 on a data-centre card
GOAL_SIDE = 2048
CHECKS = ("agreement", "placement", "speed")


def main() -> int:
    arguments = parser().parse_args()
    if arguments.device != "cpu" and (why := missing(arguments.device)):
        print(f"NO GPU: {why} Nothing was checked.")
        return ExitCode.DEVICE
    there = qualities(arguments.models, arguments.neural)
    print(f"ONNX Runtime {onnxruntime.__version__} on {arguments.device}; networks: {', '.join(there)}\n")
    failed, report = [], {"device": arguments.device, "onnxruntime": onnxruntime.__version__, "size": arguments.size}
    small = portrait_of(arguments.small)
    if "agreement" in arguments.checks:
        report["agreement"] = agreement.measure(small, arguments.device, there, arguments.compared, failed)
    if "placement" in arguments.checks:
        with tempfile.TemporaryDirectory() as folder:
            report["placement"] = placement.measure(small, arguments.device, there, Path(folder), failed)
    rows: list[dict[str, Any]] = []
    if "speed" in arguments.checks:
        large = portrait_of(arguments.size)
        report["speed"] = rows = speed.measure(large, arguments.device, there, arguments.batches, arguments.frames)
    best = max((row["frames_per_second"] for row in rows if row["neural"] == "full" and not row["error"]), default=None)
    if arguments.device == "cpu" or arguments.size < GOAL_SIDE or not rows:
        print(f"\nThe goal ({GOAL:g} frames a second with full at {GOAL_SIDE}²) is not judged by this run.")
    elif best is None:
        print("\nThe goal is not judged: there are no full networks here.")
    elif best < GOAL:
        failed.append(f"{best:.1f} frames a second with full, {GOAL:g} were wanted")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "report.json").write_text(json.dumps(report | {"failed": failed}, indent=1), encoding="utf-8")
    print(f"\nFigures: {arguments.out / 'report.json'}")
    for line in failed:
        print(f"FAILED: {line}")
    return 1 if failed else 0


def missing(device: str) -> str | None:
    """Why a device cannot be used; None: it can."""
    if graphics_device(device) is None:
        if device == "webgpu":
            return "onnxruntime-ep-webgpu is not installed, or reaches no card: make setup EXTRA=webgpu."
        return "this build of ONNX Runtime has no CUDA: make setup EXTRA=gpu."
    g = Graph()
    g.output("y", g.input("x", FLOAT, (1,)) + 1.0, (1,))
    try:
        DeviceGraph(g.model(), device)
    except DeviceError as error:
        return str(error)
    return None


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    p.add_argument("--device", choices=("cuda", "webgpu", "cpu"), default="cuda")
    p.add_argument("--size", type=int, default=GOAL_SIDE, help="as many pixels as a square of this side are timed")
    p.add_argument("--small", type=int, default=500, help="the same for what is compared")
    p.add_argument("--checks", nargs="+", default=list(CHECKS), choices=CHECKS)
    p.add_argument("--compared", type=int, nargs="+", default=[1, 3], help="frames in one run for what is compared")
    p.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    p.add_argument("--frames", type=int, default=64, help="how many are timed for each line")
    p.add_argument("--neural", nargs="+", default=["off", "fast", "full"], choices=("off", "fast", "full"))
    p.add_argument("--models", type=Path, default=ROOT / "onnx_models")
    p.add_argument("--out", type=Path, default=Path("out/gpu"))
    return p


if __name__ == "__main__":
    sys.exit(main())
