"""What goes wrong with a rig."""

from __future__ import annotations

from ...core.gioconda.errors import MotionError


class RigError(MotionError):
    """The rig cannot drive the portrait: it is gone, unnamed, unanimated; the sentence names the row."""


GONE = "The scene was changed or closed while the rig was read; try again."
