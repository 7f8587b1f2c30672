"""Certificates of the local test authority: a root and one signing certificate under it, both P-256.

```
secret `signing` ─ HKDF ─┬─► root's key ─ signs ─► certificate of the root, certificate of who signs
                         └─► key of who signs
```

All of it is derived, so every instance that shares the secret has the very same certificates, and nothing but the
secret is to be kept. Each name says that it is a test: no paper signed under it can be taken for a real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.vault.keys import derive

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK: Final = "UJI COBA / TEST"
"""Stands in the names of all test certificates."""

BEGINS, ENDS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)
"""When they are valid; a date of its own would make them differ from start to start."""

_P256: Final = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is needed to sign, in DER.

    Attributes:
        certificate: Of who signs.
        roots: Certificates it is trusted under.
        key: Private key of `certificate`, PKCS #8; never stored.
    """

    certificate: bytes
    roots: tuple[bytes, ...]
    key: bytes = field(repr=False)


def credentials_of(secret: bytes, title: str) -> Credentials:
    """The test credentials of an installation.

    Args:
        secret: Its secret `signing`.
        title: Whose; stands in the names, behind the mark.
    """
    root_key, key = _key(secret, "root"), _key(secret, "signer")
    root_name = _name(title, "Root CA")
    root = _certified(root_name, root_name, root_key.public_key(), root_key, certifies=True)
    leaf = _certified(_name(title, "TTE"), root_name, key.public_key(), root_key, certifies=False)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return Credentials(leaf.public_bytes(Encoding.DER), (root.public_bytes(Encoding.DER),), private)


def ders(pem: bytes) -> Sequence[bytes]:
    """Each certificate of a PEM file, in DER.

    Raises:
        ValueError: There is none in it, or one that is none.
    """
    return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(pem)]


def as_pem(ders_: Sequence[bytes]) -> bytes:
    """Certificates as a PEM file."""
    return b"".join(x509.load_der_x509_certificate(one).public_bytes(Encoding.PEM) for one in ders_)


def _key(secret: bytes, part: str) -> ec.EllipticCurvePrivateKey:
    """A private key: 512 derived bits modulo the order, so that no residue is likelier than another."""
    drawn = derive(secret, "signing", part, "high") + derive(secret, "signing", part, "low")
    return ec.derive_private_key(int.from_bytes(drawn) % (_ORDER - 1) + 1, _P256)


def _name(title: str, part: str) -> x509.Name:
    whose = f"{MARK} {title}"[: _LONGEST - len(part) - 1]
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "ID"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, whose),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{whose} {part}"),
        ]
    )


def _certified(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    by: ec.EllipticCurvePrivateKey,
    *,
    certifies: bool,
) -> x509.Certificate:
    """A certificate; its number is drawn from its key, its signature is deterministic (RFC 6979)."""
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    return (
        x509.CertificateBuilder(issuer, subject, public, int.from_bytes(identifier.digest[:16]) | 1, BEGINS, ENDS)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=certifies, path_length=0 if certifies else None), critical=True)
        .add_extension(_usage(certifies=certifies), critical=True)
        .sign(by, hashes.SHA256(), ecdsa_deterministic=True)
    )


def _usage(*, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certifies,
        content_commitment=not certifies,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certifies,
        crl_sign=certifies,
        encipher_only=False,
        decipher_only=False,
    )
