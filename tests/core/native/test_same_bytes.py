"""A frame has the same bytes whatever the processor offers, and on however many threads it is rendered."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gioconda.imaging.resample import resize
from gioconda.machine import SAME_CODE

HERE = Path(__file__).resolve().parent
X86 = platform.machine().lower() in ("x86_64", "amd64")

# What the libraries take from the environment in place of asking the processor.
OLD_PROCESSOR = {
    "OPENCV_CPU_DISABLE": "AVX,FP16,AVX2,FMA3",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Nehalem",
}
FEATURES = """
import json, sys
from gioconda.machine import compute_alike
compute_alike()
import cv2, numpy, gioconda.imaging.resample
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
print(json.dumps([[n for n in __cpu_dispatch__ if __cpu_features__[n]], cv2.useOptimized()]))
"""


def rendered(out: Path, environment: dict[str, str]) -> dict[str, bytes]:
    """What frame_for_bytes.py makes in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if name not in OLD_PROCESSOR}
    command = [sys.executable, HERE / "frame_for_bytes.py", out]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    with np.load(out) as made:
        return {name: made[name].tobytes() for name in made.files}


@pytest.mark.slow
@pytest.mark.skipif(not X86, reason="the libraries' choice of code can be forced on x86-64 alone")
def test_a_frame_has_the_same_bytes_on_an_old_processor_and_on_one_two_and_four_threads(tmp_path: Path) -> None:
    first = rendered(tmp_path / "1.npz", {"GIOCONDA_THREADS": "1"})
    assert len(first) > 40
    for number, other in enumerate(({"GIOCONDA_THREADS": "2"}, {"GIOCONDA_THREADS": "4"}, OLD_PROCESSOR)):
        found = rendered(tmp_path / f"other-{number}.npz", other)
        assert [name for name in first if first[name] != found[name]] == []


@pytest.mark.skipif(not X86, reason="x86-64 alone")
def test_numpy_and_opencv_use_what_all_processors_have() -> None:
    clean = {name: value for name, value in os.environ.items() if name not in SAME_CODE}
    done = subprocess.run([sys.executable, "-c", FEATURES], env=clean, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[[], false]", done.stderr


def test_any_thread_computes_what_the_first_one_does() -> None:
    """OpenCV keeps for each thread whether it uses Intel's library, which chooses by the processor."""
    image = np.random.default_rng(0).random((97, 61, 3), np.float32)

    def made() -> bytes:
        return resize(image, 233, 411, method="linear").tobytes() + resize(image, 50, 40, method="area").tobytes()

    with ThreadPoolExecutor(1) as other:
        assert other.submit(made).result() == made()
