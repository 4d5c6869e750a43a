"""What crosses the process boundary: a `Job` as JSON and messages as JSON lines. Standard library only.

A worker writes messages to its standard output, one JSON object a line with a "kind" of `KINDS`, the first of them
`Hello`. Its standard error is a log for people and its exit status (`errors.ExitCode`) is the truth. A worker that
stays (`gioconda serve`) reads what it is asked from its standard input, see `requests`; each answer carries the
request's "id".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TextIO

from .. import __version__
from ..errors import SettingsError
from .consent import Consent
from .frame_range import FramePattern, FrameRange

VERSION = 1

# Every pass a frame can have and its channels' names inside the EXR; Combined comes first and is always written.
PASSES = {
    "Combined": "RGBA",
    "Matte": "A",
    "Depth": "Z",
    "Vector": "XYZW",
    "UV": "UVA",
    "Face": "A",
    "Hair": "A",
    "Body": "A",
    "Eyes": "A",
    "Lips": "A",
    "Mouth": "A",
    "Disocclusion": "A",
    "Confidence": "A",
    "Plate": "RGBA",
}
DEFAULT_PASSES = ("Combined", "Matte", "Vector", "UV")
NEURAL = ("auto", "off", "fast", "full")
DEVICES = ("auto", "cpu", "cuda", "tensorrt", "directml", "coreml")
MAX_THREADS = 4096
LARGEST = "largest"
TAKE = "take"
REST = "rest"


@dataclass(frozen=True)
class Job:
    """Everything one rendering needs: a portrait, a motion, where frames go and how. Plain data throughout."""

    portrait: str  # the still picture
    motion: str  # .npz, .json, .csv, a video, "take": the built-in demonstration take, or "rest": the portrait as it is
    output: str  # pattern of the frames' names, such as out/####.exr
    frames: str = ""  # which frames of the motion, such as 1-100x2,120; empty: all (of "rest": frame 1)
    neutral: int | str | None = None  # number of the motion's frame at rest, "auto" or "rest" (see RetargetSettings)
    fps: float | None = None  # frames per second, > 0; None: the motion's own
    face: int | str | None = None  # 1 is the leftmost face, "largest" the largest; None: the only one there is
    points: str | None = None  # hand-placed landmarks (JSON) instead of the detector
    matte: str | None = None  # the artist's matte of the person instead of ours
    plate: str | None = None  # the artist's clean plate (the background without the person) instead of ours
    passes: tuple[str, ...] = DEFAULT_PASSES  # names of PASSES
    full_float: bool = False  # 32-bit float instead of 16-bit half (UV is always 32-bit)
    compression: str = "zip"  # of the EXR: zip, zips, piz, rle, none, zip:1 to zip:9 …
    colorspace: str = "auto"  # the portrait's colour space; auto: by file type, or a name of the OCIO configuration
    plate_colorspace: str | None = None  # the clean plate's colour space; None: the portrait's
    ocio: str | None = None  # an OpenColorIO configuration; None: $OCIO, else the built-in one
    device: str = "auto"  # one of DEVICES, for the analysis nets
    threads: int | None = None  # processor threads, ≥ 1; None: all of them
    draft: bool = False  # fast preview quality
    neural: str = "auto"  # which networks correct the frames: off, fast, full; auto: the best this machine serves well
    identity: str | None = None  # what `gioconda personalise` knows of the person, for the networks
    engine: str | None = None  # folder of somebody else's engine that paints the frames, instead of the networks
    review: str | None = None  # an MP4 for looking at
    sheet: str | None = None  # a contact sheet (PNG)
    png: bool = False  # also write each frame as an 8-bit PNG beside the EXR
    resume: bool = False  # keep frames that are whole and would come out the same, render the others
    overwrite: bool = False  # replace frames that are already there
    placeholders: bool = False  # first put the undriven portrait wherever there is no frame yet
    rest: int | None = None  # number of one placeholder more, beside the range: what to show on every other frame
    models: str | None = None  # folder of the ONNX nets; None: the default one
    cache: str | None = None  # folder for prepared portraits; None: the user's cache folder
    consent: Mapping[str, Any] | None = None  # who states which right to animate the portrait (see trust.consent)
    keys: str | None = None  # folder of the keys that sign the sequence; None: the user's settings folder
    retarget: Mapping[str, Any] = field(default_factory=dict)  # other fields of RetargetSettings

    # Fields that name files: made absolute when a job travels.
    PATHS: ClassVar[tuple[str, ...]] = (
        "portrait", "motion", "output", "points", "matte", "plate", "identity", "engine", "review", "sheet", "ocio",
        "models", "cache", "keys",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name in self.passes:
            _one_of("pass", name, PASSES)
        _one_of("device", self.device, DEVICES)
        _one_of("neural model", self.neural, NEURAL)
        if self.fps is not None and not 0 < self.fps < 10_000:
            raise SettingsError(f"A rate of {str(self.fps)[:20]} frames per second cannot be used; give one above 0.")
        if self.threads is not None and not 1 <= self.threads <= MAX_THREADS:
            raise SettingsError(f"{str(self.threads)[:20]} threads cannot work; give 1 to {MAX_THREADS}.")
        for name in self.PATHS:
            if "\0" in (getattr(self, name) or ""):
                raise SettingsError(f"“{name}” holds a zero byte, so it is no path.")
        if isinstance(self.face, str) and self.face != LARGEST:
            raise SettingsError(f"Face “{self.face}” is neither a number nor “{LARGEST}”.")
        if isinstance(self.neutral, str):
            _one_of("neutral frame", self.neutral, ("auto", "rest"))
        if self.consent is not None:
            Consent.from_plain(self.consent)
        FrameRange.parse(self.frames)
        FramePattern.parse(self.output)

    def to_json(self) -> str:
        """The job as JSON text, every field named."""
        return json.dumps({"gioconda_job": VERSION, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

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
        check_fields(cls, data, source)
        if "passes" in data:
            data["passes"] = tuple(data["passes"])
        try:
            return cls(**data)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from error

    def anchored(self, folder: Path) -> Job:
        """The same job with every path that is relative made absolute, counting from `folder`."""
        changes: dict[str, Any] = {
            name: str(folder.absolute() / value)
            for name in self.PATHS
            if (value := getattr(self, name)) is not None and value not in (TAKE, REST) and "://" not in value
        }
        return replace(self, **changes)


@dataclass(frozen=True)
class Hello:
    """The worker is there: which Gioconda it is. The first message of all."""

    kind: ClassVar[str] = "hello"
    version: str = __version__
    protocol: int = VERSION


@dataclass(frozen=True)
class Log:
    """Something worth telling a person: which device, what was found."""

    kind: ClassVar[str] = "log"
    text: str


@dataclass(frozen=True)
class Warn:
    """Something went differently from what was asked; the work goes on."""

    kind: ClassVar[str] = "warning"
    text: str


@dataclass(frozen=True)
class Stage:
    """A part of the work begins: "read", "analyse", "prepare", "motion", "compile", "placeholders", "render"."""

    kind: ClassVar[str] = "stage"
    name: str
    text: str


@dataclass(frozen=True)
class Progress:
    """`done` of `total` steps are finished, the last being `frame`, whole on disk at `path`."""

    kind: ClassVar[str] = "progress"
    done: int
    total: int
    frame: int | None = None
    path: str | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class Board:
    """How a batch stands; takes the place of the one before."""

    kind: ClassVar[str] = "board"
    done: int  # items
    failed: int
    total: int
    frames: int  # finished
    of_frames: int
    seconds_left: float | None = None
    rows: Mapping[str, Any] = field(default_factory=dict)  # process → {"item", "stage", "done", "total"}, {} if idle


@dataclass(frozen=True)
class Result:
    """The command has finished: what it made or found, as plain data. The last message of a success."""

    kind: ClassVar[str] = "result"
    command: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Error:
    """The command failed or was stopped: the sentence for the user, the exit status. A failure's last message."""

    kind: ClassVar[str] = "error"
    code: int
    text: str


