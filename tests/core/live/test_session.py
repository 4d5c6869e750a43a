"""A session from packets to pictures: what was shown live is what its take renders, rates, the page, memory."""

from __future__ import annotations

import http.client
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda.cli.main import main
from gioconda.engine import Portrait, render
from gioconda.errors import CancelledError, DeviceError, ExitCode, InputError, OutputError, SettingsError
from gioconda.imaging.color import Display, display_srgb
from gioconda.imaging.exr import COMPOSITE_SYNTHETIC
from gioconda.imaging.image import read_picture
from gioconda.job.retarget import RetargetSettings
from gioconda.live import session as live
from gioconda.live.camera import VirtualCamera, format_request, yuyv
from gioconda.live.driver import Driver
from gioconda.live.page import Page
from gioconda.live.program import PictureFolder, Words
from gioconda.live.renderer import LiveFrame, LiveRenderer, Newest
from gioconda.live.session import LiveSettings, Session, live_job
from gioconda.live.sources import PACKETS
from gioconda.live.take import Recorder
from gioconda.motion.files import load_motion
from gioconda.motion.retarget import retarget
from gioconda.render.open_portrait import Opened
from gioconda.worker.messages import Message, Progress

from tests.core.live import sender
from tests.sitters import HOPPER

CONSENT = {"right": "public_domain", "who": "a test", "text": ""}
PROTOCOLS = ("livelink", "ifacialmocap", "vmc", "vtubestudio", "openseeface")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def opened(portrait: Portrait) -> Opened:
    return Opened(portrait, None, Display(), 1.0, "0" * 64)  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_take_rendered_later_is_what_was_shown(protocol: str, opened: Opened, tmp_path: Path) -> None:
    """Each picture shown live is, to the byte, a frame of its recorded take, retargeted and rendered as any motion."""
    driver = Driver(lambda _: None)
    recorder = Recorder(tmp_path / "take.npz", {"source": protocol})
    driver.on_sample = recorder.add
    parser, now = PACKETS[protocol].parser(), [time.monotonic() - 1.5]
    shown: list[LiveFrame] = []
    settings = RetargetSettings.from_dict({"neutral": "auto", "lips": 1.1})

    def feed(first: int, last: int, wait: bool) -> None:
        for frame in range(first, last):
            if wait:
                now[0] = max(now[0], time.monotonic() - frame / 60)
            for data in sender.WRITERS[protocol](frame, frame / 60):
                found = parser.parse(data, now[0] + frame / 60)
                if found is not None:
                    driver.feed(found)
            if wait:
                count, until = len(shown), time.monotonic() + 5
                while len(shown) == count and time.monotonic() < until:
                    time.sleep(0.002)

    feed(0, 95, wait=False)
    with LiveRenderer(opened, driver, settings, lambda _: None) as renderer:
        renderer.show.append(shown.append)
        feed(95, 104, wait=True)
    frames = [frame for frame in shown if frame.received is not None]
    assert len(frames) >= 5
    (path, _), *others = recorder.save()
    assert not others
    motion = load_motion(path)
    performance = retarget(motion, opened.portrait.landmarks, settings)
    for frame in frames:
        match = [
            pose
            for pose in performance
            if np.array_equal(pose.displacement, frame.pose.displacement)
            and np.array_equal(pose.rotation, frame.pose.rotation)
            and np.array_equal(pose.translation, frame.pose.translation)
        ]
        assert match, "a pose that the take does not have"
        offline = render(opened.portrait, match[0], passes=("Combined",)).passes["Combined"]
        np.testing.assert_array_equal(frame.srgb, display_srgb(offline, exposure=opened.display))
    assert any(np.abs(frame.pose.displacement).max() > 0.02 for frame in frames)


class _Reader:
    """A client of the page."""

    def __init__(self, page: Page) -> None:
        self.host = page.address.removeprefix("http://").strip("/")

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
        link = http.client.HTTPConnection(self.host, timeout=5)
        link.request(method, path, headers=headers)
        answer = link.getresponse()
        return answer.status, answer.read() if path != "/stream.mjpg" else answer.read(300)


