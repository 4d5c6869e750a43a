"""Make core/gioconda/tables/*.npz anew:  python tests/tools/fit_tables.py ../shared/data/ict_facekit [name …]

The topology and the template are inputs (see core/gioconda/tables/README.md); the rest follows from them and the ICT
head.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "core"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from tables.expressions import expression_basis  # noqa: E402
from tables.head import head_prior  # noqa: E402
from tables.ict import load_head  # noqa: E402
from tables.mouth import mouth  # noqa: E402

TABLES = Path(__file__).resolve().parents[2] / "core/gioconda/tables"
MAKERS = {"head_prior": head_prior, "mouth": mouth, "expression_basis": expression_basis}


def main(folder: str, *names: str) -> None:
    head = load_head(Path(folder))
    print(f"registration residual: mean {head.residual.mean():.5f}, worst {head.residual.max():.5f} head units")
    for name in names or MAKERS:
        path = TABLES / f"{name}.npz"
        np.savez_compressed(path, **MAKERS[name](head))
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
