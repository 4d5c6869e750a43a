"""Makes a small portrait ready and renders it in motion with every pass: `python frame_for_bytes.py OUT.npz`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from gioconda.machine import compute_alike  # noqa: E402

compute_alike()  # as the command does

import numpy as np  # noqa: E402
from gioconda.engine import pose_portrait, prepare, render_rows  # noqa: E402
from gioconda.job.passes import ALL_PASSES  # noqa: E402
from gioconda.motion.demo_motion import make_demo_motion  # noqa: E402
from gioconda.motion.retarget import retarget  # noqa: E402

from tests.sitters import Sitter  # noqa: E402


def main(out: str) -> None:
    """Writes what was prepared and every pass of three frames to `out`."""
    sitter = Sitter.read("grace_hopper").scaled(0.5)
    portrait = prepare(sitter.source, sitter.landmarks, sitter.matte)
    made = {"0 source": sitter.source, "1 matte": sitter.matte, "2 head": portrait.head, "3 alpha": portrait.alpha}
    performance = retarget(make_demo_motion(24.0), sitter.landmarks)
    for i in (30, 40, 55):
        posed = pose_portrait(portrait, performance[i], previous=performance[i - 1], following=performance[i + 1])
        passes = render_rows(posed, 0, portrait.height, passes=ALL_PASSES).passes
        made |= {f"frame {i} {name}": values for name, values in passes.items()}
    np.savez(out, **made)


if __name__ == "__main__":
    main(sys.argv[1])
