"""Plain command lines, one a task: for anything that runs lists of commands (GNU parallel, SGE, Slurm, a colleague)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..files import whole_file, write_text
from .commands import Task, line
from .plan import Plan, chunks

STAGES = ("prepare", "render", "finish")
RUN = """#!/bin/sh
# Everything on this machine, stage after stage; PROCESSES tasks at a time (default: 2).
set -e
cd "$(dirname "$0")"
for stage in 1_prepare 2_render 3_finish; do
    tr '\\n' '\\0' < "$stage.txt" | xargs -0 -P "${PROCESSES:-2}" -n 1 sh -c
done
"""


def write(plan: Plan, tasks: Sequence[Task], folder: Path) -> list[Path]:
    """`1_prepare.txt`, `2_render.txt`, `3_finish.txt`: a command a line; a stage begins when the one before is done."""
    program = plan.command
    stages = {
        "1_prepare": [" && ".join(line(program, words) for words in task.prepare) for task in tasks],
        "2_render": [
            line(program, task.render, frames) for task in tasks for frames in chunks(task.item.frames, plan.chunk)
        ],
        "3_finish": [" && ".join(line(program, words) for words in task.finish) for task in tasks],
    }
    made = []
    for name, lines in stages.items():
        made.append(folder / f"{name}.txt")
        write_text(made[-1], "\n".join(lines) + "\n")
    made.append(folder / "run.sh")
    with whole_file(made[-1]) as part:
        part.write_text(RUN, encoding="utf-8")
        part.chmod(0o755)
    return made
