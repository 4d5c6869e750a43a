"""Each protocol's packets as they are stated, and what no packet may do."""

from __future__ import annotations

import math
import random
import struct

import numpy as np
import pytest
from gioconda.landmarks import ARKIT, IBUG68
from gioconda.live.protocols.ifacialmocap import IFacialMocapParser
from gioconda.live.protocols.livelink import LiveLinkParser
from gioconda.live.protocols.openseeface import OpenSeeFaceParser
from gioconda.live.protocols.vmc import VmcParser
from gioconda.live.protocols.vtube_studio import VTubeStudioParser, request
from gioconda.live.receiver import Parser
from gioconda.live.sample import PacketError, Sample
from gioconda.live.sources import PACKETS, split_source
from gioconda.pose import euler_degrees

from tests.core.live import packets, sender

FACE = {"jawOpen": 0.5, "jawLeft": 0.25, "mouthRight": 0.75, "eyeBlinkLeft": 1.0}
YAW = 0.3  # to the person's left, radians


def channel(sample: Sample | None, name: str) -> float:
    assert sample is not None and sample.channels is not None
    return float(sample.channels[ARKIT.index(name)])


def yaw(sample: Sample | None) -> float:
    assert sample is not None and sample.rotation is not None
    return euler_degrees(sample.rotation)[0]


def test_live_link_faces_packet_is_read() -> None:
    data = packets.livelink(FACE, 120, yaw=YAW)
    assert len(data) == 312
    sample = LiveLinkParser().parse(data, 7.0)
    for name in ARKIT:
        assert channel(sample, name) == pytest.approx(FACE.get(name, 0.0)), name
    assert yaw(sample) == pytest.approx(math.degrees(YAW), abs=1e-4)  # the person's left is the picture's right
    assert sample is not None and sample.received == 7.0 and sample.order == pytest.approx(2.0)


def test_live_link_without_a_face_is_no_fault() -> None:
    assert LiveLinkParser().parse(packets.livelink(FACE)[:-245], 0.0) is None


@pytest.mark.parametrize("sign", ["-", "&"])
def test_ifacialmocaps_packet_is_read(sign: str) -> None:
    sample = IFacialMocapParser().parse(packets.ifacialmocap(FACE, yaw=-20, sign=sign), 0.0)
    assert channel(sample, "jawOpen") == 0.5 and channel(sample, "eyeBlinkLeft") == 1.0
    assert channel(sample, "mouthRight") == 0.75 and channel(sample, "mouthLeft") == 0
    assert abs(yaw(sample)) == pytest.approx(20, abs=1e-3)


def test_vmcs_frame_is_read_when_it_ends() -> None:
    parser = VmcParser()
    first, second = packets.vmc(FACE, 60, yaw=YAW)
    assert parser.parse(first, 0.0) is None
    sample = parser.parse(second, 1.0)
    assert channel(sample, "jawOpen") == 0.5 and channel(sample, "jawLeft") == 0.25
    assert yaw(sample) == pytest.approx(-math.degrees(YAW), abs=1e-4)  # the avatar's right is the picture's left
    assert sample is not None and sample.order == 1.0


def test_vrms_few_expressions_and_eye_bones_are_apples_channels() -> None:
    eye = ("RightEye", 0.0, 0.0, 0.0, 0.0, math.sin(math.radians(17.5) / 2), 0.0, math.cos(math.radians(17.5) / 2))
    values = [packets.osc("/VMC/Ext/Blend/Val", name, value) for name, value in (("A", 1.0), ("Blink_R", 0.5))]
    end = packets.osc("/VMC/Ext/Blend/Apply")
    sample = VmcParser().parse(packets.bundle(*values, packets.osc("/VMC/Ext/Bone/Pos", *eye), end), 0.0)
    assert channel(sample, "jawOpen") > 0.3 and channel(sample, "eyeBlinkRight") == 0.5
    assert channel(sample, "eyeLookOutRight") == pytest.approx(0.5, abs=0.01)  # half of 35 degrees, to the own right
    assert channel(sample, "eyeLookInRight") == 0


