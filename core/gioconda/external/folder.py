"""The folder with an external engine's files, and the engine.yaml beside them in which the user says what they are.

    engine: liveportrait
    licence: MIT (KwaiVGI/LivePortrait)          # on which terms the user has the files
    source: https://…                            # where they are from
    sha256: {motion_extractor.onnx: 99d4b3…, …}  # which files exactly

Files whose SHA-256 differs are refused: `gioconda engines pin` writes engine.yaml, and from then on only the files that
were there then count. Loads no networks.
"""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..errors import ModelError
from ..files import write_text
from .catalogue import HASHES_FROM, NAME, NETWORKS, PUBLISHED, TITLE, NetworkFile, check_name

FILE = "engine.yaml"
MAX_BYTES = 20_000  # what it says goes into every header
_ELSEWHERE = b"\x0a\x08location"  # an ONNX tensor whose numbers are in another file


@dataclass(frozen=True)
class Notice:
    """Whose engine it is: what is said to the user, in manifests and in every frame's header.

    Attributes:
        engine: its name.
        licence, source: the user's words.
        sha256: file → SHA-256, sorted.
    """

    engine: str
    licence: str
    source: str
    sha256: Mapping[str, str]

    def plain(self) -> dict[str, Any]:
        return {"engine": self.engine, "licence": self.licence, "source": self.source, "sha256": dict(self.sha256)}

    def digest(self) -> str:
        """A hash of which engine and which files: what pixels depend on."""
        return hashlib.sha256(json.dumps([self.engine, dict(self.sha256)], sort_keys=True).encode()).hexdigest()

    def sentence(self) -> str:
        """For people."""
        return (
            f"{TITLE} paints the frames. Its files are yours, from {self.source}; their licence, as "
            f"{FILE} states it: {self.licence}. Keeping its terms is up to you."
        )


def read_notice(folder: Path) -> Notice:
    """What engine.yaml says, once every file has proved to be the one it names.

    Raises:
        ModelError: engine.yaml is missing or cannot be used; a file is missing or is another one.
    """
    path = folder / FILE
    notice = _parsed(path, _content(path))
    for net in NETWORKS:
        if _sha256_of(_present(folder, net)) != notice.sha256[net.file]:
            raise ModelError(
                f"{folder / net.file} is not the file that {path} names (wrong SHA-256): put the right one there, or "
                "run `gioconda engines pin` again if it is meant to be another."
            )
    return notice


def pin(folder: Path, *, licence: str, source: str, engine: str | None = None) -> Notice:
    """Write engine.yaml for the files that are there now. engine: its name, where the user says one.

    Raises:
        ModelError: files are missing, or the licence or the source is not said.
        OutputError: engine.yaml cannot be written.
    """
    if engine is not None:
        check_name(engine)
    elif not any((folder / net.file).is_file() for net in NETWORKS):
        raise ModelError(f"{folder} holds no file of an engine that Gioconda can drive ({NAME}).")
    for word, text in (("licence", licence), ("source", source)):
        if not text.strip():
            raise ModelError(f"Say --{word}: every frame will carry it.")
    sha256 = {net.file: _sha256_of(_present(folder, net)) for net in NETWORKS}
    notice = Notice(NAME, licence.strip(), source.strip(), dict(sorted(sha256.items())))
    write_text(folder / FILE, yaml.safe_dump(notice.plain(), sort_keys=False, allow_unicode=True))
    return notice


def provenance_of(notice: Notice) -> dict[str, str]:
    """File → who hands on a file with the same SHA-256; "" where nobody known does."""
    return {net.file: HASHES_FROM if notice.sha256[net.file] == net.sha256 else "" for net in NETWORKS}


def _present(folder: Path, net: NetworkFile) -> Path:
    """The path of a net's file. Raises: ModelError: it is not there."""
    path = folder / net.file
    if path.is_file():
        return path
    for other, why in net.instead.items():
        if (folder / other).is_file():
            raise ModelError(f"{folder} has {other} but not {net.file}: {why}; get {net.file} from the same place.")
    raise ModelError(
        f"{folder} has no {net.file}, which {TITLE} needs: get it from {PUBLISHED} (docs/other-engines.md says how)."
    )


def _content(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is too large to be what it should be: write it with `gioconda engines pin`.")
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"{path} is missing, which says what the files are and on which terms you have them: run `gioconda engines "
            f"pin {path.parent} --licence … --source …` once."
        ) from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read: write it with `gioconda engines pin`.") from error


def _parsed(path: Path, content: Any) -> Notice:
    """Raises: ModelError."""
    if not isinstance(content, dict):
        raise ModelError(f"{path} is no list of an engine's files: write it with `gioconda engines pin`.")
    for name in ("engine", "licence", "source"):
        if not isinstance(content.get(name), str) or not content[name].strip():
            raise ModelError(f"{path} lacks “{name}”: write it with `gioconda engines pin`.")
    unknown = set(map(str, content)) - {"engine", "licence", "source", "sha256"}
    if unknown:
        raise ModelError(f"{path} has an unknown entry “{sorted(unknown)[0]}”.")
    check_name(content["engine"])
    stated = content.get("sha256")
    sha256 = stated if isinstance(stated, dict) else {}
    files = sorted(net.file for net in NETWORKS)
    for file in files:
        if not isinstance(sha256.get(file), str):
            raise ModelError(f"{path} states no SHA-256 of {file}: write it with `gioconda engines pin`.")
    return Notice(NAME, content["licence"], content["source"], {file: sha256[file].lower() for file in files})


def _sha256_of(path: Path) -> str:
    try:
        stat = path.stat()
        return _sha256_once(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read, or is empty: get it again.") from error


@lru_cache(maxsize=64)
def _sha256_once(path: Path, modified_ns: int, size: int) -> str:
    """The file's hash, computed again only when it has changed. Raises: ModelError: the hash would not cover it all."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_ELSEWHERE) >= 0:
            raise ModelError(f"{path} keeps its weights in another file, which no hash covers: save it as one file.")
        return hashlib.sha256(content).hexdigest()
