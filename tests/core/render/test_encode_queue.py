"""Writing beside rendering: in order, bounded, and honest about failures."""

from __future__ import annotations

import threading
import time
import weakref

import pytest
from gioconda.render.encode_queue import EncodeQueue


def test_tasks_run_in_order_and_are_done_on_leaving() -> None:
    done: list[int] = []
    with EncodeQueue() as queue:
        for number in range(50):
            queue.put(lambda number=number: done.append(number))  # type: ignore[misc]
    assert done == list(range(50))


def test_pieces_run_side_by_side_and_their_tasks_in_order() -> None:
    together = threading.Barrier(3)
    late = threading.Event()
    done: list[tuple[int, ...]] = []

    def first() -> int:
        together.wait(5)
        late.wait(5)
        return 1

    def second(number: int) -> int:
        together.wait(5)
        late.set()
        return number

    with EncodeQueue(workers=3) as queue:
        queue.put(lambda *made: done.append(made), first)
        queue.put(lambda *made: done.append(made), lambda: second(2), lambda: second(3))
        queue.put(lambda: done.append(()))
    assert done == [(1,), (2, 3), ()]


@pytest.mark.parametrize("pieces", [0, 1, 5])
def test_only_so_many_tasks_are_unfinished(pieces: int) -> None:
    gate = threading.Event()
    put: list[int] = []

    def render() -> None:
        with EncodeQueue(depth=2, workers=4) as queue:
            for number in range(6):
                queue.put(lambda *_: gate.wait(5), *[lambda: None] * pieces)
                put.append(number)

    thread = threading.Thread(target=render)
    thread.start()
    thread.join(0.3)
    assert len(put) <= 2
    gate.set()
    thread.join(5)
    assert len(put) == 6


def test_what_a_task_holds_is_let_go_before_there_is_room_for_more() -> None:
    class Pixels:
        pass

    alive: weakref.WeakSet[Pixels] = weakref.WeakSet()
    most = 0
    with EncodeQueue(depth=3, workers=2) as queue:
        for _ in range(30):
            pixels = Pixels()
            alive.add(pixels)
            most = max(most, len(alive))
            queue.put(lambda _, held=pixels: None, lambda held=pixels: None)  # type: ignore[misc]
    # beside the unfinished ones: what this loop names, new and before, and what a worker is about to let go
    assert most <= 3 + 2 + 2


def test_a_failure_reaches_the_one_who_renders_and_ends_the_work() -> None:
    done: list[str] = []

    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), EncodeQueue() as queue:
        queue.put(fail)
        for _ in range(100):
            queue.put(lambda: done.append("late"))
    assert not done


def test_a_failure_in_one_worker_ends_the_work_at_its_place() -> None:
    done: list[int] = []

    def fail() -> None:
        raise MemoryError("no room")

    def slow() -> None:
        time.sleep(0.05)

    with pytest.raises(MemoryError, match="no room"), EncodeQueue(workers=4) as queue:
        queue.put(lambda *_: done.append(0), slow, slow)
        queue.put(lambda *_: done.append(1), slow, fail, slow)
        for number in range(2, 100):
            queue.put(lambda *_, number=number: done.append(number), slow)  # type: ignore[misc]
    assert done == [0]


def test_a_failure_of_the_last_task_is_not_lost() -> None:
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), EncodeQueue() as queue:
        queue.put(fail)


def test_leaving_by_an_exception_drops_what_waits() -> None:
    gate = threading.Event()
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), EncodeQueue() as queue:
        queue.put(gate.wait)  # type: ignore[arg-type]
        queue.put(lambda: done.append("late"))
        threading.Timer(0.1, gate.set).start()
        raise KeyboardInterrupt
    assert not done


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    with EncodeQueue(workers=3) as queue:
        queue.put(lambda *_: None, *[lambda: None] * 9)
    with pytest.raises(KeyboardInterrupt), EncodeQueue(workers=3) as queue:
        queue.put(lambda *_: None, *[lambda: None] * 9)
        raise KeyboardInterrupt
    assert threading.active_count() == before
