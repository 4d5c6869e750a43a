"""Which networks “auto” means on this machine: resolved once, from what is there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gioconda.batch.plan import make_plan
from gioconda.batch.settings import read_batch
from gioconda.errors import InputError, ModelError
from gioconda.job.fingerprint import pixel_settings
from gioconda.job.job import Job
from gioconda.models import registry
from gioconda.models.registry import load_registry
from gioconda.neural.choice import files, names, resolved, used_models
from gioconda.neural.corrector import _memory
from gioconda.neural.person import About, Person, save_person
from gioconda.worker.messages import Log, Message

JOB = Job("a.png", "take", "####.exr", device="cpu")


def quiet(_: Message) -> None:
    pass


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder that knows the networks but has none."""
    shutil.copy(registry.models_folder() / "models.yaml", tmp_path)
    return tmp_path


def test_auto_takes_the_fast_networks_where_no_graphics_card_is(models_folder: Path) -> None:
    assert resolved(JOB, quiet).neural == "fast"


@pytest.mark.parametrize("asked", ["off", "fast", "full"])
def test_what_was_chosen_stays(asked: str, empty: Path) -> None:
    assert resolved(replace(JOB, neural=asked, models=str(empty)), quiet).neural == asked


def test_without_networks_auto_is_off_and_says_so(empty: Path) -> None:
    told: list[Message] = []
    assert resolved(replace(JOB, models=str(empty)), told.append).neural == "off"
    assert [type(message) for message in told] == [Log]
    assert str(empty) in told[0].text  # type: ignore[union-attr]


def test_networks_that_are_asked_for_and_missing_are_a_sentence(empty: Path) -> None:
    with pytest.raises(
        ModelError, match=r"The “fast” networks are not in .* put neural_fast\.onnx .* --neural auto or off"
    ):
        files("fast", empty)


def test_auto_takes_the_networks_that_an_identity_was_made_for(tmp_path: Path, models_folder: Path) -> None:
    network = load_registry(models_folder)[names("fast")[1]].sha256
    code, paths = np.zeros((1, 192), np.float32), (tmp_path / "a.npz", tmp_path / "b.npz")
    for path, made_for in zip(paths, (network, "0" * 64), strict=True):
        save_person(path, Person(code), About(made_for, ()))
    assert resolved(replace(JOB, identity=str(paths[0])), quiet).neural == "fast"
    with pytest.raises(ModelError, match="made for other networks"):
        resolved(replace(JOB, identity=str(paths[1])), quiet)
    with pytest.raises(InputError, match="no identity"):
        resolved(replace(JOB, identity=str(tmp_path / "none.npz")), quiet)


def test_frames_depend_on_the_networks_they_were_made_with_and_no_others() -> None:
    fast, off = (used_models(replace(JOB, neural=neural)) for neural in ("fast", "off"))
    assert set(names("fast")) <= set(fast)
    assert not set(names("fast")) & set(off)
    assert pixel_settings(replace(JOB, neural="fast")) != pixel_settings(replace(JOB, neural="full"))


def test_a_batch_settles_the_networks_before_its_processes_begin(tmp_path: Path, models_folder: Path) -> None:
    shutil.copy(Path(__file__).parents[3] / "core/gioconda/cli/grace_hopper.jpg", tmp_path / "a.jpg")
    text = "portraits: a.jpg\nmotions: take\noutput: out/####.exr\n"
    text += "settings: {device: cpu, consent: {right: own_work, who: me}}\n"
    (tmp_path / "b.yaml").write_text(text, encoding="utf-8")
    plan = make_plan(read_batch(tmp_path / "b.yaml"))
    assert plan.job(plan.items[0]).neural == "fast"


def test_memory_that_does_not_suffice_is_a_sentence() -> None:
    with (
        pytest.raises(ModelError, match=r"neural_full\.onnx need more memory"),
        _memory(Path("neural_full.onnx"), "cuda"),
    ):
        raise RuntimeError("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 5")
    with pytest.raises(RuntimeError, match="else"), _memory(Path("neural_full.onnx"), "cuda"):
        raise RuntimeError("something else")
