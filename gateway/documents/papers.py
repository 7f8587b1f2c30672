"""Our own papers: typeset from a template, given a code and its QR, signed over all of it.

```
letter ─► code (`/check/{code}` tells its fate) ─► typst, in a process of the crew ─► authority ─► signed PDF
```

Values reach the template as data and are never read as markup. Fonts are those typst brings: a paper looks the same on
every machine.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.documents.documents import PaperState

if TYPE_CHECKING:
    from gateway.documents.store import Documents
    from gateway.signing.authority import Authority
    from gateway.signing.crew import Crew

REASON: Final = "Dokumen ini ditandatangani secara elektronik"
"""What viewers show as the reason of the signature."""

_TEMPLATES: Final = Path(__file__).parent / "templates"


class Words(msgspec.Struct, frozen=True):
    """A text in both languages."""

    id: str
    en: str


class Row(msgspec.Struct, frozen=True):
    """One fact on a paper."""

    label: Words
    value: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on a paper of our own.

    Attributes:
        kind: Its kind, as `gateway.catalogue.documents.TITLES` knows it.
        title: Indonesian title.
        title_en: English title.
        office: Whose it is.
        place: Where that is.
        date: When it is made, as people read it.
        rows: Its facts.
        text: Sentences below them.
        state: `FINAL` or `PROVISIONAL`.
        until: Until when it holds, Unix seconds; None for no end.
        until_text: The same as people read it; empty for no end.
    """

    kind: str
    title: str
    title_en: str
    office: str
    place: str
    date: str
    rows: tuple[Row, ...]
    text: tuple[Words, ...] = ()
    state: PaperState = PaperState.FINAL
    until: float | None = None
    until_text: str = ""


class Papers:
    """Makes papers of our own.

    Args:
        documents: Gives codes, and tells of them.
        crew: Typesets.
        authority: Signs.
        check_url: Public address before `/check/`; empty for codes alone.
    """

    def __init__(self, documents: Documents, crew: Crew, authority: Authority, check_url: str) -> None:
        self._documents = documents
        self._crew = crew
        self._authority = authority
        self._check_url = check_url
        self._aligned = b""

    def code_of(self, kind: str, of: str) -> str:
        """The code of the one paper of a kind there is of something; the same each time, and nobody can guess it."""
        return self._documents.code_of(kind, of)

    async def make(self, letter: Letter, code: str | None = None) -> tuple[str, bytes]:
        """A paper: its code and its PDF.

        Args:
            letter: What stands on it.
            code: Its code; None for a new one.

        Raises:
            SigningFailed: Nobody signed; the code tells of nothing then.
        """
        code = self._documents.new_code() if code is None else code
        pdf = await self._crew.run(typeset, "letter", self._told(letter, code))
        signed = await self._authority.sign(pdf, REASON)
        await self._documents.issue(code, letter.kind, letter.state, letter.until)
        return code, signed

    async def alignment(self) -> bytes:
        """The page on which a printer's margins are seen; nobody signs it."""
        if not self._aligned:
            self._aligned = await self._crew.run(typeset, "alignment", b"{}")
        return self._aligned

    def _told(self, letter: Letter, code: str) -> bytes:
        """What the template is given."""
        address = f"{self._check_url}/check/{code}" if self._check_url else ""
        facts: dict[str, Any] = msgspec.to_builtins(letter)
        more = {
            "code": code,
            "address": address,
            "qr": qr_of(address or code),
            "test": self._authority.is_test,
            "provisional": letter.state is PaperState.PROVISIONAL,
            "until": letter.until_text,
        }
        return msgspec.json.encode({**facts, **more})


def qr_of(text: str) -> str:
    """A QR code as SVG, correcting up to 15 % of it."""
    import segno  # noqa: PLC0415 # only who makes papers waits for it

    out = BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False)
    return out.getvalue().decode()


def typeset(template: str, told: bytes) -> bytes:
    """A PDF of a template and what stands on it; blocks.

    Args:
        template: Name of a file in `templates`.
        told: JSON, read by the template as data.
    """
    import typst  # noqa: PLC0415 # the gateway's own process never loads it

    inputs = {"paper": told.decode()}
    pdf = typst.compile(_source(template), format="pdf", ignore_system_fonts=True, sys_inputs=inputs)
    if not isinstance(pdf, bytes):
        raise TypeError("a paper is one PDF")
    return pdf


@cache
def _source(template: str) -> bytes:
    return (_TEMPLATES / f"{template}.typ").read_bytes()
