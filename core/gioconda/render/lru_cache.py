"""What was made and may be wanted again: the most recently used, within a limit. Standard library and numpy."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Kept(Generic[T]):
    """A few values by key; those not used for longest go first."""

    def __init__(self, *, most: int, limit_bytes: int = 1 << 62) -> None:
        """`most`: values kept; `limit_bytes`: of all their arrays together. The newest stays, however large."""
        self._most, self._limit = most, limit_bytes
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value kept under a key, or a new one; what `make` raises is raised and nothing kept."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        value = self._values[key] = make()
        while len(self._values) > 1 and (len(self._values) > self._most or self.bytes > self._limit):
            self._values.popitem(last=False)
        return value

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
