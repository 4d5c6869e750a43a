"""The provenance of a finished sequence: the signed manifest, content credentials in videos and pictures."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import GiocondaError, OutputError
from ..external.folder import read_notice
from ..files import config_folder, file_sha256
from ..imaging.exr import COMPOSITE_SYNTHETIC, COMPOSITE_WITH_NETWORK, STATEMENT
from ..job.fingerprint import pixel_settings
from ..job.frame_range import FramePattern
from ..job.job import REST, TAKE, Job
from ..models import load_registry
from ..worker.messages import Log, Report, Warn
from .manifest import Media, PreviousManifest, manifest_path, read_previous, write_manifest

OF_MANIFESTS = ("gioconda_manifest", "pattern", "media", "frames")  # all else in a manifest are facts


def sign_sequence(job: Job, numbers: Sequence[int], source_sha256: str, report: Report) -> Path:
    """Write the manifest of a job's frames, signed, and give its videos and pictures content credentials.

    A key that cannot be used is reported and leaves the manifest unsigned; the frames are kept all the same.

    Raises: OutputError: the manifest cannot be written.
    """
    pattern, signer = FramePattern.parse(job.output), _signer(job.keys, report)
    facts = facts_of(job, source_sha256)
    previous = read_previous(job.output, signer) if signer else None
    digests = {
        number: (previous.digest(number, path) if previous else None) or file_sha256(path, OutputError)
        for number in numbers
        if (path := pattern.path(number)).is_file()
    }
    media = [Path(path) for path in (job.review, job.sheet) if path]
    media += [pattern.path(number).with_suffix(".png") for number in numbers] if job.png else []
    made = add_credentials(job.keys, media, facts, report)
    return write_manifest(job.output, facts, digests, signer=signer, previous=previous, media=made)


def signed_before(job: Job) -> PreviousManifest | None:
    """What this user signed of a job's frames before, None where nothing is to be had."""
    if not manifest_path(job.output).is_file():
        return None
    signer = _signer(job.keys, lambda message: None)
    return read_previous(job.output, signer) if signer else None


def sign_delivered(output: str, made: Sequence[Path], keys: str | None, report: Report) -> None:
    """Give files made of finished frames the content credentials that the frames' manifest speaks of, and list them
    there. Only where this user signed the frames; else it is told why not. Raises: OutputError."""
    signer = _signer(keys, report)
    previous = read_previous(output, signer) if signer else None
    if previous is None:
        report(Log("The files are not in the frames' manifest: it is not signed with your key (--keys names another)."))
        return
    facts = {name: value for name, value in previous.manifest.items() if name not in OF_MANIFESTS}
    media = add_credentials(keys, made, facts, report)
    frames = {int(number): str(entry["sha256"]) for number, entry in previous.manifest["frames"].items()}
    write_manifest(output, facts, frames, signer=signer, previous=previous, media=media)


def facts_of(job: Job, source_sha256: str) -> dict[str, Any]:
    """What the manifest says of a whole sequence: plain data. Raises: OutputError: the motion cannot be read."""
    models = load_registry(job.models)
    return {
        "software": f"Gioconda {__version__}",
        "statement": STATEMENT,
        "digital_source_type": source_type(job),
        "consent": dict(consents) if (consents := job.consents()) else None,
        "source": source_sha256,
        "motion": _motion_of(job),
        "settings": json.loads(json.dumps(pixel_settings(job))),  # as it is read back: lists, no tuples
        "models": {name: model.sha256 for name, model in models.items()},
        **({"engine": read_notice(Path(job.engine)).plain()} if job.engine else {}),
    }


def _motion_of(job: Job) -> Any:
    """A motion by its SHA-256, a built-in one by its name; those of several persons by the persons' numbers."""
    if job.persons:
        return {f"person {one.face}": _motion_of(one) for one in job.of_persons()}
    return job.motion if job.motion in (TAKE, REST) else file_sha256(Path(job.motion), OutputError)


def source_type(job: Job) -> str:
    """What the frames are in IPTC's words; of a job whose networks are resolved."""
    return COMPOSITE_SYNTHETIC if job.engine is None and job.neural == "off" else COMPOSITE_WITH_NETWORK


def add_credentials(keys: str | None, media: Sequence[Path], facts: Mapping[str, Any], report: Report) -> Media:
    """Content credentials for the videos and pictures that are there, by the certificate in the folder `keys`; what
    prevents them is reported. Returns what a manifest says of the files."""
    media = [path for path in media if path.is_file()]
    given, anchor = _attached(keys, media, facts, report) if media else ((), None)
    return Media(anchor, {path: None if path in given else file_sha256(path, OutputError) for path in media})


def _attached(
    keys: str | None, media: Sequence[Path], facts: Mapping[str, Any], report: Report
) -> tuple[Collection[Path], str | None]:
    """The files that were given content credentials, and the certificate (PEM) above the one that signed them."""
    folder, given = _folder(keys), set[Path]()
    if folder is None or not find_spec("c2pa"):
        report(Log("Videos and pictures carry no content credentials: pip install gioconda[c2pa] adds them."))
        return given, None
    from .credentials import attach
    from .keys import open_certificate

    anchor = None
    try:
        certificate = open_certificate(folder)
        anchor = certificate.anchor
        for path in media:
            if attach(path, facts, certificate):
                given.add(path)
    except GiocondaError as error:
        report(Warn(f"Content credentials are missing. {error}"))
    return given, anchor if given else None


def _folder(keys: str | None) -> Path | None:
    return Path(keys) if keys else config_folder()


def _signer(keys: str | None, report: Report) -> Any | None:
    """The key in the folder `keys` or the user's, None where there can be none."""
    folder = _folder(keys)
    if folder is None or not find_spec("cryptography"):
        report(Log("The manifest is not signed: cryptography is not installed, or there is no folder for a key."))
        return None
    from .keys import open_signer

    try:
        return open_signer(folder)
    except GiocondaError as error:
        report(Warn(f"The manifest is not signed. {error}"))
        return None
