"""Where a frame's time goes: posing the portrait, each compiled kernel, the rest."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from gioconda.engine import Portrait, kernels
from gioconda.job.passes import DEFAULT_PASSES
from gioconda.pose import Performance

from . import product

KERNELS = (
    *("rasterise", "find_edges", "list_edges", "rasterise_edges", "shade", "shade_multisampled"),
    *("list_filled", "stmap", "interpolate", "texture_passes"),
)
POSE, REST = "posing: mesh, eyes, mouth", "memory, patches, the rest"


def stages(portrait: Portrait, performance: Performance, frames: Sequence[int]) -> dict[str, float]:
    """Median milliseconds of each stage of a frame with the default passes, in the order they are first reached."""
    spent: list[dict[str, float]] = []
    for frame in frames:
        clock = CallClock()
        began = time.perf_counter()
        with clock.on(product, {"pose_portrait": POSE}), clock.on(kernels, {name: name for name in KERNELS}):
            for _ in product.render_as_written(portrait, performance, frame, DEFAULT_PASSES):
                pass
        whole = time.perf_counter() - began
        spent.append(clock.seconds | {REST: whole - sum(clock.seconds.values())})
    names = list(dict.fromkeys(name for seconds in spent for name in seconds))
    return {name: 1e3 * statistics.median(seconds.get(name, 0.0) for seconds in spent) for name in names}


class CallClock:
    """Seconds spent in calls, by label. A call within a clocked call counts for the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside = False

    @contextmanager
    def on(self, module: ModuleType, labels: dict[str, str]) -> Iterator[None]:
        """While the context lasts, calls of the module's functions named in `labels` are clocked."""
        before = {name: getattr(module, name) for name in labels}
        for name, label in labels.items():
            setattr(module, name, self._clocked(before[name], label))
        try:
            yield
        finally:
            for name, function in before.items():
                setattr(module, name, function)

    def _clocked(self, function: Callable[..., Any], label: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if self._inside:
                return function(*arguments, **named)
            self._inside = True
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self._inside = False
                self.seconds[label] = self.seconds.get(label, 0.0) + time.perf_counter() - began

        return call