def test_the_page_streams_pictures_that_say_what_they_are() -> None:
    newest, asked = Newest[Any](), list[int]()
    picture = np.full((32, 48, 3), 90, np.uint8)
    page = Page(
        newest,
        source_type=COMPOSITE_SYNTHETIC,
        calibrate=lambda: asked.append(1),
        status=lambda: {"text": "well"},
        port=0,
    )
    with page:
        reader = _Reader(page)
        newest.put(picture)
        status, jpeg = reader.get("/frame.jpg")
        assert status == 200 and jpeg[:2] == b"\xff\xd8" and COMPOSITE_SYNTHETIC.encode() in jpeg
        assert int.from_bytes(jpeg[4:6], "big") == jpeg.index(b"\xff\xe0") - 4  # the segment ends where the next begins
        status, stream = reader.get("/stream.mjpg")
        assert status == 200 and b"Content-Type: image/jpeg" in stream
        assert b"stream.mjpg" in reader.get("/")[1] and reader.get("/status")[1] == b'{"text": "well"}'
        assert reader.get("/calibrate", "POST")[0] == 200 and asked == [1]
        # not for other websites, nor under another name
        assert reader.get("/frame.jpg", Host="evil.example")[0] == 403
        assert reader.get("/calibrate", "POST", Origin="http://evil.example")[0] == 403 and asked == [1]
        assert reader.get("/nothing")[0] == 404
        with pytest.raises(InputError, match="choose another"):
            Page(newest, source_type="", calibrate=print, status=dict, port=int(reader.host.split(":")[1]))


def test_frames_for_a_virtual_camera() -> None:
    assert len(format_request(512, 512)) == 208
    grey = yuyv(np.full((2, 4, 3), 255, np.uint8))
    assert grey.shape == (2, 4, 2) and abs(int(grey[0, 0, 0]) - 235) <= 1 and (grey[..., 1] == 128).all()
    red = yuyv(np.tile(np.uint8([255, 0, 0]), (2, 4, 1)))
    assert red[0, 1, 1] == 240 and abs(int(red[0, 0, 1]) - 90) <= 1  # V, then U
    with pytest.raises(DeviceError):
        VirtualCamera("/dev/null", 64, 64)


@pytest.mark.parametrize(
    ("source", "record", "error", "words"),
    [
        ("telepathy", None, SettingsError, "no source"),
        ("livelink", "take.mp4", SettingsError, "npz"),
        ("livelink", "/nowhere/at/all/take.npz", OutputError, "no such folder"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(source: str, record: str | None, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        Session(live_job("missing.jpg"), LiveSettings(source, record=record), lambda _: None)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Played:
    """A session of a given length with a sender in a process of its own, and what was measured."""

    def __init__(self, protocol: str, seconds: float, *options: str, **settings: Any) -> None:
        self.messages: list[Message] = []
        self.memory: list[tuple[float, float]] = []  # seconds, megabytes
        self.used = 0.0
        port, senders = _free_port(), list[subprocess.Popen[bytes]]()
        words = [
            sys.executable,
            "-m",
            "tests.core.live.sender",
            protocol,
            str(port),
            "--seconds",
            str(seconds),
            *options,
        ]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "core"), str(ROOT)])}
        over = threading.Event()

        def begin(session: Session) -> None:
            senders.append(subprocess.Popen(words, cwd=ROOT, env=environment))
            threading.Thread(target=self._watch, args=(over,), daemon=True).start()

        def stopped() -> bool:
            return bool(senders) and senders[0].poll() is not None

        job = live_job(str(HOPPER), neural="off", consent=CONSENT)
        self.result = live.run(
            job,
            LiveSettings(f"{protocol}::{port}", page=0, window=False, **settings),
            self.messages.append,
            stopped,
            on_ready=begin,
        )
        over.set()
        assert senders[0].wait(10) == 0
        self.said = "\n".join(getattr(message, "text", "") for message in self.messages)

    def _watch(self, over: threading.Event) -> None:
        began, page = time.monotonic(), os.sysconf("SC_PAGE_SIZE")
        used = resource.getrusage(resource.RUSAGE_SELF)
        while not over.wait(1.0):
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * page / 1e6
            self.memory.append((time.monotonic() - began, resident))
            now = resource.getrusage(resource.RUSAGE_SELF)
            self.used = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.mark.slow
