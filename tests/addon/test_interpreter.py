"""The worker's interpreter: Blender's own with the zip's wheels, or one the artist names; and the check of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
PICTURE = Path(__file__).resolve().parents[2] / "core/gioconda/cli/grace_hopper.jpg"

COMMAND = """
    from bl_ext.user_default.gioconda.addon import interpreter, preferences
    chosen = preferences.preferences(bpy.context)
    for name, value in zip(ARGS[::2], ARGS[1::2]):
        setattr(chosen, name, int(value) if name == "threads" else value)
    command, environment = interpreter.command()
    result({"command": command, "environment": environment, "home": str(interpreter.user_folder())})
"""
CHECK = """
    from bl_ext.user_default.gioconda.addon import preferences
    from bl_ext.user_default.gioconda.addon.operators import check_interpreter
    chosen = preferences.preferences(bpy.context)
    answers = []
    for python in ARGS:
        chosen.python = python
        try:
            answers.append(sorted(bpy.ops.gioconda.check_interpreter()))
        except RuntimeError as error:
            answers.append([str(error)])
        found = check_interpreter.found()
        answers[-1] += [found.error, found.lines]
    result(answers)
"""


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter without any package."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def test_the_first_frame_is_rendered_from_the_zip_alone_and_the_next_start_is_quick(
    blender: Any, run_in_blender: Run, models_folder: Path, tmp_path: Path
) -> None:
    found = run_in_blender(COMMAND)
    files = {path for path in blender.extension.rglob("*") if "__pycache__" not in path.parts}
    job = tmp_path / "job.json"
    shutil.copy(PICTURE, tmp_path)
    consent = {"right": "public_domain", "who": "NASA"}
    job.write_text(json.dumps({"portrait": PICTURE.name, "motion": "take", "output": "####.exr", "consent": consent}))
    for frame in ("1", "2"):
        render = [*found["command"], "job", str(job), "--json", "--overwrite", "--frames", frame]
        done = subprocess.run(render, env=found["environment"], capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "0002.exr").stat().st_size > 100_000
    assert {path for path in blender.extension.rglob("*") if "__pycache__" not in path.parts} == files
    home = Path(found["home"])
    assert home.is_relative_to(blender.profile)
    assert list((home / "cache").iterdir())


def test_the_environment_leads_nobody_astray(run_in_blender: Run, blender: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("PYTHONHOME_", "kept away")
    monkeypatch.setenv("OCIO", "/opt/blender/datafiles/colormanagement/config.ocio")
    found = run_in_blender(COMMAND, "threads", "3")
    (python, *options), environment = found["command"], found["environment"]
    assert Path(python) == blender.python and options == ["-s", "-P", str(blender.extension / "core")]
    assert [name for name in environment if name.startswith("PYTHON")] == ["PYTHONPATH"]
    assert Path(environment["PYTHONPATH"], "onnxruntime").is_dir()
    assert "OCIO" not in environment and environment["GIOCONDA_THREADS"] == "3"
    assert Path(environment["GIOCONDA_MODELS"]) == blender.extension / "onnx_models"


def test_the_artists_own_choices_hold(run_in_blender: Run, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("OCIO", "/studio/aces.ocio")
    own, cache = tmp_path / "my python", tmp_path / "cache"
    found = run_in_blender(COMMAND, "python", own, "cache", cache)
    assert found["command"][0] == str(own)
    assert "PYTHONPATH" not in found["environment"]
    assert found["environment"]["OCIO"] == "/studio/aces.ocio"
    assert Path(found["environment"]["GIOCONDA_CACHE"]) == cache


def test_the_check_says_what_is_there_or_what_is_wrong_in_a_sentence(
    run_in_blender: Run, models_folder: Path, bare_python: Path, tmp_path: Path
) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\necho 3.9 >&2\nexit 90\n")
    old.chmod(0o755)
    text = tmp_path / "notes.txt"
    text.write_text("no program")
    well, missing, folder, bare, ancient, wrong = run_in_blender(
        CHECK, "", tmp_path / "nothing", tmp_path, bare_python, old, text, timeout=200
    )
    assert well[:2] == ["FINISHED", ""]
    assert any("onnxruntime" in line for line in well[2]) and "Device cpu: works" in well[2]
    for answer, part in (
        (missing, "There is no Python at"),
        (folder, "is a folder"),
        (bare, "lacks"),
        (ancient, "is Python 3.9"),
        (wrong, "cannot be started"),
    ):
        assert part in answer[1] and answer[1] in answer[0] and not answer[2], answer
    assert "opencv-python-headless" in bare[1] and "pip install" in bare[1]
