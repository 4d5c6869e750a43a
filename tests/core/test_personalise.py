"""Few-shot learning: what it does with two pictures of one person, and the identity file that carries it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gioconda.engine import Portrait, place, prepare, render_rows
from gioconda.errors import InputError, ModelError
from gioconda.neural.identity import About, load_identity, save_identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from gioconda.pose import Pose

CODE = np.arange(6, dtype=np.float32)[None]


def test_an_identity_comes_back_for_its_own_network(tmp_path: Path) -> None:
    path = tmp_path / "me.identity.npz"
    save_identity(path, CODE, About("abc", ("p1", "p2"), 40, 0.9, 0.8))
    assert (load_identity(path, network="abc") == CODE).all()


def test_an_identity_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "me.identity.npz"
    save_identity(path, CODE, About("abc", ()))
    with pytest.raises(ModelError, match="another network"):
        load_identity(path, network="def")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_what_is_no_identity_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "me.identity.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="identity"):
        load_identity(path, network="abc")


def test_a_few_steps_on_two_pictures_keep_the_best_code(portrait: Portrait, pose_of: Callable[..., Pose]) -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install gioconda[train]")
    from gioconda.training import fast
    from gioconda.training.personalise import personalise

    torch.manual_seed(0)
    torch.set_num_threads(1)
    placed = place(portrait, pose_of(portrait, mouthSmileLeft=0.8, mouthSmileRight=0.8, jawOpen=0.2))
    made = render_rows(placed, 0, portrait.height, passes=("Combined", "Matte")).passes
    other = prepare(made["Combined"].copy(), placed.position[:478].astype(float), made["Matte"][..., 0].copy())
    parts = {name: fast.Part(fast.PartConfig((8, 12, 16, 16), embedding=8, code=8)) for name in fast.PARTS}
    for part in parts.values():
        for layer in (part.tone, part.paint):
            torch.nn.init.normal_(layer.weight, 0, 0.02)
    found = personalise([portrait, other], parts, None, steps=5)
    assert found.code.shape == (1, 32)
    assert np.isfinite(found.code).all()
    assert found.after <= found.before
