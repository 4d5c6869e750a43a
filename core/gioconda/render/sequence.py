"""A job from first frame to last: open motion and portrait, retarget, render and write each frame.

The main thread renders; an `EncodeQueue` encodes on all cores and writes in order. A frame is rendered in bands of
rows, so that memory does not grow with the picture, and appears under its name only when it is whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import __version__
from ..arrays import Float32
from ..engine import Portrait, pose_portrait
from ..errors import SettingsError
from ..external.composite import ExternalEngine, open_external_engine
from ..external.folder import read_notice
from ..gpu.choice import open_renderer
from ..imaging.color import config_path
from ..imaging.exr import provenance
from ..imaging.review import Preview
from ..job.fingerprint import fingerprint, pixel_settings
from ..job.frame_range import FrameRange
from ..job.job import REST, Job
from ..job.passes import PASSES
from ..job.retarget import RetargetSettings
from ..motion.curves import read_curves, with_curves
from ..motion.motion import Motion
from ..motion.retarget import retarget
from ..neural.bands import corrected_bands
from ..neural.choice import resolved
from ..neural.corrector import Corrector, corrected_frame, open_corrector
from ..pose import Performance, Pose
from ..provenance.sign import sign_sequence, source_type
from ..worker.messages import Log, Progress, Report, Stage, Warn
from . import placeholders
from .encode_queue import EncodeQueue
from .frame_files import PROCESSOR, FrameFiles, OpenFrame, check_output, contents_of, frame_fingerprint
from .group import PERSON, farther, merged, needed_passes, open_group, person_passes
from .open_motion import open_motion, still_motion
from .open_portrait import Opened, open_portrait
from .review_sound import review_sound

if TYPE_CHECKING:
    from ..gpu.renderer import Renderer

Correction = Corrector | ExternalEngine
BAND_BYTES = 16_000_000  # of rendered rows in one band
OPEN_MOUTH = 0.12  # a gap between the lips by the mouth's width above this is told
BANDS = 6  # waiting, being encoded or being written; one more is being rendered


def render(job: Job, report: Report, *, opener: Callable[[Job, Report], Opened] = open_portrait) -> dict[str, Any]:
    """Run a job. Returns what was made, as plain data. `opener` may have the portrait open already.

    Raises: GiocondaError: anything the user can put right; finished frames stay, unfinished ones leave nothing behind.
    """
    started = time.monotonic()
    job = resolved(job, report)
    jobs = job.of_persons() or (job,)
    motions, there = open_motions(jobs, report)
    numbers = chosen_frames(job.frames, there, report)
    check_output(job, numbers)
    if job.ocio:
        config_path(job.ocio)  # also where the picture's own space needs none: a wrong one is a mistake
    if job.persons:
        group = open_group(job, report)
        opened = group[0].opened
        still = still_motion(there, motions[0].fps)
        actors = [
            Actor(
                one.job, one.opened.portrait, performance_of(one.job, still, one.opened.portrait.landmarks), None, far
            )
            if one.index is None
            else actor_of(one.job, one.opened, motions[one.index], report, far)
            for one in group
            for far in (one.distance,)
        ]
    else:
        opened = opener(job, report)
        actors = [actor_of(job, opened, motions[0], report)]
    performance = actors[0].performance
    files = frame_files(job, opened, actors)
    to_come = [*(numbers if job.placeholders else ()), *(() if job.rest is None else (job.rest,))]
    put_placeholders(files, actors, to_come, report)
    report(Stage("render", f"Rendering {len(numbers)} frames of {files.size[0]} × {files.size[1]} to {job.output}"))
    sounds = (review_sound(one, motion, numbers, report) for one, motion in zip(jobs, motions, strict=True))
    sound = next((one for one in sounds if one is not None), None) if job.review else None
    with Preview(fps=performance.fps, video=job.review, sheet=job.sheet, sound=sound) as preview:
        if job.review or job.sheet:
            files.looks.append(preview.add)
        renderer, corrector = None, actors[0].corrector
        if len(actors) == 1 and not isinstance(corrector, ExternalEngine):
            renderer = open_renderer(job, opened.portrait, corrector, report)
        kept = write_frames(job, files, actors, numbers, report, renderer=renderer)
    sign_sequence(job, numbers, opened.sha256, report)
    return summary(job, files, numbers, kept, time.monotonic() - started)


@dataclass(frozen=True)
class Actor:
    """A driven person: the portrait, how it moves, what corrects it.

    Attributes:
        job: this person's alone.
        farther: metres by which the person is further away than the nearest.
    """

    job: Job
    portrait: Portrait
    performance: Performance
    corrector: Correction | None = None
    farther: float = 0.0

    @cached_property
    def index(self) -> dict[int, int]:
        """Frame number → index in the performance."""
        return {int(number): i for i, number in enumerate(self.performance.frames)}

    @property
    def matte(self) -> str:
        """The pass that is this person's matte in a group."""
        return f"{PERSON}{self.job.face}"

    def poses(self, number: int) -> tuple[Pose, Pose | None, Pose | None]:
        return poses_of(self.performance, self.index[number])


