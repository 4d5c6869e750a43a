"""Making a portrait ready needs little more memory than what is kept of it, so that 4096² stays below 1.5 GB."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SIDE = 2048
ROOT = Path(__file__).resolve().parents[3]
HOPPER = ROOT / "core/gioconda/cli/grace_hopper.jpg"
ANALYSIS = ROOT / "tests/data/grace_hopper_analysis.npz"

# in a process of its own: a small picture first, so that what is compiled or loaded once does not count
CHILD = """
import json, sys
from pathlib import Path
import numpy as np
from gioconda.imaging import resample
from gioconda.imaging.color import display_srgb
from gioconda.engine import prepare
from gioconda.face.matte import estimate_matte
from gioconda.imaging.image import read_picture

def memory(line):
    return int(Path("/proc/self/status").read_text().split(line)[1].split()[0]) * 1024

picture = read_picture(sys.argv[1]).pixels[80:480, 60:460]  # the person fills it
with np.load(sys.argv[2]) as known:
    landmarks, person = known["landmarks"] - [60, 80, 0], known["person"].astype(np.float32) / 255
person = person[: person.shape[0] * 3 // 4]
for side in (256, int(sys.argv[3])):
    source = resample.resize(picture, side, side, method="linear")
    srgb, points = display_srgb(source), landmarks * (side / 400)
    before, used = memory("VmRSS:"), {}
    Path("/proc/self/clear_refs").write_text("5")
    matte = estimate_matte(srgb, person, points)
    used["matte"] = memory("VmHWM:") - before
    before = memory("VmRSS:")
    Path("/proc/self/clear_refs").write_text("5")
    portrait = prepare(source, points, matte)
    used["prepare"] = memory("VmHWM:") - before
    used["kept"] = portrait.layers.texture.nbytes + portrait.layers.plate.nbytes
print(json.dumps(used))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="a process's peak is asked of Linux")
@pytest.mark.slow
def test_making_a_large_portrait_ready_needs_little_more_memory_than_is_kept_of_it() -> None:
    command = [sys.executable, "-c", CHILD, HOPPER, ANALYSIS, str(SIDE)]
    child = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "core")}
    )
    assert child.returncode == 0, child.stderr
    used = json.loads(child.stdout)
    picture = SIDE * SIDE * 16
    assert used["kept"] > 1.2 * picture  # it is a hard one
    # what is worked out at a fixed size, and one band: most of it is the head's back, painted at 896 x 1280 at most
    assert used["prepare"] < used["kept"] + 300e6
    assert used["matte"] < 230e6  # the solver's part does not grow with the picture
