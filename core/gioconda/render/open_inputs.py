"""What a job names, opened: the portrait made ready, the motion read or tracked. Knows nothing of what is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..engine import Portrait, prepare
from ..errors import OutputError, PictureError
from ..external.folder import read_notice
from ..face.analyse import Analysis, analyse
from ..face.matte import estimate_matte
from ..face.nets import Nets
from ..face.tracker import track_video
from ..files import cache_folder, file_sha256
from ..imaging.color import Display, Floats, choose_display, display_srgb
from ..imaging.image import Picture, read_picture
from ..job.frame_range import FrameRange
from ..job.job import LARGEST, PATHS, REST, TAKE, Job, names_file
from ..models import load_registry
from ..motion import track_cache
from ..motion.demo_motion import FPS, make_demo_motion
from ..motion.files import load_motion
from ..motion.motion import Motion
from ..neural import background
from ..neural.choice import COMPLETION, OFF, used_models
from ..worker.messages import Log, Progress, Report, Stage, Warn
from . import cache

Srgb = npt.NDArray[np.uint8]

VIDEOS = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".mxf", ".wmv")
TRANSPARENT = 0.02  # a picture with more than this part of it transparent is a cut-out: its alpha is the matte


def contents_of(job: Job, **known: str) -> dict[str, str]:
    """What a job's frames are made of: setting or network → SHA-256; what is no file stands for itself.

    known: hashes that were made before.

    Raises:
        InputError: a file cannot be read; ModelError, SettingsError: the networks or the engine cannot be used.
    """
    contents = dict(known)
    for name, kind in PATHS.items():
        if kind == "file" and name not in known:
            value = getattr(job, name)
            contents[name] = file_sha256(value) if names_file(name, value) else value or ""
    contents |= {name: model.sha256 for name, model in used_models(job).items()}
    return contents | ({"engine": read_notice(Path(job.engine)).digest()} if job.engine else {})


@dataclass(frozen=True)
class Opened:
    """A portrait ready to be moved, and what the frames' headers say of it."""

    portrait: Portrait
    analysis: Analysis
    display: Display  # how its pixels are shown
    pixel_aspect: float
    sha256: str  # of the picture's file


