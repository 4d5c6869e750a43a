"""How a motion is carried over to a portrait: the settings of `retarget`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from ..errors import SettingsError

_LIMITS = {"neutralise": (0.0, 1.0), "lid_floor": (0.0, 0.15)}  # of all other numbers: 0 to 5


@dataclass(frozen=True)
class RetargetSettings:
    """How a motion is carried over to a portrait. Gains: 1 as recorded, 0 off, above 1 exaggerated."""

    # changes from the neutral frame, or the driver's very expression
    mode: Literal["relative", "absolute"] = "relative"
    neutral: int | Literal["auto", "rest"] = "auto"  # frame index; the most neutral frame; channels all zero
    pose: float = 1.0  # head rotation and translation
    jaw: float = 1.0  # how far the jaw opens and moves
    lips: float = 1.0  # lips, cheeks and nose, on top of the jaw
    brows: float = 1.0  # brows and forehead
    lids: float = 1.0  # opening and closing of the eyes
    gaze: float = 1.0  # where the eyes look
    lock_scale: bool = True  # the head keeps its size, however close the driver comes to the camera
    adapt: bool = True  # scale motion by the ratio of the two faces' width and height
    lid_floor: float = 0.045  # the openness (gap by width) a tracker reports for a shut eye; 0 takes it as it is
    neutralise: float = 0.0  # first close the portrait's open mouth and open its half-shut eyes: 0 not, 1 fully
    smoothing: Literal["auto", "savgol", "one_euro", "none"] = "auto"  # auto: savgol for landmarks, none for channels
    dead_band: float = 1.0  # hold motions smaller than a tracker's noise: 0 off, 2 twice as wide

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            low, high = _LIMITS.get(name, (0.0, 5.0))
            if name == "neutral":
                if isinstance(value, bool) or not (value in ("auto", "rest") or isinstance(value, int)):
                    raise SettingsError(f"retarget neutral must be a frame index, 'auto' or 'rest', not {value!r}")
            elif kind is bool:
                if not isinstance(value, bool):
                    raise SettingsError(f"retarget {name} must be true or false, not {value!r}")
            elif kind is float:
                if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                    raise SettingsError(f"retarget {name} must be a number from {low:g} to {high:g}, not {value!r}")
            elif value not in get_args(kind):
                raise SettingsError(f"retarget {name} must be one of {', '.join(get_args(kind))}, not {value!r}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RetargetSettings:
        """From plain values; keys may be left out.

        Raises:
            SettingsError: an unknown key, or a value that cannot be used.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(f"unknown retarget setting {unknown[0]!r}; there are {', '.join(sorted(known))}")
        return cls(**values)
