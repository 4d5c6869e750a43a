"""An OpenCue outline: a Python script for PyOutline with three layers an item, one after the other.

PyOutline: https://docs.opencue.io/docs/other-guides/pyoutline/ . OpenCue replaces #FRAMESPEC# by a chunk's frames.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..job.frame_range import FrameRange
from .tasks import Submission, Task, as_one_command, shell_line

SCRIPT = '''#!/usr/bin/env python
"""Submits to OpenCue with PyOutline: python outline_job.py SHOW SHOT USER. Written by gioconda farm export."""

import json
import sys
from pathlib import Path

import outline
import outline.cuerun
from outline.modules.shell import Shell

LAYERS = json.loads(Path(__file__).with_name("outline_layers.json").read_text(encoding="utf-8"))


def build(show, shot, user):
    """The outline, ready to be launched or serialised."""
    job = outline.Outline(LAYERS["name"], shot=shot, show=show, user=user)
    layers = {}
    for entry in LAYERS["layers"]:
        layer = Shell(entry["name"], command=entry["command"], chunk=entry["chunk"], range=entry["range"])
        layer.set_service("gioconda")
        job.add_layer(layer)
        layers[entry["name"]] = layer
        if entry["after"]:
            layer.depend_all(layers[entry["after"]])
    return job


if __name__ == "__main__":
    outline.cuerun.launch(build(*sys.argv[1:4]), use_pycuerun=False)
'''


def layers(submission: Submission, tasks: Sequence[Task]) -> dict[str, Any]:
    """What the script builds, as plain data."""
    found: list[dict[str, Any]] = []
    for task in tasks:
        name = task.item.name
        prepare, render, review = (f"{what}_{name}" for what in ("prepare", "render", "review"))
        before, after = (shell_line(submission.command, as_one_command(each)) for each in (task.prepare, task.finish))
        frames = task.item.frames
        whole = frames[-1] - frames[0] + 1 == len(frames)
        span = FrameRange.format(frames) if whole else ",".join(map(str, frames))
        command = shell_line(submission.command, task.render, "#FRAMESPEC#")
        found += [
            {"name": prepare, "command": before, "range": "1", "chunk": 1, "after": None},
            {"name": render, "command": command, "range": span, "chunk": submission.chunk, "after": prepare},
            {"name": review, "command": after, "range": "1", "chunk": 1, "after": render},
        ]
    return {"name": submission.name, "layers": found}


def files(submission: Submission, tasks: Sequence[Task]) -> dict[str, str]:
    """`outline_job.py`, and `outline_layers.json` that it reads."""
    content = json.dumps(layers(submission, tasks), indent=1, ensure_ascii=False) + "\n"
    return {"outline_job.py": SCRIPT, "outline_layers.json": content}
