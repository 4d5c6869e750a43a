"""Answers to what a staying worker is asked, from what it keeps warm: nets, pictures, faces, small portraits.

A preview is the portrait made ready at a small size; the face is always found at the full one.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..engine import Portrait, PosedPortrait, pose_portrait, prepare
from ..errors import NoFaceError, PictureError, SettingsError
from ..face.analyse import Analysis, choose_face, from_face, from_points
from ..face.hand_placed import parse_points
from ..face.matte import estimate_matte
from ..face.nets import Nets
from ..face.search import Face, find_faces
from ..files import unwritable
from ..imaging import resample
from ..imaging.color import Display, Floats, choose_display, display_srgb
from ..imaging.image import read_picture, write_png
from ..job.frame_range import FrameRange
from ..job.job import REST, Job
from ..motion.files import from_plain
from ..motion.readers.text import read_text
from ..neural.bands import corrected_bands, drawn_bands
from ..neural.choice import OFF, settled
from ..neural.corrector import Corrector, open_corrector
from ..pose import Performance, Pose
from ..worker.messages import Log, Report, Stage
from ..worker.requests import Analyse, Preview, Warm
from .lru_cache import LruCache, stamp
from .open_inputs import (
    Given,
    artists_matte,
    at_rest,
    is_cutout,
    open_motion,
    open_nets,
    place_is_painted,
    with_painted_place,
)
from .sequence import performance_of
from .warm_up import compile_everything

LOOKING = 1024  # longest side of the picture that is kept for previews, pixels
LEAST_EYES = 12.0  # pixels between the eyes that a preview needs at least
BAND = 128  # rows between two looks at whether a preview is still wanted
NAMES = 8  # results lie under this many names in turn: whoever reads the newest is never disturbed


@dataclass(frozen=True)
class Look:
    """A picture as it is kept.

    Attributes:
        key: what it is known by.
        srgb: (H, W, 3) uint8, the whole picture as the nets see it.
        small: (h, w, 4) float32, scene-linear, premultiplied, reduced.
        display: how its pixels are shown.
        cutout: its alpha is the person's matte.
    """

    key: Hashable
    srgb: npt.NDArray[np.uint8]
    small: Floats
    display: Display
    cutout: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole picture."""
        return int(self.srgb.shape[1]), int(self.srgb.shape[0])


