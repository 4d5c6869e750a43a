"""Which networks correct a job's frames. “auto” is resolved once, before anything is rendered, planned or handed on.

Every frame of a sequence must come from the same networks, whichever machine renders it and whenever: the answer takes
the place of “auto” in the job, and with it in headers, manifests and hashes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import GiocondaError, ModelError, SettingsError
from ..job.job import Job
from ..models.registry import Model, load_registry, model_path, models_folder
from ..worker.messages import Log, Report

AUTO, OFF = "auto", "off"
QUALITIES = ("fast", "full")


def resolved(job: Job, report: Report) -> Job:
    """The job with “auto” replaced by the best that this machine serves well.

    With a person file, the networks it was made for. Else `full` where its files are there and a graphics card took
    them; else `fast`; else “off”, which is logged. An external engine takes the networks' place.

    Raises:
        ModelError: models.yaml is missing or broken, the person file was made for networks that are not here.
        InputError: the person file cannot be read.
        SettingsError: the job names networks and somebody else's engine.
    """
    if job.engine is not None and job.neural in QUALITIES:
        raise SettingsError("--engine and --neural paint the same pixels: use one of them.")
    if job.engine is not None:
        return replace(job, neural=OFF)
    if job.neural != AUTO:
        return job
    folder = models_folder(job.models)
    if job.identity is not None:
        return replace(job, neural=_made_for(Path(job.identity), folder))
    if is_there("full", folder) and _on_a_graphics_card(folder, job.device):
        return replace(job, neural="full")
    if is_there("fast", folder):
        return replace(job, neural="fast")
    report(Log(f"Frames are not corrected: the networks for it are not in {folder}."))
    return replace(job, neural=OFF)


def names(quality: str) -> tuple[str, str]:
    """How models.yaml calls the networks of a quality: the one that embeds the person, the one that corrects."""
    return f"neural_{quality}_person", f"neural_{quality}"


def is_there(quality: str, folder: Path) -> bool:
    """Whether models.yaml knows both networks of a quality and their files are in the folder. Raises: ModelError."""
    models = load_registry(folder)
    return all(name in models and (folder / models[name].file).is_file() for name in names(quality))


def files(quality: str, folder: Path) -> tuple[Path, Path]:
    """The files of both networks, after making sure that they are the expected ones.

    Raises: ModelError: they are not there, or others.
    """
    if not is_there(quality, folder):
        others = [other for other in QUALITIES if other != quality and is_there(other, folder)]
        raise ModelError(
            f"The “{quality}” networks are not in {folder}: put {names(quality)[1]}.onnx and {names(quality)[0]}.onnx "
            f"there, or use --neural {' or '.join([AUTO, *others, OFF])}."
        )
    person, frame = (model_path(name, folder) for name in names(quality))
    return person, frame


def used_models(job: Job) -> dict[str, Model]:
    """The networks that a resolved job's frames depend on: all but the corrections of qualities it does not ask for.

    Raises: ModelError: models.yaml is missing or broken.
    """
    models = load_registry(job.models)
    others = [name for quality in QUALITIES if quality != job.neural for name in names(quality)]
    return {name: model for name, model in models.items() if name not in others}


def _made_for(person_file: Path, folder: Path) -> str:
    """The quality that a person file belongs to. Raises: InputError, ModelError."""
    from .person import network_of

    network, models = network_of(person_file), load_registry(folder)
    for quality in QUALITIES:
        name = names(quality)[1]
        if name in models and models[name].sha256 == network:
            return quality
    raise ModelError(
        f"The identity {person_file} was made for other networks: make it anew with `gioconda personalise`."
    )


def _on_a_graphics_card(folder: Path, device: str) -> bool:
    """Whether the full network really opens on something faster than the processor."""
    if device == "cpu":
        return False
    from ..models.runtime import Session  # ONNX Runtime: only where there is something to try

    path = model_path(names("full")[1], folder)
    try:
        return Session(path, device).device != "cpu"
    except GiocondaError:
        return False
