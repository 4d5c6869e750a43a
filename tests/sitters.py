"""The portraits in tests/data, with all that is known of the person before `prepare`, so that tests need no nets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gioconda.engine import Portrait
from gioconda.face.matte import estimate_matte
from gioconda.imaging import resample
from gioconda.imaging.color import choose_display, display_srgb
from gioconda.imaging.image import read_picture
from gioconda.job.retarget import RetargetSettings
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.pose import Pose

DATA = Path(__file__).resolve().parent / "data"
HOPPER = DATA.parents[1] / "core/gioconda/cli/grace_hopper.jpg"  # the demo portrait
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sitter:
    """A picture and all that is known of the person in it before `prepare`."""

    source: Float32  # (H, W, 4) scene-linear
    srgb: npt.NDArray[np.uint8]  # (H, W, 3)
    landmarks: npt.NDArray[np.float64]  # (478, 3) pixels
    person: Float32  # (h, w) probability
    matte: Float32  # (H, W)

    @classmethod
    def read(cls, name: str) -> Sitter:
        """NAME.jpg and NAME_analysis.npz of tests/data, or the demo portrait."""
        picture = read_picture(HOPPER if name == HOPPER.stem else DATA / f"{name}.jpg").pixels
        srgb = display_srgb(picture, exposure=choose_display(picture))
        with np.load(DATA / f"{name}_analysis.npz") as known:
            landmarks, person = known["landmarks"].astype(np.float64), known["person"].astype(np.float32) / 255
        return cls(picture, srgb, landmarks, person, estimate_matte(srgb, person, landmarks))

    def scaled(self, factor: float) -> Sitter:
        """The same picture, smaller or larger; its matte too."""
        height, width = (round(side * factor) for side in self.matte.shape)
        method = "area" if factor < 1 else "linear"
        source, srgb, matte = (
            resample.resize(layer, width, height, method=method) for layer in (self.source, self.srgb, self.matte)
        )
        source[..., 3] = 1
        stretch = np.array([width / self.matte.shape[1], height / self.matte.shape[0], factor])
        return Sitter(source, srgb, self.landmarks * stretch, self.person, np.clip(matte, 0, 1))

    def cropped(self, left: int, top: int, right: int, bottom: int) -> Sitter:
        """A part of the picture; the person's probability is left as it is."""
        part = (slice(top, bottom), slice(left, right))
        source, srgb, matte = (np.ascontiguousarray(layer[part]) for layer in (self.source, self.srgb, self.matte))
        return Sitter(source, srgb, self.landmarks - [left, top, 0], self.person, matte)


def pose_of(portrait: Portrait, **channels: float) -> Pose:
    """ARKit channels → the pose, by way of the real retargeting."""
    values = np.array([[0.0] * len(channels), list(channels.values())], np.float32)
    motion = Motion(24.0, np.arange(2, dtype=np.int32), channels=values, channel_names=tuple(channels), neutral=0)
    return retarget(motion, portrait.landmarks, RetargetSettings(neutral=0))[1]
