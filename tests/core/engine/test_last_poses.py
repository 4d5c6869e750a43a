"""Positions of the last poses are given again, and never those of another pose or another thing."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from gioconda.engine.last_poses import LastPoses
from gioconda.pose import Pose, rotation_matrix


class Thing:
    """Something that has poses."""


class Moving:
    """Counts how often positions are worked out."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> np.ndarray:
        self.count += 1
        return np.full((2, 3), float(self.count))


POSE = Pose(np.full((478, 3), 0.1), rotation_matrix(yaw=5), np.array([0.1, 0, 0]), 1.1, 0.2)


def test_an_equal_pose_is_not_worked_out_again() -> None:
    last, thing, make = LastPoses(), Thing(), Moving()
    first = last.positions(thing, POSE, make)
    again = last.positions(thing, replace(POSE, displacement=POSE.displacement.copy()), make)
    assert again is first and make.count == 1


@pytest.mark.parametrize("name", ["displacement", "rotation", "translation", "scale", "shoulders"])
def test_whatever_differs_makes_another_pose(name: str) -> None:
    last, thing, make = LastPoses(), Thing(), Moving()
    last.positions(thing, POSE, make)
    last.positions(thing, replace(POSE, **{name: getattr(POSE, name) + 1e-9}), make)
    assert make.count == 2


def test_other_things_have_other_positions() -> None:
    last, one, two, make = LastPoses(), Thing(), Thing(), Moving()
    assert not np.array_equal(last.positions(one, POSE, make), last.positions(two, POSE, make))


def test_a_pose_that_is_changed_in_place_is_worked_out_anew() -> None:
    last, thing, make = LastPoses(), Thing(), Moving()
    pose = replace(POSE, displacement=POSE.displacement.copy())
    last.positions(thing, pose, make)
    pose.displacement[3, 1] += 0.01
    last.positions(thing, pose, make)
    assert make.count == 2


def test_positions_can_only_be_read_and_few_are_kept() -> None:
    last, thing, make = LastPoses(), Thing(), Moving()
    with pytest.raises(ValueError, match="read-only"):
        last.positions(thing, POSE, make)[0, 0] = 1
    for k in range(10):
        last.positions(thing, replace(POSE, scale=2.0 + k), make)
    last.positions(thing, POSE, make)
    assert make.count == 12


def test_a_thing_is_not_kept_alive() -> None:
    last, thing = LastPoses(), Thing()
    last.positions(thing, POSE, Moving())
    gone = weakref.ref(thing)
    del thing
    gc.collect()
    assert gone() is None
