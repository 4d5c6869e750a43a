"""Sparse matrices: entries by row, products, and the solution of symmetric positive definite systems."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import native

Float = npt.NDArray[np.float64]
Index = npt.NDArray[Any]

_SIZE, _DOUBLES = ctypes.c_int64, native.Array.of(np.float64)
_STARTS, _COLUMNS = native.Array.of(np.int64), native.Array.of(np.int32)
_times = native.kernel("sparse_times", _STARTS, _COLUMNS, _DOUBLES, _SIZE, _DOUBLES, _SIZE, _DOUBLES)
_solve_banded = native.kernel("solve_banded", _DOUBLES, _SIZE, _SIZE, _DOUBLES, _SIZE, result=ctypes.c_int64)


@dataclass(frozen=True)
class Sparse:
    """
    Attributes:
        shape: rows and columns.
        starts: (rows + 1,) int64, where each row's entries begin.
        columns: (entries,) int32, rising within a row; values: (entries,) float64.
    """

    shape: tuple[int, int]
    starts: Index
    columns: Index
    values: Float

    @staticmethod
    def of_entries(shape: tuple[int, int], rows: Index, columns: Index, values: Float) -> Sparse:
        """Entries in any order; those at the same place are summed."""
        place = np.asarray(rows, np.int64) * shape[1] + np.asarray(columns, np.int64)
        places, which = np.unique(place, return_inverse=True)
        summed = np.bincount(which, weights=values, minlength=len(places)).astype(np.float64)
        starts = np.searchsorted(places // shape[1], np.arange(shape[0] + 1))
        return Sparse(shape, starts.astype(np.int64), (places % shape[1]).astype(np.int32), summed)

    @staticmethod
    def of_dense(array: Float) -> Sparse:
        """All values of (N, M) that are not 0."""
        rows, columns = np.nonzero(array)
        return Sparse.of_entries((array.shape[0], array.shape[1]), rows, columns, array[rows, columns])

    @staticmethod
    def diagonal_of(values: Float) -> Sparse:
        """(N,) → (N, N)."""
        index = np.arange(len(values))
        return Sparse.of_entries((len(values), len(values)), index, index, values)

    @cached_property
    def rows(self) -> Index:
        """(entries,): the row of each entry."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.starts))

    @property
    def diagonal(self) -> Float:
        """(N,)"""
        on = self.rows == self.columns
        return np.asarray(np.bincount(self.rows[on], weights=self.values[on], minlength=self.shape[0]), np.float64)

    @property
    def transposed(self) -> Sparse:
        return Sparse.of_entries((self.shape[1], self.shape[0]), self.columns, self.rows, self.values)

    def dense(self) -> Float:
        """(rows, columns) with the zeros in it."""
        result = np.zeros(self.shape)
        result[self.rows, self.columns] = self.values
        return result

    def part(self, rows: Index, columns: Index) -> Sparse:
        """Some rows and some columns, each given once, in the given order."""
        row_of, column_of = np.full(self.shape[0], -1), np.full(self.shape[1], -1)
        row_of[rows], column_of[columns] = np.arange(len(rows)), np.arange(len(columns))
        i, j = row_of[self.rows], column_of[self.columns]
        kept = (i >= 0) & (j >= 0)
        return Sparse.of_entries((len(rows), len(columns)), i[kept], j[kept], self.values[kept])

    def __add__(self, other: Sparse) -> Sparse:
        both = ((getattr(self, name), getattr(other, name)) for name in ("rows", "columns", "values"))
        return Sparse.of_entries(self.shape, *(np.concatenate(pair) for pair in both))

    def __mul__(self, factor: float) -> Sparse:
        return Sparse(self.shape, self.starts, self.columns, self.values * factor)

    def __sub__(self, other: Sparse) -> Sparse:
        return self + other * -1.0

    def times(self, other: Sparse) -> Sparse:
        """The product with another sparse matrix."""
        counts = np.diff(other.starts)[self.columns]
        begin = np.repeat(other.starts[self.columns] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        entry = begin + np.arange(counts.sum())
        rows, values = np.repeat(self.rows, counts), np.repeat(self.values, counts) * other.values[entry]
        return Sparse.of_entries((self.shape[0], other.shape[1]), rows, other.columns[entry], values)

    def __matmul__(self, dense: npt.NDArray[Any]) -> Float:
        """The product with (columns, …), any number of further axes."""
        given = np.ascontiguousarray(dense, np.float64)
        if len(given) != self.shape[1]:
            raise ValueError(f"{self.shape} @ {given.shape}")
        result = np.empty((self.shape[0], *given.shape[1:]))
        width = given.size // max(len(given), 1)
        _times(self.starts, self.columns, self.values, self.shape[0], given, width, result)
        return result

    def solve(self, right: Float) -> Float:
        """X with self @ X = right, (N,) or (N, K). Symmetric, positive definite; fast where entries are few.

        Source: Cuthill and McKee, "Reducing the bandwidth of sparse symmetric matrices", 1969; Cholesky.
        Raises: ValueError: it is not positive definite.
        """
        order = self._narrow_order()
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        i, j = place[self.rows], place[self.columns]
        lower = i >= j
        width = int((i - j).max(initial=0))
        band = np.zeros((len(order), width + 1))
        band[i[lower], width - (i - j)[lower]] = self.values[lower]
        solved = np.ascontiguousarray(right[order], np.float64).reshape(len(order), -1)
        if failed := _solve_banded(band, len(order), width, solved, solved.shape[1]):
            raise ValueError(f"not positive definite at row {order[failed - 1]}")
        result = np.empty_like(solved)
        result[order] = solved
        return result.reshape(right.shape)

    def _narrow_order(self) -> Index:
        """An order of the rows in which entries lie near the diagonal."""
        degree = np.diff(self.starts)
        done = np.zeros(self.shape[0], bool)
        order: list[int] = []
        for first in np.argsort(degree, kind="stable").tolist():
            if done[first]:
                continue
            done[first] = True
            order.append(first)
            at = len(order) - 1
            while at < len(order):
                beside = self.columns[self.starts[order[at]] : self.starts[order[at] + 1]]
                fresh = beside[~done[beside]]
                done[fresh] = True
                order += fresh[np.argsort(degree[fresh], kind="stable")].tolist()
                at += 1
        return np.array(order, np.int64)
