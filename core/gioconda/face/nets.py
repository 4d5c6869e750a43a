"""The networks that portrait analysis needs, opened once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..models.registry import model_path
from ..models.runtime import Session
from .detector import Detector
from .hair import HairSegmenter
from .landmarker import Landmarker
from .segmenter import Segmenter

NAMES = (
    *("face_detection_short_range", "face_detection_full_range", "face_landmarks"),
    *("person_segmentation", "hair_segmentation"),
)


@dataclass(frozen=True)
class Nets:
    """Opened networks.

    Attributes:
        near, far: face detectors, for faces that fill at least a fifth of what is looked at, and down to a twentieth.
        landmarker, segmenter, hair: see there.
        device: where they run: "cpu", "cuda" …
    """

    near: Detector
    far: Detector
    landmarker: Landmarker
    segmenter: Segmenter
    hair: HairSegmenter
    device: str

    @classmethod
    def open(cls, models_folder: Path | None = None, device: str = "auto", *, threads: int | None = None) -> Nets:
        """Open every network from `models_folder` (the default one unless given) on `device`.

        Raises:
            ModelError: a network is missing or is not the expected one.
            DeviceError: the asked-for device does not work here.
        """
        near, far, landmarks, person, hair = (
            Session(model_path(name, models_folder), device, threads=threads) for name in NAMES
        )
        return cls(  # the detectors' anchors: MediaPipe's graphs of the same names
            Detector(near, side=128, strides=(8, 16, 16, 16), per_cell=2),
            Detector(far, side=192, strides=(4,), per_cell=1),
            Landmarker(landmarks),
            Segmenter(person),
            HairSegmenter(hair),
            landmarks.device,
        )
