"""Documents that are there without a centre, for tests of who may do what with them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from gateway.contract.submissions import IssuedDocument
from gateway.documents.book import DocumentBook
from gateway.signing.digests import digest_of
from tests.documents.world import Origin
from tests.http.rig import VILLAGE

if TYPE_CHECKING:
    from gateway.contract.messages import Caller
    from gateway.documents.documents import Document
    from tests.http.rig import Rig

PDF = b"%PDF-1.7 a paper"
_numbers = itertools.count(1)


def issued(rig: Rig, caller: Caller, village: str = VILLAGE) -> str:
    """A document of a caller that may be printed; its id."""
    documents, number = rig.gateway.paperwork.documents, next(_numbers)
    origin = Origin(id=f"0192f0c4-7b1e-7c3a-9a51-{number:012x}", caller=caller.id, village=village)
    one = IssuedDocument("kk", f"35270301019{number:05d}", f"DPAPER{number}")

    async def kept() -> Document:
        book, now = DocumentBook(documents._sealer), rig.clock.now()
        await documents._database.write(lambda connection: book.issued(connection, origin, (one,), now, now))
        (found,) = [each for each in await documents.due(100) if each.submission == origin.id]
        assert await documents.keep(found, PDF, digest_of(PDF))
        return found

    document: Document = rig.run(kept())
    return document.id
