"""What the ledger holds: three kinds of records, none with personal data in clear.

```
opened ─► began · began · ended · began · ended …     one chain for each run of each instance
            └───────────────┘ `of` is the number of the `began` it ends
```

A `began` without an `ended` tells of an exchange whose end nobody wrote down: the machine died, or it still runs.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.contract.messages import CentreService, Source


class Previous(msgspec.Struct, frozen=True):
    """How the chain before this one stood when this one was opened.

    Attributes:
        chain: Its name.
        seq: Number of its last record then.
        hash: Hash of that record.
        intact: Whether its end was signed and fitted its last record.
    """

    chain: str
    seq: int
    hash: str
    intact: bool


class Opened(msgspec.Struct, frozen=True, tag_field="kind", tag="opened"):
    """A gateway began to write; the first record of each chain.

    Attributes:
        at: Unix seconds.
        number: Which chain of this ledger it is, from 1.
        key: Public key its heads and checkpoints are signed under, hexadecimal.
        previous: The chain opened before; None for the first.
    """

    at: float
    number: int
    key: str
    previous: Previous | None


class Began(msgspec.Struct, frozen=True, tag_field="kind", tag="began"):
    """An exchange is about to reveal or change personal data.

    Attributes:
        at: Unix seconds.
        verb: What is done.
        service: The centre's service.
        caller: The caller's id.
        right: Name of the right.
        adapter: Extension it came through, or `native`.
        village: Village code, empty if unknown.
        purpose: Purpose code.
        subject: Blind index of the NIK or KK number, hexadecimal.
        request_id: Correlation id.
    """

    at: float
    verb: Literal["ask"]
    service: CentreService
    caller: str
    right: str
    adapter: str
    village: str
    purpose: str
    subject: str
    request_id: str


class Ended(msgspec.Struct, frozen=True, tag_field="kind", tag="ended"):
    """The exchange ended.

    Attributes:
        of: Number of its `began` in the same chain.
        at: Unix seconds.
        outcome: As in `ExchangeRecord`.
        source: Where the answer came from; None when there was none.
        age_seconds: Age of the answer; 0 when there was none.
    """

    of: int
    at: float
    outcome: str
    source: Source | None
    age_seconds: float


Record = Opened | Began | Ended
"""Any record."""
