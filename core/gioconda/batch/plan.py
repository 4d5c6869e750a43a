"""What a batch would do: its items, their frames, where they go, and what stands in the way. Renders nothing."""

from __future__ import annotations

import fnmatch
import glob
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import ExitCode, GiocondaError, InputError, SettingsError
from ..imaging.image import picture_size
from ..imaging.video import video_info
from ..job.fingerprint import portrait_settings
from ..job.frame_range import FramePattern, FrameRange
from ..job.job import BUILT_IN_MOTIONS, PATHS, Job
from ..motion.files import is_sound, is_video
from ..neural.choice import resolved
from ..provenance.policy import Policy, check_reach
from ..provenance.rights import with_consent
from ..render.open_motion import open_motion
from ..render.sequence import chosen_frames
from ..worker.messages import Report
from .settings import Batch, Source, is_glob

NO_POLICY = Policy()
_PATTERN = re.compile(r"\{(\w*)\}")
_UNSAFE = re.compile(r'[#@%{}<>:"|?*\\/\x00-\x1f]')


@dataclass
class Given:
    """A portrait or a motion of the batch."""

    name: str  # stands for it in file names; unlike all others of its kind
    file: str  # absolute path, or “take”
    problem: str = ""  # why it cannot be used, a sentence
    code: int = 0  # the problem's exit status
    size: tuple[int, int] = (0, 0)  # (width, height) of a portrait, pixels
    frames: str = ""  # a motion's frame numbers, as a range
    fps: float = 0.0  # a motion's

    @cached_property
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
    policy: Policy = NO_POLICY  # the studio's, for portraits whose right nobody states in the batch
    confined: bool = False  # to the batch file's folder and what the policy allows
    report: Report = lambda message: None  # who is told which networks were chosen
    items: list[Item] = field(default_factory=list)
    excluded: int = 0  # pairs left out
    counted: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)  # see `frames`
    qualities: dict[tuple[Any, ...], str] = field(default_factory=dict)  # what “auto” means here, see `job`

    def settings(self, item: Item) -> dict[str, Any]:
        """The settings of one item: the batch's, then those of every override that fits."""
        settings = dict(self.batch.settings)
        for override in self.batch.overrides:
            if fits(override, item.portrait.name, item.motion.name):
                retarget = {**settings.get("retarget", {}), **override.settings.get("retarget", {})}
                settings |= override.settings
                if retarget:
                    settings["retarget"] = retarget
        return {
            name: self._filled(f"settings.{name}", value, item) if name in PATHS and isinstance(value, str) else value
            for name, value in settings.items()
        }

    def output(self, item: Item) -> str:
        """The pattern of the item's frames. Raises: SettingsError for a {word} that is not known."""
        return self._filled("output", self.batch.output, item)

    def _filled(self, name: str, text: str, item: Item) -> str:
        """{portrait}, {motion}, {portrait_folder}, {motion_folder} and {item} replaced."""
        if "{" not in text:
            return text
        values = {
            "portrait": item.portrait.name,
            "motion": item.motion.name,
            "item": f"{item.index:04d}",
            "portrait_folder": safe_name(item.portrait.folder),
            "motion_folder": safe_name(item.motion.folder),
        }

        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                words = ", ".join(f"{{{word}}}" for word in values)
                raise SettingsError(f"{self.batch.path}: {name}: {match[0]} is not known; there are {words}.")
            return values[match[1]]

        return _PATTERN.sub(value, text)

    def _job(self, item: Item, **changes: Any) -> Job:
        """As the batch says it, with other settings instead of some."""
        files = {"portrait": item.portrait.file, "motion": item.motion.file, "output": self.output(item)}
        return Job.from_plain({**self.settings(item), **files, **changes}, source=str(self.batch.path))

    def job(self, item: Item) -> Job:
        """What is rendered for an item, with the networks resolved, so that every process takes the same.

        Raises: ModelError: the networks or the identity cannot be used. SettingsError: the settings together make no
        job, or one that reaches too far; nobody states the right to animate the portrait.
        """
        given = self.settings(item)
        key = tuple(repr(given.get(name)) for name in ("neural", "models", "device", "identity", "engine"))
        quality = self.qualities.get(key)
        job = self._job(item, **({"neural": quality} if quality else {}))
        if self.confined:
            check_reach(job, self.batch.path.parent, self.policy.allow_outside)
        if quality is None:
            quality = self.qualities[key] = resolved(job, self.report).neural
        return with_consent(job, self.policy, interactive=False, neural=quality)

    def frames(self, item: Item) -> tuple[str, int]:
        """An item's frame numbers as a range, and how many. Raises: SettingsError: the motion has none of them."""
        wanted = str(self.settings(item).get("frames", ""))
        key = (item.motion.name, wanted)
        if key not in self.counted:
            there = FrameRange.parse(item.motion.frames).numbers()
            chosen = chosen_frames(wanted, there, lambda message: None)
            self.counted[key] = FrameRange.format(chosen), len(chosen)
        return self.counted[key]

    def problem(self, item: Item) -> tuple[str, int]:
        """Why an item cannot be rendered, as far as is known before: (sentence, exit status); ("", 0) if it can."""
        try:
            self.usable_job(item)
        except GiocondaError as error:
            return str(error), int(error.exit_code)
        return "", 0

    def usable_job(self, item: Item) -> Job:
        """An item's job, as far as is known before. Raises: GiocondaError: why it cannot be rendered."""
        for given in (item.portrait, item.motion):
            if given.problem:
                error = GiocondaError(given.problem)
                error.exit_code = ExitCode(given.code)
                raise error
        self.frames(item)
        return self.job(item)

    def portrait_key(self, item: Item) -> tuple[str, ...]:
        """Items with the same key share one prepared portrait."""
        return tuple(str(value) for value in portrait_settings(self._job(item)).values())


