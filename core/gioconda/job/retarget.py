"""How a motion is carried over to a portrait: a job's settings under “retarget”. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import SettingsError
from .schema import check_keys, check_values
from .settings import declared, setting

GAINS = ("pose", "jaw", "lips", "brows", "lids", "gaze")


def _gain(text: str) -> Any:
    return setting(f"{text}: 1 as recorded, 0 off", default=1.0, minimum=0, maximum=5)


_option = partial(setting, group="motion")


@dataclass(frozen=True)
class RetargetSettings:
    """How a motion is carried over to a portrait. Gains: 1 as recorded, 0 off, above 1 exaggerated."""

    mode: str = setting(
        "relative: changes from the neutral frame; absolute: the motion's very expression",
        default="relative",
        choices=("relative", "absolute"),
    )
    neutral: int | str = "auto"  # index of the neutral frame, “auto” the calmest, “rest” all channels zero; a job's own
    pose: float = _gain("head rotation and translation")
    jaw: float = _gain("how far the jaw opens and moves")
    lips: float = _gain("lips, cheeks and nose, on top of the jaw")
    brows: float = _gain("brows and forehead")
    lids: float = _gain("opening and closing of the eyes")
    gaze: float = _gain("where the eyes look")
    neutralise: float = _option(
        "first close the portrait's smile and open its half-shut eyes: 0 not, 1 fully (without X: 1)",
        "--neutralise X",
        default=0.0,
        argument={"nargs": "?", "const": 1.0},
        minimum=0,
        maximum=1,
    )
    lock_scale: bool = _option(
        "the head keeps its size (default), or follows the motion's", "--lock-scale", default=True
    )
    adapt: bool = _option("fit the motion to the portrait's proportions (default), or not", "--adapt", default=True)
    shoulders: float = _option(
        "how much of the head's turn to the side the shoulders take part in: 0 they stay, 1 fully (default: 0.2)",
        "--shoulders X",
        default=0.2,
        minimum=0,
        maximum=1,
    )
    smoothing: str = _option(
        "savgol (for finished takes), one_euro (as live), none; auto: savgol for landmarks, none for channels",
        "--smoothing",
        default="auto",
        choices=("auto", "savgol", "one_euro", "none"),
    )
    dead_band: float = _option(
        "hold movements smaller than a tracker's noise: 0 off, 1 (default), 2 twice as wide",
        "--dead-band X",
        default=1.0,
        minimum=0,
        maximum=5,
    )
    lid_floor: float = _option(
        "how open a shut eye looks to the tracker, gap by width (default: 0.045; 0 trusts the tracker)",
        "--lid-floor X",
        default=0.045,
        minimum=0,
        maximum=0.15,
    )

    def __post_init__(self) -> None:
        """Raises: SettingsError."""
        if isinstance(self.neutral, bool) or not (self.neutral in ("auto", "rest") or isinstance(self.neutral, int)):
            raise SettingsError(f"“retarget.neutral” must be a frame index, “auto” or “rest”, not {self.neutral!r}.")
        check_values(self, ("retarget",))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RetargetSettings:
        """From plain values; keys may be left out.

        Raises:
            SettingsError: an unknown key, or a value that cannot be used.
        """
        check_keys(values, ("neutral", *declared(cls)), (), "retarget")
        return cls(**values)
