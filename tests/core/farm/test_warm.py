"""A farm session's worker: found through its folder, it runs jobs as if they ran here, and ends when told to."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import CancelledError, ExitCode, GiocondaError
from gioconda.farm import warm
from gioconda.imaging import resample
from gioconda.imaging.image import read_picture, write_png
from gioconda.job.job import Job
from gioconda.worker.messages import Message, Progress, Stage, Warn

HOPPER = Path(__file__).resolve().parents[3] / "core/gioconda/cli/grace_hopper.jpg"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, models_folder: Path) -> Iterator[Path]:
    """That of a worker."""
    folder = tmp_path_factory.mktemp("session") / "warm"
    assert warm.start(folder)
    yield folder
    warm.stop(folder)
    assert not warm.is_there(folder)
    assert [path.name for path in folder.iterdir()] == ["worker.log"]
    assert "Traceback" not in (folder / "worker.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("job")
    picture = read_picture(HOPPER, colorspace="linear").pixels[..., :3] * 255
    write_png(folder / "small.png", np.round(resample.resize(picture, 128, 150)).astype(np.uint8))
    consent = {"right": "public_domain", "who": "the tests"}
    job = Job(str(folder / "small.png"), "take", str(folder / "out" / "####.exr"), frames="10-12")
    return Job(**{**vars(job), "neural": "off", "passes": ("Combined",), "consent": consent})


def test_a_job_runs_there_with_its_messages_here_and_the_next_needs_no_preparation(folder: Path, job: Job) -> None:
    told: list[Message] = []
    made = warm.run(folder, job, told.append)
    assert made is not None and made["rendered"] == 3
    assert [message.frame for message in told if isinstance(message, Progress) and message.path] == [10, 11, 12]
    told.clear()
    again = warm.run(folder, Job(**{**vars(job), "frames": "13", "resume": True}), told.append)
    assert again is not None and again["rendered"] == 1
    assert not {"read", "analyse", "prepare"} & {message.name for message in told if isinstance(message, Stage)}


def test_a_portrait_that_changed_on_disk_is_opened_again(folder: Path, job: Job, tmp_path: Path) -> None:
    portrait = tmp_path / "portrait.png"
    portrait.write_bytes(Path(job.portrait).read_bytes())
    there = Job(**{**vars(job), "portrait": str(portrait), "output": str(tmp_path / "####.exr"), "overwrite": True})
    opened = []
    for _ in range(3):
        told: list[Message] = []
        assert warm.run(folder, there, told.append)
        opened.append("read" in {message.name for message in told if isinstance(message, Stage)})
        if len(opened) == 2:
            darker = read_picture(job.portrait, colorspace="linear").pixels[..., :3] * 200
            write_png(portrait, np.round(darker).astype(np.uint8))
    assert opened == [True, False, True]


def test_what_goes_wrong_there_is_raised_here(folder: Path, job: Job) -> None:
    with pytest.raises(GiocondaError, match="missing.png") as caught:
        warm.run(folder, Job(**{**vars(job), "portrait": "missing.png", "resume": True}), lambda message: None)
    assert caught.value.exit_code == ExitCode.BAD_INPUT


def test_a_task_that_is_stopped_leaves_the_worker_to_the_next(folder: Path, job: Job) -> None:
    def stop(message: Message) -> None:
        raise CancelledError("stopped")

    again = Job(**{**vars(job), "overwrite": True})
    with pytest.raises(CancelledError):
        warm.run(folder, again, stop)
    made = warm.run(folder, again, lambda message: None)
    assert made is not None and made["rendered"] == 3


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_only_its_own_user_can_reach_it(folder: Path) -> None:
    assert (folder / warm.ADDRESS).stat().st_mode & 0o777 == 0o600
    content = json.loads((folder / warm.ADDRESS).read_text(encoding="utf-8"))
    assert Path(content["address"]).is_socket()


def test_without_a_worker_nothing_is_run(job: Job, tmp_path: Path) -> None:
    assert warm.run(tmp_path, job, lambda message: None) is None
    (tmp_path / warm.ADDRESS).write_text('{"pid": 1, "address": "/nowhere", "key": "00"}', encoding="utf-8")
    assert warm.run(tmp_path, job, lambda message: None) is None
    warm.stop(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="when a process began is told by Linux")
def test_another_process_of_the_same_number_is_not_taken_for_the_worker(folder: Path, tmp_path: Path) -> None:
    content = json.loads((folder / warm.ADDRESS).read_text(encoding="utf-8"))
    (tmp_path / warm.ADDRESS).write_text(json.dumps(content), encoding="utf-8")
    assert warm.is_there(tmp_path)
    (tmp_path / warm.ADDRESS).write_text(json.dumps(content | {"began": "1"}), encoding="utf-8")
    assert not warm.is_there(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="sockets with names")
def test_who_does_not_prove_in_time_that_it_is_the_worker_is_none(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "GREETING_SECONDS", 0.3)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        content = {"pid": os.getpid(), "address": str(tmp_path / "s"), "key": "00"}
        (tmp_path / warm.ADDRESS).write_text(json.dumps(content), encoding="utf-8")
        began = time.monotonic()
        assert warm.run(tmp_path, job, lambda message: None) is None
    assert time.monotonic() - began < 5


def test_a_task_whose_worker_dies_or_falls_silent_goes_on_by_itself(job: Job, tmp_path: Path) -> None:
    def worker(dies: bool) -> None:
        with warm.listener(tmp_path) as opened, opened.accept() as client:
            client.recv_bytes()
            (tmp_path / "asked").touch()
            if not dies:
                done.wait(20)

    for dies in (True, False):
        done = threading.Event()
        thread = threading.Thread(target=worker, args=(dies,))
        thread.start()
        while not (tmp_path / warm.ADDRESS).exists():
            time.sleep(0.01)
        told: list[Message] = []
        assert warm.run(tmp_path, job, told.append, silent=0.5) is None
        assert [message.text for message in told if isinstance(message, Warn)] == [
            "The warm worker ended in the middle of a job: going on without it."
        ]
        done.set()
        thread.join(20)
