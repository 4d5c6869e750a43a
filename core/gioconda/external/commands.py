"""`gioconda engines`: which there are, pin the files in a folder, check that they work."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from ..landmarks import template
from ..worker.messages import Report, Stage
from .catalogue import LICENCE, NAME, NETWORKS, PAPER, PUBLISHED
from .folder import FILE, Notice, pin, provenance_of, read_notice


def engines(arguments: argparse.Namespace, report: Report) -> dict[str, Any]:
    """Returns the result's data. Raises: ModelError, DeviceError, OutputError."""
    actions = {"list": _list, "pin": _pin, "check": _check}
    return actions[arguments.action](arguments, report)


def _list(arguments: argparse.Namespace, report: Report) -> dict[str, Any]:
    files = [net.file for net in NETWORKS]
    data = {"files": files, "published": PUBLISHED, "licence": LICENCE, "paper": PAPER}
    lines = [f"{NAME}: {PAPER}", f"  files: {', '.join(files)}", f"  published: {PUBLISHED}", f"  licence: {LICENCE}"]
    return {"engines": {NAME: data}, "text": "\n".join(lines)}


def _pin(arguments: argparse.Namespace, report: Report) -> dict[str, Any]:
    folder = _folder(arguments)
    notice = pin(folder, licence=arguments.licence or "", source=arguments.source or "", engine=arguments.name)
    return _described(notice, [f"Wrote {folder / FILE}: files that differ from now on are refused."])


def _check(arguments: argparse.Namespace, report: Report) -> dict[str, Any]:
    from .liveportrait import LivePortrait  # needs ONNX Runtime, which the other actions do not

    folder = _folder(arguments)
    report(Stage("engine", f"Opening the engine in {folder}"))
    engine = LivePortrait.open(folder, arguments.device)
    side = engine.crop(template()).size
    picture = np.full((side, side, 3), 0.5, np.float32)
    prepared = engine.prepare(picture)
    prepared.frame(picture)
    started = time.perf_counter()
    prepared.frame(picture)
    seconds = round(time.perf_counter() - started, 3)
    works = f"It works: {seconds:.2f} s for a frame's networks on {engine.device}."
    return _described(read_notice(folder), [works]) | {"device": engine.device, "seconds": seconds}


def _folder(arguments: argparse.Namespace) -> Path:
    if arguments.folder is None:
        raise ModelError(f"Say in which folder the files are: gioconda engines {arguments.action} FOLDER.")
    return Path(arguments.folder)


def _described(notice: Notice, lines: list[str]) -> dict[str, Any]:
    who = provenance_of(notice)
    for file, somebody in who.items():
        lines.append(f"  {file}: {f'the file in {somebody}' if somebody else 'no file that this version knows of'}")
    lines += [f"Source: {notice.source}", f"Licence, as {FILE} states it: {notice.licence}"]
    lines += [f"Licence, as published: {LICENCE}"]
    return {**notice.plain(), "known": who, "text": "\n".join(lines)}