class PreviewService:
    """Everything that is kept between requests, and the answers made from it."""

    def __init__(self, check: Callable[[], None]) -> None:
        """`check` raises when nobody wants the answer any more."""
        self._check = check
        self._nets: LruCache[Nets] = LruCache(2)
        self._looks: LruCache[Look] = LruCache(4, max_bytes=400_000_000)
        self._faces: LruCache[list[Face]] = LruCache(20)
        self._analyses: LruCache[Analysis] = LruCache(20, max_bytes=100_000_000)
        self._portraits: LruCache[Portrait] = LruCache(12, max_bytes=600_000_000)
        self._qualities: LruCache[str] = LruCache(8)
        self._correctors: LruCache[Corrector | None] = LruCache(3)
        self._performances: LruCache[Performance] = LruCache(4, max_bytes=400_000_000)

    # Requests ---------------------------------------------------------------------------------------------------------

    def analyse(self, request: Analyse, report: Report) -> dict[str, Any]:
        """See `requests.Analyse`. Raises: any GiocondaError but MotionError."""
        look = self._look(request.portrait, request.colorspace, request.ocio, LOOKING, report)
        nets = self._open_nets(request, report)
        faces = self._find(look, nets, request, report)
        boxes = [{"box": [round(float(side), 1) for side in face.box], "score": round(face.score, 4)} for face in faces]
        data: dict[str, Any] = {"size": list(look.size), "faces": boxes, "face": None, "landmarks": None, "matte": None}
        points = _points_text(request.points)
        if points is None and not _is_chosen(faces, request.face):
            return {**data, "hand_placed": False, "notes": [f"There are {len(faces)} faces: choose one."]}
        found = self._analysis(look, nets, faces, request.face, points, report)
        self._check()
        report(Stage("matte", "Cutting the person out"))
        matte = Path(request.folder) / f"matte-{request.id % NAMES}.png"
        write_png(matte, _matte_to_look_at(look, found, request))
        return {
            **data,
            "face": None if found.hand_placed else found.face,
            "landmarks": [[round(float(value), 3) for value in point] for point in found.landmarks],
            "matte": str(matte),
            "hand_placed": found.hand_placed,
            "notes": list(found.notes),
        }

    def preview(self, request: Preview, report: Report) -> dict[str, Any]:
        """See `requests.Preview`. Raises: as `render.render`."""
        started = time.monotonic()
        job = Job.from_plain(request.job)
        look = self._look(job.portrait, job.colorspace, job.ocio, max(LOOKING, request.size), report)
        nets = self._open_nets(job, report)
        points = read_text(Path(job.points)) if job.points else None
        faces = [] if points else self._find(look, nets, job, report)
        found = self._analysis(look, nets, faces, job.face, points, report)
        longest = _preview_size(look, found, request.size)
        job = replace(job, neural=self._quality(job, report) if request.neural else OFF)
        portrait = self._portrait(look, found, job, longest, report)
        key: Hashable = _portrait_key(look, found, job, longest)
        if place_is_painted(job, cutout=look.cutout):
            plain, key = portrait, (key, job.models)
            self._check()
            portrait = self._portraits.get(key, lambda: with_painted_place(job, plain, report))
        performance = self._performance(job, request, found, report)
        posed = pose_portrait(portrait, _pose_at(performance, request.frame))
        self._check()
        corrector = self._corrector(key, portrait, job, report)
        picture = self._picture(posed, corrector, smooth_edges=not job.draft)
        path = Path(request.folder) / f"preview-{request.id % NAMES}.npy"
        _write(path, picture)
        height, width = picture.shape[:2]
        seconds = round(time.monotonic() - started, 4)
        return {"path": str(path), "width": width, "height": height, "frame": request.frame, "seconds": seconds}

    def warm(self, request: Warm, report: Report) -> dict[str, Any]:
        """See `requests.Warm`. Raises: ModelError, DeviceError."""
        started = time.monotonic()
        report(Stage("warm", "Loading nets and renderer"))
        nets = self._open_nets(request, report)
        self._check()
        compile_everything()
        return {"seconds": round(time.monotonic() - started, 2), "device": nets.device}

    # What they are made from ------------------------------------------------------------------------------------------

    def _open_nets(self, asked: Analyse | Job | Warm, report: Report) -> Nets:
        key = (asked.models, asked.device, asked.threads)
        return self._nets.get(key, lambda: open_nets(asked.models, asked.device, asked.threads, report))

    def _look(self, path: str, colorspace: str, ocio: str | None, longest: int, report: Report) -> Look:
        key = (stamp(path), colorspace, stamp(ocio))

        def make() -> Look:
            report(Stage("read", f"Reading {path}"))
            picture = read_picture(path, colorspace=colorspace, ocio_config=ocio)
            for note in picture.notes:
                report(Log(note))
            display = choose_display(picture.pixels)
            srgb = display_srgb(picture.pixels, exposure=display)
            return Look(key, srgb, _reduced(picture.pixels, longest), display, is_cutout(picture))

        return self._looks.get((key, longest), make)

    def _find(self, look: Look, nets: Nets, asked: Analyse | Job, report: Report) -> list[Face]:
        """All faces. Raises: NoFaceError."""
        wanted = asked.face if isinstance(asked.face, int) else 1

        def make() -> list[Face]:
            report(Stage("analyse", "Finding the face"))
            return find_faces(look.srgb, nets, wanted=wanted)

        faces = self._faces.get((look.key, wanted, asked.models, asked.device), make)
        if not faces and not asked.points:
            raise NoFaceError(
                f"No face was found in {asked.portrait}: crop it closer to the face, or place a few points by hand."
            )
        return faces

    def _analysis(
        self, look: Look, nets: Nets, faces: list[Face], face: int | str | None, points: str | None, report: Report
    ) -> Analysis:
        """Landmarks and person. Raises: NoFaceError, InputError."""

        def make() -> Analysis:
            if points is not None:
                report(Stage("analyse", "Fitting the face to the points"))
                return from_points(look.srgb, nets, parse_points(points, look.size))
            report(Stage("analyse", "Finding the landmarks"))
            if not _is_chosen(faces, face):
                raise NoFaceError(f"There are {len(faces)} faces in the picture: analyse it and choose one.")
            return from_face(look.srgb, nets, faces, choose_face(faces, face))

        key = (look.key, nets.device, points, None if points else (face, len(faces)))
        return self._analyses.get(key, make)

    def _portrait(self, look: Look, found: Analysis, job: Job, longest: int, report: Report) -> Portrait:

        def make() -> Portrait:
            report(Stage("prepare", f"Making the portrait ready for previews of {longest} pixels"))
            small = found.scaled(longest / max(look.size))
            source = resample.resize(look.small, *small.size, method="area")
            given = _given_small(look, job, source)
            self._check()
            srgb = display_srgb(source, exposure=look.display)
            matte = estimate_matte(srgb, small.person, small.landmarks) if given.matte is None else given.matte
            self._check()
            return prepare(source, small.landmarks, matte, clean_plate=given.plate, cutout=given.cutout)

        return self._portraits.get(_portrait_key(look, found, job, longest), make)

    def _quality(self, job: Job, report: Report) -> str:
        """The networks that the job asks for, “auto” settled. Raises: as `quality.settled`."""
        asked = (job.neural, job.models, job.device, stamp(job.identity))
        return self._qualities.get(asked, lambda: settled(job, report).neural)

    def _corrector(self, portrait_key: Hashable, portrait: Portrait, job: Job, report: Report) -> Corrector | None:
        """The networks of a settled job, for a small portrait. Raises: ModelError, DeviceError, InputError."""
        key = (portrait_key, job.neural, job.models, job.device, job.threads, stamp(job.identity))
        return self._correctors.get(key, lambda: open_corrector(job, portrait, report))

    def _performance(self, job: Job, request: Preview, found: Analysis, report: Report) -> Performance:
        if request.motion is not None:
            return performance_of(replace(job, motion=""), from_plain(request.motion), found.landmarks)
        if job.motion == REST:
            return performance_of(job, at_rest([request.frame], 24.0), found.landmarks)
        settings = json.dumps(dict(job.retarget), sort_keys=True)
        key = (stamp(job.motion), job.fps, job.neutral, settings, found.landmarks.tobytes())
        return self._performances.get(key, lambda: performance_of(job, open_motion(job, report), found.landmarks))

    def _picture(self, posed: PosedPortrait, corrector: Corrector | None, *, smooth_edges: bool) -> Floats:
        """(H, W, 4) float32, scene-linear, premultiplied."""
        passes = ("Combined",)
        if corrector is None:
            bands = drawn_bands(posed, passes, BAND, smooth_edges=smooth_edges)
        else:
            bands = corrected_bands(corrector, posed, passes, BAND, smooth_edges=smooth_edges)
        picture = np.empty((posed.portrait.height, posed.portrait.width, 4), np.float32)
        for row, made in bands:
            self._check()
            picture[row : row + BAND] = made["Combined"]
        return picture


