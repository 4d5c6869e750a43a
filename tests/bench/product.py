"""Everything the benchmark asks of the product, in one place: a changed interface is met here and nowhere else.

Frames go through the product as a user's would: 8-bit sRGB → scene-linear picture → prepare → render → 8-bit sRGB.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from gioconda.engine import Portrait, PosedPortrait, pose_portrait, render, render_rows
from gioconda.face.nets import Nets
from gioconda.face.region import around_landmarks, whole_picture
from gioconda.face.tracker import track_video
from gioconda.imaging import resample
from gioconda.imaging.color import display_srgb
from gioconda.imaging.exr import ExrWriter
from gioconda.imaging.image import write_png
from gioconda.imaging.video import read_frames
from gioconda.job.job import LARGEST, Job
from gioconda.job.passes import DEFAULT_PASSES, PASSES
from gioconda.job.retarget import RetargetSettings
from gioconda.landmarks import COUNT
from gioconda.models import load_registry
from gioconda.motion import track_cache
from gioconda.motion.motion import Motion
from gioconda.motion.retarget import retarget
from gioconda.neural.corrector import Corrector, corrected_frame, open_corrector
from gioconda.pose import Performance, Pose, rotation_matrix
from gioconda.render.open_motion import still_motion
from gioconda.render.open_portrait import Opened, open_portrait
from gioconda.render.sequence import band_rows
from gioconda.worker.messages import Message, Report, Stage

from .clips import MOST_FRAMES, Clip, clip_from
from .long_take import long_take
from .memory import peak_mb, reset_peak
from .metrics import Bytes, Points

# The clip drives its own first frame: that is the neutral one; the head comes closer and goes away with the clip's.
SELF_DRIVEN = RetargetSettings(neutral=0, lock_scale=False)
DETECTION = 0.4

Band = tuple[int, dict[str, npt.NDArray[np.float32]]]  # first row, passes of (rows, W, channels)


def use_one_thread() -> None:
    """This process keeps to one thread. (Kernels and BLAS are told through the environment before they start.)"""
    cv2.setNumThreads(0)


def open_nets(models: Path, threads: int | None = None) -> Nets:
    """The converted nets, on the CPU."""
    return Nets.open(models, "cpu", threads=threads)


def load_clip(path: Path, nets: Nets, *, cache: Path | None = None) -> Clip:
    """A video's first frames, tracked by the product and cut around the face; a lost face stays where it was.

    cache: where tracked clips are kept, found again by the content of video, nets and code; None: nowhere.
    """
    motion = _tracked(path, nets, cache) if cache else track_video(path, nets, max_frames=MOST_FRAMES)
    if motion.landmarks is None:
        raise ValueError(f"{path}: the tracker gave no landmarks")
    landmarks = motion.landmarks.astype(np.float64)
    found = ~np.isnan(landmarks).any((1, 2))
    last = np.maximum.accumulate(np.where(found, np.arange(len(landmarks)), np.argmax(found)))
    frames = list(read_frames(path, stop=MOST_FRAMES))
    return clip_from(path.stem, frames, landmarks[last], motion)


def _tracked(path: Path, nets: Nets, cache: Path) -> Motion:
    """The motion of a video's first frames, tracked once."""
    files = [model.sha256 for model in load_registry().values() if model.task != "correction"]
    key = track_cache.key_of(path, files, f"first {MOST_FRAMES}")
    motion = track_cache.load(cache, key)
    if motion is None:
        motion = track_video(path, nets, max_frames=MOST_FRAMES)
        track_cache.save(cache, key, motion)
    return motion


def corrector_for(portrait: Portrait, quality: str, models: Path, *, threads: int | None = 1) -> Corrector | None:
    """The networks of a quality ("off", "fast", "full") for a portrait, on the CPU."""
    job = Job(
        portrait="",
        motion="take",
        output="####.exr",
        models=str(models),
        neural=quality,
        device="cpu",
        threads=threads,
    )
    return open_corrector(job, portrait, StageClock())