def actor_of(job: Job, opened: Opened, motion: Motion, report: Report, farther: float = 0.0) -> Actor:
    """Raises: SettingsError, MotionError, ModelError, InputError, DeviceError."""
    corrector = open_correction(job, opened.portrait, report)
    performance = performance_of(job, motion, opened.portrait.landmarks)
    tell_neutral(performance, report)
    return Actor(job, opened.portrait, performance, corrector, farther)


def open_motions(jobs: Sequence[Job], report: Report) -> tuple[list[Motion], list[int]]:
    """The motions of all persons, at one rate, that of the first who moves; the frames that all of them have.

    Raises: MotionError, SettingsError, ModelError, DeviceError.
    """
    moving = [job for job in jobs if job.motion != REST or job.curves] or list(jobs[:1])
    found = {id(job): open_motion(job, report) for job in moving}
    for job in moving:
        retarget_settings(job, [int(number) for number in found[id(job)].frames])  # before any work
    fps = found[id(moving[0])].fps
    for job in moving[1:]:
        motion = found[id(job)]
        if abs(motion.fps / fps - 1) >= 1e-3:
            report(Log(f"Person {job.face}'s motion goes from {motion.fps:g} to {fps:g} frames a second."))
        if motion.fps != fps:
            found[id(job)] = motion.retimed(fps, int(motion.frames[0]))
    every = [{int(number) for number in found[id(job)].frames} for job in moving]
    shared = sorted(set.intersection(*every))
    if not shared:
        each = "; ".join(
            f"person {job.face} has {FrameRange.format(sorted(there))}"
            for job, there in zip(moving, every, strict=True)
        )
        raise SettingsError(
            f"The persons' motions have no frame in common: {each}. --person N.motion_start=FRAME moves one."
        )
    for job in moving:
        if len(shared) < len(found[id(job)]):
            report(Log(f"Of person {job.face}'s motion those frames count that all persons' motions have."))
    return [found[id(job)] if id(job) in found else still_motion(shared, fps) for job in jobs], shared


def open_correction(job: Job, portrait: Portrait, report: Report) -> Correction | None:
    """Networks, somebody else's engine, or nothing. Raises: ModelError, InputError, DeviceError."""
    if job.engine is None:
        return open_corrector(job, portrait, report)
    return open_external_engine(Path(job.engine), portrait, report, device=job.device, threads=job.threads)


