"""The networks: what they promise, and the faults known from public ports of the paper."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda import landmarks as lm  # noqa: E402
from gioconda.training import losses  # noqa: E402
from gioconda.training.blocks import warped  # noqa: E402
from gioconda.training.discriminator import discriminator_loss, feature_matching, generator_loss  # noqa: E402
from gioconda.training.fast import SIZES, Part, PartConfig, apply_corrections  # noqa: E402
from gioconda.training.paper import landmark_drawing, networks  # noqa: E402
from gioconda.training.paper.networks import AdaIn, Discriminator, Embedder, Generator, PaperConfig  # noqa: E402

pytestmark = pytest.mark.slow

SMALL = PaperConfig(
    size=64, widths=(8, 16, 32, 32), inner=(8, 16, 32), residuals=1, attention_down=16, attention_up=32, clips=3
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


# --- known faults of ports ------------------------------------------------------------------------------------------


def test_adain_gives_the_styles_mean_and_spread_whatever_the_size() -> None:
    style = torch.cat([torch.full((2, 4), 3.0), torch.full((2, 4), -1.0)], dim=1)
    for size in (2, 8):
        out = AdaIn(4)(5 + 2 * torch.randn(2, 4, size, size), style)
        assert torch.allclose(out.mean((2, 3)), torch.tensor(-1.0), atol=1e-4)
        # the biased spread: an unbiased one would be off by sqrt(4 / 3) at 2 x 2 pixels
        assert torch.allclose(out.var((2, 3), unbiased=False).sqrt(), torch.tensor(3.0), atol=1e-2)


def test_adain_of_a_flat_channel_is_finite_and_so_is_its_gradient() -> None:
    x = torch.full((1, 2, 1, 1), 7.0, requires_grad=True)
    AdaIn(2)(x, torch.ones(1, 4)).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_hinge_wants_real_above_one_and_made_below_minus_one() -> None:
    good, bad = torch.tensor([2.0, 1.0]), torch.tensor([-2.0, -1.0])
    assert discriminator_loss(good, bad) == 0
    assert discriminator_loss(bad, good) > 3
    assert generator_loss(good) < generator_loss(bad)


def test_the_weight_of_feature_matching_counts_and_targets_get_no_gradient() -> None:
    real, made = torch.rand(1, 4, 8, 8, requires_grad=True), torch.rand(1, 4, 8, 8, requires_grad=True)
    one, ten = (feature_matching([real], [made], weight=w) for w in (1.0, 10.0))
    assert ten.item() == pytest.approx(10 * one.item())
    ten.backward()
    assert real.grad is None
    assert made.grad is not None


def test_embedder_and_discriminator_look_with_the_same_kind_of_body() -> None:
    embedder, discriminator = Embedder(SMALL), Discriminator(SMALL)
    assert type(embedder.body) is type(discriminator.body)
    assert [k for k, _ in embedder.body.named_parameters()] == [k for k, _ in discriminator.body.named_parameters()]
    # summed over positions, not averaged, then ReLU: the answer grows with what is seen and is never negative
    answer = embedder(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64))
    assert answer.shape == (2, 32)
    assert (answer >= 0).all()


def test_only_the_columns_of_the_clips_in_a_batch_learn() -> None:
    discriminator = Discriminator(SMALL)
    scores, _ = discriminator(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64), torch.tensor([0, 2]))
    scores.sum().backward()
    moved = discriminator.people.grad.abs().sum(0) > 0
    assert moved.tolist() == [True, False, True]


def test_the_landmark_drawing_is_a_contract() -> None:
    points = lm.template()[:, :2] / 4 + 0.5
    picture = landmark_drawing.draw(points, 64)
    assert picture.shape == (64, 64, 3)
    # change STYLE in landmark_drawing.py when this changes: old checkpoints do not understand the new drawing
    assert landmark_drawing.STYLE == "gioconda-68-1"
    assert picture.mean((0, 1)) == pytest.approx([0.0072, 0.0098, 0.0053], abs=2e-4)


# --- promises -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("condition", "channels"), [("landmarks", 3), ("engine", 12)])
def test_one_code_serves_both_conditions(condition: str, channels: int) -> None:
    config = PaperConfig(**{**vars(SMALL), "condition": condition})
    generator = Generator(config)
    out = generator(torch.rand(2, config.inputs, 64, 64), generator.styles(torch.rand(2, config.embedding)))
    assert out.shape == (2, channels, 64, 64)
    if condition == "engine":
        assert (out == 0).all()  # it starts as nothing
    else:
        assert ((out >= 0) & (out <= 1)).all()


def test_the_papers_networks_are_as_large_as_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "spectral_norm", lambda layer: layer)  # it adds no weights and takes long
    with torch.device("meta"):
        counted = [
            sum(p.numel() for p in net(PaperConfig(condition="landmarks")).parameters()) / 1e6
            for net in (Embedder, Generator, Discriminator)
        ]
    assert counted == pytest.approx([14.8, 37.8, 19.5], abs=0.3)


@pytest.mark.parametrize("name", SIZES)
def test_an_untrained_part_says_nothing(name: str) -> None:
    part = Part(PartConfig((8, 12, 16, 16), embedding=8, code=8))
    colours = torch.rand(1, 7, 64, 64)
    answer = part(colours, torch.rand(1, 16, 32, 32), torch.randn(1, 17), torch.randn(1, 8))
    assert all((each == 0).all() for each in answer)
    assert torch.allclose(apply_corrections(colours, answer, detail=name != "head"), colours[:, :3], atol=1e-5)


def test_the_fast_model_is_small() -> None:
    weights = sum(p.numel() for config in SIZES.values() for p in Part(config).parameters())
    assert weights * 4 <= 8 * 2**20


def test_a_flow_is_counted_in_sides_of_the_crop() -> None:
    picture = torch.rand(1, 3, 32, 32)
    flow = torch.zeros(1, 2, 32, 32)
    flow[:, 0] = 2 / 32
    assert torch.allclose(warped(picture, flow)[..., 4:28], picture[..., 6:30], atol=1e-4)


def test_losses_are_one_for_the_engines_own_picture_and_nothing_for_the_target() -> None:
    target, weight = torch.rand(2, 3, 64, 64), torch.ones(1, 1, 64, 64)
    engine = (target + 0.2 * torch.randn_like(target)).clamp(0, 1)
    for loss in (losses.reconstruction, losses.edges):
        assert loss(target, engine, target, weight).max() < 1e-5
        assert loss(engine, engine, target, weight).numpy() == pytest.approx(np.ones(2), abs=0.05)
    assert losses.dissimilarity(target, target, weight).abs().max() < 1e-5
