"""What turned heads are judged by."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import turns


def row(person: str, side: str, engine: str, psnr: float) -> dict[str, object]:
    return {"person": person, "side": side, "engine": engine, "psnr": psnr}


def test_similarity_of_a_picture_with_itself_is_one_and_falls_where_it_differs() -> None:
    y, x = np.mgrid[:64, :64]
    picture = np.stack([128 + 60 * np.sin(x / 4)] * 3, 2).astype(np.uint8)
    other = picture.copy()
    other[:, 32:] = (128 + 60 * np.cos(y[:, 32:] / 3))[..., None]
    assert turns.similarity(picture, picture).min() == pytest.approx(1)
    alike = turns.similarity(picture, other)
    assert alike[:, :24].min() == pytest.approx(1)
    assert alike[:, 40:].mean() < 0.5


def test_a_line_an_engine_with_how_often_it_is_worse_than_the_still() -> None:
    rows = [row("1", side, "still", 14.0) for side in turns.SIDES]
    rows += [row("1", "left", "fast", 13.0), row("1", "right", "fast", 16.0)]
    still, fast = turns.summarise(rows, "")
    assert (still["psnr"], still["below_still"]) == (14.0, 0)
    assert (fast["psnr"], fast["pairs"], fast["below_still"]) == (14.5, 2, 1)


def test_goals_are_of_what_is_rendered_by_default() -> None:
    rows = [row("1", "left", "still", 14.0), row("1", "left", "off", 20.0), row("1", "left", "fast", 13.0)]
    reached = {goal.what: goal.met for goal in turns.goals(rows)}
    assert not reached["PSNR, dB"]
    assert not reached["pairs worse than the still picture"]
