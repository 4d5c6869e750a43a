"""Several driven people of one picture: each prepared alone, from the nearest to the farthest, and put together again.

The picture is taken apart one person after the other: the nearest stands before a plate that shows all others, the next
is prepared from that plate, and what is left in the end is the clean plate without all of them. Each person is thus an
ordinary portrait whose background is the next portrait's picture:

    picture = person 1 over (person 2 over (… over clean plate))

A frame changes each portrait's background by what moved in it. Where nothing moved that is nothing, so that people who
are not driven, and a frame in which nobody moves, are the picture's own to the bit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .. import landmarks as lm
from ..arrays import Float, Float32
from ..engine import Portrait
from ..engine.frame import BACKGROUND
from ..engine.portrait import person_alpha
from ..face.region import around_landmarks
from ..job.job import REST, Job
from ..job.passes import PASSES
from ..worker.messages import Log, Report
from .open_portrait import Opened, PortraitOpener, full_size

APART = 0.1  # metres between one person and the next, at least
PERSON = "Person"  # before a face's number: the pass that is that person's matte
FARTHEST = 1.5  # metres behind the nearest: everybody stands before the background
# a face is before somebody's body where it lies below their face: by the size of that face's square
BESIDE, BELOW, LOW = 0.8, 0.35, 4.0
# somebody who rests is put before a driven neighbour so near (sizes of the larger face's square) unless their face is
# smaller than this part of the other's
NEAR, SMALLER = 2.5, 0.85
NAMED = ("Face", "Hair", "Body", "Eyes", "Lips", "Mouth")  # mattes of parts


@dataclass(frozen=True)
class Member:
    """One person of the group: driven, or at rest before somebody who is driven.

    Attributes:
        job: this person's alone.
        index: among the job's persons; None: at rest.
        distance: metres by which the person is further away than the nearest.
    """

    job: Job
    index: int | None
    opened: Opened
    distance: float


def open_group(job: Job, report: Report) -> list[Member]:
    """The people who are driven and those at rest before one of them, the nearest first.

    Raises: as `PortraitOpener.open`.
    """
    jobs, opener = list(job.of_persons()), PortraitOpener(keeps=True)
    source = opener.picture(jobs[0], report)
    found = [opener.analysis(source, one, report) for one in jobs]
    faces = [face.landmarks for face in opener.faces(source, jobs[0], report)]
    driven = {one.face - 1: i for i, one in enumerate(found)}
    orders: list[int | None] = [None] * len(faces)
    for index, person in zip(driven, job.persons, strict=True):
        orders[index] = person.get("order")
    order = in_front(nearest_first(faces, orders, driven), faces, driven)
    report(Log("From the nearest: " + ", ".join(_called(i, i in driven) for i in order) + "."))
    distances = distances_of([faces[i] for i in order])
    group, pixels, hidden = [], source.pixels, None
    for place, index in enumerate(order):
        at = driven.get(index)
        own = replace(job, persons=(), motion=REST, face=index + 1) if at is None else jobs[at]
        analysis = opener.analysis(source, own, report) if at is None else found[at]
        portrait = full_size(replace(source, pixels=pixels), analysis, own, report, hidden=hidden)
        opened = Opened(portrait, analysis, source.display, source.pixel_aspect, source.sha256)
        group.append(Member(own, at, opened, distances[place]))
        if place + 1 < len(order):
            pixels = np.empty_like(source.pixels)
            portrait.write_plate(0, pixels)
            hidden = covered(portrait, hidden)
    return group


def _called(index: int, driven: bool) -> str:
    return f"person {index + 1}{'' if driven else ' (at rest)'}"


def in_front(order: Sequence[int], landmarks: Sequence[Float], driven: Collection[int]) -> list[int]:
    """Of people, the nearest first, those who are driven and those at rest just before one of them."""
    squares = [around_landmarks(points) for points in landmarks]

    def touches(a: int, b: int) -> bool:
        one, other = squares[a], squares[b]
        return bool(np.hypot(one.x - other.x, one.y - other.y) < NEAR * max(one.size, other.size))

    return [i for k, i in enumerate(order) if i in driven or any(j in driven and touches(i, j) for j in order[k + 1 :])]


def covered(portrait: Portrait, hidden: Float32 | None) -> Float32:
    """How much of the picture, (H, W), a person and those before them hide."""
    alpha = np.asarray(1 - person_alpha(portrait.layers, (portrait.height, portrait.width)), np.float32)
    return 1 - alpha if hidden is None else 1 - alpha * (1 - hidden)


def nearest_first(
    landmarks: Sequence[Float], order: Sequence[int | None], driven: Collection[int] | None = None
) -> list[int]:
    """The indices of people in a picture, the nearest first.

    A face that lies in front of somebody's body is nearer than they are (a child held, the row in front); else the
    larger face is.

    order: what the artist says of each, 1 is the nearest; who has none comes after those.
    driven: who moves, None: all; who does not is nearer than who does, unless their face is clearly smaller.
    """
    squares = [around_landmarks(points) for points in landmarks]

    def is_before(a: int, b: int) -> bool:
        x, y = squares[b].axes.T @ (squares[a].x - squares[b].x, squares[a].y - squares[b].y) / squares[b].size
        return bool(abs(x) < BESIDE and BELOW < y < LOW)

    sizes = [square.size / (1 if driven is None or i in driven else SMALLER) for i, square in enumerate(squares)]
    left = sorted(range(len(squares)), key=lambda i: (order[i] or len(squares) + 1000, -sizes[i], i))
    result: list[int] = []
    while left:
        free = (i for i in left if order[i] or not any(is_before(j, i) for j in left if j != i))
        result.append(next(free, left[0]))
        left.remove(result[-1])
    return result


def distances_of(landmarks: Sequence[Float]) -> list[float]:
    """Metres by which people, the nearest first, are further away than the nearest: by the size of their faces, as far
    as that agrees with their order."""
    sizes = [lm.interocular(points) for points in landmarks]
    distances = [0.0]
    for size in sizes[1:]:
        by_size = sizes[0] / size - 1
        distances.append(min(max(by_size, distances[-1] + APART), FARTHEST))
    return distances


# A frame's bands -----------------------------------------------------------------------------------------------------

Passes = dict[str, Float32]


def needed_passes(passes: Sequence[str]) -> tuple[str, ...]:
    """What each person must draw so that `merged` can make these passes."""
    more = ("Disocclusion",) if "Confidence" in passes else ()
    return tuple(dict.fromkeys(("Combined", "Matte", *(name for name in passes if name in PASSES), *more)))


def person_passes(faces: Sequence[int], passes: Sequence[str]) -> tuple[str, ...]:
    """The passes that say whose each pixel is, one a person, where the matte is written too."""
    return tuple(f"{PERSON}{face}" for face in sorted(faces)) if "Matte" in passes else ()


def farther(passes: Passes, distance: float) -> Passes:
    """A person's passes with the person `distance` metres further away."""
    if "Depth" not in passes or distance == 0:
        return passes
    depth = passes["Depth"]
    near = (passes["Matte"] > 0.5) & (depth < BACKGROUND - 1e-3)
    return {**passes, "Depth": np.where(near, np.minimum(depth + np.float32(distance), BACKGROUND), depth)}


