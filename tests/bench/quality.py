"""The quality half of the benchmark: re-enacts the clips and prints the figures by clip and by yaw change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import metrics
from .reenactment import ENGINES, Judged, Row, Task, run
from .report import Column, Goal, print_goals, print_table

STILL_CLIPS = ("d18", "d19")

COLUMNS = (
    Column("frames", "frames", 0),
    Column("psnr", "PSNR"),
    Column("ssim", "SSIM", 3),
    Column("l1", "L1", 3),
    Column("psnr_face", "face dB"),
    Column("psnr_mouth", "mouth"),
    Column("psnr_eyes", "eyes"),
    Column("psnr_hair_body", "hair+body"),
    Column("psnr_person", "(person)"),
    Column("ssim_face", "face SSIM", 3),
    Column("akd", "AKD %"),
    Column("akd_steady", "(steady)"),
    Column("akd_eyes", "eyes"),
    Column("akd_iris", "iris"),
    Column("akd_mouth", "mouth"),
    Column("akd_oval", "oval"),
)
FLICKER_COLUMNS = (
    Column("clip", "the clip", 3),
    Column("gioconda", "gioconda", 3),
    Column("ratio", "ratio", 2),
    Column("similarity", "similarity", 3),
)


@dataclass(frozen=True)
class Settings:
    """What to re-enact.

    Attributes:
        clips: folder of the videos.
        names: which of them (without suffix); empty means all.
        step, most: every `step`-th frame after the first, at most `most` a clip.
        processes: clips judged at a time.
    """

    clips: Path
    models: Path
    out: Path
    names: tuple[str, ...] = ()
    step: int = 5
    most: int = 40
    processes: int = 2


def measure(settings: Settings) -> dict[str, Any]:
    """Runs, prints and returns the figures. Says so where the clips are absent."""
    found = sorted(settings.clips.glob("*.mp4"), key=lambda path: (len(path.stem), path.stem))
    paths = [path for path in found if not settings.names or path.stem in settings.names]
    if not paths:
        print(f"SKIPPED self-reenactment: no clips{' of those names' if found else ''} in {settings.clips}")
        return {"skipped": True}
    every = f"every {settings.step}th frame" if settings.step > 1 else "every frame"
    print(f"Self-reenactment: {len(paths)} clips, {every}, at most {settings.most} a clip, 512 x 512")
    tasks = [Task(p, settings.step, settings.most, settings.out / f"{p.stem}.png", settings.models) for p in paths]
    judged: dict[str, Judged] = {}
    for task, result in run(tasks, processes=settings.processes):
        if isinstance(result, str):
            print(f"  {task.path.stem}: FAILED: {result}", flush=True)
            continue
        judged[task.path.stem] = result
        psnr, akd = (metrics.mean((r for r in result.rows if r["engine"] == "gioconda"), k) for k in ("psnr", "akd"))
        print(f"  {task.path.stem}: PSNR {psnr:.2f} dB, AKD {akd:.2f} %, {result.seconds:.0f} s", flush=True)
    if not judged:
        return {"failed": True}
    rows = [row for result in judged.values() for row in result.rows]
    flicker = _flicker_rows(judged)
    summary = _print_figures(rows, flicker)
    goals = _goals(rows, flicker)
    part = "" if len(judged) == len(found) and settings.step == 5 else "; a part only, the goals are for every clip"
    print(f"\nWhat must be shown (geometry alone{part}):")
    print_goals(goals)
    print(f"  sheets: {settings.out}/*.png (target, gioconda; eyes; mouth)")
    return {"summary": summary, "flicker": flicker, "frames": rows, "goals": [vars(g) | {"met": g.met} for g in goals]}


def summarise(rows: Sequence[Row], label: str) -> list[dict[str, Any]]:
    """One row an engine: the mean over frames of every figure."""
    result = []
    for engine in ENGINES:
        mine = [row for row in rows if row["engine"] == engine]
        if mine:
            figures = {c.key: metrics.mean(mine, c.key) for c in COLUMNS[1:]}
            result.append({"of": label, "engine": engine, "frames": len(mine)} | figures)
    return result


def _print_figures(rows: Sequence[Row], flicker: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    clips = list(dict.fromkeys(row["clip"] for row in rows))
    by_clip = [line for clip in clips for line in summarise([r for r in rows if r["clip"] == clip], clip)]
    by_yaw = [
        line
        for name in metrics.yaw_bin_names()
        for line in summarise([r for r in rows if metrics.yaw_bin(r["yaw"]) == name], name)
    ]
    overall = summarise(rows, "ALL")
    for title, lines in (("By clip", by_clip), ("By yaw change, degrees", by_yaw), ("All frames", overall)):
        print(f"\n{title}")
        print_table(COLUMNS, lines, labels=("of", "engine"))
    print("\nFlicker in the face (second difference over time, 8-bit values, frames 1-59)")
    print_table(FLICKER_COLUMNS, flicker, labels=("of",))
    return {"by_clip": by_clip, "by_yaw": by_yaw, "all": overall}


def _flicker_rows(judged: Mapping[str, Judged]) -> list[dict[str, Any]]:
    return [
        {"of": name} | result.flicker | {"ratio": result.flicker["gioconda"] / max(result.flicker["clip"], 1e-6)}
        for name, result in judged.items()
    ]


def _goals(rows: Sequence[Row], flicker: Sequence[Mapping[str, Any]]) -> list[Goal]:
    """The bars of the first issue, geometry alone; they hold for all clips together."""

    def value(key: str, engine: str = "gioconda", clip: str | None = None) -> float:
        return metrics.mean((r for r in rows if r["engine"] == engine and clip in (None, r["clip"])), key)

    goals = [
        Goal("PSNR, dB", value("psnr"), at_least=25.0),
        Goal("face, dB", value("psnr_face"), at_least=27.2),
        Goal("mouth, dB", value("psnr_mouth"), at_least=25.0),
        Goal("eyes, dB", value("psnr_eyes"), at_least=24.7),
        Goal("hair and body, dB", value("psnr_hair_body"), at_least=23.1),
        Goal("AKD, % of inter-ocular", value("akd"), at_most=1.13),
        Goal("flicker, ratio to the clip's own, worst clip", max(row["ratio"] for row in flicker), at_most=1.10),
    ]
    for clip in STILL_CLIPS:
        if any(row["clip"] == clip for row in rows):
            margin = value("psnr", clip=clip) - value("psnr", "static", clip)
            goals.append(Goal(f"{clip}, nearly still: PSNR against the static source, dB", margin, at_least=-0.3))
    return goals
