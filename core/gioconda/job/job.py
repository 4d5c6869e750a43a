"""A job: everything one rendering needs, as plain data and as JSON. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path, PureWindowsPath
from typing import Any

from ..errors import SettingsError
from .consent import RIGHTS, Consent
from .frame_range import FramePattern, FrameRange
from .passes import ALL_PASSES, DEFAULT_PASSES, LOSSLESS, LOSSY, PASSES
from .person import Person
from .retarget import RetargetSettings
from .schema import check_keys, check_values, object_schema
from .settings import PathKind, declared, setting

VERSION = 1

NEURAL = ("auto", "off", "fast", "full")
DEVICES = ("auto", "cpu", "gpu", "cuda", "webgpu", "tensorrt", "directml", "coreml")
CARDS = ("gpu", "cuda", "webgpu", "tensorrt", "directml")  # those of them that want a graphics card of its own memory
LARGEST = "largest"
TAKE = "take"  # the built-in demonstration
REST = "rest"  # nothing moves
BUILT_IN_MOTIONS = (TAKE, REST)
_SPAN = r"-?\d+(-(-?\d+)([x:]\d+)?)?"

# settings by the headings of their options
_of_portrait = partial(setting, group="portrait", changes="portrait")
_of_motion = partial(setting, group="motion", changes="pose")
_of_output = partial(setting, group="output")
_of_machine = partial(setting, group="machine")


@dataclass(frozen=True)
class Job:
    """Everything one rendering needs: a portrait, a motion, where frames go and how. Plain data throughout."""

    portrait: str = setting(
        "a still picture: JPEG, PNG, TIFF, EXR …",
        "portrait",
        needed=True,
        changes="portrait",
        path="file",
        in_batch=False,
        minLength=1,
    )
    motion: str = setting(
        f".npz, .json, .csv or .bvh motion, a video, a recorded voice (.wav, .mp3 …), “{TAKE}” for the built-in take, "
        f"“{REST}” for no motion",
        "motion",
        needed=True,
        changes="pose",
        path="file",
        also=BUILT_IN_MOTIONS,
        in_batch=False,
        minLength=1,
    )
    output: str = _of_output(
        "pattern of the frames' names, such as out/####.exr or out/%04d.exr",
        "--output PATTERN",
        needed=True,
        path="output",
        in_batch=False,
        pattern=r"(#+|@+|%0?\d*d)[^/\\]*\.[eE][xX][rR]$",
        examples=["out/####.exr"],
    )
    frames: str = setting(
        f"which frames: 1-100x2,120 (default: all; of “{REST}”: frame 1)",
        "--frames RANGE",
        group="motion",
        default="",
        anyOf=[
            {"type": "string", "pattern": rf"^\s*({_SPAN}(\s*,\s*{_SPAN})*)?\s*$", "examples": ["1-100x2,120"]},
            {"type": "integer"},
        ],
    )
    neutral: int | str | None = _of_motion(
        "the motion's frame at rest: a frame number, “auto” (default: the calmest), “rest” (all channels zero)",
        "--neutral FRAME",
        choices=("auto", "rest"),
    )
    fps: float | None = _of_motion(
        "frames per second (default: the motion's own)", "--fps RATE", exclusiveMinimum=0, exclusiveMaximum=10_000
    )
    motion_start: int | None = _of_motion(
        "frame number of the motion's first frame; a motion of another rate than --fps is resampled (default: its own)",
        "--motion-start FRAME",
    )
    motion_face: int | str | None = _of_motion(
        f"whose motion, where a video or a table shows several: 1 is the leftmost, “{LARGEST}” the largest (default)",
        f"--motion-face N|{LARGEST}",
        choices=(LARGEST,),
        minimum=1,
    )
    curves: str | None = _of_motion(
        "gains, ARKit channels and head angles that change over the frames, on top of the motion: a table with a "
        "column frame and gain.lips, jawOpen, headYaw …",
        "--curves FILE",
        path="file",
    )
    sound_drives: bool = _of_motion(
        "of a video, animate its sound, a voice, instead of the face in its pictures", "--sound-drives", default=False
    )
    text: str | None = _of_motion(
        "what the voice says (plain text, UTF-8): lips follow it far better than what is recognised",
        "--text FILE",
        path="file",
    )
    language: str | None = _of_motion(
        "the text's language as espeak-ng calls it: de, fr-fr, es (default: English)",
        "--language CODE",
        pattern=r"^[A-Za-z][A-Za-z0-9+_-]{0,30}$",
    )
    voice_seed: int = _of_motion(
        "of a voice's blinks, head and brows: another number makes others",
        "--voice-seed N",
        default=0,
        minimum=0,
        maximum=2**31 - 1,
    )
    face: int | str | None = _of_portrait(
        f"which face: 1 is the leftmost, “{LARGEST}” the largest (default: the only one there is)",
        f"--face N|{LARGEST}",
        choices=(LARGEST,),
        minimum=1,
    )
    points: str | None = _of_portrait(
        "hand-placed landmarks (JSON: a few named points are enough)", "--points FILE", path="file"
    )
    matte: str | None = _of_portrait("the artist's matte of the person, instead of ours", "--matte FILE", path="file")
    plate: str | None = _of_portrait(
        "the artist's clean plate: the background without the person, instead of ours",
        "--clean-plate FILE",
        path="file",
    )
    rigid: str | None = _of_portrait(
        "a mask (white) of what lies before the face and does not bend: a hat, a pipe, a hand; all black: nothing "
        "(default: spectacles are found)",
        "--rigid FILE",
        path="file",
    )
    passes: tuple[str, ...] = _of_output(
        f"“all”, or of: {', '.join(PASSES)}",
        "--passes LIST",
        default=DEFAULT_PASSES,
        changes="pixels",
        choices=ALL_PASSES,
    )
    full_float: bool = _of_output(
        "32-bit float instead of 16-bit half for every pass (UV always is)", "--float", default=False, changes="pixels"
    )
    compression: str = _of_output(
        "of the EXR: zip, zips, piz, rle, none; a level as in zip:2",
        "--compression NAME",
        default="zip",
        changes="pixels",
        pattern=rf"^({'|'.join(LOSSLESS + LOSSY)})(:\d+(\.\d+)?)?$",
        examples=[*LOSSLESS, "zip:1"],
    )
    colorspace: str = _of_portrait(
        "the picture's colour space: auto goes by the file's type, else a name of the OpenColorIO configuration",
        "--colorspace NAME",
        default="auto",
    )
    layer: str | None = _of_portrait(
        "the layer or part of a picture that holds several, by its name (default: the one that is the picture)",
        "--layer NAME",
        minLength=1,
    )
    plate_colorspace: str | None = setting(
        "the clean plate's colour space (default: the portrait's)", changes="portrait"
    )
    ocio: str | None = _of_portrait(
        "an OpenColorIO configuration (default: $OCIO, else built in)", "--ocio CONFIG", path="file"
    )
    device: str = _of_machine("what the nets run on", "--device", default="auto", choices=DEVICES)
    threads: int | None = _of_machine("processor threads to use (default: all)", "--threads N", minimum=1, maximum=4096)
    draft: bool = _of_output(
        "faster: no anti-aliased silhouettes; for looking, not for delivery",
        "--preview",
        default=False,
        changes="pixels",
    )
    neural: str = _of_output(
        "networks that correct mouth, eyes and edges: full (needs a graphics card), fast, off; auto: the best this "
        "machine serves well",
        "--neural",
        default="auto",
        changes="pixels",
        choices=NEURAL,
    )
    identity: str | None = _of_output(
        "what personalise knows of the person, for --neural", "--identity FILE", changes="pixels", path="file"
    )
    engine: str | None = _of_output(
        "somebody else's engine paints frames: see engines", "--engine FOLDER", changes="pixels", path="folder"
    )
    review: str | None = _of_output("also make a video for looking at (.mp4)", "--review FILE", path="output")
    sheet: str | None = _of_output("also make a contact sheet (.png)", "--contact-sheet FILE", path="output")
    png: bool = _of_output(
        "also write every frame as an 8-bit PNG beside its EXR", "--png", default=False, in_batch=False
    )
    resume: bool = _of_output(
        "keep frames that are whole and would come out the same, render the others",
        "--resume",
        default=False,
        in_batch=False,
    )
    overwrite: bool = _of_output("replace frames that are there", "--overwrite", default=False, in_batch=False)
    placeholders: bool = _of_output(
        "first put the portrait as it is wherever there is no frame yet", "--placeholders", default=False
    )
    rest: int | None = setting("number of one placeholder more, beside the range: what to show on every other frame")
    models: str | None = _of_machine(
        "where the ONNX nets are (default: the project's own folder)",
        "--models FOLDER",
        changes="portrait",
        path="folder",
    )
    cache: str | None = _of_machine(
        "where prepared portraits are kept (default: the user's cache)", "--cache FOLDER", path="local"
    )
    consent: Mapping[str, Any] | None = setting(
        f"who states which right to animate the portrait; RIGHT is one of {', '.join(RIGHTS)}",
        "--consent RIGHT:WHO[:TEXT]",
        group="rights",
        **object_schema(Consent),
    )
    keys: str | None = setting(
        "the keys that sign finished frames (default: the user's)", "--keys FOLDER", group="rights", path="local"
    )
    retarget: Mapping[str, Any] = setting(
        "how the motion is carried over to the portrait",
        default_factory=dict,
        changes="pose",
        **object_schema(RetargetSettings),
    )
    persons: tuple[Mapping[str, Any], ...] = setting(
        "the driven people of a picture that shows several, each with a motion and settings of their own; “motion” is "
        f"“{REST}” then, for all others",
        default=(),
        changes="pixels",
        in_batch=False,
        items=object_schema(Person),
    )

    def __post_init__(self) -> None:
        for text, parse in ((self.frames, FrameRange.parse), (self.output, FramePattern.parse)):
            if isinstance(text, str):
                parse(text)  # says more than that a pattern does not fit
        check_values(self)
        self._check_persons()
        for path in self.paths().values():
            if "\0" in path:
                raise SettingsError("A path in the job holds a zero byte, so it is none.")
            if not path.isprintable() and path != path.encode("utf-8", "replace").decode():
                raise SettingsError(f"The name of {path.encode('utf-8', 'backslashreplace').decode()} is not in UTF-8.")
        if self.consent is not None:
            Consent.from_plain(self.consent)

    def _check_persons(self) -> None:
        """Raises: SettingsError: a person twice, or settings of the job that each person has."""
        faces = [person["face"] for person in self.persons]
        twice = next((face for face in faces if faces.count(face) > 1), None)
        if twice is not None:
            raise SettingsError(f"Person {twice} is there twice: give each person one motion.")
        if not self.persons:
            return
        if self.motion not in (REST, ""):
            raise SettingsError(
                f"There is a motion ({self.motion}) beside those of the persons: give each person theirs; who has none "
                f"rests (“motion”: “{REST}”)."
            )
        for name in ("face", "points", *sorted({*declared(Person)} & {"matte", "rigid", "identity", "motion_face"})):
            if getattr(self, name) is not None:
                raise SettingsError(f"“{name}” says nothing of one of several persons: give it with a person.")
        for person in self.persons:
            if person.get("consent") is not None:
                Consent.from_plain(person["consent"], source=f"person {person['face']}")

    def of_persons(self) -> tuple[Job, ...]:
        """A job for each of the persons alone: what a person does not say is as the job has it."""
        names = [name for name in declared(Person) if name not in ("order", "retarget")]
        return tuple(
            replace(
                self,
                persons=(),
                retarget={**self.retarget, **(person.get("retarget") or {})},
                **{name: person[name] for name in names if person.get(name) is not None},
            )
            for person in self.persons
        )

    def consents(self) -> Mapping[str, Any] | None:
        """The statement that the frames carry: the job's, or those of all persons by their numbers."""
        if not self.persons:
            return self.consent
        stated = {f"person {one.face}": dict(one.consent) for one in self.of_persons() if one.consent is not None}
        return stated or None

    def to_json(self, *, indent: int | None = 2, **changes: Any) -> str:
        """The job as JSON text, every field named. `changes`: other values. `indent` None: all in one line."""
        return json.dumps({"gioconda_job": VERSION, **vars(self), **changes}, indent=indent, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, *, source: str = "the job") -> Job:
        """The job that `to_json` wrote, or one written by hand with fewer fields.

        Raises:
            SettingsError: not JSON, a field unknown or of the wrong type, a value that cannot be used.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise SettingsError(f"{source} is not a job: {error.msg} in line {error.lineno}.") from error
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand lists in lists
            raise SettingsError(f"{source} is not a job: it holds what no job has ({str(error)[:60]}).") from error
        if not isinstance(data, dict):
            raise SettingsError(f"{source} is not a job: it should be one JSON object.")
        return cls.from_plain(data, source=source)

    @classmethod
    def from_plain(cls, data: Mapping[str, Any], *, source: str = "the job") -> Job:
        """The job that a JSON object describes. Raises: SettingsError, as `from_json`."""
        data = dict(data)
        version = data.pop("gioconda_job", VERSION)
        if version != VERSION:
            raise SettingsError(f"{source} is a job of version {version}; this Gioconda reads version {VERSION}.")
        check_keys(data, tuple(declared(cls)), tuple(object_schema(cls)["required"]), source)
        if isinstance(data.get("frames"), int):
            data["frames"] = str(data["frames"])
        if isinstance(data.get("passes"), list):
            data["passes"] = tuple(data["passes"])
        if isinstance(data.get("persons"), list):
            data["persons"] = tuple(data["persons"])
        try:
            return cls(**data)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from error

    def paths(self, *kinds: PathKind) -> dict[str, str]:
        """The files and folders that the job names, setting → path; only those of some kinds, if any are given. Those
        of persons are called as in “persons[1].motion”."""
        own = {
            name: value
            for name, kind in PATHS.items()
            if (not kinds or kind in kinds) and names_file(name, value := getattr(self, name))
        }
        return own | {
            f"persons[{index}].{name}": value
            for index, person in enumerate(self.persons, 1)
            for name, one in declared(Person).items()
            if one.path and (not kinds or one.path in kinds) and names_file(name, value := person.get(name))
        }

    def with_paths(self, paths: Mapping[str, str]) -> Job:
        """The same job with other paths, by the names that `paths` gives them."""
        own = {name: path for name, path in paths.items() if "." not in name}
        persons = [dict(person) for person in self.persons]
        for name in paths.keys() - own.keys():
            place, _, field = name.partition(".")
            persons[int(place[len("persons[") : -1]) - 1][field] = paths[name]
        changes: dict[str, Any] = {**own, **({"persons": tuple(persons)} if len(own) < len(paths) else {})}
        return replace(self, **changes) if changes else self

    def anchored(self, folder: Path) -> Job:
        """The same job with every path that is relative made absolute, counting from `folder`; one that is absolute on
        another system (Z:\\a, \\\\server\\share) stays."""
        folder = folder.absolute()
        before = self.paths()
        paths = {name: _anchored(path, folder) for name, path in before.items()}
        return self.with_paths({name: path for name, path in paths.items() if path != before[name]})


@lru_cache(1000)  # the jobs of a batch name the same files
def _anchored(path: str, folder: Path) -> str:
    return path if PureWindowsPath(path).is_absolute() else str(folder / path)


PATHS: dict[str, PathKind] = {name: one.path for name, one in declared(Job).items() if one.path}


def names_file(name: str, value: Any) -> bool:
    """Whether a setting's value is a path: neither a built-in motion nor an address such as ocio://default."""
    return name in PATHS and isinstance(value, str) and "://" not in value and value not in declared(Job)[name].also
