"""The portrait that is rendered, its poses, and the networks that are here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gioconda.engine import Portrait, prepare
from gioconda.face.matte import estimate_matte
from gioconda.gpu.frame_graph import read_network
from gioconda.gpu.renderer import Renderer
from gioconda.imaging import resample
from gioconda.imaging.image import choose_display, display_srgb, read_picture
from gioconda.job.retarget import RetargetSettings
from gioconda.motion.demo_motion import make_demo_motion
from gioconda.motion.retarget import retarget
from gioconda.neural.choice import OFF, files, is_there
from gioconda.neural.corrector import CorrectionNets, Corrector
from gioconda.pose import Pose

Floats = npt.NDArray[np.floating[Any]]
ROOT = Path(__file__).resolve().parents[2]
PORTRAIT = ROOT / "core/gioconda/cli/grace_hopper.jpg"


def portrait_of(side: int) -> Portrait:
    """Grace Hopper with about as many pixels as a square of this side, a highlight of 12 on the forehead."""
    picture, landmarks, matte = _known()
    height, width = matte.shape
    factor = side / float(np.sqrt(height * width))
    size = (round(width * factor), round(height * factor))
    method = "area" if factor < 1 else "linear"
    picture = resample.resize(np.asarray(picture, np.float32), *size, method=method).copy()
    picture[..., 3] = 1
    landmarks = landmarks * [size[0] / width, size[1] / height, factor]
    x, y = landmarks[151, :2].astype(int)
    picture[y - 2 : y + 2, x - 2 : x + 2, :3] = 12
    return prepare(picture, landmarks, np.clip(resample.resize(matte, *size, method=method), 0, 1))


@cache
def _known() -> tuple[Floats, Floats, Floats]:
    """The picture, its landmarks and its matte."""
    picture = read_picture(PORTRAIT).pixels
    srgb = display_srgb(picture, exposure=choose_display(picture))
    with np.load(ROOT / "tests/data/grace_hopper_analysis.npz") as known:
        landmarks, person = known["landmarks"].astype(np.float64), known["person"].astype(np.float32) / 255
    return picture, landmarks, estimate_matte(srgb, person, landmarks)


def poses_of(portrait: Portrait, count: int) -> list[Pose]:
    """The demonstration's take, from its 20th frame on."""
    performance = retarget(make_demo_motion(24.0), portrait.landmarks, RetargetSettings())
    return [performance[20 + k % (len(performance) - 20)] for k in range(count)]


def qualities(models: Path, wanted: list[str]) -> dict[str, tuple[Path, Path] | None]:
    """Name → the files of its networks; those that are not here are told and left out."""
    there: dict[str, tuple[Path, Path] | None] = {}
    for name in wanted:
        if name == OFF:
            there[name] = None
        elif is_there(name, models):
            there[name] = files(name, models)
        else:
            print(f"The {name} networks are not in {models}: left out.")
    return there


def corrector_of(portrait: Portrait, nets: tuple[Path, Path] | None, device: str) -> Corrector | None:
    return None if nets is None else Corrector(CorrectionNets.from_files(*nets, device), portrait)


def renderer_of(
    portrait: Portrait, device: str, nets: tuple[Path, Path] | None, *, batch: int, half: bool = False
) -> Renderer:
    network = None if nets is None else read_network(nets[1])
    corrector = corrector_of(portrait, nets, device)
    return Renderer(portrait, device, corrector=corrector, network=network, batch=batch, half=half)
