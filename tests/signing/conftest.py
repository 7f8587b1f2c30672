"""A signed paper to attack, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typst

from gateway.signing.certificates import credentials_of
from gateway.signing.crew import quieten
from gateway.signing.pades import PdfKey

if TYPE_CHECKING:
    from gateway.signing.certificates import Credentials


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    """Test credentials."""
    quieten()
    return credentials_of(b"s" * 32, "Kabupaten Contoh")


@pytest.fixture(scope="session")
def plain() -> bytes:
    """A PDF without a signature."""
    pdf = typst.compile(b'#set page(paper: "a4")\nSurat keterangan', format="pdf", ignore_system_fonts=True)
    assert isinstance(pdf, bytes)
    return pdf


@pytest.fixture(scope="session")
def signed(plain: bytes, credentials: Credentials) -> bytes:
    """The same with one good signature."""
    return PdfKey(credentials).sign(plain, "Uji coba")
