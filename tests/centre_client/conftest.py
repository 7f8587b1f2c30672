"""Certificates for far ends that speak TLS, made anew for each run."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


class Certificates:
    """A certificate for one address, its own authority; as a server context and as a CA file."""

    def __init__(self, folder: Path, address: str, *, days: int) -> None:
        """Make and write it; `days` until it ends, negative for one that has ended."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"far end {address} {days}")])
        ends = datetime.now(UTC) + timedelta(days=days)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ends - timedelta(days=30))
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / f"{address}.{days}.pem"
        plain = serialization.NoEncryption()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        self.file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def context(self) -> ssl.SSLContext:
        """For the server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file)
        return context


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A good certificate."""
    return Certificates(tmp_path_factory.mktemp("good"), "127.0.0.1", days=2)


@pytest.fixture(scope="session")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One that ended yesterday."""
    return Certificates(tmp_path_factory.mktemp("expired"), "127.0.0.1", days=-1)


@pytest.fixture(scope="session")
def misnamed(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A good one for another address."""
    return Certificates(tmp_path_factory.mktemp("misnamed"), "127.0.0.9", days=2)