def test_vtube_studios_packet_is_read_and_asked_for() -> None:
    sample = VTubeStudioParser().parse(packets.vtube_studio(FACE, 60, yaw=10), 0.0)
    assert channel(sample, "mouthRight") == 0.75 and abs(yaw(sample)) == pytest.approx(10)
    assert VTubeStudioParser().parse(b'{"FaceFound": false, "BlendShapes": []}', 0.0) is None
    assert b'"ports": [21412]' in request(21412)


def test_openseefaces_points_are_read() -> None:
    points = sender.points_at(0.0)
    data = packets.openseeface(points, 30)
    assert len(data) == 1785
    sample = OpenSeeFaceParser().parse(data, 0.0)
    assert sample is not None and sample.points is not None and sample.order == 0.5
    np.testing.assert_allclose(sample.points[IBUG68[30], :2], points[30], rtol=1e-6)  # the nose's tip
    np.testing.assert_allclose(sample.points[IBUG68[66], :2], points[64], rtol=1e-6)  # inner lower lip, its middle
    assert np.isnan(sample.points[IBUG68[60]]).all()  # the inner corner of the mouth
    assert OpenSeeFaceParser().parse(packets.openseeface(points, success=False), 0.0) is None


def test_openseeface_follows_the_face_it_saw_first() -> None:
    parser, near, far = OpenSeeFaceParser(), sender.points_at(0.0), sender.points_at(0.0) + 100
    parser.parse(packets.openseeface(near, face=3), 0.0)
    sample = parser.parse(packets.openseeface(far, face=1) + packets.openseeface(near, face=3), 0.1)
    assert sample is not None and sample.points is not None
    np.testing.assert_allclose(sample.points[IBUG68[30], :2], near[30], rtol=1e-6)


WHOLE = {
    "livelink": packets.livelink(FACE, 5, yaw=YAW),
    "ifacialmocap": packets.ifacialmocap(FACE, yaw=3),
    "vmc": packets.bundle(packets.osc("/VMC/Ext/Blend/Val", "A", 0.5), packets.osc("/VMC/Ext/Blend/Apply")),
    "vtubestudio": packets.vtube_studio(FACE),
    "openseeface": packets.openseeface(sender.points_at(0.0)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_broken_packets_are_told_and_nothing_else_happens(name: str) -> None:
    """Cut off anywhere, bits turned, noise: a sample of finite values, nothing, or a PacketError."""
    chance, whole = random.Random(3), WHOLE[name]
    broken = [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 60))]
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        broken.append(bytes(data))
    broken += [chance.randbytes(chance.randrange(2000)) for _ in range(100)]
    refused = 0
    for data in broken:
        parser: Parser = PACKETS[name].parser()
        try:
            sample = parser.parse(data, 0.0)
        except PacketError as error:
            refused += 1
            assert str(error)
            continue
        if sample is not None:
            assert np.isfinite(sample.values()[~np.isnan(sample.values())]).all()
            assert sample.channels is None or np.abs(sample.channels).max() <= 2
    assert refused > 50


def test_a_live_link_name_of_impossible_length_is_refused() -> None:
    data = bytearray(packets.livelink(FACE))
    for length in (-1, 2**31 - 1, 300):
        data[41:45] = struct.pack(">i", length)
        with pytest.raises(PacketError):
            LiveLinkParser().parse(bytes(data), 0.0)


def test_deeply_nested_bundles_are_refused() -> None:
    data = packets.osc("/VMC/Ext/Blend/Apply")
    for _ in range(400):
        data = packets.bundle(data)
    parser = VmcParser()
    for _ in range(3):
        with pytest.raises(PacketError):
            parser.parse(data[:8192], 0.0)


def test_a_source_has_a_name_and_perhaps_an_address() -> None:
    assert split_source("livelink") == ("livelink", None)
    assert split_source("vmc:0.0.0.0:39540") == ("vmc", "0.0.0.0:39540")
    assert split_source("webcam:/dev/video2") == ("webcam", "/dev/video2")
