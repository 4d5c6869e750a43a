"""A job's portrait, opened: read, the face found, the person cut out, prepared; at its own size or for previews."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import landmarks as lm
from ..arrays import Float32
from ..engine import Portrait, prepare
from ..engine.portrait import check_size
from ..errors import OutputError, PictureError
from ..face.analyse import Analysis, choose_face, from_face, from_points
from ..face.hair import estimate_hair
from ..face.hand_placed import parse_points
from ..face.matte import estimate_matte
from ..face.nets import Nets
from ..face.search import Face, find_faces
from ..face.spectacles import find_spectacles
from ..files import cache_folder
from ..imaging import resample
from ..imaging.color import Display, choose_display, display_srgb
from ..imaging.image import read_picture, refuse_empty
from ..job.fingerprint import portrait_settings
from ..job.job import PATHS, Job
from ..motion.readers.text import read_text
from ..worker.messages import Log, Report, Stage, Warn
from ..worker.requests import Analyse, Warm
from . import cache
from .lru_cache import LruCache, stamp

Srgb = npt.NDArray[np.uint8]

PREVIEW_SOURCE = 1024  # longest side of the picture that is kept for previews, pixels
PREVIEW_EYES = 12.0  # pixels between the eyes that a preview needs at least
_BEHIND_PX = 512  # longer side at which it is guessed what of a person those in front hide
TRANSPARENT = 0.02  # a picture with more than this part of it transparent is a cut-out: its alpha is the matte


@dataclass(frozen=True)
class SourcePicture:
    """A portrait's picture as it was read."""

    key: Hashable  # what it is known by in caches
    pixels: Float32  # (H, W, 4), scene-linear, premultiplied; reduced where only previews are made of it
    srgb: Srgb  # (H, W, 3), the whole picture as the nets see it
    display: Display  # how its pixels are shown
    cutout: bool  # its alpha is the person's matte
    pixel_aspect: float
    sha256: str  # of the file

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole picture."""
        return int(self.srgb.shape[1]), int(self.srgb.shape[0])


@dataclass(frozen=True)
class Opened:
    """A portrait ready to be posed, and what the frames' headers say of it."""

    portrait: Portrait
    analysis: Analysis  # of the whole picture
    display: Display  # how its pixels are shown
    pixel_aspect: float
    sha256: str  # of the picture's file
    key: Hashable = None  # what it is known by in caches


class PortraitOpener:
    """Opens portraits at their own size or, for previews, a smaller one; the face is always found at the full one."""

    def __init__(self, *, keeps: bool = False, check: Callable[[], None] = lambda: None) -> None:
        """`keeps`: a few of what was read, found and made, for the next time. `check` raises when nobody wants the
        portrait any more."""
        self._check, self._keeps = check, keeps
        self._nets: LruCache[Nets] = LruCache(2 if keeps else 1)  # asked for twice by one opening
        self._pictures: LruCache[SourcePicture] = LruCache(4 if keeps else 0, max_bytes=400_000_000)
        self._faces: LruCache[list[Face]] = LruCache(20 if keeps else 0)
        self._analyses: LruCache[Analysis] = LruCache(20 if keeps else 0, max_bytes=100_000_000)
        self._portraits: LruCache[Portrait] = LruCache(12 if keeps else 0, max_bytes=600_000_000)

    def open(self, job: Job, report: Report, size: int | None = None) -> Opened:
        """Read the picture, find the face, cut the person out, make the portrait ready.

        `size`: of the longer side, pixels: more where the face would be too small, at most the picture's; None: the
        picture's own, and the portrait is kept on disk.

        Raises: PictureError, SettingsError, NoFaceError, InputError, ModelError, DeviceError.
        """
        source = self.picture(job, report, size)
        found = self.analysis(source, job, report)
        if not self._keeps:
            self._nets.clear()  # what comes now needs their memory
        longest = None if size is None else _preview_size(source, found, size)
        key = (longest, *portrait_key(job))
        if longest is None:
            portrait = self._portraits.get(key, lambda: full_size(source, found, job, report))
            return Opened(portrait, found, source.display, source.pixel_aspect, source.sha256, key)

        def prepared() -> Portrait:
            report(Stage("prepare", f"Making the portrait ready for previews of {longest} pixels"))
            small = found.scaled(longest / max(source.size))
            pixels = resample.resize(source.pixels, *small.size, method="area")
            srgb = display_srgb(pixels, exposure=source.display)
            return _prepared(pixels, srgb, small, artist_layers(job, source, pixels), self._check)

        portrait = self._portraits.get(key, prepared)
        return Opened(portrait, found, source.display, source.pixel_aspect, source.sha256, key)

    def nets(self, asked: Job | Analyse | Warm, report: Report) -> Nets:
        key = (asked.models, asked.device, asked.threads)
        return self._nets.get(key, lambda: open_nets(asked.models, asked.device, asked.threads, report))

    def picture(self, asked: Job | Analyse, report: Report, size: int | None = None) -> SourcePicture:
        """Raises: PictureError, SettingsError."""
        longest = None if size is None else max(PREVIEW_SOURCE, size)
        key = (stamp(asked.portrait), asked.colorspace, stamp(asked.ocio), asked.layer)

        def read() -> SourcePicture:
            report(Stage("read", f"Reading {asked.portrait}"))
            space, config = asked.colorspace, asked.ocio
            picture = read_picture(asked.portrait, colorspace=space, ocio_config=config, layer=asked.layer)
            refuse_empty(picture)
            for note in picture.notes:
                report(Warn(note))
            display, alpha = choose_display(picture.pixels), picture.pixels[..., 3]
            return SourcePicture(
                key,
                picture.pixels if longest is None else resample.fit(picture.pixels, longest),
                display_srgb(picture.pixels, exposure=display),
                display,
                picture.has_alpha and float((alpha < 0.5).mean()) > TRANSPARENT,
                picture.pixel_aspect,
                picture.sha256,
            )

        return self._pictures.get((key, longest), read)

    def faces(self, source: SourcePicture, asked: Job | Analyse, report: Report) -> list[Face]:
        """All faces of the picture, from left to right."""
        nets, wanted = self.nets(asked, report), asked.face if isinstance(asked.face, int) else 1

        def find() -> list[Face]:
            report(Stage("analyse", "Finding the face"))
            return find_faces(source.srgb, nets, wanted=wanted)

        return self._faces.get((source.key, wanted, asked.models, asked.device), find)

    def analysis(self, source: SourcePicture, asked: Job | Analyse, report: Report) -> Analysis:
        """Landmarks and person of the face that is asked for. Raises: NoFaceError, InputError."""
        nets = self.nets(asked, report)
        if asked.points is not None:
            name, text = points_text(asked.points)

            def fit() -> Analysis:
                report(Stage("analyse", "Fitting the face to the points"))
                return _noted(from_points(source.srgb, nets, parse_points(text, source.size, name)), report)

            return self._analyses.get((source.key, nets.device, text), fit)
        faces = self.faces(source, asked, report)
        index = choose_face(faces, asked.face)
        self._check()
        key = (source.key, nets.device, index, len(faces))
        return self._analyses.get(key, lambda: _noted(from_face(source.srgb, nets, faces, index), report))


