"""Which rows of a table are one person's: by place in the picture, for programs' numbers of faces change on the way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...errors import MotionError
from .text import Table
from .timing import STAMPS

Float = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Face = int | str | None  # 1 is the leftmost person; "largest" or None: who is there longest, of those the largest

REACH = 1.0  # how far a face moves from one frame to the next at most, in parts of its size
AWAY = 0.25  # … and more for every frame it was away, up to LONG
LONG = 4.0
BRIEF = 0.05  # who is there in fewer of the frames than this is a false find and does not count
ACTIVE = 16  # of the persons seen last, one may be seen again


def choose_person(table: Table, centres: Float, sizes: Float, face: Face) -> tuple[Rows, tuple[str, ...]]:
    """The rows of one person, one for each frame, and notes.

    Args:
        table: with a column of frame numbers or time stamps, where several rows can be one frame's.
        centres: (rows, 2) where the face is in the picture, pixels; NaN where the row shows none.
        sizes: (rows,) how large it is, pixels.
        face: which person.

    Raises:
        MotionError: there is no such person.
    """
    frames, first, of_frame = frames_of(table)
    ids = table.index("face_id", "Identity_", "Identity")
    several = len(first) < len(table)
    if not several and (ids is None or len({row[ids] for row in table.rows}) == 1):
        return _asked_of_one(table, face)
    persons = _followed(of_frame, centres, sizes)
    if not persons:
        return first, ()
    most = max(len(rows) for rows in persons)
    persons = [rows for rows in persons if len(rows) >= max(1, BRIEF * most)]
    persons.sort(key=lambda rows: float(np.median(centres[rows, 0])))
    if isinstance(face, int):
        if not 1 <= face <= len(persons):
            raise MotionError(f"{table.path}: there is no face {face}: it shows {len(persons)}; 1 is the leftmost")
        index = face - 1
    else:
        index = max(range(len(persons)), key=lambda i: len(persons[i]) * float(np.nanmean(sizes[persons[i]])))
    chosen = persons[index]
    notes: tuple[str, ...] = ()
    if len(persons) > 1:
        notes = (
            f"{len(persons)} faces: number {index + 1} from the left is followed, in {len(chosen)} of "
            f"{len(first)} frames; another one: gioconda track {table.path.name} --face N -o take.npz.",
        )
    # frames in which nobody else is seen either stay, as frames without a face
    lost = first[~np.isfinite(centres[:, 0])[first]]
    there = np.zeros(len(frames), bool)
    there[of_frame[chosen]] = True
    return np.sort(np.concatenate([chosen, lost[~there[of_frame[lost]]]])), notes


def _asked_of_one(table: Table, face: Face) -> tuple[Rows, tuple[str, ...]]:
    if isinstance(face, int) and face != 1:
        raise MotionError(f"{table.path}: there is no face {face}: it shows 1")
    return np.arange(len(table)), ()


def frames_of(table: Table) -> tuple[Float, Rows, Rows]:
    """The frames' numbers or times, the first row of each, and which of them each row belongs to."""
    column = table.index("frame", "frame_number", *STAMPS)
    if column is None:
        every = np.arange(len(table))
        return every.astype(np.float64), every, every
    frames, first, of_frame = np.unique(table.numbers([column])[:, 0], return_index=True, return_inverse=True)
    return frames, first, of_frame.reshape(-1)


def _followed(of_frame: Rows, centres: Float, sizes: Float) -> list[Rows]:
    """The rows of each person, in the order of frames: a face goes to whom it is nearest to, else to somebody new."""
    order = np.argsort(of_frame, kind="stable")
    order = order[np.isfinite(centres[order, 0]) & np.isfinite(sizes[order])]
    persons: list[list[int]] = []
    active: list[int] = []  # indices of persons, the last seen first
    for group in np.split(order, np.flatnonzero(np.diff(of_frame[order])) + 1):
        last = [persons[k][-1] for k in active]
        pairs = []
        for row in group:
            for k, before in zip(active, last, strict=True):
                reach = REACH + min(LONG, AWAY * float(of_frame[row] - of_frame[before] - 1))
                apart = float(np.hypot(*(centres[row] - centres[before]))) / max(float(sizes[before]), 1e-6)
                if apart < reach:
                    pairs.append((apart, int(row), k))
        given: dict[int, int] = {}
        for _, row, k in sorted(pairs):
            if row not in given and k not in given.values():
                given[row] = k
        for row in map(int, group):
            if row not in given:
                given[row] = len(persons)
                persons.append([])
            persons[given[row]].append(row)
        seen = [*given.values()]
        active = [*seen, *(k for k in active if k not in seen)][: max(ACTIVE, len(seen))]
    return [np.array(rows, np.intp) for rows in persons]
