"""Certificates of the local test authority."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.signing.certificates import MARK, as_pem, credentials_of, ders

if TYPE_CHECKING:
    from gateway.signing.certificates import Credentials


def test_they_follow_from_the_secret(credentials: Credentials) -> None:
    """Instances that share the secret have the same certificates and key; another secret gives others."""
    assert credentials_of(b"s" * 32, "Kabupaten Contoh") == credentials
    other = credentials_of(b"t" * 32, "Kabupaten Contoh")
    assert other.key != credentials.key
    assert other.roots != credentials.roots


def test_they_say_that_they_are_a_test(credentials: Credentials) -> None:
    """Each name carries the mark, also where a title is too long for it."""
    long = credentials_of(b"s" * 32, "K" * 200)
    for der in (credentials.certificate, *credentials.roots, long.certificate, *long.roots):
        certificate = x509.load_der_x509_certificate(der)
        assert all(MARK in str(part.value) for part in certificate.subject if part.oid.dotted_string != "2.5.4.6")
        assert isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def test_the_key_is_silent(credentials: Credentials) -> None:
    """The private key stands in no `repr`."""
    assert repr(credentials.key) not in repr(credentials)


def test_roots_travel_as_pem(credentials: Credentials) -> None:
    """What is written to a file of roots is read back."""
    assert tuple(ders(as_pem(credentials.roots))) == credentials.roots
