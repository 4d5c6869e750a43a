"""One clip judged for the neural part: its first frame driven by its own face, without and with networks.

Everything of a clip is rendered and looked at in one process, on one thread. The paper's networks need PyTorch: they
run in an interpreter that has it, see `paper_child`.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from gioconda.errors import GiocondaError

from . import metrics, product, splits
from .clips import SIZE, Clip
from .metrics import Bytes
from .neural_table import GEOMETRY
from .product import Animated, Looking
from .reenactment import FLICKER_FRAMES, Row

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Paper:
    """How the paper's networks are asked.

    Attributes:
        run: folder of `gioconda train paper … --condition landmarks`.
        python: an interpreter with PyTorch.
        tune: steps of few-shot learning on the first frame.
    """

    run: Path
    python: str
    tune: int = 0


@dataclass(frozen=True)
class Task:
    """One clip to judge, in a form that crosses to another process.

    Attributes:
        networks: which of "fast", "full".
        step, most: every `step`-th frame after the first, at most `most`.
        cache: where tracked clips and prepared portraits are kept.
    """

    path: Path
    models: Path
    networks: tuple[str, ...]
    step: int
    most: int
    cache: Path
    paper: Paper | None = None
    sheet: Path | None = None


@dataclass
class Judged:
    """A clip's figures, see `neural_table`."""

    rows: list[Row] = field(default_factory=list)
    flicker: dict[str, float] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def judge_task(task: Task) -> Judged | str:
    """Why it cannot be judged, where it cannot."""
    try:
        return _judged(task)
    except subprocess.CalledProcessError as error:
        return f"the paper's networks: {(error.stderr.strip().splitlines() or [str(error)])[-1]}"
    except GiocondaError as error:
        return str(error)


def _judged(task: Task) -> Judged:
    began = time.monotonic()
    product.use_one_thread()
    nets = product.open_nets(task.models, threads=1)
    clip = product.load_clip(task.path, nets, cache=task.cache)
    animated = Animated(clip, task.models, cache=task.cache)
    correctors = {name: animated.corrector_of(name, task.models) for name in task.networks}
    chosen = clip.chosen(task.step, task.most)
    steady = [i for i in FLICKER_FRAMES if i < len(clip.frames)]
    painted = painted_frames(clip, sorted({*chosen, *steady}), task.paper) if task.paper else {}
    looking, judged = Looking(nets), Judged()
    found = {"static": looking.landmarks(clip.frames[0])}
    shown: list[dict[str, Bytes]] = []
    for frame in chosen:
        picture, matte = animated.frame(frame)
        outputs = {"static": clip.frames[0], GEOMETRY: picture}
        outputs |= {name: animated.corrected_by(corrector, frame) for name, corrector in correctors.items()}
        outputs |= {"paper": painted[frame]} if painted else {}
        regions = metrics.region_masks(clip.landmarks[frame], matte)
        person = looking.person(clip.frames[frame], clip.landmarks[frame])
        regions["person"] = metrics.region_masks(clip.landmarks[frame], person)["hair_body"]
        judged.rows += _rows(clip, frame, outputs, regions, looking, found)
        shown.append({"target": clip.frames[frame], **outputs})
    pictures = {"clip": [clip.frames[i] for i in steady], GEOMETRY: [animated.frame(i)[0] for i in steady]}
    pictures |= {name: [animated.corrected_by(c, i) for i in steady] for name, c in correctors.items()}
    pictures |= {"paper": [painted[i] for i in steady]} if painted else {}
    inside = metrics.steady_face(clip.landmarks[0], SIZE, SIZE)
    judged.flicker = {name: metrics.flicker(frames, inside) for name, frames in pictures.items()}
    judged.changed = {name: animated.changed_at_rest(corrector) for name, corrector in correctors.items()}
    if task.sheet:
        write_sheet(task.sheet, shown)
    judged.seconds = time.monotonic() - began
    return judged


def _rows(
    clip: Clip,
    frame: int,
    outputs: Mapping[str, Bytes],
    regions: Mapping[str, metrics.Mask],
    looking: Looking,
    known: Mapping[str, metrics.Points | None],
) -> list[Row]:
    """A row an engine. known: landmarks that need not be looked for again."""
    target, reach = clip.frames[frame], metrics.interocular(clip.landmarks[frame])
    wanted = looking.landmarks(target)
    steady = looking.steady(target, wanted) if wanted is not None else None
    told = splits.described(clip.landmarks[frame], clip.landmarks[0], clip.turned(frame))
    rows = []
    for name, picture in outputs.items():
        row: Row = {"clip": clip.name, "frame": frame, "engine": name, **told}
        row |= metrics.compare(target, picture, regions)
        found = known[name] if name in known else looking.landmarks(picture)
        if found is not None and wanted is not None and steady is not None:
            row |= metrics.landmark_distance(wanted, found, reach)
            if name != "static":  # the same without most of the landmarker's noise, about 0.8 % a look
                again = looking.steady(picture, found)
                row["akd_steady"] = metrics.landmark_distance(steady, again, reach)["akd"]
        rows.append(row)
    return rows


def painted_frames(clip: Clip, frames: list[int], paper: Paper) -> dict[int, Bytes]:
    """What the paper's networks make of the clip's first frame, driven by `frames`; enlarged to the clip's size.

    Raises:
        subprocess.CalledProcessError: they could not be run; what was said is in its `stderr`.
    """
    with tempfile.TemporaryDirectory(prefix="gioconda-bench-") as folder:
        asked, made = Path(folder) / "asked.npz", Path(folder) / "made.npy"
        points = clip.landmarks[..., :2] / SIZE
        np.savez(asked, pictures=clip.frames[:1], points=points[:1], driving=points[frames])
        words = [paper.python, "-m", "tests.bench.paper_child", str(paper.run), str(asked), str(made), str(paper.tune)]
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
        pictures = np.load(made)
    large = [cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for picture in pictures]
    return dict(zip(frames, large, strict=True))


def write_sheet(path: Path, shown: list[dict[str, Bytes]], *, rows: int = 4, side: int = 320) -> None:
    """Up to so many frames of a clip, a row each: target, then every engine."""
    picked = [shown[round(k)] for k in np.linspace(0, len(shown) - 1, min(rows, len(shown)))]
    cells = [np.hstack([cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in r.values()]) for r in picked]
    path.parent.mkdir(parents=True, exist_ok=True)
    if cells and not cv2.imwrite(str(path), np.vstack(cells)[..., ::-1]):
        raise OSError(f"cannot write {path}")
