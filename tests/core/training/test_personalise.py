"""Few-shot learning: what it does with pictures of one person, and that the exported networks answer as it learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")

from gioconda import landmarks as lm  # noqa: E402
from gioconda.engine import Portrait, pose_portrait, prepare, render_rows  # noqa: E402
from gioconda.errors import ModelError  # noqa: E402
from gioconda.models.onnx_weights import changeable  # noqa: E402
from gioconda.neural import features  # noqa: E402
from gioconda.neural.corrector import CorrectionNets, Corrector  # noqa: E402
from gioconda.neural.network_inputs import network_inputs  # noqa: E402
from gioconda.neural.person import About, Person, load_person, save_person  # noqa: E402
from gioconda.training import fast  # noqa: E402
from gioconda.training.export import Frame, export  # noqa: E402
from gioconda.training.few_shot_pairs import aligned_to, pairs_between  # noqa: E402
from gioconda.training.personalise import Adaptation, free_weights, most_steps, personalise  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gioconda.pose import Pose

pytestmark = pytest.mark.slow

TINY = {name: fast.PartConfig((8, 12, 16, 16), embedding=8, code=8) for name in fast.PARTS}


@pytest.fixture(scope="module")
def other(portrait: Portrait, pose_of: Callable[..., Pose]) -> Portrait:
    """A second picture of the same person: smiling, with red lips, in half the light."""
    posed = pose_portrait(portrait, pose_of(portrait, mouthSmileLeft=0.8, mouthSmileRight=0.8, jawOpen=0.2))
    made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    points = posed.position[: lm.COUNT].astype(float)
    picture = made["Combined"].copy()
    y, x = np.mgrid[: portrait.height, : portrait.width] + 0.5
    lips = np.min([np.hypot(x - px, y - py) for px, py, _ in points[[13, 61, 291]]], axis=0)
    picture[lips < 0.15 * portrait.interocular, 1:3] *= 0.4
    picture[..., :3] *= 0.5
    return prepare(picture, points, made["Matte"][..., 0].copy())


@pytest.fixture(scope="module")
def parts() -> dict[str, fast.Part]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    made = {name: fast.Part(TINY[name]).eval() for name in fast.PARTS}
    for part in made.values():
        for weights in part.parameters():
            torch.nn.init.normal_(weights, 0, 0.05)
    return made


@pytest.fixture(scope="module")
def exported(parts: dict[str, fast.Part], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return export("fast", parts, tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="module")
def found(portrait: Portrait, other: Portrait, parts: dict[str, fast.Part], exported: tuple[Path, Path]) -> Adaptation:
    return personalise([portrait, other], parts, changeable=changeable(exported[1]), steps=16)


def test_two_pictures_teach_something_and_embedders_stay(found: Adaptation) -> None:
    assert found.embedding.shape == (1, 32) and np.isfinite(found.embedding).all()
    assert found.after < 0.98 * found.before and found.steps > 0
    assert all(change.dtype == np.float16 and np.isfinite(change).all() for change in found.changes.values())
    assert not any("embedder" in name for name in found.changes)


def test_the_exported_networks_with_the_identity_answer_as_torch_does(
    found: Adaptation,
    parts: dict[str, fast.Part],
    exported: tuple[Path, Path],
    portrait: Portrait,
    pose_of: Callable[..., Pose],
    tmp_path: Path,
) -> None:
    path = tmp_path / "me.identity.npz"
    save_person(path, Person(found.embedding, found.changes), About("abc", ()))
    person = load_person(path, network="abc")
    corrector = Corrector(
        CorrectionNets.from_files(*exported, "cpu", threads=1, known=person), portrait, embedding=person.embedding
    )
    posed = pose_portrait(portrait, pose_of(portrait, jawOpen=0.5))
    made = render_rows(posed, 0, portrait.height, passes=("Combined", "Matte")).passes
    views = features.frame_views(portrait, corrector.still, posed, made["Combined"], made["Matte"][..., 0])
    inputs = network_inputs(views, features.numbers(portrait, posed), corrector.embedding)
    said = corrector.nets.frame(inputs)
    model = Frame(parts)
    tensors = [torch.from_numpy(value) for value in inputs.values()]
    with torch.no_grad():
        plain = model(*tensors)
        changes = {name: torch.from_numpy(change.astype(np.float32)) for name, change in found.changes.items()}
        weights = {name: value + changes[name] for name, value in model.named_parameters() if name in changes}
        assert weights.keys() == found.changes.keys()
        wanted = torch.func.functional_call(model, weights, tuple(tensors))
    assert max(float(np.abs(a - b.numpy()).max()) for a, b in zip(said, wanted, strict=True)) < 1e-3
    assert max(float((a - b).abs().max()) for a, b in zip(plain, wanted, strict=True)) > 5e-3


def test_an_identity_with_other_weights_or_another_code_is_refused(
    found: Adaptation, exported: tuple[Path, Path]
) -> None:
    others = Person(found.embedding, {"parts.nobody": np.zeros(3, np.float16)}), Person(found.embedding[:, 1:])
    for person in others:
        with pytest.raises(ModelError):
            CorrectionNets.from_files(*exported, "cpu", threads=1, known=person)


def test_another_light_is_not_learned(portrait: Portrait, other: Portrait) -> None:
    points, target = aligned_to(portrait, other)
    cheek = tuple(points[50, :2].astype(int))[::-1]
    assert target[cheek] == pytest.approx(portrait.source[..., :3][cheek], rel=0.15)


def test_of_three_pictures_one_is_kept_aside(portrait: Portrait) -> None:
    shots = pairs_between([portrait] * 3)
    assert [shot.held_out for shot in shots] == [True, False, True, True, False, True]


def test_the_budget_grows_from_125_to_230_steps() -> None:
    assert [most_steps(count) for count in (1, 30, 1000)] == [125, 230, 230]
    assert 125 < most_steps(8) < 230


def test_one_picture_gives_its_code_and_changes_nothing(
    portrait: Portrait, parts: dict[str, fast.Part], exported: tuple[Path, Path]
) -> None:
    found = personalise([portrait], parts, changeable=changeable(exported[1]))
    assert not found.changes and found.steps == 0
    nets = CorrectionNets.from_files(*exported, "cpu", threads=1)
    assert np.allclose(found.embedding, Corrector(nets, portrait).embedding, atol=1e-5)


def test_what_reads_the_code_and_leads_to_the_answer_is_free(parts: dict[str, fast.Part]) -> None:
    free = free_weights(parts["mouth"])
    assert {"numbers.weight", "paint.weight"} < set(free)
    assert not any(name.startswith(("embedder", "stem", "down")) for name in free)