def performance_of(job: Job, motion: Motion, landmarks: npt.NDArray[np.floating]) -> Performance:
    """The motion retargeted to landmarks (478, 3), pixels, or nothing at all. Raises: SettingsError, MotionError."""
    settings = retarget_settings(job, [int(number) for number in motion.frames])
    curves = None if job.curves is None else read_curves(job.curves)
    if job.motion != REST:
        gains = None if curves is None else curves.at(motion.frames).gains
        performance = retarget(motion, landmarks, settings, gains)
    else:
        still, count = Pose(), len(motion)
        displacement = np.broadcast_to(np.float32(0), (count, *still.displacement.shape))
        turn, shift = (np.broadcast_to(one, (count, *one.shape)) for one in (still.rotation, still.translation))
        shoulders = settings.shoulders if curves is not None else still.shoulders
        performance = Performance(
            displacement, turn, shift, np.ones(count), motion.frames, motion.fps, shoulders=shoulders
        )
    return performance if curves is None else with_curves(performance, landmarks, curves)


def tell_neutral(performance: Performance, report: Report) -> None:
    """Which frame of the motion leaves the portrait as it is, and why; what to do where mouths are open."""
    notes = performance.notes
    if "neutral" not in notes:  # nothing moves
        return
    number = None if notes["neutral"] == "rest" else int(performance.frames[notes["neutral"]])
    if number is None:
        report(Log("The motion's neutral face is that of all channels at zero."))
    else:
        report(Log(f"The motion's neutral frame is {number}: {notes['neutral_why']}."))
    mouth, settings = notes["mouth_open"], notes["settings"]
    if settings["mode"] != "relative":
        return
    if min(mouth["neutral"], mouth["portrait"]) > OPEN_MOUTH and number is not None and not settings["neutralise"]:
        report(
            Warn(
                f"The mouth is open in the portrait and in the motion's neutral frame {number}: --neutralise shuts the "
                "portrait's, --neutral FRAME takes a frame in which the motion's is shut."
            )
        )
    elif mouth["neutral"] > OPEN_MOUTH and number is not None:
        report(Warn(f"In the neutral frame {number} the mouth is open: --neutral FRAME takes one in which it is shut."))
    elif mouth["portrait"] > OPEN_MOUTH and not settings["neutralise"]:
        report(Warn("The portrait's mouth is open and stays so where the motion's is shut: --neutralise shuts it."))


def put_placeholders(files: FrameFiles, actors: Sequence[Actor], numbers: list[int], report: Report) -> None:
    """The portrait as it is wherever there is no frame yet, of these numbers. Raises: OutputError."""
    if not numbers:
        return
    header = {**files.header(None), "comments": "A placeholder: this frame is not rendered yet."}
    mark = header["gioconda:placeholder"] = header["gioconda:job"]
    header["gioconda:job"] = "placeholder"
    paths = placeholders.missing(files, numbers, mark)
    if not paths:
        return

    def draw(path: Path) -> None:
        with files.writer(path, header) as exr, EncodeQueue(BANDS, workers=files.job.threads) as queue:
            for row, passes in group_bands(files, [replace(one, corrector=None) for one in actors], None):
                rows = len(passes["Combined"])
                queue.put(partial(exr.write_pieces, row, rows), *exr.pieces(passes))

    report(Stage("placeholders", f"Putting the portrait as it is in place of {len(paths)} frames to come"))
    placeholders.put(paths, mark, draw)


def summary(job: Job, files: FrameFiles, numbers: list[int], kept: int, seconds: float) -> dict[str, Any]:
    """What a job made, with the sentence for people."""
    new = len(numbers) - kept
    where = ", ".join(str(path) for path in (files.path(numbers[0]).parent, job.review, job.sheet) if path)
    text = f"{new} frames in {seconds:.1f} s: {where}"
    return {
        "frames": FrameRange.format(numbers),
        "rendered": new,
        "kept": kept,
        "seconds": round(seconds, 2),
        "output": job.output,
        "review": job.review,
        "sheet": job.sheet,
        "text": text + (f" ({kept} frames were whole already)" if kept else ""),
    }


