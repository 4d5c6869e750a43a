"""What a worker says, as JSON lines on its standard output. Standard library only.

One JSON object a line with a "kind" of `KINDS`, the first of them `Hello`. The worker's standard error is a log for
people and its exit status (`errors.ExitCode`) is the truth. A worker that stays (`gioconda serve`) reads what it is
asked from its standard input, see `requests`; each answer carries the request's "id".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TextIO, get_args

from .. import __version__
from ..errors import SettingsError
from ..job.schema import check_fields

PROTOCOL = 2


@dataclass(frozen=True)
class Hello:
    """The worker is there: which Gioconda it is. The first message of all."""

    kind: ClassVar[str] = "hello"
    version: str = __version__
    protocol: int = PROTOCOL


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
    """A part of the work begins: "read", "analyse", "prepare", "motion", "placeholders", "render"."""

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
class BatchProgress:
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
    cause: str = ""  # "disk": it is full, "memory": there is not enough, "": anything else


Message = Hello | Log | Warn | Stage | Progress | BatchProgress | Result | Error
Report = Callable[[Message], None]  # who is told
KINDS: dict[str, type[Message]] = {cls.kind: cls for cls in get_args(Message)}


def to_line(message: Message, request: int | None = None) -> str:
    """One message as one line of JSON, without the line's end. `request`: the id of what it answers."""
    head: dict[str, Any] = {"kind": message.kind} if request is None else {"kind": message.kind, "id": request}
    return json.dumps({**head, **asdict(message)}, ensure_ascii=False)


class JsonLines:
    """Writes messages to a stream as JSON lines, each at once."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, message: Message, request: int | None = None) -> None:
        self.stream.write(to_line(message, request) + "\n")
        self.stream.flush()


def from_answer(line: str) -> tuple[int | None, Message] | None:
    """The message in a worker's line and the id of the request it answers (None: of none); None for a line that is no
    message (a library that prints).

    Raises: SettingsError: JSON of a kind or with a field this version does not know.
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
    """Whether the worker whose first message this is belongs to us. Raises: SettingsError: it is of another version."""
    if first == Hello():
        return
    other = f"Gioconda {first.version}" if isinstance(first, Hello) else "an older Gioconda"
    raise SettingsError(
        f"The worker is {other} and this is Gioconda {__version__}: restart Blender, "
        "and check which Python is chosen in the add-on's preferences."
    )


def clock(seconds: float) -> str:
    """A duration for people: 1:05, or 2:00:07."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