def portrait_key(job: Job) -> tuple[Hashable, ...]:
    """What a prepared portrait is known by in memory: the settings it depends on, and its files as they are now."""
    settings = portrait_settings(job)
    return tuple(stamp(value) if name in PATHS else value for name, value in settings.items())


def open_portrait(job: Job, report: Report) -> Opened:
    """A resolved job's portrait, see `PortraitOpener.open`."""
    return PortraitOpener().open(job, report)


def find_face(asked: Job | Analyse, report: Report) -> tuple[SourcePicture, Analysis]:
    """Read a picture and find the face. Raises: as `PortraitOpener.open`."""
    opener = PortraitOpener()
    source = opener.picture(asked, report)
    return source, opener.analysis(source, asked, report)


def _noted(analysis: Analysis, report: Report) -> Analysis:
    for note in analysis.notes:
        report(Log(note))
    return analysis


def full_size(
    source: SourcePicture, found: Analysis, job: Job, report: Report, *, hidden: Float32 | None = None
) -> Portrait:
    """The portrait at the picture's own size: kept on disk, or made ready. `hidden`: see `_prepared`."""
    report(Stage("prepare", "Cutting the person out and making the portrait ready"))
    given = artist_layers(job, source, source.pixels)
    folder = Path(job.cache) if job.cache else cache_folder()
    key = cache.key_of(
        source.pixels,
        looks=source.srgb,
        landmarks=found.landmarks,
        person=found.person,
        hair=found.hair,
        human=found.human,
        **({} if hidden is None else {"hidden": hidden}),
        **asdict(given),
    )
    portrait = cache.load(folder, key, source.pixels) if folder else None
    if portrait is not None:
        report(Log("The portrait was made ready before."))
        return portrait
    portrait = _prepared(source.pixels, source.srgb, found, given, hidden=hidden)
    try:
        if folder:
            cache.save(folder, key, portrait)
    except OutputError as error:  # no reason to stop
        report(Log(f"The portrait will have to be made ready again next time: {error}"))
    return portrait


