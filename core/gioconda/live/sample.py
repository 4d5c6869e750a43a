"""What a source says of a face at one moment, and what is wrong with a packet that says nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..landmarks import ARKIT, COUNT

Float = npt.NDArray[np.float64]

STRONGEST = 2.0  # channels beyond ±2 mean nothing and would tear a face apart: they are clipped
ABSURD = 20.0  # a channel beyond it is no face's
FAR = 1e6  # pixels


class PacketError(ValueError):
    """A packet that is not what its protocol says. Counted, never fatal."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A face at one moment: either channels or points.

    Attributes:
        received: when it came in, `time.monotonic` seconds.
        channels: (52,) float64 in the order of `landmarks.ARKIT`, or None.
        rotation: (3, 3) float64, the head's about picture axes, or None where the source does not tell.
        points: (478, 3) float64 pixels of the source's picture, NaN where it has none, or None.
        order: the sender's own clock, seconds, by which late packets are told; None: it has none.
    """

    received: float
    channels: Float | None = None
    rotation: Float | None = None
    points: Float | None = None
    order: float | None = None

    def values(self) -> Float:
        """Everything as one flat array, for filters and measures; `with_values` is its inverse."""
        parts = (self.channels, self.rotation, self.points)
        return np.concatenate([part.ravel() for part in parts if part is not None])

    def with_values(self, values: Float) -> Sample:
        """The same sample with other values; the rotation is made one again."""
        found: dict[str, Float] = {}
        at = 0
        for name in ("channels", "rotation", "points"):
            part = getattr(self, name)
            if part is not None:
                found[name] = values[at : at + part.size].reshape(part.shape)
                at += part.size
        if "rotation" in found:
            u, _, vt = np.linalg.svd(found["rotation"])
            found["rotation"] = (u * [1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
        return replace(self, received=self.received, **found)  # type: ignore[arg-type]

    def has_the_form_of(self, other: Sample) -> bool:
        """Whether both hold the same kinds of values, so that one can follow the other."""
        return all(
            (getattr(self, n) is None) == (getattr(other, n) is None) for n in ("channels", "rotation", "points")
        )


def checked_channels(values: dict[str, float]) -> Float:
    """Channels by Apple's names → (52,), clipped. Raises: PacketError: none, or no face's values."""
    if not values:
        raise PacketError("no channel of a face in it")
    channels = np.zeros(len(ARKIT))
    for name, value in values.items():
        channels[ARKIT.index(name)] = value
    if not np.isfinite(channels).all() or np.abs(channels).max() > ABSURD:
        raise PacketError("channel values that no face has")
    return np.clip(channels, -STRONGEST, STRONGEST)


def checked_points(points: Float) -> Float:
    """Points by the index of each, as (478, 3). Raises: PacketError: they lie in no picture."""
    assert points.shape == (COUNT, 3)
    known = points[np.isfinite(points[:, 0])]
    if np.nanmax(np.abs(known), initial=0.0) > FAR or len(known) < 10 or np.ptp(known[:, :2], axis=0).max() < 1:
        raise PacketError("points that are no face")
    return points


def checked_rotation(rotation: Float) -> Float:
    """A rotation (3, 3) that is one. Raises: PacketError."""
    if not np.isfinite(rotation).all() or abs(np.linalg.det(rotation) - 1) > 0.01:
        raise PacketError("a head rotation that is none")
    return rotation
