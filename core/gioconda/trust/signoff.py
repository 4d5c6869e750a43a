"""What is done with a sequence once its frames are there: the signed manifest, content credentials. One function."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ..errors import GiocondaError
from ..exr_read import read_header
from ..models import load_registry
from ..protocol import Job, Log, Report, Warn
from ..sequence import FramePattern
from .home import config_folder
from .manifest import facts_of, sha256_of, write_manifest


def sign_off(job: Job, numbers: Sequence[int], report: Report) -> Path | None:
    """Write the manifest of a job's frames, signed, and give its videos and pictures content credentials.

    A key that cannot be used is told and leaves the manifest unsigned: frames are worth more than a signature.

    Raises:
        OutputError: the manifest cannot be written.
    """
    if not numbers:
        return None
    pattern = FramePattern.parse(job.output)
    models = load_registry(Path(job.models) if job.models else None).models
    facts = facts_of(
        read_header(pattern.path(numbers[0])), job.consent, {name: model.sha256 for name, model in models.items()}
    )
    folder = Path(job.keys) if job.keys else config_folder()
    digests = {number: sha256_of(pattern.path(number)) for number in numbers}
    path = write_manifest(job.output, facts, digests, _signer(folder, report))
    looks = [Path(look) for look in (job.review, job.sheet) if look]
    looks += [pattern.path(number).with_suffix(".png") for number in numbers] if job.png else []
    if looks:
        _credentials(folder, looks, facts, report)
    return path


def _signer(folder: Path | None, report: Report) -> object | None:
    if folder is None or not find_spec("cryptography"):
        report(Log("The manifest is not signed: there is no folder for a key, or cryptography is not installed."))
        return None
    from .keys import open_signer

    try:
        return open_signer(folder)
    except GiocondaError as error:
        report(Warn(f"The manifest is not signed. {error}"))
        return None


def _credentials(folder: Path | None, looks: Sequence[Path], facts: dict[str, object], report: Report) -> None:
    if folder is None or not (find_spec("c2pa") and find_spec("cryptography")):
        report(Log("Videos and pictures carry no content credentials: pip install gioconda[c2pa] adds them."))
        return
    from .credentials import attach
    from .keys import open_certificate

    try:
        certificate = open_certificate(folder)
        for look in looks:
            if look.is_file():
                attach(look, facts, certificate)
    except GiocondaError as error:
        report(Warn(f"Content credentials are missing. {error}"))
