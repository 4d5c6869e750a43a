"""What is told of a frame's face from its landmarks, and frames judged apart by it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gioconda.landmarks import EYE_LEFT, EYE_RIGHT, template

from tests.bench import neural, splits
from tests.bench import neural_table as table

STILL = (0.0, 0.0, 0.0)


@pytest.fixture
def face() -> np.ndarray:
    """(478, 3) pixels: the template, 60 px between the outer eye corners."""
    return template() * 60 + [80, 80, 0]


def with_jaw(face: np.ndarray, pixels: float) -> np.ndarray:
    """The lower lip and the chin lowered; the chin goes with the lip."""
    moved = face.copy()
    moved[[14, 17, 152], 1] += pixels
    return moved


def test_a_jaw_that_drops_is_open_and_a_lip_that_drops_alone_is_not(face: np.ndarray) -> None:
    assert splits.jaw_opening(face) < 0.15
    assert splits.jaw_opening(with_jaw(face, 20)) > splits.WIDE_JAW
    lip = face.copy()
    lip[14, 1] += 5  # lips parted over a clenched jaw: the chin stays
    assert splits.jaw_opening(with_jaw(face, 5)) < splits.jaw_opening(with_jaw(face, 20))


def test_each_eye_is_judged_by_its_own_lid(face: np.ndarray) -> None:
    wink = face.copy()
    wink[list(EYE_LEFT), 1] = face[list(EYE_LEFT), 1].mean()
    told = splits.described(wink, face, STILL)
    assert told["open_left"] < splits.SHUT
    assert told["open_right"] == pytest.approx(1.0)
    assert list(EYE_RIGHT)  # untouched above


def test_size_and_place_of_a_face_change_nothing(face: np.ndarray) -> None:
    small, large = splits.described(face, face, STILL), splits.described(face * 3 + 50, face, STILL)
    for name in ("jaw", "smile", "brows", "open_left"):
        assert large[name] == pytest.approx(small[name])


def row(frame: int, engine: str, psnr: float, **told: float) -> dict[str, Any]:
    said = {"jaw": 0.0, "smile": 0.0, "brows": 0.0, "portrait_mouth": 0.0, "turn": 0.0, "open_left": 1, "open_right": 1}
    figures = {"psnr_mouth": psnr, "psnr_eye_left": psnr, "psnr_eye_right": psnr - 1}
    return {"clip": "a", "frame": frame, "engine": engine, **said, **figures, **told}


def test_a_split_is_the_mean_of_its_frames_and_of_the_eyes_that_are_shut() -> None:
    rows = [row(5, "geometry", 20.0, jaw=0.5, open_left=0.1), row(10, "geometry", 30.0, open_right=0.2)]
    found = splits.summary(rows)
    assert found["jaw open", "mouth"] == (1, {"geometry": 20.0})
    assert found["eyes shut", "eye"] == (2, {"geometry": (20.0 + 29.0) / 2})
    assert found["eyes open", "eye"] == (2, {"geometry": (30.0 + 19.0) / 2})
    assert ("smiling", "face") not in found


def test_another_run_stands_beside_frame_by_frame() -> None:
    now = [row(5, "geometry", 21.5, jaw=0.5), row(5, "fast", 22.0, jaw=0.5)]
    other = [row(5, "geometry", 20.0, jaw=0.5), row(99, "geometry", 90.0, jaw=0.5)]
    report = {"frames": now, "before": neural.same_frames(other, now)}
    lines = [line for line in table._by_split(report) if line.startswith("| jaw open | mouth")]
    assert lines == ["| jaw open | mouth | 1 | 20.00 | 21.50 (+1.50) | 22.00 |"]


def test_rows_that_say_nothing_of_the_face_are_in_no_split() -> None:
    assert splits.summary([{"clip": "a", "frame": 5, "engine": "geometry", "psnr": math.pi}]) == {}
