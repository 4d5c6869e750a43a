"""The shipped tables are what `tables/README.md` says."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from gioconda import landmarks

TABLES = resources.files("gioconda").joinpath("tables")


def table(name: str) -> dict[str, np.ndarray]:
    with TABLES.joinpath(f"{name}.npz").open("rb") as file:
        return dict(np.load(file))


def test_the_tables_are_small_and_all_described() -> None:
    readme = TABLES.joinpath("README.md").read_text()
    for path in TABLES.iterdir():
        if path.name.endswith(".npz"):
            assert f"`{path.name}`" in readme
            with path.open("rb") as file:
                assert len(file.read()) < 400_000


def test_the_head_prior_is_a_whole_head_that_fits_the_template() -> None:
    prior = table("head_prior")
    assert prior["triangles"].max() < len(prior["vertices"]) < 4000
    skin = landmarks.template()[: landmarks.FACE_POINTS]
    assert np.linalg.norm(prior["landmarks"] - skin, axis=1).mean() < 0.04
    low, high = prior["vertices"].min(0), prior["vertices"].max(0)
    assert low[1] < -1.0 and high[1] > 2.0 and high[2] > 1.8  # crown, neck, back of the head


def test_the_teeth_sit_behind_the_lips_and_turn_their_faces_outwards() -> None:
    arch = table("mouth")
    vertices, triangles, part = arch["vertices"].astype(float), arch["triangles"].astype(int), arch["part"]
    assert set(part) == set(range(6)) and 1000 < len(vertices) < 3500
    lips = landmarks.template()[landmarks.LIP_TOP]
    upper, lower = vertices[part == 0], vertices[part == 1]
    assert upper[:, 2].min() > lips[2] and lower[:, 2].min() > upper[:, 2].min()
    assert abs(upper[:, 1].max() - lips[1]) < 0.07
    corner = vertices[triangles[part[triangles[:, 0]] == 0]]
    volume = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum()
    assert volume > 0
    assert (arch["jaw"][part == 0] == 0).all() and (arch["jaw"][part == 1] == 1).all()


def test_the_jaw_opens_the_lower_teeth_downwards() -> None:
    arch = table("mouth")
    angle, lower = float(arch["jaw_open_angle"]), arch["vertices"][arch["part"] == 1].astype(float) - arch["pivot"]
    opened = np.cos(angle) * lower[:, 1] - np.sin(angle) * lower[:, 2]
    assert (opened - lower[:, 1]).mean() > 0.2


@pytest.mark.parametrize("module", ["gioconda.motion.files", "gioconda.landmarks", "gioconda.pose"])
def test_what_blender_imports_needs_nothing_but_numpy(module: str) -> None:
    code = (
        f"import sys; sys.modules['scipy'] = None; import {module}; print({{'cv2', 'onnxruntime'}} & set(sys.modules))"
    )
    core = str(Path(str(TABLES)).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": core}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "set()"
