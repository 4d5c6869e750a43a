"""Which Python runs the core, in which environment: Blender's own with the extension's wheels, or the artist's own."""

import os
import sys
from pathlib import Path

import bpy

PACKAGE = __package__.rpartition(".")[0]  # bl_ext.….gioconda
CORE = Path(__file__).resolve().parents[1] / "core"
MODELS = Path(__file__).resolve().parents[1] / "onnx_models"
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def command() -> tuple[list[str], dict[str, str]]:
    """The beginning of a command line that runs the core, and its whole environment: Blender's, without what would lead
    a Python astray. Always as the preferences say now.

    Append the core's arguments: [*command, "doctor", "--json"].
    """
    chosen = bpy.context.preferences.addons[PACKAGE].preferences  # the fields of preferences.py
    python, models, cache = (bpy.path.abspath(path) for path in (chosen.python, chosen.models, chosen.cache))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if not python:
        environment["PYTHONPATH"] = str(wheels_folder())
    if is_blenders_own(environment.get("OCIO", "")):
        del environment["OCIO"]  # set by some builds of Blender for themselves; a studio's own one stays
    home = user_folder()  # everything the worker keeps goes there, nothing beside its code
    environment["GIOCONDA_MODELS"] = models or str(MODELS)
    environment["GIOCONDA_CACHE"] = cache or str(home / "cache")
    if chosen.threads:
        environment["GIOCONDA_THREADS"] = str(chosen.threads)
    return [python or blender_python(), "-s", "-P", str(CORE)], environment


def is_blenders_own(configuration: str) -> bool:
    """Whether an OpenColorIO configuration is the one that comes with Blender."""
    return Path(configuration).parts[-3:] == ("datafiles", "colormanagement", "config.ocio")


def blender_python() -> str:
    """The Python that runs inside Blender, as a program."""
    if "python" in Path(sys.executable).name.lower():
        return sys.executable
    names = ("python.exe",) if os.name == "nt" else (PYTHON, "python3")
    there = (Path(sys.prefix) / "bin" / name for name in names)
    return str(next((path for path in there if path.exists()), sys.executable))


def wheels_folder() -> Path:
    """Where Blender unpacks the wheels of extensions."""
    return Path(bpy.utils.user_resource("EXTENSIONS", path=".local")) / "lib" / PYTHON / "site-packages"


def user_folder(name: str = "") -> Path:
    """Our folder among the user's extension data, or one in it. It is made if need be, and outlives an update."""
    return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=True))
