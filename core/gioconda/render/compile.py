"""Says when the renderer is being compiled: numba does that once per machine, and it takes a minute or two.

Imported before everything that compiles: some libraries do so while they are imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event

from ..worker.messages import Report, Stage

STAGE = Stage("compile", "Compiling the renderer (once per machine, a minute or two)")


@contextmanager
def announced(report: Report) -> Iterator[None]:
    """Within the block, a `Stage` "compile" is reported when the first function has to be compiled, not only loaded."""
    with event.install_listener("numba:compile", _Once(report)):
        yield


class _Once(event.Listener):  # type: ignore[misc]
    """Reports when the first compilation starts."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def on_start(self, event: Any) -> None:
        report, self._report = self._report, lambda message: None
        report(STAGE)

    def on_end(self, event: Any) -> None:
        pass
