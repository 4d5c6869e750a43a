"""Makes docs/images/demo.png, the README's picture: some frames of the demonstration side by side.

.venv/bin/python tests/tools/readme_picture.py
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "core"))

from gioconda.cli.demo import demo_job  # noqa: E402
from gioconda.imaging import resample  # noqa: E402
from gioconda.imaging.image import read_picture, write_png  # noqa: E402
from gioconda.render.sequence import render  # noqa: E402

FRAMES = (1, 10, 28, 40, 64)
CROP = (100, 0, 400, 400)  # left, top, right, bottom, pixels
WIDTH = 190
TARGET = ROOT / "docs" / "images" / "demo.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        job = demo_job(str(Path(folder) / "####.exr"))
        render(replace(job, frames=",".join(map(str, FRAMES)), png=True, review=None, sheet=None), lambda _: None)
        left, top, right, bottom = CROP
        tiles = []
        for number in FRAMES:
            # “linear” leaves the file's own values alone
            shown = read_picture(Path(folder) / f"{number:04d}.png", colorspace="linear").pixels[..., :3] * 255
            crop = np.round(shown[top:bottom, left:right]).astype(np.uint8)
            tiles.append(resample.resize(crop, WIDTH, round(WIDTH * (bottom - top) / (right - left))))
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    write_png(TARGET, np.concatenate(tiles, axis=1))
    print(f"{TARGET}: {TARGET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
