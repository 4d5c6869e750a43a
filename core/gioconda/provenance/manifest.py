"""The signed list beside a sequence: what it was made from, under which statement, and every frame's hash.

    out/hero.####.exr  →  out/hero.gioconda.json  {"manifest": {…}, "signature": {"algorithm", "public_key", "value"}}

The manifest's "media", where there are any, binds videos and pictures of this folder to the frames: {"anchor": the
certificate (PEM) under which their content credentials were signed, or null, "files": {name: null, or the SHA-256 of a
file without credentials}}.

No dates and no machine names: the same frames and key give the same file. Signed is the manifest as JSON with sorted
keys and no spaces, UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import read_regular, write_text
from ..job.frame_range import FramePattern

VERSION = 1
SUFFIX = ".gioconda.json"
MAX_BYTES = 200_000_000  # a million frames
_NUMBER = re.compile("-?[0-9]{1,12}")
_NAME = re.compile(r"[^/\\\0]+")  # of a file, no path


def manifest_path(output: str) -> Path:
    """Where the manifest of a sequence is, from its frames' pattern."""
    pattern = FramePattern.parse(output)
    first = pattern.path(0)
    stem = Path(pattern.before).name if not pattern.before.endswith(("/", "\\")) else ""
    return first.with_name((stem.rstrip("._- ") or "sequence") + SUFFIX)


@dataclass(frozen=True)
class Media:
    """Videos and pictures made of a sequence, as its manifest lists them."""

    anchor: str | None  # the certificate (PEM) under which their content credentials were signed
    files: Mapping[Path, str | None]  # None for a file with content credentials, else its SHA-256


@dataclass(frozen=True)
class PreviousManifest:
    """The manifest of an earlier run, signed with the same key."""

    manifest: Mapping[str, Any]
    written_ns: int  # when

    def digest(self, number: int, path: Path) -> str | None:
        """A frame's SHA-256, if it is listed and its file has not been written since."""
        entry = self.manifest["frames"].get(str(number))
        fits = entry and entry["file"] == path.name and path.stat().st_mtime_ns < self.written_ns
        return str(entry["sha256"]) if fits else None


def read_previous(output: str, signer: Any) -> PreviousManifest | None:
    """The manifest on disk, if this very key (a `keys.Signer`) signed it."""
    from .keys import is_signed

    path = manifest_path(output)
    try:
        manifest, signature = read_manifest(path)
        written = path.stat().st_mtime_ns
    except (InputError, OSError):
        return None
    if not signature or signature.get("public_key") != signer.public:
        return None
    if not is_signed(canonical(manifest), str(signature.get("value")), signer.public):
        return None
    return PreviousManifest(manifest, written)


def write_manifest(
    output: str,
    facts: Mapping[str, Any],
    frames: Mapping[int, str],
    *,
    signer: Any | None,
    previous: PreviousManifest | None,
    media: Media | None = None,
) -> Path:
    """Write the manifest of the frames (number → SHA-256), signed by a `keys.Signer`. `facts`: plain data.

    Frames and media that a previous manifest with the same facts lists, and that are still there, stay listed.

    Raises: OutputError.
    """
    path, pattern = manifest_path(output), FramePattern.parse(output)
    listed = {number: {"file": pattern.path(number).name, "sha256": digest} for number, digest in frames.items()}
    given = media or Media(None, {})
    anchor, home = given.anchor, path.absolute().parent
    files = {file.name: digest for file, digest in given.files.items() if file.absolute().parent == home}
    if previous and all(previous.manifest.get(name) == value for name, value in facts.items()):
        known = previous.manifest.get("media") or {"anchor": None, "files": {}}
        files = {name: value for name, value in known["files"].items() if path.with_name(name).is_file()} | files
        anchor = anchor or known["anchor"]
        for number, entry in ((int(n), entry) for n, entry in previous.manifest["frames"].items()):
            if entry["file"] == pattern.path(number).name and pattern.path(number).is_file():
                listed.setdefault(number, entry)
    manifest = {
        "gioconda_manifest": VERSION,
        "pattern": Path(output).name,
        **facts,
        **({"media": {"anchor": anchor, "files": dict(sorted(files.items()))}} if files else {}),
        "frames": {str(number): listed[number] for number in sorted(listed)},
    }
    signature = None
    if signer is not None:
        value = signer.sign(canonical(manifest))
        signature = {"algorithm": "Ed25519", "public_key": signer.public, "value": value}
    write_text(path, json.dumps({"manifest": manifest, "signature": signature}, indent=1, ensure_ascii=False) + "\n")
    return path


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """The bytes that are signed."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_manifest(path: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A manifest and its signature as plain data; only the shape is checked. Raises: InputError."""
    try:
        content = read_regular(path, MAX_BYTES)
        if len(content) > MAX_BYTES:
            raise InputError(f"{path} is too large for a manifest.")
        data = json.loads(content.decode())
    except OSError as error:
        raise InputError(f"The manifest {path} cannot be read: {error.strerror}; check the path.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no manifest: it is not JSON; render the sequence again.") from error
    parts = data if isinstance(data, dict) else {}
    manifest, signature = parts.get("manifest"), parts.get("signature")
    if not isinstance(manifest, dict) or not _is_shaped(manifest) or not isinstance(signature, dict | None):
        raise InputError(f"{path} is no manifest of Gioconda's (version {VERSION}); render the sequence again.")
    return manifest, signature


def _is_shaped(manifest: dict[str, Any]) -> bool:
    frames = manifest.get("frames")
    return (
        manifest.get("gioconda_manifest") == VERSION
        and isinstance(manifest.get("pattern"), str)
        and isinstance(frames, dict)
        and all(_is_frame(number, entry) for number, entry in frames.items())
        and _are_media(manifest.get("media", {"anchor": None, "files": {}}))
    )


def _are_media(data: Any) -> bool:
    files = data.get("files") if isinstance(data, dict) else None
    return (
        isinstance(files, dict)
        and isinstance(data.get("anchor"), str | None)
        and all(_NAME.fullmatch(name) and isinstance(digest, str | None) for name, digest in files.items())
    )


def _is_frame(number: str, entry: Any) -> bool:
    return (
        _NUMBER.fullmatch(number) is not None
        and isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("file"), str)
        and _NAME.fullmatch(entry["file"]) is not None
    )


def frame_numbers(pattern: str, folder: Path) -> dict[str, int]:
    """The files of a folder whose names belong to a pattern (####.exr), with their numbers."""
    parsed = FramePattern.parse(pattern)
    shape = re.compile(re.escape(parsed.before) + rf"(-?)(\d{{{parsed.digits},12}})" + re.escape(parsed.after))
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return {name: int(match[1] + match[2]) for name in names if (match := shape.fullmatch(name))}
