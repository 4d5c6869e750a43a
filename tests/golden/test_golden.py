"""Frames look as they did: small crops with each thing that the engine paints. `make golden` renews them."""

from __future__ import annotations

import gioconda
import numpy as np
import pytest

from tests.golden import crops, mutations

RENEW = "run `make golden`, look at out/golden/*.png and commit the pictures"


@pytest.fixture(scope="module")
def rendered() -> dict[str, crops.Picture]:
    return dict(crops.render_crops())


@pytest.mark.parametrize("name", crops.SHOTS)
def test_a_crop_looks_as_it_did(name: str, rendered: dict[str, crops.Picture]) -> None:
    if crops.alike(rendered[name], crops.read_crop(name)):
        return
    mean, large = crops.apart(rendered[name], crops.read_crop(name))
    what = f"{name} looks otherwise: mean {mean:.2f}/255, {large:.1%} differ by more than {crops.LARGE}. "
    if crops.VERSION.read_text(encoding="utf-8").strip() == str(gioconda.ENGINE_VERSION):
        what += "If that is meant, add 1 to ENGINE_VERSION in core/gioconda/__init__.py; then "
    pytest.fail(what + RENEW, pytrace=False)


def test_the_crops_are_those_of_this_engine() -> None:
    made_with = crops.VERSION.read_text(encoding="utf-8").strip()
    assert made_with == str(gioconda.ENGINE_VERSION), f"The crops are of engine version {made_with}: {RENEW}"
    assert {path.stem for path in crops.FOLDER.glob("*.png")} == {*crops.SHOTS}


def test_a_small_change_is_seen() -> None:
    """The tolerance is for other machines' last bits, not for a painted thing that is missing."""
    crop = crops.read_crop("shut_lid")
    assert crops.alike(crop, crop)
    missing = crop.copy()
    missing[60:63, 40:60] += np.uint8(12)
    assert not crops.alike(missing, crop)
    assert crops.alike(np.clip(crop.astype(int) + (np.indices(crop.shape).sum(0) % 12 == 0), 0, 255), crop)


@pytest.mark.parametrize("what", mutations.MUTATIONS)
def test_a_mutation_still_finds_its_constant(what: str) -> None:
    before, after = mutations.mutated(mutations.ROOT, *mutations.MUTATIONS[what])
    assert before != after
