"""What the artist set, as a job for the core: a `job.Job` and the files it names, in a folder of its own."""

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import bpy

from ..core.gioconda.errors import InputError, SettingsError
from ..core.gioconda.files import make_folder, policy_file, write_text
from ..core.gioconda.job.frame_range import FramePattern
from ..core.gioconda.job.job import REST, Job
from ..core.gioconda.job.passes import PASSES
from ..core.gioconda.job.retarget import GAINS
from ..core.gioconda.job.settings import declared
from ..core.gioconda.motion.files import save_motion
from ..core.gioconda.motion.motion import Motion
from . import expression, job_settings, preferences, rig
from .pictures import image_file
from .rig.steps import finish

MOTION, CURVES, POINTS, JOB = "motion.npz", "curves.csv", "points.json", "job.json"


def frame_range(tree: bpy.types.NodeTree, scene: bpy.types.Scene) -> tuple[int, int]:
    """First and last frame to render. Raises: SettingsError: there is none, or Blender could not show it."""
    said = scene if tree.gioconda.scene_range else tree.gioconda
    first, last = said.frame_start, said.frame_end
    if last < first:
        raise SettingsError(f"The frame range ends ({last}) before it starts ({first}): set it in the Output panel.")
    if first < 0:
        raise SettingsError(
            f"The frame range starts at {first}, and image sequences have no negative numbers: start at 0 or later."
        )
    return first, last


def output_of(tree: bpy.types.NodeTree) -> str:
    """Where the frames go, an absolute pattern. Raises: SettingsError: it cannot be known or used."""
    pattern = _absolute(tree, tree.gioconda.output, "output")
    FramePattern.parse(pattern)
    return pattern


def painters_of(tree: bpy.types.NodeTree) -> dict[str, str | None]:
    """Fields of `Job`: which networks correct the frames and whom they know, or whose engine paints them instead.

    Raises: SettingsError: a path cannot be known. InputError: the identity is not there.
    """
    settings = tree.gioconda
    if settings.engine:
        return {"engine": _absolute(tree, settings.engine, "engine"), "neural": "off"}
    if settings.neural == "off" or not settings.identity:
        return {"neural": settings.neural}
    identity = _absolute(tree, settings.identity, "identity")
    if not Path(identity).is_file():
        raise InputError(f"The identity is not at {identity}: choose it again, or make it with `gioconda personalise`.")
    return {"neural": settings.neural, "identity": identity}


def _absolute(tree: bpy.types.NodeTree, text: str, what: str) -> str:
    """A path as an artist gave it. Raises: SettingsError: it cannot be known."""
    if text.startswith("//") and not bpy.data.filepath:
        raise SettingsError(f"The {what} {text} is beside a .blend that was never saved: save it, or choose another.")
    return os.path.normpath(bpy.path.abspath(text, library=tree.library))


def retarget_of(tree: bpy.types.NodeTree) -> dict[str, object]:
    """Fields of `RetargetSettings`: the gains, and what suits the rig. Gains that change are in the curves."""
    gains = tree.gioconda.gains
    chosen = {name: round(float(getattr(gains, name)), 6) for name in (*GAINS, "shoulders", "neutralise")}
    chosen |= dict.fromkeys(expression.animated_gains(tree), 1.0)
    return {"mode": "absolute" if gains.absolute else "relative", **chosen, **rig.retarget_settings(tree)}


def consent_of(tree: bpy.types.NodeTree) -> dict[str, str] | None:
    """Who states why the portrait may be animated; None where a studio's policy says it.

    Raises: SettingsError: nobody does.
    """
    settings = tree.gioconda
    if settings.right != "none" and settings.right_who.strip():
        return {"right": settings.right, "who": settings.right_who.strip(), "text": ""}
    if settings.right == "none" and policy_file() is not None:
        return None
    missing = "choose why" if settings.right == "none" else "say who states that"
    raise SettingsError(f"Before rendering, {missing} this portrait may be animated: see below its picture.")


