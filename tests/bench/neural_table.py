"""From the figures of frames to the table of the neural part: means, gains over geometry, bars, Markdown.

Knows only plain data: what `neural.measure` returns and JSON gives back.

    frames    a row a clip, frame and engine: "clip", "frame", "engine", then figures (see `metrics.compare`)
    flicker   clip → engine → second difference over time in the face, 8-bit values
    changed   clip → networks → how many values differ from the source at the pose at rest
    cost      networks → {"frame": ms of geometry alone, "added": ms}, two threads
    before    the rows of another run, of the same frames; may be absent
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import splits
from .metrics import mean
from .report import Goal

Report = Mapping[str, Any]

GEOMETRY = "geometry"
NETWORKS = ("fast", "full")
ENGINES = ("static", GEOMETRY, *NETWORKS, "paper")
NAMES = {
    "static": "the source as it is",
    GEOMETRY: "geometry alone",
    "fast": "`fast`",
    "full": "`full`",
    "paper": "the paper's mode",
}
FLICKER_AT_MOST, WORST_CLIP_AT_LEAST, COST_AT_MOST_MS = 1.05, -0.1, 60.0


@dataclass(frozen=True)
class Figure:
    """One column: where it is in a row, its heading, digits; the least gain over geometry `fast` must have."""

    key: str
    heading: str
    digits: int = 2
    bar: float | None = None


FIGURES = (
    Figure("psnr", "whole, dB", bar=0.5),
    Figure("psnr_face", "face"),
    Figure("psnr_mouth", "mouth", bar=1.0),
    Figure("psnr_eyes", "eyes", bar=1.0),
    Figure("psnr_hair_body", "hair, body", bar=0.7),
    Figure("ssim", "SSIM", 4),
    Figure("akd", "AKD, %"),
    Figure("akd_steady", "AKD, steady", 3),
)
FULL_ASKS = 2.0  # times the gains of `fast`


def engines(report: Report) -> list[str]:
    """Those that were measured, in the order of ENGINES."""
    there = {row["engine"] for row in report["frames"]}
    return [name for name in ENGINES if name in there]


def clips(report: Report) -> list[str]:
    return list(dict.fromkeys(row["clip"] for row in report["frames"]))


def value(report: Report, engine: str, key: str, clip: str | None = None) -> float:
    """The mean over all frames (or one clip's) of one figure; NaN where it was not measured."""
    rows = (row for row in report["frames"] if row["engine"] == engine and clip in (None, row["clip"]))
    return mean(rows, key)


def gain(report: Report, engine: str, key: str, clip: str | None = None) -> float:
    """How much more an engine has than geometry alone, frame by frame: only frames that have the figure of both."""
    own: dict[tuple[str, int], dict[str, Any]] = {}
    for row in report["frames"]:
        if row["engine"] in (engine, GEOMETRY) and clip in (None, row["clip"]):
            own.setdefault((row["clip"], row["frame"]), {})[row["engine"]] = row.get(key)
    apart = [{"gain": both[engine] - both[GEOMETRY]} for both in own.values() if _both(both, engine)]
    return mean(apart, "gain")


def flicker(report: Report, engine: str, clip: str | None = None) -> float:
    """An engine's flicker by geometry's: the mean of the clips' ratios (or one clip's)."""
    ratios = [
        {"ratio": each[engine] / max(each[GEOMETRY], 1e-6)}
        for name, each in report["flicker"].items()
        if clip in (None, name) and engine in each
    ]
    return mean(ratios, "ratio")


def worst_clip(report: Report, engine: str) -> tuple[str, float]:
    """The clip whose whole picture gains least, and how much; ("", NaN) where there is none."""
    gains = {clip: gain(report, engine, "psnr", clip) for clip in clips(report)}
    known = {clip: g for clip, g in gains.items() if not math.isnan(g)}
    return min(known.items(), key=lambda item: item[1]) if known else ("", math.nan)


def goals(report: Report, engine: str) -> list[Goal]:
    """What must be shown of `fast` or `full`."""
    times = FULL_ASKS if engine == "full" else 1.0
    name, least = worst_clip(report, engine)
    found = [
        Goal(
            f"{engine}: {figure.heading.removesuffix(', dB')}, dB over geometry",
            gain(report, engine, figure.key),
            at_least=times * figure.bar,
        )
        for figure in FIGURES
        if figure.bar is not None
    ]
    ratios = [flicker(report, engine, clip) for clip in report["flicker"]]
    found += [
        Goal(f"{engine}: AKD, % beside geometry's", gain(report, engine, "akd"), at_most=0.0),
        Goal(f"{engine}: flicker by geometry's, all clips", flicker(report, engine), at_most=FLICKER_AT_MOST),
        Goal(f"{engine}: flicker by geometry's, worst clip", max(ratios, default=math.nan), at_most=FLICKER_AT_MOST),
        Goal(f"{engine}: worst clip ({name}), whole picture, dB", least, at_least=WORST_CLIP_AT_LEAST),
        Goal(f"{engine}: values changed at rest", _changed(report, engine), at_most=0.0),
    ]
    cost = report.get("cost", {}).get(engine)
    if cost and engine == "fast":
        found.append(Goal("fast: ms added to a frame of 512², 2 threads", cost["added"], at_most=COST_AT_MOST_MS))
    return found


def markdown(report: Report) -> str:
    """Everything as Markdown: all clips, bars, clip by clip."""
    parts = ["### All clips", "", *_all_clips(report), ""]
    if apart := _by_split(report):
        parts += ["### By what the face does", "", *apart, ""]
    judged = [engine for engine in NETWORKS if engine in engines(report)]
    for engine in judged:
        parts += [f"### {NAMES[engine]}: what must be shown", "", *_bars(goals(report, engine)), ""]
    for engine in [*judged, *(["paper"] if "paper" in engines(report) else [])]:
        parts += [f"### {NAMES[engine]}, clip by clip: gain over geometry alone", "", *_by_clip(report, engine), ""]
    return "\n".join(parts)


def _all_clips(report: Report) -> list[str]:
    rows = []
    for engine in ENGINES:
        if engine not in engines(report):
            missing = report.get("missing", {}).get(engine)
            if missing:
                rows.append([NAMES[engine], *["–"] * (len(FIGURES) + 1)])
            continue
        rows.append([NAMES[engine], *(_number(value(report, engine, f.key), f.digits) for f in FIGURES)])
        rows[-1].append(_number(mean(report["flicker"].values(), engine), 3))
        if engine not in ("static", GEOMETRY):
            apart = [_signed(gain(report, engine, f.key), f.digits) for f in FIGURES]
            rows.append(["… beside geometry", *apart, _percent(flicker(report, engine))])
        if engine in NETWORKS:
            rows.append(["… must have", *_asked(engine), "≤ +5 %"])
    lines = _table(["", *(f.heading for f in FIGURES), "flicker"], rows)
    notes = [f"{NAMES[name]}: {why}." for name, why in report.get("missing", {}).items()]
    return [*lines, *(["", *notes] if notes else [])]


def _by_split(report: Report) -> list[str]:
    """Frames judged apart; beside each engine's figure that of the run before, where there is one."""
    now, before = splits.summary(report["frames"]), splits.summary(report.get("before") or [])
    shown = engines(report)
    compared = [name for name in shown if name != "static" and any(name in means for _, means in before.values())]
    head = ["", "", "frames"]
    for name in shown:
        head += [f"{NAMES[name]}, before"] * (name in compared) + [NAMES[name]]
    rows = []
    for what, (count, means) in now.items():
        row = [*what, str(count)]
        for name in shown:
            value = means.get(name, math.nan)
            if name in compared:
                old = before.get(what, (0, {}))[1].get(name, math.nan)
                row += [_number(old, 2), f"{_number(value, 2)} ({_signed(value - old, 2)})"]
            else:
                row.append(_number(value, 2))
        rows.append(row)
    return _table(head, rows) if rows else []


def _asked(engine: str) -> list[str]:
    times = FULL_ASKS if engine == "full" else 1.0
    asked = {f.key: f"≥ +{times * f.bar:g}" if f.bar is not None else "" for f in FIGURES}
    return list((asked | {"akd": "≤ 0"}).values())


def _bars(found: Sequence[Goal]) -> list[str]:
    rows = []
    for goal in found:
        bound = f"≥ {goal.at_least:g}" if goal.at_least is not None else f"≤ {goal.at_most:g}"
        what = goal.what.split(": ", 1)[1]
        rows.append([what, _number(goal.value, 3), bound, "met" if goal.met else "**not met**"])
    return _table(["", "reached", "asked", ""], rows)


def _by_clip(report: Report, engine: str) -> list[str]:
    rows = []
    for clip in clips(report):
        apart = [_signed(gain(report, engine, f.key, clip), f.digits) for f in FIGURES]
        rows.append([clip, *apart, _percent(flicker(report, engine, clip))])
    return _table(["", *(f.heading for f in FIGURES), "flicker"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _both(both: Mapping[str, Any], engine: str) -> bool:
    return all(isinstance(both.get(name), int | float) and not math.isnan(both[name]) for name in (engine, GEOMETRY))


def _changed(report: Report, engine: str) -> float:
    counts = [float(each[engine]) for each in report["changed"].values() if engine in each]
    return max(counts, default=math.nan)


def _number(number: float, digits: int) -> str:
    return "–" if math.isnan(number) else f"{number:.{digits}f}"


def _signed(number: float, digits: int) -> str:
    return "–" if math.isnan(number) else f"{number:+.{digits}f}"


def _percent(ratio: float) -> str:
    return "–" if math.isnan(ratio) else f"{100 * (ratio - 1):+.1f} %"
