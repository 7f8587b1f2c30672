"""The mock centre's signing authority: P-256, its own root. It belongs to the seed and protects nobody."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_FROM, _UPTO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)
_ROOM = 8192


class Authority:
    """Signs PDFs; its certificates and keys follow from the seed alone, so that a restart changes nothing."""

    def __init__(self, seed: int) -> None:
        self._keys = {role: _key(f"mock-siak-{role}:{seed}") for role in ("root", "signer")}
        self._root = self._certificate("root", ca=True)
        self._signer: Any = None

    def root(self) -> bytes:
        """The certificate that everything signed here leads to, in PEM."""
        return self._root.public_bytes(serialization.Encoding.PEM)

    def sign(self, pdf: bytes) -> bytes:
        """The PDF with a PAdES signature over all of it; the loop waits, as an office would that signs by hand."""
        with ThreadPoolExecutor(1) as aside:  # pyHanko runs a loop of its own, which no thread with a loop may
            return aside.submit(self._signed, pdf).result()

    def _signed(self, pdf: bytes) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415 # only who fetches
        from pyhanko.sign import PdfSignatureMetadata, PdfSigner  # noqa: PLC0415 # documents waits for it
        from pyhanko.sign.fields import SigSeedSubFilter  # noqa: PLC0415

        said = PdfSignatureMetadata(
            "TTE", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason="Dokumen kependudukan"
        )
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        return bytes(PdfSigner(said, self._loaded()).sign_pdf(writer, bytes_reserved=_ROOM).getbuffer())

    def _loaded(self) -> Any:
        """The key as pyHanko takes it, loaded once."""
        if self._signer is None:
            from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data  # noqa: PLC0415
            from pyhanko.sign import SimpleSigner  # noqa: PLC0415
            from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415

            der = serialization.Encoding.DER
            key = self._keys["signer"].private_bytes(
                der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            chain = [self._certificate("signer", ca=False), self._root]
            loaded = [one for made in chain for one in load_certs_from_pemder_data(made.public_bytes(der))]
            store: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
            store.register_multiple(loaded)
            self._signer = SimpleSigner(
                signing_cert=loaded[0], signing_key=load_private_key_from_pemder_data(key, None), cert_registry=store
            )
        return self._signer

    def _certificate(self, role: str, *, ca: bool) -> x509.Certificate:
        """A certificate of a role, signed by the root's key."""
        public = self._keys[role].public_key()
        number = int.from_bytes(hashlib.sha256(repr(public.public_numbers()).encode()).digest()[:15])
        usage = dict.fromkeys(
            (
                "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
            ),
            False,
        )  # fmt: skip
        usage |= {"key_cert_sign": True, "crl_sign": True} if ca else {"content_commitment": True}
        builder = x509.CertificateBuilder(_name("root"), _name(role), public, number, _FROM, _UPTO)
        extensions = (x509.BasicConstraints(ca, None), x509.KeyUsage(**usage))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self._keys["root"], hashes.SHA256(), ecdsa_deterministic=True)


@lru_cache(maxsize=8)
def authority_of(seed: int) -> Authority:
    """The authority of a seed."""
    return Authority(seed)


def _name(role: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Mock SIAK, uji coba / test ({role})")])


def _key(label: str) -> EllipticCurvePrivateKey:
    drawn = int.from_bytes(hashlib.sha256(label.encode()).digest()) >> 1
    return ec.derive_private_key(drawn, ec.SECP256R1())
