"""One item from its files to its frames, deliverables and manifest. Runs in a worker process."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import ENGINE_VERSION
from ..errors import GiocondaError, OutputError
from ..face.analyse import Analysis
from ..imaging import resample
from ..imaging.color import display_srgb
from ..imaging.exr_read import read_exr, read_header
from ..imaging.image import write_jpeg
from ..job.fingerprint import pixel_settings
from ..job.frame_range import FramePattern, FrameRange
from ..job.job import Job
from ..provenance.manifest import frame_numbers, manifest_path
from ..provenance.sign import add_credentials, facts_of, sign_delivered
from ..render.frame_files import contents_of
from ..render.lru_cache import LruCache
from ..render.open_portrait import Opened, open_portrait, portrait_key
from ..render.sequence import render
from ..worker.messages import Message, Progress, Report, Stage, Warn
from ..worker.requests import Render
from .deliver import Frames, deliver
from .manifest import Manifest
from .settings import Delivery, delivery_of

LOW_SCORE = 0.7  # below this the network is not sure that what it found is a face
SMALL_FACE = 64  # pixels from brow to chin below which landmarks are coarse
LINKS = 8  # files of an item that the report links
THUMB = 192  # pixels of a thumbnail's longer side

Opener = Callable[[Job, Report], Opened]  # as `open_portrait`


class RenderService:
    """Answers requests to render; keeps the portrait opened last, because jobs of one portrait follow each other."""

    def __init__(self) -> None:
        self._opened: LruCache[Opened] = LruCache(1)

    def render(self, request: Render, report: Report) -> dict[str, Any]:
        """A job, or a batch's item. Raises: GiocondaError."""
        job = Job.from_plain(request.job)
        try:
            if request.delivery is None:
                return render(job, report, opener=self.open)
            try:
                return self._item(request, job, report)
            except Exception as error:  # a graphics card that fails is done without, unless the job insists on it
                if job.device != "auto" or not of_the_nets(error):
                    raise
                report(Warn(f"The nets failed on this device ({type(error).__name__}): going on with the processor."))
                return self._item(request, replace(job, device="cpu"), report)
        except GiocondaError:
            raise
        except Exception:  # perhaps for want of memory
            self._opened.clear()
            raise

    def open(self, job: Job, report: Report) -> Opened:
        """Raises: what `open_portrait` raises."""
        return self._opened.get(portrait_key(job), lambda: open_portrait(job, report))

    def _item(self, request: Render, job: Job, report: Report) -> dict[str, Any]:
        thumb = Path(request.thumb) if request.thumb else None
        item = ItemTask(job, delivery_of(request.delivery or {}), Path(request.manifest), thumb, request.overwrite)
        return run_item(item, self.open, report)


def of_the_nets(error: BaseException) -> bool:
    """Whether ONNX Runtime raised it: its classes share no base, only the place they come from."""
    return any(type(one).__module__.partition(".")[0] == "onnxruntime" for one in (error, error.__cause__))


@dataclass(frozen=True)
class ItemTask:
    """What is to be done for one item. Paths are absolute."""

    job: Job
    delivery: Delivery
    manifest: Path
    thumb: Path | None
    overwrite: bool


@dataclass
class ItemProgress:
    """Passes messages on; keeps warnings and how long each stage took; enters finished frames into the manifest."""

    report: Report
    manifest: Manifest
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    _stage: str = "start"
    _since: float = field(default_factory=time.monotonic)

    def __call__(self, message: Message) -> None:
        if isinstance(message, Warn) and message.text not in self.warnings:
            self.warnings.append(message.text)
        if isinstance(message, Stage):
            self.stage(message.name)
        if isinstance(message, Progress) and message.path is not None and message.frame is not None:
            self.manifest.add(Path(message.path), message.frame)
        self.report(message)

    def stage(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + now - self._since, 3)
        self._stage, self._since = name, now


def run_item(item: ItemTask, open_portrait: Opener, report: Report) -> dict[str, Any]:
    """Render and deliver what is missing; what is finished stays. Returns facts for the report."""
    job = item.job
    folder = FramePattern.parse(job.output).path(0).parent
    manifest = Manifest.open(item.manifest, folder, content_key(job, item.delivery))
    if item.overwrite:
        manifest.entries, manifest.done = {}, False
    broken = manifest.broken()
    if manifest.done and not broken:
        count = manifest.facts.get("count", 0)
        report(Progress(count, count))
        return {**manifest.facts, "kept": count, "rendered": 0, "repaired": 0, "seconds": {}}
    for path in broken:
        del manifest.entries[path.relative_to(manifest.folder).as_posix()]
    manifest.begin()
    progress = ItemProgress(report, manifest)
    repaired = _clear(broken, progress)
    facts = _render(item, manifest, open_portrait, progress) | {"repaired": repaired}
    progress.stage("end")
    facts |= {"warnings": progress.warnings, "seconds": progress.seconds}
    manifest.finish(facts)
    return facts


