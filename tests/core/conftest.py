"""A real portrait made ready once for all engine tests, without nets; and a cache folder of the tests' own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from gioconda.engine import Portrait, prepare
from gioconda.face.matte import estimate_matte
from gioconda.imaging import resample
from gioconda.imaging.image import choose_display, display_srgb, read_picture
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.motion.settings import RetargetSettings
from gioconda.pose import Pose

DATA = Path(__file__).resolve().parents[1] / "data"
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sitter:
    """A picture and all that is known of the person in it before `prepare`."""

    source: Float32  # (H, W, 4) scene-linear
    srgb: npt.NDArray[np.uint8]  # (H, W, 3)
    landmarks: npt.NDArray[np.float64]  # (478, 3) pixels
    person: Float32  # (h, w) probability
    matte: Float32  # (H, W)

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


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prepared portraits stay out of the user's own cache, in subprocesses too."""
    before = os.environ.get("GIOCONDA_CACHE")
    os.environ["GIOCONDA_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["GIOCONDA_CACHE"]
    else:
        os.environ["GIOCONDA_CACHE"] = before


@pytest.fixture(scope="session")
def sitter() -> Sitter:
    """Grace Hopper, 512 × 600."""
    picture = read_picture(DATA / "grace_hopper.jpg").pixels
    srgb = display_srgb(picture, exposure=choose_display(picture))
    with np.load(DATA / "grace_hopper_analysis.npz") as known:
        landmarks, person = known["landmarks"].astype(np.float64), known["person"].astype(np.float32) / 255
    return Sitter(picture, srgb, landmarks, person, estimate_matte(srgb, person, landmarks))


@pytest.fixture(scope="session")
def portrait(sitter: Sitter) -> Portrait:
    """The sitter made ready."""
    return prepare(sitter.source, sitter.landmarks, sitter.matte)


@pytest.fixture(scope="session")
def small(sitter: Sitter) -> Sitter:
    """The sitter at half size, for pictures that are made ready again and again."""
    return sitter.scaled(0.5)


@pytest.fixture(scope="session")
def pose_of() -> Callable[..., Pose]:
    """A function: a portrait and ARKit channels → the pose, by way of the real retargeting."""

    def pose(portrait: Portrait, **channels: float) -> Pose:
        values = np.array([[0.0] * len(channels), list(channels.values())], np.float32)
        motion = Motion(24.0, np.arange(2, dtype=np.int32), channels=values, channel_names=tuple(channels), neutral=0)
        return retarget(motion, portrait.landmarks, RetargetSettings(neutral=0))[1]

    return pose