@needs_linux
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_loopback_sender_of_each_protocol(protocol: str) -> None:
    """Ten seconds at 60 packets a second. On a machine that is otherwise idle: 25 frames a second and 60 ms; other
    work is allowed for by the processor time that a frame takes, and by the time between frames: nothing queues, so a
    packet waits at most for the frame before its own, and for its own."""
    played = _Played(protocol, 10)
    result, per_frame = played.result, played.used / played.result["frames"]
    interval = 10 / result["frames"]
    load = os.getloadavg()[0]
    print(f"{protocol}: {result['text']} {1000 * per_frame:.1f} ms of processor time a frame, load {load:.1f}")
    print({name: result[name] for name in ("frames", "delay", "delay_95")})
    assert result["faces"] >= 550 and result["malformed"] == 0
    assert "neutral face is set" in played.said
    assert per_frame < 0.08  # of two processors: 25 frames a second
    if load < 2.2:
        assert result["delay"] <= max(0.060, 2 * interval)
        assert result["delay_95"] <= max(0.120, 4 * interval)


@pytest.mark.slow
@needs_linux
def test_loss_disorder_noise_a_second_sender_and_silence(tmp_path: Path) -> None:
    path = tmp_path / "take.npz"
    played = _Played("livelink", 8, "--loss", "0.05", "--shuffle", "0.05", "--garbage", "0.05", record=str(path))
    result = played.result
    assert result["frames"] > 20 and result["faces"] > 350
    assert result["late"] > 5 and result["malformed"] > 5
    assert "not of this protocol" in played.said
    motion = load_motion(path)
    assert motion.provenance["consent"] == CONSENT and motion.provenance["source"] == "Live Link Face"


@pytest.mark.slow
@needs_linux
@pytest.mark.timeout(200)
def test_memory_stays_as_it_is_for_a_minute() -> None:
    played = _Played("livelink", 60)
    megabytes = [size for seconds, size in played.memory if seconds > 10]
    print(f"{played.result['text']} {min(megabytes):.0f} to {max(megabytes):.0f} MB, load {os.getloadavg()[0]:.1f}")
    assert max(megabytes[-10:]) - max(megabytes[:10]) < 15


def test_programs_get_the_newest_picture_and_steer(tmp_path: Path) -> None:
    newest, told, asked = Newest[Any](), list[Message](), list[int]()
    folder = PictureFolder(tmp_path / "live", newest, COMPOSITE_SYNTHETIC, told.append)
    folder.write(0.01)
    assert not told
    for grey in range(3):
        newest.put(np.full((16, 16, 3), 100 + 40 * grey, np.uint8))
    folder.write(0.01)
    folder.write(0.01)
    (message,) = told  # the newest, once
    assert isinstance(message, Progress) and message.done == 3 and message.path is not None
    assert abs(float(read_picture(message.path).pixels[..., :3].mean()) - (180 / 255) ** 2.2) < 0.02
    assert COMPOSITE_SYNTHETIC.encode() in Path(message.path).read_bytes()
    words = Words(iter(["calibrate\n", "nonsense\n", "stop\n", "calibrate\n"]), lambda: asked.append(1))
    end = time.monotonic() + 5
    while not words.stopped and time.monotonic() < end:
        time.sleep(0.01)
    assert words.stopped and asked == [1]


def test_a_saved_job_reaches_its_folder_alone(tmp_path: Path) -> None:
    file = tmp_path / "shot.json"
    file.write_text(live_job(str(HOPPER), consent=CONSENT).to_json())
    assert main(["live", str(file), "--from", "livelink", "--quiet"]) == ExitCode.BAD_INPUT


def test_nobody_is_animated_live_without_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIOCONDA_POLICY", raising=False)
    assert main(["live", str(HOPPER), "--from", "livelink", "--quiet"]) == ExitCode.BAD_INPUT


@pytest.mark.slow
def test_ctrl_c_ends_a_session_and_keeps_the_take(tmp_path: Path) -> None:
    """The command line's reporter raises once it is asked to stop; the take is written all the same."""
    ready, path = threading.Event(), tmp_path / "take.npz"

    def report(message: Message) -> None:
        if ready.is_set():
            raise CancelledError("stopped")

    def begin(session: Session) -> None:
        parser = PACKETS["livelink"].parser()
        for frame in range(100):
            found = parser.parse(sender.WRITERS["livelink"](frame, frame / 60)[0], time.monotonic() - 2 + frame / 60)
            assert found is not None
            session.driver.feed(found)
        ready.set()

    job = live_job(str(HOPPER), neural="off", consent=CONSENT)
    settings = LiveSettings("livelink::0", size=256, page=0, window=False, record=str(path))
    made = live.run(job, settings, report, ready.is_set, on_ready=begin)
    assert len(load_motion(path)) == made["takes"][0]["frames"] + 1 > 20
