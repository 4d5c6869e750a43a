"""Everything that rendering must know about a portrait's face: `analyse` a picture once, keep the `Analysis`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import NoFaceError
from ..files import write_text
from .nets import Nets
from .plausibility import is_human
from .region import Float, Picture, around_landmarks
from .search import Face, find_faces
from .segmenter import Probability, others_removed

FORMAT, VERSION = "gioconda-analysis", 1
LARGEST = "largest"
DOMINANT = 2.0  # a face with this many times the area of every other is chosen without asking


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
        hair: (h, w) float32, 0 to 1, probability of hair, anybody's, covering the picture at any size.
        notes: what a report should say, sentences.
        human: it is a human face; else that of an animal, a statue or a drawing.
    """

    landmarks: Float
    score: float
    face: int
    faces: int
    box: Float
    size: tuple[int, int]
    hand_placed: bool
    person: Probability
    hair: Probability
    notes: tuple[str, ...] = ()
    human: bool = True

    def scaled(self, factor: float) -> Analysis:
        """The same face in the same picture made `factor` times as large."""
        width, height = (max(1, round(side * factor)) for side in self.size)
        return replace(self, landmarks=self.landmarks * factor, box=self.box * factor, size=(width, height))


def analyse(srgb: Picture, nets: Nets, *, face: int | str | None = LARGEST) -> Analysis:
    """Find the face of a portrait, its landmarks, and what is person.

    Args:
        srgb: (H, W, 3) uint8, display-encoded sRGB.
        nets: the opened networks.
        face: which one, when there are several: 1 is the leftmost; "largest"; None: the only one there is, or one that
            is much larger than the others.

    Raises:
        NoFaceError: there is no face, or not the asked-for one.
    """
    faces = find_faces(srgb, nets, wanted=face if isinstance(face, int) else 1)
    return from_face(srgb, nets, faces, choose_face(faces, face))


def from_face(srgb: Picture, nets: Nets, faces: list[Face], index: int) -> Analysis:
    """One of the faces that `find_faces` found, by its index from the left."""
    face = faces[index]
    landmarks = nets.landmarker.averaged(srgb, face.landmarks)
    others = [other.landmarks for other in faces if other is not face]
    notes = [f"There are {len(faces)} faces; this is number {index + 1} from the left."] if others else []
    return _analysis(srgb, nets, landmarks, others, notes, score=face.score, face=index + 1)


def from_points(srgb: Picture, nets: Nets, landmarks: Float) -> Analysis:
    """The face whose landmarks, (478, 3) pixels, a person placed."""
    return _analysis(srgb, nets, landmarks, [], ["The landmarks were placed by hand."], hand_placed=True)


def _analysis(
    srgb: Picture,
    nets: Nets,
    landmarks: Float,
    others: list[Float],
    notes: list[str],
    *,
    score: float = 1.0,
    face: int = 1,
    hand_placed: bool = False,
) -> Analysis:
    """What is known of a face from its landmarks and those of the `others` in the picture."""
    size = (srgb.shape[1], srgb.shape[0])
    square = around_landmarks(landmarks)
    person = others_removed(nets.segmenter.person(srgb, square), landmarks, others, size)
    hair = nets.hair.hair(srgb, square)
    xy = landmarks[:, :2]
    box = np.concatenate([xy.min(0), xy.max(0)])
    outside = int(((xy < 0) | (xy > size)).any(1).sum())
    if outside:
        notes = [*notes, f"{outside} of the face's points lie outside the picture."]
    human = is_human(landmarks, person, hair, size)
    if not human:
        notes = [
            *notes,
            "The landmarks do not fit a human face (an animal, a statue, a drawing?): check them; a mouth that is shut "
            "gets no human teeth.",
        ]
    return Analysis(landmarks, score, face, len(others) + 1, box, size, hand_placed, person, hair, tuple(notes), human)


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
