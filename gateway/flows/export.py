"""The verb *export*: what was handed in, as a stream of any length; contents only for a reason that is written down.

```
page after page, newest first ─► facts alone
                              └► for contents: ledger: began, durable ─► content read and opened ─► ended
```
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from gateway.flows.deeds import written
from gateway.ledger.exchange import Deed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.contract.submissions import Submission
    from gateway.ledger.exchange import DeedRecorder
    from gateway.outbox.outbox import Facts, Outbox, Wanted

AT_ONCE: Final = 100
"""Submissions held in memory at a time; their deeds share a commit of the ledger."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One submission of an export.

    Attributes:
        facts: What is known of it without opening it.
        content: What was handed in; None where it was not asked for, was destroyed, or cannot be opened.
    """

    facts: Facts
    content: Submission | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """Who takes contents out, why, and where that is written down first."""

    ledger: DeedRecorder
    actor: str
    reason: str


async def exported(outbox: Outbox, wanted: Wanted, opening: Opening | None = None) -> AsyncIterator[Exported]:
    """All that are wanted, newest first, whatever `wanted.limit` says; those handed in meanwhile are left out.

    Raises:
        StorageFailed, Overloaded: It cannot be written down that contents are taken out; they are not.
        StorageUnavailable: The outbox cannot be read.
    """
    found: tuple[Facts, ...] = ()
    page = replace(wanted, limit=AT_ONCE)
    while found := await outbox.page(page):
        if opening is None:
            contents: list[Submission | None] = [None] * len(found)
        else:
            contents = await asyncio.gather(*(_opened(outbox, facts, opening) for facts in found))
        for facts, content in zip(found, contents, strict=True):
            yield Exported(facts, content)
        page = replace(page, before=found[-1].id)


async def _opened(outbox: Outbox, facts: Facts, opening: Opening) -> Submission | None:
    place = {"service": facts.service, "adapter": facts.adapter, "village": facts.village}
    async with written(opening.ledger, Deed("export", opening.actor, facts.id, reason=opening.reason, **place)):
        return await outbox.read(facts.id)
