"""PAdES signatures over whole PDFs (ETSI EN 319 142, baseline B), made and checked with pyHanko.

It blocks, and works on threads without an event loop only: pyHanko runs one of its own.

```
sign:   PDF ─► one incremental update: signature field, digest over every other byte ─► CMS under the key
check:  bytes ─► size ─► PDF, strict ─► exactly one signature ─► covers the entire file ─► intact ─► pinned root
           └── any exception of any library, at any step ─► PaperRefused
```

pyHanko calls a file good that has junk behind its signature (`bottom_line`), so the coverage is asked for beside it.
The bytes of the signature itself are not covered by it: what was received is pinned by its SHA-256, see `digests`.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from gateway.signing.digests import digest_of
from gateway.signing.faults import Fault, PaperRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.signing.certificates import Credentials

FIELD: Final = "TTE"
"""Name of the signature field."""

RESERVED: Final = 8192
"""Hexadecimal digits kept free for the signature: given, pyHanko need not sign twice to learn how many it takes."""

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a PDF that is looked at."""

_MAGIC: Final = b"%PDF-"


class PdfKey:
    """A key that signs PDFs, loaded once.

    Args:
        credentials: Its certificate, roots and private key.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._signer = SimpleSigner(
            signing_cert=_certificates((credentials.certificate,))[0],
            signing_key=load_private_key_from_pemder_data(credentials.key, None),
            cert_registry=SimpleCertificateStore.from_certs(_certificates(credentials.roots)),  # type: ignore[no-untyped-call]
        )

    def sign(self, pdf: bytes, reason: str) -> bytes:
        """The PDF with one signature over all of it.

        Args:
            pdf: Without a signature; our own.
            reason: Why it is signed, shown by viewers.
        """
        metadata = PdfSignatureMetadata(FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=reason)
        signer = PdfSigner(metadata, self._signer)
        out = signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), bytes_reserved=RESERVED)
        return bytes(out.getbuffer())


def check(pdf: bytes, roots: Sequence[bytes], largest: int = LARGEST) -> str:
    """Pass a PDF that may be printed; its SHA-256, lower-case hexadecimal, to be pinned.

    Args:
        pdf: As it was received.
        roots: Certificates its signer must lead to, in DER.
        largest: Bytes it may have.

    Raises:
        PaperRefused: It must not be printed.
    """
    if len(pdf) > largest:
        raise PaperRefused(Fault.TOO_LARGE)
    try:
        fault = _fault(pdf, roots)
    except MemoryError:
        fault = Fault.TOO_COSTLY
    except Exception:  # noqa: BLE001 # damaged PDFs raise whatever they like, and none of it may be printed
        fault = Fault.UNREADABLE
    if fault is not None:
        raise PaperRefused(fault)
    return digest_of(pdf)


def _fault(pdf: bytes, roots: Sequence[bytes]) -> Fault | None:
    if not pdf.startswith(_MAGIC):
        return Fault.UNREADABLE
    signatures: list[Any] = list(PdfFileReader(BytesIO(pdf), strict=True).embedded_signatures)
    if len(signatures) != 1:
        return Fault.SEVERAL_SIGNATURES if signatures else Fault.UNSIGNED
    context = ValidationContext(trust_roots=_certificates(roots), allow_fetching=False, revocation_mode="soft-fail")
    status = validate_pdf_signature(signatures[0], context)
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        return Fault.NOT_WHOLE
    if status.intact and status.valid and not status.trusted:
        return Fault.UNTRUSTED
    return None if status.bottom_line and status.intact and status.valid else Fault.CHANGED


def _certificates(ders: Sequence[bytes]) -> list[Any]:
    """Certificates as pyHanko has them."""
    return [certificate for der in ders for certificate in load_certs_from_pemder_data(der)]