def merged(front: Passes, behind: Passes, portrait: Portrait, row: int) -> Passes:
    """The passes of a person put over those of all behind.

    front: of the person before the plate that shows the others at rest, (rows, W, channels) each.
    behind: of the others.
    portrait: the person's; row: the first row.
    """
    alpha, others = front["Matte"], behind["Matte"]
    through = 1 - alpha
    plate = np.empty_like(front["Combined"])
    portrait.write_plate(row, plate)
    moved = behind["Combined"] - plate  # exactly nothing where nobody behind moves
    result = {"Combined": _combined(front["Combined"], behind["Combined"], moved, through)}
    own = alpha > through * others  # the person says more of the pixel than those behind
    for name in front:
        if name == "Combined":
            continue
        a, b = front[name], behind[name]
        if name in ("Matte", "Foreground", *NAMED):
            result[name] = a + through * b
        elif name == "Plate":
            result[name] = b
        elif name == "Disocclusion":
            result[name] = np.maximum(a, through * b)
        elif name == "Confidence":
            seen = through - front["Disocclusion"]  # of the plate that the portrait shows
            result[name] = np.clip(a - seen * (1 - b), 0, 1)
        else:
            result[name] = np.where(own, a, b)
    result |= {name: through * behind[name] for name in behind if name.startswith(PERSON)}
    return {name: np.asarray(array, np.float32) for name, array in result.items()}


def _combined(front: Float32, behind: Float32, moved: Float32, through: Float32) -> Float32:
    changed = (moved != 0).any(axis=2, keepdims=True)
    # where there is nothing of the person, what is behind stays as it is, without a rounding
    return np.where(changed, np.where(through == 1, behind, front + through * moved), front)
