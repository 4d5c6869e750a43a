"""Packets over UDP: bounded, from one sender at a time, malformed ones counted and never fatal.

The socket listens on the loopback address unless told another. Of packets that wait, all are read and none is kept.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from ..errors import InputError
from .sample import PacketError, Sample

LOOPBACK = "127.0.0.1"
LARGEST = 8192  # bytes of a packet; larger ones are malformed
RELEASE_SECONDS = 2.0  # without a packet of the sender: another one may take its place
LATE_SECONDS = 2.0  # a packet is late by less; a clock that jumps back further has been set anew
ASK_SECONDS = 1.0  # between two requests to a phone
POLL_SECONDS = 0.1

Say = Callable[[str], None]


class Parser(Protocol):
    """Of one protocol."""

    def parse(self, data: bytes, received: float) -> Sample | None:
        """Raises: PacketError."""


@dataclass
class Counts:
    """What came in."""

    packets: int = 0  # of the sender
    samples: int = 0
    faceless: int = 0  # well-formed packets that say there is no face, or end no frame
    malformed: int = 0
    late: int = 0  # overtaken by a newer one
    strangers: int = 0  # of others than the sender
    reasons: dict[str, int] = field(default_factory=dict)  # why packets were malformed

    def sentence(self) -> str:
        """For people."""
        parts = [f"{self.samples} faces in {self.packets} packets"]
        parts += [f"{count} {what}" for count, what in ((self.malformed, "malformed"), (self.late, "late")) if count]
        parts += [f"{self.strangers} from other senders"] if self.strangers else []
        return ", ".join(parts)


class UdpReceiver:
    """Reads one protocol's packets on a thread of its own. A context."""

    def __init__(
        self,
        parser: Parser,
        port: int,
        feed: Callable[[Sample], None],
        say: Say,
        *,
        address: str | None = None,
        ask: Callable[[int], bytes] | None = None,
    ) -> None:
        """address: "HOST", "HOST:PORT" or ":PORT": of this machine, to listen there; with `ask`, which makes a request
        for packets to our port, the phone's own is possible too. Raises: InputError."""
        self.counts = Counts()
        self._parser, self._feed, self._say = parser, feed, say
        self._phone: tuple[str, int] | None = None
        self._ask = ask
        self._socket = self._bound(address, port)
        self._socket.settimeout(POLL_SECONDS)
        self._sender: Any = None
        self._heard = 0.0
        self._order: float | None = None
        self._told: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live packets", daemon=True)

    def _bound(self, address: str | None, port: int) -> socket.socket:
        host, port = split_address(address, port)
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            found.bind((host or LOOPBACK, port))
        except OSError as error:
            found.close()
            if self._ask is None or not host:
                raise InputError(
                    f"Packets cannot be received at {host or LOOPBACK}, port {port} ({error.strerror or error}): "
                    "another program may be listening there, or it is no address of this machine."
                ) from error
            return self._to_phone(host, port)
        return found

    def _to_phone(self, host: str, port: int) -> socket.socket:
        """A socket at the address from which the phone is reached."""
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            found.connect((host, port))
            own = found.getsockname()[0]
            found.close()
            found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with suppress(OSError):  # apps answer to their own port number
                found.bind((own, port))
            if found.getsockname()[1] == 0:
                found.bind((own, 0))
        except OSError as error:
            found.close()
            raise InputError(f"The phone at {host} cannot be reached ({error.strerror or error}).") from error
        self._phone = (host, port)
        return found

    @property
    def where(self) -> tuple[str, int]:
        """Address and port at which packets are received."""
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=2)
        self._socket.close()

    def _run(self) -> None:
        asked = 0.0
        while not self._over.is_set():
            if self._phone and self._ask and time.monotonic() - asked > ASK_SECONDS:
                asked = time.monotonic()
                with suppress(OSError):
                    self._socket.sendto(self._ask(self.where[1]), self._phone)
            try:
                data, sender = self._socket.recvfrom(LARGEST + 1)
            except TimeoutError:
                continue
            except OSError:  # a port that nobody listens at answers so on some systems
                if self._over.wait(POLL_SECONDS):
                    return
                continue
            self.take(data, sender, time.monotonic())

    def take(self, data: bytes, sender: Any, received: float) -> None:
        """One packet from a sender's address. Never raises."""
        if self._phone and sender[0] != self._phone[0]:
            self.counts.strangers += 1
            return
        if self._sender is not None and sender != self._sender:
            if received - self._heard <= RELEASE_SECONDS:
                self.counts.strangers += 1
                self._tell_once("stranger", "A second sender is not listened to while the first one sends.")
                return
            self._sender = None
        try:
            if len(data) > LARGEST:
                raise PacketError("too long")
            sample = self._parser.parse(data, received)
        except PacketError as error:
            self._malformed(str(error))
            return
        except Exception as error:  # whatever strange bytes make a parser do, the next packet shall be read
            self._malformed(type(error).__name__)
            return
        if self._sender is None:
            self._sender, self._order = sender, None
            self._say(f"Packets come from {sender[0]}.")
        self._heard = received
        self.counts.packets += 1
        if sample is None:
            self.counts.faceless += 1
            return
        if sample.order is not None:
            if self._order is not None and 0 < self._order - sample.order < LATE_SECONDS:
                self.counts.late += 1
                return
            self._order = sample.order
        self.counts.samples += 1
        self._feed(sample)

    def _malformed(self, reason: str) -> None:
        self.counts.malformed += 1
        if len(self.counts.reasons) < 20 or reason in self.counts.reasons:
            self.counts.reasons[reason] = self.counts.reasons.get(reason, 0) + 1
        self._tell_once("malformed", f"A packet is left out, it is not of this protocol: {reason}. Others are counted.")

    def _tell_once(self, what: str, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._say(text)


def split_address(address: str | None, port: int) -> tuple[str, int]:
    """HOST, HOST:PORT, :PORT or PORT → host ("" where none is given) and port. Raises: InputError."""
    if not address:
        return "", port
    host, colon, number = address.rpartition(":")
    if not colon:
        host, number = ("", address) if address.isdigit() else (address, "")
    if number and not (number.isdigit() and 0 <= int(number) <= 65535):
        raise InputError(f"“{address}” is no address: write HOST, HOST:PORT or :PORT.")
    return host, int(number) if number else port
