"""The sources by name: which protocol, which port, and how one is opened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ..errors import DeviceError, SettingsError
from ..face.nets import Nets
from .protocols.ifacialmocap import START, START_FACEMOTION3D, IFacialMocapParser
from .protocols.livelink import LiveLinkParser
from .protocols.openseeface import OpenSeeFaceParser
from .protocols.vmc import VmcParser
from .protocols.vtube_studio import VTubeStudioParser, request
from .receiver import Parser, Say, UdpReceiver
from .sample import Sample

Feed = Callable[[Sample], None]


@dataclass(frozen=True)
class PacketSource:
    """A protocol over UDP."""

    title: str
    port: int
    parser: Callable[[], Parser]
    ask: Callable[[int], bytes] | None = None  # what makes a phone send to our port


PACKETS: dict[str, PacketSource] = {
    "livelink": PacketSource("Live Link Face", 11111, LiveLinkParser),
    "ifacialmocap": PacketSource("iFacialMocap", 49983, IFacialMocapParser, lambda _: START),
    "facemotion3d": PacketSource("Facemotion3D", 49993, IFacialMocapParser, lambda _: START_FACEMOTION3D),
    "vmc": PacketSource("VMC", 39539, VmcParser),
    "vtubestudio": PacketSource("VTube Studio", 21412, VTubeStudioParser, request),
    "openseeface": PacketSource("OpenSeeFace", 11573, OpenSeeFaceParser),
}
WEBCAM = "webcam"
NAMES = (*PACKETS, WEBCAM)


def split_source(text: str) -> tuple[str, str | None]:
    """ "vmc:0.0.0.0:39540" → ("vmc", "0.0.0.0:39540"). Raises: SettingsError: there is no such source."""
    name, colon, address = text.partition(":")
    if name not in NAMES:
        raise SettingsError(f"There is no source “{name}” for --from; choose from {', '.join(NAMES)}.")
    return name, address if colon and address else None


def title_of(name: str) -> str:
    """A source's name for people."""
    return PACKETS[name].title if name in PACKETS else "webcam"


def open_source(
    name: str, address: str | None, feed: Feed, say: Say, nets: Callable[[], Nets]
) -> AbstractContextManager[Any]:
    """A source, not started yet: a context with `counts`. `nets`: opens the tracker's networks, for a webcam.

    Raises: InputError, DeviceError.
    """
    if name == WEBCAM:
        from .webcam import Webcam

        return Webcam(address, nets(), feed, say)
    source = PACKETS[name]
    if name == "vmc":
        try:
            import pythonosc  # noqa: F401
        except ImportError as error:
            raise DeviceError("VMC needs python-osc: run `pip install gioconda[live]`.") from error
    return UdpReceiver(source.parser(), source.port, feed, say, address=address, ask=source.ask)
