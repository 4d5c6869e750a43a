"""The projection discriminator of the parts, and how it and the network learn from each other."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda.training import fast  # noqa: E402
from gioconda.training.discriminator import Discriminator, embedding_match, generator_loss, resume  # noqa: E402
from gioconda.training.objectives import PartTraining, adversarial_loss, corrected_pictures  # noqa: E402
from gioconda.training.train import _step, append_log  # noqa: E402

pytestmark = pytest.mark.slow

CONFIG = PartTraining(part="mouth", adversarial=0.02)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture
def discriminator() -> Discriminator:
    return Discriminator((8, 12, 16), embedding=8, people=3)


def batch() -> dict[str, torch.Tensor]:
    """Two people's mouths: what is real is smooth."""
    smooth = torch.nn.functional.interpolate(torch.rand(2, 3, 4, 4), size=(32, 32), mode="bilinear")
    return {
        "target": smooth,
        "colours": torch.rand(2, 7, 32, 32),
        "geometry": torch.rand(2, 16, 16, 16),
        "numbers": torch.randn(2, 17),
        "source": torch.rand(2, 4, 64, 64),
        "person": torch.tensor([0, 2]),
    }


def test_the_score_is_the_projection_on_the_persons_column_and_on_what_is_real(discriminator: Discriminator) -> None:
    given = batch()
    discriminator.eval()
    with torch.no_grad():
        scores, answers = discriminator(given["target"], given["geometry"], given["person"])
        seen = answers[-1]
        wanted = discriminator.people.t()[given["person"]] + discriminator.real
        assert torch.allclose(scores, torch.einsum("nchw,nc->nhw", seen, wanted) + discriminator.bias, atol=1e-6)
        nobody, _ = discriminator(given["target"], given["geometry"], torch.tensor([-1, -1]))
        assert torch.allclose(
            nobody, torch.einsum("nchw,c->nhw", seen, discriminator.real) + discriminator.bias, atol=1e-6
        )


def test_it_learns_to_tell_real_from_made_and_only_columns_of_people_seen_move(discriminator: Discriminator) -> None:
    given, before = batch(), discriminator.people.detach().clone()
    judging = torch.optim.Adam(discriminator.parameters(), lr=1e-2, betas=(0.0, 0.99))
    made = 0.3 * given["target"]
    losses = [float(_step(discriminator, judging, given, made).detach()) for _ in range(25)]
    assert losses[0] == pytest.approx(2, abs=0.5)  # hinge of a score around 0
    assert losses[-1] < 0.8 * losses[0]
    with torch.no_grad():
        real, fake = (discriminator(each, given["geometry"], given["person"])[0] for each in (given["target"], made))
        assert real.mean() > fake.mean()
        assert generator_loss(real) < generator_loss(fake)
    moved = (discriminator.people - before).abs().sum(0) > 0
    assert moved.tolist() == [True, False, True]


def test_its_opinion_reaches_network_and_embedder_but_neither_itself_through_targets_nor_w(
    discriminator: Discriminator,
) -> None:
    part, given = fast.Part(fast.PartConfig((8, 12, 16, 16), embedding=8, code=8)), batch()
    torch.nn.init.normal_(part.paint.weight, std=0.1)
    embedding = part.embedder(given["source"])
    answer = part(given["colours"], given["geometry"], given["numbers"], embedding)
    adversarial_loss(discriminator, given, corrected_pictures(given, answer, head=False), embedding, CONFIG).backward()
    assert part.paint.weight.grad.abs().max() > 0
    assert part.embedder.out.weight.grad.abs().max() > 0
    match = embedding_match(embedding.detach(), discriminator.columns(given["person"]).detach())
    assert match > 0
    discriminator.zero_grad()
    nobody = given | {"person": torch.tensor([-1, -1])}
    assert torch.isfinite(adversarial_loss(discriminator, nobody, given["target"], embedding.detach(), CONFIG))


def test_every_layer_of_it_but_the_last_has_a_spectral_norm_of_at_most_one(discriminator: Discriminator) -> None:
    given = batch()
    for _ in range(20):
        discriminator(given["target"], given["geometry"], given["person"])
    for name, layer in discriminator.named_modules():
        if isinstance(layer, torch.nn.Conv2d) and name != "seen":
            assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2) < 1.1


def test_people_who_are_new_get_columns_after_the_others(discriminator: Discriminator) -> None:
    judging = torch.optim.Adam(discriminator.parameters())
    _step(discriminator, judging, batch(), torch.rand(2, 3, 32, 32))
    larger = Discriminator((8, 12, 16), embedding=8, people=5)
    adam = torch.optim.Adam(larger.parameters())
    resume(discriminator.state_dict(), larger, judging.state_dict(), adam)
    assert torch.equal(larger.people[:, :3], discriminator.people)
    assert not adam.state  # moments of the smaller W would not fit
    same = Discriminator((8, 12, 16), embedding=8, people=3)
    adam = torch.optim.Adam(same.parameters())
    resume(discriminator.state_dict(), same, judging.state_dict(), adam)
    assert adam.state


def test_a_log_begun_before_takes_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "mouth.csv"
    append_log(path, {"step": 1, "loss": 2.0})
    append_log(path, {"step": 2, "loss": 1.5, "judging": 0.5})
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"step": "1", "loss": "2", "judging": ""}, {"step": "2", "loss": "1.5", "judging": "0.5"}]
