"""What a batch would do: its items, their frames, where they go, and what stands in the way. Renders nothing."""

from __future__ import annotations

import fnmatch
import glob
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import ExitCode, GiocondaError, InputError, SettingsError
from ..imaging.image import picture_size
from ..imaging.video import video_info
from ..job.fingerprint import portrait_settings
from ..job.frame_range import FramePattern, FrameRange
from ..job.job import BUILT_IN_MOTIONS, PATHS, Job
from ..motion.files import is_video
from ..neural.choice import resolved
from ..provenance.confine import check_reach
from ..provenance.policy import Policy
from ..provenance.rights import with_consent
from ..render.open_motion import open_motion
from ..render.sequence import chosen_frames
from ..worker.messages import Message
from .settings import Batch, Source, is_glob

_PATTERN = re.compile(r"\{(\w*)\}")
_UNSAFE = re.compile(r'[#@%{}<>:"|?*\\/\x00-\x1f]')


@dataclass
class Given:
    """A portrait or a motion of the batch.

    Attributes:
        name: stands for it in file names; unlike all others of its kind.
        file: absolute path, or “take”.
        problem: why it cannot be used, a sentence, with its exit status in `code`.
        size: (width, height) of a portrait, pixels.
        frames: a motion's frame numbers, as a range.
        fps: a motion's.
    """

    name: str
    file: str
    problem: str = ""
    code: int = 0
    size: tuple[int, int] = (0, 0)
    frames: str = ""
    fps: float = 0.0

    @property
    def folder(self) -> str:
        return Path(self.file).parent.name


@dataclass(frozen=True)
class Item:
    """A portrait with a motion."""

    index: int  # from 1
    portrait: Given
    motion: Given

    @property
    def name(self) -> str:
        return f"{self.portrait.name}/{self.motion.name}"


@dataclass
class Plan:
    """All of a batch's items, grouped by portrait."""

    batch: Batch
    portraits: list[Given]
    motions: list[Given]
    items: list[Item]
    excluded: int = 0
    policy: Policy | None = None  # the studio's, for portraits whose right nobody states in the batch
    confined: bool = False  # to the batch file's folder and what the policy allows
    report: Callable[[Message], None] = lambda message: None  # who is told which networks were chosen
    counted: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)  # see `frames`
    qualities: dict[tuple[str | None, ...], str] = field(default_factory=dict)  # what “auto” means here, see `job`

    def settings(self, item: Item) -> dict[str, Any]:
        """The settings of one item: the batch's, then those of every override that fits."""
        return settings_of(self.batch, item)

    def job(self, item: Item) -> Job:
        """What is rendered for an item, with the networks resolved, so that every process takes the same.

        Raises:
            ModelError: the networks or the identity cannot be used.
            SettingsError: the settings together make no job, or one that reaches too far; nobody states the right to
                animate the portrait.
        """
        policy, job = self.policy or Policy(), job_for(self.batch, item)
        if self.confined:
            check_reach(job, self.batch.path.parent, policy.allow_outside)
        key = (job.neural, job.models, job.device, job.identity, job.engine)
        if key not in self.qualities:
            self.qualities[key] = resolved(job, self.report).neural
        return with_consent(replace(job, neural=self.qualities[key]), policy, interactive=False)

    def frames(self, item: Item) -> tuple[str, int]:
        """The frame numbers of an item as a range, and how many they are.

        Raises:
            SettingsError: the motion does not have what is asked for.
        """
        wanted = str(self.settings(item).get("frames", ""))
        key = (item.motion.name, wanted)
        if key not in self.counted:
            there = FrameRange.parse(item.motion.frames).numbers()
            chosen = chosen_frames(wanted, there, _nobody)
            self.counted[key] = FrameRange.format(chosen), len(chosen)
        return self.counted[key]

    def problem(self, item: Item) -> tuple[str, int]:
        """Why an item cannot be rendered, as far as is known before: (sentence, exit status); ("", 0) if it can."""
        for given in (item.portrait, item.motion):
            if given.problem:
                return given.problem, given.code
        try:
            self.job(item)
            self.frames(item)
        except GiocondaError as error:
            return str(error), int(error.exit_code)
        return "", 0

    def output(self, item: Item) -> str:
        """The pattern of the item's frames."""
        return output_of(self.batch, item)

    def portrait_key(self, item: Item) -> tuple[str, ...]:
        """Items with the same key share one prepared portrait."""
        return tuple(str(value) for value in portrait_settings(job_for(self.batch, item)).values())


