"""Renew the golden crops, and show each before, after and their difference (four times as strong): out/golden/*.png.

make golden          when frames are meant to look otherwise: count ENGINE_VERSION up first, then look and commit
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gioconda
import numpy as np

from . import crops

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "golden"
ENLARGED = 3


def main() -> int:
    new = dict(crops.render_crops())
    old = {name: crops.read_crop(name) for name in new if (crops.FOLDER / f"{name}.png").is_file()}
    changed = [name for name in new if name not in old or not np.array_equal(old[name], new[name])]
    seen = [name for name in changed if name in old and not crops.alike(old[name], new[name])]
    if seen and committed_version() == str(gioconda.ENGINE_VERSION):
        print(
            f"{', '.join(seen)} look otherwise: add 1 to ENGINE_VERSION in core/gioconda/__init__.py, so that kept "
            "portraits, tracks and frames are made anew; then run this again.",
            file=sys.stderr,
        )
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    for name in changed:
        crops.write_crop(name, new[name])
        before = old.get(name, np.zeros_like(new[name]))
        difference = np.clip(128 + 4 * (new[name].astype(int) - before), 0, 255).astype(np.uint8)
        beside = np.concatenate([before, new[name], difference], axis=1)
        crops.write_png(OUT / f"{name}.png", beside.repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1))
        mean, large = crops.apart(new[name], before)
        print(f"{name}: mean {mean:.3f}/255, {100 * large:.2f} % differ by more than {crops.LARGE}: {OUT}/{name}.png")
    crops.VERSION.write_text(f"{gioconda.ENGINE_VERSION}\n", encoding="utf-8")
    print(f"{len(changed)} of {len(new)} crops renewed; engine version {gioconda.ENGINE_VERSION}")
    return 0


def committed_version() -> str:
    """Of the crops in the last commit: while one change is made, they may be renewed as often as one likes."""
    path = crops.VERSION.relative_to(ROOT).as_posix()
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True)
    return shown.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
