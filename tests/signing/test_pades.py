"""Whole PDFs: signed so that others call them good, and refused after anything was done to them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from gateway.signing.certificates import credentials_of
from gateway.signing.digests import digest_of, is_itself
from gateway.signing.faults import Fault, PaperRefused
from gateway.signing.pades import check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.signing.certificates import Credentials


def fault_of(pdf: bytes, roots: Sequence[bytes]) -> Fault | None:
    """Why a PDF is refused; None if it is not."""
    try:
        check(pdf, roots)
    except PaperRefused as refused:
        return refused.fault
    return None


def gap_of(pdf: bytes) -> range:
    """Where the signature itself stands, the only bytes it does not cover."""
    ranges = re.search(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", pdf)
    assert ranges is not None
    first, length, second, _ = map(int, ranges.groups())
    return range(first + length, second)


def test_a_signed_paper_is_good(signed: bytes, credentials: Credentials) -> None:
    """What we sign passes our own check, which gives the SHA-256 to pin."""
    assert check(signed, credentials.roots) == digest_of(signed)


def test_poppler_calls_it_valid(signed: bytes, tmp_path: Path) -> None:
    """`pdfsig` finds one signature over the total document and calls it valid; it exits 0 whatever it finds."""
    if shutil.which("pdfsig") is None:
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out("poppler-utils is not installed")
    file = tmp_path / "paper.pdf"
    file.write_bytes(signed)
    said = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    assert "Signature #2" not in said


@pytest.mark.parametrize("at", ["header", "body", "update", "range"])
def test_any_changed_signed_byte_is_refused(signed: bytes, credentials: Credentials, at: str) -> None:
    """A byte changed in the original, in the update that holds the signature, or in its own range, is noticed."""
    gap = gap_of(signed)
    place = {"header": 7, "body": len(signed) // 4, "update": gap.stop + 20, "range": signed.index(b"/ByteRange") + 14}
    changed = bytearray(signed)
    changed[place[at]] ^= 1
    assert fault_of(bytes(changed), credentials.roots) is not None


def test_junk_behind_the_signature_is_refused(signed: bytes, credentials: Credentials) -> None:
    """Bytes appended after signing make the signature cover less than the file."""
    assert fault_of(signed + b"\n", credentials.roots) is Fault.NOT_WHOLE
    assert fault_of(signed + b"%%EOF\n% more", credentials.roots) is not None


def test_an_update_after_signing_is_refused(signed: bytes, credentials: Credentials) -> None:
    """A well-formed incremental update behind the signature is refused, though the signature is intact."""
    writer = IncrementalPdfFileWriter(BytesIO(signed))
    writer.root["/Lang"] = writer.root.raw_get("/Type")
    writer.update_root()  # type: ignore[no-untyped-call]
    out = BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    assert fault_of(out.getvalue(), credentials.roots) is Fault.NOT_WHOLE


def test_a_second_signature_is_refused(signed: bytes, credentials: Credentials) -> None:
    """Two signatures are one too many, even where both are good."""
    signer = SimpleSigner(
        signing_cert=next(iter(load_certs_from_pemder_data(credentials.certificate))),
        signing_key=load_private_key_from_pemder_data(credentials.key, None),
        cert_registry=SimpleCertificateStore.from_certs(()),  # type: ignore[no-untyped-call]
    )
    metadata = PdfSignatureMetadata("Second", md_algorithm="sha256")
    twice = PdfSigner(metadata, signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(signed))).getvalue()
    assert fault_of(twice, credentials.roots) is Fault.SEVERAL_SIGNATURES


def test_no_signature_is_refused(plain: bytes, credentials: Credentials) -> None:
    """A PDF that nobody signed is refused."""
    assert fault_of(plain, credentials.roots) is Fault.UNSIGNED


def test_another_root_is_refused(signed: bytes) -> None:
    """A signer of the very same name under a root that is not pinned is refused; so is everybody where none is."""
    assert fault_of(signed, credentials_of(b"t" * 32, "Kabupaten Contoh").roots) is not None
    assert fault_of(signed, ()) is Fault.UNTRUSTED


def test_what_is_too_large_is_not_looked_at(signed: bytes, credentials: Credentials) -> None:
    """A size cap comes before any parsing."""
    with pytest.raises(PaperRefused, match="too_large"):
        check(signed, credentials.roots, largest=len(signed) - 1)


def test_bytes_inside_the_signature_are_pinned_by_the_digest(signed: bytes, credentials: Credentials) -> None:
    """The padding behind the signature may change without breaking it; the SHA-256 taken on receipt tells."""
    changed = bytearray(signed)
    changed[gap_of(signed).stop - 3] = ord("1")
    digest = check(signed, credentials.roots)
    assert is_itself(signed, digest)
    assert not is_itself(bytes(changed), digest)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_papers_are_refused_and_nothing_else_happens(
    data: st.DataObject, signed: bytes, credentials: Credentials
) -> None:
    """However a paper is cut, filled or changed, it is refused or has another digest; no other exception gets out."""
    at = data.draw(st.integers(0, len(signed) - 1))
    upto = data.draw(st.integers(at, min(len(signed), at + 400)))
    damaged = signed[:at] + data.draw(st.binary(max_size=40)) + signed[upto:]
    good = fault_of(damaged, credentials.roots) is None
    assert not good or damaged == signed or not is_itself(damaged, digest_of(signed))
    if good and damaged != signed:  # only where it touched what the signature does not cover
        assert len(damaged) == len(signed)
        assert all(damaged[place] == signed[place] for place in range(len(signed)) if place not in gap_of(signed))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(junk=st.binary(max_size=300))
def test_junk_is_refused(junk: bytes, credentials: Credentials) -> None:
    """Bytes of any kind are refused, also where they begin like a PDF."""
    assert fault_of(junk, credentials.roots) is Fault.UNREADABLE
    assert fault_of(b"%PDF-1.7\n" + junk, credentials.roots) is not None
