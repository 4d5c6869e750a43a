"""Answers a staying worker's requests for analyses and previews, from what it keeps between them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Float32
from ..engine import PosedPortrait, pose_portrait
from ..errors import NoFaceError
from ..face.analyse import Analysis, choose_face
from ..face.matte import estimate_matte
from ..face.search import Face
from ..files import unwritable
from ..imaging import resample
from ..imaging.image import write_png
from ..job.job import REST, Job
from ..motion.files import from_plain
from ..neural.bands import corrected_bands
from ..neural.choice import OFF, resolved
from ..neural.corrector import Corrector, open_corrector
from ..pose import Performance, Pose
from ..worker.messages import Report, Stage
from ..worker.requests import Analyse, Preview, Warm
from .lru_cache import LruCache, stamp
from .open_motion import open_motion, still_motion
from .open_portrait import PREVIEW_SOURCE, Opened, PortraitOpener, SourcePicture, artists_matte
from .sequence import performance_of
from .warm_up import load_everything

BAND = 128  # rows between two checks whether a preview is still wanted
NAMES = 8  # results lie under this many names in turn: whoever reads the newest is never disturbed


class PreviewService:
    """Answers analyses and previews, from what it keeps between them."""

    def __init__(self, check: Callable[[], None]) -> None:
        """`check` raises when nobody wants the answer any more."""
        self._check = check
        self._opener = PortraitOpener(keeps=True, check=check)
        self._neural: LruCache[str] = LruCache(8)
        self._correctors: LruCache[Corrector | None] = LruCache(3)
        self._performances: LruCache[Performance] = LruCache(4, max_bytes=400_000_000)

    def analyse(self, request: Analyse, report: Report) -> dict[str, Any]:
        """See `requests.Analyse`. Raises: any GiocondaError but MotionError."""
        source = self._opener.picture(request, report, PREVIEW_SOURCE)
        faces = self._faces(source, request, report)
        boxes = [{"box": [round(float(side), 1) for side in face.box], "score": round(face.score, 4)} for face in faces]
        data: dict[str, Any] = {"size": list(source.size), "faces": boxes}
        if request.points is None and not _is_chosen(faces, request.face):
            notes = [f"There are {len(faces)} faces: choose one."]
            return data | {"face": None, "landmarks": None, "matte": None, "hand_placed": False, "notes": notes}
        found = self._opener.analysis(source, request, report)
        self._check()
        report(Stage("matte", "Cutting the person out"))
        matte = Path(request.folder) / f"matte-{request.id % NAMES}.png"
        write_png(matte, _matte_picture(source, found, request))
        return data | {
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
        source = self._opener.picture(job, report, request.size)
        if job.points is None and not _is_chosen(faces := self._faces(source, job, report), job.face):
            raise NoFaceError(f"There are {len(faces)} faces in the picture: analyse it and choose one.")
        job = replace(job, neural=self._resolved_neural(job, report) if request.neural else OFF)
        opened = self._opener.open(job, report, request.size)
        performance = self._performance(job, request, opened.analysis, report)
        posed = pose_portrait(opened.portrait, _pose_at(performance, request.frame))
        self._check()
        picture = self._picture(posed, self._corrector(opened, job, report), smooth_edges=not job.draft)
        path = Path(request.folder) / f"preview-{request.id % NAMES}.npy"
        _write(path, picture)
        height, width = picture.shape[:2]
        seconds = round(time.monotonic() - started, 4)
        return {"path": str(path), "width": width, "height": height, "frame": request.frame, "seconds": seconds}

    def warm(self, request: Warm, report: Report) -> dict[str, Any]:
        """See `requests.Warm`. Raises: ModelError, DeviceError."""
        started = time.monotonic()
        report(Stage("warm", "Loading nets and renderer"))
        nets = self._opener.nets(request, report)
        self._check()
        load_everything()
        return {"seconds": round(time.monotonic() - started, 2), "device": nets.device}

    def _faces(self, source: SourcePicture, asked: Analyse | Job, report: Report) -> list[Face]:
        """All faces. Raises: NoFaceError."""
        faces = self._opener.faces(source, asked, report)
        if not faces and not asked.points:
            raise NoFaceError(
                f"No face was found in {asked.portrait}: crop it closer to the face, or place a few points by hand."
            )
        return faces

    def _resolved_neural(self, job: Job, report: Report) -> str:
        """The networks that the job asks for, “auto” resolved. Raises: as `neural.choice.resolved`."""
        asked = (job.neural, job.models, job.device, stamp(job.identity))
        return self._neural.get(asked, lambda: resolved(job, report).neural)

    def _corrector(self, opened: Opened, job: Job, report: Report) -> Corrector | None:
        """The networks of a resolved job, for a small portrait. Raises: ModelError, DeviceError, InputError."""
        key = (opened.key, job.neural, job.models, job.device, job.threads, stamp(job.identity))
        return self._correctors.get(key, lambda: open_corrector(job, opened.portrait, report))

    def _performance(self, job: Job, request: Preview, found: Analysis, report: Report) -> Performance:
        if request.motion is not None:
            return performance_of(replace(job, motion=""), from_plain(request.motion), found.landmarks)
        if job.motion == REST:
            return performance_of(job, still_motion([request.frame], 24.0), found.landmarks)
        settings = json.dumps(dict(job.retarget), sort_keys=True)
        curves = None if job.curves is None else stamp(job.curves)
        how = (job.fps, job.motion_start, job.neutral, settings)
        key = (stamp(job.motion), curves, *how, found.landmarks.tobytes())
        return self._performances.get(key, lambda: performance_of(job, open_motion(job, report), found.landmarks))

    def _picture(self, posed: PosedPortrait, corrector: Corrector | None, *, smooth_edges: bool) -> Float32:
        """(H, W, 4) float32, scene-linear, premultiplied."""
        picture = np.empty((posed.portrait.height, posed.portrait.width, 4), np.float32)
        for row, made in corrected_bands(corrector, posed, ("Combined",), BAND, smooth_edges=smooth_edges):
            self._check()
            picture[row : row + BAND] = made["Combined"]
        return picture


def _matte_picture(source: SourcePicture, found: Analysis, request: Analyse) -> npt.NDArray[np.uint8]:
    """The person's matte, (h, w) uint8."""
    if request.matte:
        matte = artists_matte(Path(request.matte))
    elif source.cutout:
        matte = np.clip(source.pixels[..., 3], 0, 1)
    else:
        small = found.scaled(min(1.0, request.longest / max(source.size)))
        srgb = resample.resize(source.srgb, *small.size, method="area")
        matte = estimate_matte(np.asarray(srgb, np.uint8), small.person, small.landmarks)
    return np.asarray(resample.fit(matte, request.longest) * 255 + 0.5, np.uint8)


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
    """The frame's, or the nearest there is: before its start and after its end a motion holds."""
    return performance[int(np.abs(performance.frames - frame).argmin())]


def _write(path: Path, picture: Float32) -> None:
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
