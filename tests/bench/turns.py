"""The turning half of the benchmark: frontal portraits driven to what the same people look like at 35 to 42 degrees.

Each person's front picture is the portrait; the landmarks of the left and the right three-quarter picture drive it;
that picture is what the frame should look like. Pictures are cut as `clips.Crop` cuts a clip's frames. `head` is the
truth's matte down to a little below its chin. The still portrait is measured as an engine of its own. The figures of
another run (of a checkout found by PYTHONPATH, say) can stand in the same table:

    PYTHONPATH=../before/core python -m tests.bench turns --label before --out out/before
    python -m tests.bench turns --beside out/before/turns/turns.json
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from gioconda import landmarks as lm
from gioconda.engine import Portrait, pose_portrait, render_rows
from gioconda.face.analyse import analyse
from gioconda.face.matte import estimate_matte
from gioconda.face.nets import Nets
from gioconda.face.region import around_landmarks
from gioconda.imaging.color import display_srgb
from gioconda.imaging.image import write_png
from gioconda.models import load_registry
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.pose import Pose

from . import metrics, product
from .clips import Crop
from .metrics import Bytes, Mask, Points
from .reenactment import Row, run
from .report import Column, Goal, print_goals, print_table, write_json

SIDES = ("left", "right")
STILL, GEOMETRY, NETWORKS = "still", "off", "fast"
TRUTHS = Path(tempfile.gettempdir()) / "gioconda-bench-truths"  # kept between runs, and for other checkouts
BELOW_CHIN = 0.12  # face heights: so far below the chin the head ends
COLUMNS = (
    Column("pairs", "pairs", 0),
    Column("psnr", "PSNR"),
    Column("psnr_head", "head dB"),
    Column("ssim", "SSIM", 3),
    Column("ssim_head", "head SSIM", 3),
    Column("iou", "IoU", 3),
    Column("akd", "landmarks %"),
    Column("below_still", "below still", 0),
)


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
        pictures: folder of PERSON_neutral_front.jpg and PERSON_neutral_left_3quarter.jpg, right likewise.
        names: which people; empty means all.
        label: what this run's engines are called in tables; beside: the turns.json of another run.
        processes: people judged at a time.
    """

    pictures: Path
    models: Path
    out: Path
    names: tuple[str, ...] = ()
    label: str = ""
    beside: Path | None = None
    processes: int = 2


@dataclass(frozen=True)
class Task:
    """One person to be judged, in a process of its own."""

    path: Path  # the front picture
    models: Path
    out: Path


@dataclass(frozen=True)
class Truth:
    """What a turned picture is judged by: (H, W, 3) uint8 sRGB, its matte (H, W) bool, landmarks (478, 3) pixels."""

    picture: Bytes
    person: Mask
    landmarks: Points


def measure(settings: Settings) -> dict[str, Any]:
    """Runs, prints, writes turns.json and frames into `out`. Says so where the pictures are absent."""
    found = sorted(settings.pictures.glob("*_neutral_front.jpg"))
    paths = [path for path in found if not settings.names or person_of(path) in settings.names]
    if not paths:
        print(f"SKIPPED turns: no pictures{' of those people' if found else ''} in {settings.pictures}")
        return {"skipped": True}
    print(f"Turns: {len(paths)} people, 35 to 42 degrees to either side, 512 x 512")
    rows: list[Row] = []
    tasks = [Task(path, settings.models, settings.out) for path in paths]
    for task, result in run(tasks, processes=settings.processes, judge=judge_task):
        if isinstance(result, str):
            print(f"  {person_of(task.path)}: FAILED: {result}", flush=True)
            continue
        rows += result
        figures = (metrics.mean((r for r in result if r["engine"] == NETWORKS), k) for k in ("psnr", "iou"))
        print("  {}: PSNR {:.2f} dB, IoU {:.3f}".format(person_of(task.path), *figures), flush=True)
    if not rows:
        return {"failed": True}
    write_json(settings.out / "turns.json", {"label": settings.label, "rows": rows})
    beside = json.loads(settings.beside.read_text()) if settings.beside else {"label": "", "rows": []}
    lines = summarise(rows, settings.label) + summarise(_same_pairs(beside["rows"], rows), beside["label"] or "beside")
    print()
    print_table(COLUMNS, lines, labels=("of", "engine"))
    targets = goals(rows)
    print("\nWhat must be shown (as jobs have it by default, with networks):")
    print_goals(targets)
    return {"summary": lines, "rows": rows, "goals": [vars(goal) | {"met": goal.met} for goal in targets]}


