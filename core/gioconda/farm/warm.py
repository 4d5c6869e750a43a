"""A worker that stays for the tasks of one farm session, so that nets and portraits are loaded once for all.

    start(folder)              a `gioconda serve` of its own, until `stop` or until nobody asked for a while
    run(folder, job, report)   let it run a job; its messages come back as if it had run here

A file in the folder says how to reach it: over a local socket (a named pipe in Windows), by a key; it listens on no
network port. One job at a time; requests wait. A task that finds no worker, or whose worker dies or falls silent, runs
by itself: none is ever needed. The file may be older than the worker: a process is known by its number and by when it
began, and proves with the key that it is the one; it has a few seconds for that.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from ..errors import ExitCode, GiocondaError, OutputError
from ..files import read_regular, whole_file
from ..job.job import Job
from ..worker.messages import Error, Report, Result, Warn, from_line
from ..worker.process import Process, own_command
from ..worker.requests import Quit, Render, to_line

ADDRESS = "worker.json"  # in the folder: {"pid": …, "began": …, "address": …, "key": …} once it can be asked
IDLE_SECONDS = 900.0
START_SECONDS = 90.0  # that a start may take
STOP_SECONDS = 30.0
GREETING_SECONDS = 10.0  # that a worker may take to prove who it is
SILENT_SECONDS = 900.0  # without a word after which it is taken for dead, as in a batch
TICK_SECONDS = 0.05
MAX_BYTES = 10_000  # of the file


def start(folder: Path) -> bool:
    """Start the worker, wait until it is ready. False: it did not start, tasks run without it. Raises: OutputError."""
    if is_there(folder):
        return True
    log = folder / "worker.log"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.touch()
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror}; choose another folder.") from error
    command, environment = own_command("serve", "--folder", str(folder))
    process = Process(command, environment, log=log, detached=True)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.alive:
        if is_there(folder):
            return True
        time.sleep(TICK_SECONDS)
    return False


def stop(folder: Path) -> None:
    """Ask the worker to end; it finishes the frame it is at. Does nothing where there is none."""
    connection = _connected(folder)
    if connection is None:
        return
    with connection:
        connection.send_bytes(to_line(Quit(1)).encode())
        deadline = time.monotonic() + STOP_SECONDS
        while is_there(folder) and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)


def is_there(folder: Path) -> bool:
    """Whether a worker can be asked."""
    connection = _connected(folder)
    if connection is not None:
        connection.close()
    return connection is not None


def run(folder: Path, job: Job, report: Report, *, silent: float = SILENT_SECONDS) -> dict[str, Any] | None:
    """The result's data of a job that the worker runs; None: there is none, or it died or said nothing for `silent`
    seconds, which is told. Raises: GiocondaError: as the worker."""
    connection = _connected(folder)
    if connection is None:
        return None
    with connection:  # closed before the answer, the worker gives the job up
        try:
            connection.send_bytes(to_line(Render(1, asdict(job))).encode())
            while True:
                if not connection.poll(silent):
                    raise EOFError
                message = from_line(connection.recv_bytes().decode())
                if isinstance(message, Result):
                    return dict(message.data)
                if isinstance(message, Error):
                    failure = GiocondaError(message.text)
                    failure.exit_code = ExitCode(message.code)
                    raise failure
                if message is not None:
                    report(message)
        except (OSError, EOFError):
            report(Warn("The warm worker ended in the middle of a job: going on without it."))
            return None


def _connected(folder: Path) -> Connection[bytes, bytes] | None:
    """A connection to the folder's worker, None where there is none that answers."""
    made: list[Connection[bytes, bytes]] = []

    def connect() -> None:
        with suppress(OSError, EOFError, ValueError, KeyError, TypeError, AuthenticationError, RecursionError):
            content = json.loads(read_regular(folder / ADDRESS, MAX_BYTES))
            if content.get("began") in (None, began(content["pid"])):
                made.append(Client(content["address"], authkey=bytes.fromhex(content["key"])))

    # a process that has stopped, or is somebody else's, would let us wait for its greeting for ever
    thread = threading.Thread(target=connect, name="gioconda-greeting", daemon=True)
    thread.start()
    thread.join(GREETING_SECONDS)
    return made[0] if made else None


def began(pid: int) -> str | None:
    """When a process began, so that another of the same number is told from it; None where this system does not say.

    Linux: field 22 of /proc/PID/stat (proc_pid_stat(5)), clock ticks since the machine began.
    """
    if not Path("/proc/self/stat").exists():
        return None
    try:
        fields = Path(f"/proc/{int(pid)}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return fields[19]
    except (OSError, IndexError):
        return "gone"


@contextmanager
def listener(folder: Path) -> Iterator[Listener]:
    """The worker's side: where clients connect; the folder says so while it is open. Raises: OutputError."""
    key = secrets.token_hex(16)
    with Listener(authkey=bytes.fromhex(key), backlog=64) as opened:
        with whole_file(folder / ADDRESS) as part:
            part.chmod(0o600)  # who can read it can ask
            known = {"pid": os.getpid(), "began": began(os.getpid()), "address": opened.address, "key": key}
            part.write_text(json.dumps(known), encoding="utf-8")
        try:
            yield opened
        finally:
            (folder / ADDRESS).unlink(missing_ok=True)