def write_frames(
    job: Job,
    files: FrameFiles,
    actors: Sequence[Actor],
    numbers: list[int],
    report: Report,
    *,
    renderer: Renderer | None = None,
) -> int:
    """Render what is missing, in order, writing beside rendering. Returns how many frames were kept as they were.

    actors: the nearest first.
    renderer: draws whole frames of a single actor ahead, on a graphics card; what it leaves out is drawn here.
    """
    progress = Counter(len(numbers), report)
    kept = files.kept(numbers, report)
    ahead: Iterator[dict[str, Float32] | None] = iter(())
    if renderer is not None:
        todo = (actors[0].poses(number) for number in numbers if number not in kept)
        posed = (partial(pose_portrait, actors[0].portrait, pose, previous=a, following=b) for pose, a, b in todo)
        ahead = renderer.stream(posed, files.passes, report)
    try:
        with EncodeQueue(BANDS, workers=job.threads) as queue:
            for number in numbers:
                if number in kept:
                    finish: Callable[[], None] = partial(files.show_again, number)
                else:
                    whole = next(ahead, None)
                    frame = OpenFrame(files, number, renderer=renderer.label if renderer and whole else PROCESSOR)
                    for row, passes in group_bands(files, actors, number, whole):
                        queue.put(partial(frame.rows, row, len(passes["Combined"])), *frame.pieces(row, passes))
                    finish = frame.finish
                queue.put(partial(progress, number, str(files.path(number)), finish))
    finally:
        files.abandon()
    return len(kept)


def group_bands(
    files: FrameFiles, actors: Sequence[Actor], number: int | None, whole: dict[str, Float32] | None = None
) -> Iterator[tuple[int, dict[str, Float32]]]:
    """A frame of all actors, the nearest first, from top to bottom: (first row, passes of (rows, W, channels)).

    number: None: all as they are in the picture. whole: drawn already, of a single actor.
    """
    alone = len(actors) == 1
    wanted = files.passes if alone else needed_passes(files.passes)
    step = band_rows(files.size[0], len(actors) * sum(PASSES[name].count for name in wanted))
    drawn = [
        bands(
            files,
            wanted,
            step,
            one.portrait,
            *(one.poses(number) if number is not None else (Pose(), None, None)),
            one.corrector,
            whole,
        )
        for one in actors
    ]
    if alone:
        yield from drawn[0]
        return
    for every in zip(*drawn, strict=True):
        row, passes = every[-1]
        passes = {**farther(passes, actors[-1].farther), actors[-1].matte: passes["Matte"]}
        for one, (_, front) in zip(actors[-2::-1], every[-2::-1], strict=True):
            passes = merged(farther(front, one.farther), passes, one.portrait, row)
            passes[one.matte] = front["Matte"]
        yield row, {name: passes[name] for name in files.passes}


def bands(
    files: FrameFiles,
    wanted: Sequence[str],
    step: int,
    portrait: Portrait,
    pose: Pose,
    previous: Pose | None,
    following: Pose | None,
    corrector: Correction | None = None,
    whole: dict[str, Float32] | None = None,
) -> Iterator[tuple[int, dict[str, Float32]]]:
    """A frame of one portrait (`whole`: drawn already) from top to bottom: (first row, passes), `step` rows each."""
    height = files.size[1]
    if whole is None:
        posed = pose_portrait(portrait, pose, previous=previous, following=following)
        smooth_edges = not files.job.draft
        if corrector is None or isinstance(corrector, Corrector) or pose.is_identity:
            own = corrector if isinstance(corrector, Corrector) else None
            yield from corrected_bands(own, posed, wanted, step, smooth_edges=smooth_edges)
            return
        whole = corrected_frame(corrector, posed, wanted, smooth_edges=smooth_edges)
    for row in range(0, height, step):
        yield row, {name: array[row : row + step] for name, array in whole.items()}


def poses_of(performance: Performance, i: int) -> tuple[Pose, Pose | None, Pose | None]:
    """A frame's own pose, and those of the frame numbers just before and after it; None where the motion has none."""
    numbers = performance.frames
    before = performance[i - 1] if i > 0 and numbers[i] - numbers[i - 1] == 1 else None
    after = performance[i + 1] if i + 1 < len(numbers) and numbers[i + 1] - numbers[i] == 1 else None
    return performance[i], before, after


