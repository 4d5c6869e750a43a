"""`python -m tests.bench.paper_child RUN ASKED.npz MADE.npy [STEPS]`: the paper's networks, where PyTorch is.

ASKED holds pictures (K, S, S, 3) uint8, points (K, 478, 2) and driving (M, 478, 2) in 0..1 of the square's side;
MADE becomes (M, size, size, 3) uint8. One thread. Run from the project's root.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "core"))


def main(run: str, asked: str, made: str, steps: str = "0") -> None:
    import numpy as np
    from gioconda.training.paper.pictures import paper_pictures

    with np.load(asked) as given:
        pictures, points, driving = (given[name] for name in ("pictures", "points", "driving"))
    np.save(made, paper_pictures(Path(run), pictures, points, driving, tune=int(steps), threads=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
