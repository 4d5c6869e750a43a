"""A batch on this machine: planned, rendered by several processes, killed, resumed, reported."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.batch.plan import make_plan
from gioconda.batch.settings import read_batch
from gioconda.errors import ExitCode, InputError, SettingsError
from gioconda.imaging import resample
from gioconda.imaging.image import read_picture, write_png
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion
from gioconda.worker.messages import BatchProgress, Error, Message, Result, Warn, from_line

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
SIZE = (128, 150)
FRAMES = 4
BATCH = """\
portraits: portraits/*.png
motions: takes/*
output: out/{portrait}/{motion}/####.exr
settings:
  passes: [Combined, Matte]
  cache: cache
  consent: {right: public_domain, who: the tests}
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Path:
    """A folder with two portraits, two takes of four frames, a batch file of them, and a cache with both made ready."""
    folder = tmp_path_factory.mktemp("studio")
    picture = read_picture(HOPPER, colorspace="linear").pixels[..., :3] * 255
    small = np.round(resample.resize(picture, *SIZE)).astype(np.uint8)
    for name in ("portraits", "takes"):
        (folder / name).mkdir()
    write_png(folder / "portraits" / "grace.png", small)
    write_png(folder / "portraits" / "mirrored.png", np.ascontiguousarray(small[:, ::-1]))
    for name, channel in (("talk", "jawOpen"), ("frown", "browDownLeft")):
        values = np.linspace(0, 0.6, FRAMES, dtype=np.float32)[:, None]
        motion = Motion(24.0, np.arange(1, FRAMES + 1), channels=values, channel_names=(channel,), neutral=0)
        save_motion(motion, folder / "takes" / f"{name}.npz")
    (folder / "npcs.yaml").write_text(BATCH, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def whole(studio: Path) -> dict[str, bytes]:
    """Every frame's bytes of an undisturbed run."""
    code, said = run(studio, processes=2)
    assert code == 0, said
    boards = [message for message in said if isinstance(message, BatchProgress)]
    assert all(board.total == 4 and board.of_frames == 4 * FRAMES for board in boards)
    assert any(row.get("item") for board in boards for row in board.rows.values())
    frames = contents(studio)
    assert len(frames) == 4 * FRAMES
    return frames


@pytest.fixture
def copy(studio: Path, whole: dict[str, bytes], tmp_path: Path) -> Path:
    """The studio's inputs, nothing rendered."""
    for name in ("portraits", "takes"):
        shutil.copytree(studio / name, tmp_path / name)
    text = BATCH.replace("cache: cache", f"cache: {studio / 'cache'}")
    (tmp_path / "npcs.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def start(
    folder: Path, *words: str, action: str = "run", processes: int = 1, largest_file: int | None = None
) -> subprocess.Popen[str]:
    def limit() -> None:
        if largest_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    command = [sys.executable, "-P", str(ROOT / "core"), "batch", action, "npcs.yaml", "--json", *words]
    command += ["--processes", str(processes), "--allow-outside"]  # the cache is
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit
    )


def run(folder: Path, *words: str, **more: Any) -> tuple[int, list[Message]]:
    process = start(folder, *words, **more)
    said, log = process.communicate(timeout=240)
    messages = [message for line in said.splitlines() if (message := from_line(line)) is not None]
    assert "Traceback" not in log, log
    return process.returncode, messages


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder / "out")): path.read_bytes() for path in sorted(folder.glob("out/**/*.exr"))}


def report(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "npcs.report" / "report.json").read_text(encoding="utf-8"))
    return data


def facts(messages: list[Message]) -> dict[str, Any]:
    last = messages[-1]
    assert isinstance(last, Result), last
    return dict(last.data)


