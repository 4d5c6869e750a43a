"""The full model: as large as promised, fed with several pictures of a person, trained, exported, run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda.engine import Portrait, pose_portrait, render_rows  # noqa: E402
from gioconda.imaging.encoding import encode  # noqa: E402
from gioconda.neural import features  # noqa: E402
from gioconda.neural.corrector import CorrectionNets, Corrector  # noqa: E402
from gioconda.neural.crops import FULL  # noqa: E402
from gioconda.neural.network_inputs import network_inputs  # noqa: E402
from gioconda.pose import Pose, rotation_matrix  # noqa: E402
from gioconda.training import checkpoint, fast, full, objectives  # noqa: E402
from gioconda.training.augment import DrawSettings  # noqa: E402
from gioconda.training.dataset import PairBatches, Pairs, stream  # noqa: E402
from gioconda.training.export import KEPT, SMALL, Frame, export, largest_difference, load_parts, parts_of_onnx  # noqa: E402
from gioconda.training.objectives import PRESETS, PartTraining  # noqa: E402
from gioconda.training.shards import Pair, write_shard  # noqa: E402
from gioconda.training.train import train_part  # noqa: E402
from gioconda.training.variants import crop_sides, new_part  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

TINY = {"blocks": 1, "embedding": 8, "movement": 8, "looks": (8, 8, 8, 8)}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in fast.PARTS:
        config = full.FullConfig((8, 12, 16), local=name != "head", **TINY)  # type: ignore[arg-type]
        monkeypatch.setitem(full.SIZES, name, config)


@pytest.fixture(scope="module")
def pairs(portrait: Portrait, pose_of: Callable[..., Pose], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """At the full model's sizes: two shards of a woman with an open mouth, one held out; redder is what is wanted."""
    folder = tmp_path_factory.mktemp("pairs")
    still = features.still(portrait, FULL)
    for name, side, opened in (("a", "train", 0.6), ("b", "train", 0.3), ("c", "held_out", 0.5)):
        posed = pose_portrait(portrait, pose_of(portrait, jawOpen=opened))
        made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
        views = features.frame_views(portrait, still, posed, made["Combined"], made["Matte"][..., 0])
        crops = features.frame_crops(portrait, still, posed)
        wanted = made["Combined"][..., :3] * np.float32([1.0, 0.5, 0.5])
        targets = tuple(encode(crop.cut(wanted)) for crop in crops)
        points = (still.head.to_crop(posed.position[:478]) / still.head.size).astype(np.float32)
        flows = tuple(np.full((crop.size // 2, crop.size // 2, 3), [0.01, -0.005, 1], np.float32) for crop in crops)
        pair = Pair(views, targets, features.numbers(portrait, posed), points, flows if name == "b" else ())
        person = "grace" if side == "train" else "other"
        write_shard(folder / name, [pair], still.head_rgba, {"source": f"clips/{name}", "person": person, "side": side})
    return folder


# --- its size -------------------------------------------------------------------------------------------------------


def test_a_frame_of_the_full_model_is_at_most_sixty_billion_multiplications_and_its_files_sixteen_mebibytes() -> None:
    work, frame, person = 0.0, 0, 0
    for name, size in crop_sides("full").items():
        count = 2 if name == "eyes" else 1
        with torch.device("meta"), FlopCounterMode(display=False) as counted:
            part = new_part("full", name)
            colours, geometry = torch.empty(count, 7, size, size), torch.empty(count, 16, size // 2, size // 2)
            part(colours, geometry, torch.empty(count, 17), torch.empty(count, part.config.embedding))
        work += counted.get_total_flops() / 2e9
        for key, value in part.state_dict().items():
            stored = value.numel() * (4 if value.numel() < SMALL or any(kept in key for kept in KEPT) else 2)
            frame, person = frame + stored * ("embedder" not in key), person + stored * ("embedder" in key)
    assert 10 < work <= 60
    assert frame < 15.9 * 2**20
    assert person < 15.9 * 2**20


@pytest.mark.parametrize("name", fast.PARTS)
def test_an_untrained_part_says_nothing_and_the_answers_are_of_the_same_kind_as_those_of_fast(name: str) -> None:
    colours, geometry, numbers = torch.rand(1, 7, 64, 64), torch.rand(1, 16, 32, 32), torch.randn(1, 17)
    shapes = []
    for quality in ("fast", "full"):
        part = new_part(quality, name)
        answer = part(colours, geometry, numbers, torch.randn(1, part.config.embedding))
        assert all((each == 0).all() for each in answer)
        shapes.append([each.shape for each in answer])
    assert shapes[0] == shapes[1]


def test_who_it_is_and_what_the_face_does_both_reach_the_answer(tiny: None) -> None:
    part = new_part("full", "head").eval()
    for parameter in part.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    colours, geometry = torch.rand(1, 7, 64, 64), torch.rand(1, 16, 32, 32)
    numbers, embedding = torch.zeros(1, 17), torch.zeros(1, 8)
    base, other, moved = (
        part(colours, geometry, n, e)[2]
        for n, e in ((numbers, embedding), (numbers, embedding + 1), (numbers + 1, embedding))
    )
    assert (base - other).abs().max() > 1e-3
    assert (base - moved).abs().max() > 1e-3


# --- its data -------------------------------------------------------------------------------------------------------


def test_several_pictures_of_a_person_are_drawn_and_their_embeddings_averaged(pairs: Path, tiny: None) -> None:
    drawn = PairBatches(Pairs(pairs, "train", "mouth"), 2, 0, DrawSettings(shots=2))
    found = {batch["source"].shape[1] if batch["source"].dim() == 5 else 1 for batch in (drawn[k] for k in range(8))}
    assert found == {1, 2}
    part, sources = new_part("full", "mouth").eval(), torch.rand(2, 3, 4, 64, 64)
    mean = torch.stack([part.embedder(sources[:, k]) for k in range(3)]).mean(0)
    assert torch.allclose(objectives.embed(part, sources), mean, atol=1e-5)


def test_batches_are_the_same_wherever_training_goes_on_and_whoever_makes_them(pairs: Path) -> None:
    drawn = PairBatches(Pairs(pairs, "train", "eyes"), 2, 5, DrawSettings())
    for workers in (0, 1):
        later = stream(drawn, 3, workers=workers)
        for step in (3, 4):
            batch = next(later)
            assert all(torch.equal(value, batch[name]) for name, value in drawn[step].items())


def test_a_known_flow_is_loaded_turned_in_the_mirror_and_asked_for(pairs: Path) -> None:
    learn = Pairs(pairs, "train", "mouth")
    known, unknown = (learn.load(k, 0)["flow"] for k in (1, 0))
    assert known[..., 0] == pytest.approx(0.01, abs=1e-5)
    assert (unknown == 0).all()
    batch = torch.stack([torch.from_numpy(each.transpose(2, 0, 1)) for each in (known, unknown)])
    nothing = torch.zeros_like(batch[:, :2], requires_grad=True)
    wrong = objectives.flow_error(nothing, batch)
    assert wrong.tolist() == pytest.approx([1.5, 0], abs=1e-3)
    wrong.sum().backward()
    assert nothing.grad[0].abs().max() > 0
    assert (objectives.flow_error(batch[:, :2], batch) == 0).all()
    plain = DrawSettings(mirror=1, colour=0, swapped=(0, 0))
    seen = {round(float(learn.draw(np.random.default_rng(k), plain)["flow"][0, 0, 0]), 3) for k in range(12)}
    assert seen == {0.0, -0.01}


def test_rendered_heads_have_a_share_of_their_own(pairs: Path, tmp_path: Path) -> None:
    for kind in ("clips", "rendered"):
        link = tmp_path / kind
        link.mkdir()
        for file in (pairs / "b").iterdir():
            (link / file.name).symlink_to(file)
        (link / "about.json").unlink()
        (link / "about.json").write_text(f'{{"source": "{kind}/x", "person": "{kind}", "side": "train"}}')
    learn, rng = Pairs(tmp_path, "train", "eyes"), np.random.default_rng(0)
    for share, expected in ((0.0, 0), (1.0, 1), (0.3, 0.3)):
        settings = DrawSettings(rendered=share)
        chosen = [learn._people(rng, settings) == learn.people("rendered") for _ in range(300)]
        assert np.mean(chosen) == pytest.approx(expected, abs=0.1)


# --- its training ---------------------------------------------------------------------------------------------------


def test_a_tiny_full_model_learns_goes_on_exports_and_runs(
    pairs: Path, portrait: Portrait, tmp_path: Path, tiny: None
) -> None:
    draw = DrawSettings(colour=0, swapped=(0, 0), mirror=0, shots=2, window=256)
    for part in fast.PARTS:
        config = PartTraining(
            quality="full",
            part=part,
            draw=draw,
            batch=1,
            steps=4,
            every=2,
            warm_up=1,
            rate=1e-2,
            held_out=1,
            jitter=0,
            threads=1,
            adversarial=0.02,
            adversarial_from=2,
            discriminator_steps=2,
        )
        train_part(pairs, tmp_path, config)
        with (tmp_path / f"{part}.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
        assert [float(row["judging"]) > 0 for row in rows] == [False, True]
        assert (tmp_path / f"{part}.png").stat().st_size > 1000
    stored = checkpoint.load(tmp_path / "mouth.pt", kind="full")
    assert stored["config"]["draw"]["shots"] == 2
    assert stored["data"]["columns"] == ["grace"]
    assert {"commit", "torch", "gioconda", "discriminator", "judging_adam", "average"} <= stored.keys()
    quality, parts, about = load_parts(tmp_path)
    assert (quality, about["head"]["step"]) == ("full", 4)
    person, frame = export(quality, parts, tmp_path / "onnx")
    again = parts_of_onnx(person, frame, "full")
    nets = CorrectionNets.from_files(person, frame, "cpu", threads=1)
    assert nets.sizes == FULL
    corrector = Corrector(nets, portrait)
    posed = pose_portrait(portrait, Pose(rotation=rotation_matrix(yaw=4)))
    made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    views = features.frame_views(portrait, corrector.still, posed, made["Combined"], made["Matte"][..., 0])
    inputs = network_inputs(views, features.numbers(portrait, posed), corrector.embedding)
    real = {name: torch.from_numpy(value) for name, value in inputs.items()}
    assert largest_difference(Frame(again), real, frame) < 1e-3  # the weights as they are stored
    assert largest_difference(Frame(parts), real, frame) < 5e-3  # and as they were learned
    apply_corrections = corrector.apply(posed, made)["Combined"]
    assert np.isfinite(apply_corrections).all()
    assert np.abs(apply_corrections - made["Combined"]).max() > 1e-4


def test_the_presets_differ_only_in_settings() -> None:
    assert PRESETS["full"].quality == "full"
    assert PRESETS["full"].adversarial > 0
    assert 0 < PRESETS["full"].adversarial_from < PRESETS["full"].steps
    assert PRESETS["fast"].adversarial == 0
