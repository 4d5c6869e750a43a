"""What a farm is given: checked and, where that is possible without the farm, run by the engines' own tools."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
import yaml
from gioconda.batch.settings import read_job
from gioconda.errors import GiocondaError, SettingsError
from gioconda.farm import export, flamenco
from gioconda.farm.engine_lines import EngineLines
from gioconda.farm.openjd import range_expression
from gioconda.farm.path_map import load_rules, mapped, mapped_job, rule
from gioconda.farm.plan_file import Entry, PlanFile, read_plan
from gioconda.farm.tasks import Submission, SubmissionItem, chunks, named_items, split_commands
from gioconda.job.frame_range import FrameRange
from gioconda.job.job import Job
from gioconda.provenance.policy import Policy
from gioconda.worker.messages import Error, Log, Progress, Result, Stage, Warn

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
    for path, here in (
        ("//srv/x/../y", "//srv/x/../y"),
        (r"Z:\show\..\other\a.csv", r"Z:\show\..\other\a.csv"),
        ("Z:/show/a/../b.csv", "/mnt/show/b.csv"),
    ):
        assert mapped(path, found) == here
    (tmp_path / "empty.json").write_text('{"version": "pathmapping-1.0"}')
    assert load_rules(tmp_path / "empty.json") == []
    for text in ("[]", "no", '{"path_mapping_rules": [{"source_path": "/"}]}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(SettingsError, match="bad.json"):
            load_rules(tmp_path / "bad.json")


def test_rules_hold_for_drives_and_shares_in_both_directions(tmp_path: Path) -> None:
    def found(kind: str, source: str, destination: str, here: Any) -> Any:
        rules = [{"source_path_format": kind, "source_path": source, "destination_path": destination}]
        (tmp_path / "rules.json").write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": rules}))
        return load_rules(tmp_path / "rules.json", here)

    share = found("WINDOWS", r"\\srv\projects", "/mnt/projects", PurePosixPath)
    assert mapped(r"\\SRV\Projects\a\b.png", share) == "/mnt/projects/a/b.png"
    assert mapped("//srv/projects/a/b.png", share) == "/mnt/projects/a/b.png"
    assert mapped("/srv/projects/a", share) == "/srv/projects/a"
    drive = found("POSIX", "/projects", "P:\\projects", PureWindowsPath)
    assert mapped("/projects/out/####.exr", drive) == r"P:\projects\out\####.exr"
    assert mapped("/projects2/out", drive) == "/projects2/out"
    to_share = found("POSIX", "/projects", r"\\srv\projects", PureWindowsPath)
    assert mapped("/projects/a.png", to_share) == r"\\srv\projects\a.png"


def test_a_windows_job_is_read_with_the_farms_rules_before_its_paths_are_made_absolute(tmp_path: Path) -> None:
    file = tmp_path / "shot.json"
    file.write_text(
        json.dumps({"portrait": r"Z:\show\a.png", "motion": "take", "output": r"Z:\show\out\####.exr", "cache": "c"})
    )
    rules = [rule("WINDOWS", "Z:\\show", str(tmp_path))]
    job = read_job(file, lambda job: mapped_job(job, rules))
    assert job.portrait == str(tmp_path / "a.png")
    assert job.output == str(tmp_path / "out" / "####.exr")
    assert job.cache == str(tmp_path / "c")
    assert read_job(file).portrait == r"Z:\show\a.png"  # and its error names what is in the file


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
    template = yaml.safe_load((tmp_path / "submit" / "template.yaml").read_text())
    needs = {step["name"]: [one["dependsOn"] for one in step.get("dependencies", [])] for step in template["steps"]}
    assert needs == {"prepare": [], "render": ["prepare"], "review": ["render"]}
    assert template["steps"][1]["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1-12"  # 6 and 6 frames
    assert len(template["jobEnvironments"]) == 1
    for step in template["steps"]:
        assert {one["name"] for one in step["hostRequirements"]["amounts"]} == {
            "amount.worker.vcpu",
            "amount.worker.memory",
        }
    shown = {one["name"]: one["userInterface"] for one in template["parameterDefinitions"]}
    assert shown["Frames"] == {"control": "LINE_EDIT", "label": "Frames", "groupLabel": "Rendering"}
    assert shown["OutputFolder"]["control"] == "CHOOSE_DIRECTORY"
    assert shown["Program"]["groupLabel"] == "Software"
    assert shown["Jobs"] == {"control": "HIDDEN"}


def test_the_only_items_frames_can_be_changed_at_submission(job: Job, tmp_path: Path) -> None:
    export.write(submission_of(replace(job, frames="1-9x2,20")), "openjd", tmp_path / "submit")
    template = yaml.safe_load((tmp_path / "submit" / "template.yaml").read_text())
    frames = next(one for one in template["parameterDefinitions"] if one["name"] == "Frames")
    assert frames["default"] == "1-9:2,20"
    assert template["steps"][1]["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "{{Param.Frames}}"
    plan = read_plan(tmp_path / "submit" / "jobs" / "plan.json")
    assert [frames for _, frames in plan.chosen(item=1, frames="30-31")] == [[30, 31]]
    check = [BIN / "openjd", "summary", tmp_path / "submit" / "template.yaml", "-p", "Frames=7-90"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_slots_count_the_frames_of_all_items_through() -> None:
    plan = PlanFile(Path(), None, (Entry("a", (1, 2, 3)), Entry("b", (10, 20)), Entry("c", (5,))))

    def chosen(**words: Any) -> list[tuple[str, list[int]]]:
        return [(entry.name, frames) for entry, frames in plan.chosen(**words)]

    assert chosen(slots="2-5") == [("a", [2, 3]), ("b", [10, 20])]
    assert chosen(slots="6") == [("c", [5])]
    assert chosen(slots="1-6", only="2-10") == [("a", [2, 3]), ("b", [10]), ("c", [5])]
    assert chosen(item=2) == [("b", [10, 20])]
    assert chosen(item=2, only="1-5") == []
    with pytest.raises(SettingsError, match="no item 4"):
        chosen(item=4)


def test_a_thousand_items_fit_where_deadline_cloud_ends(job: Job, tmp_path: Path) -> None:
    many = named_items(
        (f"take {n}", replace(job, output=str(tmp_path / str(n) / "####.exr")), range(1, 25)) for n in range(1000)
    )
    export.write(Submission("many", many), "deadline", tmp_path / "submit")
    text = (tmp_path / "submit" / "template.yaml").read_text()
    assert len(text) < 20_000
    check = [BIN / "openjd", "check", tmp_path / "submit" / "template.yaml"]
    assert subprocess.run(check, capture_output=True, timeout=60).returncode == 0
    template = yaml.safe_load(text)
    assert template["steps"][1]["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1-24000"


def test_a_template_larger_than_farms_take_is_refused_with_the_number(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gioconda.farm.openjd.MAX_LETTERS", 1000)
    with pytest.raises(SettingsError, match=r"would have [\d,]+ letters; Deadline Cloud takes 1,000"):
        export.write(submission_of(job), "deadline", tmp_path / "submit")
    assert not (tmp_path / "submit").exists()


@pytest.mark.slow
@pytest.mark.parametrize("to", ["openjd", "shell", "flamenco"])
def test_thousands_of_items_take_time_in_proportion(job: Job, tmp_path: Path, to: str) -> None:
    """16,000 of them are a matter of seconds; equal names and full folders once made it minutes."""

    def seconds(count: int) -> float:
        outputs = [str(tmp_path / str(n) / "####.exr") for n in range(count)]
        jobs = ((f"{n % 2}/take", replace(job, output=output), range(1, 25)) for n, output in enumerate(outputs))
        began = time.process_time()
        export.write(Submission("many", named_items(jobs)), to, tmp_path / f"submit{count}")
        return time.process_time() - began

    few, many = seconds(400), seconds(4000)
    print(f"{to}: {few:.2f} s for 400 items, {many:.2f} s for 4000")
    assert many < 30 * few  # ten times the items; were it quadratic, a hundred times the time
    assert many < 10


@pytest.mark.parametrize("what", ["{{Session.WorkingDirectory}}", "{gioconda}", "#IFRAME#", "a\nopenjd_env: PATH=x"])
@pytest.mark.parametrize("to", ["openjd", "flamenco", "opencue", "shell"])
def test_words_that_engines_would_replace_are_refused(job: Job, tmp_path: Path, what: str, to: str) -> None:
    other = replace(job, output=str(tmp_path / what / "####.exr"))
    with pytest.raises(SettingsError, match="do not pass on as it is"):
        export.write(submission_of(other), to, tmp_path / "submit")
    with pytest.raises(SettingsError, match="The program"):
        export.write(submission_of(job, command=what), to, tmp_path / "submit")
    assert not (tmp_path / "submit").exists()


def test_a_tasks_lines_are_what_engines_read_and_nothing_else() -> None:
    said = io.StringIO()
    tell = EngineLines(said)
    for message in (
        Stage("render", "Rendering"),
        Log("openjd_env: PATH=/evil"),
        Warn("note\nopenjd_unset_env: PATH"),
        Progress(1, 4),
        Progress(4, 4),
        Result("job", {"text": "a\nOpenJD_env: x"}),
        Error(3, "no\nopenjd_status: fine"),
    ):
        tell(message)
    lines = said.getvalue().splitlines()
    assert lines[0] == "openjd_status: Rendering"
    assert "openjd_progress: 25.0" in lines
    assert "openjd_progress: 100.0" in lines
    assert lines[-1] == "openjd_fail: no openjd_status: fine"
    orders = [line.split(":")[0] for line in lines if line.lower().startswith("openjd")]
    assert orders == ["openjd_status", "openjd_progress", "openjd_progress", "openjd_fail"]


def test_a_video_is_tracked_once_before_its_frames_are_rendered(job: Job, tmp_path: Path) -> None:
    clip = replace(job, motion=str(tmp_path / "clip.mp4"))
    export.write(submission_of(clip), "openjd", tmp_path / "submit")
    template = yaml.safe_load((tmp_path / "submit" / "template.yaml").read_text())
    words = template["steps"][0]["script"]["actions"]["onRun"]["args"]
    assert words[:4] == ["farm", "task", "prepare", "{{Param.Jobs}}/plan.json"]
    (entry,) = read_plan(tmp_path / "submit" / "jobs" / "plan.json").entries
    assert entry.clip == str(tmp_path / "clip.mp4")
    saved = Job.from_json((tmp_path / "submit" / "jobs" / "hopper.json").read_text())
    assert saved.motion == str(tmp_path / "submit" / "motion" / "hopper.npz")


@pytest.mark.skipif(os.name != "posix", reason="the program is a shell script here")
@pytest.mark.slow
def test_openjd_runs_the_template(job: Job, program: Path, tmp_path: Path, models_folder: Path) -> None:
    """Three items: prepared, rendered by tasks of one session with its warm worker, reviewed, all of it for real."""
    small = replace(job, cache=str(tmp_path / "cache"), frames="1-4")
    items = named_items(
        (name, replace(small, output=str(tmp_path / "out" / name / "####.exr"), review=None), range(1, 3))
        for name in ("a", "b", "c")
    )
    folder, elsewhere = tmp_path / "submit", tmp_path / "elsewhere"
    export.write(Submission("three", items, chunk=4, command=str(program)), "openjd", folder)
    run = [BIN / "openjd", "run", folder / "template.yaml", "--step", "review", "--run-dependencies"]
    run += ["-p", f"OutputFolder={elsewhere}"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=200, cwd=folder)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-4000:]
    assert said.count("A worker is ready.") == 1
    assert said.count("Everything fits.") == 3
    for line in ("openjd_progress: 50.0", "openjd_progress: 100.0", "openjd_status: render b: frames "):
        assert line in said, said[-4000:]
    for name in ("a", "b", "c"):
        made = {path.name for path in (elsewhere / name).iterdir()}
        assert made == {"0001.exr", "0002.exr", "sequence.gioconda.json"}
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="the program is a shell script here")
def test_what_goes_wrong_in_a_task_is_told_to_the_engine(job: Job, program: Path, tmp_path: Path) -> None:
    gone = replace(job, portrait=str(tmp_path / "gone.png"))
    export.write(submission_of(gone), "openjd", tmp_path / "submit")
    command = [program, "farm", "task", "prepare", tmp_path / "submit" / "jobs" / "plan.json", "--item=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 3
    assert "openjd_fail: " in done.stdout
    assert "gone.png" in done.stdout


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
    assert '"render"' in done.stdout, done.stderr


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
    assert submitted["submitter_platform"] == {"win32": "windows", "darwin": "darwin"}.get(sys.platform, "linux")


def test_flamencos_workers_may_have_their_storage_elsewhere(job: Job, tmp_path: Path) -> None:
    """Every path the Manager passes on begins a setting, which its two-way variables replace; the rest is relative."""
    batch = Submission("b", (SubmissionItem("hopper", job, (1, 2), ("--formats", "webm")),))
    export.write(batch, "flamenco", tmp_path / "submit")
    saved = Job.from_json((tmp_path / "submit" / "jobs" / "hopper.json").read_text())
    assert saved.output == "../../out/####.exr"
    assert not any(Path(path).is_absolute() for path in saved.paths().values())
    settings = json.loads((tmp_path / "submit" / "submit" / "hopper.json").read_text())["settings"]
    inside = [text for text in settings.values() if isinstance(text, str) and str(tmp_path) in text]
    assert inside and all(text.startswith(str(tmp_path)) for text in inside)
    assert read_job(tmp_path / "submit" / "jobs" / "hopper.json").anchored(tmp_path).motion == "take"


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
