"""A studio to measure batches with: small portraits made of real ones, short takes, a batch file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gioconda.imaging import resample
from gioconda.imaging.image import read_picture, write_png
from gioconda.motion.files import save_motion
from gioconda.motion.motion import Motion

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT.parent / "shared" / "data" / "train"
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
CHANNELS = ("jawOpen", "browInnerUp", "mouthSmileLeft", "eyeBlinkLeft")


def pictures(count: int) -> list[Path]:
    """That many portraits of the training set; without it the one the tests have, again and again."""
    there = sorted((TRAIN / "congress").glob("*.jpg"))
    if not there:
        return [HOPPER] * count
    return [there[i * len(there) // count] for i in range(count)] if len(there) >= count else there


def make_portraits(folder: Path, sources: Sequence[Path], size: int) -> None:
    """Square portraits of `size` pixels: p000.png …; of the same source each is a little brighter than the last."""
    folder.mkdir(parents=True)
    for index, source in enumerate(sources):
        picture = read_picture(source, colorspace="linear").pixels[..., :3] * 255
        side = min(picture.shape[:2])
        square = np.ascontiguousarray(picture[:side, (picture.shape[1] - side) // 2 :][:, :side])
        brightness = 1 if sources.count(source) == 1 else 0.7 + 0.3 * index / len(sources)
        small = resample.resize(square, size, size) * np.float32(brightness)
        write_png(folder / f"p{index:03d}.png", np.round(small).clip(0, 255).astype(np.uint8))


def make_takes(folder: Path, count: int, frames: int) -> None:
    """Takes t0.npz …: the head turns, one channel comes and goes."""
    folder.mkdir(parents=True)
    for index in range(count):
        turn = np.radians(np.linspace(0, 10, frames)) * (1 if index % 2 else -1)
        rotation = np.broadcast_to(np.eye(3), (frames, 3, 3)).copy()
        rotation[:, 0, 0] = rotation[:, 2, 2] = np.cos(turn)
        rotation[:, 2, 0], rotation[:, 0, 2] = np.sin(turn), -np.sin(turn)
        values = np.sin(np.linspace(0, np.pi, frames)).astype(np.float32)[:, None] * np.float32(0.7)
        name = CHANNELS[index % len(CHANNELS)]
        motion = Motion(
            24.0, np.arange(1, frames + 1), channels=values, channel_names=(name,), rotation=rotation, neutral=0
        )
        save_motion(motion, folder / f"t{index}.npz")


def write_batch(folder: Path, *, output: str = "out", portraits: str = "portraits/*.png", attempts: int = 3) -> Path:
    """A batch file of everything in `folder`, with a cache of its own."""
    path = folder / f"{Path(output).name}.yaml"
    path.write_text(
        f"portraits: {portraits}\nmotions: takes/*\noutput: {output}/{{portrait}}/{{motion}}/####.exr\n"
        f"attempts: {attempts}\nkeep_going: true\n"
        f"settings: {{cache: cache-{Path(output).name}, consent: {{right: public_domain, who: a measurement}}}}\n",
        encoding="utf-8",
    )
    return path
