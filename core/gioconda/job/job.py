"""A job: everything one rendering needs, as plain data and as JSON. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from .consent import RIGHTS, Consent
from .frame_range import FramePattern, FrameRange
from .passes import ALL_PASSES, DEFAULT_PASSES, LOSSLESS, LOSSY, PASSES
from .retarget import RetargetSettings
from .schema import check_keys, check_values, object_schema
from .settings import PathKind, declared, setting

VERSION = 1

NEURAL = ("auto", "off", "fast", "full")
DEVICES = ("auto", "cpu", "cuda", "tensorrt", "directml", "coreml")
LARGEST = "largest"
TAKE = "take"  # the built-in demonstration
REST = "rest"  # nothing moves
BUILT_IN_MOTIONS = (TAKE, REST)
_SPAN = r"-?\d+(-(-?\d+)([x:]\d+)?)?"


@dataclass(frozen=True)
class Job:
    """Everything one rendering needs: a portrait, a motion, where frames go and how. Plain data throughout."""

    portrait: str = setting(
        "a still picture: JPEG, PNG, TIFF, EXR …",
        changes="portrait",
        path="file",
        option="portrait",
        in_batch=False,
        minLength=1,
    )
    motion: str = setting(
        f".npz, .json, .csv or .bvh motion, a video, “{TAKE}” for the built-in take, “{REST}” for no motion",
        changes="pose",
        path="file",
        also=BUILT_IN_MOTIONS,
        option="motion",
        in_batch=False,
        minLength=1,
    )
    output: str = setting(
        "pattern of the frames' names, such as out/####.exr or out/%04d.exr",
        path="output",
        option="--output",
        group="output",
        argument={"metavar": "PATTERN"},
        in_batch=False,
        pattern=r"(#+|@+|%0?\d*d)[^/\\]*\.[eE][xX][rR]$",
        examples=["out/####.exr"],
    )
    frames: str = setting(
        f"which frames: 1-100x2,120 (default: all; of “{REST}”: frame 1)",
        default="",
        option="--frames",
        group="motion",
        argument={"metavar": "RANGE"},
        anyOf=[
            {
                "type": "string",
                "pattern": rf"^\s*({_SPAN}(\s*,\s*{_SPAN})*)?\s*$",
                "examples": ["1-100x2,120"],
            },
            {"type": "integer"},
        ],
    )
    neutral: int | str | None = setting(
        "the motion's frame at rest: a frame number, “auto” (default: the calmest), “rest” (all channels zero)",
        default=None,
        changes="pose",
        choices=("auto", "rest"),
        option="--neutral",
        group="motion",
        argument={"metavar": "FRAME"},
    )
    fps: float | None = setting(
        "frames per second (default: the motion's own)",
        default=None,
        changes="pose",
        option="--fps",
        group="motion",
        argument={"metavar": "RATE"},
        exclusiveMinimum=0,
        exclusiveMaximum=10_000,
    )
    motion_start: int | None = setting(
        "frame number of the motion's first frame; a motion of another rate than --fps is resampled (default: its own)",
        default=None,
        changes="pose",
        option="--motion-start",
        group="motion",
        argument={"metavar": "FRAME"},
    )
    face: int | str | None = setting(
        f"which face: 1 is the leftmost, “{LARGEST}” the largest (default: the only one there is)",
        default=None,
        changes="portrait",
        choices=(LARGEST,),
        option="--face",
        group="portrait",
        argument={"metavar": f"N|{LARGEST}"},
        minimum=1,
    )
    points: str | None = setting(
        "hand-placed landmarks (JSON: a few named points are enough)",
        default=None,
        changes="portrait",
        path="file",
        option="--points",
        group="portrait",
        argument={"metavar": "FILE"},
    )
    matte: str | None = setting(
        "the artist's matte of the person, instead of ours",
        default=None,
        changes="portrait",
        path="file",
        option="--matte",
        group="portrait",
        argument={"metavar": "FILE"},
    )
    plate: str | None = setting(
        "the artist's clean plate: the background without the person, instead of ours",
        default=None,
        changes="portrait",
        path="file",
        option="--clean-plate",
        group="portrait",
        argument={"metavar": "FILE"},
    )
    passes: tuple[str, ...] = setting(
        f"“all”, or of: {', '.join(PASSES)}",
        default=DEFAULT_PASSES,
        changes="pixels",
        choices=ALL_PASSES,
        option="--passes",
        group="output",
        argument={"metavar": "LIST"},
    )
    full_float: bool = setting(
        "32-bit float instead of 16-bit half for every pass (UV always is)",
        default=False,
        changes="pixels",
        option="--float",
        group="output",
    )
    compression: str = setting(
        "of the EXR: zip, zips, piz, rle, none; a level as in zip:2",
        default="zip",
        changes="pixels",
        option="--compression",
        group="output",
        argument={"metavar": "NAME"},
        pattern=rf"^({'|'.join(LOSSLESS + LOSSY)})(:\d+(\.\d+)?)?$",
        examples=[*LOSSLESS, "zip:1"],
    )
    colorspace: str = setting(
        "the picture's colour space: auto goes by the file's type, else a name of the OpenColorIO configuration",
        default="auto",
        changes="portrait",
        option="--colorspace",
        group="portrait",
        argument={"metavar": "NAME"},
    )
    plate_colorspace: str | None = setting(
        "the clean plate's colour space (default: the portrait's)", default=None, changes="portrait"
    )
    ocio: str | None = setting(
        "an OpenColorIO configuration (default: $OCIO, else built in)",
        default=None,
        changes="portrait",
        path="file",
        option="--ocio",
        group="portrait",
        argument={"metavar": "CONFIG"},
    )
    device: str = setting("what the nets run on", default="auto", choices=DEVICES, option="--device", group="machine")
    threads: int | None = setting(
        "processor threads to use (default: all)",
        default=None,
        option="--threads",
        group="machine",
        argument={"metavar": "N"},
        minimum=1,
        maximum=4096,
    )
    draft: bool = setting(
        "faster: no anti-aliased silhouettes; for looking, not for delivery",
        default=False,
        changes="pixels",
        option="--preview",
        group="output",
    )
    neural: str = setting(
        "networks that correct mouth, eyes and edges: full (needs a graphics card), fast, off; auto: the best this "
        "machine serves well",
        default="auto",
        changes="portrait",  # with networks, what the person hides is painted anew when the portrait is prepared
        choices=NEURAL,
        option="--neural",
        group="output",
    )
    identity: str | None = setting(
        "what personalise knows of the person, for --neural",
        default=None,
        changes="pixels",
        path="file",
        option="--identity",
        group="output",
        argument={"metavar": "FILE"},
    )
    engine: str | None = setting(
        "somebody else's engine paints frames: see engines",
        default=None,
        changes="pixels",
        path="folder",
        option="--engine",
        group="output",
        argument={"metavar": "FOLDER"},
    )
    review: str | None = setting(
        "also make a video for looking at (.mp4)",
        default=None,
        path="output",
        option="--review",
        group="output",
        argument={"metavar": "FILE"},
    )
    sheet: str | None = setting(
        "also make a contact sheet (.png)",
        default=None,
        path="output",
        option="--contact-sheet",
        group="output",
        argument={"metavar": "FILE"},
    )
    png: bool = setting(
        "also write every frame as an 8-bit PNG beside its EXR",
        default=False,
        option="--png",
        group="output",
        in_batch=False,
    )
    resume: bool = setting(
        "keep frames that are whole and would come out the same, render the others",
        default=False,
        option="--resume",
        group="output",
        in_batch=False,
    )
    overwrite: bool = setting(
        "replace frames that are there", default=False, option="--overwrite", group="output", in_batch=False
    )
    placeholders: bool = setting(
        "first put the portrait as it is wherever there is no frame yet",
        default=False,
        option="--placeholders",
        group="output",
    )
    rest: int | None = setting(
        "number of one placeholder more, beside the range: what to show on every other frame", default=None
    )
    models: str | None = setting(
        "where the ONNX nets are (default: the project's own folder)",
        default=None,
        changes="portrait",
        path="folder",
        option="--models",
        group="machine",
        argument={"metavar": "FOLDER"},
    )
    cache: str | None = setting(
        "where prepared portraits are kept (default: the user's cache)",
        default=None,
        path="local",
        option="--cache",
        group="machine",
        argument={"metavar": "FOLDER"},
    )
    consent: Mapping[str, Any] | None = setting(
        f"who states which right to animate the portrait; RIGHT is one of {', '.join(RIGHTS)}",
        default=None,
        option="--consent",
        group="rights",
        argument={"metavar": "RIGHT:WHO[:TEXT]"},
        **object_schema(Consent),
    )
    keys: str | None = setting(
        "the keys that sign finished frames (default: the user's)",
        default=None,
        path="local",
        option="--keys",
        group="rights",
        argument={"metavar": "FOLDER"},
    )
    retarget: Mapping[str, Any] = setting(
        "how the motion is carried over to the portrait",
        default_factory=dict,
        changes="pose",
        **object_schema(RetargetSettings),
    )

    def __post_init__(self) -> None:
        for text, parse in ((self.frames, FrameRange.parse), (self.output, FramePattern.parse)):
            if isinstance(text, str):
                parse(text)  # says more than that a pattern does not fit
        check_values(self)
        if any("\0" in path for path in self.paths().values()):
            raise SettingsError("A path in the job holds a zero byte, so it is none.")
        if self.consent is not None:
            Consent.from_plain(self.consent)

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
        check_keys(data, tuple(declared(cls)), tuple(object_schema(cls)["required"]), source)
        if isinstance(data.get("frames"), int):
            data["frames"] = str(data["frames"])
        if isinstance(data.get("passes"), list):
            data["passes"] = tuple(data["passes"])
        try:
            return cls(**data)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from error

    def paths(self, *kinds: PathKind) -> dict[str, str]:
        """The files and folders that the job names, setting → path; only those of some kinds, if any are given."""
        return {
            name: value
            for name, kind in PATHS.items()
            if (not kinds or kind in kinds) and names_file(name, value := getattr(self, name))
        }

    def anchored(self, folder: Path) -> Job:
        """The same job with every path that is relative made absolute, counting from `folder`."""
        changes: dict[str, Any] = {name: str(folder.absolute() / path) for name, path in self.paths().items()}
        return replace(self, **changes)


PATHS: dict[str, PathKind] = {name: one.path for name, one in declared(Job).items() if one.path}


def names_file(name: str, value: Any) -> bool:
    """Whether a setting's value is a path: neither a built-in motion nor an address such as ocio://default."""
    return name in PATHS and isinstance(value, str) and "://" not in value and value not in declared(Job)[name].also
