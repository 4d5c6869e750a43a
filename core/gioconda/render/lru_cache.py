"""The most recently used values, within a number and a limit of bytes. Standard library and numpy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T")


class LruCache(Generic[T]):
    """A few values by key; the least recently used are dropped first."""

    def __init__(self, max_items: int, max_bytes: int = 1 << 62) -> None:
        """`max_items`: 0 for a cache that keeps nothing; `max_bytes`: of the arrays of all values. The newest stays,
        however large."""
        self._max_items, self._max_bytes = max_items, max_bytes
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of a key, made if need be. What `make` raises is raised, and nothing is kept for the key."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        while len(self._values) >= max(self._max_items, 1):  # before making: both together may not fit into memory
            self._values.popitem(last=False)
        value = make()
        if self._max_items:
            self._values[key] = value
        while len(self._values) > 1 and (len(self._values) > self._max_items or self.bytes > self._max_bytes):
            self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        self._values.clear()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def bytes(self) -> int:
        """Of all arrays."""
        return sum(size_of(value) for value in self._values.values())


def size_of(value: Any) -> int:
    """Bytes of the arrays in an array, a dataclass or a list or tuple of such."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if is_dataclass(value):
        return sum(size_of(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, list | tuple):
        return sum(size_of(item) for item in value)
    return 0


def stamp(path: str | None) -> Hashable:
    """What changes when a file does: its path, size and time; None for no file. A missing one has a stamp too."""
    if path is None:
        return None
    try:
        status = Path(path).stat()
    except OSError:
        return path
    return path, status.st_size, status.st_mtime_ns, status.st_ino
