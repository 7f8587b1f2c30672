"""The verb *fetch*: what the centre issued is brought here once, checked and kept, to be printed without the centre.

```
due ─► claimed ─► the centre, through limiter and breaker ─► size, one signature, pinned root (another process) ─► kept
  ▲                    │ away, slow, refusing us: later             └─ not what may be printed: refused, with the reason
  └────────────────────┘
```

Nothing is fetched where no root is pinned: then nothing could be told from a forgery.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from gateway.blobs.blobs import Moved
from gateway.centre.link import Trip
from gateway.contract.errors import Conflict, GatewayError
from gateway.contract.messages import Priority
from gateway.database.errors import DatabaseError
from gateway.documents.documents import DocumentState
from gateway.signing.faults import Fault, PaperRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from gateway.contract.host import Clock
    from gateway.documents.documents import Document
    from gateway.documents.store import Documents
    from gateway.signing.crew import Crew

_log = structlog.get_logger("gateway.documents")

CALL: Final = 30.0
"""Seconds one fetch may take; a claim lasts twice as long."""

AT_ONCE: Final = 8
"""Documents on their way at once."""

TURNS: Final = 50
"""Rounds of that before other jobs have their turn."""

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 900.0
"""Seconds until the second try, and between two tries at most."""

VAIN: Final = 5
"""Tries after which a document the centre does not know, though it told of it, is refused."""

_DAY: Final = 86_400.0


class DocumentSource(Protocol):
    """Where documents are fetched; `CentreWrites` is one."""

    async def document(self, trip: Trip, receipt: str) -> bytes | None:
        """The PDF of a receipt; None if there is none."""


@dataclass(frozen=True, slots=True)
class FetchTerms:
    """What is fetched, and what may be printed.

    Attributes:
        roots: Certificates that signers must lead to, in DER; none for fetching nothing.
        largest: Bytes of a PDF.
        keep_days: Days after its issue a document is destroyed here.
    """

    roots: Sequence[bytes]
    largest: int
    keep_days: float


class Fetcher:
    """Fetches documents; several processes may have one.

    Args:
        documents: Where they are kept.
        source: The way to the centre.
        is_open: Whether calls have a chance now.
        crew: Checks them.
        terms: What may be printed.
        clock: The gateway's clock.
        random: Source of jitter and ids.
    """

    def __init__(
        self,
        documents: Documents,
        source: DocumentSource,
        is_open: Callable[[], bool],
        crew: Crew,
        terms: FetchTerms,
        clock: Clock,
        random: Random,
    ) -> None:
        self._documents = documents
        self._source = source
        self._is_open = is_open
        self._crew = crew
        self._terms = terms
        self._clock = clock
        self._random = random

    async def turn(self) -> None:
        """Fetch what is due; a job of the supervisor."""
        for _ in range(TURNS):
            if not (self._terms.roots and self._is_open()):
                return
            due = await self._documents.due(AT_ONCE)
            if not due:
                return
            await asyncio.gather(*map(self._one, due))

    async def tidy(self) -> None:
        """Destroy what was issued too long ago; a job of the supervisor."""
        if count := await self._documents.shred(self._clock.now() - self._terms.keep_days * _DAY):
            _log.info("documents.shredded", count=count)

    async def _one(self, document: Document) -> None:
        if not await self._documents.claim(document, 2 * CALL):
            return
        try:
            await self._fetch(document)
        except PaperRefused as refused:
            await self._documents.refuse(document, refused.fault)
        except (GatewayError, DatabaseError, Moved) as error:
            code = getattr(error, "code", type(error).__name__)
            _log.info("documents.fetch.failed", document=document.id, kind=document.kind, code=code)
            await self._later(document)

    async def _fetch(self, document: Document) -> None:
        """Bring one here.

        Raises:
            PaperRefused: It must not be printed.
            GatewayError: Later, perhaps.
        """
        receipt = self._documents.secrets_of(document).receipt
        until = self._clock.monotonic() + CALL
        trip = Trip(document.right, document.caller, document.village, Priority.ONLINE, until, document.id)
        try:
            pdf = await self._source.document(trip, receipt)
        except ValueError:  # a receipt that would change the shape of an address
            raise PaperRefused(Fault.UNKNOWN) from None
        if pdf is None:
            if document.tries + 1 >= VAIN:
                raise PaperRefused(Fault.UNKNOWN)
            raise Conflict("The centre does not know it yet.")
        digest = await self._crew.check(pdf, self._terms.roots, self._terms.largest)
        if await self._documents.keep(document, pdf, digest):
            _log.info("documents.ready", document=document.id, kind=document.kind, state=DocumentState.READY.value)

    async def _later(self, document: Document) -> None:
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(document.tries, 10)) * self._random.uniform(0.5, 1.0)
        await self._documents.later(document.id, pause)
