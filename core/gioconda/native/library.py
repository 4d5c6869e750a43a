"""Finds the compiled kernels of this platform and calls them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..errors import GiocondaError
from . import build


class Array:
    """An argument that is an array of one type, contiguous; None is a null pointer. `Array.of(np.float32)`."""

    dtype: np.dtype[Any]

    @staticmethod
    @cache
    def of(dtype: Any) -> type[Array]:
        return type(f"Array_{np.dtype(dtype).name}", (Array,), {"dtype": np.dtype(dtype)})

    @classmethod
    def from_param(cls, array: Any) -> ctypes.c_void_p:
        return ctypes.c_void_p(None if array is None else address(array, cls.dtype))


def address(array: Any, dtype: Any) -> int:
    """Where an array's first value is. Raises: TypeError: it is of another type, or has gaps."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"a kernel wants contiguous {dtype}, not {array.dtype} with strides {array.strides}")
    found: int = array.__array_interface__["data"][0]
    return found


def kernel(name: str, *arguments: Any, result: Any = None) -> Callable[..., Any]:
    """A function of the library, which is opened at the first call. arguments, result: ctypes types, or `Array.of`."""

    @cache
    def function() -> Any:
        found = getattr(_library(), name)
        found.argtypes, found.restype = arguments, result
        return found

    def call(*given: Any) -> Any:
        clear_registers()
        return function()(*given)

    return call


def clear_registers() -> None:
    """After another library's AVX code, which may leave numpy and the kernels slow in this thread (registers.c)."""
    _clear()()


@cache
def _clear() -> Any:
    # Python's lock is kept: giving it away for so short a call means to wait for it
    found = ctypes.PyDLL(_library()._name).registers_clear
    found.argtypes, found.restype = (), None
    return found


def constant(name: str) -> np.float32:
    """A float32 that a source declares."""
    return np.float32(ctypes.c_float.in_dll(_library(), name).value)


@cache
def _library() -> ctypes.CDLL:
    """Raises: GiocondaError: it was not built, and there is no compiler to do it."""
    path = build.path_of(build.this_platform())
    if build.is_outdated(path):
        try:
            build.build(build.this_platform())
        except (ImportError, OSError, build.BuildError) as error:
            raise GiocondaError(
                f"The compiled kernels ({path.name}) are missing: install the package again, or run "
                f"`pip install ziglang` and `python -m gioconda.native`. ({error})"
            ) from error
    return ctypes.CDLL(str(path))
