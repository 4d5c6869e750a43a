"""The real zip: built by Blender's own builder, installed in a throw-away profile, switched on and off."""

from __future__ import annotations

import os
import subprocess
import tomllib
import zipfile
from pathlib import Path

import gioconda

ROOT = Path(__file__).resolve().parents[2]

FIND_BUILDER = """
import importlib.util, pathlib
root = pathlib.Path(importlib.util.find_spec("bpy").origin).parent
print(next(root.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")))
"""
INSTALL = """
import sys, bpy, addon_utils
bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
name = "bl_ext.user_default.gioconda"
assert name in bpy.context.preferences.addons, "not enabled"
addon_utils.disable(name, default_set=True)
addon_utils.enable(name, default_set=True)
assert name in bpy.context.preferences.addons, "not enabled again"
print("enabled", flush=True)
"""


def run(python: str, code: str, *arguments: str, profile: Path | None = None) -> str:
    environment = {**os.environ, **({"BLENDER_USER_RESOURCES": str(profile)} if profile else {})}
    done = subprocess.run(
        [python, "-c", code, *arguments], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_manifest_and_the_package_have_the_same_version() -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == gioconda.__version__
    texts = [manifest["tagline"], *manifest["permissions"].values()]
    assert all(len(text) <= 64 and text[-1].isalnum() for text in texts)


def test_the_zip_builds_installs_and_switches_on_and_off(blender_python: str, tmp_path: Path) -> None:
    builder = run(blender_python, FIND_BUILDER).split()[-1]
    package = tmp_path / "gioconda.zip"
    command = [blender_python, builder, "build", "--source-dir", str(ROOT), "--output-filepath", str(package)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    subprocess.run([blender_python, builder, "validate", str(package)], check=True, capture_output=True, timeout=120)
    names = zipfile.ZipFile(package).namelist()
    assert {"__init__.py", "addon/__init__.py", "core/__main__.py", "core/gioconda/protocol.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "out", ".")) or "__pycache__" in name]
    assert "enabled" in run(blender_python, INSTALL, str(package), profile=tmp_path / "profile")
