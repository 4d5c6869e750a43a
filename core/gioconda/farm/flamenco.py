"""A Flamenco 3 job type, and each item as a job to submit.

Job types: https://flamenco.blender.org/usage/job-types/ : a script with JOB_TYPE and compileJob(job), which says what
is run for one job. It goes into the Manager's `scripts` folder once; the jobs go to its API at
`/api/v3/jobs`. The command is the Manager's variable {gioconda}. Every path is the beginning of a setting, so that the
Manager's two-way variables put each platform's own in its place; paths in the job files count from these.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..job.frame_range import FrameRange
from .tasks import Submission, Task

TYPE = "gioconda"
PLATFORMS = {"win32": "windows", "darwin": "darwin"}
SCRIPT = """// Flamenco 3 job type: animates a portrait with Gioconda. Written by gioconda farm export.
// SPDX-License-Identifier: GPL-3.0-or-later
// Set the variable "gioconda" in flamenco-manager.yaml to the command on each platform.

const JOB_TYPE = {
    label: "Gioconda portrait",
    description: "Animate a portrait: prepare it, render its frames in chunks, make the preview and verify everything.",
    settings: [
        { key: "job_file", type: "string", subtype: "file_path", required: true,
          description: "The job: what gioconda animate --save-job or farm export wrote." },
        { key: "frames", type: "string", required: true,
          description: "Frames to render: 1-100, or 1-10,20-30." },
        { key: "chunk_size", type: "int32", default: 24, visible: "submission",
          description: "How many frames one task renders." },
        { key: "first_frame", type: "int32", required: true, visible: "hidden",
          description: "Rendered first, alone, so that a bad input fails at once." },
        { key: "output_folder", type: "string", subtype: "dir_path", required: true,
          description: "Where the frames go." },
        { key: "output", type: "string", default: "", visible: "hidden",
          description: "The pattern of the frames, for what is made of them." },
        { key: "delivery", type: "string", default: "", visible: "hidden",
          description: "What is made of the finished frames: a JSON list of words for gioconda deliver." },
        { key: "clip", type: "string", subtype: "file_path", default: "", visible: "hidden",
          description: "A video that is turned into a motion first." },
        { key: "tracked", type: "string", subtype: "file_path", default: "", visible: "hidden",
          description: "Where that motion goes." },
    ]
};

function compileJob(job) {
    const settings = job.settings;
    const prepare = author.Task("prepare", "misc");
    if (settings.clip) {
        prepare.addCommand(run(["track", settings.clip, "-o", settings.tracked, "--face", "largest"]));
    }
    const start = ["job", settings.job_file, "--resume", "--allow-outside"];
    prepare.addCommand(run(start.concat(["--frames=" + settings.first_frame, "--no-review"])));
    job.addTask(prepare);

    const finish = author.Task("review", "misc");
    for (let chunk of frameChunker(settings.frames, settings.chunk_size)) {
        const task = author.Task("render-" + chunk, "misc");
        task.addCommand(run(start.concat(["--frames=" + chunk, "--no-review"])));
        task.addDependency(prepare);
        finish.addDependency(task);
        job.addTask(task);
    }
    finish.addCommand(run(start));
    if (settings.delivery) {
        finish.addCommand(run(["deliver", settings.output].concat(JSON.parse(settings.delivery))));
    }
    finish.addCommand(run(["verify", settings.output_folder]));
    job.addTask(finish);
}

function run(words) {
    return author.Command("exec", { exe: "{gioconda}", args: words });
}
"""


def submitted_job(submission: Submission, task: Task) -> dict[str, Any]:
    """An item as Flamenco's API takes it (SubmittedJob)."""
    item = task.item
    return {
        "name": f"{submission.name} {item.name}",
        "type": TYPE,
        "priority": 50,
        "submitter_platform": PLATFORMS.get(sys.platform, "linux"),
        "settings": {
            "job_file": str(task.job_file),
            "frames": FrameRange.format(item.frames),
            "chunk_size": submission.chunk,
            "first_frame": item.frames[0],
            "output_folder": str(Path(item.job.output).parent),
            "output": item.job.output if item.delivery else "",
            "delivery": json.dumps(item.delivery) if item.delivery else "",
            "clip": item.job.motion if task.tracked else "",
            "tracked": str(task.tracked or ""),
        },
    }


def files(submission: Submission, tasks: Sequence[Task]) -> dict[str, str]:
    """`gioconda.js`, and `submit/NAME.json` for every item."""
    jobs = {f"submit/{task.item.name}.json": submitted_job(submission, task) for task in tasks}
    texts = {name: json.dumps(job, indent=1, ensure_ascii=False) + "\n" for name, job in jobs.items()}
    return {f"{TYPE}.js": SCRIPT, **texts}
