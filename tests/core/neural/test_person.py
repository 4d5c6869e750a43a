"""An identity file comes from outside: it is read as it was written, or refused with one sentence."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.errors import InputError, ModelError
from gioconda.neural.person import About, Person, load_person, network_of, save_person

CODE = np.arange(6, dtype=np.float32)[None]
CHANGES = {"parts.mouth.paint.bias": np.linspace(-1, 1, 16).astype(np.float16)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good one."""
    path = tmp_path / "me.identity.npz"
    save_person(path, Person(CODE, CHANGES), About("abc", ("p1", "p2"), 40, 0.9, 0.8))
    return path


def rewritten(path: Path, **changes: Any) -> None:
    """The same file with arrays in place of its own, or, as None, without them."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})


def test_an_identity_comes_back_for_its_own_network(path: Path) -> None:
    person = load_person(path, network="abc")
    assert (person.embedding == CODE).all() and person.changes.keys() == CHANGES.keys()
    assert all((person.changes[name] == change).all() for name, change in CHANGES.items())
    assert network_of(path) == "abc"


def test_an_identity_of_another_network_is_refused(path: Path) -> None:
    with pytest.raises(ModelError, match="another network"):
        load_person(path, network="def")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_what_is_no_identity_is_refused_with_a_sentence(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match="identity"):
        load_person(path, network="abc")


@pytest.mark.parametrize(
    "changes",
    [
        {"code": CODE + 1},  # not what was hashed
        {"code": None},
        {"code": np.array([{"a": 1}], dtype=object)},
        {"about": None},
        {"about": np.array("[" * 200_000)},
        {"about": np.array('{"format": "gioconda-identity-1", "network": 5')},
        {"about": np.array('{"format": "gioconda-identity-1"}')},
        {"about": np.array('"gioconda-identity-2"')},
        {"about": np.array('{"format": "gioconda-identity-9", "network": "abc"}')},
        {"+parts.more": np.zeros(3, np.float16)},
    ],
)
def test_what_was_changed_is_refused_with_one_sentence(path: Path, changes: dict[str, Any]) -> None:
    rewritten(path, **changes)
    with pytest.raises(InputError, match="is no identity file of this version") as caught:
        load_person(path, network="abc")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500 + len(str(path))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused_though_rightly_hashed(path: Path, value: float) -> None:
    for person in (
        Person(np.full((1, 6), value, np.float32)),
        Person(CODE, {"a": np.full(3, value, np.float16)}),
    ):
        save_person(path, person, About("abc", ()))
        with pytest.raises(InputError, match="no numbers"):
            load_person(path, network="abc")


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("code.npy", b"\0" * (40 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match="too large"):
        load_person(path, network="abc")


def test_an_array_that_says_it_is_vast_is_refused(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (1, 1 << 45)})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("code.npy", header.getvalue())
    with pytest.raises(InputError, match="identity"):
        load_person(path, network="abc")
