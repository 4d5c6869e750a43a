"""`python -m tests.bench`: measure quality and speed, print the figures, write them to out/bench/report.json."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2

from . import long_runs, neural, quality, speed, turns
from .long_runs import CORES
from .portrait import timing_portrait
from .report import read_json, write_json

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("reenactment", "neural", "turns", "speed", "long")
CLIPS = ROOT.parent / "shared" / "data" / "clips"
TURNS = CLIPS.with_name("turns")


def main() -> int:
    """Runs the chosen parts. The exit status says whether it ran, not whether goals were met."""
    arguments = parser().parse_args()
    parts = [arguments.part] if arguments.part else list(PARTS)
    began = time.monotonic()
    path = arguments.out / "report.json"
    # One part run alone leaves the others' last figures where they are.
    report: dict[str, Any] = read_json(path) if arguments.part else {}
    report |= {"machine": platform.platform(), "python": platform.python_version(), "opencv": cv2.__version__}
    if "reenactment" in parts:
        report["reenactment"] = quality.measure(quality_settings(arguments))
    if "neural" in parts:
        report["neural"] = neural.measure(neural_settings(arguments)).get("goals", [])
    if "turns" in parts:
        report["turns"] = turns.measure(turns_settings(arguments))
    if "speed" in parts or "long" in parts:
        report |= timings(arguments, parts)
    write_json(path, report)
    print(f"\nDone in {time.monotonic() - began:.0f} s; all figures in {path}")
    return 0


def timings(arguments: argparse.Namespace, parts: list[str]) -> dict[str, Any]:
    """The parts that need a portrait to time."""
    portrait = timing_portrait(arguments.out)
    if portrait is None:
        print("SKIPPED timing: no portrait (the demonstration's needs the package index, ../shared is absent)")
        return {}
    print(f"\nTiming portrait: {portrait.text}")
    where = {"out": arguments.out, "models": arguments.models}
    report: dict[str, Any] = {}
    if "speed" in parts:
        sizes = arguments.sizes or (speed.QUICK_SIZES if arguments.quick else speed.SIZES)
        report["speed"] = speed.measure(portrait, sizes, one_thread=arguments.one_thread, **where)
    if "long" in parts:
        report["long"] = long_runs.measure(portrait, quick=arguments.quick, **where)
    return report


def quality_settings(arguments: argparse.Namespace) -> quality.Settings:
    """--quick looks at three clips, coarsely."""
    names = tuple(name for name in arguments.clips.split(",") if name)
    if arguments.quick:
        names = names or ("d0", "d3", "d18")
    return quality.Settings(
        clips=arguments.data,
        models=arguments.models,
        out=arguments.out,
        names=names,
        step=arguments.step or (20 if arguments.quick else 5),
        most=arguments.frames,
        processes=arguments.processes,
    )


def neural_settings(arguments: argparse.Namespace) -> neural.Settings:
    """--quick looks at three clips, coarsely."""
    names = tuple(name for name in arguments.clips.split(",") if name)
    return neural.Settings(
        clips=arguments.data,
        models=arguments.models,
        out=arguments.out,
        names=names or (("d0", "d3", "d18") if arguments.quick else ()),
        step=arguments.step or (20 if arguments.quick else 5),
        most=arguments.frames,
        processes=arguments.processes,
        networks=arguments.networks,
        paper=arguments.paper,
        python=arguments.training_python,
        tune=arguments.paper_tune,
        cost=not arguments.no_cost,
        beside=beside(arguments, "neural", "neural.json"),
    )


def turns_settings(arguments: argparse.Namespace) -> turns.Settings:
    """--quick looks at three people."""
    names = tuple(name for name in arguments.people.split(",") if name)
    return turns.Settings(
        pictures=arguments.turns,
        models=arguments.models,
        out=arguments.out / "turns",
        names=names or (("001", "018", "066") if arguments.quick else ()),
        label=arguments.label,
        beside=beside(arguments, "turns", "turns/turns.json"),
        processes=arguments.processes,
    )


def beside(arguments: argparse.Namespace, part: str, report: str) -> Path | None:
    """The figures to stand beside a part's: a file of them, or what another checkout's engine gives, measured first."""
    if arguments.before is None:
        return Path(arguments.beside) if arguments.beside else None
    out = arguments.out / "before"
    words = [sys.executable, "-m", "tests.bench", part, "--label", "before", "--no-cost", "--out", str(out)]
    words += ["--models", str(arguments.before / "onnx_models"), "--data", str(arguments.data)]
    words += ["--turns", str(arguments.turns), "--frames", str(arguments.frames)]
    words += ["--processes", str(arguments.processes), "--clips", arguments.clips, "--people", arguments.people]
    words += ["--quick"] * arguments.quick + (["--step", str(arguments.step)] if arguments.step else [])
    print(f"First the {part} part with the engine of {arguments.before}:", flush=True)
    path = os.pathsep.join([str(arguments.before.resolve() / "core"), os.environ.get("PYTHONPATH", "")])
    subprocess.run(words, cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, check=True)
    return Path(out / report)


def parser() -> argparse.ArgumentParser:
    """The benchmark's words."""
    words = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    words.add_argument("part", nargs="?", choices=PARTS, help="only this part")
    words.add_argument("--quick", action="store_true", help="fewer clips, frames and sizes: a look, not a verdict")
    words.add_argument("--clips", default="", metavar="d0,d3", help="re-enact only these")
    words.add_argument("--people", default="", metavar="001,005", help="turn only these")
    words.add_argument("--label", default="", metavar="WORD", help="what this run is called in the table of turns")
    words.add_argument(
        "--beside", type=Path, metavar="FILE", help="neural.json or turns.json of another run, to stand beside"
    )
    words.add_argument(
        "--before", type=Path, metavar="CHECKOUT", help="measure that checkout's engine first, to stand beside"
    )
    words.add_argument(
        "--turns", type=Path, default=TURNS, metavar="FOLDER", help="turned heads (default: %(default)s)"
    )
    words.add_argument("--step", type=int, metavar="N", help="judge every Nth frame (default: 5)")
    words.add_argument("--frames", type=int, default=40, metavar="N", help="at most, of a clip (default: %(default)s)")
    words.add_argument("--sizes", type=_sizes, default=None, metavar="512,2048", help="time only these picture sizes")
    words.add_argument(
        "--processes", type=int, default=CORES, metavar="N", help="clips judged at a time (default: cores)"
    )
    words.add_argument("--one-thread", action="store_true", help="time on one thread: steadier on a busy machine")
    words.add_argument("--networks", type=Path, metavar="FOLDER", help="exported networks instead of the shipped ones")
    words.add_argument("--paper", type=Path, metavar="FOLDER", help="a run of `gioconda train paper`, to be judged too")
    words.add_argument("--paper-tune", type=int, default=0, metavar="N", help="steps on each first frame (default: 0)")
    words.add_argument(
        "--training-python", default="", metavar="PYTHON", help="an interpreter with PyTorch, for --paper"
    )
    words.add_argument("--no-cost", action="store_true", help="do not time the networks")
    words.add_argument("--data", type=Path, default=CLIPS, metavar="FOLDER", help="the clips (default: %(default)s)")
    words.add_argument("--models", type=Path, default=ROOT / "onnx_models", metavar="FOLDER", help="the ONNX nets")
    words.add_argument("--out", type=Path, default=ROOT / "out" / "bench", metavar="FOLDER", help="sheets and report")
    return words


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
