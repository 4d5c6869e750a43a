"""Whether a job's frames are drawn by a graph on a graphics card, and by which. Imports nothing heavy until then."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..engine import Portrait
from ..errors import GiocondaError
from ..job.job import Job
from ..models.registry import models_folder
from ..neural.choice import files
from ..neural.corrector import Corrector, person_of
from ..worker.messages import Log, Report

if TYPE_CHECKING:
    from onnx import ModelProto

    from .renderer import Renderer


def open_renderer(job: Job, portrait: Portrait, corrector: Corrector | None, report: Report) -> Renderer | None:
    """The renderer of a job's frames, where there is a card for it; None: the processor renders.

    For a job that leaves the device open, only where a trial on this machine found the card faster, see `trial`. Why it
    cannot be opened is logged and is no reason to stop.
    """
    from .device import graphics_device

    device = graphics_device(job.device)
    if device is None:
        return None
    if corrector is not None and find_spec("onnx") is None:
        report(
            Log("The processor renders: the package onnx, which puts networks into a card's graph, is not installed.")
        )
        return None
    from . import trial
    from .renderer import Renderer

    try:
        name, known = "", None
        if job.device == "auto":
            name = trial.key(device, portrait.width * portrait.height, job.neural, job.threads)
            known = trial.kept().get(name)
            if known is not None and not known.faster:
                report(Log(f"The processor renders ({known})."))
                return None
        network = None if corrector is None else _network(job)
        renderer = Renderer(
            portrait,
            device,
            corrector=corrector,
            network=network,
            half=not job.full_float,
            smooth_edges=not job.draft,
            threads=job.threads,
        )
        if job.device == "auto" and known is None:
            report(Log(f"Whether {device} is faster than the processor is tried, once on this machine."))
            known = trial.measured(renderer, portrait, corrector, job.neural)
            trial.keep(name, known)
            if not known.faster:
                report(Log(f"The processor renders ({known})."))
                return None
    except GiocondaError as error:
        report(Log(f"The processor renders: {error}"))
        return None
    report(Log(f"Frames are rendered on {renderer.graph.device}, {renderer.batch} at a time."))
    return renderer


def _network(job: Job) -> ModelProto:
    """The network that corrects frames, changed by the job's person file. Raises: ModelError, InputError."""
    from .frame_graph import read_network

    folder = models_folder(job.models)
    person = person_of(job)
    return read_network(files(job.neural, folder)[1], person.changes if person else None)