def band_rows(width: int, channels: int) -> int:
    """Rows in a band: a multiple of 16, the height of EXR's blocks."""
    return max(16, BAND_BYTES // (4 * width * channels) // 16 * 16)


def retarget_settings(job: Job, frames: list[int]) -> RetargetSettings:
    """The job's, its neutral frame as an index among the motion's `frames`. Raises: SettingsError."""
    if job.motion == REST:
        return RetargetSettings.from_dict(dict(job.retarget))
    if not isinstance(job.neutral, int):
        return RetargetSettings.from_dict({"neutral": job.neutral or "auto", **job.retarget})
    if job.neutral not in frames:
        raise SettingsError(
            f"The neutral frame {job.neutral} is not in the motion; it has {FrameRange.format(frames)}."
        )
    return RetargetSettings.from_dict({"neutral": frames.index(job.neutral), **job.retarget})


def chosen_frames(text: str, there: list[int], report: Report) -> list[int]:
    """The motion's frames in a range; those missing in a gap are told and left out. Raises: SettingsError: others."""
    wanted = FrameRange.parse(text).numbers()
    if not wanted:
        return there
    outside = [number for number in (wanted[0], wanted[-1]) if not there[0] <= number <= there[-1]]
    if outside:
        raise SettingsError(f"There is no frame {outside[0]} in the motion; it has {FrameRange.format(there)}.")
    missing = sorted(set(wanted) - set(there))
    if missing:
        report(Warn(f"The motion has no frame {FrameRange.format(missing)}: left out."))
    chosen = sorted(set(wanted) & set(there))
    if not chosen:
        raise SettingsError(f"The motion has none of the frames {text}; it has {FrameRange.format(there)}.")
    return chosen


def frame_files(job: Job, opened: Opened, actors: Sequence[Actor]) -> FrameFiles:
    """Where the frames go, with the header each of them gets."""
    engine = read_notice(Path(job.engine)) if job.engine else None
    contents = contents_of(job, portrait=opened.sha256)
    motions = [contents.pop("motion")]  # the poses count instead
    if job.persons:
        motions = [contents.pop(f"persons[{i}].motion", one.motion) for i, one in enumerate(job.of_persons(), 1)]
    fps = actors[0].performance.fps
    contents["fps"] = f"{fps:.6g}"
    job_fingerprint = fingerprint(job, contents)
    moving = "Vector" in job.passes  # shows where the neighbours are

    def header(number: int | None) -> dict[str, Any]:
        shown = 3 if moving else 1
        poses = [pose for one in actors for pose in ((Pose(),) if number is None else one.poses(number)[:shown])]
        return provenance(
            software=f"Gioconda {__version__}",
            frame=number or 0,
            fps=fps,
            settings=pixel_settings(job),
            pixel_aspect=opened.pixel_aspect,
            source_sha256=opened.sha256,
            motion_sha256=", ".join(motions),
            job=frame_fingerprint(job_fingerprint, poses),
            consent=job.consents(),
            engine=engine.plain() if engine else None,
            digital_source_type=source_type(job),
        )

    files = FrameFiles(job, (opened.portrait.width, opened.portrait.height), header, opened.display)
    if len(actors) > 1:
        files.passes += person_passes([int(one.job.face or 0) for one in actors], files.passes)
    return files


class Counter:
    """Finishes frames, counts them and tells how long the rest will take. Called on the writing thread."""

    def __init__(self, total: int, report: Report) -> None:
        self.total, self.report = total, report
        self.done = 0
        self.started = time.monotonic()

    def __call__(self, number: int, path: str, finish: Callable[[], None]) -> None:
        finish()
        self.done += 1
        each = (time.monotonic() - self.started) / self.done
        left = round(each * (self.total - self.done), 1)
        self.report(Progress(self.done, self.total, frame=number, path=path, seconds_left=left))
