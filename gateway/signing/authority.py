"""Who signs the region's own papers: one port.

| implementation | signs |
| --- | --- |
| `LocalAuthority` | under a key of this installation that says it is a test; the default |
| `NoAuthority` | nothing: the installation is older than its secret `signing` |
| `gateway.signing.bsre.BsreAuthority` | at the esign service of BSrE, under an official's own certificate |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.signing.faults import AuthorityAway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.signing.crew import Crew


class Authority(Protocol):
    """Signs whole PDFs.

    Attributes:
        is_test: Whether its signatures mean nothing outside this installation; papers say so.
        roots: Certificates its signatures lead to, in DER.
    """

    is_test: bool
    roots: Sequence[bytes]

    async def sign(self, pdf: bytes, reason: str) -> bytes:
        """The PDF with one PAdES signature over all of it.

        Args:
            pdf: Our own, without a signature.
            reason: Why it is signed, shown by viewers; no personal data.

        Raises:
            AuthorityAway: Ask again later.
            AuthorityRefuses: A person must act.
            AuthorityMisanswers: What came back is not a signed PDF.
        """


class LocalAuthority:
    """Signs under a key of this installation.

    Args:
        crew: Holds the key.
        roots: Certificates it leads to, in DER.
    """

    is_test = True

    def __init__(self, crew: Crew, roots: Sequence[bytes]) -> None:
        self.roots = roots
        self._crew = crew

    async def sign(self, pdf: bytes, reason: str) -> bytes:
        """See `Authority.sign`."""
        return await self._crew.sign(pdf, reason)


class NoAuthority:
    """Signs nothing, until `siak-gateway keys make` has made the key that is missing."""

    is_test = True
    roots: Sequence[bytes] = ()

    async def sign(self, pdf: bytes, reason: str) -> bytes:  # noqa: ARG002 # nothing is signed
        """See `Authority.sign`."""
        raise AuthorityAway
