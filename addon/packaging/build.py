"""Make the extension's zips, one for each platform and Blender's Python, with the wheels the worker needs. Runs pip and
Blender's own builder; does not ship.

    GIOCONDA_BPY=.venv-bpy-4.2 python addon/packaging/build.py [--platform linux-x64] [--python 3.11]

The committed manifest stays the small one, good for a zip without wheels; the whole one is made here.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHIPPED = ("__init__.py", "LICENSE", "addon", "core", "onnx_models")  # the manifest's allow-list has the last word

# Blender's platforms and pip's names for them. Linux: what Blender itself needs, glibc 2.28.
PLATFORMS = {
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": tuple(f"macosx_{version}_arm64" for version in ("14_0", "13_0", "12_0", "11_0")),
}
# and ours for the compiled kernels
KERNELS = {"linux-x64": "linux-x86_64", "windows-x64": "windows-x86_64", "macos-arm64": "macos-arm64"}
PYTHONS = tuple(sorted(path.stem.removeprefix("wheels-") for path in HERE.glob("wheels-*.txt")))
OFFICIAL = ("3.11", "3.13")  # of Blender's own builds; a distribution's has its own, for which one makes a zip oneself


def main() -> None:
    arguments = parse()
    arguments.output.mkdir(parents=True, exist_ok=True)
    builder = arguments.builder or find_builder()
    for python in arguments.python:
        of_each = (download(platform, python, arguments.wheels) for platform in arguments.platform)
        wheels = {wheel.name: wheel for found in of_each for wheel in found}
        source = stage(arguments.stage, list(wheels.values()), arguments.platform)
        build = [sys.executable, builder, "build", "--split-platforms"]
        subprocess.run([*build, "--source-dir", source, "--output-dir", arguments.output], check=True)
        for platform in arguments.platform:
            made = arguments.output / f"gioconda-{version()}-{platform.replace('-', '_')}.zip"
            package = made.replace(made.with_name(f"{made.stem}-python{python}.zip"))
            subprocess.run([sys.executable, builder, "validate", package], check=True)
            print(f"{package}: {package.stat().st_size / 1e6:.0f} MB")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the extension's zips.")
    parser.add_argument(
        "--builder", type=Path, help="bl_pkg/cli/blender_ext.py (default: a Blender's in $GIOCONDA_BPY)"
    )
    parser.add_argument("--platform", nargs="+", choices=PLATFORMS, default=list(PLATFORMS), help="default: all")
    parser.add_argument(
        "--python", nargs="+", choices=PYTHONS, default=list(OFFICIAL), help="default: those of Blender's own builds"
    )
    parser.add_argument("--wheels", type=Path, default=ROOT / "wheels", help="where downloaded wheels are kept")
    parser.add_argument("--stage", type=Path, default=ROOT / "build" / "extension", help="a folder of its own")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="where the zips go")
    return parser.parse_args()


def find_builder() -> Path:
    """Blender's builder in the first environment of $GIOCONDA_BPY that has the bpy module."""
    for folder in filter(None, os.environ.get("GIOCONDA_BPY", "").split(os.pathsep)):
        for builder in Path(folder).glob("[Ll]ib/**/bl_pkg/cli/blender_ext.py"):
            return builder
    sys.exit("Blender's builder is not here: name an environment with the bpy module in $GIOCONDA_BPY.")


def version() -> str:
    return str(tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"])


def download(platform: str, python: str, folder: Path) -> list[Path]:
    """The wheels for one platform and Python, from `folder` where they have been downloaded before."""
    requirements = HERE / f"wheels-{python}.txt"
    home = folder / f"{platform}-{python}"
    done = home / "requirements.txt"
    if not done.is_file() or done.read_bytes() != requirements.read_bytes():
        part = folder / f"{home.name}.part-{os.getpid()}"
        tags = [word for tag in PLATFORMS[platform] for word in ("--platform", tag)]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
        only = ["--only-binary=:all:", "--python-version", python, "--implementation", "cp"]
        subprocess.run([*pip, *only, *tags, "--dest", part, "--requirement", requirements], check=True)
        shutil.copy(requirements, part / done.name)
        shutil.rmtree(home, ignore_errors=True)
        part.replace(home)
    return sorted(home.glob("*.whl"))


def stage(folder: Path, wheels: list[Path], platforms: list[str]) -> Path:
    """A fresh folder with what ships and the whole manifest, for Blender's builder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wheels").mkdir(parents=True)
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "lib"))
        else:
            shutil.copy(ROOT / name, folder / name)
    compile_kernels = [sys.executable, "-m", "gioconda.native", *(KERNELS[platform] for platform in platforms)]
    made = subprocess.run(compile_kernels, cwd=ROOT / "core", check=True, capture_output=True, text=True).stdout
    (folder / "core/gioconda/native/lib").mkdir()
    for library in made.splitlines():
        shutil.copy(library, folder / "core/gioconda/native/lib")
    for wheel in wheels:
        try:
            os.link(wheel, folder / "wheels" / wheel.name)
        except OSError:  # another disk
            shutil.copy(wheel, folder / "wheels" / wheel.name)
    small = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    (folder / "blender_manifest.toml").write_text(whole_manifest(small, wheels, platforms), encoding="utf-8")
    return folder


def whole_manifest(small: str, wheels: list[Path], platforms: list[str]) -> str:
    """The manifest with platforms and wheels named; they stand before the first table, as TOML wants it."""
    top, first_table, tables = small.partition("\n[permissions]")
    names = "".join(f'  "./wheels/{name}",\n' for name in sorted(wheel.name for wheel in wheels))
    quoted = ", ".join(f'"{platform}"' for platform in platforms)
    return f"{top}platforms = [{quoted}]\nwheels = [\n{names}]\n{first_table}{tables}"


if __name__ == "__main__":
    main()
