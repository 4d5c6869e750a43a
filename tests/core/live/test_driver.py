"""Calibration, holding, easing, one sender at a time; takes."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from gioconda.errors import InputError
from gioconda.landmarks import ARKIT
from gioconda.live.driver import EASE_SECONDS, HOLD_SECONDS, Driver
from gioconda.live.protocols.livelink import LiveLinkParser
from gioconda.live.protocols.openseeface import OpenSeeFaceParser
from gioconda.live.protocols.vtube_studio import VTubeStudioParser, request
from gioconda.live.receiver import LARGEST, UdpReceiver, split_address
from gioconda.live.sample import Sample
from gioconda.live.take import Recorder, numbered, rate_of
from gioconda.motion.files import load_motion
from gioconda.motion.smoothing import CUTOFF, OneEuro, one_euro, one_euro_delay

from tests.core.live import packets, sender

JAW = ARKIT.index("jawOpen")
HOME = ("127.0.0.1", 5000)


def sample(seconds: float, jaw: float = 0.0, smile: float = 0.0) -> Sample:
    channels = np.zeros(len(ARKIT))
    channels[JAW], channels[ARKIT.index("mouthSmileLeft")] = jaw, smile
    return Sample(seconds, channels, np.eye(3))


def fed(driver: Driver, until: float, start: float = 0.0, **face: float) -> float:
    times = np.arange(start, until, 1 / 60)
    for at in times:
        driver.feed(sample(float(at), **face))
    return float(times[-1])


def test_a_still_second_is_the_neutral_face() -> None:
    said: list[str] = []
    driver = Driver(said.append)
    fed(driver, 0.8, smile=0.2)
    assert driver.state(0.8).neutral is None and driver.state(0.8).phase == "calibrating"
    last = fed(driver, 1.2, 0.8, smile=0.2)
    state = driver.state(last)
    assert state.neutral is not None and state.neutral.channels is not None and state.phase == "live"
    assert state.neutral.channels[ARKIT.index("mouthSmileLeft")] == pytest.approx(0.2)  # a habit is neutral
    assert any("neutral face is set" in text for text in said)


def test_a_moving_or_grimacing_face_is_no_neutral_one() -> None:
    said: list[str] = []
    driver = Driver(said.append)
    for i in range(700):
        driver.feed(sample(i / 60, jaw=0.3 + 0.2 * np.sin(i / 5)))
    assert driver.state(11.7).neutral is None
    assert sum("Not calibrated yet" in text for text in said) == 1
    driver = Driver(said.append)
    assert driver.state(fed(driver, 2.0, jaw=0.9)).neutral is None
    driver.calibrate()
    driver.feed(sample(2.0, jaw=0.9))
    assert driver.state(2.0).neutral is not None


def test_without_samples_the_face_is_held_then_eases_to_neutral_and_it_is_said() -> None:
    said: list[str] = []
    driver = Driver(said.append)
    fed(driver, 1.2)
    last = fed(driver, 2.0, 1.2, jaw=0.5)
    assert driver.state(last).phase == "live"
    held = driver.state(last + HOLD_SECONDS - 0.01)
    assert held.sample is driver.state(last).sample
    jaws = []
    for part in (0.3, 0.5, 0.9):
        easing = driver.state(last + HOLD_SECONDS + part * EASE_SECONDS).sample
        assert easing is not None and easing.channels is not None
        jaws.append(easing.channels[JAW])
    assert 0.5 > jaws[0] > jaws[1] > jaws[2] > 0
    gone = driver.state(last + 5)
    assert gone.phase == "neutral" and gone.sample is gone.neutral
    driver.feed(sample(last + 6, jaw=0.5))
    again = driver.state(last + 6).sample
    assert again is not None and again.channels is not None and 0 < again.channels[JAW] <= 0.5
    for words in ("held, then eases", "neutral until", "Packets come again"):
        assert sum(words in text for text in said) == 1, said


def test_channels_at_zero_are_neutral_without_a_calibration() -> None:
    driver = Driver(lambda _: None, calibration="off")
    driver.feed(sample(0.0, jaw=0.4))
    state = driver.state(0.0)
    assert state.neutral is not None and state.neutral.channels is not None and not state.neutral.channels.any()
    assert state.sample is not None and state.sample.channels is not None and state.sample.channels[JAW] == 0.4


def test_points_become_whole_faces() -> None:
    driver, parser = Driver(lambda _: None), OpenSeeFaceParser()
    for frame in range(150):
        found = parser.parse(packets.openseeface(sender.points_at(frame / 60), frame), frame / 60)
        assert found is not None
        driver.feed(found)
    state = driver.state(149 / 60)
    assert state.sample is not None and state.sample.points is not None and state.neutral is not None
    assert np.isfinite(state.sample.points).all()


def test_the_filter_of_live_input_is_that_of_recordings_and_states_its_delay() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3))
    live = OneEuro(values[0])
    found = [values[0], *(live(value, 1 / 60) for value in values[1:])]
    np.testing.assert_allclose(one_euro(values, 60.0), found)
    # a ramp is followed at a distance of its speed times the delay
    for speed, fps in ((4.0, 60.0), (0.5, 30.0), (0.01, 240.0)):
        ramp = np.arange(0, 20, 1 / fps) * speed
        behind = (ramp - one_euro(ramp[:, None], fps)[:, 0])[-1] / speed
        assert behind == pytest.approx(one_euro_delay(speed, fps), rel=0.02)
    assert one_euro_delay(0.0) == pytest.approx(1 / (2 * np.pi * CUTOFF))


def receiver(feed: list[Sample], said: list[str]) -> UdpReceiver:
    return UdpReceiver(LiveLinkParser(), 0, feed.append, said.append)


def test_packets_are_received_on_the_loopback_address_alone() -> None:
    found = receiver([], [])
    assert found.where[0] == "127.0.0.1"
    with found:
        pass


def test_one_sender_at_a_time() -> None:
    feed, said = list[Sample](), list[str]()
    found = receiver(feed, said)
    for frame in range(5):
        found.take(packets.livelink({}, frame), HOME, frame / 60)
        found.take(packets.livelink({}, frame + 900), ("127.0.0.1", 6000), frame / 60)
    assert len(feed) == 5 and found.counts.strangers == 5
    assert sum("second sender" in text for text in said) == 1
    found.take(packets.livelink({}, 1), ("127.0.0.1", 6000), 10.0)  # the first one has gone
    assert len(feed) == 6
    with found:
        pass


def test_late_and_malformed_packets_are_counted() -> None:
    feed, said = list[Sample](), list[str]()
    found = receiver(feed, said)
    for frame in (0, 1, 3, 2, 4):
        found.take(packets.livelink({}, frame), HOME, frame / 60)
    assert [one.order for one in feed] == pytest.approx([0, 1 / 60, 3 / 60, 4 / 60]) and found.counts.late == 1
    for data in (b"", b"x" * (LARGEST + 1), b"hello", packets.livelink({})[:200]):
        found.take(data, HOME, 1.0)
    assert found.counts.malformed == 4 and len(feed) == 4
    assert sum("not of this protocol" in text for text in said) == 1
    found.take(packets.livelink({}, 0), HOME, 1.1)  # its clock began anew
    found.take(packets.livelink({}, 60 * 3600), HOME, 1.2)
    found.take(packets.livelink({}, 1), HOME, 1.3)
    assert len(feed) == 6 + 0 or len(feed) == 7
    with found:
        pass


def test_noise_does_not_make_anybody_the_sender() -> None:
    feed = list[Sample]()
    found = receiver(feed, [])
    found.take(b"noise", ("127.0.0.1", 1), 0.0)
    found.take(packets.livelink({}, 1), HOME, 0.1)
    assert len(feed) == 1
    with found:
        pass


def test_addresses() -> None:
    assert split_address(None, 7) == ("", 7) and split_address(":8", 7) == ("", 8) and split_address("9", 7) == ("", 9)
    assert split_address("0.0.0.0", 7) == ("0.0.0.0", 7) and split_address("::x:8", 7)[1] == 8
    with pytest.raises(InputError):
        split_address("here:99999", 7)
    with pytest.raises(InputError, match="no address of this machine"):
        UdpReceiver(LiveLinkParser(), 11111, lambda _: None, lambda _: None, address="203.0.113.7")


def test_a_take_keeps_values_and_times(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "take.npz", {"source": "Live Link Face"})
    neutral, chance = sample(0.0), np.random.default_rng(0)
    times = [i / 60 + chance.uniform(-0.004, 0.004) for i in range(60) if i not in (20, 21)]
    samples = [sample(at, jaw=float(chance.uniform())) for at in times]
    for one in samples:
        recorder.add(one, neutral)
    other = sample(5.0, smile=0.1)
    recorder.add(sample(5.1), other)
    (path, motion), (second, _) = recorder.save()
    assert second == tmp_path / "take-2.npz"
    motion = load_motion(path)
    assert motion.fps == 60 and motion.neutral == 0 and list(motion.frames) == list(range(61))
    jaws = motion.channel_matrix()[:, JAW]
    assert jaws[0] == 0 and jaws[21] == jaws[22] == jaws[20]  # lost packets: held, as live
    wanted = np.float32([one.channels[JAW] for one in samples if one.channels is not None])
    np.testing.assert_array_equal(np.delete(jaws[1:], [20, 21]), wanted)
    assert motion.provenance["kind"] == "live" and motion.provenance["held"] == 2


def test_a_rate_is_told_by_when_samples_came() -> None:
    assert rate_of([i / 30 for i in range(20)]) == 30
    assert rate_of([0.0]) == 60
    burst = [sample(0.0) for _ in range(10)]
    numbers, kept = numbered(burst, 60.0)
    assert numbers == [1, 2, 3, 4] and len(kept) == 4


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a second loopback address")
def test_a_phone_is_asked_and_only_it_is_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.2 plays the phone; as an address of this machine it would be listened at, so the asking is forced."""
    phone, stranger = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    phone.bind(("127.0.0.2", 0))
    phone.settimeout(5)
    stranger.bind(("127.0.0.3", 0))
    port = phone.getsockname()[1]
    monkeypatch.setattr(UdpReceiver, "_bound", lambda self, _address, port: self._to_phone("127.0.0.2", port))
    feed = list[Sample]()
    with UdpReceiver(VTubeStudioParser(), port, feed.append, lambda _: None, ask=request) as found:
        asked, address = phone.recvfrom(1000)
        assert json.loads(asked)["ports"] == [found.where[1]] and address == found.where
        for frame in range(20):
            stranger.sendto(packets.vtube_studio({}, 1000 + frame), address)
            phone.sendto(packets.vtube_studio({"jawOpen": 0.5}, frame), address)
            time.sleep(0.005)
        end = time.monotonic() + 5
        while len(feed) < 20 and time.monotonic() < end:
            time.sleep(0.01)
    assert len(feed) == 20 and found.counts.strangers == 20
    phone.close()
    stranger.close()
