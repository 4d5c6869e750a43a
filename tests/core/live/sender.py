"""A program that plays a face over UDP: `python -m tests.core.live.sender livelink 11111 --seconds 10 --loss 0.05`.

A second and a half of a still face, then speech-like motion; frame numbers count in the protocols that have them.
"""

from __future__ import annotations

import argparse
import math
import random
import socket
import time
from collections.abc import Callable

import numpy as np

from . import packets

RATE = 60
STILL_SECONDS = 1.5
Face = tuple[dict[str, float], float]  # channels, the head's turn in radians


def face_at(seconds: float) -> Face:
    """A face that is still first, then speaks, blinks, smiles, looks and turns its head."""
    t = seconds - STILL_SECONDS
    if t < 0:
        return {}, 0.0
    wave = [0.5 - 0.5 * math.cos(2 * math.pi * t * hertz) for hertz in (3.1, 0.4, 0.7)]
    blink = max(0.0, 1 - abs(t % 3 - 1) / 0.12)
    channels = {"jawOpen": 0.6 * wave[0], "mouthSmileLeft": wave[1], "mouthSmileRight": wave[1], "browInnerUp": wave[2]}
    channels |= {"eyeBlinkLeft": blink, "eyeBlinkRight": blink, "eyeLookOutLeft": wave[1], "eyeLookInRight": wave[1]}
    return channels, 0.25 * math.sin(2 * math.pi * 0.3 * t)


def points_at(seconds: float) -> np.ndarray:
    """The same as OpenSeeFace's 66 landmarks and two pupils, (68, 2) pixels."""
    from gioconda.landmarks import ARKIT, IBUG68, table, template

    channels, turn = face_at(seconds)
    weights = np.array([channels.get(name, 0.0) for name in ARKIT])
    face = template() + np.tensordot(weights, table("expression_basis.npz")["displacement"], 1)
    cosine, sine = math.cos(turn), math.sin(turn)
    x, y = face[:, 0] * cosine + face[:, 2] * sine, face[:, 1]
    picture = np.stack([320 + 90 * x, 240 + 90 * y], 1)
    return picture[[*IBUG68[:60], *IBUG68[61:64], *IBUG68[65:68], 468, 473]]


WRITERS: dict[str, Callable[[int, float], list[bytes]]] = {
    "livelink": lambda frame, at: [packets.livelink(face_at(at)[0], frame, yaw=face_at(at)[1])],
    "ifacialmocap": lambda frame, at: [
        packets.ifacialmocap(face_at(at)[0], yaw=math.degrees(face_at(at)[1]), sign="&")
    ],
    "vmc": lambda frame, at: packets.vmc(face_at(at)[0], frame, yaw=face_at(at)[1]),
    "vtubestudio": lambda frame, at: [packets.vtube_studio(face_at(at)[0], frame, yaw=math.degrees(face_at(at)[1]))],
    "openseeface": lambda frame, at: [packets.openseeface(points_at(at), frame)],
}


def play(
    protocol: str, port: int, seconds: float, *, loss: float = 0.0, shuffle: float = 0.0, garbage: float = 0.0
) -> None:
    """Send for so long at 60 frames a second. Parts of the packets are lost, overtaken by the next, or no packets."""
    chance = random.Random(1)
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    began, kept = time.monotonic(), list[bytes]()
    for frame in range(int(seconds * RATE)):
        time.sleep(max(0.0, began + frame / RATE - time.monotonic()))
        for data in WRITERS[protocol](frame, frame / RATE):
            if chance.random() < garbage:
                link.sendto(chance.randbytes(chance.randrange(1, 2000)), ("127.0.0.1", port))
            if chance.random() < loss:
                continue
            if not kept and chance.random() < shuffle:
                kept.append(data)
                continue
            link.sendto(data, ("127.0.0.1", port))
            while kept:
                link.sendto(kept.pop(), ("127.0.0.1", port))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol", choices=[*WRITERS])
    parser.add_argument("port", type=int)
    parser.add_argument("--seconds", type=float, default=10.0)
    for name in ("loss", "shuffle", "garbage"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    play(**vars(parser.parse_args()))
