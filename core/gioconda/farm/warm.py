"""A worker that keeps nets and portraits loaded for the tasks of one farm session. It listens on no port.

    start(folder)              a process of its own, until `stop` or until nobody asked for a while
    run(folder, job, report)   let it run a job; its messages come back as if it had run here

The two talk through files in a folder: a request appears whole under its name, the answer grows line by line. One job
at a time; requests wait. A task whose worker is not there runs by itself: being warm is never needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import CancelledError, ExitCode, GiocondaError, OutputError
from ..files import is_running, write_text
from ..job.job import Job
from ..worker.messages import Error, Message, Report, Result, from_line, to_line

READY = "worker.json"  # {"pid": …} once it can be asked
STOP = "stop"
IDLE_S = 900.0
PATIENCE_S = 90.0  # for the worker's start
TICK_S = 0.05
Render = Callable[[Job, Report], dict[str, Any]]


# --- who asks -------------------------------------------------------------------------------------------------------


def start(folder: Path) -> bool:
    """Start the worker and wait until it is ready. False: it did not start, and tasks will run without it.

    Raises:
        OutputError: the folder cannot be written.
    """
    if is_alive(folder):
        return True
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / STOP).unlink(missing_ok=True)
        log = (folder / "worker.log").open("ab")
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror}; choose another folder.") from error
    core = str(Path(__file__).resolve().parents[2])
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from gioconda.cli.main import main; sys.exit(main())"
    with log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, core, "farm", "warm", str(folder), "--serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        if is_alive(folder):
            return True
        time.sleep(TICK_S)
    return False


def stop(folder: Path, patience_s: float = 30.0) -> None:
    """Ask the worker to end; it finishes the frame it is at. Does nothing where there is none."""
    if not is_alive(folder):
        return
    (folder / STOP).touch()
    deadline = time.monotonic() + patience_s
    while is_alive(folder) and time.monotonic() < deadline:
        time.sleep(TICK_S)


def is_alive(folder: Path) -> bool:
    """Whether a worker is there to be asked."""
    return _lives(_pid(folder / READY))


def run(folder: Path, job: Job, report: Report) -> dict[str, Any]:
    """Let the worker run a job. Returns the result's data.

    Raises:
        GiocondaError: whatever the worker's run raised, with its exit status; or the worker ended.
    """
    name = f"{os.getpid()}-{time.monotonic_ns()}"
    request, answer, cancel = (folder / f"{name}.{kind}" for kind in ("request", "answer", "cancel"))
    write_text(request, json.dumps({"pid": os.getpid(), "job": job.to_json()}))
    try:
        return _listen(folder, answer, report)
    except BaseException:
        cancel.touch()
        raise
    finally:
        request.unlink(missing_ok=True)


def _listen(folder: Path, answer: Path, report: Report) -> dict[str, Any]:
    read, rest = 0, ""
    while True:
        alive = is_alive(folder)
        if answer.exists():
            with answer.open(encoding="utf-8") as file:
                file.seek(read)
                rest += file.read()
                read = file.tell()
            *lines, rest = rest.split("\n")
            for line in lines:
                message = from_line(line)
                if isinstance(message, Result):
                    answer.unlink(missing_ok=True)
                    return dict(message.data)
                if isinstance(message, Error):
                    answer.unlink(missing_ok=True)
                    raise _error(message)
                if message is not None:
                    report(message)
        if not alive:
            raise GiocondaError("The warm worker ended in the middle of a job; the same command goes on from there.")
        time.sleep(TICK_S)


def _error(message: Error) -> GiocondaError:
    error = GiocondaError(message.text)
    error.exit_code = ExitCode(message.code)
    return error


# --- the worker -----------------------------------------------------------------------------------------------------


def serve(folder: Path, render: Render) -> None:
    """Be the worker: run what is asked, one job after the other, until told to stop or idle for `IDLE_S`."""
    write_text(folder / READY, json.dumps({"pid": os.getpid()}))
    last = time.monotonic()
    try:
        while folder.is_dir() and not (folder / STOP).exists() and time.monotonic() - last < IDLE_S:
            requests = sorted(folder.glob("*.request"), key=lambda path: path.stat().st_mtime_ns)
            for request in requests[:1]:
                _answer(request, render)
                last = time.monotonic()
            if not requests:
                time.sleep(TICK_S)
    finally:
        for name in (READY, STOP):
            (folder / name).unlink(missing_ok=True)


def _answer(request: Path, render: Render) -> None:
    content = json.loads(request.read_text(encoding="utf-8"))
    request.unlink()
    cancel = request.with_suffix(".cancel")
    with request.with_suffix(".answer").open("w", encoding="utf-8") as stream:

        def tell(message: Message) -> None:
            stream.write(to_line(message) + "\n")
            stream.flush()
            if cancel.exists() or not _lives(content["pid"]):
                raise CancelledError("Stopped: finished frames are whole.")

        try:
            last: Message = Result("job", render(Job.from_json(content["job"]), tell))
        except GiocondaError as error:
            last = Error(int(error.exit_code), str(error))
        except Exception as error:  # an edge: a bug in one task must not end the worker
            last = Error(int(ExitCode.FAILED), f"This is a bug in Gioconda ({type(error).__name__}: {error}).")
        stream.write(to_line(last) + "\n")
    cancel.unlink(missing_ok=True)


def _pid(path: Path) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _lives(process: int) -> bool:
    # no signal 0 outside POSIX; the ready file is removed at the end
    return process > 0 and (os.name != "posix" or is_running(process))
