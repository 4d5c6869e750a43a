"""Renders frames of one portrait with the graph of whole frames, batch by batch.

    renderer = Renderer(portrait, "cuda", corrector=corrector, network=read_network(path))
    for passes in renderer.stream(poses, ("Combined", "Matte", "UV"), report):
        ...   # name → (H, W, C) float32; None: this frame is the processor's

The processor looks which triangle is seen where, for the next batch while the device draws this one, and draws the
passes that show geometry. At the identity pose, and where there is no person in the picture, there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ..arrays import Floating
from ..engine import Portrait, PosedPortrait
from ..engine.apply_kernels import warp_pass
from ..engine.frame import Band, write_foreground
from ..errors import DeviceError
from ..job.passes import PASSES, SURFACE_PASSES
from ..machine import cores
from ..neural.apply import pixel_steps
from ..neural.corrector import Corrector
from ..worker.messages import Log, Report
from . import crops, inputs
from .device import STORAGE_LIMIT, DeviceGraph
from .stored_graphs import stored_graph

if TYPE_CHECKING:
    import onnx

Passes = dict[str, Floating]

BATCH_PIXELS = 16_800_000  # at most in one run: four frames of 2048²
BATCH = 8
WORKERS = 4  # more wait for each other: the kernels take turns, and use all cores
_PIXEL_BYTES = 16  # of the largest tensor of a frame: four channels, float32
_DRAWN = ("Combined", "Matte")


@dataclass(frozen=True)
class Prepared:
    """A frame as far as the processor takes it."""

    lists: inputs.FrameLists
    crops: crops.FrameCrops | None


class Renderer:
    """A portrait on a device.

    Attributes:
        label: what frames say they were rendered by.
        batch: frames in one run at most; becomes less when the device's memory does not suffice.
        workers: threads that do the processor's part.
    """

    def __init__(
        self,
        portrait: Portrait,
        device: str,
        *,
        corrector: Corrector | None = None,
        network: onnx.ModelProto | None = None,
        half: bool = False,
        smooth_edges: bool = True,
        batch: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Build the graph, open it, upload the portrait.

        Args:
            device: “cuda”, “webgpu” or “cpu”, see `device.graphics_device`.
            corrector: of the portrait; network: the one that corrects each frame, of `frame_graph.read_network`.
            half: colours and matte come back in half precision, held within its range: half the way to go. Not on
                WebGPU, whose devices need not have it.
            batch: frames in one run at most.

        Raises: DeviceError, ModelError.
        """
        pixels = portrait.width * portrait.height
        if device == "webgpu" and pixels * _PIXEL_BYTES > STORAGE_LIMIT:
            raise DeviceError(f"A frame of {portrait.width} × {portrait.height} is too large for one buffer of WebGPU.")
        half = half and device != "webgpu"
        model = stored_graph(half) if network is None or corrector is None else _with_network(network, half)
        self.portrait, self.corrector = portrait, corrector if network is not None else None
        self.graph = DeviceGraph(model, device, threads=threads)
        self.label = f"graph/{self.graph.device}"
        self.smooth_edges, self.workers = smooth_edges, min(threads or cores(), WORKERS)
        self._suffix = "_half" if half else ""
        self.batch = batch or max(1, min(BATCH, BATCH_PIXELS // pixels))
        if device == "webgpu":
            self.batch = min(self.batch, STORAGE_LIMIT // (pixels * _PIXEL_BYTES))
        still = inputs.portrait_inputs(portrait)
        if self.corrector is not None:
            still |= crops.portrait_inputs(self.corrector)
        self._portrait_inputs = {name: self.graph.hold(array) for name, array in still.items()}

    def prepare(self, posed: PosedPortrait) -> Prepared:
        """The processor's part of a frame, before the device's."""
        measured = None if self.corrector is None or posed.pose.is_identity else crops.measure(self.corrector, posed)
        return Prepared(inputs.list_frame(posed, smooth_edges=self.smooth_edges), measured)

    def draw(self, frames: Sequence[Prepared], passes: Sequence[str]) -> list[Passes]:
        """One run of the graph: frames that `inputs.can_be_drawn`, at least one.

        Returns:
            name → (H, W, channels) each, see `passes.PASSES`; float16 Combined and Matte for a renderer of halves.

        Raises: DeviceError: mostly, there is not enough memory.
        """
        changing = inputs.frame_inputs([frame.lists for frame in frames])
        if self.corrector is not None:
            changing |= crops.frame_inputs(self.corrector, [frame.crops for frame in frames if frame.crops is not None])
        others = [name for name in passes if name not in (*_DRAWN, "Foreground")]
        following = self.corrector is not None and any(name in SURFACE_PASSES for name in others)
        wanted = [f"combined{self._suffix}", f"matte{self._suffix}"]
        wanted += ["drawn_matte", "hull_shown"] * bool(others) + ["moves"] * following
        made = self.graph.run({**self._portrait_inputs, **changing}, wanted)
        each = [array.reshape(len(frames), -1, array.shape[1]) for array in made]
        return [self._finished(frame, [array[k] for array in each], passes) for k, frame in enumerate(frames)]

    def _finished(self, frame: Prepared, made: list[Floating], passes: Sequence[str]) -> Passes:
        """The passes of one frame, from what the device made and, for those that show geometry, the processor."""
        size = (self.portrait.height, self.portrait.width)
        whole = {"Combined": made[0].reshape(*size, 4), "Matte": made[1].reshape(*size, 1)}
        if len(made) > 2:
            band, others = frame.lists.band, [name for name in passes if name not in (*_DRAWN, "Foreground")]
            drawn = self._drawn(band, made[2].reshape(size), made[3].reshape(size), others)
            whole |= drawn if len(made) == 4 else self._followed(drawn, made[4])
        if "Foreground" in passes:
            combined, matte = (np.asarray(whole[name], np.float32) for name in _DRAWN)
            whole["Foreground"] = np.empty_like(combined)
            write_foreground(self.portrait, 0, combined, matte[..., 0], whole["Foreground"])
        return {name: whole[name] for name in passes}

    def _drawn(self, band: Band, matte: Floating, hull_shown: Floating, names: Sequence[str]) -> Passes:
        """The passes that show geometry, by the matte as it was before the networks."""
        band.matte = np.asarray(matte, np.float32)
        if band.hull is not None:
            band.hull.shown = np.ascontiguousarray(hull_shown[band.hull.rows, band.hull.columns], np.float32)
        band.out = {name: np.empty((band.rows, band.width, PASSES[name].count), np.float32) for name in names}
        for name in names:
            band.draw(name)
        return dict(band.out)

    def _followed(self, drawn: Passes, box_moves: Floating) -> Passes:
        """Those of them that say something of a surface, from where the networks' flow takes its colour."""
        if self.corrector is None or not box_moves.any():
            return drawn
        x0, y0, x1, y1 = self.corrector.box
        moves = np.zeros((self.portrait.height, self.portrait.width, 2), np.float32)
        moves[y0:y1, x0:x1] = box_moves.reshape(y1 - y0, x1 - x0, 2)
        made = dict(drawn)
        for name in drawn.keys() & set(SURFACE_PASSES):
            made[name] = drawn[name].copy()
            steps = pixel_steps(self.portrait, name)
            warp_pass(drawn[name], 0, self.portrait.height, moves, 0, steps, made[name])
        return made

    def render(self, frames: Sequence[Prepared], passes: Sequence[str]) -> list[Passes | None]:
        """All of these frames, in as many runs as the memory wants; None for those that are the processor's.

        Raises: DeviceError: not even one frame can be drawn.
        """
        out: list[Passes | None] = [None] * len(frames)
        left = [k for k, frame in enumerate(frames) if inputs.can_be_drawn(frame.lists)]
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

    def stream(
        self, poses: Iterable[Callable[[], PosedPortrait]], passes: Sequence[str], report: Report
    ) -> Iterator[Passes | None]:
        """Frame after frame, in order. When the device fails, it is logged and ends; the rest is the processor's.

        poses: make the portrait in its pose, each on any thread.
        """
        source = iter(poses)
        with (
            ThreadPoolExecutor(self.workers, thread_name_prefix="gioconda-lists") as workers,
            ThreadPoolExecutor(1, thread_name_prefix="gioconda-ahead") as ahead,
        ):

            def some() -> list[Prepared]:
                return list(workers.map(lambda pose: self.prepare(pose()), islice(source, self.batch)))

            coming = ahead.submit(some)
            while frames := coming.result():
                coming = ahead.submit(some)
                try:
                    yield from self.render(frames, passes)
                except DeviceError as error:
                    report(Log(f"The processor renders from here on: {error}"))
                    return


def _with_network(network: onnx.ModelProto, half: bool) -> bytes:
    """The graph with a network in it. Raises: ModelError."""
    from .frame_graph import frame_graph  # the package onnx: only where there is a network to put in

    return frame_graph(network, half=half)
