"""Self-reenactment: a clip's first frame is driven by the clip's own face; the clip is what it should look like.

Three engines are compared: gioconda; the source moved, turned and scaled in its plane to fit the landmarks
("similarity"); the source as it is ("static"). Clips are judged in processes of their own, two at a time.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
from gioconda.errors import GiocondaError
from gioconda.landmarks import STABLE
from gioconda.pose import fit_similarity

from . import metrics, product, sheets
from .clips import SIZE, Clip
from .metrics import Bytes, Points

ENGINES = ("gioconda", "similarity", "static")
FLICKER_FRAMES = range(1, 60)

Row = dict[str, Any]


class Animation(Protocol):
    """A clip's first frame as an animated portrait."""

    def frame(self, index: int) -> tuple[Bytes, npt.NDArray[np.float32]]:
        """The portrait driven by frame `index`: (H, W, 3) uint8 sRGB, and its matte (H, W) 0..1."""


class Eyes(Protocol):
    """What looks at targets and outputs alike."""

    def landmarks(self, picture: Bytes) -> Points | None:
        """(478, 3) pixels found in a picture without knowing where to look; None where no face is found."""

    def steady(self, picture: Bytes, landmarks: Points) -> Points:
        """The face at `landmarks` found again with little noise, (478, 3) pixels."""

    def person(self, picture: Bytes, landmarks: Points) -> npt.NDArray[np.float32]:
        """(H, W) 0..1: where the person is."""


@dataclass(frozen=True)
class Judged:
    """One clip's figures: a row per frame and engine; flicker in 8-bit values per engine and for the clip itself."""

    rows: list[Row]
    flicker: dict[str, float]
    seconds: float


def judge(clip: Clip, animation: Animation, eyes: Eyes, *, step: int, most: int, sheet: Path | None) -> Judged:
    """Everything measured on one clip.

    Args:
        step, most: every `step`-th frame after the first, at most `most`.
        sheet: where the contact sheet goes, if anywhere.
    """
    began = time.monotonic()
    frames = clip.chosen(step, most)
    shown = {frames[i] for i in sheets.columns(len(frames))}
    source_found = eyes.landmarks(clip.frames[0])
    rows: list[Row] = []
    outputs: dict[int, Bytes] = {}
    for frame in frames:
        picture, matte = animation.frame(frame)
        engines = {"gioconda": picture, "similarity": similarity(clip, frame), "static": clip.frames[0]}
        rows += _frame_rows(clip, frame, engines, matte, eyes, source_found)
        if frame in shown:
            outputs[frame] = picture
    if sheet:
        marks = [clip.landmarks[i] for i in outputs]
        sheets.write_sheet(sheet, [clip.frames[i] for i in outputs], list(outputs.values()), marks)
    return Judged(rows, _flicker(clip, animation), time.monotonic() - began)


def similarity(clip: Clip, frame: int) -> Bytes:
    """The source carried by the similarity of the plane that best fits the rigid landmarks; its border repeated."""
    index = list(STABLE)
    source, target = (np.pad(clip.landmarks[i][index, :2], ((0, 0), (0, 1))) for i in (0, frame))
    fit = fit_similarity(source, target)
    matrix = np.column_stack([fit.scale * fit.rotation[:2, :2], fit.translation[:2]])
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # OpenCV puts (0, 0) on the first pixel's centre
    return cv2.warpAffine(clip.frames[0], matrix, (SIZE, SIZE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _frame_rows(
    clip: Clip,
    frame: int,
    engines: Mapping[str, Bytes],
    matte: npt.NDArray[np.float32],
    eyes: Eyes,
    source_found: Points | None,
) -> Iterator[Row]:
    target, driver = clip.frames[frame], clip.landmarks[frame]
    # Hair and body by the engine's own matte; "person" is that region by the target's pixels, which no engine bends.
    regions = metrics.region_masks(driver, matte)
    regions["person"] = metrics.region_masks(driver, eyes.person(target, driver))["hair_body"]
    target_found = eyes.landmarks(target)
    yaw, pitch, roll = clip.turned(frame)
    for name, picture in engines.items():
        row: Row = {"clip": clip.name, "frame": frame, "engine": name, "yaw": yaw, "pitch": pitch, "roll": roll}
        row |= metrics.compare(target, picture, regions)
        found = source_found if name == "static" else eyes.landmarks(picture)
        if found is not None and target_found is not None:
            reach = metrics.interocular(driver)
            row |= metrics.landmark_distance(target_found, found, reach)
            if name == "gioconda":  # the same without most of the landmarker's noise, about 0.8 % a look
                steady = eyes.steady(target, target_found), eyes.steady(picture, found)
                row["akd_steady"] = metrics.landmark_distance(*steady, reach)["akd"]
        yield row


def _flicker(clip: Clip, animation: Animation) -> dict[str, float]:
    frames = [i for i in FLICKER_FRAMES if i < len(clip.frames)]
    inside = metrics.steady_face(clip.landmarks[0], SIZE, SIZE)
    return {
        "clip": metrics.flicker([clip.frames[i] for i in frames], inside),
        "gioconda": metrics.flicker([animation.frame(i)[0] for i in frames], inside),
        "similarity": metrics.flicker([similarity(clip, i) for i in frames], inside),
    }


@dataclass(frozen=True)
class Task:
    """One clip to judge, in a form that crosses to another process."""

    path: Path
    step: int
    most: int
    sheet: Path
    models: Path


def judge_task(task: Task) -> Judged | str:
    """Reads, tracks, prepares, animates and judges one clip, on one thread; why it cannot be, where it cannot."""
    try:
        return _judged(task)
    except GiocondaError as error:
        return str(error)


def _judged(task: Task) -> Judged:
    product.use_one_thread()
    nets = product.open_nets(task.models, threads=1)
    clip = product.load_clip(task.path, nets)
    animation = product.Animated(clip, task.models)
    return judge(clip, animation, product.Looking(nets), step=task.step, most=task.most, sheet=task.sheet)


def run(
    tasks: Sequence[Any], *, processes: int = 2, judge: Callable[[Any], Any] = judge_task
) -> Iterator[tuple[Any, Any]]:
    """Judges the clips, `processes` at a time, each on one thread, and yields each as it is done."""
    # Read by kernels, OpenMP and BLAS when a child starts: two processes with two threads would fight for two cores.
    threads = {"GIOCONDA_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in threads}
    os.environ.update(threads)
    try:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            yield from zip(tasks, pool.imap(judge, tasks), strict=True)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
