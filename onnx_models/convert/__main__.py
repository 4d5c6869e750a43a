"""Convert MediaPipe's networks again and compare them with the hashes in models.yaml. `make models` runs it.

    python -m onnx_models.convert [--wheel FILE] [--originals FOLDER] [--output FOLDER] [--pin]

After a deliberate change of the converter, `--pin` replaces the files and their hashes here; run it with two releases
of the package onnx: the second must not change anything.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from gioconda.errors import ModelError

from .convert import convert
from .wheel import Package, download_wheel, read_asset, read_wheel

MODELS = Path(__file__).resolve().parents[1]
LIST = MODELS / "models.yaml"
NOTICE = """\
The networks in this folder that models.yaml names as converted were taken from {name} {version}
and, where models.yaml gives an address, from MediaPipe's published assets, and converted to ONNX by Gioconda; the
weights are unchanged. Their licence follows.

"""


def main(words: list[str] | None = None) -> int:
    """0 where every file came out as models.yaml has it, or was pinned."""
    parser = argparse.ArgumentParser(prog="python -m onnx_models.convert", description=str(__doc__).splitlines()[0])
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="MediaPipe's wheel (default: pip downloads it)")
    parser.add_argument(
        "--originals", type=Path, metavar="FOLDER", help="networks that are not in the wheel (default: downloaded)"
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="keep what was made here (default: nothing)")
    parser.add_argument("--pin", action="store_true", help="replace the files in onnx_models and their hashes")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="gioconda-models-") as temporary:
        try:
            made = build(arguments.wheel, Path(temporary), arguments.originals)
        except ModelError as error:
            print(error, file=sys.stderr)
            return 1
    folder = MODELS if arguments.pin else arguments.output
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            (folder / name).write_bytes(content)
    if arguments.pin:
        LIST.write_text(pinned(LIST.read_text(encoding="utf-8"), made), encoding="utf-8")
    listed = {entry["file"]: entry["sha256"] for entry in converted()}
    same = {name: sha256(made[name]) == expected for name, expected in listed.items()}
    for name, is_same in same.items():
        print(f"{name}: {len(made[name])} bytes, {'as models.yaml has it' if is_same else 'DIFFERS from models.yaml'}")
    return 0 if all(same.values()) else 1


def build(wheel: Path | None, temporary: Path, originals: Path | None = None) -> dict[str, bytes]:
    """File name → content of every converted network, and the licence notice that goes with them.

    Args:
        wheel: MediaPipe's; None: it is downloaded into `temporary`.
        originals: a folder with the networks that are not in the wheel; None: they are downloaded.

    Raises:
        ModelError: the wheel cannot be had or is another one.
    """
    package = Package(**yaml.safe_load(LIST.read_text(encoding="utf-8"))["package"])
    entries = converted()
    wanted = [package.licence_file, *(entry["source"] for entry in entries if "url" not in entry)]
    found = read_wheel(wheel or download_wheel(package, temporary), package, wanted)
    found |= {entry["source"]: read_asset(entry, originals) for entry in entries if "url" in entry}
    made = {"NOTICE-mediapipe": NOTICE.format(**vars(package)).encode() + found[package.licence_file]}
    for entry in entries:
        made[entry["file"]] = convert(found[entry["source"]], entry)
    return made


def converted() -> list[dict[str, Any]]:
    """The entries of models.yaml that say what they are converted from."""
    return [entry for entry in yaml.safe_load(LIST.read_text(encoding="utf-8"))["models"] if "source" in entry]


def pinned(text: str, made: dict[str, bytes]) -> str:
    """The text of models.yaml with the hashes of what was made."""
    for file, content in made.items():
        entry = re.compile(rf"(    file: {re.escape(file)}\n(?:    .*\n)*?    sha256: ).*")
        text = entry.sub(rf"\g<1>{sha256(content)}", text)
    return text


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
