"""`python -m tests.bench.measured [neural.json] [docs/measured.md]`: the last figures into the note that shows them.

Replaces what stands between the note's two marks and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .neural_table import NETWORKS, engines, markdown
from .report import read_json

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def main(report: str = "", note: str = "") -> int:
    source, target = Path(report or ROOT / "out" / "bench" / "neural.json"), Path(note or ROOT / "docs" / "measured.md")
    figures = read_json(source)
    if not figures.get("frames"):
        print(f"There are no figures in {source}: run `make bench-neural` first.", file=sys.stderr)
        return 1
    target.write_text(with_figures(target.read_text(encoding="utf-8"), figures), encoding="utf-8")
    print(f"{target} shows the figures of {source}")
    return 0


def with_figures(note: str, report: Mapping[str, Any]) -> str:
    """The note with the report's tables between its marks.

    Raises:
        ValueError: the marks are not there, once each and in order.
    """
    if note.count(BEGIN) != 1 or note.count(END) != 1 or note.index(BEGIN) > note.index(END):
        raise ValueError(f"the note needs one {BEGIN} and after it one {END}")
    before, after = note.split(BEGIN)[0], note.split(END)[1]
    return f"{before}{BEGIN}\n\n{heading(report)}\n\n{markdown(report)}\n{END}{after}"


def heading(report: Mapping[str, Any]) -> str:
    """What was measured, in a sentence or two."""
    settings, frames = report["settings"], report["frames"]
    count = len({(row["clip"], row["frame"]) for row in frames})
    of = f"{len(settings['clips'])} of {settings['of']}" if len(settings["clips"]) < settings["of"] else settings["of"]
    text = f"{of} clips, every {settings['step']}th frame, {count} frames."
    used = [f"`{file}` {digest[:12]}…" for file, digest in report.get("networks", {}).items() if _used(file, report)]
    if used:
        text += f" Networks (SHA-256): {', '.join(used)}."
    paper = report.get("paper")
    if paper:
        tuned = f", {paper['tune']} more on each first frame" if paper["tune"] else ""
        text += f" The paper's mode after {paper['steps'] or 'an unknown number of'} steps{tuned}."
    cost = report.get("cost") or {}
    for name, each in cost.items():
        text += (
            f" A frame of 512² on two threads: geometry {each['frame']:.0f} ms, `{name}` {each['added']:.0f} ms more."
        )
    return text


def _used(file: str, report: Mapping[str, Any]) -> bool:
    return any(name in engines(report) and file.startswith(f"neural_{name}") for name in NETWORKS)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