def make_plan(
    batch: Batch,
    report: Report = lambda message: None,
    *,
    policy: Policy = NO_POLICY,
    confined: bool = False,
) -> Plan:
    """Find the files, pair them, look at each once. The other arguments: as of `Plan`.

    Raises: InputError: a glob finds nothing. SettingsError: two items would write the same frames, a name that is
    unknown.
    """
    plan = Plan(batch, named(batch, "portraits"), named(batch, "motions"), policy, confined, report)
    for given in plan.portraits:
        _look_at_portrait(given)
    for given in plan.motions:
        _look_at_motion(given, batch.settings)
    for portrait, motion in product(plan.portraits, plan.motions):
        if any(fits(match, portrait.name, motion.name) for match in batch.exclude):
            plan.excluded += 1
        else:
            plan.items.append(Item(len(plan.items) + 1, portrait, motion))
    if not plan.items:
        raise SettingsError(f"{batch.path}: exclude leaves no item over; take a pattern out.")
    _refuse_collisions(plan)
    return plan


def fits(match: Any, portrait: str, motion: str) -> bool:
    return fnmatch.fnmatchcase(portrait, match.portrait) and fnmatch.fnmatchcase(motion, match.motion)


# --- names ----------------------------------------------------------------------------------------------------------


def named(batch: Batch, kind: str) -> list[Given]:
    """What the entries and globs of “portraits” or “motions” stand for, once each, named. Raises: InputError."""
    found: dict[str, Given] = {}
    for source in getattr(batch, kind):
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


def _refuse_collisions(plan: Plan) -> None:
    owners: dict[str, Item] = {}
    for item in plan.items:
        path = str(FramePattern.parse(plan.output(item)).path(1)).casefold()
        other = owners.setdefault(path, item)
        if other is not item:
            raise SettingsError(
                f"{plan.batch.path}: output: {other.name} and {item.name} would both write {plan.batch.output}; "
                "put {portrait} and {motion} into it."
            )


# --- a look at each file --------------------------------------------------------------------------------------------


def _look_at_portrait(portrait: Given) -> None:
    try:
        portrait.size = picture_size(portrait.file)
    except GiocondaError as error:
        portrait.problem, portrait.code = str(error), int(error.exit_code)
    except MemoryError:
        portrait.problem, portrait.code = f"{portrait.file} does not fit into memory.", int(ExitCode.BAD_INPUT)


VOICE_SETTINGS = ("text", "language", "voice_seed", "fps", "cache")


def _look_at_motion(motion: Given, settings: Mapping[str, Any]) -> None:
    try:
        if is_video(motion.file):
            info = video_info(motion.file)
            motion.frames, motion.fps = f"0-{max(0, info.frames - 1)}", info.fps
        else:
            voice = (
                {name: settings[name] for name in VOICE_SETTINGS if name in settings} if is_sound(motion.file) else {}
            )
            job = Job("", motion.file, "####.exr", frames=str(settings.get("frames", "")), **voice)
            opened = open_motion(job, lambda message: None)
            motion.frames, motion.fps = FrameRange.format(int(number) for number in opened.frames), opened.fps
    except GiocondaError as error:
        motion.problem, motion.code = str(error), int(error.exit_code)
