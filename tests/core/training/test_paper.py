"""The paper's networks learn from real pairs, in both conditions."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda import landmarks as lm  # noqa: E402
from gioconda.engine.network_channels import COLOURS, GEOMETRY, NUMBERS  # noqa: E402
from gioconda.errors import InputError  # noqa: E402
from gioconda.neural.features import View  # noqa: E402
from gioconda.training import checkpoint  # noqa: E402
from gioconda.training.dataset import Pairs  # noqa: E402
from gioconda.training.paper.episodes import Episodes  # noqa: E402
from gioconda.training.paper.networks import PaperConfig  # noqa: E402
from gioconda.training.paper.pictures import paper_pictures  # noqa: E402
from gioconda.training.paper.shard_landmarks import ShardLandmarks  # noqa: E402
from gioconda.training.paper.train import (  # noqa: E402
    Networks,
    PaperTraining,
    embed,
    generate,
    making_loss,
    train_paper,
)
from gioconda.training.shards import Pair, write_shard  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, and one held out, three pairs each, small pictures."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    points = (lm.template()[:, :2] / 4 + 0.5).astype(np.float32)
    for person in ("ada", "bob", "cleo"):
        made = []
        for _ in range(3):
            sizes = (32, 16, 16, 16)
            views = tuple(View(rng.random((s, s, COLOURS)), rng.random((s // 2, s // 2, GEOMETRY))) for s in sizes)
            targets = tuple(np.full((s, s, 3), 0.7 if person == "ada" else 0.3, np.float32) for s in sizes)
            made.append(Pair(views, targets, np.zeros(NUMBERS, np.float32), points))
        side = "held_out" if person == "cleo" else "train"
        about = {"source": f"clips/{person}", "person": person, "side": side}
        write_shard(folder / person, made, rng.random((32, 32, 4)), about)
    return folder


def training(condition: str, steps: int) -> PaperTraining:
    model = PaperConfig(
        condition=condition,
        size=32,
        widths=(8, 16, 16),
        inner=(8, 16),
        residuals=1,  # type: ignore[arg-type]
        attention_down=16,
        attention_up=32,
    )
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
    assert np.isfinite([float(row["held_out_db"]) for row in rows]).all()
    assert (tmp_path / f"paper-{condition}.png").stat().st_size > 500
    stored = checkpoint.load(tmp_path / f"paper-{condition}.pt", kind="paper")
    assert (stored["step"], stored["data"]["columns"]) == (6, ["ada", "bob"])
    assert stored["config"]["model"]["condition"] == condition


def test_pairs_without_enough_pictures_of_a_person_are_refused(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="landmarks"):
        train_paper(pairs, tmp_path, PaperTraining(shots=8))


def test_a_person_keeps_their_column_when_others_come(pairs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    shutil.copytree(pairs, folder)
    train_paper(folder, tmp_path, training("landmarks", 2))
    before = checkpoint.load(tmp_path / "paper-landmarks.pt", kind="paper")["networks"]["discriminator.people"]
    shutil.copytree(pairs / "ada", folder / "aaron")  # the first by name
    about = {"source": "clips/aaron", "person": "aaron", "side": "train"}
    (folder / "aaron" / "about.json").write_text(json.dumps(about))
    train_paper(folder, tmp_path, replace(training("landmarks", 4), discriminator_rate=0.0))
    after = checkpoint.load(tmp_path / "paper-landmarks.pt", kind="paper")
    assert after["data"]["columns"] == ["ada", "bob", "aaron"]
    assert torch.equal(after["networks"]["discriminator.people"][:, :2], before)


def test_embeddings_are_drawn_to_columns_and_not_columns_to_embeddings(pairs: Path) -> None:
    config = training("landmarks", 2)
    networks = Networks(replace(config.model, clips=2))
    episodes = Episodes(Pairs(pairs, "train", "head"), ShardLandmarks(pairs), shots=2, size=32, engine=False)
    batch = next(episodes.draw(1, 0))
    embedding = embed(networks.embedder, batch)
    loss, parts = making_loss(
        networks.discriminator, batch, generate(networks.generator, batch, embedding), embedding, config
    )
    parts["match"].backward(retain_graph=True)
    assert networks.discriminator.people.grad is None
    assert networks.embedder.body.blocks[-1].two.parametrizations.weight.original.grad.abs().max() > 0
    parts["adversarial"].backward()
    assert networks.generator.out.parametrizations.weight.original.grad.abs().max() > 0


def test_k_pictures_and_landmarks_make_pictures_and_fine_tuning_brings_them_nearer(pairs: Path, tmp_path: Path) -> None:
    train_paper(pairs, tmp_path, training("landmarks", 2))
    points = np.load(pairs / "ada" / "points.npy")
    pictures = np.full((2, 48, 48, 3), 200, np.uint8)
    plain = paper_pictures(tmp_path, pictures, points[:2], points)
    assert plain.shape == (3, 32, 32, 3)
    assert (plain == paper_pictures(tmp_path, pictures, points[:2], points)).all()
    fine_tune = paper_pictures(tmp_path, pictures, points[:2], points, tune=25)
    near, far = (np.abs(made.astype(int) - 200).mean() for made in (fine_tune, plain))
    assert near < far
    with pytest.raises(InputError, match="2 pictures"):
        paper_pictures(tmp_path, pictures, points[:1], points)
    with pytest.raises(InputError, match="train"):
        paper_pictures(tmp_path / "none", pictures, points[:2], points)


def test_landmarks_found_before_are_kept_and_frames_without_a_face_are_left_out(pairs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    shutil.copytree(pairs, folder)
    (folder / "ada" / "points.npy").rename(tmp_path / "ada.npy")
    assert ShardLandmarks(tmp_path).of(folder / "ada", "ada") is not None
    assert ShardLandmarks(tmp_path / "none").of(folder / "ada", "ada") is None
    points = np.load(tmp_path / "ada.npy")
    points[1] = np.nan
    np.save(tmp_path / "ada.npy", points)
    learn = Pairs(folder, "train", "head")
    both = Episodes(learn, ShardLandmarks(tmp_path), shots=1, size=32, engine=False)
    assert list(both.people) == ["ada", "bob"]
    assert list(Episodes(learn, ShardLandmarks(tmp_path), shots=2, size=32, engine=False).people) == ["bob"]


def test_narrower_networks_have_the_same_layout() -> None:
    config = PaperConfig().narrower(8)
    assert config.widths == (8, 16, 32, 64, 64, 64)
    assert (config.residuals, config.size, len(config.inner)) == (5, 256, 4)
