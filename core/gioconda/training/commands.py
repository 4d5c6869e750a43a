"""`gioconda train …` and `gioconda personalise …`: from the command line's words to the functions that do the work."""

from __future__ import annotations

import argparse
import hashlib
import logging
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml

from ..errors import InputError, SettingsError
from ..face.nets import Nets
from ..files import file_sha256
from ..models.onnx_weights import changeable
from ..models.registry import models_folder
from ..neural.choice import files
from ..neural.person import About, Person, save_person
from ..render.open_portrait import open_nets
from ..worker.messages import Log, Progress, Report, Result, Stage, Warn
from .export import export, load_parts, parts_of_onnx
from .fast import PARTS
from .objectives import PRESETS, PartTraining
from .pairs import PairSettings, make_pairs, make_pairs_in_processes, portrait_in
from .paper.networks import PaperConfig
from .paper.train import PaperTraining, train_paper
from .personalise import personalise
from .references import ALIKE, pictures_of, unlike
from .rendered.pairs import RenderedSettings, make_rendered_in_processes
from .sources import Source, find_sources
from .train import train_part
from .variants import SIDES

Arguments = argparse.Namespace
Training = TypeVar("Training", PartTraining, PaperTraining)


def train(arguments: Arguments, report: Report) -> None:
    """One of: pairs, rendered, fast, full, paper, export."""
    logging.getLogger("gioconda.training").addHandler(_ToReport(report))
    logging.getLogger("gioconda.training").setLevel(logging.INFO)
    actions = {"pairs": _pairs, "rendered": _rendered, "fast": _part, "full": _part, "paper": _paper, "export": _export}
    actions[arguments.action](arguments, report)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _given(arguments: Arguments) -> dict[str, Any]:
    """The settings that are options of their own, where they are given."""
    return {name: value for name in ("steps", "threads") if (value := getattr(arguments, name)) is not None}


def _sources(arguments: Arguments) -> list[Source]:
    return [s for s in find_sources(Path(arguments.input)) if s.name.startswith(arguments.only or "")]


def _pairs(arguments: Arguments, report: Report) -> None:
    sources = _sources(arguments)
    if not sources:
        raise InputError(f"There is nothing to learn from in {arguments.input}: it should hold clips, congress, …")
    models, out = _path(arguments.models), Path(arguments.output)
    settings = PairSettings(sizes=SIDES[arguments.quality])
    if arguments.workers > 1:
        make_pairs_in_processes(sources, models, out, settings, arguments.workers)
    else:
        make_pairs(sources, Nets.open(models, "cpu", threads=arguments.threads), out, settings)
    text = f"Pairs of {len(sources)} files: {arguments.output}"
    report(Result("train", {"sources": len(sources), "output": arguments.output, "text": text}))


def _rendered(arguments: Arguments, report: Report) -> None:
    if not arguments.head:
        raise InputError("Rendered pairs need ICT-FaceKit's morphable head: give its packed file with --head.")
    sources = _sources(arguments)
    models, out = _path(arguments.models), Path(arguments.output)
    settings = RenderedSettings(sizes=SIDES[arguments.quality], most=arguments.most or 0)
    made = make_rendered_in_processes(sources, Path(arguments.head), models, out, settings, arguments.workers)
    if not made:
        raise InputError(f"There is no still in {arguments.input} that serves: colour, frontal, without glasses.")
    text = f"Rendered pairs of {made} stills: {arguments.output}"
    report(Result("train", {"stills": made, "output": arguments.output, "text": text}))


def _part(arguments: Arguments, report: Report) -> None:
    config = replace(load_config(_path(arguments.config), PartTraining, PRESETS[arguments.action]), **_given(arguments))
    figures = {}
    for part in (arguments.part,) if arguments.part else PARTS:
        whole = replace(config, part=part)
        figures[part] = train_part(Path(arguments.input), Path(arguments.output), whole, minutes=arguments.minutes)
    text = "; ".join(f"{part}: {f.get('gain_db', 0):+.2f} dB" for part, f in figures.items())
    report(Result("train", {"held_out": figures, "output": arguments.output, "text": f"On held-out people {text}"}))


