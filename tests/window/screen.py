"""A real Blender on a screen of its own: reads what is on it, clicks on words, takes pictures.

Needs Xvfb, xdotool, ImageMagick and tesseract (see README.md). Standard library only, so that it runs where Blender is.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).resolve().parent
SIZE = (1920, 1080)
ENLARGE = 3  # tesseract reads letters of 30 pixels best
LETTERS = ("-lat", "60x60+8%", "-negate")  # brighter than what is around them, on buttons of any shade


@dataclass(frozen=True)
class Word:
    """A word on the screen and where it is, pixels from the top left."""

    text: str
    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


class Screen:
    """Blender in a window that fills a virtual screen."""

    def __init__(self, blender: list[str], display: int, pictures: Path, folder: Path, profile: Path) -> None:
        self.pictures, self.folder = pictures, folder
        self.environment = {**os.environ, "DISPLAY": f":{display}", "LIBGL_ALWAYS_SOFTWARE": "1"}
        self.environment["BLENDER_USER_RESOURCES"] = str(profile)
        self.log = (pictures / "blender.log").open("w")
        screen = [
            "Xvfb",
            f":{display}",
            "-screen",
            "0",
            "{}x{}x24".format(*SIZE),
            "+extension",
            "GLX",
            "-nolisten",
            "tcp",
        ]
        self.server = subprocess.Popen(screen, stderr=subprocess.DEVNULL)
        time.sleep(2)
        command = [*blender, "--factory-startup", "--window-geometry", "0", "0", *map(str, SIZE)]
        command += ["--python", str(HERE / "pilot.py"), "--", str(folder)]
        self.blender = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self) -> Self:
        self.do("bpy.context.preferences.view.show_splash = False", seconds=120)
        time.sleep(2)
        self.press_at(SIZE[0] / 2, SIZE[1] - 6)  # the splash goes at the first click, wherever it is
        self.key("Escape")
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.blender, self.server):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        self.log.close()

    # --- Blender's own side ---

    def do(self, code: str, *, seconds: float = 60) -> Any:
        """Run Python inside Blender; what it leaves in `answer` comes back.

        Raises:
            RuntimeError: it failed, or Blender did not answer in time.
        """
        part, reply = self.folder / "request.part", self.folder / "reply.json"
        part.write_text(code, encoding="utf-8")
        part.rename(self.folder / "request.py")
        for _ in self._until(seconds, f"Blender did not answer: {code}"):
            if reply.exists():
                break
        found = json.loads(reply.read_text(encoding="utf-8"))
        reply.unlink()
        if "error" in found:
            raise RuntimeError(found["error"])
        return found["answer"]

    def wait(self, expression: str, *, seconds: float = 120) -> None:
        """Until a Python expression is true inside Blender."""
        for _ in self._until(seconds, f"this never came true: {expression}"):
            if self.do(f"answer = bool({expression})"):
                return

    def _until(self, seconds: float, failure: str) -> Iterator[None]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.blender.poll() is not None:
                raise RuntimeError(f"Blender has ended with {self.blender.returncode}: {self.log.name}")
            yield
            time.sleep(0.1)
        raise RuntimeError(failure)

    # --- the artist's side ---

    def shot(self, name: str, *, settle: float = 1.5) -> Path:
        """A picture of the whole screen, once it has come to rest."""
        time.sleep(settle)
        path = self.pictures / f"{name}.png"
        self._run("import", "-window", "root", str(path))
        return path

    def words(self, box: tuple[int, int, int, int] | None = None) -> list[Word]:
        """What is written on the screen, or inside a box (left, top, width, height)."""
        left, top, width, height = box or (0, 0, *SIZE)
        picture = self.folder / "read.png"
        self._run("import", "-window", "root", "-crop", f"{width}x{height}+{left}+{top}", "+repage", str(picture))
        larger = ["-colorspace", "Gray", "-resize", f"{100 * ENLARGE}%"]
        self._run("convert", str(picture), *larger, *LETTERS, str(picture))
        table = self._run("tesseract", str(picture), "-", "--psm", "11", "tsv")
        rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Word(
                row["text"].strip(),
                *(left + int(row["left"]) / ENLARGE, top + int(row["top"]) / ENLARGE),
                *(int(row["width"]) / ENLARGE, int(row["height"]) / ENLARGE),
            )
            for row in rows
            if (row["text"] or "").strip()
        ]

    def click(self, text: str, box: tuple[int, int, int, int] | None = None, *, last: bool = False) -> None:
        """On the first place (or the last) where these words are written one after the other.

        Raises:
            RuntimeError: they are not on the screen; a picture shows what is.
        """
        self.press_at(*self.find(text, box, last=last))

    def find(
        self, text: str, box: tuple[int, int, int, int] | None = None, *, last: bool = False
    ) -> tuple[float, float]:
        """Where these words are written one after the other: the first place, or the last, pixels from the top left.

        Raises:
            RuntimeError: they are not on the screen; a picture shows what is.
        """
        wanted = text.split()
        for _ in range(5):
            seen = self.words(box)
            places = [
                seen[i].middle
                for i in range(len(seen) - len(wanted) + 1)
                if [word.text.strip(".…:") for word in seen[i : i + len(wanted)]] == wanted
            ]
            if places:
                return places[-1 if last else 0]
            time.sleep(1)
        picture = self.shot(f"missing-{'-'.join(wanted)}".lower())
        raise RuntimeError(f"“{text}” is not on the screen, see {picture}; there is: {' '.join(w.text for w in seen)}")

    def press_at(self, x: float, y: float, *, button: int = 1, pause: float = 0.5) -> None:
        """A click (4 and 5 are the wheel), with a moment of hovering first, as a hand does."""
        if pause:
            self.hover(x, y)
        self._run("xdotool", "click", str(button))
        time.sleep(pause)

    def hover(self, x: float, y: float) -> None:
        self._run("xdotool", "mousemove", str(round(x) + 2), str(round(y)))
        self._run("xdotool", "mousemove", str(round(x)), str(round(y)))
        time.sleep(0.4)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press, move in steps, let go."""
        self.hover(*start)
        self._run("xdotool", "mousedown", "1")
        for step in range(1, 11):
            place = (round(a + (b - a) * step / 10) for a, b in zip(start, end, strict=True))
            self._run("xdotool", "mousemove", *map(str, place))
            time.sleep(0.05)
        self._run("xdotool", "mouseup", "1")
        time.sleep(0.5)

    def key(self, *names: str) -> None:
        for name in names:
            self._run("xdotool", "key", name)
            time.sleep(0.3)

    def write(self, text: str) -> None:
        self._run("xdotool", "type", "--delay", "20", text)

    def region(self, area: str, kind: str) -> tuple[int, int, int, int]:
        """Where a region of an editor (its `ui_type`) is: left, top, width, height, pixels from the top left."""
        x, y, width, height = self.do(
            f"area = next(a for a in bpy.context.window_manager.windows[0].screen.areas if a.ui_type == {area!r})\n"
            f"region = next(r for r in area.regions if r.type == {kind!r})\n"
            "answer = [region.x, region.y, region.width, region.height]"
        )
        return x, SIZE[1] - y - height, width, height

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout


@contextmanager
def opened(blender: list[str], display: int, pictures: Path, profile: Path) -> Iterator[Screen]:
    """A Blender on its screen, with a profile of its own."""
    pictures.mkdir(parents=True, exist_ok=True)
    profile.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="gioconda-window-") as folder,
        Screen(blender, display, pictures, Path(folder), profile) as screen,
    ):
        yield screen
