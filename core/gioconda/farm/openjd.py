"""An Open Job Description template; the folder around it is an AWS Deadline Cloud job bundle too.

Specification: https://github.com/OpenJobDescription/openjd-specifications/wiki (jobtemplate-2023-09, with the extension
TASK_CHUNKING). Three steps, prepare, render, review, serve any number of items: what is done for which is in the plan
beside the jobs (plan_file.py), so that the template stays small. Paths inside the job files are translated by the
session's own path mapping rules, so that the bundle works where storage is mounted elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ..batch.resources import BASE_BYTES, PIXEL_BYTES
from ..errors import GiocondaError, SettingsError
from ..imaging.image import picture_size
from ..job.job import CARDS
from ..job.settings import PathKind
from . import plan_file
from .plan_file import Entry, common_folder
from .tasks import Submission, Task

MAX_LETTERS = 1_000_000  # of a template: what Deadline Cloud takes
MAX_DEFAULT = 1024  # letters of a parameter's default
MAX_TEXT = 2048  # of a description
MAX_NAME = 128  # of a job
WARM = "{{Session.WorkingDirectory}}/warm"
START_SECONDS = 180  # that the warm worker may take until it is given up
PORTRAITS = 50  # looked at to tell how much memory a task needs


def template(submission: Submission, tasks: Sequence[Task]) -> dict[str, Any]:
    """The job template as plain data."""
    frames = _own_frames(tasks)
    outputs = _outputs(tasks)
    place = ["--output={{Param.OutputFolder}}"] if outputs else []
    every = {"name": "Item", "type": "INT", "range": f"1-{len(tasks)}"}
    if frames:
        shown = {"name": "Frames", "range": "{{Param.Frames}}"}
        render = ["--item=1", "--frames={{Task.Param.Frames}}"]
    else:
        shown = {"name": "Slots", "range": f"1-{sum(len(task.item.frames) for task in tasks)}"}
        render = ["--slots={{Task.Param.Slots}}", "--only={{Param.Frames}}"]
    numbers = tasks[0].item.frames
    gaps = frames is not None and numbers[-1] - numbers[0] + 1 != len(numbers)
    chunks = {
        "defaultTaskCount": "{{Param.FramesPerTask}}",
        "rangeConstraint": "NONCONTIGUOUS" if gaps else "CONTIGUOUS",
    }
    one = ["--item={{Task.Param.Item}}", ("--only=" if frames is None else "--frames=") + "{{Param.Frames}}"]
    needs = _host_requirements(tasks)
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": submission.name[:MAX_NAME],
        "description": "Portraits animated by Gioconda. Every task is an ordinary command line that resumes.",
        "parameterDefinitions": _parameters(submission, frames, outputs),
        "jobEnvironments": [_warm_worker()],
        "steps": [
            _step("prepare", needs, every, ["prepare", *one, *place]),
            _step("render", needs, shown | {"type": "CHUNK[INT]", "chunks": chunks}, ["render", *render, *place]),
            _step("review", needs, every, ["review", *one, *place]),
        ],
    }


def _outputs(tasks: Sequence[Task]) -> str | None:
    """The folder above all that is written, where a parameter can name it."""
    found = common_folder([task.item.job.output for task in tasks])
    return found if found and len(found) <= MAX_DEFAULT else None


def _own_frames(tasks: Sequence[Task]) -> str | None:
    """The range of the only item's frames, which can be changed at submission; None of several items."""
    found = range_expression(tasks[0].item.frames) if len(tasks) == 1 else ""
    return found if 0 < len(found) <= MAX_DEFAULT else None


def files(submission: Submission, tasks: Sequence[Task]) -> dict[str, str]:
    """`template.yaml`, the plan, and what makes the folder a Deadline Cloud job bundle. Raises: SettingsError: the
    template is larger than farms take."""
    documents = {
        "template.yaml": template(submission, tasks),
        "parameter_values.yaml": {
            "parameterValues": [
                {"name": "FramesPerTask", "value": submission.chunk},
                *([{"name": "OutputFolder", "value": outputs}] if (outputs := _outputs(tasks)) else []),
            ]
        },
        "asset_references.yaml": asset_references(tasks),
    }
    texts = {
        name: yaml.dump(content, Dumper=_DUMPER, sort_keys=False, width=120, allow_unicode=True)
        for name, content in documents.items()
    }
    letters = len(texts["template.yaml"])
    if letters > MAX_LETTERS:
        raise SettingsError(
            f"The template would have {letters:,} letters; Deadline Cloud takes {MAX_LETTERS:,}: export less at a time."
        )
    entries = [
        Entry(task.item.name, task.item.frames, task.item.delivery, task.item.job.motion if task.tracked else None)
        for task in tasks
    ]
    return {**texts, f"jobs/{plan_file.NAME}": plan_file.to_json(_outputs(tasks), entries)}


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _parameters(submission: Submission, frames: str | None, outputs: str | None) -> list[dict[str, Any]]:
    """What can be changed at submission, in groups; where things are in the bundle is not shown."""

    def parameter(name: str, kind: str, default: str | int, text: str, label: str, **more: Any) -> dict[str, Any]:
        controls = {"STRING": "LINE_EDIT", "INT": "SPIN_BOX", "PATH": "CHOOSE_DIRECTORY"}
        group = more.pop("group", "Rendering")
        shown = {"control": controls[kind], "label": label, "groupLabel": group} if label else {"control": "HIDDEN"}
        return {"name": name, "type": kind, **more, "default": default, "description": text, "userInterface": shown}

    folder = {"objectType": "DIRECTORY"}
    known = "all of every item" if frames is None else "all"
    about = f"Which frames, such as 1-100 (default: {known})."
    share, program = "How many frames one task renders.", "The gioconda command on the workers."
    found = [
        parameter("Frames", "STRING", frames or "", about, "Frames"),
        parameter("FramesPerTask", "INT", submission.chunk, share, "Frames per task", minValue=1),
    ]
    if outputs:
        text = f"Everything that is written goes below this folder (default: {outputs})."
        found.append(parameter("OutputFolder", "PATH", "", text[:MAX_TEXT], "Output folder", **folder, dataFlow="OUT"))
    return [
        *found,
        parameter("Program", "STRING", submission.command, program, "Gioconda's command", group="Software"),
        parameter("Jobs", "PATH", "jobs", "The job files and their plan.", "", **folder, dataFlow="IN"),
        parameter("Motion", "PATH", "motion", "Where the motion of videos is kept.", "", **folder, dataFlow="OUT"),
    ]