def _render(item: ItemTask, manifest: Manifest, open_portrait: Opener, progress: ItemProgress) -> dict[str, Any]:
    job = replace(item.job, resume=not item.overwrite, overwrite=item.overwrite)
    made = render(job, progress, opener=open_portrait)
    opened = open_portrait(job, progress)
    numbers = FrameRange.parse(made["frames"]).numbers()
    frames = Frames(FramePattern.parse(job.output), numbers)
    _warn_of_likely_faults(opened.analysis, progress)
    _mention_other_frames(job.output, frames, progress)
    if item.thumb:
        middle, _ = read_exr(frames.pattern.path(numbers[len(numbers) // 2]), ("Combined",))
        write_jpeg(item.thumb, resample.fit(display_srgb(middle["Combined"], exposure=opened.display), THUMB))
    fps = float(read_header(frames.pattern.path(numbers[0]))["framesPerSecond"])
    _deliver(item, frames, manifest, fps, opened, progress)
    return {
        "frames": made["frames"],
        "count": len(numbers),
        "rendered": made["rendered"],
        "kept": made["kept"],
        "size": [opened.portrait.width, opened.portrait.height],
        "fps": fps,
        "output": job.output,
        "score": round(float(opened.analysis.score), 3),
        "files": [str(manifest.folder / entry.file) for entry in manifest.entries.values() if entry.frame is None][
            :LINKS
        ],
        "exr": "exr" in item.delivery.formats,
        "bytes": sum(entry.bytes for entry in manifest.entries.values()),
    }


def _deliver(
    item: ItemTask, frames: Frames, manifest: Manifest, fps: float, opened: Opened, progress: ItemProgress
) -> None:
    """The other formats, with content credentials; then, where nobody asked for EXR frames, they go."""
    kinds = [kind for kind in item.delivery.formats if kind != "exr"]
    if kinds:
        progress(Stage("deliver", f"Making {', '.join(kinds)}"))
        made = deliver(
            frames, item.delivery, fps=fps, display=opened.display, on_frame=lambda n: progress(Progress(0, 0, frame=n))
        )
        if "exr" in item.delivery.formats:
            sign_delivered(item.job.output, made, item.job.keys, progress)
        else:
            add_credentials(item.job.keys, made, facts_of(item.job, opened.sha256), progress)
        for path in made:
            manifest.add(path)
    if "exr" not in item.delivery.formats:
        for number in frames.numbers:
            path = frames.pattern.path(number)
            path.unlink(missing_ok=True)
            manifest.entries.pop(path.name, None)
        manifest_path(item.job.output).unlink(missing_ok=True)  # it speaks of those frames


def content_key(job: Job, delivery: Delivery) -> str:
    """A hash of all that an item's files are made of."""
    made = {"settings": pixel_settings(job), "frames": job.frames, "delivery": asdict(delivery)}
    text = json.dumps({"engine": ENGINE_VERSION, "contents": contents_of(job), **made}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# --- what lies in the folder ----------------------------------------------------------------------------------------


def _mention_other_frames(output: str, frames: Frames, progress: ItemProgress) -> None:
    """Frames of an earlier, longer take that nobody asked for now."""
    folder = frames.pattern.path(0).parent
    wanted = {frames.pattern.path(number).name for number in frames.numbers}
    others = frame_numbers(Path(output).name, folder).keys() - wanted
    if others:
        progress(Warn(f"{folder} also holds {len(others)} frames that are not of this item, such as {min(others)}."))


def _clear(broken: list[Path], progress: ItemProgress) -> int:
    """Take away files that are not what they were. Returns how many there were (not those that were gone already)."""
    there = [path for path in broken if path.exists()]
    for path in there:
        progress(Warn(f"{path} was not what had been written: made again."))
        try:
            path.unlink()
        except OSError as error:
            raise OutputError(f"{path} is damaged and cannot be removed: {error.strerror}; remove it.") from error
    return len(there)


# --- what the report shows ------------------------------------------------------------------------------------------


def _warn_of_likely_faults(analysis: Analysis, progress: ItemProgress) -> None:
    """Warn of what is likely to look wrong."""
    if analysis.score < LOW_SCORE:
        progress(Warn(f"The face was found with a confidence of only {analysis.score:.2f}: look at the landmarks."))
    height = float(analysis.box[3] - analysis.box[1])
    if height < SMALL_FACE:
        progress(Warn(f"The face is only {height:.0f} pixels high: landmarks are coarse at this size."))
    for note in analysis.notes:
        progress(Warn(note))
