"""A job: everything one rendering needs, as plain data and as JSON. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from ..errors import SettingsError
from .consent import Consent
from .fields import check_fields, one_of
from .frame_range import FramePattern, FrameRange
from .passes import DEFAULT_PASSES, PASSES

VERSION = 1

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
        "portrait",
        "motion",
        "output",
        "points",
        "matte",
        "plate",
        "identity",
        "engine",
        "review",
        "sheet",
        "ocio",
        "models",
        "cache",
        "keys",
    )

    def __post_init__(self) -> None:
        for name in self.passes:
            one_of("pass", name, PASSES)
        one_of("device", self.device, DEVICES)
        one_of("neural model", self.neural, NEURAL)
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
            one_of("neutral frame", self.neutral, ("auto", "rest"))
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
