"""A run with workers that die, fall silent or have no memory: stand-ins that speak the protocol, to be quick."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.batch import resources
from gioconda.batch import run as running
from gioconda.batch.plan import Plan, make_plan
from gioconda.batch.resources import PIXEL_BYTES, Share, share
from gioconda.batch.run import BatchError, RunSettings, run
from gioconda.batch.settings import read_batch
from gioconda.errors import CancelledError, DiskFullError, ExitCode
from gioconda.imaging.image import write_png
from gioconda.worker.messages import Hello, Message, Warn

HEAD = """
import json, os, sys, time
from pathlib import Path
def say(**message): print(json.dumps(message), flush=True)
def done(item): say(kind="result", id=number, command="render", data={"count": 1, "rendered": 1})
def failed(item, cause, text="no", code=1): say(kind="error", id=number, code=code, text=text, cause=cause)
def once(name):
    try: os.open(name, os.O_CREAT | os.O_EXCL)
    except FileExistsError: return False
    return True
say(**HELLO)
for line in sys.stdin:
    request = json.loads(line)
    number, item = request["id"], 1 + "abc".index(Path(request["job"]["portrait"]).stem)
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Three portraits, one frame of the built-in take each."""
    for name in "abc":
        write_png(tmp_path / f"{name}.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "b.yaml").write_text(
        "portraits: '*.png'\nmotions: take\noutput: out/{portrait}/####.exr\nattempts: 2\n"
        "settings: {frames: 1, consent: {right: own_work, who: the tests}}\n",
        encoding="utf-8",
    )
    return make_plan(read_batch(tmp_path / "b.yaml"))


def go(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, behaviour: str, report: Any = lambda message: None, **settings: Any
) -> dict[str, Any]:
    """Run the plan with workers that do `behaviour` for each `item`."""
    folder = plan.batch.path.parent
    script = folder / "worker.py"
    hello = {"kind": Hello.kind, **asdict(Hello())}
    each = "".join(f"    {line}\n" for line in behaviour.splitlines())
    script.write_text(f"HELLO = {hello!r}\n{HEAD}{each}", encoding="utf-8")
    monkeypatch.setattr(running, "worker_command", lambda: ([sys.executable, str(script)], dict(os.environ)))
    monkeypatch.chdir(folder)
    return run(plan, RunSettings(**{"processes": 2, **settings}), report)


def test_when_memory_runs_out_there_are_fewer_processes(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Message] = []
    behaviour = "if once('memory'): failed(item, 'memory')\nelse: done(item)"
    assert go(plan, monkeypatch, behaviour, told.append)["done"] == 3
    assert any(isinstance(message, Warn) and "going on with 1 processes" in message.text for message in told)


def test_an_item_too_large_for_the_whole_machine_fails_alone(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour = "if item == 2: failed(item, 'memory', 'There is not enough memory.')\nelse: done(item)"
    with pytest.raises(BatchError, match="1 of 3 items failed: b/take: There is not enough memory") as caught:
        go(plan, monkeypatch, behaviour, keep_going=True)
    assert caught.value.exit_code == ExitCode.PARTIAL


def test_an_item_that_kills_every_worker_is_given_up(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BatchError, match=r"b/take: Its process was killed \(SIGKILL\), 2 times without a new frame"):
        go(plan, monkeypatch, "if item == 2: os.kill(os.getpid(), 9)\nelse: done(item)", keep_going=True)


def test_without_keep_going_nothing_new_is_begun(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BatchError, match="1 of 3 items failed; 2 were not begun") as caught:
        go(plan, monkeypatch, "failed(item, '', 'It is broken.', 3)", processes=1)
    assert caught.value.exit_code == ExitCode.BAD_INPUT


def test_a_silent_worker_is_ended_and_its_item_tried_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    assert go(plan, monkeypatch, "if once('sleepy'): time.sleep(600)\nelse: done(item)", timeout=1.0)["done"] == 3
    assert time.monotonic() - began < 60


def test_an_item_whose_worker_somebody_stopped_is_tried_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour = f"if once('stopped'): failed(item, '', code={int(ExitCode.CANCELLED)}); sys.exit()\nelse: done(item)"
    assert go(plan, monkeypatch, behaviour)["done"] == 3


def test_a_full_disk_ends_the_run(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DiskFullError, match="the disk is full"):
        go(plan, monkeypatch, "failed(item, 'disk', 'the disk is full', 5)", keep_going=True)


def test_workers_that_cannot_start_are_not_started_for_ever(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BatchError, match="2 times without a new frame|Workers cannot be started"):
        go(plan, monkeypatch, "raise SystemExit(1)", keep_going=True)


def test_stopping_leaves_no_process(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(message: Message) -> None:
        if message.kind == "board":
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        go(plan, monkeypatch, "open(f'pid{os.getpid()}', 'w').close(); time.sleep(600)", stop)
    for path in plan.batch.path.parent.glob("pid*"):
        assert not Path(f"/proc/{path.name[3:]}").exists()


def test_the_number_of_processes_suits_cores_memory_and_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "cores", lambda: 16)
    monkeypatch.setattr(resources, "gpus", list)
    monkeypatch.setattr(resources, "free_bytes", lambda: 64_000_000_000)
    assert share(1000, 512 * 512).processes == 16
    assert share(3, 512 * 512) == Share(3, 5, (), "3 items")
    large = share(1000, 50_000_000)
    assert large.processes == int(64e9 * 0.85 // (resources.BASE_BYTES + PIXEL_BYTES * 50_000_000))
    assert "GB of memory" in large.reason
    assert share(1000, 512 * 512, wanted=5).processes == 5
    monkeypatch.setattr(resources, "gpus", lambda: [("0", 24_000_000_000), ("1", 3_000_000_000)])
    two = share(1000, 512 * 512)
    assert (two.processes, two.gpus) == (13, ("0", "1"))
    assert [two.environment(n)["CUDA_VISIBLE_DEVICES"] for n in (1, 2, 3)] == ["0", "1", "0"]
    assert share(1000, 512 * 512, device="cpu").processes == 16