def make_plan(
    batch: Batch,
    report: Callable[[Message], None] = lambda message: None,
    *,
    policy: Policy | None = None,
    confined: bool = False,
) -> Plan:
    """Find the files, pair them, look at each once.

    Args:
        policy: the studio's, for portraits whose right nobody states in the batch.
        confined: items that name files outside the batch's folder cannot be rendered, unless the policy allows it.

    Raises:
        InputError: a glob finds nothing; SettingsError: two items would write the same frames, a name that is unknown.
    """
    portraits = named(batch, "portraits", batch.portraits)
    motions = named(batch, "motions", batch.motions)
    for portrait in portraits:
        _look_at_portrait(portrait)
    for motion in motions:
        _look_at_motion(motion, batch.settings, report)
    items: list[Item] = []
    excluded = 0
    for portrait in portraits:
        for motion in motions:
            if any(fits(match, portrait.name, motion.name) for match in batch.exclude):
                excluded += 1
            else:
                items.append(Item(len(items) + 1, portrait, motion))
    if not items:
        raise SettingsError(f"{batch.path}: exclude leaves no item over; take a pattern out.")
    _refuse_collisions(batch, items)
    return Plan(batch, portraits, motions, items, excluded, policy, confined, report)


def fits(match: Any, portrait: str, motion: str) -> bool:
    return fnmatch.fnmatchcase(portrait, match.portrait) and fnmatch.fnmatchcase(motion, match.motion)


# --- names ----------------------------------------------------------------------------------------------------------


def named(batch: Batch, kind: str, sources: Iterable[Source]) -> list[Given]:
    """Every file that entries and globs stand for, once each, with a name of its own.

    Raises:
        InputError: an entry finds nothing.
    """
    found: dict[str, Given] = {}
    for source in sources:
        for file in _files(batch, kind, source):
            found.setdefault(file, Given(source.name or safe_name(Path(file).stem), file))
    given = list(found.values())
    owners: dict[str, list[Given]] = {}
    for one in given:
        owners.setdefault(one.name.casefold(), []).append(one)
    for same in owners.values():
        if len(same) > 1:
            _tell_apart(batch, kind, same)
    return given


def _tell_apart(batch: Batch, kind: str, same: list[Given]) -> None:
    """Files of one name get their folder's in front: a/x.jpg and b/x.jpg → a-x, b-x; in one folder, their suffix."""
    folders = {one.folder for one in same}
    for one in same:
        path = Path(one.file)
        one.name = safe_name(f"{one.folder}-{path.stem}" if len(folders) == len(same) else path.name.replace(".", "-"))
    if len({one.name for one in same}) < len(same):
        raise SettingsError(
            f"{batch.path}: {same[0].file} and {same[1].file} have the same name; "
            f"give one another in {kind}: {{file: …, name: …}}."
        )


def _files(batch: Batch, kind: str, source: Source) -> Iterator[str]:
    if source.file in BUILT_IN_MOTIONS:
        yield source.file
        return
    if is_glob(source.file) and not Path(source.file).exists():
        files = [file for file in glob.glob(source.file, recursive=True) if Path(file).is_file()]  # noqa: PTH207
        if not files:
            raise InputError(
                f"{batch.path}: {kind}: no file is called {source.file}; paths count from the file's folder."
            )
        yield from sorted(files, key=_natural)
    elif Path(source.file).is_dir():
        raise InputError(f"{batch.path}: {kind}: {source.file} is a folder; write {source.file}/* for what is in it.")
    else:
        yield source.file  # a file that is missing is named with the item


