"""An Open Job Description template; the folder around it is an AWS Deadline Cloud job bundle too.

Specification: https://github.com/OpenJobDescription/openjd-specifications/wiki (jobtemplate-2023-09, with the extension
TASK_CHUNKING). Each item has three steps: prepare, render, review. Paths inside the job files are translated by the
session's own path mapping rules, so that the bundle works where storage is mounted elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ..errors import SettingsError
from ..job.settings import PathKind
from .tasks import FRAMES, Submission, Task, as_one_command

MAX_CLIPS = 40  # a template has room for 50 parameters
WARM = "{{Session.WorkingDirectory}}/warm"
TASK_FRAMES = "{{Task.Param.Frames}}"


def template(submission: Submission, tasks: Sequence[Task]) -> dict[str, Any]:
    """The job template as plain data. Raises: SettingsError: more videos than a template has room for."""
    clips, folder = _clips(tasks), {"objectType": "DIRECTORY"}
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": submission.name,
        "description": "Portraits animated by Gioconda. Every task is an ordinary command line that resumes.",
        "parameterDefinitions": [
            _parameter("Program", "STRING", submission.command, "The gioconda command on the workers."),
            _parameter("Jobs", "PATH", "jobs", "The job files.", **folder, dataFlow="IN"),
            _parameter("Motion", "PATH", "motion", "Where the motion of videos is kept.", **folder, dataFlow="OUT"),
            _parameter("FramesPerTask", "INT", submission.chunk, "How many frames one task renders.", minValue=1),
            *(
                {"name": name, "type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": clip}
                for clip, name in clips.items()
            ),
        ],
        "steps": [step for task in tasks for step in _steps(task, clips)],
    }


def files(submission: Submission, tasks: Sequence[Task]) -> dict[str, str]:
    """`template.yaml`, and what makes the folder a Deadline Cloud job bundle. Raises: SettingsError."""
    documents = {
        "template.yaml": template(submission, tasks),
        "parameter_values.yaml": {"parameterValues": [{"name": "FramesPerTask", "value": submission.chunk}]},
        "asset_references.yaml": asset_references(tasks),
    }
    return {
        name: yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)
        for name, content in documents.items()
    }


def _parameter(name: str, kind: str, default: str | int, description: str, **more: str | int) -> dict[str, Any]:
    return {"name": name, "type": kind, **more, "default": default, "description": description}


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


def _clips(tasks: Sequence[Task]) -> dict[str, str]:
    """Video → the name of its parameter."""
    videos = dict.fromkeys(task.item.job.motion for task in tasks if task.tracked)
    if len(videos) > MAX_CLIPS:
        raise SettingsError(
            f"{len(videos)} videos are more than the {MAX_CLIPS} that a template has room for; turn them into motions "
            "first: gioconda track CLIP -o take.npz."
        )
    return {clip: f"Clip{i + 1}" for i, clip in enumerate(videos)}


def _steps(task: Task, clips: dict[str, str]) -> list[dict[str, Any]]:
    name = task.item.name
    prepare, render, review = (f"{what} {name}" for what in ("prepare", "render", "review"))
    return [
        {"name": prepare, "script": _script(task, task.prepare, clips)},
        {
            "name": render,
            "dependencies": [{"dependsOn": prepare}],
            "stepEnvironments": [_warm_worker()],
            "parameterSpace": {"taskParameterDefinitions": [_frames(task.item.frames)]},
            "script": _script(task, [(*task.render, "--worker", WARM)], clips),
        },
        {"name": review, "dependencies": [{"dependsOn": render}], "script": _script(task, task.finish, clips)},
    ]


def _frames(frames: Sequence[int]) -> dict[str, Any]:
    whole = frames[-1] - frames[0] + 1 == len(frames)
    return {
        "name": "Frames",
        "type": "CHUNK[INT]",
        "range": range_expression(frames),
        "chunks": {
            "defaultTaskCount": "{{Param.FramesPerTask}}",
            "rangeConstraint": "CONTIGUOUS" if whole else "NONCONTIGUOUS",
        },
    }


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


def _script(task: Task, commands: Sequence[Sequence[str]], clips: dict[str, str]) -> dict[str, Any]:
    """One command runs as it is; several run one after the other through `farm run`."""
    spelled = [_template_words(task, words, clips) for words in commands]
    cancel = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": 20}
    action = {"command": "{{Param.Program}}", "args": list(as_one_command(spelled)), "cancelation": cancel}
    return {"actions": {"onRun": action}}


def _template_words(task: Task, words: Sequence[str], clips: dict[str, str]) -> list[str]:
    """A command's words with the template's variables in place of paths and frames."""
    own = {str(task.job_file): "{{Param.Jobs}}/" + task.job_file.name}
    own |= {clip: "{{Param." + name + "}}" for clip, name in clips.items()}
    if task.tracked:
        own[str(task.tracked)] = "{{Param.Motion}}/" + task.tracked.name
    mapping = ["--path-map", "{{Session.PathMappingRulesFile}}"] if words[0] in ("job", "deliver", "verify") else []
    return [own.get(word, word).replace(FRAMES, TASK_FRAMES) for word in words] + mapping


def _warm_worker() -> dict[str, Any]:
    """A worker that has everything loaded serves all tasks of a session; without it tasks run all the same."""
    command = "{{Param.Program}}"
    return {
        "name": "Warm",
        "description": "One process keeps nets and portrait loaded for all tasks of a session.",
        "script": {
            "actions": {
                "onEnter": {"command": command, "args": ["farm", "warm", WARM]},
                "onExit": {"command": command, "args": ["farm", "warm", WARM, "--stop"]},
            }
        },
    }
