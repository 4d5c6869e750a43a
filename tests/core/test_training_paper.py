"""The paper's networks learn from real pairs, in both conditions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda import landmarks as lm  # noqa: E402
from gioconda.errors import InputError  # noqa: E402
from gioconda.neural.features import COLOURS, GEOMETRY, NUMBERS, View  # noqa: E402
from gioconda.training.paper import PaperConfig  # noqa: E402
from gioconda.training.shards import Pair, write_shard  # noqa: E402
from gioconda.training.train_paper import PaperTraining, train_paper  # noqa: E402


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, three pairs each, small pictures."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    points = (lm.template()[:, :2] / 4 + 0.5).astype(np.float32)
    for person in ("ada", "bob"):
        made = []
        for _ in range(3):
            sizes = (32, 16, 16, 16)
            views = tuple(View(rng.random((s, s, COLOURS)), rng.random((s // 2, s // 2, GEOMETRY))) for s in sizes)
            targets = tuple(np.full((s, s, 3), 0.7 if person == "ada" else 0.3, np.float32) for s in sizes)
            made.append(Pair(views, targets, np.zeros(NUMBERS, np.float32), points))
        about = {"source": f"clips/{person}", "person": person, "side": "train"}
        write_shard(folder / person, made, rng.random((32, 32, 4)), about)
    return folder


def training(condition: str, steps: int) -> PaperTraining:
    model = PaperConfig(
        condition=condition, size=32, widths=(8, 16, 16), inner=(8, 16), residuals=1,  # type: ignore[arg-type]
        attention_down=16, attention_up=32,
    )  # fmt: skip
    return PaperTraining(
        model=model, batch=1, shots=2, steps=steps, every=2, generator_rate=5e-3, discriminator_steps=1, threads=1
    )


@pytest.mark.parametrize("condition", ["landmarks", "engine"])
def test_a_few_steps_bring_the_picture_nearer_and_training_goes_on(pairs: Path, tmp_path: Path, condition: str) -> None:
    train_paper(pairs, tmp_path, training(condition, 4))
    train_paper(pairs, tmp_path, training(condition, 6))
    with (tmp_path / f"paper-{condition}.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert float(rows[-1]["content"]) < float(rows[0]["content"])


def test_pairs_without_enough_pictures_of_a_person_are_refused(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="landmarks"):
        train_paper(pairs, tmp_path, PaperTraining(shots=8))
