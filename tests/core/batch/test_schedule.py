"""Who gets which item: takes of a portrait stay together, nothing is made twice, nothing is lost."""

from __future__ import annotations

import random

from gioconda.batch.schedule import Schedule

FOUR = [(1, "anna", None), (2, "anna", None), (3, "bob", None), (4, "bob", None)]


def test_each_worker_takes_a_portrait_and_stays_with_it() -> None:
    schedule = Schedule(FOUR)
    assert (schedule.take("a"), schedule.take("b")) == (1, 3)
    schedule.end("a", 1, made=True)
    schedule.end("b", 3, made=True)
    assert (schedule.take("b"), schedule.take("a")) == (4, 2)
    assert schedule.left == 0


def test_a_portrait_that_is_being_made_ready_is_left_to_its_maker() -> None:
    schedule = Schedule(FOUR[:2])
    assert schedule.take("a") == 1
    assert schedule.take("b") is None
    assert schedule.portrait_ready("a", 1)
    assert not schedule.portrait_ready("a", 1)
    assert schedule.take("b") == 2


def test_a_video_is_tracked_once() -> None:
    schedule = Schedule([(1, "anna", "clip"), (2, "anna", None), (3, "bob", "clip"), (4, "bob", None)])
    assert schedule.take("a") == 1
    assert schedule.take("b") == 4  # not 3: its video is being tracked
    schedule.end("a", 1, made=True)
    assert schedule.take("a") == 2
    schedule.end("b", 4, made=True)
    assert schedule.take("b") == 3


def test_what_a_dead_worker_had_is_given_to_another() -> None:
    schedule = Schedule(FOUR[:2])
    assert schedule.take("a") == 1
    schedule.end("a", 1, made=False)
    schedule.lost("a")
    schedule.put_back(1)
    assert schedule.take("b") == 1
    schedule.end("b", 1, made=True)
    assert schedule.take("b") == 2


def test_nothing_is_lost_and_nothing_done_twice_whatever_dies() -> None:
    dice = random.Random(1)
    for _ in range(50):
        items = [(n, dice.choice("pqrs"), dice.choice([None, None, "v", "w"])) for n in range(1, 30)]
        schedule, done, busy = Schedule(items), [], {}
        names = iter(range(10_000))
        workers = [next(names) for _ in range(4)]
        while schedule.left or busy:
            for worker in workers:
                if worker not in busy and (number := schedule.take(worker)) is not None:
                    busy[worker] = number
            assert busy, "everybody waits for everybody"
            worker = dice.choice(list(busy))
            number = busy.pop(worker)
            if dice.random() < 0.2:
                schedule.end(worker, number, made=False)
                schedule.lost(worker)
                schedule.put_back(number)
                workers[workers.index(worker)] = next(names)
            else:
                schedule.end(worker, number, made=dice.random() < 0.9)
                done.append(number)
        assert sorted(done) == list(range(1, 30))
