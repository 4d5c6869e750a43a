"""Real Blender for tests: the built zip with its wheels, installed in a throw-away profile once a session and version.

    def test_a_rig_is_read(run_in_blender):
        found = run_in_blender('''
            from bl_ext.user_default.gioconda.addon import rig
            result({"bones": len(bpy.data.armatures), "file": ARGS[0]})
        ''', "some.blend")
        assert found["bones"] == 1

`run_in_blender(script, *arguments)` runs a script (its text, or the Path of a file) in a Blender of its own with the
extension switched on, under a time limit (`timeout=` seconds, 120 if not said). The script knows `bpy`, `ARGS` (the
arguments, as strings) and `result(data)`, whose last call is what comes back (JSON). A script that raises fails the
test with what Blender said. Every test that asks for it, or for `blender`, runs once per Blender.

Which Blenders: $GIOCONDA_BPY, virtual environments with the bpy module in them, separated as in $PATH; else every
`.venv-bpy-*` here (`make test` makes the oldest and the newest, `make blender` all). Keep the number of runs small: a
start takes a second.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = "bl_ext.user_default.gioconda"

# Around every script: the profile's extension is switched on; a script's result goes to a file of its own.
FRAME = """
import json, os, sys, traceback
import bpy, addon_utils
_answer, _script, *ARGS = sys.argv[1:]
def result(data):
    with open(_answer, "w", encoding="utf-8") as file:
        json.dump(data, file)
_status = 0
try:
    if addon_utils.enable({module!r}, default_set=True) is None:
        raise RuntimeError("the extension could not be switched on")
    with open(_script, encoding="utf-8") as file:
        _code = compile(file.read(), _script, "exec")
    exec(_code, {{"bpy": bpy, "ARGS": ARGS, "result": result, "__name__": "__main__"}})
    _complaints = addon_utils._extensions_warnings_get().get({module!r})
    if _complaints:
        raise RuntimeError("Blender's preferences would show: " + "; ".join(_complaints))
    addon_utils.disable({module!r})  # with default_set=True Blender would take the wheels out of the profile
except BaseException:
    traceback.print_exc()
    _status = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(_status)  # as a module Blender 4.x crashes or hangs at its exit: after a property with `update=`, a class left
"""


@dataclass(frozen=True)
class Blender:
    """One Blender with the extension installed."""

    version: str  # "4.2.23"
    python: Path  # imports bpy
    profile: Path  # its user resources, thrown away after the session
    package: Path  # the zip that was installed

    @property
    def extension(self) -> Path:
        return self.profile / "extensions" / "user_default" / "gioconda"

    def call(self, *command: str | Path, timeout: float = 120) -> str:
        """Run the interpreter in the profile; what it printed. Fails the test when it fails or Blender complains."""
        environment = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GIOCONDA_CACHE")
        }
        environment["BLENDER_USER_RESOURCES"] = str(self.profile)
        try:
            done = subprocess.run(
                [self.python, *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout,
                env=environment,
                cwd=self.profile,
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode(errors="replace")
            pytest.fail(f"Blender {self.version} was not done after {timeout:g} s:\n{said[-4000:]}", pytrace=False)
        if done.returncode or "Traceback" in done.stdout:
            pytest.fail(f"Blender {self.version} ended with {done.returncode}:\n{done.stdout[-6000:]}", pytrace=False)
        return done.stdout

    def run(self, script: str | Path, *arguments: object, folder: Path, timeout: float = 120) -> Any:
        """Run a script as above, with its files in `folder`; what it gave to `result`."""
        frame, text, answer = (folder / f".{name}" for name in ("frame.py", "script.py", "answer.json"))
        frame.write_text(FRAME.format(module=MODULE), encoding="utf-8")
        source = script.read_text(encoding="utf-8") if isinstance(script, Path) else textwrap.dedent(script)
        text.write_text(source, encoding="utf-8")
        answer.unlink(missing_ok=True)
        self.call(frame, answer, text, *map(str, arguments), timeout=timeout)
        return json.loads(answer.read_text(encoding="utf-8")) if answer.is_file() else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that needs a Blender runs in each there is."""
    if "blender" in metafunc.fixturenames:
        metafunc.parametrize("blender", blenders(), indirect=True, scope="session")


def blenders() -> list[Any]:
    """The interpreters with bpy, each named by its version; one that is not there is a test skipped with a reason."""
    named = os.environ.get("GIOCONDA_BPY")
    folders = [Path(name) for name in named.split(os.pathsep)] if named else sorted(ROOT.glob(".venv-bpy-*"))
    found = []
    for folder in folders:
        infos = list(folder.glob("[Ll]ib/**/site-packages/bpy-*.dist-info"))
        if infos:
            version = infos[0].name.removeprefix("bpy-").removesuffix(".dist-info")
            found.append(pytest.param((version, folder.absolute()), id=version))
        else:
            why = f"no bpy module in {folder.name}; its Python may be missing here (make blender)"
            found.append(pytest.param(None, id=folder.name, marks=pytest.mark.skip(reason=why)))
    nothing = pytest.param(None, id="none", marks=pytest.mark.skip(reason="no Blender here: run `make test`"))
    return found or [nothing]


@pytest.fixture(scope="session")
def blender(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blender]:
    """A Blender with the extension installed by Blender's own operator from the zip Blender's own builder made."""
    version, folder = request.param
    python = next(path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists())
    home = tmp_path_factory.mktemp(f"blender-{version}-")
    package = build(folder, home)
    there = Blender(version, python, home / "profile", package)
    there.profile.mkdir()
    install = (
        "import bpy, os, sys; bpy.ops.extensions.package_install_files("
        "filepath=sys.argv[1], repo='user_default', enable_on_install=True); sys.stdout.flush(); os._exit(0)"
    )
    there.call("-c", install, package, timeout=300)
    yield there
    shutil.rmtree(home, ignore_errors=True)  # a gigabyte: pytest would keep three of them


def build(folder: Path, home: Path) -> Path:
    """The zip for this machine and the Python of the Blender in `folder` (the shipped one holds wheels for all)."""
    builder = next(folder.glob("[Ll]ib/**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    python = "3.11" if (folder / "lib" / "python3.11").is_dir() else "3.13"
    platform = {"linux": "linux-x64", "win32": "windows-x64", "darwin": "macos-arm64"}[sys.platform]
    made = home / "zip"
    command = [sys.executable, ROOT / "addon" / "packaging" / "build.py", "--builder", builder]
    command += ["--platform", platform, "--python", python, "--stage", home / "stage", "--output", made]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        pytest.fail(f"The extension could not be built:\n{done.stdout}{done.stderr}", pytrace=False)
    shutil.rmtree(home / "stage")
    return next(made.glob("*.zip"))


@pytest.fixture
def run_in_blender(blender: Blender, tmp_path: Path) -> Callable[..., Any]:
    """A function: a script and its arguments → what the script gave to `result`. See above."""

    def run(script: str | Path, *arguments: object, timeout: float = 120) -> Any:
        return blender.run(script, *arguments, folder=tmp_path, timeout=timeout)

    return run
