"""iFacialMocap's and Facemotion3D's packets: text `name-value|…|=head#rx,ry,rz,px,py,pz|…`, values 0 to 100.

UDP ports 49983 and 49993. Version 2 and Facemotion3D have `&` between name and value. The same lines are read from
files by `motion.readers.phone_apps`. The phone sends to whoever sent it the start string.
"""

from __future__ import annotations

import numpy as np

from ...motion.readers.phone_apps import datagram, degrees_rotation
from ..sample import PacketError, Sample, checked_channels, checked_rotation

START = b"iFacialMocap_sahuasouryya9218sauhuiayeta91555dy3719|sendDataVersion=v2"
START_FACEMOTION3D = b"FACEMOTION3D_OtherStreaming|sendDataVersion=v2"


class IFacialMocapParser:
    """Stateless."""

    def parse(self, data: bytes, received: float) -> Sample | None:
        """One packet. Raises: PacketError."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise PacketError("no text") from None
        shapes, angles = datagram(text)
        channels = checked_channels({name: value / 100 for name, value in shapes.items()})
        rotation = None
        if angles is not None:
            if max(map(abs, angles)) > 720:
                raise PacketError("head angles that no head has")
            rotation = degrees_rotation(np.array([angles]))[0]
        return Sample(received, channels, np.eye(3) if rotation is None else checked_rotation(rotation))
