"""The compiled kernels: what they are given is checked, and what they answer depends on nothing but that."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gioconda import native
from gioconda.engine import network_channels
from gioconda.engine.anatomy import mouth_model
from gioconda.engine.lid_kernels import LidShape, draw_lid
from gioconda.engine.mouth import kernels
from gioconda.engine.mouth.shape import triangle_layer
from gioconda.native import build, library

Float32 = np.float32
PIPES: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}


def function(name: str):
    floats = native.Array.of(np.float32)
    return native.kernel(name, floats, ctypes.c_int64, floats)


@pytest.mark.parametrize(
    ("name", "exact", "low", "high"), [("maths_exp", np.exp, -110, 90), ("maths_log", np.log, 0, 9)]
)
def test_exponentials_and_logarithms_are_within_a_last_bit(name: str, exact, low: float, high: float) -> None:
    x = np.linspace(low, high, 200_001).astype(np.float32)[1:]
    found = np.empty_like(x)
    function(name)(x, len(x), found)
    with np.errstate(over="ignore"):
        right = exact(x.astype(np.float64)).astype(np.float32)
    assert np.array_equal(np.isinf(found), np.isinf(right))
    finite = np.isfinite(right)
    assert (np.abs(found[finite] - right[finite]) <= np.spacing(np.abs(right[finite]))).all()
    assert (found != right).mean() < 0.001


@pytest.mark.parametrize("wrong", [np.zeros(4), np.zeros(8, np.float32)[::2], np.zeros(4, np.int32)])
def test_an_array_of_another_type_or_with_gaps_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises((TypeError, ctypes.ArgumentError)):
        function("maths_exp")(wrong, 4, np.zeros(4, np.float32))


def test_every_row_belongs_to_one_band() -> None:
    for threads in (1, 2, 5):
        native.set_threads(threads)
        for rows in (0, 1, 7, 100, 1001):
            times = np.zeros(rows, int)

            def count(first: int, last: int, times: np.ndarray = times) -> None:
                times[first:last] += 1

            native.in_bands(count, 0, rows, least=3)
            assert (times == 1).all()
    native.set_threads(None)


def test_bands_within_bands_and_from_several_threads_end() -> None:
    rows = np.zeros((4, 64, 64), int)

    def outer(first: int, last: int, rows: np.ndarray) -> None:
        for row in range(first, last):

            def inner(begin: int, end: int, row: int = row) -> None:
                rows[row, begin:end] += 1

            native.in_bands(inner, 0, 64, least=1)

    native.set_threads(2)
    calls = [
        threading.Thread(target=native.in_bands, args=(partial(outer, rows=each), 0, 64), daemon=True) for each in rows
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join(20)
        assert not call.is_alive()
    native.set_threads(None)
    assert (rows == 1).all()


def test_an_error_in_a_band_is_raised() -> None:
    def fail(first: int, last: int) -> None:
        if first > 50:
            raise ValueError(first)

    native.set_threads(2)
    with pytest.raises(ValueError):
        native.in_bands(fail, 0, 100)
    native.set_threads(None)


def test_the_channels_of_corrections_are_those_of_the_networks() -> None:
    n = network_channels
    found = (ctypes.c_int32 * 6).in_dll(library._library(), "APPLY_CHANNELS")
    starts = [each.start for each in (n.FLOW, n.GAIN, n.OFFSET, n.MORE_MATTE, n.PAINT)]
    assert list(found) == [*starts, n.CORRECTION]


def drawn_mouth() -> bytes:
    model, rng = mouth_model(), np.random.default_rng(3)
    height, width = 90, 150
    position = model.vertices * (0.7 * width) + [width / 2, height / 2, 0]
    position[:, 1] -= 0.7 * width * model.vertices[:, 1].mean()
    textures = rng.random((3, 40, 40, 4), np.float32)
    values = rng.random((len(position), 7)).astype(np.float32)
    values[:, :2] *= 36
    surface = kernels.Surface(
        position.astype(np.float32), model.triangles, triangle_layer(), values, textures, Float32(0.4), Float32(0.1)
    )
    nearest, depth = np.empty((2 * height, 2 * width), np.int32), np.empty((2 * height, 2 * width), np.float32)
    kernels.find_nearest(surface.position, surface.triangles, 2, nearest, depth)
    assert (nearest >= 0).mean() > 0.2
    image, own = np.empty((height, width, 3), np.float32), np.empty((height, width, 4), np.float32)
    kernels.draw(surface, np.ones((height, width), np.float32), 2, np.zeros(3, np.float32), nearest, image, own)
    return nearest.tobytes() + depth.tobytes() + image.tobytes() + own.tobytes()


def drawn_lid() -> bytes:
    rng = np.random.default_rng(4)
    knots = np.array([-0.1, 0.15, -0.4, -0.25, 0.1, 0.35, -0.4, -0.2, 0.1, 0.35, 1, 0.8, 0.15])
    two = np.array([1, 0], np.float32), np.array([0, -1], np.float32)
    shape = LidShape(
        table=np.tile(knots, (60, 1)).astype(np.float32),
        first=Float32(-0.3),
        step=Float32(1.6 / 59),
        corner=np.array([30, 40], np.float32),
        along=two[0],
        up=two[1],
        width=Float32(70),
        crop_corner=np.array([10, 15], np.float32),
        crop_along=two[0],
        crop_up=two[1],
        crop_width=Float32(30),
        **{name: Float32(0.5) for name in ("closed", "shut", "lashed", "raised", "hanging", "upward", "drawn")},
        reach=Float32(0.3),
        line=Float32(0.02),
    )
    colour, coverage = rng.random((80, 130, 4), np.float32), rng.random((80, 130), np.float32)
    before = coverage.copy()
    skin, lashes = rng.random((40, 50, 4), np.float32), rng.random((60, 20), np.float32)
    draw_lid(skin, lashes, np.zeros(3, np.float32), shape, colour, coverage)
    assert (coverage != before).mean() > 0.2
    return colour.tobytes() + coverage.tobytes()


@pytest.mark.parametrize("draw", [drawn_mouth, drawn_lid])
def test_one_two_and_four_threads_draw_the_same_bytes(draw) -> None:
    drawn = []
    for threads in (1, 2, 4):
        native.set_threads(threads)
        drawn.append(draw())
    native.set_threads(None)
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="there is no ziglang: pip install ziglang")
@pytest.mark.slow
@pytest.mark.parametrize("target", sorted(build.TARGETS))
def test_the_library_builds_for_every_platform(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "path_of", lambda target: tmp_path / f"{target}.library")
    begin = build.build(target).read_bytes()[:4]
    assert begin == {"lin": b"\x7fELF", "mac": b"\xcf\xfa\xed\xfe"}.get(target[:3], b"MZ" + begin[2:])


@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="there is no ziglang: pip install ziglang")
@pytest.mark.slow
def test_a_changed_source_is_compiled_at_the_next_use_and_without_a_compiler_it_is_said(tmp_path: Path) -> None:
    core = Path(native.__file__).parents[2]
    shutil.copytree(
        core / "gioconda" / "native", tmp_path / "gioconda" / "native", ignore=shutil.ignore_patterns("lib")
    )
    for name in ("__init__.py", "errors.py", "machine.py", "arrays.py"):
        shutil.copy(core / "gioconda" / name, tmp_path / "gioconda")
    source = tmp_path / "gioconda" / "native" / "added.c"
    answer = "import ctypes; from gioconda import native; print(native.kernel('added', result=ctypes.c_int)())"

    def run(code: str) -> str:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, **PIPES)
        return done.stdout.strip() or done.stderr.strip()

    without = "import sys, gioconda.native.build as b; b.find_spec = lambda name: None; "
    assert "pip install ziglang" in run(without + answer).splitlines()[-1]
    for number in (1, 2):
        source.write_text(f'#include "maths.h"\nKERNEL int added(void) {{ return {number}; }}\n', encoding="utf-8")
        later = time.time() + 60 * number  # a library that was made this very second is not older
        os.utime(source, (later, later))
        assert run(answer) == str(number)