Message = Hello | Log | Warn | Stage | Progress | Board | Result | Error
Report = Callable[[Message], None]  # who is told
KINDS: dict[str, type[Message]] = {cls.kind: cls for cls in (Hello, Log, Warn, Stage, Progress, Board, Result, Error)}


def to_line(message: Message, request: int | None = None) -> str:
    """One message as one line of JSON, without the line's end. `request`: the id of what it answers."""
    head: dict[str, Any] = {"kind": message.kind} if request is None else {"kind": message.kind, "id": request}
    return json.dumps({**head, **asdict(message)}, ensure_ascii=False)


class JsonLines:
    """Writes messages to a stream as JSON lines, each at once. A context like `console.Console`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, message: Message, request: int | None = None) -> None:
        self.stream.write(to_line(message, request) + "\n")
        self.stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.flush()


def from_answer(line: str) -> tuple[int | None, Message] | None:
    """The message in a worker's line and the id of the request it answers (None: of none); None for a line that is no
    message (a library that prints).

    Raises:
        SettingsError: JSON of a kind or with a field this version does not know.
    """
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or "kind" not in data:
        return None
    kind, request = data.pop("kind"), data.pop("id", None)
    if kind not in KINDS:
        raise SettingsError(
            f"The worker sent a message of an unknown kind “{kind}”; do add-on and worker have the same version?"
        )
    check_fields(KINDS[kind], data, f"The worker's “{kind}” message")
    return request if isinstance(request, int) else None, KINDS[kind](**data)


def from_line(line: str) -> Message | None:
    """The message in a worker's line, or None for a line that is none. Raises: as `from_answer`."""
    answer = from_answer(line)
    return None if answer is None else answer[1]


