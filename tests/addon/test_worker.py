"""The add-on's side of the worker: whatever happens to the process becomes a state and a sentence, and nobody waits."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELLO = "import json, os, signal, sys, time\ndef say(**fields): print(json.dumps(fields), flush=True)\n"
CORE = [sys.executable, "-s", "-P", str(ROOT / "core")]


def load() -> Any:
    """addon/worker.py as a module of a package without the modules beside it, which need Blender."""
    for name, folder in (("gioconda_extension", ROOT), ("gioconda_extension.addon", ROOT / "addon")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules.setdefault(name, package)
    return importlib.import_module("gioconda_extension.addon.worker")


worker = load()
messages = importlib.import_module("gioconda_extension.core.gioconda.worker.messages")
HELLO += f"say(**{ {'kind': 'hello', 'version': messages.__version__, 'protocol': messages.PROTOCOL} })\n"


def until(done: Callable[[], bool], poll: Callable[[], list[Any]], seconds: float = 20) -> list[Any]:
    """Everything polled until something holds."""
    end = time.monotonic() + seconds
    said = []
    while not done():
        started = time.monotonic()
        said += poll()
        assert time.monotonic() - started < 0.5  # nobody waits
        assert time.monotonic() < end
        time.sleep(0.005)
    return said


def program(text: str, *, hello: bool = True) -> list[str]:
    """A command line whose process does what `text` says; what follows it on the command line it ignores."""
    return [sys.executable, "-c", (HELLO if hello else "") + text]


def finished(text: str, *, hello: bool = True) -> Any:
    """A Run of such a process, at its end."""
    run = worker.Run(program(text, hello=hello), None, worker.rendering_of("job.json"))
    until(lambda: run.state != "running", run.poll)
    return run


def test_a_run_tells_stage_progress_and_result() -> None:
    run = worker.Run(
        program(
            "say(kind='stage', name='render', text='Rendering')\nprint('a library prints')\n"
            "say(kind='progress', done=1, total=2, frame=7, path='7.exr', seconds_left=1.5)\n"
            "say(kind='result', command='job', data={'rendered': 2})\n"
        ),
        None,
        "job.json",
    )
    said = until(lambda: run.state != "running", run.poll)
    assert [message for _, message in said[:2]] == [
        messages.Stage("render", "Rendering"),
        messages.Progress(1, 2, frame=7, path="7.exr", seconds_left=1.5),
    ]
    assert (run.state, run.error, said[2][1].kind, len(said)) == ("done", "", "result", 3)
    assert run.result == {"rendered": 2}
    assert not run.alive


def test_an_error_of_the_worker_is_the_runs_sentence() -> None:
    run = finished("say(kind='error', code=3, text='There is no file a.png.')\nsys.exit(3)")
    assert (run.state, run.error) == ("failed", "There is no file a.png.")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "memory ran out"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed (signal 11)"),
        ("raise MemoryError", "memory ran out"),
        ("import no_such_library", "No module named 'no_such_library'"),
        ("sys.exit(2)", "install the add-on again"),
        ("pass", "without a result"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_worker_that_dies_leaves_a_sentence(text: str, sentence: str) -> None:
    run = finished(text)
    assert run.state == "failed"
    assert sentence in run.error


@pytest.mark.parametrize("name", ["missing/python", "."])
def test_an_interpreter_that_cannot_be_started_is_named(tmp_path: Path, name: str) -> None:
    run = worker.Run([str(tmp_path / name)], None, worker.rendering_of("job.json"))
    assert run.state == "failed"
    assert str(tmp_path) in run.error and "preferences" in run.error
    asked = worker.Worker([str(tmp_path / name)])
    number = asked.ask({"request": "warm"})
    [(answered, error)] = asked.poll()
    assert (answered, error.kind, error.text) == (number, "error", asked.error)
    assert not asked.alive


@pytest.mark.parametrize(
    "first",
    [
        {"kind": "hello", "version": "99.0", "protocol": 1},
        {"kind": "hello", "version": "99.0", "protocol": 1, "mood": "new"},
        {"kind": "stage", "name": "read", "text": "an old one says no hello"},
    ],
)
def test_a_worker_of_another_version_is_stopped_with_one_sentence(first: dict[str, Any]) -> None:
    run = worker.Run(
        program(f"print({json.dumps(first)!r}, flush=True)\nimport time\ntime.sleep(60)", hello=False), None, "x"
    )
    assert until(lambda: run.state != "running", run.poll) == []
    assert run.state == "failed"
    assert "version" in run.error or "restart Blender" in run.error


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_run_that_does_not_listen_is_killed_after_the_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.Process.stop, "__defaults__", (0.2,))
    run = worker.Run(
        program("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay(kind='log', text='ready')\ntime.sleep(60)"),
        None,
        "x",
    )
    said: list[Any] = []
    until(lambda: bool(said), lambda: said.extend(run.poll()) or [])
    started = time.monotonic()
    run.cancel()
    run.cancel()
    assert time.monotonic() - started < 0.1
    assert run.state == "running"
    until(lambda: run.state != "running", run.poll)
    assert (run.state, run.error) == ("cancelled", "")
    run.cancel()
    assert run.state == "cancelled"


def test_everybody_who_asked_gets_an_answer_when_the_worker_dies() -> None:
    asked = worker.Worker(program("sys.stdin.readline()\nsys.stdin.readline()\nsys.exit(1)"))
    numbers = [asked.ask({"request": "warm"}), asked.ask({"request": "warm"})]
    said = until(lambda: asked.ended, asked.poll)
    assert [number for number, _ in said] == numbers
    assert all(message.kind == "error" and "exit status 1" in message.text for _, message in said)
    assert asked.poll() == []


def test_a_request_that_does_not_exist_is_refused_at_once() -> None:
    asked = worker.Worker(program("sys.stdin.read()"))
    with pytest.raises(Exception, match="no request “paint”"):
        asked.ask({"request": "paint"})
    asked.stop()
    until(lambda: asked.ended, asked.poll)
    assert asked.error == ""


def test_asking_never_waits_for_a_worker_that_does_not_read() -> None:
    asked = worker.Worker(program("time.sleep(60)"))
    started = time.monotonic()
    for _ in range(20):
        asked.ask({"request": "preview", "job": {"portrait": "x" * 50_000}, "frame": 1, "folder": "."})
    assert time.monotonic() - started < 0.5
    asked.stop()
    said = until(lambda: asked.ended, asked.poll)
    assert {message.code for _, message in said} == {130}


def test_what_it_wrote_for_people_is_in_the_log(tmp_path: Path) -> None:
    run = worker.Run(
        program("print('trouble', file=sys.stderr)\nsys.exit(1)"),
        None,
        worker.rendering_of("x"),
        log=tmp_path / "log.txt",
    )
    until(lambda: run.state != "running", run.poll)
    assert (tmp_path / "log.txt").read_text() == "trouble\n"
    assert "trouble" in run.error and str(tmp_path / "log.txt") in run.error


def test_the_real_command_line_says_hello_and_refuses_with_a_sentence(tmp_path: Path) -> None:
    run = worker.Run(CORE, None, worker.rendering_of(tmp_path / "missing.json"))
    until(lambda: run.state != "running", run.poll)
    assert run.state == "failed"
    assert "missing.json cannot be read" in run.error
