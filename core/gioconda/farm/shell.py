"""Plain command lines, one a task: for anything that runs lists of commands (GNU parallel, SGE, Slurm, a colleague)."""

from __future__ import annotations

from collections.abc import Sequence

from .tasks import Submission, Task, chunks, shell_line

RUN = """#!/bin/sh
# Everything on this machine, stage after stage; PROCESSES tasks at a time (default: 2).
set -e
cd "$(dirname "$0")"
for stage in 1_prepare 2_render 3_finish; do
    tr '\\n' '\\0' < "$stage.txt" | xargs -0 -P "${PROCESSES:-2}" -n 1 sh -c
done
"""


def files(submission: Submission, tasks: Sequence[Task]) -> dict[str, str]:
    """`1_prepare.txt`, `2_render.txt`, `3_finish.txt`: a command a line; a stage begins when the one before is done."""
    program = submission.command
    stages = {
        "1_prepare.txt": [" && ".join(shell_line(program, words) for words in task.prepare) for task in tasks],
        "2_render.txt": [
            shell_line(program, task.render, frames)
            for task in tasks
            for frames in chunks(task.item.frames, submission.chunk)
        ],
        "3_finish.txt": [" && ".join(shell_line(program, words) for words in task.finish) for task in tasks],
    }
    return {name: "\n".join(lines) + "\n" for name, lines in stages.items()} | {"run.sh": RUN}
