"""Whether a sequence is what its manifest says: every mismatch as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError, PictureError, SettingsError
from ..files import config_folder, file_sha256
from ..imaging.exr_read import read_header
from ..job.consent import Consent
from ..job.frame_range import FrameRange
from .keys import PUBLIC, is_signed, read_public
from .manifest import SUFFIX, canonical, frame_numbers, read_manifest

MEDIA = (".mp4", ".png", ".mov", ".webp")


@dataclass
class Findings:
    """What was found in a folder."""

    folder: Path
    sequences: list[dict[str, Any]] = field(default_factory=list)  # of each: manifest, frames, signer, consent
    problems: list[str] = field(default_factory=list)  # what does not fit: sentences
    notes: list[str] = field(default_factory=list)  # what is worth knowing


def verify(
    folder: Path, *, key: str | None = None, own: str | None = None, files: Mapping[str, Path] | None = None
) -> Findings:
    """Check every sequence of a folder against its manifest, and the content credentials of videos and pictures.

    Args:
        key: the public key (base64) that must have signed; None: any key.
        own: this user's public key, to say so.
        files: "portrait" and "motion": files that the sequences must have been made from.

    Raises: InputError: the folder holds no manifest.
    """
    found = Findings(folder)
    manifests = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not manifests:
        raise InputError(f"There is no manifest (*{SUFFIX}) in {folder}; name the folder that holds the frames.")
    for path in manifests:
        _check_sequence(path, found, key, own, files or {})
    _check_media(folder, found)
    return found


def _check_sequence(path: Path, found: Findings, key: str | None, own: str | None, files: Mapping[str, Path]) -> None:
    try:
        manifest, signature = read_manifest(path)
        present = frame_numbers(manifest["pattern"], path.parent)
    except (InputError, SettingsError) as error:
        found.problems.append(str(error))
        return
    signer = _check_signature(path, manifest, signature, found, key, own)
    listed = {int(number): entry for number, entry in manifest["frames"].items()}
    missing = [number for number, entry in listed.items() if entry["file"] not in present]
    unlisted = [number for name, number in present.items() if name not in {e["file"] for e in listed.values()}]
    changed, mismatched = [], []
    for number, entry in listed.items():
        if entry["file"] not in present:
            continue
        frame = path.parent / entry["file"]
        if file_sha256(frame, OutputError) != entry["sha256"]:
            changed.append(number)
        elif not _header_fits(frame, number, manifest):
            mismatched.append(number)
    for numbers, what in (
        (missing, "in the manifest but not in the folder"),
        (unlisted, "in the folder but not in the manifest"),
        (changed, "not as when the manifest was signed"),
        (mismatched, "made from another picture than the manifest says, or is another frame"),
    ):
        if numbers:
            found.problems.append(f"{path.name}: {_frames(numbers)} {what}.")
    for what, file in files.items():
        if file_sha256(file, OutputError) != manifest.get("source" if what == "portrait" else what):
            found.problems.append(
                f"{path.name}: the sequence was not made from {file}, or that file has changed since."
            )
    found.sequences.append(
        {
            "manifest": str(path),
            "frames": FrameRange.format(listed),
            "signer": signer,
            "consent": _check_statement(path, manifest, found),
            "software": manifest.get("software"),
        }
    )


def _check_signature(
    path: Path,
    manifest: Mapping[str, Any],
    signature: Mapping[str, Any] | None,
    found: Findings,
    key: str | None,
    own: str | None,
) -> str | None:
    """Whose signature it is (base64 of the public key), None where there is none that holds."""
    if not signature:
        found.problems.append(f"{path.name}: nobody signed it, so anybody may have written it.")
        return None
    public = str(signature.get("public_key"))
    if not is_signed(canonical(manifest), str(signature.get("value")), public):
        found.problems.append(f"{path.name}: the signature does not fit: it was changed after it was signed.")
        return None
    if key is not None and public != key:
        found.problems.append(f"{path.name}: it was signed with another key ({public[:12]}…) than the one given.")
    elif key is None:
        whose = "your own key" if public == own else "a key not known here; --key FILE says whose it must be"
        found.notes.append(f"{path.name}: signed with {public[:12]}…, {whose}.")
    return public


def _check_statement(path: Path, manifest: Mapping[str, Any], found: Findings) -> dict[str, str] | None:
    try:
        consent = Consent.from_plain(manifest.get("consent") or {}, source=path.name)
    except SettingsError:
        found.problems.append(f"{path.name}: it does not say who has the right to animate the portrait.")
        return None
    found.notes.append(f"{path.name}: {consent.sentence()}")
    return consent.plain()


def _header_fits(frame: Path, number: int, manifest: Mapping[str, Any]) -> bool:
    """Whether a frame's own header says what the manifest says."""
    try:
        header = read_header(frame)
    except PictureError:
        return False
    source = str(header.get("gioconda:source") or "")
    return source == (manifest.get("source") or "") and header.get("imageCounter") == number


def _check_media(folder: Path, found: Findings) -> None:
    """The content credentials of videos and pictures, where the library is installed."""
    media = sorted(path for path in folder.iterdir() if path.suffix.lower() in MEDIA)
    if not media:
        return
    if not find_spec("c2pa"):
        found.notes.append("Content credentials of videos and pictures were not checked: pip install gioconda[c2pa].")
        return
    from .credentials import read

    without = []
    for path in media:
        try:
            credentials = read(path)
        except OutputError as error:
            found.problems.append(str(error))
            continue
        if credentials is None:
            without.append(path.name)
        elif credentials.get("validation_state") not in ("Valid", "Trusted"):
            found.problems.append(f"{path.name} was changed after it was given its content credentials.")
    if without:
        more = f" and {len(without) - 3} more" if len(without) > 3 else ""
        found.notes.append(f"Without content credentials: {', '.join(without[:3])}{more}.")


def _frames(numbers: list[int]) -> str:
    several = len(numbers) > 1
    return f"frame{'s' if several else ''} {FrameRange.format(numbers)} {'are' if several else 'is'}"


def check_folder(folder: Path, *, key: Path | None, files: Mapping[str, Path]) -> dict[str, Any]:
    """`verify` with keys in files. Returns what was found, as plain data. Raises: InputError: all that does not fit."""
    own = config_folder()
    own_key = own / PUBLIC if own else None
    found = verify(
        folder,
        key=read_public(key) if key else None,
        files=files,
        own=read_public(own_key) if own_key and own_key.is_file() else None,
    )
    if found.problems:
        raise InputError(" ".join(found.problems))
    sequences = [f"{Path(one['manifest']).name}: frames {one['frames']}" for one in found.sequences]
    text = "\n".join([*sequences, *found.notes, "Everything fits."])
    return {"sequences": found.sequences, "notes": found.notes, "text": text}
