"""Few-shot learning measured: `python -m tests.bench.fewshot`, with an interpreter that has PyTorch.

A clip's first frame is the portrait, as in the other measurements. It and frames of the clip's first half teach who it
is; frames of the second half, which nobody has learned from, are re-enacted and judged: geometry alone, the networks as
they ship, and adapted to 1, 4 and 8 pictures. Everything goes the way the product goes: through an identity file.

Writes fewshot.json and fewshot.md; clips that are in fewshot.json for the same networks are not measured again.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gioconda.face.nets import Nets
from gioconda.models import model_path
from gioconda.models.onnx_weights import changeable
from gioconda.models.registry import models_folder
from gioconda.neural.choice import files
from gioconda.neural.corrector import CorrectionNets, Corrector
from gioconda.neural.person import About, Person, load_person, save_person

from . import metrics, networks, product
from .clips import Clip
from .report import Column, Goal, print_goals, print_table, read_json, write_json

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ROOT.parent / "shared" / "data" / "clips"
SHOTS = (1, 4, 8)
GEOMETRY, PLAIN = "geometry", "0 pictures"
COLUMNS = (
    Column("psnr_mouth", "mouth dB"),
    Column("psnr_eyes", "eyes dB"),
    Column("psnr_hair_body", "hair+body"),
    Column("psnr", "whole dB"),
    Column("akd", "AKD %"),
    Column("akd_mouth", "mouth"),
    Column("akd_eyes", "eyes"),
    Column("steps", "steps", 0),
    Column("seconds", "seconds", 0),
    Column("kilobytes", "kB", 0),
)
Figures = dict[str, float]


@dataclass(frozen=True)
class Learned:
    """A person's networks, and what they cost: seconds of this process's own time, size of the file."""

    corrector: Corrector
    cost: Figures


def main() -> int:
    """Measures what is not measured yet. The exit status says whether it ran, not whether goals were met."""
    arguments = parser().parse_args()
    if importlib.util.find_spec("torch") is None:
        print("SKIPPED few-shot learning: this interpreter has no PyTorch (pip install gioconda[train])")
        return 0
    product.use_one_thread()
    import torch

    torch.set_num_threads(1)
    models = arguments.models
    if arguments.networks:
        models = networks.folder_with(arguments.networks, models, arguments.out / "models")
    found = sorted(arguments.data.glob("*.mp4"), key=lambda path: (len(path.stem), path.stem))
    wanted = [name for name in arguments.clips.split(",") if name]
    settings = {"frames": arguments.frames, "networks": dict(networks.hashes(models))}
    report = read_json(arguments.out / "fewshot.json")
    if report.get("settings") != settings:
        report = {"settings": settings, "clips": {}}
    nets = product.open_nets(models, threads=1)
    for path in found:
        if path.stem in report["clips"] or (wanted and path.stem not in wanted):
            continue
        report["clips"][path.stem] = measure(product.load_clip(path, nets), nets, models, arguments.frames)
        write_json(arguments.out / "fewshot.json", report)
        show(report["clips"], [path.stem])
    if report["clips"]:
        report["goals"] = conclude(report["clips"], len(found), arguments.out)
        write_json(arguments.out / "fewshot.json", report)
    else:
        print(f"SKIPPED few-shot learning: no clips in {arguments.data}")
    return 0


def measure(clip: Clip, nets: Nets, models: Path, frames: int) -> dict[str, Figures]:
    """Engine → figures, means over the judged frames of one clip."""
    animated, half = product.Animated(clip, models), len(clip.frames) // 2
    portrait = animated.opened.portrait
    plain = CorrectionNets.from_files(*files("fast", models_folder(models)), "cpu", threads=1)
    engines: dict[str, Learned] = {
        PLAIN: Learned(Corrector(plain, portrait), {}),
        **{f"{count} picture{'s' * (count > 1)}": taught(clip, animated, nets, models, count, half) for count in SHOTS},
    }
    looking, rows = product.Looking(nets), dict[str, list[Figures]]()
    for index in np.linspace(half + 1, len(clip.frames) - 1, frames).round().astype(int):
        target = clip.frames[index]
        plain, matte = animated.frame(int(index))
        regions = metrics.region_masks(clip.landmarks[index], matte)
        wanted, reach = looking.landmarks(target), metrics.interocular(clip.landmarks[index])
        pictures = {name: animated.corrected_by(each.corrector, int(index)) for name, each in engines.items()}
        for name, picture in {GEOMETRY: plain, **pictures}.items():
            row = metrics.compare(target, picture, regions)
            seen = looking.landmarks(picture)
            if wanted is not None and seen is not None:
                row |= metrics.landmark_distance(wanted, seen, reach)
            rows.setdefault(name, []).append(row)
    keys = [column.key for column in COLUMNS if not column.key.startswith(("steps", "seconds", "kilobytes"))]
    figures = {name: {key: metrics.mean(each, key) for key in keys} for name, each in rows.items()}
    return {name: each | (engines[name].cost if name in engines else {}) for name, each in figures.items()}


def taught(clip: Clip, animated: product.Animated, nets: Nets, models: Path, count: int, half: int) -> Learned:
    """Networks adapted to the first frame and others of the first half, evenly spread."""
    from gioconda.training.export import parts_of_onnx
    from gioconda.training.pairs import portrait_in
    from gioconda.training.personalise import personalise

    person, frame = (model_path(name, models) for name in ("neural_fast_person", "neural_fast"))
    chosen = np.linspace(0, half - 1, count).round().astype(int)
    began = time.process_time()
    portraits = [portrait_in(clip.frames[index], nets) for index in chosen]
    found = personalise(portraits, parts_of_onnx(person, frame), changeable=changeable(frame))
    seconds = time.process_time() - began
    with tempfile.TemporaryDirectory(prefix="gioconda-bench-") as folder:
        path = Path(folder) / "identity.npz"
        save_person(path, Person(found.embedding, found.changes), About("bench", ()))
        person, size = load_person(path, network="bench"), path.stat().st_size
    adapted = CorrectionNets.from_files(*files("fast", models_folder(models)), "cpu", threads=1, known=person)
    corrector = Corrector(adapted, animated.opened.portrait, embedding=person.embedding)
    return Learned(corrector, {"steps": float(found.steps), "seconds": seconds, "kilobytes": size / 1024})


def show(clips: Mapping[str, Mapping[str, Figures]], names: Sequence[str]) -> None:
    """The figures of some clips."""
    rows = [{"clip": name, "engine": engine} | each for name in names for engine, each in clips[name].items()]
    print_table(COLUMNS, rows, labels=("clip", "engine"))


def conclude(clips: Mapping[str, Mapping[str, Figures]], of: int, out: Path) -> list[dict[str, Any]]:
    """Prints the means over clips and what should hold; writes the tables as Markdown. Returns the goals."""
    mean = means(clips)
    rows: list[dict[str, Any]] = [{"engine": name} | each for name, each in mean.items()]
    print(f"\nMean of {len(clips)} of {of} clips")
    print_table(COLUMNS, rows, labels=("engine",))
    found = goals(mean)
    print_goals(found)
    lines = [f"Mean of {len(clips)} of {of} clips, frames of their second halves.", "", *table(("engine",), rows), ""]
    every = [{"clip": clip, "engine": name} | each for clip, one in clips.items() for name, each in one.items()]
    (out / "fewshot.md").write_text("\n".join([*lines, *table(("clip", "engine"), every), ""]), encoding="utf-8")
    return [{"what": goal.what, "value": goal.value, "met": goal.met} for goal in found]


def means(clips: Mapping[str, Mapping[str, Figures]]) -> dict[str, Figures]:
    """Engine → figures, each clip counting the same."""
    engines = next(iter(clips.values()))
    keys = [column.key for column in COLUMNS]
    return {name: {key: metrics.mean((clip[name] for clip in clips.values()), key) for key in keys} for name in engines}


def goals(mean: Mapping[str, Figures]) -> list[Goal]:
    """Personalised is better than not, more pictures are better, expressions do not freeze."""
    names = [PLAIN, *(name for name in mean if name not in (GEOMETRY, PLAIN))]
    found = []
    for key, words in (("psnr_mouth", "mouth"), ("psnr_eyes", "eyes"), ("psnr", "whole picture")):
        for fewer, more in zip(names, names[1:], strict=False):
            found.append(
                Goal(f"{words}: dB gained, {fewer} → {more}", mean[more][key] - mean[fewer][key], at_least=0.0)
            )
    found += [
        Goal(f"AKD: more of it than {PLAIN}, {name}, %", mean[name]["akd"] - mean[PLAIN]["akd"], at_most=0.0)
        for name in names[1:]
    ]
    return found


def table(labels: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown."""
    heads = [*labels, *(column.heading for column in COLUMNS)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        cells = [str(row[name]) for name in labels]
        for column in COLUMNS:
            value = row.get(column.key)
            cells.append("" if value is None or np.isnan(value) else f"{value:.{column.digits}f}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def parser() -> argparse.ArgumentParser:
    """The command's words."""
    words = argparse.ArgumentParser("python -m tests.bench.fewshot", description=__doc__.split("\n")[0])
    words.add_argument("--clips", default="", metavar="d0,d3", help="only these")
    words.add_argument("--frames", type=int, default=12, metavar="N", help="judged frames of a clip (default: 12)")
    words.add_argument("--networks", type=Path, metavar="FOLDER", help="exported networks in the place of the shipped")
    words.add_argument("--data", type=Path, default=CLIPS, metavar="FOLDER", help="the clips (default: %(default)s)")
    words.add_argument("--models", type=Path, default=ROOT / "onnx_models", metavar="FOLDER", help="the ONNX nets")
    words.add_argument("--out", type=Path, default=ROOT / "out" / "fewshot", metavar="FOLDER", help="report and table")
    return words


if __name__ == "__main__":
    sys.exit(main())
