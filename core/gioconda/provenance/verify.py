"""Whether a sequence is what its manifest says: every mismatch as a sentence."""

from __future__ import annotations

import hashlib
import os
import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError, SettingsError
from ..files import config_folder, file_sha256, open_regular
from ..imaging.exr_read import header_attributes
from ..job.consent import Consent
from ..job.frame_range import FrameRange
from .keys import PUBLIC, is_signed, read_public
from .manifest import SUFFIX, canonical, frame_numbers, read_manifest

MEDIA = (".mp4", ".png", ".mov", ".webp")
BOUND = ("source", "motion", "consent")  # what credentials say as the manifest does
KNOWN_KEYS = "known_keys"  # a folder in the user's settings: NAME.pub of people whose signatures are believed


@dataclass
class Findings:
    """What was found in a folder."""

    folder: Path
    sequences: list[dict[str, Any]] = field(default_factory=list)  # of each: manifest, frames, signer, consent
    problems: list[str] = field(default_factory=list)  # what does not fit: sentences
    notes: list[str] = field(default_factory=list)  # what is worth knowing
    unchecked: list[str] = field(default_factory=list)  # videos and pictures of which nothing is known


def verify(
    folder: Path,
    *,
    key: str | None = None,
    known: Mapping[str, str] | None = None,
    files: Mapping[str, Path] | None = None,
) -> Findings:
    """Check every sequence of a folder against its manifest, and the videos and pictures beside the frames.

    Args:
        key: the public key (base64) that must have signed; None: any that is known.
        known: public key (base64) → whose it is, for people.
        files: "portrait" and "motion": files that the sequences must have been made from.

    Raises: InputError: the folder holds no manifest.
    """
    found = Findings(folder)
    manifests = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not manifests:
        raise InputError(f"There is no manifest (*{SUFFIX}) in {folder}; name the folder that holds the frames.")
    sequences = [_check_sequence(path, found, key, known or {}, files or {}) for path in manifests]
    _check_media(folder, [manifest for manifest in sequences if manifest], found)
    return found


def _check_sequence(
    path: Path, found: Findings, key: str | None, known: Mapping[str, str], files: Mapping[str, Path]
) -> Mapping[str, Any] | None:
    """Returns the manifest, None where there is none to be had."""
    try:
        manifest, signature = read_manifest(path)
        present = frame_numbers(manifest["pattern"], path.parent)
    except (InputError, SettingsError) as error:
        found.problems.append(str(error))
        return None
    signer = _check_signature(path, manifest, signature, found, key, known)
    listed = {int(number): entry for number, entry in manifest["frames"].items()}
    names = {entry["file"] for entry in listed.values()}
    states: defaultdict[str, list[int]] = defaultdict(list)
    states["unlisted"] = [number for name, number in present.items() if name not in names]
    source = str(manifest.get("source") or "").encode()
    for number, entry in listed.items():
        frame = path.parent / entry["file"]
        states[_state(frame, number, entry["sha256"], source) if entry["file"] in present else "missing"].append(number)
    for state, what in _STATES.items():
        if states[state]:
            found.problems.append(f"{path.name}: {_frames(states[state])} {what}.")
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
    return manifest


_STATES = {
    "missing": "in the manifest but not in the folder",
    "unlisted": "in the folder but not in the manifest",
    "changed": "not as when the manifest was signed",
    "foreign": "made from another picture than the manifest says, or is another frame",
}


def _state(frame: Path, number: int, sha256: str, source: bytes) -> str:
    """One of `_STATES`, "" where the frame is the one that was signed and its own header says the same."""
    try:
        with open_regular(frame) as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return "changed"
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            header = header_attributes(file, size)
    except OSError:
        return "changed"
    except (ValueError, struct.error):
        return "foreign"
    fits = header.get("gioconda:source", b"") == source and header.get("imageCounter") == struct.pack("<i", number)
    return "" if fits else "foreign"


def _check_signature(
    path: Path,
    manifest: Mapping[str, Any],
    signature: Mapping[str, Any] | None,
    found: Findings,
    key: str | None,
    known: Mapping[str, str],
) -> str | None:
    """Whose signature it is (base64 of the public key), None where there is none that holds."""
    if not signature:
        found.problems.append(f"{path.name}: nobody signed it, so anybody may have written it.")
        return None
    public = str(signature.get("public_key"))
    if not is_signed(canonical(manifest), str(signature.get("value")), public):
        found.problems.append(f"{path.name}: the signature does not fit: it was changed after it was signed.")
        return None
    if key is not None:
        if public != key:
            found.problems.append(f"{path.name}: it was signed with another key ({public[:12]}…) than the one given.")
    elif public in known:
        found.notes.append(f"{path.name}: signed with {public[:12]}…, {known[public]}.")
    else:
        found.problems.append(
            f"{path.name}: it was signed with {public[:12]}…, a key not known here, so anybody may have signed it: "
            f"--key FILE says whose it must be; a key in the folder {KNOWN_KEYS} of your settings is known."
        )
    return public


