"""LivePortrait (Guo et al. 2024, arXiv 2407.03168) from its ONNX exports, driven by the engine's own frames.

Appearance features and keypoints come from the portrait at rest, keypoints of each frame from the geometric frame; the
generator warps the features and paints a face. The nets for retargeting lids and lips are not used: the geometric frame
has them where the rig wants them. Nor are its detectors and landmarks: the portrait's own landmarks give the crop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..neural.crops import Crop
from .engine import Float32, Painted
from .folder import Notice, read_notice
from .keypoints import Float, KeypointMotion, driven, points, stitched
from .network import Net

SEEN_PX = 256
SIDE, RAISED = 2.3, 0.125  # of the square: sides of the face's box; how far above its middle, in sides of the square
RIM = 0.06  # of the square's side, over which what is painted fades out


@dataclass(frozen=True)
class LivePortrait:
    """The four networks.

    Attributes:
        nets: role → network.
        notice: whose they are.
    """

    nets: Mapping[str, Net]
    notice: Notice

    @classmethod
    def open(cls, folder: Path, device: str = "auto", *, threads: int | None = None) -> LivePortrait:
        """
        Raises:
            ModelError: a file is missing, is not the stated one, or is another network.
            DeviceError: the device does not work here.
        """
        notice = read_notice(folder)
        known = notice.known.nets
        nets = {role: Net(folder / net.file, net, device, threads=threads) for role, net in known.items()}
        return cls(nets, notice)

    @property
    def device(self) -> str:
        """The generator's: nearly all of the work."""
        return self.nets["generator"].device

    def square(self, landmarks: npt.NDArray[np.float64]) -> Crop:
        """2.3 times the face from brows to chin, upright along eyes and mouth, raised by an eighth: the crop it was
        trained on."""
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

    def prepare(self, source: Float32) -> Sitter:
        """source: (256, 256, 3)."""
        planar = _planar(source)
        features = self.nets["appearance"](img=planar)["output"]
        return Sitter(self, features, self.motion(source))

    def motion(self, picture: Float32) -> KeypointMotion:
        """The keypoints in a picture, (256, 256, 3)."""
        return KeypointMotion.of(self.nets["motion"](img=_planar(picture)))


@dataclass(frozen=True)
class Sitter:
    """A portrait it knows.

    Attributes:
        features: (1, 32, 16, 64, 64), its appearance.
        motion: its keypoints at rest.
    """

    engine: LivePortrait
    features: Float32
    motion: KeypointMotion

    def frame(self, driving: Float32) -> Painted:
        """driving: (256, 256, 3). See `engine.Prepared`."""
        nets, source = self.engine.nets, points(self.motion)
        target = driven(self.motion, self.motion, self.engine.motion(driving))
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
