"""How the house is built: which module may import which, and where the heavy libraries come in.

Read from the source alone (ast): nothing is imported. A table here is the only place where its facts are written down.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = "core.gioconda"

# Room → the rooms, or single modules, it may import from, in the order in which the data flows. Each may import the
# package's own versions.
GROUND = {"arrays", "errors", "files", "landmarks", "machine", "maths", "native", "pose"}
ROOMS: dict[str, set[str]] = {
    "arrays": set(),
    "errors": set(),
    "landmarks": set(),
    "maths": {"native"},
    "machine": set(),
    "native": {"errors", "machine"},
    "files": {"errors"},
    "pose": {"landmarks"},
    "job": {"errors", "files"},
    "worker": {*GROUND, "job"},
    "motion": {*GROUND, "job.retarget", "job.frame_range"},
    "imaging": {*GROUND, "job.passes", "motion.clock"},
    "voice": {*GROUND, "motion", "imaging"},
    "models": {*GROUND, "job"},
    "face": {*GROUND, "motion", "imaging", "models"},
    "engine": {*GROUND, "job.passes", "imaging"},
    "neural": {*GROUND, "job", "worker", "imaging", "models", "engine"},
    "gpu": {*GROUND, "job", "worker", "imaging", "models", "engine", "neural"},
    "external": {*GROUND, "job", "worker", "imaging", "models", "engine", "neural"},
    "provenance": {*GROUND, "job", "worker", "imaging", "models", "external"},
}
EARLIER = {*ROOMS}
ROOMS |= {
    "render": EARLIER,
    "batch": {*EARLIER, "render"},
    "farm": {*EARLIER, "render", "batch"},
    "live": {*EARLIER, "render"},
    "export": {*EARLIER, "render"},
    "training": {*EARLIER, "render", "batch", "farm"},
    "cli": {*EARLIER, "render", "batch", "farm", "live", "export", "training"},
}

# What the add-on imports from core: plain data, light enough for Blender's own Python.
ADDON_IMPORTS = {
    "errors",
    "files",
    "job.consent",
    "job.frame_range",
    "job.job",
    "job.passes",
    "job.retarget",
    "job.settings",
    "landmarks",
    "motion.blendshapes",
    "motion.curves",
    "motion.files",
    "motion.motion",
    "motion.regions",
    "pose",
    "voice.visemes",
    "worker.messages",
    "worker.process",
}

# Library → the files that import it; a folder's name with a slash: all in it, and any of them. Nothing: none may.
LIBRARIES = {
    "OpenImageIO": "imaging/exr.py imaging/exr_read.py imaging/image.py imaging/color.py",
    "av": "imaging/video.py",
    "bpy": "addon/",
    "c2pa": "provenance/credentials.py",
    "cv2": "imaging/resample.py",
    "flatbuffers": "",
    "isal": "imaging/exr_zip.py",
    "mediapipe": "",
    "numba": "",
    "onnx": "gpu/choice.py gpu/frame_graph.py gpu/graph.py gpu/renderer.py training/export.py",
    "onnxruntime": "models/runtime.py gpu/device.py",
    "onnxruntime_ep_webgpu": "models/runtime.py",
    "PIL": "",
    "pocketsphinx": "voice/phones.py",
    "pymatting": "",
    "pythonosc": "live/protocols/vmc.py live/sources.py",
    "scipy": "training/",
    "rich": "cli/console.py",
    "shtab": "cli/main.py",
    "tflite": "",
    "torch": "training/",
}
# Light ones, which any file may import; and what comes with Blender.
LIGHT = {"cryptography", "numpy", "yaml"}
BLENDERS = {
    "bl_operators",
    "addon_utils",
    "bl_ui",
    "blf",
    "bmesh",
    "bpy_extras",
    "gpu",
    "gpu_extras",
    "imbuf",
    "mathutils",
}


@dataclass(frozen=True)
class Import:
    """One module named in an import statement. `when`: "loaded", "called" (in a function), "typed" (TYPE_CHECKING)."""

    importer: str  # dotted, from the repository's root: "core.gioconda.engine.frame"
    module: str  # the same; of another project: its name
    when: str
    where: str  # "core/gioconda/engine/frame.py:12"


@cache
def modules() -> dict[str, Path]:
    """Dotted name from the repository's root → file, of core and add-on."""
    files = [path for folder in ("core", "addon") for path in (ROOT / folder).rglob("*.py")]
    parts = {path: path.relative_to(ROOT).with_suffix("").parts for path in files}
    return {".".join(p[:-1] if p[-1] == "__init__" else p): path for path, p in parts.items()}


@cache
def imports() -> tuple[Import, ...]:
    """Every import of core and add-on."""
    return tuple(found for name in modules() for found in _imports_of(name))


