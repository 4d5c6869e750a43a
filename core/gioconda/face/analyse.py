"""Everything that rendering must know about a portrait's face: `analyse` a picture once, keep the `Analysis`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NoFaceError
from ..files import write_text
from .hand_placed import read_points
from .nets import Nets
from .region import Float, Picture, around_landmarks
from .search import Face, find_faces
from .segmenter import Probability, others_removed

FORMAT, VERSION = "gioconda-analysis", 1
LARGEST = "largest"
DOMINANT = 2.0  # a face with this many times the area of every other is the portrait's, without asking


@dataclass(frozen=True, eq=False)
class Analysis:
    """One face of one picture.

    Attributes:
        landmarks: (478, 3) float64, picture pixels, see `landmarks`.
        score: the network's probability that this is a face, 0 to 1; 1 for points placed by hand.
        face: which face it is, counted from the left, 1 is the leftmost.
        faces: how many faces were found.
        box: (4,) float64, pixels: left, top, right, bottom of the landmarks.
        size: (width, height) of the picture, pixels.
        hand_placed: the points were placed by a person.
        person: (h, w) float32, 0 to 1, probability of this person, covering the picture at any size.
        notes: what a report should say, sentences.
    """

    landmarks: Float
    score: float
    face: int
    faces: int
    box: Float
    size: tuple[int, int]
    hand_placed: bool
    person: Probability
    notes: tuple[str, ...] = ()

    def scaled(self, factor: float) -> Analysis:
        """The same face in the same picture made `factor` times as large."""
        width, height = (max(1, round(side * factor)) for side in self.size)
        return Analysis(
            self.landmarks * factor,
            self.score,
            self.face,
            self.faces,
            self.box * factor,
            (width, height),
            self.hand_placed,
            self.person,
            self.notes,
        )


def analyse(srgb: Picture, nets: Nets, *, face: int | str | None = LARGEST, points: Path | None = None) -> Analysis:
    """Find the face of a portrait, its landmarks, and what is person.

    Args:
        srgb: (H, W, 3) uint8, display-encoded sRGB.
        nets: the opened networks.
        face: which one, when there are several: 1 is the leftmost; "largest"; None: the only one there is, or one that
            is much larger than the others.
        points: a JSON file of points placed by hand; no face is searched for then.

    Raises:
        NoFaceError: there is no face, or not the asked-for one.
        InputError: the file of points is missing or cannot be used.
    """
    if points is not None:
        height, width = srgb.shape[:2]
        return from_points(srgb, nets, read_points(points, (width, height)))
    wanted = face if isinstance(face, int) else 1
    faces = find_faces(srgb, nets, wanted=wanted)
    return from_face(srgb, nets, faces, choose_face(faces, face))


def from_face(srgb: Picture, nets: Nets, faces: list[Face], index: int) -> Analysis:
    """One of the faces that `find_faces` found, by its index from the left."""
    height, width = srgb.shape[:2]
    chosen = faces[index]
    landmarks = nets.landmarker.steady(srgb, chosen.landmarks)
    others = [other.landmarks for other in faces if other is not chosen]
    person = _person(srgb, nets, landmarks, others)
    notes = (f"There are {len(faces)} faces; this is number {index + 1} from the left.",) if others else ()
    return _analysis(landmarks, chosen.score, index + 1, len(faces), (width, height), False, person, notes)


def from_points(srgb: Picture, nets: Nets, landmarks: Float) -> Analysis:
    """The face whose landmarks, (478, 3) pixels, a person placed."""
    height, width = srgb.shape[:2]
    person = _person(srgb, nets, landmarks, [])
    return _analysis(landmarks, 1.0, 1, 1, (width, height), True, person, ("The landmarks were placed by hand.",))


def _analysis(
    landmarks: Float,
    score: float,
    face: int,
    faces: int,
    size: tuple[int, int],
    by_hand: bool,
    person: Probability,
    notes: tuple[str, ...],
) -> Analysis:
    box = np.concatenate([landmarks[:, :2].min(0), landmarks[:, :2].max(0)])
    inside = (landmarks[:, :2] >= 0).all(1) & (landmarks[:, :2] <= size).all(1)
    if not inside.all():
        notes = (*notes, f"{int((~inside).sum())} of the face's points lie outside the picture.")
    return Analysis(landmarks, score, face, faces, box, size, by_hand, person, notes)


def _person(srgb: Picture, nets: Nets, landmarks: Float, others: list[Float]) -> Probability:
    person = nets.segmenter.person(srgb, around_landmarks(landmarks))
    height, width = srgb.shape[:2]
    return others_removed(person, landmarks, others, (width, height))


def choose_face(faces: list[Face], face: int | str | None) -> int:
    """Which of the faces, from left to right, is the asked-for one, see `analyse`. -> its index, from 0.

    Raises:
        NoFaceError: there is no face, or not the asked-for one, or there are several and none was asked for.
    """
    if not faces:
        raise NoFaceError(
            "No face was found in the picture: crop it closer to the face, "
            "or place a few points by hand (--points FILE)."
        )
    count = f"{len(faces)} face{'s' if len(faces) > 1 else ''} found"
    if isinstance(face, int):
        if not 1 <= face <= len(faces):
            raise NoFaceError(f"There is no face {face}: {count}; choose --face 1 to {len(faces)}, 1 is the leftmost.")
        return face - 1
    areas = np.array([float(np.prod(f.box[2:] - f.box[:2])) for f in faces])
    largest = int(areas.argmax())
    if face == LARGEST or len(faces) == 1 or areas[largest] >= DOMINANT * np.delete(areas, largest).max():
        return largest
    if face is None:
        raise NoFaceError(f"{count}: choose one with --face 1 to {len(faces)} (1 is the leftmost) or --face largest.")
    raise NoFaceError(f"There is no face {face!r}: choose a number, 1 is the leftmost, or “{LARGEST}”.")


# An analysis on disk ------------------------------------------------------------------------------------------------


def save_analysis(analysis: Analysis, path: Path) -> None:
    """Write the landmarks and what was found as JSON that `--points` reads, without the person.

    Raises:
        OutputError: the file cannot be written.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "size": list(analysis.size),
        "face": analysis.face,
        "faces": analysis.faces,
        "score": round(analysis.score, 4),
        "hand_placed": analysis.hand_placed,
        "notes": list(analysis.notes),
        "landmarks": [[round(float(value), 3) for value in point] for point in analysis.landmarks],
    }
    write_text(path, _readable(content), make_folder=False)


def _readable(content: dict[str, Any]) -> str:
    """JSON with one landmark a line."""
    points = ",\n".join("    " + json.dumps(point) for point in content["landmarks"])
    head = json.dumps({**content, "landmarks": None}, indent=2, ensure_ascii=False)
    return head.replace('"landmarks": null', f'"landmarks": [\n{points}\n  ]') + "\n"
