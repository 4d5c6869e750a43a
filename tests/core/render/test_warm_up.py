"""What is warmed up is what rendering uses: afterwards nothing is left to compile, and compiling is told beforehand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gioconda.errors import CancelledError
from gioconda.render.compile import STAGE, announced
from gioconda.worker.messages import Message
from numba import njit

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]

EVERYTHING = """
import numpy as np
from gioconda.engine import apply_kernels, crop_kernels, hull_kernels, kernels, lid_kernels, pose_portrait
from gioconda.engine.mouth import kernels as mouth_kernels
from gioconda.job.passes import ALL_PASSES
from gioconda.models.registry import models_folder
from gioconda.neural.choice import files
from gioconda.neural.corrector import CorrectionNets, Corrector, corrected_frame
from gioconda.render.warm_up import compile_everything

def compiled():
    modules = (kernels, apply_kernels, lid_kernels, hull_kernels, mouth_kernels, crop_kernels)
    found = {f"{each.__name__}.{name}": getattr(each, name) for each in modules for name in dir(each)}
    dispatchers = {name: each for name, each in found.items() if hasattr(each, "signatures")}
    compiling = {name: each for name, each in dispatchers.items() if each.targetoptions.get("inline") != "always"}
    return {name: list(each.signatures) for name, each in compiling.items()}

compile_everything()
before = compiled()
idle = [name for name in before if not before[name] and "._" not in name]
assert not idle, idle

from pathlib import Path
import sys
from gioconda.engine import prepare
from gioconda.face.matte import estimate_matte
from gioconda.imaging.image import display_srgb, read_picture
from gioconda.motion.retarget import retarget
from gioconda.motion.demo_motion import make_demo_motion

picture = read_picture(Path(sys.argv[1]) / "core/gioconda/cli/grace_hopper.jpg").pixels
with np.load(Path(sys.argv[1]) / "tests/data/grace_hopper_analysis.npz") as known:
    landmarks, person = known["landmarks"].astype(np.float64), known["person"].astype(np.float32) / 255
portrait = prepare(picture, landmarks, estimate_matte(display_srgb(picture), person, landmarks))
performance = retarget(make_demo_motion(24.0), landmarks)
corrector = Corrector(CorrectionNets.from_files(*files("fast", models_folder(None)), "cpu"), portrait)
for i in (30, 40, 55):
    posed = pose_portrait(portrait, performance[i], previous=performance[i - 1], following=performance[i + 1])
    assert corrector.strength(posed) > 0
    corrected_frame(corrector, posed, ALL_PASSES)
assert compiled() == before, [(name, before[name], now) for name, now in compiled().items() if now != before[name]]
"""


def test_after_warming_up_a_real_portrait_compiles_nothing_more() -> None:
    command = [sys.executable, "-c", EVERYTHING, str(ROOT)]
    done = subprocess.run(command, cwd=ROOT / "core", capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr


def test_the_first_compilation_is_told_once_before_it_begins() -> None:
    told: list[Message] = []

    def more(x: int) -> int:
        assert told == [STAGE]
        return x + 1

    with announced(told.append):
        assert told == []
        compiled = njit(lambda x: x + 1)
        assert compiled(1) == 2
        assert more(1) == 2
        assert njit(lambda x: x + 2)(1.0) == 3
    assert told == [STAGE]
    assert njit(lambda x: x + 3)(1) == 4
    assert told == [STAGE]


def test_stopping_is_possible_where_compiling_begins() -> None:
    def report(_: Message) -> None:
        raise CancelledError("Stopped.")

    compiled = njit(lambda x: x * 2)
    with announced(report), pytest.raises(CancelledError):
        compiled(2)
    assert compiled(2) == 4
