"""Writing beside rendering: in order, bounded, and honest about failures."""

from __future__ import annotations

import threading

import pytest
from gioconda.spool import Spool


def test_tasks_run_in_order_and_are_done_on_leaving() -> None:
    done: list[int] = []
    with Spool() as spool:
        for number in range(50):
            spool.put(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == list(range(50))


def test_only_so_many_tasks_wait() -> None:
    gate = threading.Event()
    put: list[int] = []

    def render() -> None:
        with Spool(depth=2) as spool:
            for number in range(6):
                spool.put(gate.wait)  # type: ignore[arg-type]
                put.append(number)

    thread = threading.Thread(target=render)
    thread.start()
    thread.join(0.3)
    assert len(put) <= 3  # one at work, two waiting
    gate.set()
    thread.join(5)
    assert len(put) == 6


def test_a_failure_reaches_the_one_who_renders_and_ends_the_work() -> None:
    done: list[str] = []

    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), Spool() as spool:
        spool.put(fail)
        for _ in range(100):
            spool.put(lambda: done.append("late"))
    assert not done


def test_a_failure_of_the_last_task_is_not_lost() -> None:
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), Spool() as spool:
        spool.put(fail)


def test_leaving_by_an_exception_drops_what_waits() -> None:
    gate = threading.Event()
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), Spool() as spool:
        spool.put(gate.wait)  # type: ignore[arg-type]
        spool.put(lambda: done.append("late"))
        threading.Timer(0.1, gate.set).start()
        raise KeyboardInterrupt
    assert not done
