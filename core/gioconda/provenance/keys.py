"""The key that signs what this user makes: Ed25519, made on first use. The only file that imports `cryptography`.

    folder/signing_key.pem    the private key (PKCS 8), readable by its owner only
    folder/signing_key.pub    the public key (PEM), to give to whoever checks signatures
    folder/credentials.pem    for content credentials (C2PA): a private key, its certificate and those above it (PEM)

A studio puts its own files there. A certificate made here proves that what it signed was not changed since, not who
signed: nobody vouches for it.
"""

from __future__ import annotations

import base64
import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..errors import InputError, OutputError
from ..files import unwritable

PRIVATE, PUBLIC = "signing_key.pem", "signing_key.pub"
CERTIFICATE = "credentials.pem"
USES = (  # all that X.509 knows
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Signer:
    """Signs bytes."""

    key: ed25519.Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public key, base64 of 32 bytes."""
        return base64.b64encode(self.key.public_key().public_bytes(*_RAW)).decode()

    def sign(self, content: bytes) -> str:
        """The signature, base64 of 64 bytes; the same content and key always give the same."""
        return base64.b64encode(self.key.sign(content)).decode()


def open_signer(folder: Path) -> Signer:
    """The key in a folder, made where there is none. Raises: InputError: it cannot be used. OutputError."""
    path = folder / PRIVATE
    if not path.exists():
        _make_key(folder)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise InputError(f"The signing key {path} cannot be read: {error.strerror}; check its permissions.") from error
    except (ValueError, TypeError) as error:
        raise InputError(f"The signing key {path} cannot be used: it must be an Ed25519 key in PEM.") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise InputError(f"The signing key {path} is of another kind; it must be Ed25519.")
    return Signer(key)


def is_signed(content: bytes, signature: str, public: str) -> bool:
    """Whether a signature (base64) of these very bytes was made with the key whose public half is `public` (base64)."""
    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def read_public(path: Path) -> str:
    """The public key in a file made by `open_signer`, as base64. Raises: InputError."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path} holds no public key: give the signing_key.pub of whoever signed.") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise InputError(f"{path} holds a key of another kind; it must be Ed25519.")
    return base64.b64encode(key.public_bytes(*_RAW)).decode()


def _make_key(folder: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    _write(folder / PRIVATE, _private(key), 0o600)
    public = key.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(folder / PUBLIC, public, 0o644)


def _private(key: Any) -> bytes:
    content: bytes = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return content


def _write(path: Path, content: bytes, mode: int) -> None:
    """A file that another process may be making too: whoever is first wins, and it was never readable by others."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
        if os.name == "posix":
            try:
                os.link(part, path)
            except FileExistsError:
                return
        else:
            part.replace(path)
    except OSError as error:
        raise OutputError(str(unwritable(path, error))) from error
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True)
class Certificate:
    """A key that somebody vouches for."""

    algorithm: str  # C2PA's name of it: es256, ps256, ed25519 …
    chain: bytes  # PEM
    key: bytes  # PEM, PKCS 8

    @property
    def anchor(self) -> str:
        """The certificate at the end of the chain, PEM: what was signed under it is known as this user's."""
        return x509.load_pem_x509_certificates(self.chain)[-1].public_bytes(_PEM).decode()


def open_certificate(folder: Path) -> Certificate:
    """The certificate in a folder, made where there is none. Raises: InputError: it cannot be used. OutputError."""
    path = folder / CERTIFICATE
    if not path.exists():
        _make_certificate(path)
    try:
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        chain = b"".join(one.public_bytes(_PEM) for one in x509.load_pem_x509_certificates(content))
    except OSError as error:
        raise InputError(f"The certificate {path} cannot be read: {error.strerror}; check its permissions.") from error
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} must hold a private key and its certificates (PEM).") from error
    return Certificate(_algorithm(key, path), chain, _private(key))


def _algorithm(key: object, path: Path) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in (256, 384, 521):
        return {256: "es256", 384: "es384", 521: "es512"}[key.curve.key_size]
    raise InputError(f"The key in {path} is of a kind that content credentials cannot be signed with.")


def _make_certificate(path: Path) -> None:
    """A certificate for signing documents under one that signs certificates, whose key is thrown away: as C2PA asks,
    https://spec.c2pa.org/specifications/ (X.509 certificates)."""
    above, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Gioconda, unverified")
    root = _certificate(issuer, issuer, above, above, authority=True)
    leaf = _certificate(_name("Gioconda user, unverified"), issuer, own, above, authority=False)
    _write(path, _private(own) + leaf.public_bytes(_PEM) + root.public_bytes(_PEM), 0o600)


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Gioconda"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    granted = ("key_cert_sign", "crl_sign") if authority else ("digital_signature",)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{use: use in granted for use in USES}), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(by, hashes.SHA256())
