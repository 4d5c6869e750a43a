"""The neural part measured: every clip with geometry alone, `fast`, `full`, the paper's mode and the static source.

Writes the report as JSON and its tables as Markdown. `neural_table` knows what the figures mean, `neural_clip` how they
come about.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import networks as stored
from .metrics import mean
from .neural_clip import ROOT, Judged, Paper, Task, judge_task
from .neural_table import GEOMETRY, NETWORKS, goals, markdown
from .portrait import timing_portrait
from .reenactment import Row, run
from .report import print_goals, read_json, write_json

THREADS = 2  # for which the bar on time is given


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
        clips: folder of the videos; names: which of them (without suffix); empty means all.
        step, most: every `step`-th frame after the first, at most `most` a clip.
        processes: clips judged at a time, each on one thread.
        networks: exported networks that take the place of the shipped ones.
        paper: folder of the paper's checkpoint; python: an interpreter with PyTorch, "" for this one; tune: steps of
            few-shot learning on the first frame.
        cost: measure milliseconds too.
        beside: the neural.json of another run, to stand beside.
    """

    clips: Path
    models: Path
    out: Path
    names: tuple[str, ...] = ()
    step: int = 5
    most: int = 40
    processes: int = 1
    networks: Path | None = None
    paper: Path | None = None
    python: str = ""
    tune: int = 0
    cost: bool = True
    beside: Path | None = None


def measure(settings: Settings) -> dict[str, Any]:
    """Runs, prints, writes neural.json and neural.md into `out`. Says so where the clips are absent."""
    found = sorted(settings.clips.glob("*.mp4"), key=lambda path: (len(path.stem), path.stem))
    paths = [path for path in found if not settings.names or path.stem in settings.names]
    if not paths:
        print(f"SKIPPED the neural part: no clips{' of those names' if found else ''} in {settings.clips}")
        return {"skipped": True}
    models = settings.models
    if settings.networks:
        models = stored.folder_with(settings.networks, models, settings.out / "models")
    there = tuple(name for name in NETWORKS if stored.there(name, models))
    paper, missing = asked_paper(settings)
    missing = {name: "its files are not there" for name in NETWORKS if name not in there} | missing
    for name, why in missing.items():
        print(f"  {name}: not measured: {why}")
    report: dict[str, Any] = {
        "settings": {"clips": [p.stem for p in paths], "of": len(found), "step": settings.step, "most": settings.most},
        "networks": dict(stored.hashes(models)),
        "missing": missing,
        "frames": [],
        "flicker": {},
        "changed": {},
        "paper": {"steps": steps_of(paper.run), "tune": paper.tune} if paper else None,
    }
    tasks = [
        Task(
            path,
            models,
            there,
            settings.step,
            settings.most,
            settings.out / "cache",
            paper,
            settings.out / f"neural-{path.stem}.png",
        )
        for path in paths
    ]
    print(f"The neural part: {len(paths)} clips, every {settings.step}th frame, at most {settings.most}, 512 x 512")
    for count, (task, result) in enumerate(run(tasks, processes=settings.processes, judge=judge_task), 1):
        where = f"  {count} of {len(tasks)}  {task.path.stem}"
        if isinstance(result, str):
            print(f"{where}: FAILED: {result}", flush=True)
            continue
        add(report, task.path.stem, result)
        print(f"{where}: {told(result, there)}, {result.seconds:.0f} s", flush=True)
    if not report["frames"]:
        return {"failed": True}
    if settings.beside:
        report["before"] = same_frames(read_json(settings.beside).get("frames", []), report["frames"])
    if settings.cost:
        report["cost"] = cost(there, models, settings.out)
    finish(report, there, settings.out)
    return report


def same_frames(others: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Another run's rows of the frames that this one has too."""
    frames = {(row["clip"], row["frame"]) for row in rows}
    return [row for row in others if (row["clip"], row["frame"]) in frames]


def add(report: dict[str, Any], clip: str, judged: Judged) -> None:
    """A clip's figures into the report."""
    report["frames"] += judged.rows
    report["flicker"][clip], report["changed"][clip] = judged.flicker, judged.changed


def told(judged: Judged, networks: Sequence[str]) -> str:
    """A clip in one line: geometry's figure and what networks make of it."""
    parts = []
    for key, name in (("psnr", "whole"), ("psnr_mouth", "mouth"), ("psnr_eyes", "eyes"), ("psnr_hair_body", "hair")):
        means = {e: mean((r for r in judged.rows if r["engine"] == e), key) for e in (GEOMETRY, *networks)}
        parts.append(f"{name} {means[GEOMETRY]:.2f}" + "".join(f" {means[n] - means[GEOMETRY]:+.2f}" for n in networks))
    return ", ".join(parts)


def finish(report: dict[str, Any], networks: Sequence[str], out: Path) -> None:
    """Prints tables and bars, writes both files."""
    text = markdown(report)
    print("\n" + text)
    found = [goal for name in networks for goal in goals(report, name)]
    part = len(report["settings"]["clips"]) < report["settings"]["of"]
    print("What must be shown" + (" (a part only: the bars are for every clip)" if part else "") + ":")
    print_goals(found)
    report["goals"] = [vars(goal) | {"met": goal.met} for goal in found]
    write_json(out / "neural.json", report)
    (out / "neural.md").write_text(text, encoding="utf-8")
    print(f"  {out}/neural.json, neural.md, neural-CLIP.png (target, static, geometry, networks …)")


def asked_paper(settings: Settings) -> tuple[Paper | None, dict[str, str]]:
    """How to ask the paper's networks, or why they cannot be."""
    if settings.paper is None:
        return None, {"paper": "no checkpoint was given (`--paper`)"}
    if not (settings.paper / "paper-landmarks.pt").is_file():
        return None, {"paper": "there is no paper-landmarks.pt in the folder"}
    if not settings.python and importlib.util.find_spec("torch"):
        return Paper(settings.paper.resolve(), sys.executable, settings.tune), {}
    if not settings.python or shutil.which(settings.python) is None:
        return None, {"paper": "it needs an interpreter with PyTorch (`--training-python`)"}
    return Paper(settings.paper.resolve(), settings.python, settings.tune), {}


def steps_of(run: Path) -> int | None:
    """How many steps the paper's networks have learned, by their log."""
    log = run / "paper-landmarks.csv"
    rows = list(csv.DictReader(log.read_text(encoding="utf-8").splitlines())) if log.is_file() else []
    return int(float(rows[-1]["step"])) if rows else None


def cost(networks: Sequence[str], models: Path, out: Path) -> dict[str, Any]:
    """Milliseconds a frame at 512², see `neural_cost`; nothing where there is no portrait to time."""
    portrait = timing_portrait(out)
    if portrait is None:
        return {}
    threads = {name: str(THREADS) for name in ("GIOCONDA_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    found = {}
    for name in networks:
        picture = portrait.at(512, out)
        words = [sys.executable, "-m", "tests.bench.neural_cost", str(picture), str(models), name, str(THREADS)]
        said = subprocess.run(words, cwd=ROOT, env=os.environ | threads, capture_output=True, text=True, check=True)
        found[name] = json.loads(said.stdout)
        print(f"  {name}: {found[name]['added']:.0f} ms added to {found[name]['frame']:.0f} ms, {THREADS} threads")
    return found
