"""One driven person of a picture that shows several: what a job says of each. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .consent import Consent
from .retarget import RetargetSettings
from .schema import object_schema
from .settings import setting

_of_motion = partial(setting, changes="pose")
_of_portrait = partial(setting, changes="portrait")


@dataclass(frozen=True)
class Person:
    """A driven person. Each field but `face` and `order` is the job's setting of that name, for this person alone."""

    face: int = _of_portrait("which face of the picture: 1 is the leftmost", needed=True, minimum=1)
    motion: str = _of_motion("what drives this person, as a job's motion", needed=True, path="file", minLength=1)
    neutral: int | str | None = _of_motion("the motion's frame at rest", choices=("auto", "rest"))
    motion_start: int | None = _of_motion("frame number of the motion's first frame")
    motion_face: int | str | None = _of_motion(
        "whose motion, where a video or a table shows several", choices=("largest",), minimum=1
    )
    curves: str | None = _of_motion("what changes over the frames, on top of this person's motion", path="file")
    order: int | None = _of_portrait("who is before whom: 1 is the nearest (default: told by the faces)", minimum=1)
    matte: str | None = _of_portrait("the artist's matte of this person", path="file")
    rigid: str | None = _of_portrait("a mask of what lies before this face and does not bend", path="file")
    identity: str | None = setting("what personalise knows of this person", changes="pixels", path="file")
    consent: Mapping[str, Any] | None = setting(
        "who states which right to animate this person (default: the job's)", **object_schema(Consent)
    )
    retarget: Mapping[str, Any] | None = _of_motion(
        "how the motion is carried over to this person", **object_schema(RetargetSettings)
    )
