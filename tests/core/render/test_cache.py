"""A kept portrait is the portrait, to the last bit; whatever is not whole is no harm."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import gioconda
import numpy as np
import pytest
from gioconda.engine import Portrait, prepare, render
from gioconda.engine.eyes import Eye
from gioconda.errors import OutputError
from gioconda.files import CACHE_VARIABLE, cache_folder
from gioconda.job.passes import ALL_PASSES
from gioconda.pose import Pose, rotation_matrix
from gioconda.render import cache

if TYPE_CHECKING:
    from tests.sitters import Sitter


@pytest.fixture
def key(sitter: Sitter) -> str:
    return cache.key_of(sitter.source, landmarks=sitter.landmarks, matte=sitter.matte, plate=None, cutout=False)


@pytest.fixture
def entry(portrait: Portrait, key: str, tmp_path: Path) -> Path:
    """The file of a kept portrait."""
    cache.save(tmp_path, key, portrait)
    (path,) = tmp_path.iterdir()
    return path


def test_a_kept_portrait_renders_the_same_bits(
    portrait: Portrait, sitter: Sitter, entry: Path, key: str, pose_of: Callable[..., Pose]
) -> None:
    kept = cache.load(entry.parent, key, sitter.source)
    assert kept is not None
    assert kept is not portrait
    expression = pose_of(portrait, jawOpen=0.6, eyeBlinkLeft=0.7, eyeLookOutRight=0.6).displacement
    for pose in (Pose(), Pose(expression, rotation_matrix(20, -5, 4)), Pose(rotation=rotation_matrix(-25))):
        fresh, again = (render(p, pose, following=Pose(scale=1.1), passes=ALL_PASSES).passes for p in (portrait, kept))
        for name in ALL_PASSES:
            assert np.array_equal(fresh[name].view(np.uint32), again[name].view(np.uint32)), name


def test_everything_comes_back_as_it_was(portrait: Portrait, sitter: Sitter, entry: Path, key: str) -> None:
    kept = cache.load(entry.parent, key, sitter.source)
    assert kept is not None
    assert kept.source is sitter.source
    assert (kept.pose.scale, kept.mouth.open_area) == (portrait.pose.scale, portrait.mouth.open_area)
    assert isinstance(kept.eyes[0], Eye)
    assert [eye.loop for eye in kept.eyes] == [eye.loop for eye in portrait.eyes]
    for ours, theirs in (
        (portrait.layers.texture, kept.layers.texture),
        (portrait.layers.plate, kept.layers.plate),
        (portrait.mesh.triangles, kept.mesh.triangles),
        (portrait.eyes[1].still, kept.eyes[1].still),
    ):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
        assert theirs.flags.c_contiguous
        assert theirs.flags.writeable  # else the kernels are compiled a second time


@pytest.mark.parametrize("kind", ["cutout", "negative", "plate", "no eyes"])
def test_portraits_of_every_kind_are_kept(small: Sitter, tmp_path: Path, kind: str) -> None:
    source, matte = small.source, small.matte
    if kind == "cutout":
        portrait = prepare(source * matte[..., None], small.landmarks, matte, cutout=True)
    elif kind == "negative":
        portrait = prepare((source * 1000 - 3).astype(np.float32) * np.float32([1, 1, -0.0, 1]), small.landmarks, matte)
    elif kind == "plate":
        portrait = prepare(source, small.landmarks, matte, clean_plate=np.ones_like(source))
    else:
        portrait = replace(prepare(source, small.landmarks, matte), eyes=())
    cache.save(tmp_path, "k", portrait)
    kept = cache.load(tmp_path, "k", portrait.source)
    assert kept is not None
    for name in ("texture", "plate"):
        ours, theirs = getattr(portrait.layers, name), getattr(kept.layers, name)
        assert np.array_equal(ours.view(np.uint32), theirs.view(np.uint32)), name
    assert len(kept.eyes) == len(portrait.eyes)


def test_the_picture_itself_is_not_kept(portrait: Portrait, entry: Path) -> None:
    with np.load(entry, allow_pickle=False) as file:
        assert "source" not in file.files
        assert not any(np.array_equal(file[name], portrait.source) for name in file.files)
        own = sum(file[f"{name}.own"].nbytes for name in ("layers.texture", "layers.plate"))
    assert own < 0.7 * (portrait.layers.texture.nbytes + portrait.layers.plate.nbytes)


def test_the_key_follows_everything_the_portrait_is_made_from(sitter: Sitter) -> None:
    whole = {"landmarks": sitter.landmarks, "matte": sitter.matte, "plate": None, "cutout": False}
    other = sitter.source.copy()
    other[0, 0, 0] += np.float32(1e-7)
    moved, thinner = sitter.landmarks.copy(), sitter.matte.copy()
    moved[7, 2] += 1e-9
    thinner[300, 250] = 0.999
    keys = [
        cache.key_of(sitter.source, **whole),
        cache.key_of(other, **whole),
        cache.key_of(sitter.source.reshape(512, 600, 4), **whole),
        cache.key_of(sitter.source, **{**whole, "landmarks": moved}),
        cache.key_of(sitter.source, **{**whole, "matte": thinner}),
        cache.key_of(sitter.source, **{**whole, "plate": sitter.source}),
        cache.key_of(sitter.source, **{**whole, "cutout": True}),
    ]
    assert len(set(keys)) == len(keys)
    assert cache.key_of(sitter.source.copy(), **whole) == keys[0]


def test_another_engine_makes_ready_anew(key: str, sitter: Sitter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "ENGINE_VERSION", gioconda.ENGINE_VERSION + 1)
    assert cache.key_of(sitter.source, landmarks=sitter.landmarks, matte=sitter.matte, plate=None, cutout=False) != key


def test_a_damaged_entry_is_ignored_wherever_the_damage_is(entry: Path, key: str, sitter: Sitter) -> None:
    good = entry.read_bytes()
    rng = np.random.default_rng(7)
    for place in (0, 30, 200, *rng.integers(0, len(good), 12), len(good) - 30, len(good) - 2):
        broken = bytearray(good)
        broken[place] ^= 0xFF
        entry.write_bytes(broken)
        kept = cache.load(entry.parent, key, sitter.source)
        # bytes between the members and times in the directory mean nothing: then it is whole
        assert kept is None or np.array_equal(kept.layers.plate[0], sitter.source[kept.layers.window[1]][:, :4])
    for length in (0, 1, 100, len(good) // 2, len(good) - 1):
        entry.write_bytes(good[:length])
        assert cache.load(entry.parent, key, sitter.source) is None


def test_foreign_entries_are_ignored(entry: Path, key: str, sitter: Sitter, tmp_path: Path) -> None:
    other = entry.with_name("portrait-other.npz")
    other.write_bytes(entry.read_bytes())  # under a name that is not its own
    assert cache.load(tmp_path, "other", sitter.source) is None
    np.savez(entry, something=np.zeros(3))
    assert cache.load(tmp_path, key, sitter.source) is None
    np.savez(entry, entry=np.array([{"a": 1}], object))  # a pickle is never opened
    assert cache.load(tmp_path, key, sitter.source) is None
    np.save(entry.open("wb"), np.zeros(3))
    assert cache.load(tmp_path, key, sitter.source) is None
    entry.unlink()
    assert cache.load(tmp_path, key, sitter.source) is None
    entry.mkdir()
    assert cache.load(tmp_path, key, sitter.source) is None


def test_a_damaged_entry_is_written_anew(entry: Path, key: str, portrait: Portrait, sitter: Sitter) -> None:
    entry.write_bytes(b"no zip")
    cache.save(entry.parent, key, portrait)
    assert cache.load(entry.parent, key, sitter.source) is not None
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_what_was_not_used_for_longest_goes_first(
    entry: Path, key: str, portrait: Portrait, sitter: Sitter, tmp_path: Path
) -> None:
    size = entry.stat().st_size
    foreign = tmp_path / "notes.txt"
    foreign.write_text("mine")
    for i, name in enumerate(("b", "c")):
        cache.save(tmp_path, name, portrait)
        os.utime(tmp_path / f"portrait-{name}.npz", (1000 + i, 1000 + i))
    os.utime(entry, (500, 500))
    assert cache.load(tmp_path, key, sitter.source) is not None  # used: now the youngest
    assert time.time() - entry.stat().st_mtime < 60
    cache.save(tmp_path, "d", portrait, limit_bytes=int(3.1 * size))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {entry.name, "portrait-c.npz", "portrait-d.npz", "notes.txt"}
    cache.save(tmp_path, "e", portrait, limit_bytes=1)  # larger than all that is allowed: still kept, alone
    assert {path.name for path in tmp_path.iterdir()} == {"portrait-e.npz", "notes.txt"}


def test_a_folder_that_cannot_be_written_is_an_output_error(portrait: Portrait, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        cache.save(tmp_path / "file" / "cache", "k", portrait)
    assert cache.load(tmp_path / "file" / "cache", "k", portrait.source) is None


def test_the_default_folder_is_the_variables_else_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    folder = cache_folder()
    assert folder is not None
    assert "gioconda" in folder.parts