def _reduced(picture: Floats, longest: int) -> Floats:
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    return resample.resize(picture, max(1, round(width * scale)), max(1, round(height * scale)), method="area")


def _portrait_key(look: Look, found: Analysis, job: Job, longest: int) -> Hashable:
    """What a small portrait is known by."""
    files = (stamp(job.matte), stamp(job.plate), job.plate_colorspace)
    return (look.key, found.landmarks.tobytes(), longest, *files)


def _preview_size(look: Look, found: Analysis, asked: int) -> int:
    """Longest side of a preview: as asked for, more where the face would be too small, at most the picture's."""
    apart = max(lm.interocular(found.landmarks), 1.0)
    needed = int(np.ceil(max(look.size) * LEAST_EYES / apart))
    return min(max(asked, needed), max(look.size))


def _given_small(look: Look, job: Job, source: Floats) -> Given:
    """As `inputs.given_with`, at the size of `source`. Raises: PictureError."""
    matte = plate = None
    if job.matte:
        matte = _fitted("matte", artists_matte(Path(job.matte)), look, source)
    elif look.cutout:
        matte = np.clip(source[..., 3], 0, 1)
    if job.plate:
        whole = read_picture(job.plate, colorspace=job.plate_colorspace or job.colorspace, ocio_config=job.ocio).pixels
        plate = _fitted("clean plate", whole, look, source)
    return Given(matte, plate, look.cutout)


def _fitted(name: str, layer: Floats, look: Look, source: Floats) -> Floats:
    """A layer of the whole picture's size at the size of `source`."""
    if (layer.shape[1], layer.shape[0]) != look.size:
        width, height = look.size
        raise PictureError(
            f"The {name} is {layer.shape[1]}×{layer.shape[0]}, the portrait {width}×{height}: "
            f"give a {name} of the portrait's size."
        )
    return resample.resize(layer, source.shape[1], source.shape[0], method="area")


def _matte_to_look_at(look: Look, found: Analysis, request: Analyse) -> npt.NDArray[np.uint8]:
    """The person's matte, (h, w) uint8."""
    if request.matte:
        matte = artists_matte(Path(request.matte))
    elif look.cutout:
        matte = np.clip(look.small[..., 3], 0, 1)
    else:
        small = found.scaled(min(1.0, request.longest / max(look.size)))
        srgb = resample.resize(look.srgb, *small.size, method="area")
        matte = estimate_matte(np.asarray(srgb, np.uint8), small.person, small.landmarks)
    return np.asarray(_reduced(matte, request.longest) * 255 + 0.5, np.uint8)


def _points_text(points: Any) -> str | None:
    """Hand-placed points as JSON text: from a file's name, or from what it would hold."""
    if points is None:
        return None
    return read_text(Path(points)) if isinstance(points, str) else json.dumps(points)


def _is_chosen(faces: list[Face], face: int | str | None) -> bool:
    """Whether it is clear which face is meant. Raises: NoFaceError where there is no such face."""
    if isinstance(face, int) and not 1 <= face <= len(faces):
        raise NoFaceError(f"There is no face {face}: {len(faces)} found, number 1 is the leftmost.")
    try:
        choose_face(faces, face)
    except NoFaceError:
        return False
    return True


def _pose_at(performance: Performance, frame: int) -> Pose:
    """Raises: SettingsError where the motion has no such frame."""
    found = np.flatnonzero(performance.frames == frame)
    if not len(found):
        there = FrameRange.format(int(number) for number in performance.frames)
        raise SettingsError(f"There is no frame {frame} in the motion; it has {there}.")
    return performance[int(found[0])]


def _write(path: Path, picture: Floats) -> None:
    """Whole or not at all; what a power cut leaves of it is of no interest. Raises: OutputError."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.save(file, picture)
        path.unlink(missing_ok=True)  # some file systems wait for the disk when one file replaces another
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise unwritable(path, error) from error