def _imports_of(name: str) -> Iterator[Import]:
    path = modules()[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node, when in _statements(ast.parse(path.read_bytes()), "loaded"):
        if isinstance(node, ast.Call):
            said = ast.unparse(node.args[0]).removeprefix("f").strip("'\"")  # import_module(f"library.{part}")
            named = [said.partition("{")[0].rstrip(".")]
        elif isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        else:
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            inner = [f"{base}.{alias.name}" for alias in node.names]
            named = [each if _own(each) in modules() else base for each in inner]
        for each in dict.fromkeys(map(_own, named)):
            yield Import(name, each, when, f"{path.relative_to(ROOT).as_posix()}:{node.lineno}")


def _statements(node: ast.AST, when: str) -> Iterator[tuple[ast.Import | ast.ImportFrom | ast.Call, str]]:
    for child in ast.iter_child_nodes(node):
        is_call = isinstance(child, ast.Call) and ast.unparse(child.func) == "import_module"
        if is_call or isinstance(child, ast.Import | ast.ImportFrom):
            yield child, when
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _statements(child, "called")
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            yield from _statements(child, "typed")
        else:
            yield from _statements(child, when)


def _own(name: str) -> str:
    """Core calls itself `gioconda` where it starts as a program."""
    return f"core.{name}" if name.split(".")[0] == "gioconda" else name


def _room(name: str) -> str:
    """ "engine" of "core.gioconda.engine.frame"; "" of the package itself."""
    return name.removeprefix(CORE).lstrip(".").split(".")[0]


def _circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules that import each other in a circle (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in arrows.get(name, ()):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            circle = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(circle) > 1 or name in arrows.get(name, ()):
                found.append(sorted(circle))

    for name in arrows:
        if name not in index:
            visit(name)
    return sorted(found)


def _arrows(moments: tuple[str, ...]) -> dict[str, set[str]]:
    """Module → the modules it imports, and the packages around those, which Python loads too."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for each in imports():
        if each.when in moments and each.module in modules():
            parts = each.module.split(".")
            packages = {".".join(parts[:k]) for k in range(1, len(parts))}
            around = {p for p in packages if p in modules() and not f"{each.importer}.".startswith(f"{p}.")}
            arrows[each.importer] |= {each.module, *around}
    return arrows


@pytest.mark.parametrize("moments", [("loaded",), ("loaded", "called"), ("loaded", "called", "typed")], ids="+".join)
def test_no_modules_import_each_other_in_a_circle(moments: tuple[str, ...]) -> None:
    assert _circles(_arrows(moments)) == []


def test_rooms_import_only_rooms_before_them() -> None:
    assert {_room(name) for name in modules() if name.startswith(f"{CORE}.")} == {*ROOMS}
    wrong = []
    for each in imports():
        if each.importer.startswith(f"{CORE}.") and each.module.startswith(f"{CORE}."):
            module, room = each.module.removeprefix(f"{CORE}."), _room(each.importer)
            if not {module, _room(each.module)} & {room, *ROOMS[room]}:
                wrong.append(f"{each.where} imports {module}")
    assert wrong == []


def test_the_table_of_rooms_has_no_circle_itself() -> None:
    assert _circles(ROOMS) == []


def test_the_packages_top_holds_few_modules_and_imports_none() -> None:
    assert len(list((ROOT / "core" / "gioconda").glob("*.py"))) <= 7
    assert not [each.where for each in imports() if each.importer == CORE and each.module.startswith(CORE)]


def test_the_add_on_imports_plain_data_modules_alone() -> None:
    found = {
        each.module.removeprefix(CORE)[1:]
        for each in imports()
        if each.importer.startswith("addon") and each.module.startswith(CORE)
    }
    assert found == ADDON_IMPORTS
    # … nor do these load anything heavy: numpy and YAML are in Blender's Python
    loaded, ahead = set[str](), {f"{CORE}.{name}" for name in ADDON_IMPORTS}
    while ahead:
        loaded.add(name := ahead.pop())
        ahead |= _arrows(("loaded",))[name] - loaded
    foreign = {
        each.module.split(".")[0]
        for each in imports()
        if each.importer in loaded and each.when == "loaded" and each.module not in modules()
    }
    assert foreign - sys.stdlib_module_names <= {"numpy", "yaml"}


def test_core_imports_nothing_of_the_add_on() -> None:
    assert not [
        each.where for each in imports() if each.importer.startswith("core") and each.module.startswith("addon")
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_heavy_library_is_imported_where_the_table_says(library: str) -> None:
    named = {where if where.startswith("addon/") else f"core/gioconda/{where}" for where in LIBRARIES[library].split()}
    folders = {where for where in named if where.endswith("/")}
    found = {each.where.rpartition(":")[0] for each in imports() if each.module.split(".")[0] == library}
    in_folders = {file for file in found if file.startswith((*folders,))}
    assert found - in_folders == named - folders
    assert bool(in_folders) == bool(folders)


def test_every_other_library_is_a_light_one() -> None:
    named = {each.module.split(".")[0] for each in imports() if each.module not in modules()}
    assert named - sys.stdlib_module_names - BLENDERS - {*LIBRARIES} - {"addon", "core"} <= LIGHT
