"""Training completion on a few real pictures: scenes, holes, falling loss, going on, export."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda.neural.background import GUESSES, SIZE, CompletionNet, guesses, paint  # noqa: E402
from gioconda.training.completion import Completion, CompletionConfig  # noqa: E402
from gioconda.training.completion_export import export_completion, load_completion  # noqa: E402
from gioconda.training.completion_scenes import PERSON, Scenes, draw  # noqa: E402
from gioconda.training.completion_training import CompletionTraining, train_completion  # noqa: E402

TINY = CompletionTraining(
    CompletionConfig((8, 12, 16), (1, 2, 4), 1),
    batch=4,
    steps=30,
    rate=4e-3,
    warm_up=1,
    average=0.5,
    every=15,
    held_out=4,
    threads=1,
)


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    """Six walls with a bright half each, before which somebody dark stands."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    person = (np.hypot((x - SIZE / 2) / 0.6, y - SIZE * 0.55) < SIZE * 0.3).astype(np.uint8) * 255
    place = np.stack(
        [
            np.where((x < rng.uniform(0.35, 0.65) * SIZE)[..., None], [200, 190, 180], [90, 100, 120]).astype(np.uint8)
            for _ in range(6)
        ]
    )
    picture = np.where(person[..., None] > 0, 20, place).astype(np.uint8)
    known = np.repeat((person < PERSON)[None].astype(np.uint8), 6, axis=0)
    names = np.array([f"stills/{k}" for k in range(6)])
    sides = np.array(["train"] * 4 + ["held_out"] * 2)
    return Scenes(picture, np.repeat(person[None], 6, axis=0), place, known, names, sides)


def test_nothing_of_the_person_is_seen_or_wanted(scenes: Scenes) -> None:
    rng = np.random.default_rng(1)
    for _ in range(4):
        made, hole, wanted = draw(scenes, 0, rng, change=False)
        person = scenes.person[0] >= PERSON
        assert hole[person].min() == 1
        assert made.min() > 60 / 255  # the person is dark
        assert wanted[..., 3][person].max() == 0
        assert wanted[..., 3].sum() > 0


def test_it_never_changes_what_is_known_and_says_nothing_beyond_its_guesses() -> None:
    rng = np.random.default_rng(0)
    hole = np.zeros((SIZE, SIZE), bool)
    hole[20:60, 20:60] = True
    made = guesses(rng.random((SIZE, SIZE, 3), np.float32), hole)
    inputs = torch.from_numpy(made.transpose(2, 0, 1)[None].copy()), torch.from_numpy(hole[None, None]).float()
    model = Completion(TINY.model)
    torch.nn.init.normal_(model.leave.weight)
    with torch.no_grad():
        answer = model(*inputs)[0].numpy().transpose(1, 2, 0)
    assert np.array_equal(answer[~hole], made[~hole][:, :3])
    each = made.reshape(SIZE, SIZE, GUESSES, 3)
    assert np.all(answer >= each.min(2) - 1e-5)
    assert np.all(answer <= each.max(2) + 1e-5)


def test_it_learns_goes_on_and_runs_as_it_was_trained(scenes: Scenes, tmp_path: Path) -> None:
    train_completion(scenes, tmp_path, replace(TINY, steps=15))
    train_completion(scenes, tmp_path, TINY)
    with (tmp_path / "completion.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [int(line["step"]) for line in lines] == [15, 30]
    assert float(lines[1]["loss"]) < float(lines[0]["loss"])
    assert (tmp_path / "completion.png").stat().st_size > 0
    model, steps = load_completion(tmp_path)
    assert steps == 30
    path = export_completion(model, tmp_path / "tiny.onnx")  # proves itself
    assert path.stat().st_size < 200_000
    hole = np.zeros((90, 120), bool)
    hole[30:70, 40:80] = True
    picture = np.random.default_rng(0).random((90, 120, 3), np.float32)
    painted = paint(picture, hole, CompletionNet.from_file(path, "cpu", threads=1))
    assert np.array_equal(painted[~hole], picture[~hole])
    assert not np.array_equal(painted, paint(picture, hole, None))