def _paper(arguments: Arguments, report: Report) -> None:
    config = load_config(_path(arguments.config), PaperTraining)
    model = PaperConfig(condition=arguments.condition).narrower(arguments.width)
    figures = train_paper(
        Path(arguments.input),
        Path(arguments.output),
        replace(config, model=model, **_given(arguments)),
        minutes=arguments.minutes,
        nets=lambda: Nets.open(_path(arguments.models), "cpu", threads=arguments.threads),
    )
    report(Result("train", {"figures": figures, "output": arguments.output, "text": f"In {arguments.output}"}))


def _export(arguments: Arguments, report: Report) -> None:
    quality, parts, about = load_parts(Path(arguments.input))
    paths = export(quality, parts, Path(arguments.output))
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    steps = ", ".join(f"{part} {one['step']}" for part, one in about.items())
    text = "\n".join([f"Steps: {steps}", *(f"{name}: {digest}" for name, digest in hashes.items())])
    report(Result("train", {"files": [str(path) for path in paths], "sha256": hashes, "text": text}))


def personalise_command(arguments: Arguments, report: Report) -> None:
    """Pictures of one person → an identity file."""
    folder = models_folder(arguments.models)
    person, frame = files("fast", folder)
    nets = open_nets(arguments.models, "cpu", arguments.threads, report)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    portraits = []
    for path in arguments.portraits:
        for srgb in pictures_of(path, arguments.models, report):
            portraits.append(portrait_in(srgb, nets))
    if len(portraits) > 1 and (apart := unlike(portraits)) < ALIKE:
        report(
            Warn(
                f"The {len(portraits)} pictures are too alike to teach much: no face differs from another by more than "
                f"{100 * apart:.1f} % of the distance between the eyes. Add other expressions and turns of the head."
            )
        )
    report(Stage("learn", f"Learning from {len(portraits)} pictures"))
    found = personalise(
        portraits,
        parts_of_onnx(person, frame),
        changeable=changeable(frame),
        told=lambda done, total: report(Progress(done, total)),
    )
    hashes = tuple(file_sha256(path) for path in arguments.portraits)
    about = About(file_sha256(str(frame)), hashes, found.steps, found.before, found.after)
    save_person(Path(arguments.output), Person(found.embedding, found.changes), about)
    text = f"{len(portraits)} pictures, {found.steps} steps, error {found.before:.3f} → {found.after:.3f}"
    if len(portraits) == 1:
        text = "One picture shows the networks nothing new: add three to seven of the person with other expressions"
    report(Result("personalise", {**vars(about), "output": arguments.output, "text": f"{text}: {arguments.output}"}))


def load_config(path: Path | None, kind: type[Training], preset: Training | None = None) -> Training:
    """The settings of a YAML file; what it does not name keeps its default, or the preset's value.

    Raises:
        InputError: it cannot be read. SettingsError: a setting that does not exist.
    """
    settings = kind() if preset is None else preset
    if path is None:
        return settings
    try:
        values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"The training settings {path} cannot be read: {error}.") from error
    if isinstance(settings, PartTraining) and isinstance(values.get("draw"), dict):
        values["draw"] = _changed(settings.draw, values["draw"], path)
    changed: Training = _changed(settings, values, path)
    return changed


def _changed(settings: Any, values: dict[str, Any], path: Path) -> Any:
    """Settings with some others. Raises: SettingsError."""
    known = {field.name for field in fields(settings)} - {"model", "quality"}
    for name in values:
        if name not in known:
            raise SettingsError(f"{path}: there is no training setting “{name}”; there are {', '.join(sorted(known))}.")
    return replace(settings, **values)


class _ToReport(logging.Handler):
    """Training's log lines as messages."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report

    def emit(self, record: logging.LogRecord) -> None:
        self.report(Log(record.getMessage()))
