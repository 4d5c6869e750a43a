"""What a worker that stays (`gioconda serve`) is asked, as JSON lines. Standard library only.

    {"request": "preview", "id": 7, "job": {"portrait": …}, "frame": 12, "size": 512, "folder": "/tmp/x"}

Every answer carries the request's id; the last one to a request is a `Result` or an `Error` (`messages`). An Error with
the code `ExitCode.CANCELLED` says that nobody wants the answer any more: nothing for a user to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, get_args

from ..errors import SettingsError
from ..job.schema import check_fields


@dataclass(frozen=True)
class Analyse:
    """Find the faces of a picture. Result data:

    size [width, height]; faces [{"box": [left, top, right, bottom], "score"} …] from left to right; face: which of them
    (1 is the leftmost), None when there are several and none was chosen: landmarks and matte are None then;
    landmarks [[x, y, z] × 478], pixels; hand_placed; notes [sentences]; matte: path of an 8-bit grey PNG of the whole
    picture, white is the person.
    """

    request: ClassVar[str] = "analyse"
    id: int
    portrait: str
    folder: str  # where the matte goes
    face: int | str | None = None  # as in Job
    points: str | Mapping[str, Any] | None = None  # hand-placed: a JSON file, or what would be in it
    matte: str | None = None  # the artist's, shown instead of ours
    colorspace: str = "auto"
    ocio: str | None = None
    layer: str | None = None
    models: str | None = None
    device: str = "auto"
    threads: int | None = None
    longest: int = 1024  # of the matte picture, pixels


@dataclass(frozen=True)
class Preview:
    """One frame, small. Result data: path of a .npy (height, width, 4) float32, scene-linear, premultiplied, rows from
    the top; width, height, frame, seconds. The newest request for a subject replaces the older ones."""

    request: ClassVar[str] = "preview"
    id: int
    job: Mapping[str, Any]  # fields of Job; a motion "" where `motion` is given
    frame: int
    folder: str  # where the picture goes
    size: int = 512  # longest side, pixels; never larger than the portrait
    motion: Mapping[str, Any] | None = None  # instead of the job's: what `motion.files.to_plain` makes of a Motion
    subject: str = ""  # whose preview: of each subject only the newest request is answered
    neural: bool = False  # also corrected by the networks that the job asks for, as far as this machine has them


@dataclass(frozen=True)
class Render:
    """A whole job, with progress on the way. Result data: as of `gioconda job`; of a batch's item, what the batch's
    report says of it."""

    request: ClassVar[str] = "render"
    id: int
    job: Mapping[str, Any]  # fields of Job, paths absolute
    delivery: Mapping[str, Any] | None = None  # the batch's, of an item; what follows holds for items only
    manifest: str = ""  # the file that says which frames are finished
    thumb: str | None = None  # a small picture for the report
    overwrite: bool = False  # begin anew, whatever the manifest says


@dataclass(frozen=True)
class Warm:
    """Load and compile everything, so that what follows is quick. Result data: seconds, device."""

    request: ClassVar[str] = "warm"
    id: int
    models: str | None = None
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Cancel:
    """Stop working on another request, which is then answered with an Error of the code CANCELLED. Not answered."""

    request: ClassVar[str] = "cancel"
    id: int
    which: int  # the other's id


@dataclass(frozen=True)
class Quit:
    """End. So does the end of the standard input."""

    request: ClassVar[str] = "quit"
    id: int


Request = Analyse | Preview | Render | Warm | Cancel | Quit
REQUESTS: dict[str, type[Request]] = {cls.request: cls for cls in get_args(Request)}


def to_line(request: Request) -> str:
    """One request as one line of JSON, without the line's end."""
    return json.dumps({"request": request.request, **asdict(request)}, ensure_ascii=False)


def from_plain(data: Mapping[str, Any]) -> Request:
    """The request that a JSON object describes. Raises: SettingsError."""
    fields = dict(data)
    name = fields.pop("request", None)
    if name not in REQUESTS:
        raise SettingsError(f"There is no request “{name}”; there are {', '.join(REQUESTS)}.")
    check_fields(REQUESTS[name], fields, f"The request “{name}”")
    return REQUESTS[name](**fields)


def from_line(line: str) -> Request:
    """The request in a line. Raises: SettingsError, also for a line that is no JSON object."""
    try:
        data = json.loads(line)
        if not isinstance(data, dict):
            raise SettingsError("A request is one JSON object a line.")
        return from_plain(data)
    except json.JSONDecodeError as error:
        raise SettingsError(f"A request that is no JSON: {error.msg}, column {error.colno}.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand lists in lists
        raise SettingsError(f"A request that holds what no request has ({str(error)[:60]}).") from error


def id_of(line: str) -> int | None:
    """The id in a line that may be no request at all."""
    try:
        found = json.loads(line)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if isinstance(found, int) else None
