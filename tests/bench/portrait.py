"""The picture that timing uses: one face, square, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
from gioconda.cli.demo import demo_job
from gioconda.errors import GiocondaError
from gioconda.worker.messages import Message

ROOT = Path(__file__).resolve().parents[2]
SPARE = ROOT.parent / "shared" / "data" / "portraits" / "photo_nasa_koch.jpg"


@dataclass(frozen=True)
class TimingPortrait:
    """A portrait to be enlarged: its file and what it is."""

    path: Path
    text: str

    def at(self, size: int, folder: Path) -> Path:
        """The upper square of it, `size` x `size` pixels, as a PNG in `folder`."""
        target = folder / f"timing_{size}.png"
        if not target.exists():
            picture = cv2.imread(str(self.path), cv2.IMREAD_COLOR)
            side = min(picture.shape[:2])
            left = (picture.shape[1] - side) // 2
            square = picture[:side, left : left + side]
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(target), cv2.resize(square, (size, size), interpolation=cv2.INTER_CUBIC))
        return target


def timing_portrait(folder: Path) -> TimingPortrait | None:
    """The demonstration's portrait, or one of ../shared's where that cannot be had; None without either."""
    try:
        job = demo_job(str(folder / "####.exr"))
        return TimingPortrait(Path(job.portrait), "Grace Hopper, the demonstration's portrait, enlarged")
    except GiocondaError as error:
        print(f"  the demonstration's portrait cannot be had: {error}")
    return TimingPortrait(SPARE, f"{SPARE.name}, enlarged") if SPARE.exists() else None


def _silent(_message: Message) -> None:
    """Nobody is told."""
