"""Renders frames of one portrait with the graph of whole frames, batch by batch.

    renderer = Renderer(portrait, "cuda", corrector=corrector, network=path)
    for passes in renderer.stream(placed, ("Combined", "Matte", "UV"), report):
        ...   # name → (H, W, C) float32; None: this frame is the processor's

The processor looks which triangle is seen where, for the next batch while the device draws this one, and draws the
passes that show geometry. At the identity pose, and where there is no person in the picture, there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine import CHANNELS, Placed, Portrait
from ..engine.kernels import ONE_AT_A_TIME
from ..errors import DeviceError
from ..neural.corrector import Corrector
from ..protocol import Log, Report
from . import inputs, squares
from .device import DeviceGraph
from .whole import frame_graph, read_network

Pixels = npt.NDArray[np.floating[Any]]
Passes = dict[str, Pixels]

BATCH_PIXELS = 16_800_000  # at most in one run: four frames of 2048²
BATCH = 8
_DRAWN = ("Combined", "Matte")


@dataclass(frozen=True)
class Prepared:
    """A frame as far as the processor takes it."""

    seen: inputs.Listed
    looked: squares.Looked | None


class Renderer:
    """A portrait on a device.

    Attributes:
        label: what frames say they were rendered by.
        batch: frames in one run at most; becomes less when the device's memory does not suffice.
    """

    def __init__(
        self, portrait: Portrait, device: str, *, corrector: Corrector | None = None, network: Path | None = None,
        half: bool = False, smooth_edges: bool = True, batch: int | None = None, threads: int | None = None,
    ) -> None:  # fmt: skip
        """Build the graph, open it, upload the portrait.

        Args:
            device: “cuda” or “cpu”, see `device.graphics_device`.
            corrector, network: the networks that correct, and the file of the one that does it each frame.
            half: colours and matte come back in half precision, held within its range: half the way to go.
            batch: frames in one run at most.

        Raises:
            DeviceError, ModelError.
        """
        model = frame_graph(None if corrector is None or network is None else read_network(network))
        self.portrait, self.corrector = portrait, corrector if network is not None else None
        self.graph = DeviceGraph(model, device, threads=threads)
        self.label = f"graph/{self.graph.device}"
        self.smooth_edges = smooth_edges
        self._suffix = "_half" if half else ""
        self.batch = batch or max(1, min(BATCH, BATCH_PIXELS // (portrait.width * portrait.height)))
        still = inputs.of_portrait(portrait)
        if self.corrector is not None:
            still |= squares.of_portrait(self.corrector)
        self._held = {name: self.graph.hold(array) for name, array in still.items()}

    def prepare(self, placed: Placed) -> Prepared:
        """The processor's part of a frame, before the device's."""
        looked = None if self.corrector is None or placed.pose.is_identity else squares.looked(self.corrector, placed)
        return Prepared(inputs.listed(placed, smooth_edges=self.smooth_edges), looked)

    def draw(self, frames: Sequence[Prepared], passes: Sequence[str]) -> list[Passes]:
        """One run of the graph: frames that `inputs.can_be_drawn`, at least one.

        Returns:
            name → (H, W, channels) each, see `engine.CHANNELS`; float16 Combined and Matte for a renderer of halves.

        Raises:
            DeviceError: mostly, there is not enough memory.
        """
        feeds = inputs.of_frames([frame.seen for frame in frames])
        if self.corrector is not None:
            feeds |= squares.of_frames(self.corrector, [frame.looked for frame in frames if frame.looked is not None])
        others = [name for name in passes if name not in _DRAWN]
        wanted = [f"combined{self._suffix}", f"matte{self._suffix}", *(["drawn_matte"] if others else [])]
        made = self.graph.run({**self._held, **feeds}, wanted)
        shape = (len(frames), self.portrait.height, self.portrait.width, -1)
        combined, matte, *drawn = (array.reshape(shape) for array in made)
        finished: list[Passes] = []
        for k, frame in enumerate(frames):
            whole = {"Combined": combined[k], "Matte": matte[k]}
            if others:
                whole |= self._others(frame, drawn[0][k, ..., 0], others)
            finished.append({name: whole[name] for name in passes})
        return finished

    def _others(self, frame: Prepared, matte: npt.NDArray[np.float32], names: Sequence[str]) -> Passes:
        """The passes that show geometry, by the matte as it was before the networks."""
        band = frame.seen.band
        band.matte = matte
        band.out = {name: np.empty((band.rows, band.width, CHANNELS[name]), np.float32) for name in names}
        with ONE_AT_A_TIME:
            for name in names:
                band.draw(name)
        return dict(band.out)

    def render(self, frames: Sequence[Prepared], passes: Sequence[str]) -> list[Passes | None]:
        """All of these frames, in as many runs as the memory wants; None for those that are the processor's.

        Raises:
            DeviceError: not even one frame can be drawn.
        """
        out: list[Passes | None] = [None] * len(frames)
        left = [k for k, frame in enumerate(frames) if inputs.can_be_drawn(frame.seen)]
        while left:
            now = left[: self.batch]
            try:
                for k, made in zip(now, self.draw([frames[k] for k in now], passes), strict=True):
                    out[k] = made
            except DeviceError:
                if len(now) == 1:
                    raise
                self.batch = len(now) // 2
                continue
            left = left[len(now) :]
        return out

    def stream(self, placed: Iterable[Placed], passes: Sequence[str], report: Report) -> Iterator[Passes | None]:
        """Frame after frame, in order. When the device fails, this is said and the rest, left out, the processor's."""
        source = iter(placed)
        with ThreadPoolExecutor(1, thread_name_prefix="gioconda-seen") as ahead:
            coming = ahead.submit(self._some, source)
            while frames := coming.result():
                coming = ahead.submit(self._some, source)
                try:
                    yield from self.render(frames, passes)
                except DeviceError as error:
                    report(Log(f"The processor renders from here on: {error}"))
                    return

    def _some(self, source: Iterator[Placed]) -> list[Prepared]:
        return [self.prepare(placed) for placed in islice(source, self.batch)]