class Animated:
    """A clip's first frame as a portrait that the clip's face drives, as the product ships."""

    def __init__(self, clip: Clip, models: Path, *, cache: Path | None = None) -> None:
        with tempfile.TemporaryDirectory(prefix="gioconda-bench-") as folder:
            picture = Path(folder) / "first.png"
            write_png(picture, clip.frames[0])
            self.opened = portrait_at(picture, models, threads=1, cache=cache)
        self.performance = retarget(clip.motion, self.opened.portrait.landmarks, SELF_DRIVEN)

    def frame(self, index: int) -> tuple[Bytes, npt.NDArray[np.float32]]:
        """The portrait driven by frame `index`: (H, W, 3) uint8 sRGB, and its matte (H, W) 0..1."""
        passes = render(self.opened.portrait, self.performance[index], passes=("Combined", "Matte")).passes
        # The display is chosen once, from the source: a frame that overshoots 1 must not look different.
        return display_srgb(passes["Combined"], exposure=self.opened.display), passes["Matte"][..., 0]

    def corrector_of(self, quality: str, models: Path) -> Corrector | None:
        """The networks of a quality for this portrait."""
        return corrector_for(self.opened.portrait, quality, models)

    def corrected_by(self, corrector: Corrector | None, index: int) -> Bytes:
        """Frame `index` with the networks' corrections, (H, W, 3) uint8 sRGB; without any where there is none."""
        portrait = self.opened.portrait if corrector is None else corrector.portrait
        posed = pose_portrait(portrait, self.performance[index])
        return display_srgb(_with(corrector, posed), exposure=self.opened.display)

    def changed_at_rest(self, corrector: Corrector | None) -> int:
        """See `changed_at_rest`."""
        return changed_at_rest(self.opened.portrait if corrector is None else corrector.portrait, corrector)


class Sitting:
    """Any picture as a portrait that is asked to take poses, without and with networks."""

    def __init__(
        self, picture: Path, models: Path, *, neural: str, cache: Path | None = None, threads: int | None = 1
    ) -> None:
        self.opened = portrait_at(picture, models, threads=threads, cache=cache)
        self.corrector = corrector_for(self.opened.portrait, neural, models, threads=threads)

    def poses(self, wanted: Sequence[tuple[Mapping[str, float], float]]) -> list[Pose]:
        """ARKit channels 0..1 and yaw in degrees → poses of this portrait, relative to how it is."""
        names = tuple(dict.fromkeys(name for channels, _ in wanted for name in channels)) or ("jawOpen",)
        values = np.array([[channels.get(name, 0.0) for name in names] for channels, _ in (({}, 0.0), *wanted)])
        turned = np.stack([rotation_matrix(yaw=yaw) for _, yaw in (({}, 0.0), *wanted)])
        motion = Motion(
            24.0,
            np.arange(len(values)),
            channels=values.astype(np.float32),
            channel_names=names,
            rotation=turned,
            neutral=0,
        )
        performance = retarget(motion, self.opened.portrait.landmarks, RetargetSettings(neutral=0))
        return [performance[k + 1] for k in range(len(wanted))]

    def geometry(self, pose: Pose) -> Bytes:
        """Without networks, (H, W, 3) uint8 sRGB."""
        return display_srgb(_with(None, pose_portrait(self.opened.portrait, pose)), exposure=self.opened.display)

    def corrected(self, pose: Pose) -> Bytes:
        """With networks, likewise."""
        portrait = self.opened.portrait if self.corrector is None else self.corrector.portrait
        return display_srgb(_with(self.corrector, pose_portrait(portrait, pose)), exposure=self.opened.display)

    def landmarks(self, pose: Pose) -> Points:
        """Where the landmarks are, (478, 3) pixels."""
        return pose_portrait(self.opened.portrait, pose).position[:COUNT]


def changed_at_rest(portrait: Portrait, corrector: Corrector | None) -> int:
    """How many of the source's values, (H, W, 4) float32, are others when nothing moves and networks are on."""
    still = retarget(still_motion([1], 24.0), portrait.landmarks)[0]
    return int((_with(corrector, pose_portrait(portrait, still)) != portrait.source).sum())