def check_version(first: Message) -> None:
    """Whether the worker whose first message this is belongs to us.

    Raises:
        SettingsError: it is of another version.
    """
    if first == Hello():
        return
    other = f"Gioconda {first.version}" if isinstance(first, Hello) else "an older Gioconda"
    raise SettingsError(
        f"The worker is {other} and this is Gioconda {__version__}: restart Blender, "
        "and check which Python is chosen in the add-on's preferences."
    )


def _one_of(what: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        raise SettingsError(f"There is no {what} “{value}”; choose from {', '.join(choices)}.")


def check_fields(cls: type[Any], data: Mapping[str, Any], source: str) -> None:
    """Every key a field, every field without a default there, every value of a plain type that fits the annotation."""
    known = {f.name: f for f in fields(cls)}
    for key, value in data.items():
        if key not in known:
            raise SettingsError(f"{source} has an unknown setting “{key}”; known are {', '.join(known)}.")
        if not _fits(value, str(known[key].type)):
            raise SettingsError(
                f"{source}: “{key}” cannot be {json.dumps(value, ensure_ascii=False)}; it is {known[key].type}."
            )
    needed = (name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING)
    missing = [name for name in needed if name not in data]
    if missing:
        raise SettingsError(f"{source} lacks “{missing[0]}”.")


def _fits(value: Any, annotation: str) -> bool:
    """Whether a JSON value fits a field's annotation (one of the few kinds used above)."""
    for kind in annotation.split(" | "):
        if kind == "None" and value is None:
            return True
        if kind == "bool" and isinstance(value, bool):
            return True
        if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
            return True
        if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
            return True
        if kind == "str" and isinstance(value, str):
            return True
        if kind.startswith("tuple") and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            return True
        if kind.startswith("Mapping") and isinstance(value, dict):
            return True
    return False
