"""What a cache keeps: the most recently used, within a number and a limit of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from gioconda.render.lru_cache import LruCache, size_of, stamp


@dataclass(frozen=True)
class Pair:
    one: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    more: tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], ...]
    name: str = "x"


def test_a_kept_value_is_made_once_and_the_least_used_goes_first() -> None:
    cache: LruCache[int] = LruCache(2)
    made: list[str] = []

    def ask(key: str) -> None:
        cache.get(key, lambda: made.append(key) or 0)  # type: ignore[func-returns-value]

    for key in "abacab":
        ask(key)
    assert "".join(made) == "abcb"


def test_the_limit_of_bytes_counts_every_array_and_spares_the_newest() -> None:
    cache: LruCache[Pair] = LruCache(10, max_bytes=100)
    for size in (10, 20, 30):
        cache.get(size, lambda size=size: Pair(np.zeros(size, np.uint8), (np.zeros(size, np.uint8),)))
    assert (len(cache), cache.bytes) == (2, 100)
    cache.get(0, lambda: Pair(np.zeros(500, np.uint8), ()))
    assert (len(cache), cache.bytes) == (1, 500)
    assert size_of("text") == 0


def test_what_fails_is_not_kept() -> None:
    cache: LruCache[int] = LruCache(2)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 7) == 7


def test_a_file_that_changes_has_another_stamp(tmp_path: Path) -> None:
    path = tmp_path / "a"
    missing = stamp(str(path))
    path.write_text("1", encoding="utf-8")
    first = stamp(str(path))
    path.write_text("22", encoding="utf-8")
    assert len({missing, first, stamp(str(path)), stamp(None)}) == 4
    assert stamp(str(path)) == stamp(str(path))
