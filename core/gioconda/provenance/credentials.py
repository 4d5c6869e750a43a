"""C2PA content credentials in videos and pictures (MP4, PNG …). The only file that imports `c2pa`.

They say to whoever opens the file that it is synthetic media, made by Gioconda from a still picture, under which
statement. Specification: https://spec.c2pa.org . No time stamp is asked for: that would be a call over the network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import c2pa

from .. import __version__
from ..errors import OutputError
from ..files import open_regular, whole_file
from ..imaging.exr import STATEMENT
from .keys import Certificate

KINDS = {".mp4": "video/mp4", ".png": "image/png", ".mov": "video/quicktime", ".webp": "image/webp"}
ASSERTION = "org.gioconda.job"
# no thumbnails: they would double a small picture; nothing is fetched
_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
_ABOUT = {"name": "Gioconda", "version": __version__}


def attach(path: Path, facts: Mapping[str, Any], certificate: Certificate) -> bool:
    """Put content credentials into a file, in place; it is whole at every moment. False: not a kind that carries them.

    `facts`: what a manifest says of the job (`sign.facts_of`). Raises: OutputError: the file cannot be read or written,
    the certificate does not suit.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        return False
    try:
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(certificate.algorithm, certificate.chain, certificate.key, None)
        )
        with signer, _context() as context, whole_file(path) as part:
            builder = c2pa.Builder(json.dumps(_claim(path, facts)), context=context)
            with path.open("rb") as source, part.open("wb+") as signed:
                builder.sign(signer, kind, source, signed)
            part.chmod(path.stat().st_mode & 0o777)
    except (c2pa.C2paError, OSError) as error:
        raise OutputError(f"{path} cannot be given content credentials: {error}.") from error
    return True


def _context(anchor: str | None = None) -> Any:
    trust = {"trust": {"trust_anchors": anchor}} if anchor else {}
    return c2pa.Context(settings=c2pa.Settings.from_dict({**_SETTINGS, **trust}))


def _claim(path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "claim_generator_info": [_ABOUT],
        "title": path.name,
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "digitalSourceType": facts["digital_source_type"],
                            "softwareAgent": _ABOUT,
                            "description": STATEMENT,
                        }
                    ]
                },
            },
            {"label": ASSERTION, "data": dict(facts)},
        ],
    }


def read(path: Path, anchor: str | None = None) -> dict[str, Any] | None:
    """A file's content credentials (C2PA's own JSON), None where it has none. Their "validation_state" is "Valid"
    for a file not changed since, "Trusted" where it was signed under the certificate `anchor` (PEM), too.

    Raises: OutputError: they cannot be read.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        return None
    try:
        with (
            open_regular(path) as file,
            _context(anchor) as context,
            c2pa.Reader(kind, file, context=context) as reader,
        ):
            found: dict[str, Any] = json.loads(reader.json())
            return found
    except c2pa.C2paError.ManifestNotFound:
        return None
    except (c2pa.C2paError, OSError, ValueError) as error:
        raise OutputError(f"The content credentials of {path} cannot be read: {error}.") from error


def facts_in(credentials: Mapping[str, Any]) -> Mapping[str, Any]:
    """What credentials say of the job: `sign.facts_of` when they were made; {} where they are not ours."""
    active = credentials.get("manifests", {}).get(credentials.get("active_manifest"), {})
    told = (one.get("data") for one in active.get("assertions", ()) if one.get("label") == ASSERTION)
    facts = next(told, None)
    return facts if isinstance(facts, dict) else {}