def _prepared(
    pixels: Float32,
    srgb: Srgb,
    found: Analysis,
    given: ArtistLayers,
    check: Callable[[], None] = lambda: None,
    *,
    hidden: Float32 | None = None,
) -> Portrait:
    """Everything of one size. `check` raises when nobody wants it any more.

    hidden: (H, W) float32, 0..1, how much people in front cover; `srgb` shows them, `pixels` does not.
    """
    check()
    with ThreadPoolExecutor(1, "gioconda-spectacles") as beside:
        spectacles = None if given.rigid is not None else beside.submit(find_spectacles, srgb, found.landmarks)
        matte = given.matte if given.matte is not None else estimate_matte(srgb, found.person, found.landmarks)
        if hidden is not None and given.matte is None:
            matte = continued_behind(matte, hidden)
        check()
        hair = estimate_hair(srgb, found.hair, matte, found.landmarks)
        rigid = given.rigid if spectacles is None else spectacles.result()
    return prepare(
        pixels,
        found.landmarks,
        matte,
        hair=hair,
        clean_plate=given.plate,
        rigid=rigid,
        cutout=given.cutout,
        own_matte=given.matte is not None,
        teeth=found.human,
    )


def continued_behind(matte: Float32, hidden: Float32) -> Float32:
    """A person's matte (H, W) as it may be without those in front, smoothly from what is seen beside them.

    hidden: (H, W) float32, 0..1, how much those in front cover.
    """
    height, width = matte.shape
    small = resample.shrunk(hidden, _BEHIND_PX)
    seen = resample.erode(small < 0.05, 1)
    if not seen.any() or seen.all():
        return matte
    h, w = small.shape
    guess = resample.fill_holes_smooth(resample.resize(matte, w, h, method="area"), seen)
    guess = np.clip((guess - 0.35) / 0.3, 0, 1)
    behind = resample.resize(np.asarray(guess, np.float32), width, height, method="linear")
    return np.asarray(np.where(hidden > 0, np.maximum(matte, behind), matte), np.float32)


def _preview_size(source: SourcePicture, found: Analysis, asked: int) -> int:
    """Longest side of a preview: as asked for, more where the face would be too small, at most the picture's."""
    apart = max(lm.interocular(found.landmarks), 1.0)
    needed = int(np.ceil(max(source.size) * PREVIEW_EYES / apart))
    return min(max(asked, needed), max(source.size))


def points_text(points: str | Mapping[str, Any]) -> tuple[str, str]:
    """Hand-placed points as JSON text, from a file or from what it would hold: what messages call them, the text."""
    return (points, read_text(Path(points))) if isinstance(points, str) else ("The points", json.dumps(points))


def open_nets(models: str | None, device: str, threads: int | None, report: Report) -> Nets:
    """The analysis nets on the asked-for device; says which one it got."""
    nets = Nets.open(Path(models) if models else None, device, threads=threads)
    report(Log(f"The face nets run on {nets.device}."))
    return nets


@dataclass(frozen=True)
class ArtistLayers:
    """What the artist or the picture's own alpha says of person and background."""

    matte: Float32 | None  # the person's, (H, W) float32, 0..1
    plate: Float32 | None  # the background without the person, (H, W, 4) float32, scene-linear
    rigid: Float32 | None  # what lies before the face and does not bend, (H, W) float32, 0..1
    cutout: bool  # nothing lies behind the person


def artist_layers(job: Job, source: SourcePicture, pixels: Float32) -> ArtistLayers:
    """The job's layers (its matte, else the alpha of a cut-out) at the size of `pixels`. Raises: PictureError."""
    matte = plate = rigid = None
    if job.matte:
        matte = _fitted("matte", artists_matte(Path(job.matte)), source, pixels)
    elif source.cutout:
        matte = np.clip(pixels[..., 3], 0, 1)
    if job.plate:
        whole = read_picture(job.plate, colorspace=job.plate_colorspace or job.colorspace, ocio_config=job.ocio).pixels
        plate = _fitted("clean plate", whole, source, pixels)
    if job.rigid:
        rigid = _fitted("rigid mask", read_mask(Path(job.rigid)), source, pixels)
    return ArtistLayers(matte, plate, rigid, source.cutout)


def _fitted(name: str, layer: Float32, source: SourcePicture, pixels: Float32) -> Float32:
    """A layer of the whole picture's size at the size of `pixels`."""
    check_size(name, layer, source.size)
    height, width = pixels.shape[:2]
    return layer if layer.shape[:2] == (height, width) else resample.resize(layer, width, height, method="area")


def artists_matte(path: Path) -> Float32:
    """As `read_mask`. Raises: PictureError: it is empty."""
    matte = read_mask(path)
    if float(matte.max()) <= 0:
        raise PictureError(f"The matte {path} is empty: white is the person, black is not.")
    return matte


def read_mask(path: Path) -> Float32:
    """The alpha of a picture that has one, else its brightness, (H, W) 0..1; values as the file has them."""
    picture = read_picture(path, colorspace="linear")
    mask = picture.pixels[..., 3] if picture.has_alpha else picture.pixels[..., :3].mean(axis=2)
    return np.clip(mask, 0, 1).astype(np.float32)