def asset_references(tasks: Sequence[Task]) -> dict[str, Any]:
    """What the jobs read and where they write, for Deadline Cloud's job attachments."""

    def named(kind: PathKind) -> set[str]:
        return {path for task in tasks for path in task.item.job.paths(kind).values()}

    return {
        "assetReferences": {
            "inputs": {"filenames": sorted(named("file")), "directories": sorted(named("folder"))},
            "outputs": {"directories": sorted({str(Path(path).parent) for path in named("output")})},
            "referencedPaths": [],
        }
    }


def _step(name: str, needs: dict[str, Any], parameter: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    before = {"render": "prepare", "review": "render"}.get(name)
    own = ["--motions={{Param.Motion}}", "--path-map={{Session.PathMappingRulesFile}}", f"--worker={WARM}"]
    action = {
        "command": "{{Param.Program}}",
        "args": ["farm", "task", words[0], "{{Param.Jobs}}/" + plan_file.NAME, *words[1:], *own],
        "cancelation": {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 20},
    }
    return {
        "name": name,
        **({"dependencies": [{"dependsOn": before}]} if before else {}),
        "hostRequirements": needs,
        "parameterSpace": {"taskParameterDefinitions": [parameter]},
        "script": {"actions": {"onRun": action}},
    }


def _host_requirements(tasks: Sequence[Task]) -> dict[str, Any]:
    """What a worker must have: cores, memory for the largest portrait, a graphics card where the jobs insist on one."""
    portraits = list(dict.fromkeys(task.item.job.portrait for task in tasks))[:PORTRAITS]
    pixels = max(map(_pixels, portraits))
    threads = max((task.item.job.threads or 1 for task in tasks), default=1)
    memory = -(-(BASE_BYTES + PIXEL_BYTES * pixels) // 2**20)
    amounts: list[dict[str, Any]] = [
        {"name": "amount.worker.vcpu", "min": threads},
        {"name": "amount.worker.memory", "min": memory},  # MiB
    ]
    if any(task.item.job.device in CARDS for task in tasks):
        amounts.append({"name": "amount.worker.gpu", "min": 1})
    return {"amounts": amounts}


def _pixels(portrait: str) -> int:
    """0 where the picture is not here: its task will say so."""
    try:
        width, height = picture_size(portrait)
    except GiocondaError:
        return 0
    return width * height


def range_expression(frames: Sequence[int]) -> str:
    """Ascending frame numbers as Open Job Description writes ranges: "1-9:2,20"."""
    parts: list[str] = []
    i = 0
    while i < len(frames):
        step = frames[i + 1] - frames[i] if i + 1 < len(frames) else 1
        j = i
        while j + 1 < len(frames) and frames[j + 1] - frames[j] == step:
            j += 1
        if j - i < 2 and step != 1:  # two numbers far apart are no progression
            j = i
        first, last = frames[i], frames[j]
        parts.append(str(first) if i == j else f"{first}-{last}" + (f":{step}" if step != 1 else ""))
        i = j + 1
    return ",".join(parts)


def _warm_worker() -> dict[str, Any]:
    """A worker that has everything loaded serves all tasks of a session; without it tasks run all the same."""
    command = "{{Param.Program}}"
    return {
        "name": "Warm",
        "description": "One process keeps nets and portrait loaded for all tasks of a session.",
        "script": {
            "actions": {
                "onEnter": {"command": command, "args": ["farm", "warm", WARM], "timeout": START_SECONDS},
                "onExit": {"command": command, "args": ["farm", "warm", WARM, "--stop"], "timeout": START_SECONDS},
            }
        },
    }