def still_job(tree: bpy.types.NodeTree, *, folder: Path, output: str, consent: dict[str, str] | None = None) -> Job:
    """Everything but the motion: the portrait as it is, to be rendered to `output`. Writes points and pictures that
    have no file of their own into `folder`.

    Raises: GiocondaError: the portrait cannot be used, the folder not written.
    """
    settings, worker = tree.gioconda, preferences.for_worker(bpy.context)
    make_folder(folder)
    source = image_file.source_of(settings.image, folder)
    matte = settings.matte and image_file.source_of(settings.matte, folder, what="matte")
    plate = settings.plate and image_file.source_of(settings.plate, folder, what="clean plate")
    rigid = settings.rigid and image_file.source_of(settings.rigid, folder, what="rigid mask")
    points = None
    if settings.landmarks and settings.hand_placed:
        points = str(folder / POINTS)
        write_text(Path(points), settings.landmarks)
    return Job(
        portrait=str(source.path),
        motion=REST,
        output=output,
        points=points,
        face=settings.face or None,
        matte=matte and str(matte.path),
        plate=plate and str(plate.path),
        rigid=rigid and str(rigid.path),
        passes=tuple(name for name in PASSES if name in settings.passes or name == "Combined"),
        colorspace=source.colorspace,
        plate_colorspace=plate and plate.colorspace,
        ocio=source.ocio or (plate and plate.ocio),
        device=worker["device"],
        threads=worker["threads"],
        resume=True,
        placeholders=True,
        consent=consent,
        retarget=retarget_of(tree),
        **job_settings.values(settings),
        **painters_of(tree),
    )


def job_of(tree: bpy.types.NodeTree, scene: bpy.types.Scene, *, folder: Path) -> Job:
    """The whole job, with its motion baked into `folder`. Waits for the baking.

    Raises: GiocondaError: as `still_job`; RigError: the rig cannot be read.
    """
    first, last = frame_range(tree, scene)
    job = still_job(tree, folder=folder, output=output_of(tree), consent=consent_of(tree))
    job = with_curves(job, finish(expression.rows_steps(tree, scene, first, last)), folder=folder)
    if rig.from_file(tree):
        return with_motion_file(job, tree, scene, first, last)
    if job.curves is not None and not rig.has_rig(tree):
        return at_rest(job, scene, first, last)
    return with_motion(job, rig.bake(tree, scene, range(first, last + 1)), first, last, folder=folder)


def with_curves(job: Job, rows: expression.Rows, *, folder: Path) -> Job:
    """The job with the sliders' and gains' curves, saved into `folder`; as it is where there are none."""
    if not rows:
        return job
    make_folder(folder)
    write_text(folder / CURVES, expression.table(rows))
    return replace(job, curves=str(folder / CURVES))


def at_rest(job: Job, scene: bpy.types.Scene, first: int, last: int) -> Job:
    """The job of a portrait that the sliders alone move."""
    return replace(job, motion=REST, fps=scene.render.fps / scene.render.fps_base, frames=_frames(first, last))


def with_motion_file(job: Job, tree: bpy.types.NodeTree, scene: bpy.types.Scene, first: int, last: int) -> Job:
    """The job with the artist's motion file or video, which the core brings to the scene's rate and frame numbers.

    Raises: RigError: none was chosen, or it is not there.
    """
    path, fps = rig.motion_file(tree), scene.render.fps / scene.render.fps_base
    start = tree.gioconda.rig.file_start
    frames = _frames(first, last)
    return replace(job, motion=str(path), fps=fps, motion_start=start, frames=frames, **rig.voice_of(tree))


def with_motion(job: Job, motion: Motion, first: int, last: int, *, folder: Path) -> Job:
    """The job with a motion, saved into `folder`; only frames `first` to `last` of it. Knows nothing of Blender."""
    make_folder(folder)
    save_motion(motion, folder / MOTION)
    return replace(job, motion=str(folder / MOTION), frames=_frames(first, last))


def _frames(first: int, last: int) -> str:
    return f"{first}-{last}" if last > first else f"{first}"


def write(job: Job, folder: Path) -> Path:
    """The job as a file that `gioconda job` runs. Returns its path."""
    write_text(folder / JOB, job.to_json())
    return folder / JOB


def portable(job: Job, folder: Path) -> Job:
    """The job with the paths inside `folder` relative to it, and without what belongs to this machine.

    Networks are settled, so that all machines of a farm take the same: “auto” becomes the fast ones, which any carries.
    With an identity it stays: what that was made for settles it.
    """
    changes = {"neural": "fast"} if job.neural == "auto" and job.identity is None else {}
    job = job.with_paths(
        {
            name: Path(path).relative_to(folder).as_posix()
            for name, path in job.paths().items()
            if Path(path).is_absolute() and Path(path).is_relative_to(folder)
        }
    )
    of_machine = {one.name: one.default for one in fields(Job) if declared(Job)[one.name].group == "machine"}
    return replace(job, **of_machine, **changes)


def overlapping(tree: bpy.types.NodeTree, others: Sequence[bpy.types.NodeTree]) -> bpy.types.NodeTree | None:
    """Another portrait that writes to the same files."""

    def output(of: bpy.types.NodeTree) -> str:
        return bpy.path.abspath(of.gioconda.output, library=of.library)

    return next((other for other in others if other != tree and output(other) == output(tree)), None)
