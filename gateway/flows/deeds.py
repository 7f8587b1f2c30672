"""Writing down what is done: before it is done, durably, and what came of it.

```
written(deed) ─► began, durable ─► the block ─► ended (soon; its outcome, or the code of what it raised)
        └─ cannot be written: StorageFailed, the block is not entered
```
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from gateway.contract.errors import GatewayError, Internal
from gateway.contract.events import ABANDONED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.ledger.exchange import Deed, DeedRecorder

DONE: Final = "done"
"""Outcome of what went well."""


class Result:
    """What came of a deed.

    Attributes:
        outcome: Told to the ledger; `DONE` unless the block says otherwise.
    """

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome = DONE


@asynccontextmanager
async def written(ledger: DeedRecorder | None, deed: Deed) -> AsyncIterator[Result]:
    """Enter the block once the ledger holds that the deed began; without a ledger at once.

    Raises:
        StorageFailed, Overloaded: It could not be written down; nothing may be done.
    """
    result = Result()
    if ledger is None:
        yield result
        return
    beginning, outcome = ledger.begin_deed(deed), Internal.code
    try:
        await ledger.began(beginning)
        yield result
        outcome = result.outcome
    except GatewayError as error:
        outcome = error.code
        raise
    except asyncio.CancelledError:
        outcome = ABANDONED
        raise
    finally:
        if beginning.durable is not None:
            ledger.ended(beginning, outcome, None)
