"""What a user should know of a motion, in sentences."""

from __future__ import annotations

import numpy as np

from ..job.frame_range import FrameRange
from .motion import Motion

_LONGEST = 60  # letters of a list of frames


def notes_of(motion: Motion) -> list[str]:
    """What its reader found out, and which frames have no face."""
    notes = [*motion.notes]
    seen = motion.landmarks if motion.landmarks is not None else motion.channels
    if seen is not None:
        lost = np.isnan(seen).reshape(len(motion), -1).all(1)
        if lost.any():
            which, count = FrameRange.format(int(number) for number in motion.frames[lost]), int(lost.sum())
            which = which if len(which) < _LONGEST else which[: _LONGEST - 3].rpartition(",")[0] + " …"
            notes.append(
                f"{count} of {len(motion)} frames have no face ({which}): carried across from those before and after."
            )
    return notes
