"""The command line as users meet it: what it makes, and the sentence and exit status for each thing that goes wrong."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gioconda.cli import main as cli
from gioconda.cli.options import parser
from gioconda.errors import CancelledError, DiskFullError, ExitCode, NoFaceError
from gioconda.imaging import image
from gioconda.job.job import Job
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion
from gioconda.worker.messages import Error, Progress, Result, from_line

ROOT = Path(__file__).resolve().parents[3]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"

Run = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the tests stays in the user's cache."""
    monkeypatch.setenv("GIOCONDA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """`run("doctor")` → exit status and what a user sees; a traceback fails the test."""

    def run(*words: object) -> tuple[int, str]:
        code = cli.main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return code, out + err

    return run


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames of a mouth that opens; numbers 1, 2, 3, 4, 6, 7: the fifth is missing."""
    path = tmp_path_factory.mktemp("motion") / "take.npz"
    channels = np.linspace(0, 0.8, 6, dtype=np.float32)[:, None]
    frames = np.array([1, 2, 3, 4, 6, 7], np.int32)
    save_motion(Motion(24.0, frames, channels=channels, channel_names=("jawOpen",), neutral=0), path)
    return path


# --- words ---------------------------------------------------------------------------------------------------------


def test_help_comes_at_once_and_loads_nothing_heavy() -> None:
    code = "import sys, time; t = time.process_time(); from gioconda.cli import main as cli\n"
    code += "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
    code += "heavy = {'numpy', 'cv2', 'onnxruntime', 'rich', 'OpenImageIO'} & set(sys.modules)\n"
    code += "print('SECONDS', time.process_time() - t, heavy or 'light')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "core", capture_output=True, text=True, timeout=60)
    assert "animate" in done.stdout
    _, seconds, light = done.stdout.splitlines()[-1].split()
    assert light == "light"
    assert float(seconds) < 0.3


def test_the_core_folder_runs_with_nothing_installed() -> None:
    command = [sys.executable, "-s", "-P", str(ROOT / "core"), "--version"]
    assert "gioconda 0." in subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_the_page_names_every_option() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    commands = next(action.choices for action in parser()._actions if isinstance(action.choices, dict))
    for name, command in commands.items():
        assert f"gioconda {name}" in page
        for action in command._actions:
            assert action.help, f"{name} {action.dest} has no help"
            for word in action.option_strings:
                assert word.startswith("-h") or word in ("--help", "-o") or f"{word}" in page, f"{name} {word}"


def test_the_job_of_a_command_line_can_be_saved(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "shot.json"
    words = [
        "--gain",
        "lips=1.2,lids=0.8",
        "--gain",
        "pose=0.5",
        "--neutral",
        "7",
        "--neutralise",
        "--passes",
        "uv,matte",
    ]
    code, _ = run("animate", "a.png", "take", "-o", "out/####.exr", "--no-lock-scale", "--save-job", file, *words)
    assert code == ExitCode.OK
    job = Job.from_json(file.read_text(encoding="utf-8"))
    assert job.passes == ("UV", "Matte")
    assert job.neutral == 7
    assert job.retarget == {"neutralise": 1.0, "lock_scale": False, "lips": 1.2, "lids": 0.8, "pose": 0.5}
    assert Path(job.portrait).is_absolute()


# --- what goes wrong before anything is rendered -------------------------------------------------------------------


def test_what_cannot_be_used_is_refused_with_a_sentence(run: Run, tmp_path: Path, motion: Path) -> None:
    output = tmp_path / "####.exr"
    for words, status, sentence in (
        ([HOPPER, motion, "-o", output, "--fps", "0"], 3, "“fps” cannot be 0.0; it is a number above 0 below 10000"),
        ([HOPPER, motion, "-o", output, "--frames", "3-1"], 3, "ends before it begins"),
        ([HOPPER, motion, "-o", output, "--frames", "1-100"], 3, "no frame 100 in the motion; it has 1-4,6-7"),
        ([HOPPER, motion, "-o", output, "--frames", "5"], 3, "none of the frames 5"),
        ([HOPPER, motion, "-o", tmp_path / "frame.exr"], 3, "where the frame number goes"),
        (
            [HOPPER, motion, "-o", output, "--passes", "Beauty"],
            3,
            '“passes[1]” cannot be "Beauty"; choose from Combined',
        ),
        ([HOPPER, motion, "-o", output, "--compression", "dwaa"], 3, "dwaa"),
        ([HOPPER, motion, "-o", output, "--gain", "nose=2"], 3, "no region “nose”"),
        ([HOPPER, motion, "-o", output, "--gain", "lips=big"], 3, "“big” is not a number"),
        ([HOPPER, motion, "-o", output, "--gain", "lips=99"], 3, "lips"),
        ([HOPPER, motion, "-o", output, "--neutral", "5"], 3, "neutral frame 5"),
        ([HOPPER, tmp_path / "no.csv", "-o", output], 3, "no.csv"),
        ([HOPPER, tmp_path / "no.mp4", "-o", output], 3, "no.mp4"),
        ([tmp_path / "no.png", motion, "-o", output], 3, "no.png"),
        ([HOPPER, motion, "-o", output, "--ocio", tmp_path / "no.ocio", "--colorspace", "ACEScg"], 3, "no.ocio"),
        ([HOPPER, motion, "-o", output, "--colorspace", "Sepia"], 3, "Sepia"),
    ):
        code, said = run("animate", *words)
        assert (code, sentence in said) == (status, True), (words, code, said)
    assert not list(tmp_path.glob("*.exr"))


def test_a_wrong_command_line_is_status_2() -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["animate", "a.png"])
    assert left.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        ("Timecode,BlendshapeCount,JawOpen\n00:00:00:01,61,0.1\n00:00:00:02,61,wide\n", "line 3"),
        ("hello\nworld\n", "line"),
    ],
)
def test_a_malformed_csv_is_named_with_its_line(run: Run, tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "take.csv"
    file.write_text(text, encoding="utf-8")
    code, said = run("animate", HOPPER, file, "-o", tmp_path / "####.exr")
    assert code == ExitCode.BAD_INPUT
    assert "take.csv" in said
    assert sentence in said


@pytest.mark.slow
def test_a_picture_without_a_face_is_status_4(run: Run, tmp_path: Path, motion: Path, models_folder: Path) -> None:
    image.write_png(tmp_path / "wall.png", np.full((200, 200, 3), 128, np.uint8))
    code, said = run("animate", tmp_path / "wall.png", motion, "-o", tmp_path / "####.exr")
    assert code == ExitCode.NO_FACE
    assert "--points" in said
    code, said = run("animate", HOPPER, motion, "-o", tmp_path / "####.exr", "--face", "3")
    assert code == ExitCode.NO_FACE
    assert "no face 3" in said


def test_a_missing_or_wrong_net_is_status_6(run: Run, tmp_path: Path, motion: Path) -> None:
    code, said = run("analyse", HOPPER, "--models", tmp_path)
    assert code == ExitCode.MODELS
    assert "missing" in said
    for name in ("face_detection_short_range", "face_detection_full_range", "face_landmarks", "person_segmentation"):
        (tmp_path / f"{name}.onnx").write_bytes(b"not a net")
    code, said = run("analyse", HOPPER, "--models", tmp_path)
    assert code == ExitCode.MODELS
    assert "not the expected one" in said


def test_a_device_that_is_not_there_is_status_7(run: Run, models_folder: Path) -> None:
    code, said = run("analyse", HOPPER, "--device", "directml" if sys.platform != "win32" else "coreml")
    assert code == ExitCode.DEVICE
    assert "directml" in said or "coreml" in said


def test_a_folder_that_cannot_be_written_is_status_5(run: Run, tmp_path: Path, motion: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    code, said = run("animate", HOPPER, motion, "-o", tmp_path / "file" / "####.exr")
    assert code == ExitCode.OUTPUT
    assert "Cannot write" in said


def test_a_broken_job_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shot.json").write_text('{"portrait": 3}', encoding="utf-8")
    assert run("job", tmp_path / "shot.json")[0] == ExitCode.BAD_INPUT
    code, said = run("job", tmp_path / "other.json")
    assert code == ExitCode.BAD_INPUT
    assert "other.json" in said


def test_a_bug_ends_in_a_sentence_and_a_file_for_the_report(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("deep down")

    monkeypatch.setitem(cli.HANDLERS, "doctor", broken)
    code, said = run("doctor")
    assert code == ExitCode.FAILED
    assert "bug" in said
    file = Path(said.split()[-1].rstrip("."))
    assert "deep down" in file.read_text(encoding="utf-8")
    file.unlink()


# --- what it makes ---------------------------------------------------------------------------------------------------


def test_analyse_finds_the_face_and_its_points_drive_the_next_run(
    run: Run, tmp_path: Path, models_folder: Path
) -> None:
    code, said = run("analyse", HOPPER, "-o", tmp_path / "p.json", "--overlay", tmp_path / "look.png")
    assert code == ExitCode.OK
    assert "Face 1 of 1" in said
    assert image.read_picture(tmp_path / "look.png").width == 512
    code, said = run("analyse", HOPPER, "--points", tmp_path / "p.json", "--json")
    assert code == ExitCode.OK
    result = [from_line(line) for line in said.splitlines()][-1]
    assert isinstance(result, Result)
    assert result.data["faces"] == 1


@pytest.mark.slow
def test_animate_makes_frames_and_everything_to_look_at(
    run: Run, tmp_path: Path, motion: Path, models_folder: Path
) -> None:
    words = [HOPPER, motion, "-o", tmp_path / "a.####.exr", "--frames", "3-6"]
    looks = ["--review", tmp_path / "p.mp4", "--contact-sheet", tmp_path / "s.png", "--png"]
    code, said = run("animate", *words, "--preview", "--passes", "all", *looks)
    assert code == ExitCode.OK, said
    assert "no frame 5: left out" in said
    made = {path.name for path in tmp_path.iterdir()}
    frames = {f"a.000{n}.{kind}" for n in (3, 4, 6) for kind in ("exr", "png")}
    assert made == {*frames, "p.mp4", "s.png", "a.gioconda.json"}
    code, said = run("animate", *words)
    assert code == ExitCode.OUTPUT
    assert "--resume" in said


@pytest.mark.slow
def test_json_lines_are_all_there_is_on_standard_output(tmp_path: Path, motion: Path, models_folder: Path) -> None:
    command = [sys.executable, "-P", str(ROOT / "core"), "animate", str(HOPPER), str(motion), "--json"]
    command += ["--frames", "1-2", "-o", str(tmp_path / "#.exr")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    messages = [from_line(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert None not in messages
    assert [m.frame for m in messages if isinstance(m, Progress)] == [1, 2]
    assert isinstance(messages[-1], Result)
    assert messages[-1].data["rendered"] == 2
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    last = from_line(again.stdout.splitlines()[-1])
    assert isinstance(last, Error)
    assert last.code == again.returncode == ExitCode.OUTPUT


@pytest.mark.parametrize("how", [["--json"], []])
def test_a_program_that_stops_listening_stops_the_work(how: list[str]) -> None:
    command = [sys.executable, "-P", str(ROOT / "core"), "models", "list", *how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        said = process.stderr.read()
        process.wait(60)
    assert said == ""
    assert process.returncode == ExitCode.CANCELLED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["animate", "p.png", "take.csv", "-o", "out/####.exr"], "--resume"),
        (["batch", "run", "npcs.yaml"], "the same command goes on"),
        (["train", "fast", "pairs", "-o", "run"], "last checkpoint"),
        (["analyse", "p.png"], "Stopped."),
    ],
)
def test_who_is_stopped_is_told_how_to_go_on(words: list[str], said: str) -> None:
    told = cli._failure(CancelledError("Stopped."), parser().parse_args(words), stopped=True)
    assert said in told.text
    assert ("--resume" in told.text) == (said == "--resume")


@pytest.mark.parametrize(
    ("error", "code", "cause"),
    [
        (DiskFullError("full"), ExitCode.OUTPUT, "disk"),
        (NoFaceError("no face"), ExitCode.NO_FACE, ""),
        (MemoryError(), ExitCode.FAILED, "memory"),
        (RuntimeError("bad allocation"), ExitCode.FAILED, "memory"),
        (ZeroDivisionError("oh"), ExitCode.FAILED, ""),
    ],
)
def test_a_failure_says_what_to_do_about_it(error: Exception, code: int, cause: str) -> None:
    told = cli._failure(error, parser().parse_args(["serve"]), stopped=False)
    assert (told.code, told.cause) == (code, cause)


# --- a first look, mistypings, defaults ------------------------------------------------------------------------------


def test_alone_it_greets_with_three_examples(run: Run) -> None:
    code, said = run()
    assert code == ExitCode.OK
    assert said.count("\n  gioconda ") == 3


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["anmate"], "animate"),
        (["verfy", "out"], "verify"),
        (["animate", "a.png", "take", "-o", "####.exr", "--framse", "1"], "--frames"),
        (["farm", "exprt", "x"], "export"),
        (["deliver", "####.exr", "--formats", "png", "--qualty=3"], "--quality"),
        (["animate", "a.png", "take", "-o", "####.exr", "--device", "cdua"], "cuda"),
    ],
)
def test_a_mistyped_word_is_named_with_the_one_that_was_meant(
    words: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert left.value.code == ExitCode.USAGE
    assert f"Did you mean {meant}?" in capsys.readouterr().err


def test_a_users_defaults_hold_where_the_command_line_says_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIOCONDA_CONFIG", str(tmp_path))
    monkeypatch.setenv("SCRATCH", str(tmp_path / "scratch"))
    defaults = tmp_path / "defaults.yaml"
    defaults.write_text("threads: 3\ncache: $SCRATCH/x\ncompression: zips\nfloat: true\npasses: [Combined, UV]\n")
    words = ["animate", "$SCRATCH/a.png", "take", "-o", "~/out/####.exr", "--compression", "rle", "--save-job"]
    assert run(*words, tmp_path / "shot.json")[0] == ExitCode.OK
    job = Job.from_json((tmp_path / "shot.json").read_text(encoding="utf-8"))
    assert (job.threads, job.compression, job.full_float, job.passes) == (3, "rle", True, ("Combined", "UV"))
    assert job.cache == str(tmp_path / "scratch" / "x")
    assert job.portrait == str(tmp_path / "scratch" / "a.png")
    assert job.output == str(Path.home() / "out" / "####.exr")
    for text, sentence in (
        ("devise: cpu\n", "line 1: “devise” is no option with a default of yours"),
        ("device: abacus\n", "“device” cannot be 'abacus'; choose from auto"),
        ("threads: many\n", "“threads” cannot be 'many'"),
    ):
        defaults.write_text(text)
        code, said = run("models", "list")
        assert (code, sentence in said) == (ExitCode.BAD_INPUT, True), said


def test_hints_can_be_pasted_into_a_shell(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "it's mine.json"
    _, said = run("animate", "a.png", "take", "-o", "####.exr", "--save-job", file)
    assert shlex.split(said.split(": ", 1)[1])[2] == str(file)


def test_completion_is_printed(run: Run) -> None:
    pytest.importorskip("shtab")
    code, said = run("completion", "bash")
    assert code == ExitCode.OK
    assert "--contact-sheet" in said


def test_a_built_in_ocio_configuration_that_there_is_not_is_refused(run: Run, tmp_path: Path, motion: Path) -> None:
    code, said = run("animate", HOPPER, motion, "-o", tmp_path / "####.exr", "--ocio", "ocio://bogus")
    assert code == ExitCode.BAD_INPUT
    assert "ocio://bogus cannot be used" in said


def test_with_standard_input_closed_nobody_is_asked_and_nothing_breaks(tmp_path: Path) -> None:
    command = f"exec {shlex.quote(sys.executable)} -P {shlex.quote(str(ROOT / 'core'))} animate a.png take "
    command += f"-o {shlex.quote(str(tmp_path))}/####.exr <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == ExitCode.BAD_INPUT
    assert "bug" not in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libx265.so: failed to map segment from shared object"),
        OSError("Could not find/load shared object file 'libgioconda.so'"),
        RuntimeError("can't start new thread"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_a_limit_on_memory_is_a_sentence(error: Exception) -> None:
    told = cli._failure(error, parser().parse_args(["serve"]), stopped=False)
    assert told.cause == "memory"
    assert "not enough memory" in told.text


@pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes with names")
def test_what_only_reads_stops_at_the_first_signal(tmp_path: Path) -> None:
    """It waits for a pipe, and would for ever."""
    os.mkfifo(tmp_path / "pipe")
    code = "import sys; from gioconda.cli import main as cli\n"
    code += "cli.HANDLERS['verify'] = lambda a, r: (print('open', flush=True), open(sys.argv.pop()))\n"
    code += "sys.exit(cli.main(['verify', 'x']))"
    command = [sys.executable, "-c", code, str(tmp_path / "pipe")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "core")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout and process.stdout.readline() == "open\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == ExitCode.CANCELLED


@pytest.mark.slow
def test_png_can_be_had_without_exr(run: Run, tmp_path: Path, motion: Path, models_folder: Path) -> None:
    words = [HOPPER, motion, "--frames", "1-2", "--preview", "--passes", "Combined"]
    code, said = run("animate", *words, "-o", tmp_path / "a.####.png", "--formats", "webm")
    assert code == ExitCode.OK, said
    assert {path.name for path in tmp_path.iterdir()} == {"a.0001.png", "a.0002.png", "a.webm"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit that the system keeps to")
@pytest.mark.parametrize("kilobytes", [700_000, 1_600_000])
def test_a_process_that_may_not_have_the_memory_says_so(tmp_path: Path, kilobytes: int) -> None:
    """Inside OpenBLAS or ONNX Runtime it would spin for minutes, or end in their words."""
    words = [sys.executable, "-P", str(ROOT / "core"), "animate", str(HOPPER), "take", "-o", str(tmp_path / "####.exr")]
    command = f"ulimit -v {kilobytes}; exec {shlex.join([*words, '--consent', 'own_work:Ada'])}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "not enough memory: this process may have " in done.stderr
    assert "ulimit" in done.stderr
    assert "Traceback" not in done.stderr