def _check_statement(path: Path, manifest: Mapping[str, Any], found: Findings) -> dict[str, Any] | None:
    """The statement; of a picture that shows several driven people, one for each: “person 1” → statement."""
    said = manifest.get("consent") or {}
    group = isinstance(said, Mapping) and bool(said) and all(name.startswith("person ") for name in said)
    try:
        stated = {
            name: Consent.from_plain(one, source=path.name) for name, one in (said if group else {"": said}).items()
        }
    except SettingsError:
        found.problems.append(f"{path.name}: it does not say who has the right to animate the portrait.")
        return None
    for name, consent in stated.items():
        found.notes.append(f"{path.name}: {name + ': ' if name else ''}{consent.sentence()}")
    plain = {name: consent.plain() for name, consent in stated.items()}
    return plain if group else plain[""]


def _check_media(folder: Path, manifests: Sequence[Mapping[str, Any]], found: Findings) -> None:
    """The videos and pictures beside the frames: those that a manifest lists are what it says, and content credentials
    speak of a sequence of this folder, signed under the same certificate as its own."""
    listed: dict[str, tuple[Mapping[str, Any], str | None]] = {}
    for manifest in manifests:
        files = manifest.get("media", {}).get("files", {})
        listed |= {name: (manifest, digest) for name, digest in files.items()}
    there = {path.name: path for path in sorted(folder.iterdir()) if path.name in listed or path.suffix in MEDIA}
    gone = [name for name in listed if name not in there]
    unsure: list[str] = []
    without: list[str] = []
    for name, path in there.items():
        entry = listed.get(name)
        if entry and (digest := entry[1]) is not None:
            if not path.is_file() or file_sha256(path, OutputError) != digest:
                found.problems.append(f"{name} is not as when the manifest was signed.")
        elif not find_spec("c2pa"):
            unsure.append(name)
        else:
            problem = _problem_of(path, entry[0] if entry else None, manifests)
            if problem == WITHOUT:
                without.append(name)
            elif problem:
                found.problems.append(f"{name} {problem}")
    if unsure:
        found.notes.append("Content credentials of videos and pictures were not checked: pip install gioconda[c2pa].")
    if gone:
        found.notes.append(f"Not there any more: {_some(gone)}.")
    if without:
        found.notes.append(f"In no manifest, without content credentials that it vouches for: {_some(without)}.")
    found.unchecked = [*unsure, *without]


WITHOUT = "without"


def _problem_of(path: Path, listed_by: Mapping[str, Any] | None, manifests: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with the content credentials of a file, "" where nothing is; WITHOUT where nobody vouches for it.

    `listed_by`: the manifest that says it was given some; None: any of this folder's may be the one they speak of."""
    from .credentials import facts_in, read

    candidates = [listed_by] if listed_by else manifests
    anchors = {str(anchor) for one in candidates if (anchor := one.get("media", {}).get("anchor"))}
    try:
        said = read(path, "\n".join(sorted(anchors)) or None)
    except OutputError as error:
        return f"cannot be checked. {error}"
    if said is None:
        return "has lost its content credentials, or is another file." if listed_by else WITHOUT
    if said.get("validation_state") not in ("Valid", "Trusted"):
        return "was changed after it was given its content credentials."
    facts = facts_in(said)
    if not any(all(facts.get(name) == one.get(name) for name in BOUND) for one in candidates):
        return "was made from another picture or motion, or under another statement, than the sequence."
    if anchors and said["validation_state"] != "Trusted":
        return "carries content credentials that somebody else signed."
    return "" if anchors else WITHOUT


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _frames(numbers: list[int]) -> str:
    several = len(numbers) > 1
    return f"frame{'s' if several else ''} {FrameRange.format(numbers)} {'are' if several else 'is'}"


def check_folder(folder: Path, *, key: Path | None, files: Mapping[str, Path]) -> dict[str, Any]:
    """`verify` with keys in files. Returns what was found, as plain data. Raises: InputError: all that does not fit."""
    found = verify(folder, key=read_public(key) if key else None, files=files, known=known_keys(config_folder()))
    if found.problems:
        raise InputError(" ".join(found.problems))
    sequences = [f"{Path(one['manifest']).name}: frames {one['frames']}" for one in found.sequences]
    verdict = "The frames fit; not everything else could be checked." if found.unchecked else "Everything fits."
    text = "\n".join([*sequences, *found.notes, verdict])
    return {"sequences": found.sequences, "notes": found.notes, "text": text}


def known_keys(settings: Path | None) -> dict[str, str]:
    """Public keys (base64) that this user knows → whose they are: their own, and those they put into `KNOWN_KEYS`."""
    if settings is None:
        return {}
    files = {path: f"{path.stem}'s key" for path in sorted((settings / KNOWN_KEYS).glob("*.pub"))}
    if (settings / PUBLIC).is_file():
        files[settings / PUBLIC] = "your own key"
    return {read_public(path): whose for path, whose in files.items()}