def summarise(rows: Sequence[Row], label: str) -> list[dict[str, Any]]:
    """One line an engine: the mean over all pairs; in how many of them the whole picture is worse than the still."""
    still = {(row["person"], row["side"]): row["psnr"] for row in rows if row["engine"] == STILL}
    lines = []
    for engine in dict.fromkeys(row["engine"] for row in rows):
        mine = [row for row in rows if row["engine"] == engine]
        worse = sum(row["psnr"] < still[row["person"], row["side"]] for row in mine)
        figures = {column.key: metrics.mean(mine, column.key) for column in COLUMNS[1:-1]}
        lines.append({"of": label, "engine": engine, "pairs": len(mine), **figures, "below_still": worse})
    return lines


def goals(rows: Sequence[Row]) -> list[Goal]:
    """The bars of the turning head, as it is rendered by default."""
    line = next(line for line in summarise(rows, "") if line["engine"] == NETWORKS)
    return [
        Goal("PSNR, dB", line["psnr"], at_least=16.9),
        Goal("pairs worse than the still picture", float(line["below_still"]), at_most=0),
        Goal("head, dB", line["psnr_head"], at_least=14.4),
        Goal("silhouette of head and hair, IoU", line["iou"], at_least=0.91),
        Goal("landmarks, % of inter-ocular", line["akd"], at_most=2.3),
    ]


def _same_pairs(others: Sequence[Row], rows: Sequence[Row]) -> list[Row]:
    """Another run's rows of the pairs that this one has."""
    pairs = {(row["person"], row["side"]) for row in rows}
    return [row for row in others if (row["person"], row["side"]) in pairs]


def person_of(path: Path) -> str:
    """“001” of 001_neutral_front.jpg."""
    return path.name.partition("_")[0]


def judge_task(task: Task) -> list[Row]:
    """A row a side and engine, in a process of its own."""
    product.use_one_thread()
    nets = product.open_nets(task.models, threads=1)
    front, *turned = (_picture(task.path, view) for view in ("front", *(f"{side}_3quarter" for side in SIDES)))
    points = [analyse(picture, nets).landmarks for picture in (front, *turned)]
    crop = Crop.around(points[0])
    truths = [_truth(task, side, crop.cut(picture), nets) for side, picture in zip(SIDES, turned, strict=True)]
    motion = Motion(25.0, np.arange(3), landmarks=np.stack([crop.into(p) for p in points]).astype(np.float32))
    rows = []
    frames = task.out / "frames"
    frames.mkdir(parents=True, exist_ok=True)
    for name, side, picture, matte in _engines(task, crop.cut(front), motion):
        truth = truths[SIDES.index(side)]
        row: Row = {"person": person_of(task.path), "side": side, "engine": name}
        rows.append(row | compared(picture, matte > 0.5, truth, nets))
        write_png(frames / f"{person_of(task.path)}_{side}_{name}.png", picture)
        write_png(frames / f"{person_of(task.path)}_{side}_truth.png", truth.picture)
    return rows


def _picture(front: Path, view: str) -> Bytes:
    path = front.with_name(front.name.replace("_front", f"_{view}"))
    picture = cv2.imread(str(path))
    if picture is None:
        raise FileNotFoundError(path)
    return np.ascontiguousarray(picture[..., ::-1])