def _with(corrector: Corrector | None, posed: PosedPortrait) -> npt.NDArray[np.float32]:
    """A whole frame, (H, W, 4) premultiplied scene-linear, corrected where there is somebody to do it."""
    if corrector is not None:
        return corrected_frame(corrector, posed, ("Combined",))["Combined"]
    return render_rows(posed, 0, posed.portrait.height, passes=("Combined",)).passes["Combined"]


class Looking:
    """Finds face and person in any picture afresh, as MediaPipe does for a still: one detection, one look."""

    def __init__(self, nets: Nets) -> None:
        self._nets = nets

    def landmarks(self, picture: Bytes) -> Points | None:
        """(478, 3) pixels; None where no face is found."""
        for detector in (self._nets.near, self._nets.far):
            boxes = detector.detect(picture, whole_picture(picture), threshold=DETECTION)
            if boxes:
                return self._nets.landmarker.predict(picture, boxes[0].region(), smooth=False)[0]
        return None

    def steady(self, picture: Bytes, landmarks: Points) -> Points:
        """The same face, looked at eight times: (478, 3) pixels with a quarter of one look's noise."""
        return self._nets.landmarker.averaged(picture, landmarks.astype(np.float64))

    def person(self, picture: Bytes, landmarks: Points) -> npt.NDArray[np.float32]:
        """(H, W) 0..1: where the person is, by segmentation."""
        small = self._nets.segmenter.person(picture, around_landmarks(landmarks))
        height, width = picture.shape[:2]
        return np.asarray(resample.resize(small, width, height, method="linear"), np.float32)


def long_performance(portrait: Portrait, frames: int) -> Performance:
    """A portrait following the benchmark's own motion."""
    return retarget(long_take(frames), portrait.landmarks)


def render_as_written(
    portrait: Portrait, performance: Performance, index: int, passes: Sequence[str], *, draft: bool = False
) -> Iterator[Band]:
    """One frame as `gioconda animate` makes it: band by band, with its neighbours for the motion vectors."""
    previous, following = performance[index - 1], performance[index + 1]
    posed = pose_portrait(portrait, performance[index], previous=previous, following=following)
    step = band_rows(portrait.width, sum(PASSES[name].count for name in passes))
    for row in range(0, portrait.height, step):
        rows = min(step, portrait.height - row)
        yield row, render_rows(posed, row, rows, passes=passes, smooth_edges=not draft).passes


def write_frame(path: Path, portrait: Portrait, bands: Iterable[Band], compression: str) -> None:
    """A rendered frame as one multilayer EXR, half and float as the product chooses."""
    with ExrWriter(path, portrait.width, portrait.height, DEFAULT_PASSES, compression=compression) as exr:
        for row, passes in bands:
            exr.write_rows(row, passes)


class StageClock:
    """Told of a job's stages, it knows how long each took and how much memory was held meanwhile.

    "read" includes opening the nets.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks_mb: dict[str, float] = {}
        self._name = ""
        self._began = 0.0

    def __call__(self, message: Message) -> None:
        if isinstance(message, Stage):
            self.stop()
            self._name, self._began = message.name, time.perf_counter()
            reset_peak()

    def stop(self) -> None:
        """The last stage ends now."""
        if self._name:
            self.seconds[self._name] = time.perf_counter() - self._began
            self.peaks_mb[self._name] = peak_mb()
        self._name = ""


def portrait_at(
    picture: Path,
    models: Path,
    *,
    threads: int | None = None,
    report: Report | None = None,
    cache: Path | None = None,
) -> Opened:
    """A picture file → a portrait ready to be moved, the way `gioconda animate` does it.

    cache: where prepared portraits are kept; None: as the first time, nothing is.
    """
    with tempfile.TemporaryDirectory(prefix="gioconda-bench-") as nothing_kept:
        job = Job(
            portrait=str(picture),
            motion="take",
            output="unused.####.exr",
            models=str(models),
            cache=str(cache or nothing_kept),
            face=LARGEST,
            device="cpu",
            threads=threads,
            neural="off",
        )
        return open_portrait(job, report or StageClock())
