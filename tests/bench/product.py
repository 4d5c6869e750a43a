"""Everything the benchmark asks of the product, in one place: a changed interface is met here and nowhere else.

Frames go through the product as a user's would: 8-bit sRGB → scene-linear picture → prepare → render → 8-bit sRGB.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gioconda import pixels
from gioconda.color import display_srgb
from gioconda.engine import Portrait, render
from gioconda.face.nets import Nets
from gioconda.face.region import around_landmarks, whole_picture
from gioconda.face.tracker import track_video
from gioconda.image import write_png
from gioconda.inputs import Opened, open_portrait
from gioconda.pose import Performance
from gioconda.protocol import LARGEST, Job, Message
from gioconda.retarget import RetargetSettings, retarget
from gioconda.video import read_frames

from .clips import MOST_FRAMES, Clip, clip_from
from .long_take import long_take
from .metrics import Bytes, Points

# The clip drives its own first frame: that is the neutral one; the head comes closer and goes away with the clip's.
SELF_DRIVEN = RetargetSettings(neutral=0, lock_scale=False)
DETECTION = 0.4


def use_one_thread() -> None:
    """This process keeps to one thread. (numba and BLAS are told through the environment before they start.)"""
    pixels.set_threads(0)


def open_nets(models: Path, threads: int | None = None) -> Nets:
    """The converted nets, on the CPU."""
    return Nets.open(models, "cpu", threads=threads)


def load_clip(path: Path, nets: Nets) -> Clip:
    """A video's first frames, tracked by the product and cut around the face; a lost face stays where it was."""
    motion = track_video(path, nets, max_frames=MOST_FRAMES)
    if motion.landmarks is None:
        raise ValueError(f"{path}: the tracker gave no landmarks")
    landmarks = motion.landmarks.astype(np.float64)
    found = ~np.isnan(landmarks).any((1, 2))
    last = np.maximum.accumulate(np.where(found, np.arange(len(landmarks)), np.argmax(found)))
    frames = list(read_frames(path, stop=MOST_FRAMES))
    return clip_from(path.stem, frames, landmarks[last], motion)


class Animated:
    """A clip's first frame as a portrait that the clip's face drives, as the product ships."""

    def __init__(self, clip: Clip, models: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="gioconda-bench-") as folder:
            picture = Path(folder) / "first.png"
            write_png(picture, clip.frames[0])
            self.opened = portrait_at(picture, models, threads=1)
        self.performance = retarget(clip.motion, self.opened.portrait.landmarks, SELF_DRIVEN)

    def frame(self, index: int) -> tuple[Bytes, npt.NDArray[np.float32]]:
        """The portrait driven by frame `index`: (H, W, 3) uint8 sRGB, and its matte (H, W) 0..1."""
        passes = render(self.opened.portrait, self.performance[index], passes=("Combined", "Matte")).passes
        # The display is chosen once, from the source: a frame that overshoots 1 must not look different.
        return display_srgb(passes["Combined"], exposure=self.opened.display), passes["Matte"][..., 0]


class Looking:
    """Finds face and person in any picture afresh, as MediaPipe does for a still: one detection, one look."""

    def __init__(self, nets: Nets) -> None:
        self._nets = nets

    def landmarks(self, picture: Bytes) -> Points | None:
        """(478, 3) pixels; None where no face is found."""
        for detector in (self._nets.near, self._nets.far):
            boxes = detector.detect(picture, whole_picture(picture), threshold=DETECTION)
            if boxes:
                return self._nets.landmarker.look(picture, boxes[0].region(), smooth=False)[0]
        return None

    def person(self, picture: Bytes, landmarks: Points) -> npt.NDArray[np.float32]:
        """(H, W) 0..1: where the person is, by segmentation."""
        small = self._nets.segmenter.person(picture, around_landmarks(landmarks))
        height, width = picture.shape[:2]
        return np.asarray(pixels.resize(small, width, height, method="linear"), np.float32)


def long_performance(portrait: Portrait, frames: int) -> Performance:
    """A portrait following the benchmark's own motion."""
    return retarget(long_take(frames), portrait.landmarks)


def portrait_at(picture: Path, models: Path, *, threads: int | None = None) -> Opened:
    """A picture file → a portrait ready to be moved, the way `gioconda animate` does it."""
    job = Job(
        portrait=str(picture), motion="take", output="unused.####.exr", models=str(models), face=LARGEST, device="cpu",
        threads=threads,
    )  # fmt: skip
    return open_portrait(job, _silent)


def _silent(_message: Message) -> None:
    """Nobody is told."""