def find_face(
    path: str,
    report: Report,
    *,
    face: int | str | None = None,
    points: str | None = None,
    colorspace: str = "auto",
    ocio: str | None = None,
    models: str | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> tuple[Picture, Srgb, Display, Analysis]:
    """Read a picture and find the face. Returns the picture, how it looks (H, W, 3) uint8, by which display, the face.

    Raises:
        PictureError, SettingsError, NoFaceError, InputError, ModelError, DeviceError.
    """
    report(Stage("read", f"Reading {path}"))
    picture = read_picture(path, colorspace=colorspace, ocio_config=ocio)
    for note in picture.notes:
        report(Warn(note))
    display = choose_display(picture.pixels)
    srgb = display_srgb(picture.pixels, exposure=display)
    nets = open_nets(models, device, threads, report)
    report(Stage("analyse", "Finding the face"))
    analysis = analyse(srgb, nets, face=face, points=Path(points) if points else None)
    for note in analysis.notes:
        report(Log(note))
    return picture, srgb, display, analysis


def open_portrait(job: Job, report: Report) -> Opened:
    """Read the picture, find the face, cut the person out, make it ready.

    Raises:
        As `find_face`.
    """
    picture, srgb, display, analysis = find_face(
        job.portrait,
        report,
        face=job.face,
        points=job.points,
        colorspace=job.colorspace,
        ocio=job.ocio,
        models=job.models,
        device=job.device,
        threads=job.threads,
    )
    report(Stage("prepare", "Cutting the person out and making the portrait ready"))
    given = given_with(job, picture)
    folder = Path(job.cache) if job.cache else cache_folder()
    paints = place_is_painted(job, cutout=given.cutout)
    network = used_models(job).get(COMPLETION) if paints else None
    key = cache.key_of(
        picture.pixels,
        looks=srgb,
        landmarks=analysis.landmarks,
        person=analysis.person,
        painted=paints,
        network=network.sha256 if network else None,
        **asdict(given),
    )
    portrait = cache.load(folder, key, picture.pixels) if folder else None
    if portrait is not None:
        report(Log("The portrait was made ready before."))
    else:
        matte = given.matte if given.matte is not None else estimate_matte(srgb, analysis.person, analysis.landmarks)
        del srgb  # nobody looks at it from here on, and making ready is what needs the most memory
        portrait = prepare(picture.pixels, analysis.landmarks, matte, clean_plate=given.plate, cutout=given.cutout)
        del matte
        if paints:
            portrait = with_painted_place(job, portrait, report)
        _keep(folder, key, portrait, report)
    return Opened(portrait, analysis, display, picture.pixel_aspect, picture.sha256)


def place_is_painted(job: Job, *, cutout: bool) -> bool:
    """Whether what the person hides is painted anew for a settled job.

    With networks, unless the place is the artist's own or cut out. It takes no network itself: see `completion`.
    """
    return job.neural != OFF and not job.plate and not cutout


def with_painted_place(job: Job, portrait: Portrait, report: Report) -> Portrait:
    """The portrait with what it hides of the place painted, for a job of which `place_is_painted` says so.

    Raises: ModelError, DeviceError.
    """
    report(Stage("complete", "Painting what the person hides"))
    net = None
    if COMPLETION in used_models(job):  # none ships: what was learned so far gained nothing on held-out people
        # always on the processor: it is quick, and another device would give another place
        net = background.CompletionNet.open(Path(job.models) if job.models else None, "cpu", threads=job.threads)
    return background.complete(portrait, net, own_matte=job.matte is not None)


def _keep(folder: Path | None, key: str, portrait: Portrait, report: Report) -> None:
    """For the next time; a folder that cannot be written is no reason to stop."""
    try:
        if folder:
            cache.save(folder, key, portrait)
    except OutputError as error:
        report(Log(f"The portrait will have to be made ready again next time: {error}"))


def open_nets(models: str | None, device: str, threads: int | None, report: Report) -> Nets:
    """The analysis nets on the asked-for device; says which one it got."""
    nets = Nets.open(Path(models) if models else None, device, threads=threads)
    report(Log(f"The face nets run on {nets.device}."))
    return nets


@dataclass(frozen=True)
class Given:
    """What the artist or the picture brings along of the person and the place."""

    matte: Floats | None  # the person's, (H, W) float32, 0..1
    plate: Floats | None  # the place without the person, (H, W, 4) float32, scene-linear
    cutout: bool  # nothing lies behind the person


def given_with(job: Job, picture: Picture) -> Given:
    """The job's matte and plate, or the picture's own alpha where that is a matte. Raises: PictureError."""
    plate = (
        read_picture(job.plate, colorspace=job.plate_colorspace or job.colorspace, ocio_config=job.ocio).pixels
        if job.plate
        else None
    )
    cutout = is_cutout(picture)
    matte = artists_matte(Path(job.matte)) if job.matte else np.clip(picture.pixels[..., 3], 0, 1) if cutout else None
    return Given(matte, plate, cutout)


def is_cutout(picture: Picture) -> bool:
    """Whether so much of a picture is transparent that its alpha is the person's matte."""
    return picture.has_alpha and float((picture.pixels[..., 3] < 0.5).mean()) > TRANSPARENT


def artists_matte(path: Path) -> Floats:
    """The alpha of a picture that has one, else its brightness; values as the file has them."""
    picture = read_picture(path, colorspace="linear")
    matte = picture.pixels[..., 3] if picture.has_alpha else picture.pixels[..., :3].mean(axis=2)
    if float(matte.max()) <= 0:
        raise PictureError(f"The matte {path} is empty: white is the person, black is not.")
    return np.clip(matte, 0, 1).astype(np.float32)


def open_motion(job: Job, report: Report) -> Motion:
    """Read a motion file, track a video, make the built-in take, or the one in which nothing moves.

    Raises:
        MotionError: the file is missing or broken; ModelError, DeviceError for a video.
    """
    if job.motion == REST:
        return at_rest(FrameRange.parse(job.frames).numbers() or [1], job.fps or FPS)
    report(Stage("motion", f"Reading the motion {job.motion}"))
    if job.motion == TAKE:
        return make_demo_motion(job.fps or FPS)
    motion = _tracked(job, report) if Path(job.motion).suffix.lower() in VIDEOS else load_motion(job.motion)
    return motion if job.fps is None else replace(motion, fps=job.fps)


def _tracked(job: Job, report: Report) -> Motion:
    """The motion of a job's video: tracked, unless it was before."""
    video, folder = Path(job.motion), Path(job.cache) if job.cache else cache_folder()
    if not video.is_file() or folder is None:
        return track(video, open_nets(job.models, job.device, job.threads, report), LARGEST, report)
    nets = [net.sha256 for net in load_registry(job.models).values()]
    key = track_cache.key_of(video, nets, LARGEST)
    motion = track_cache.load(folder, key)
    if motion is not None:
        report(Log("The video was tracked before."))
        return motion
    motion = track(video, open_nets(job.models, job.device, job.threads, report), LARGEST, report)
    try:
        track_cache.save(folder, key, motion)
    except OutputError as error:
        report(Log(f"The video will have to be tracked again next time: {error}"))
    return motion


def at_rest(frames: list[int], fps: float) -> Motion:
    """The motion of a portrait that stays as it is, at any frames."""
    return Motion(fps, np.array(frames), channels=np.zeros((len(frames), 1), np.float32), channel_names=("jawOpen",))


def track(path: Path, nets: Nets, face: int | str | None, report: Report) -> Motion:
    """Follow a face through a video.

    Raises:
        MotionError, NoFaceError.
    """
    report(Stage("track", f"Tracking the face in {path}"))
    return track_video(path, nets, face=face, on_progress=lambda done, total: report(Progress(done, max(done, total))))
