"""What a farm is given: checked and, where that is possible without the farm, run by the engines' own tools."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from gioconda.errors import GiocondaError, SettingsError
from gioconda.farm import export, flamenco
from gioconda.farm.openjd import range_expression
from gioconda.farm.path_map import load_rules, mapped, mapped_job
from gioconda.farm.tasks import Submission, SubmissionItem, chunks, named_items, split_commands
from gioconda.job.frame_range import FrameRange
from gioconda.job.job import Job
from gioconda.provenance.policy import Policy

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
CONSENT = {"right": "public_domain", "who": "Gioconda's tests"}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job of six frames into tmp_path/out, with a preview video."""
    out = tmp_path / "out"
    return Job(
        portrait=str(HOPPER),
        motion="take",
        output=str(out / "####.exr"),
        frames="1-6",
        passes=("Combined",),
        draft=True,
        review=str(out / "look.mp4"),
        consent=CONSENT,
    )


def submission_of(job: Job, **settings: Any) -> Submission:
    return Submission(
        "shot", (SubmissionItem("hopper", job, tuple(FrameRange.parse(job.frames).numbers())),), **settings
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The `gioconda` command of this checkout, as a farm would find it."""
    path = tmp_path / "bin" / "gioconda"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -s -P {shlex.quote(str(ROOT / "core"))} "$@"\n')
    path.chmod(0o755)
    return path


# --- submissions -----------------------------------------------------------------------------------------------------


def test_frames_are_cut_into_chunks_that_a_job_understands() -> None:
    assert chunks([1, 2, 3, 5, 8], 2) == ["1-2", "3,5", "8"]
    assert chunks([-3, -2, -1], 3) == ["-3--1"]


def test_ranges_are_written_as_the_specification_wants_and_read_back() -> None:
    from openjd.model import IntRangeExpr

    for frames in ([1, 2, 3], [1], [1, 3, 5, 7, 20], [1, 9], [-4, -2, 0, 2], [5, 6, 9], [1, 2, 4, 6, 8, 9]):
        assert list(IntRangeExpr.from_str(range_expression(frames))) == frames
        assert FrameRange.parse(range_expression(frames)).numbers() == frames


def test_names_are_fit_for_every_engine_and_unique(job: Job) -> None:
    items = named_items([("a b/ü", job, [1]), ("a_b", job, [2, 1, 2]), ("ü", job, [3])])
    assert [item.name for item in items] == ["a_b", "a_b_2", "job"]
    assert items[1].frames == (1, 2)


def test_two_jobs_that_write_the_same_frames_are_refused(job: Job, tmp_path: Path) -> None:
    other = replace(job, output=str(tmp_path / "out" / "%04d.exr"))
    submission = Submission("both", (SubmissionItem("one", job, (1,)), SubmissionItem("two", other, (1,))))
    with pytest.raises(SettingsError, match="both write"):
        export.write(submission, "shell", tmp_path / "submit")
    with pytest.raises(SettingsError, match="nothing to render"):
        Submission("none", ())
    with pytest.raises(SettingsError, match="--chunk"):
        submission_of(job, chunk=0)


def test_a_folder_in_use_is_left_alone(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GiocondaError, match="not empty"):
        export.write(submission_of(job), "shell", tmp_path)


def test_a_farm_task_runs_nothing_but_its_own_commands() -> None:
    assert split_commands(["track", "a", "then", "job", "b"]) == [["track", "a"], ["job", "b"]]
    for words in (["doctor"], [], ["job", "x", "then"], ["farm", "run", "job"]):
        with pytest.raises(SettingsError, match="none of"):
            split_commands(words)


def test_a_batch_becomes_an_item_for_every_pair(job: Job, tmp_path: Path) -> None:
    (tmp_path / "show.yaml").write_text(
        f"portraits: [{{file: {HOPPER}, name: grace}}]\nmotions: [take]\noutput: out/{{portrait}}/{{motion}}/####.exr\n"
        "settings: {frames: 1-5, consent: {right: public_domain, who: tests}}\n"
        "delivery: {formats: [exr, webm], size: 256}\n"
    )
    items = export.items_of(tmp_path / "show.yaml", Policy(), lambda _: None, interactive=False)
    assert [(item.name, item.frames) for item in items] == [("grace_take", (1, 2, 3, 4, 5))]
    assert items[0].job.output == str(tmp_path / "out" / "grace" / "take" / "####.exr")
    export.write(Submission("show", items), "shell", tmp_path / "submit")
    finish = (tmp_path / "submit" / "3_finish.txt").read_text()
    commands = [shlex.split(part)[1] for part in finish.split(" && ")]
    assert commands == ["job", "deliver", "verify"]
    assert "--formats webm --alpha picture --quality 90 --size 256" in finish
    (tmp_path / "bad.yaml").write_text(
        f"portraits: [{HOPPER}, gone.png]\nmotions: [take]\noutput: out/{{portrait}}/####.exr\n"
    )
    with pytest.raises(SettingsError, match=r"bad\.yaml: grace_hopper/take: Nobody has stated .*2 items of 2"):
        export.items_of(tmp_path / "bad.yaml", Policy(), lambda _: None, interactive=False)


# --- paths on another machine ----------------------------------------------------------------------------------------


def test_a_jobs_paths_follow_the_farms_rules(job: Job, tmp_path: Path) -> None:
    rules = {
        "version": "pathmapping-1.0",
        "path_mapping_rules": [
            {"source_path_format": "POSIX", "source_path": str(ROOT), "destination_path": "/mnt/a"},
            {"source_path_format": "POSIX", "source_path": str(ROOT / "core"), "destination_path": "/mnt/b"},
            {"source_path_format": "WINDOWS", "source_path": r"Z:\show", "destination_path": "/mnt/show"},
        ],
    }
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    found = load_rules(tmp_path / "rules.json")
    there = mapped_job(job, found)
    assert there.portrait == "/mnt/b/gioconda/cli/grace_hopper.jpg"
    assert (there.motion, there.output) == (job.motion, job.output)
    assert mapped(r"z:\Show\a\take.csv", found) == "/mnt/show/a/take.csv"
    assert mapped(f"{ROOT}s/x", found) == f"{ROOT}s/x"
    (tmp_path / "empty.json").write_text('{"version": "pathmapping-1.0"}')
    assert load_rules(tmp_path / "empty.json") == []
    for text in ("[]", "no", '{"path_mapping_rules": [{"source_path": "/"}]}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(SettingsError, match="bad.json"):
            load_rules(tmp_path / "bad.json")


# --- Open Job Description and Deadline Cloud -------------------------------------------------------------------------


def test_the_template_passes_the_specifications_own_check(job: Job, tmp_path: Path) -> None:
    gaps = replace(job, output=str(tmp_path / "gaps" / "####.exr"), frames="1-9x2,20")
    submission = Submission(
        "shot", (submission_of(job).items[0], SubmissionItem("gaps", gaps, (1, 3, 5, 7, 9, 20))), chunk=2
    )
    export.write(submission, "openjd", tmp_path / "submit")
    check = [BIN / "openjd", "check", tmp_path / "submit" / "template.yaml"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = yaml.safe_load((tmp_path / "submit" / "template.yaml").read_text())["steps"]
    needs = {step["name"]: [one["dependsOn"] for one in step.get("dependencies", [])] for step in steps}
    assert needs["review gaps"] == ["render gaps"]
    assert needs["render gaps"] == ["prepare gaps"]
    assert steps[4]["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1-9:2,20"


def test_a_video_is_tracked_once_before_its_frames_are_rendered(job: Job, tmp_path: Path) -> None:
    clip = replace(job, motion=str(tmp_path / "clip.mp4"))
    export.write(submission_of(clip), "openjd", tmp_path / "submit")
    template = yaml.safe_load((tmp_path / "submit" / "template.yaml").read_text())
    words = template["steps"][0]["script"]["actions"]["onRun"]["args"]
    assert words[:5] == ["farm", "run", "track", "{{Param.Clip1}}", "-o"]
    assert words.index("then") < words.index("job")
    saved = Job.from_json((tmp_path / "submit" / "jobs" / "hopper.json").read_text())
    assert saved.motion == str(tmp_path / "submit" / "motion" / "hopper.npz")


@pytest.mark.skipif(os.name != "posix", reason="the program is a shell script here")
@pytest.mark.slow
def test_openjd_runs_the_template(job: Job, program: Path, tmp_path: Path, models_folder: Path) -> None:
    """Prepare, four tasks of one session with its warm worker, review and verify: every command for real."""
    small = replace(job, cache=str(tmp_path / "cache"), frames="1-4")
    folder = tmp_path / "submit"
    export.write(submission_of(small, chunk=2, command=str(program)), "openjd", folder)
    run = [BIN / "openjd", "run", folder / "template.yaml", "--step", "review hopper", "--run-dependencies"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=200, cwd=folder)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert "A worker is ready." in said
    assert "Everything fits." in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(f"000{n}.exr" for n in range(1, 5)),
        "look.mp4",
        "sequence.gioconda.json",
    }


def test_the_folder_is_a_deadline_cloud_job_bundle(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "submit"
    export.write(submission_of(job), "deadline", folder)
    references = yaml.safe_load((folder / "asset_references.yaml").read_text())["assetReferences"]
    assert references["inputs"]["filenames"] == [str(HOPPER)]
    assert references["outputs"]["directories"] == [str(tmp_path / "out")]
    values = yaml.safe_load((folder / "parameter_values.yaml").read_text())["parameterValues"]
    assert {"name": "FramesPerTask", "value": 24} in values
    if not find_spec("deadline"):
        pytest.skip("its parts are as documented; with `pip install deadline` its own command is asked too")
    ask = [sys.executable, "-m", "deadline", "bundle", "info", folder]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(tmp_path)})
    assert '"render hopper"' in done.stdout, done.stderr


# --- Flamenco --------------------------------------------------------------------------------------------------------

# What Flamenco gives a job compiler script: https://flamenco.blender.org/usage/job-types/
FLAMENCO = """
const author = {
    Task: (name, type) => ({
        name, type, commands: [], dependencies: [],
        addCommand(command) { this.commands.push(command); },
        addDependency(task) { this.dependencies.push(task.name); },
    }),
    Command: (name, parameters) => ({ name, parameters }),
};
function frameChunker(frames, size) {
    const numbers = [];
    for (const part of frames.split(",")) {
        const [first, last] = part.split("-").map(Number);
        for (let n = first; n <= (last || first); n++) numbers.push(n);
    }
    const chunks = [];
    for (let i = 0; i < numbers.length; i += size) {
        const chunk = numbers.slice(i, i + size);
        const whole = chunk.length > 1 && chunk[chunk.length - 1] - chunk[0] === chunk.length - 1;
        chunks.push(whole ? `${chunk[0]}-${chunk[chunk.length - 1]}` : chunk.join(","));
    }
    return chunks;
}
function compiled(settings) {
    const job = { settings, tasks: [], addTask(task) { this.tasks.push(task); } };
    compileJob(job);
    return JSON.stringify(job.tasks);
}
"""


def test_flamencos_job_type_compiles_to_tasks(job: Job, tmp_path: Path) -> None:
    quickjs = pytest.importorskip("quickjs")
    clip = replace(job, motion=str(tmp_path / "clip.mp4"), frames="1-5,9")
    export.write(submission_of(clip, chunk=4), "flamenco", tmp_path / "submit")
    submitted = json.loads((tmp_path / "submit" / "submit" / "hopper.json").read_text())
    engine = quickjs.Context()
    engine.eval((tmp_path / "submit" / "gioconda.js").read_text() + FLAMENCO)
    known = json.loads(engine.eval("JSON.stringify(JOB_TYPE.settings)"))
    assert {one["key"] for one in known} == set(submitted["settings"])
    assert all(one["key"] in submitted["settings"] for one in known if one.get("required"))
    tasks = json.loads(engine.eval(f"compiled({json.dumps(submitted['settings'])})"))
    assert [task["name"] for task in tasks] == ["prepare", "render-1-4", "render-5,9", "review"]
    assert [task["dependencies"] for task in tasks] == [[], ["prepare"], ["prepare"], ["render-1-4", "render-5,9"]]
    assert Path(tasks[0]["commands"][0]["parameters"]["args"][3]).parent.is_dir()  # where the clip's motion goes
    commands = [[command["parameters"]["args"][0] for command in task["commands"]] for task in tasks]
    assert commands == [["track", "job"], ["job"], ["job"], ["job", "verify"]]
    assert tasks[2]["commands"][0]["parameters"] == {
        "exe": "{gioconda}",
        "args": [
            "job",
            str(tmp_path / "submit/jobs/hopper.json"),
            "--resume",
            "--allow-outside",
            "--frames=5,9",
            "--no-review",
        ],
    }
    assert submitted["type"] == flamenco.TYPE


# --- OpenCue ---------------------------------------------------------------------------------------------------------


def test_the_outline_is_built_and_serialised_by_pyoutline(job: Job, tmp_path: Path) -> None:
    pytest.importorskip("outline", reason="pip install opencue-pyoutline")
    export.write(submission_of(job, chunk=4), "opencue", tmp_path / "submit")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import outline_job, outline.cuerun, outline.backend.cue as cue\n"
        "launcher = outline.cuerun.OutlineLauncher(outline_job.build('show', 'shot', 'user'))\n"
        "print(cue.serialize_simple(launcher))"
    )
    home = {**os.environ, "HOME": str(tmp_path), "OL_CONFIG": ""}
    run = [sys.executable, "-c", code, tmp_path / "submit"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, env=home, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    spec = done.stdout
    assert spec.count("<layer ") == 3
    assert "--frames=#FRAMESPEC#" in spec
    assert "<range>1-6</range>" in spec
    assert "<chunk>4</chunk>" in spec
    assert spec.count('<depend type="LAYER_ON_LAYER"') == 2


# --- command lines ---------------------------------------------------------------------------------------------------


def test_every_chunk_is_a_plain_command_line(job: Job, tmp_path: Path) -> None:
    spaced = replace(job, output=str(tmp_path / "it's out" / "####.exr"))
    export.write(submission_of(spaced, chunk=4), "shell", tmp_path / "sub mit")
    lines = (tmp_path / "sub mit" / "2_render.txt").read_text().splitlines()
    assert [shlex.split(line)[-2] for line in lines] == ["--frames=1-4", "--frames=5-6"]
    assert shlex.split(lines[0])[:3] == ["gioconda", "job", str(tmp_path / "sub mit/jobs/hopper.json")]
    finish = (tmp_path / "sub mit" / "3_finish.txt").read_text()
    assert shlex.split(finish)[-2:] == ["verify", str(tmp_path / "it's out")]


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_the_script_runs_stage_after_stage(job: Job, tmp_path: Path) -> None:
    """With `echo` instead of gioconda: order and quoting, nothing rendered."""
    spaced = replace(job, output=str(tmp_path / "it's out" / "####.exr"))
    export.write(submission_of(spaced, chunk=4, command="echo"), "shell", tmp_path / "submit")
    done = subprocess.run(["sh", tmp_path / "submit" / "run.sh"], capture_output=True, text=True, timeout=60)
    said = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(said) == 5
    assert "--frames=1 " in said[0]
    assert {line.split("--frames=")[1].split()[0] for line in said[1:3]} == {"1-4", "5-6"}
    assert said[4] == f"verify {tmp_path}/it's out"