def _engines(task: Task, front: Bytes, motion: Motion) -> Iterator[tuple[str, str, Bytes, Points]]:
    """Engine, side, its frame (H, W, 3) uint8 sRGB and matte (H, W) 0..1."""
    first = task.out / "portraits" / f"{person_of(task.path)}.png"
    first.parent.mkdir(parents=True, exist_ok=True)
    write_png(first, front)
    opened = product.portrait_at(first, task.models, threads=1)
    # three pictures are no take: there is nothing between them to be smoothed
    performance = retarget(motion, opened.portrait.landmarks, replace(product.SELF_DRIVEN, smoothing="none"))
    corrector = product.corrector_for(opened.portrait, NETWORKS, task.models)
    painted = opened.portrait if corrector is None else corrector.portrait
    for k, side in enumerate(SIDES):
        pose = performance[k + 1]
        _, still = _drawn(opened.portrait, Pose())
        yield STILL, side, front, still
        for name, portrait, applied in ((GEOMETRY, opened.portrait, None), (NETWORKS, painted, corrector)):
            drawn, matte = _drawn(portrait, pose)
            if applied is not None:
                drawn = applied.apply(pose_portrait(portrait, pose), drawn)
            yield name, side, display_srgb(drawn["Combined"], exposure=opened.display), matte


def _drawn(portrait: Portrait, pose: Pose) -> tuple[dict[str, Any], Points]:
    passes = render_rows(pose_portrait(portrait, pose), 0, portrait.height, passes=("Combined", "Matte")).passes
    return passes, passes["Matte"][..., 0].copy()


def _truth(task: Task, side: str, picture: Bytes, nets: Nets) -> Truth:
    """What the picture is judged by; found once, kept with the networks it was found by."""
    nets_used = "".join(sorted(m.sha256 for m in load_registry(task.models).values() if m.task != "correction"))
    made_from = hashlib.sha256(picture.tobytes() + nets_used.encode()).hexdigest()
    path = TRUTHS / f"turns-{person_of(task.path)}-{side}-{made_from[:16]}.npz"
    if path.exists():
        kept = np.load(path)
        return Truth(picture, kept["person"], kept["landmarks"])
    found = analyse(picture, nets)
    person = estimate_matte(picture, found.person, found.landmarks) > 0.5
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, person=person, landmarks=found.landmarks)
    return Truth(picture, person, found.landmarks)


def compared(picture: Bytes, person: Mask, truth: Truth, nets: Nets) -> Mapping[str, float]:
    """A frame's figures beside the truth."""
    points, height = truth.landmarks, len(truth.picture)
    face = float(np.linalg.norm(points[lm.FOREHEAD, :2] - points[lm.CHIN, :2]))
    bottom = int(min(height - 1, points[lm.CHIN, 1] + BELOW_CHIN * face))
    head, mine = truth.person.copy(), person.copy()
    head[bottom:], mine[bottom:] = False, False
    squared = ((picture.astype(np.float64) - truth.picture) ** 2).mean(2)
    alike = similarity(picture, truth.picture)
    found, _ = nets.landmarker.predict_with_mirror(picture, around_landmarks(points))
    apart = np.linalg.norm(found[: lm.FACE_POINTS, :2] - points[: lm.FACE_POINTS, :2], axis=1).mean()
    return {
        "psnr": metrics.psnr(squared.mean()),
        "psnr_head": metrics.psnr(squared[head].mean()),
        "ssim": float(alike.mean()),
        "ssim_head": float(alike[head].mean()),
        "iou": float((mine & head).sum() / (mine | head).sum()),
        "akd": float(apart / lm.interocular(points) * 100),
    }


def similarity(picture: Bytes, other: Bytes) -> Points:
    """SSIM at each pixel, of luma, Gaussian window of 1.5 pixels, (H, W) (Wang et al., TIP 2004)."""
    a, b = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float64) for each in (picture, other))
    mean_a, mean_b, aa, bb, ab = (cv2.GaussianBlur(each, (0, 0), 1.5) for each in (a, b, a * a, b * b, a * b))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * (ab - mean_a * mean_b) + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (aa - mean_a**2 + bb - mean_b**2 + c2)
    return np.asarray(top / below)