def _natural(text: str) -> list[tuple[int, int, str]]:
    """take2 before take10."""
    parts = re.split(r"(\d+)", text)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def safe_name(text: str) -> str:
    """A name that can be part of a file's name and of a frame pattern."""
    return _UNSAFE.sub("_", text).strip(". ") or "_"


def output_of(batch: Batch, item: Item) -> str:
    """The pattern of an item's frames. Raises: SettingsError for a {word} that is not known."""
    return filled(batch, "output", batch.output, item)


def filled(batch: Batch, field_name: str, text: str, item: Item) -> str:
    """{portrait}, {motion}, {portrait_folder}, {motion_folder} and {item} replaced."""
    values = {
        "portrait": item.portrait.name,
        "motion": item.motion.name,
        "item": f"{item.index:04d}",
        "portrait_folder": safe_name(item.portrait.folder),
        "motion_folder": safe_name(item.motion.folder),
    }

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise SettingsError(
                f"{batch.path}: {field_name}: {match[0]} is not known; there are "
                + ", ".join(f"{{{name}}}" for name in values)
                + "."
            )
        return values[match[1]]

    return _PATTERN.sub(value, text)


def _refuse_collisions(batch: Batch, items: list[Item]) -> None:
    owners: dict[str, Item] = {}
    for item in items:
        path = str(FramePattern.parse(output_of(batch, item)).path(1)).casefold()
        other = owners.setdefault(path, item)
        if other is not item:
            raise SettingsError(
                f"{batch.path}: output: {other.name} and {item.name} would both write {batch.output}; "
                "put {portrait} and {motion} into it."
            )


# --- an item's job --------------------------------------------------------------------------------------------------


def settings_of(batch: Batch, item: Item) -> dict[str, Any]:
    settings = dict(batch.settings)
    for override in batch.overrides:
        if fits(override, item.portrait.name, item.motion.name):
            retarget = {**settings.get("retarget", {}), **override.settings.get("retarget", {})}
            settings |= override.settings
            if retarget:
                settings["retarget"] = retarget
    return {
        name: filled(batch, f"settings.{name}", value, item) if name in PATHS and isinstance(value, str) else value
        for name, value in settings.items()
    }


def job_for(batch: Batch, item: Item) -> Job:
    files = {"portrait": item.portrait.file, "motion": item.motion.file, "output": output_of(batch, item)}
    return Job.from_plain({**settings_of(batch, item), **files}, source=str(batch.path))


# --- a look at each file --------------------------------------------------------------------------------------------


def _look_at_portrait(portrait: Given) -> None:
    try:
        portrait.size = picture_size(portrait.file)
    except GiocondaError as error:
        portrait.problem, portrait.code = str(error), int(error.exit_code)
    except MemoryError:
        portrait.problem, portrait.code = f"{portrait.file} does not fit into memory.", int(ExitCode.BAD_INPUT)


def _look_at_motion(motion: Given, settings: Mapping[str, Any], report: Callable[[Message], None]) -> None:
    try:
        if is_video(motion.file):
            info = video_info(motion.file)
            motion.frames, motion.fps = f"0-{max(0, info.frames - 1)}", info.fps
        else:
            job = Job(portrait="", motion=motion.file, output="####.exr", frames=str(settings.get("frames", "")))
            opened = open_motion(job, _nobody)
            motion.frames, motion.fps = FrameRange.format(int(number) for number in opened.frames), opened.fps
    except GiocondaError as error:
        motion.problem, motion.code = str(error), int(error.exit_code)


def _nobody(message: Message) -> None:
    pass
