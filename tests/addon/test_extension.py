"""The real zip: built by Blender's own builder, installed in a throw-away profile, switched on and off."""

from __future__ import annotations

import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gioconda

ROOT = Path(__file__).resolve().parents[2]


def test_the_manifest_and_the_package_have_the_same_version() -> None:
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == gioconda.__version__
    texts = [manifest["tagline"], *manifest["permissions"].values()]
    assert all(len(text) <= 64 and text[-1].isalnum() for text in texts)


def test_the_zip_holds_what_ships_and_nothing_else(blender: Any) -> None:
    names = zipfile.ZipFile(blender.package).namelist()
    assert {"__init__.py", "addon/__init__.py", "core/__main__.py", "core/gioconda/job/job.py"} <= set(names)
    assert {name.split("/")[0] for name in names} <= {
        "",
        "__init__.py",
        "blender_manifest.toml",
        "LICENSE",
        "addon",
        "core",
        "onnx_models",
        "wheels",
    }
    assert not [name for name in names if "__pycache__" in name or "/packaging/" in name or "/training/" in name]


def test_the_extension_switches_off_and_on_again(run_in_blender: Callable[..., Any]) -> None:
    states = run_in_blender("""
        import addon_utils
        name = "bl_ext.user_default.gioconda"
        enabled = lambda: hasattr(bpy.types.NodeTree, "gioconda")
        states = [enabled()]
        addon_utils.disable(name)
        states.append(enabled())
        addon_utils.enable(name)
        result(states + [enabled()])
    """)
    assert states == [True, False, True]
