"""One item from its files to its frames, deliverables and manifest. Runs in a worker process.

with_portraits = Portraits()                # keeps the last portrait made ready, for its other motions
facts = run_item(task, with_portraits, report)
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import ENGINE_VERSION
from ..errors import OutputError
from ..face.analyse import Analysis
from ..imaging import resample
from ..imaging.color import Display, choose_display, display_srgb
from ..imaging.exr_read import read_exr, read_header
from ..imaging.image import write_jpeg
from ..job.fingerprint import pixel_settings, portrait_settings
from ..job.frame_range import FramePattern, FrameRange
from ..job.job import Job
from ..provenance.manifest import manifest_path
from ..provenance.sign import add_credentials, facts_of
from ..render.open_inputs import Opened, contents_of, open_portrait
from ..render.sequence import render
from ..worker.messages import Message, Progress, Report, Stage, Warn
from .deliver import Frames, deliver
from .manifest import Manifest
from .settings import Delivery

LOW_SCORE = 0.7  # below this the network is not sure that what it found is a face
SMALL_FACE = 64  # pixels from brow to chin below which landmarks are coarse
THUMB = 192  # pixels of a thumbnail's longer side


@dataclass(frozen=True)
class Task:
    """What a worker is asked: one item. Paths are absolute."""

    item: int
    job: Job
    delivery: Delivery
    manifest: str
    thumb: str | None = None
    overwrite: bool = False

    def to_line(self) -> str:
        return json.dumps({**asdict(self), "job": json.loads(self.job.to_json())}, ensure_ascii=False) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Task:
        """Raises: ValueError, KeyError, TypeError, SettingsError: not a line of `to_line`."""
        data = json.loads(line)
        delivery = {**data["delivery"], "formats": tuple(data["delivery"]["formats"])}
        return cls(**{**data, "job": Job.from_json(json.dumps(data["job"])), "delivery": Delivery(**delivery)})


class Portraits:
    """The portrait that was opened last: takes of one portrait follow each other."""

    def __init__(self) -> None:
        self._key: dict[str, Any] | None = None
        self._opened: Opened | None = None

    def open(self, job: Job, report: Report) -> Opened:
        """Raises: what `open_portrait` raises."""
        key = portrait_settings(job)
        if key != self._key or self._opened is None:
            self._key, self._opened = None, None  # its memory, before there is another
            self._opened = open_portrait(job, report)
            self._key = key
        return self._opened


@dataclass
class Told:
    """Passes messages on; keeps warnings, and how long each stage took."""

    report: Report
    on_frame: Callable[[Path, int], None]
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
            self.on_frame(Path(message.path), message.frame)
        self.report(message)

    def stage(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + now - self._since, 3)
        self._stage, self._since = name, now


def run_item(task: Task, portraits: Portraits, report: Report) -> dict[str, Any]:
    """Render what is missing, make the deliverables, take everything down. Returns facts for the report.

    Raises:
        GiocondaError: anything the user can put right; what is finished stays and is in the manifest.
    """
    job = task.job
    folder = FramePattern.parse(job.output).path(0).parent
    manifest = Manifest.open(Path(task.manifest), folder, content_key(job, task.delivery))
    broken = [] if task.overwrite else manifest.broken()
    if manifest.done and not broken and not task.overwrite:
        report(Progress(manifest.facts.get("count", 0), manifest.facts.get("count", 0)))
        return {**manifest.facts, "kept": manifest.facts.get("count", 0), "rendered": 0, "repaired": 0, "seconds": {}}
    manifest.entries = {} if task.overwrite else _without(manifest, broken)
    manifest.begin()
    told = Told(report, lambda path, number: _take_down(manifest, path, number))
    repaired = _clear(broken, told)
    facts = _render(task, manifest, portraits, told) | {"repaired": repaired}
    told.stage("end")
    facts |= {"warnings": told.warnings, "seconds": told.seconds}
    manifest.finish(facts)
    return facts


def _render(task: Task, manifest: Manifest, portraits: Portraits, told: Told) -> dict[str, Any]:
    job = replace(task.job, resume=not task.overwrite, overwrite=task.overwrite)
    made = render(job, told, opener=portraits.open)
    opened = portraits.open(job, told)
    numbers = FrameRange.parse(made["frames"]).numbers()
    frames = Frames(FramePattern.parse(job.output), numbers)
    _judge(opened.analysis, told)
    _mention_strays(frames, told)
    if task.thumb:
        write_thumb(Path(task.thumb), frames, opened.display)
    fps = float(read_header(frames.pattern.path(numbers[0]))["framesPerSecond"])
    _deliver(task, frames, manifest, fps, opened, told)
    return {
        "frames": made["frames"],
        "count": len(numbers),
        "rendered": made["rendered"],
        "kept": made["kept"],
        "size": [opened.portrait.width, opened.portrait.height],
        "fps": fps,
        "output": job.output,
        "score": round(float(opened.analysis.score), 3),
        "bytes": sum(entry.bytes for entry in manifest.entries.values()),
    }


def _deliver(task: Task, frames: Frames, manifest: Manifest, fps: float, opened: Opened, told: Told) -> None:
    """The other formats, with content credentials; then, where nobody asked for EXR frames, they go."""
    kinds = [kind for kind in task.delivery.formats if kind != "exr"]
    if kinds:
        told(Stage("deliver", f"Making {', '.join(kinds)}"))
        made = deliver(
            frames, task.delivery, fps=fps, display=opened.display, on_frame=lambda n: told(Progress(0, 0, frame=n))
        )
        add_credentials(task.job, made, facts_of(task.job, opened.sha256), told)
        for path in made:
            manifest.add(path)
    if "exr" not in task.delivery.formats:
        for number in frames.numbers:
            path = frames.pattern.path(number)
            path.unlink(missing_ok=True)
            manifest.entries.pop(path.name, None)
        manifest_path(task.job.output).unlink(missing_ok=True)  # it speaks of those frames


def content_key(job: Job, delivery: Delivery) -> str:
    """A hash of all that an item's files are made of."""
    made = {"settings": pixel_settings(job), "frames": job.frames, "delivery": asdict(delivery)}
    text = json.dumps({"engine": ENGINE_VERSION, "contents": contents_of(job), **made}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


# --- what lies in the folder ----------------------------------------------------------------------------------------


def _mention_strays(frames: Frames, told: Told) -> None:
    """Frames of an earlier, longer take that nobody asked for now."""
    pattern = frames.pattern
    wanted = {pattern.path(number).name for number in frames.numbers}
    name = Path(pattern.before + "0" * pattern.digits + pattern.after).name
    start, end = len(name) - len(pattern.after) - pattern.digits, pattern.after
    folder = pattern.path(0).parent
    strays = [
        path.name
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name.endswith(end)
        and path.name.startswith(name[:start])
        and path.name[start : len(path.name) - len(end)].isdigit()
        and path.name not in wanted
    ]
    if strays:
        told(Warn(f"{folder} also holds {len(strays)} frames that are not of this item, such as {min(strays)}."))


def _without(manifest: Manifest, broken: list[Path]) -> dict[str, Any]:
    names = {path.relative_to(manifest.folder).as_posix() for path in broken}
    return {name: entry for name, entry in manifest.entries.items() if name not in names}


def _clear(broken: list[Path], told: Told) -> int:
    """Take away files that are not what they were. Returns how many there were (not those that were gone already)."""
    there = [path for path in broken if path.exists()]
    for path in there:
        told(Warn(f"{path} was not what had been written: made again."))
        try:
            path.unlink()
        except OSError as error:
            raise OutputError(f"{path} is damaged and cannot be removed: {error.strerror}; remove it.") from error
    return len(there)


def _take_down(manifest: Manifest, path: Path, number: int) -> None:
    manifest.add(path, number)


# --- what the report shows ------------------------------------------------------------------------------------------


def _judge(analysis: Analysis, told: Told) -> None:
    """Warn of what is likely to look wrong."""
    if analysis.score < LOW_SCORE:
        told(Warn(f"The face was found with a confidence of only {analysis.score:.2f}: look at the landmarks."))
    height = float(analysis.box[3] - analysis.box[1])
    if height < SMALL_FACE:
        told(Warn(f"The face is only {height:.0f} pixels high: landmarks are coarse at this size."))
    for note in analysis.notes:
        told(Warn(note))


def write_thumb(path: Path, frames: Frames, display: Display | None = None) -> None:
    """The middle frame, small, as JPEG. Raises: OutputError."""
    passes, _ = read_exr(frames.pattern.path(frames.numbers[len(frames.numbers) // 2]))
    combined = passes["Combined"]
    srgb = display_srgb(combined, exposure=display or choose_display(combined))
    height, width = srgb.shape[:2]
    scale = min(1.0, THUMB / max(height, width))
    write_jpeg(path, resample.resize(srgb, max(1, round(width * scale)), max(1, round(height * scale))))


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as JSON can hold them."""
    data: dict[str, Any] = json.loads(json.dumps(facts, default=str))
    return data
