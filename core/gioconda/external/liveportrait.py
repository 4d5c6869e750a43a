"""LivePortrait (Guo et al. 2024, arXiv 2407.03168) from its ONNX exports, driven by the engine's own frames.

Appearance features and keypoints come from the still portrait, keypoints of each frame from the geometric frame; the
generator warps the features and paints a face. The nets for retargeting lids and lips are not used: the geometric frame
has them where the rig wants them. Nor are its detectors and landmarks: the portrait's own landmarks give the crop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..neural.crops import Crop
from .catalogue import NETWORKS
from .folder import Notice, read_notice
from .keypoints import Float, KeypointMotion, points, stitched
from .network import Network

Float32 = npt.NDArray[np.float32]

SEEN_PX = 256
SIDE, RAISED = 2.3, 0.125  # of the square: sides of the face's box; how far above its middle, in sides of the square
RIM = 0.06  # of the square's side, over which what is painted fades out


@dataclass(frozen=True)
class Painted:
    """What the engine made of a driving picture.

    Attributes:
        picture: (512, 512, 3) float32, display-encoded 0..1, of the same square of the portrait.
        alpha: (512, 512) float32, 0..1: how much of it can be used.
    """

    picture: Float32
    alpha: Float32


@dataclass(frozen=True)
class LivePortrait:
    """The four networks. They see and make squares of display-encoded colours, (size, size, 3) float32 0..1.

    Attributes:
        nets: role → network.
        notice: whose they are.
    """

    nets: Mapping[str, Network]
    notice: Notice

    @classmethod
    def open(cls, folder: Path, device: str = "auto", *, threads: int | None = None) -> LivePortrait:
        """
        Raises:
            ModelError: a file is missing, is not the stated one, or is another network.
            DeviceError: the device does not work here.
        """
        notice = read_notice(folder)
        nets = {net.role: Network(folder / net.file, net, device, threads=threads) for net in NETWORKS}
        return cls(nets, notice)

    @property
    def device(self) -> str:
        """The generator's: nearly all of the work."""
        return self.nets["generator"].device

    def crop(self, landmarks: npt.NDArray[np.float64]) -> Crop:
        """Which square of a portrait with these landmarks, (478, 3) pixels, it sees: as it was trained, 2.3 times the
        face from brows to chin, upright along eyes and mouth, raised by an eighth."""
        face = landmarks[list(lm.IBUG68), :2]
        eyes = landmarks[[*lm.EYE_RIGHT, *lm.EYE_LEFT], :2].mean(0)
        down = landmarks[[lm.MOUTH_RIGHT, lm.MOUTH_LEFT], :2].mean(0) - eyes
        down = down / max(float(np.linalg.norm(down)), 1e-6)
        axes = np.array([[down[1], -down[0]], down])  # across, down
        box = face @ axes.T
        low, high = box.min(0), box.max(0)
        side = SIDE * float((high - low).max())
        middle = (low + high) / 2 - [0, RAISED * side]
        return Crop.around(middle @ axes, side, SEEN_PX, along=axes[0])

    def prepare(self, source: Float32) -> PreparedPortrait:
        """The portrait as it sees it. source: (256, 256, 3), that square of the still portrait."""
        planar = _planar(source)
        features = self.nets["appearance"](img=planar)["output"]
        return PreparedPortrait(self, features, self.motion(source))

    def motion(self, picture: Float32) -> KeypointMotion:
        """The keypoints in a picture, (256, 256, 3)."""
        return KeypointMotion.of(self.nets["motion"](img=_planar(picture)))


@dataclass(frozen=True)
class PreparedPortrait:
    """A portrait's appearance and keypoints.

    Attributes:
        features: (1, 32, 16, 64, 64), its appearance.
        motion: its keypoints as it is.
    """

    engine: LivePortrait
    features: Float32
    motion: KeypointMotion

    def frame(self, driving: Float32) -> Painted:
        """The portrait doing what the driving picture, (256, 256, 3) of the same square of the same person, shows.

        Stateless: the same driving picture gives the same answer, in any order.
        """
        nets, source = self.engine.nets, points(self.motion)
        # the still driver is the portrait itself: relative motion is the driver's pose with the portrait's keypoints
        target = points(replace(self.engine.motion(driving), canonical=self.motion.canonical))
        both = np.concatenate([source.reshape(-1), target.reshape(-1)])[None].astype(np.float32)
        target = stitched(target, nets["stitching"](input=both)["output"])
        made = nets["generator"](feature_3d=self.features, kp_driving=_rows(target), kp_source=_rows(source))["out"][0]
        picture = np.ascontiguousarray(np.clip(np.nan_to_num(made), 0, 1).transpose(1, 2, 0), np.float32)
        return Painted(picture, _rim(len(picture)))


def _planar(picture: Float32) -> Float32:
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def _rows(keypoints: Float) -> Float32:
    return np.ascontiguousarray(keypoints[None], np.float32)


def _rim(size: int) -> Float32:
    """1 inside, 0 at the square's border."""
    across = (np.arange(size) + 0.5) / size
    near = np.clip(np.minimum(across, 1 - across) / RIM, 0, 1)
    soft = near * near * (3 - 2 * near)
    return np.asarray(np.minimum(soft[:, None], soft[None]), np.float32)
