"""The verb *print*: a document on paper, once for each permission, and everything of it in the ledger.

```
own? ─► ready? ─► the very bytes that were received? ─► ledger began ─► one print, under a lock ─► link, a while
                                                                            └─ printed before: only with a reason
link ─► own print, not over? ─► ready still? ─► the very bytes? ─► ledger ─► PDF
```

A caller sees and prints its own documents only; another's, or another village's, is *not found*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.contract.errors import Conflict, IdempotencyKeyMissing, NotFound
from gateway.documents.documents import Document, Print, Secrets
from gateway.documents.print_rows import check_ready, same
from gateway.flows.deeds import written
from gateway.ledger.exchange import Deed
from gateway.signing.faults import PaperRefused

if TYPE_CHECKING:
    from gateway.contract.host import Clock
    from gateway.contract.messages import Caller
    from gateway.documents.documents import PrintRequest, Spoiled, Tally
    from gateway.documents.store import Documents
    from gateway.ledger.exchange import DeedRecorder
    from gateway.ledger.records import Verb

OPERATORS: Final = "operator:"


class Shown(msgspec.Struct, frozen=True):
    """A document as its caller sees it.

    Attributes:
        document: Its facts.
        secrets: Its number and code; None where they cannot be opened any more.
        prints: Its latest prints, the last first.
    """

    document: Document
    secrets: Secrets | None
    prints: Sequence[Print]


class Printing:
    """Looks after documents on behalf of callers and operators.

    Args:
        documents: Where they are kept.
        link_seconds: How long the link of a print may be used.
        clock: The gateway's clock.
        ledger: Everything is written down before it is done; None where the config switches it off.
    """

    def __init__(
        self, documents: Documents, link_seconds: float, clock: Clock, ledger: DeedRecorder | None = None
    ) -> None:
        self.link_seconds = link_seconds
        self._documents = documents
        self._clock = clock
        self._ledger = ledger

    async def show(self, caller: Caller, id_: str) -> Shown:
        """One of the caller's documents.

        Raises:
            NotFound: There is none, or it is another caller's.
        """
        document = await self._own(caller, id_)
        try:
            secrets = self._documents.secrets_of(document)
        except PaperRefused:
            secrets = None
        return Shown(document, secrets, await self._documents.prints(id_))

    async def print_(self, caller: Caller, asked: PrintRequest, key: str) -> Print:
        """Permit one print, or give back the one that was permitted under the same key.

        Raises:
            IdempotencyKeyMissing: The key is empty.
            IdempotencyMismatch: Something else was asked for under it.
            NotFound: The caller has no such document.
            Conflict: It must not be printed, or not yet.
            Invalid: It was printed before, and no reason is given.
        """
        if not key:
            raise IdempotencyKeyMissing
        document = await self._own(caller, asked.document)
        known = await self._documents.permitted(caller.id, key)
        if known is not None:
            return same(known, asked)
        check_ready(document.state)
        await self._documents.open_(document)
        async with written(self._ledger, _deed("print", document, caller.id)):
            return await self._documents.permit(asked, caller.id, key)

    async def pdf(self, caller: Caller, id_: str, print_id: str) -> tuple[Document, bytes]:
        """The PDF of a print, for as long as its link may be used.

        Raises:
            NotFound: The caller has no such print.
            Conflict: The link's time is over, or the document must not be printed any more.
        """
        document = await self._own(caller, id_)
        print_ = await self._documents.print_of(print_id)
        if print_ is None or print_.document != document.id:
            raise NotFound
        if self._clock.now() >= print_.at + self.link_seconds:
            raise Conflict("The link of this print is over; print once more, with a reason.")
        check_ready(document.state)
        pdf = await self._documents.open_(document)
        async with written(self._ledger, _deed("download", document, caller.id)):
            return document, pdf

    async def spoil(self, caller: Caller, spoiled: Spoiled, key: str) -> Spoiled:
        """Write down spoiled sheets.

        Raises:
            IdempotencyKeyMissing: The key is empty.
            IdempotencyMismatch: Something else was told under it.
            NotFound: The caller has no such print.
        """
        if not key:
            raise IdempotencyKeyMissing
        village = caller.village or spoiled.village
        deed = Deed("spoil", caller.id, spoiled.print_id or f"village:{village}", village=village)
        async with written(self._ledger, deed):
            return await self._documents.spoil(msgspec.structs.replace(spoiled, village=village), key)

    async def report(self, caller: Caller, since: float, upto: float) -> tuple[Tally, ...]:
        """What the caller printed and spoiled in a time."""
        return await self._documents.report(since, upto, caller.id)

    async def refetch(self, id_: str, operator: str) -> Document:
        """Have a refused document fetched once more.

        Raises:
            NotFound: There is none.
            Conflict: It was not refused.
        """
        async with written(self._ledger, _deed("refetch", await self._known(id_), OPERATORS + operator)):
            return await self._documents.refetch(id_)

    async def void(self, id_: str, operator: str, reason: str) -> Document:
        """Have a document hold no more.

        Raises:
            NotFound: There is none.
            Conflict: It is void already.
        """
        async with written(self._ledger, _deed("void", await self._known(id_), OPERATORS + operator)):
            return await self._documents.void(id_, reason)

    async def _own(self, caller: Caller, id_: str) -> Document:
        document = await self._known(id_)
        if document.caller != caller.id or caller.village not in {None, document.village}:
            raise NotFound
        return document

    async def _known(self, id_: str) -> Document:
        document = await self._documents.find(id_)
        if document is None:
            raise NotFound
        return document


def _deed(verb: Verb, document: Document, actor: str) -> Deed:
    right = document.right if actor == document.caller else ""
    return Deed(verb, actor, document.id, document.service, right, document.adapter, document.village)
