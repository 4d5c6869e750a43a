"""A live session: a portrait, a source, and where the pictures go."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import CancelledError, DeviceError, GiocondaError, OutputError, SettingsError
from ..face.nets import Nets
from ..job.job import Job
from ..job.retarget import RetargetSettings
from ..motion.files import WRITTEN
from ..neural.choice import OFF, resolved
from ..neural.corrector import Corrector, open_corrector
from ..provenance.sign import source_type
from ..render.open_portrait import Opened, PortraitOpener, open_nets
from ..worker.messages import Log, Message, Report, Stage, Warn
from ..worker.server import lines_of
from .camera import VirtualCamera
from .driver import Calibration, Driver
from .page import PORT, Page
from .program import PictureFolder, Words
from .receiver import UdpReceiver
from .renderer import LiveFrame, LiveRenderer
from .sources import open_source, split_source, title_of
from .take import Recorder

SIZE = 512  # longest side of the picture, pixels
TELL_SECONDS = 10.0  # between two lines about rate and delay
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class LiveSettings:
    """What a session is asked for, beside the portrait's job.

    Attributes:
        source: "NAME" or "NAME:ADDRESS", see `sources`.
        size: of the picture's longer side, pixels.
        calibration: "still": after a second without a motion; "key": when asked; "off": all channels at zero, or the
            first face.
        window: show a window; None: where there can be one and no other output is asked for.
        page: the page's port, 0 any; None: no page, unless there is nothing else.
        camera: a virtual camera's device, "" the first; None: none.
        record: where the take goes, .npz or .json.
        mark: words that stand in the picture, or "".
        seconds: stop after so long.
        pictures: a folder for a program that shows the pictures, see `program`; it steers by the standard input.
        retarget: fields of `RetargetSettings`.
    """

    source: str
    size: int = SIZE
    calibration: Calibration = "still"
    window: bool | None = None
    page: int | None = None
    camera: str | None = None
    record: str | None = None
    mark: str = ""
    seconds: float | None = None
    pictures: str | None = None
    retarget: Mapping[str, Any] = field(default_factory=dict)


def run(
    job: Job,
    settings: LiveSettings,
    report: Report,
    stopped: Callable[[], bool],
    *,
    on_frame: Callable[[LiveFrame], None] | None = None,
    on_ready: Callable[[Session], None] | None = None,
) -> dict[str, Any]:
    """Follow a source until it is stopped. Returns what was shown and recorded, as plain data.

    job: of the portrait, with its consent; its motion and output are not used. `on_frame` is given each picture,
    `on_ready` the session once it listens.

    Raises: GiocondaError: the portrait, the source or an output cannot be had; a take cannot be written.
    """
    with Session(job, settings, report) as session:
        if on_frame:
            session.renderer.show.append(on_frame)
        if on_ready:
            on_ready(session)
        session.follow(stopped)
    return session.summary()


class Session:
    """Everything of one session, opened. A context."""

    def __init__(self, job: Job, settings: LiveSettings, report: Report) -> None:
        name, address = split_source(settings.source)
        if settings.record and not settings.record.lower().endswith((WRITTEN[0], WRITTEN[1])):
            raise SettingsError(f"A take cannot be recorded as {settings.record}; use .npz or .json.")
        if settings.record and not Path(settings.record).absolute().parent.is_dir():
            raise OutputError(f"{settings.record}: there is no such folder.")
        self.settings, self._report = settings, report
        self._texts: deque[str] = deque(maxlen=100)
        self._job = job
        opened = PortraitOpener().open(job, report, settings.size)
        self.opened = opened
        self.driver = Driver(self._texts.append, calibration=settings.calibration)
        retarget = RetargetSettings.from_dict({**settings.retarget, "neutral": "auto"})  # that which is calibrated
        corrector = self._networks(opened)
        self.renderer = LiveRenderer(
            opened, self.driver, retarget, self._texts.append, corrector=corrector, mark=settings.mark
        )
        self.recorder: Recorder | None = None
        if settings.record:
            facts = {"source": title_of(name), "portrait": opened.sha256, "consent": dict(job.consent or {})}
            self.recorder = Recorder(Path(settings.record), facts)
            self.driver.on_sample = self.recorder.add
        self._stack = ExitStack()
        self.source: Any = None
        self.page: Page | None = None
        self._window: Any = None
        self._pictures: PictureFolder | None = None
        self._words: Words | None = None
        self._source = name, address
        self._made: list[dict[str, Any]] = []
        self._began = time.monotonic()
        self._title = title_of(name)

    def __enter__(self) -> Session:
        with ExitStack() as stack:
            self._outputs(stack)
            stack.enter_context(self.renderer)
            self.source = stack.enter_context(
                open_source(*self._source, self.driver.feed, self._texts.append, self._nets)
            )
            self._stack = stack.pop_all()
        self._began = time.monotonic()
        where = ""
        if isinstance(self.source, UdpReceiver):
            host, port = self.source.where
            where = f" at {host}, port {port}"
        self._report(Stage("live", f"Waiting for {self._title}{where}; Ctrl-C ends"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._tell()
        if self.recorder is not None:
            for path, motion in self.recorder.save():
                self._made.append({"path": str(path), "frames": len(motion) - 1, "fps": motion.fps})

    def follow(self, stopped: Callable[[], bool]) -> None:
        """Until it is stopped, the window is closed, the time is over, or something fails. Raises what failed."""
        told = time.monotonic()

        def over() -> bool:
            nonlocal told
            self._tell()
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                self._inform(Log(self.sentence()))
            seconds = self.settings.seconds
            late = seconds is not None and time.monotonic() - self._began > seconds
            full = self.recorder is not None and self.recorder.full
            if full:
                self._texts.append("The take is as long as it can be: it is written.")
            ended = self._words is not None and self._words.stopped
            return late or full or ended or stopped() or self.renderer.error is not None

        if self._window is not None:
            self._window.run(over)
        else:
            while not over():
                if self._pictures is not None:
                    self._pictures.write(POLL_SECONDS)
                else:
                    time.sleep(POLL_SECONDS)
        if self.renderer.error is not None:
            raise self.renderer.error

    def sentence(self) -> str:
        """How it goes, for people."""
        state = self.renderer.status()
        return (
            f"{state['fps']:.0f} frames a second, {1000 * state['delay']:.0f} ms from packet to picture "
            f"({1000 * state['delay_95']:.0f} ms at most in 95 of 100); {self.source.counts.sentence()}"
        )

    def status(self) -> dict[str, Any]:
        """For the page."""
        return {**self.renderer.status(), "text": self.sentence() if self.source is not None else ""}

    def summary(self) -> dict[str, Any]:
        """What was shown and recorded."""
        counts = self.source.counts
        takes = "".join(f"\n{one['path']}: {one['frames']} frames at {one['fps']:g} a second" for one in self._made)
        return {
            **self.renderer.status(),
            "packets": counts.packets,
            "faces": counts.samples,
            "malformed": counts.malformed,
            "late": counts.late,
            "strangers": counts.strangers,
            "takes": self._made,
            "text": f"{self.renderer.frames} frames shown. {counts.sentence()}.{takes}",
        }

    def _nets(self) -> Nets:
        return open_nets(self._job.models, self._job.device, self._job.threads, self._report)

    def _networks(self, opened: Opened) -> Corrector | None:
        if self._job.neural == OFF:
            return None
        self._job = resolved(self._job, self._report)
        try:
            return open_corrector(self._job, opened.portrait, self._report)
        except GiocondaError as error:
            self._report(Warn(f"Live goes on without networks. {error}"))
            return None

    def _outputs(self, stack: ExitStack) -> None:
        """The window, the page, the virtual camera. Raises: DeviceError, InputError."""
        settings, newest = self.settings, self.renderer.newest
        if settings.camera is not None:
            portrait = self.opened.portrait
            camera = stack.enter_context(VirtualCamera(settings.camera or None, portrait.width, portrait.height))
            self.renderer.show.append(lambda frame: camera.show(frame.srgb))
            self._report(Log(f"The portrait is the camera {camera.path}."))
        port = settings.page
        others = (port, settings.camera, settings.pictures)
        wanted = settings.window if settings.window is not None else all(one is None for one in others)
        if wanted:
            from .window import Window

            try:
                self._window = Window(newest, f"Gioconda: {Path(self._job.portrait).name}", self.driver.calibrate)
            except DeviceError as error:
                if settings.window:
                    raise
                self._report(Log(str(error)))
                port = PORT
        if settings.pictures is not None:
            self._pictures = PictureFolder(Path(settings.pictures), newest, source_type(self._job), self._inform)
            self._words = Words(lines_of(0), self.driver.calibrate)
        if port is not None:
            self.page = stack.enter_context(
                Page(
                    newest,
                    source_type=source_type(self._job),
                    calibrate=self.driver.calibrate,
                    status=self.status,
                    port=port,
                )
            )
            self._report(Log(f"The portrait is at {self.page.address} for browsers and OBS of this machine."))

    def _tell(self) -> None:
        while self._texts:
            self._inform(Log(self._texts.popleft()))

    def _inform(self, message: Message) -> None:
        """Tell while following: Ctrl-C is how a session ends, so it is no reason to lose the take."""
        with suppress(CancelledError):
            self._report(message)


def live_job(portrait: str, **settings: Any) -> Job:
    """A job of a portrait alone, for a session."""
    return replace(Job(portrait, "rest", "live/####.exr"), **settings)