def test_everything_is_rendered_and_accounted_for(studio: Path, whole: dict[str, bytes]) -> None:
    told = report(studio)
    assert (told["state"], told["items"], told["done"], told["failed"]) == ("done", 4, 4, 0)
    assert told["rendered"] == 4 * FRAMES
    assert [item["name"] for item in told["list"]] == ["grace/frown", "grace/talk", "mirrored/frown", "mirrored/talk"]
    assert all(item["frames"] == f"1-{FRAMES}" and item["size"] == list(SIZE) for item in told["list"])
    page = (studio / "npcs.report" / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 4
    assert "http" not in page
    assert "4 frames rendered" in (studio / "npcs.report" / "logs" / "grace" / "talk.log").read_text(encoding="utf-8")
    assert len({whole[f"{portrait}/talk/0004.exr"] for portrait in ("grace", "mirrored")}) == 2


def test_portraits_are_made_ready_once_for_all_takes(studio: Path, whole: dict[str, bytes]) -> None:
    assert len(list((studio / "cache").glob("portrait-*.npz"))) == 2
    prepared = [item for item in report(studio)["list"] if item["seconds"].get("prepare")]
    assert len(prepared) <= 4
    assert {item["portrait"] for item in prepared} == {item["portrait"] for item in report(studio)["list"]}


def test_a_plan_tells_frames_disk_and_time_and_renders_nothing(copy: Path) -> None:
    code, messages = run(copy, action="plan")
    plan = facts(messages)
    assert code == 0
    assert (plan["items"], plan["frames"], plan["portraits"], plan["motions"]) == (4, 4 * FRAMES, 2, 2)
    assert 0.5 < plan["disk_bytes"] / sum(map(len, contents_of_studio(copy).values())) < 2
    assert plan["seconds"] > 0
    assert not (copy / "out").exists()
    assert not (copy / "npcs.report").exists()


def contents_of_studio(copy: Path) -> dict[str, bytes]:
    text = (copy / "npcs.yaml").read_text(encoding="utf-8")
    cache = next(line.split(": ")[1] for line in text.splitlines() if "cache" in line)
    return contents(Path(cache).parent)


def test_workers_killed_in_the_middle_change_nothing(copy: Path, whole: dict[str, bytes]) -> None:
    process = start(copy, processes=2)
    killed = 0
    end = time.monotonic() + 200
    while process.poll() is None and time.monotonic() < end:
        count = len(contents(copy))
        if killed < 2 and count > 2 * killed:
            for child in children(process.pid)[:1]:
                os.kill(child, signal.SIGKILL)
                killed += 1
        time.sleep(0.02)
    said, log = process.communicate(timeout=60)
    assert process.returncode == 0, said + log
    assert killed
    assert contents(copy) == whole
    assert sum(item["attempts"] for item in report(copy)["list"]) >= 4 + 1
    assert "was killed (SIGKILL); trying again" in said


def children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def test_a_killed_pool_leaves_no_worker_behind_and_is_resumed(copy: Path, whole: dict[str, bytes]) -> None:
    process = start(copy)
    end = time.monotonic() + 120
    while len(contents(copy)) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    workers = children(process.pid)
    process.kill()
    process.communicate()
    while any(is_running(worker) for worker in workers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(is_running(worker) for worker in workers)
    left = contents(copy)
    assert left == {name: whole[name] for name in left}
    code, messages = run(copy)
    assert code == 0
    assert facts(messages)["kept"] == len(left)
    assert contents(copy) == whole


def is_running(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return False


def test_asked_to_stop_it_stops_and_says_how_to_go_on(copy: Path, whole: dict[str, bytes]) -> None:
    process = start(copy)
    end = time.monotonic() + 120
    while not contents(copy) and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.CANCELLED
    last = from_line(said.splitlines()[-1])
    assert isinstance(last, Error)
    left = contents(copy)
    assert left == {name: whole[name] for name in left}
    assert report(copy)["state"] == "stopped"


def test_a_finished_batch_is_recognised_and_damage_is_repaired(studio: Path, whole: dict[str, bytes]) -> None:
    frame = studio / "out" / "grace" / "talk" / "0002.exr"
    flipped = bytearray(whole["grace/talk/0002.exr"])
    flipped[-40] ^= 1  # a header and a length that are right, a pixel that is not
    frame.write_bytes(flipped)
    frame.with_name("0003.exr").write_bytes(whole["grace/talk/0003.exr"][:-60])
    frame.with_name("0004.exr").unlink()
    code, messages = run(studio)
    told = facts(messages)
    assert code == 0
    assert (told["rendered"], told["kept"], told["repaired"]) == (3, 4 * FRAMES - 3, 2)
    assert contents(studio) == whole
    code, messages = run(studio)
    assert (code, facts(messages)["rendered"]) == (0, 0)


def test_a_foreign_file_is_not_replaced_and_the_others_go_on(copy: Path, whole: dict[str, bytes]) -> None:
    precious = copy / "out" / "grace" / "talk" / "0003.exr"
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b"somebody's")
    code, messages = run(copy, "--keep-going")
    assert code == ExitCode.PARTIAL
    assert "0003.exr is no frame of Gioconda's" in messages[-1].text  # type: ignore[union-attr]
    assert precious.read_bytes() == b"somebody's"
    assert {name for name in contents(copy) if not name.startswith("grace/talk")} == {
        name for name in whole if not name.startswith("grace/talk")
    }


def test_bad_inputs_are_named_and_the_others_go_on_when_told_to(copy: Path, whole: dict[str, bytes]) -> None:
    (copy / "portraits" / "cut.png").write_bytes((copy / "portraits" / "grace.png").read_bytes()[:3000])
    (copy / "takes" / "bad.csv").write_text("Timecode,BlendshapeCount,JawOpen\n0:0,1,x\n", encoding="utf-8")
    code, messages = run(copy)
    assert code == ExitCode.BAD_INPUT
    assert "3 of 9 items cannot be rendered" in messages[-1].text  # type: ignore[union-attr]
    assert "bad.csv" in messages[-1].text  # type: ignore[union-attr]
    assert not contents(copy)
    code, messages = run(copy, "--keep-going")
    assert code == ExitCode.PARTIAL
    assert contents(copy) == whole
    failed = {item["name"]: item for item in report(copy)["list"] if item["state"] == "failed"}
    assert set(failed) == {"cut/bad", "cut/frown", "cut/talk", "grace/bad", "mirrored/bad"}
    assert "damaged" in failed["cut/talk"]["text"]
    assert failed["grace/bad"]["code"] == ExitCode.BAD_INPUT
    assert any(isinstance(message, Warn) and "cut/talk" in message.text for message in messages)


def test_a_full_disk_stops_everything_with_a_sentence(copy: Path, whole: dict[str, bytes]) -> None:
    size = min(map(len, whole.values()))
    code, messages = run(copy, "--keep-going", largest_file=size - 1000)
    assert code == ExitCode.OUTPUT
    assert "disk is full" in messages[-1].text  # type: ignore[union-attr]
    assert not contents(copy)
    code, _ = run(copy)
    assert code == 0
    assert contents(copy) == whole


def test_two_pools_told_the_same_make_the_same(copy: Path, whole: dict[str, bytes]) -> None:
    both = [start(copy) for _ in range(2)]
    for process in both:
        process.communicate(timeout=240)
    assert [process.returncode for process in both] == [0, 0]
    assert contents(copy) == whole
    assert not [path for path in copy.rglob("*.part")]


def test_game_formats_are_made_and_exr_frames_go_where_nobody_wants_them(copy: Path) -> None:
    text = (copy / "npcs.yaml").read_text(encoding="utf-8")
    text += (
        "delivery: {formats: [png, atlas, webm], size: 64, alpha: matte}\nexclude: [{motion: talk}, {portrait: m*}]\n"
    )
    (copy / "npcs.yaml").write_text(text, encoding="utf-8")
    code, messages = run(copy)
    assert code == 0
    folder = copy / "out" / "grace" / "frown"
    there = {path.name for path in folder.iterdir()}
    assert there == {f"{n:04d}.png" for n in range(1, FRAMES + 1)} | {
        "frown.atlas.png",
        "frown.atlas.json",
        "frown.webm",
    }
    atlas = json.loads((folder / "frown.atlas.json").read_text(encoding="utf-8"))
    assert [frame["frame"]["x"] for frame in atlas["frames"]] == [0, 55, 0, 55]
    sheet = read_picture(folder / "frown.atlas.png")
    assert (sheet.width, sheet.height, sheet.has_alpha) == (110, 128, True)
    unsigned = {name for name in there if name.endswith((".webm", ".json"))}  # a signature differs every time
    before = {name: (folder / name).read_bytes() for name in unsigned}
    code, messages = run(copy)
    assert facts(messages)["rendered"] == 0
    (folder / "frown.webm").unlink()
    code, messages = run(copy)
    assert code == 0
    assert {path.name for path in folder.iterdir()} == there
    assert {name: (folder / name).read_bytes() for name in unsigned} == before


# --- plans, without processes ----------------------------------------------------------------------------------------


def test_names_are_told_apart_and_fit_into_file_names(copy: Path) -> None:
    (copy / "more").mkdir()
    shutil.copy(copy / "portraits" / "grace.png", copy / "more" / "grace.png")
    shutil.copy(copy / "portraits" / "grace.png", copy / "more" / "take#1 100%.png")
    batch = read_batch(copy / "npcs.yaml")
    batch = replace(batch, portraits=(*batch.portraits, replace(batch.portraits[0], file=str(copy / "more" / "*.png"))))
    plan = make_plan(batch)
    assert [given.name for given in plan.portraits] == [
        "portraits-grace",
        "mirrored",
        "more-grace",
        "take_1 100_",
    ]
    assert plan.output(plan.items[-1]).endswith("out/take_1 100_/talk/####.exr")


def test_overrides_add_up_and_later_ones_win(copy: Path) -> None:
    text = (copy / "npcs.yaml").read_text(encoding="utf-8").replace("settings:", "settings:\n  retarget: {lips: 1.5}")
    text += (
        "overrides:\n- {portrait: grace, settings: {frames: 1-2, retarget: {jaw: 0.5}}}\n"
        "- {motion: talk, settings: {frames: 3}}\n"
    )
    (copy / "npcs.yaml").write_text(text, encoding="utf-8")
    plan = make_plan(read_batch(copy / "npcs.yaml"))
    assert [plan.frames(item) for item in plan.items] == [("1-2", 2), ("3", 1), ("1-4", 4), ("3", 1)]
    assert plan.job(plan.items[0]).retarget == {"lips": 1.5, "jaw": 0.5}
    assert plan.job(plan.items[2]).retarget == {"lips": 1.5}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{portrait}/{motion}", "{portrait}", "would both write"),
        ("{portrait}/{motion}", "{portrait}/{take}", "{take} is not known; there are {portrait}"),
        ("portraits/*.png", "portraits/*.tif", "no file is called"),
        ("portraits/*.png", "portraits", "is a folder"),
    ],
)
def test_a_batch_that_makes_no_plan_says_why(copy: Path, old: str, new: str, said: str) -> None:
    path = copy / "npcs.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        make_plan(read_batch(path))
    assert said in str(caught.value)


def test_nobody_is_animated_without_a_right_to(copy: Path) -> None:
    path = copy / "npcs.yaml"
    text = path.read_text(encoding="utf-8").replace("  consent: {right: public_domain, who: the tests}\n", "")
    path.write_text(text, encoding="utf-8")
    plan = make_plan(read_batch(path))
    with pytest.raises(SettingsError, match="consent"):
        plan.job(plan.items[0])
    assert plan.problem(plan.items[0])[1] == ExitCode.BAD_INPUT


def test_a_batch_stays_in_its_folder(copy: Path) -> None:
    plan = make_plan(read_batch(copy / "npcs.yaml"), confined=True)
    text, code = plan.problem(plan.items[0])
    assert code == ExitCode.BAD_INPUT
    assert "“cache” lies outside its folder" in text
