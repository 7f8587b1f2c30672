"""What the ledger holds: five kinds of records, none with personal data in clear.

```
opened ─► began · began · exchange · ended · began · ended …     one chain for each run of each instance
            └───────────────────────┘ `of` is the number of the `began` it ends
```

`returned` tells that the gateway's database was put back from a copy.

What goes to the centre, or is handed in, has two records: one before, one after. What is answered from what is known
here has one, written before it is shown. A `began` without an `ended` tells of an exchange whose end nobody wrote down:
the machine died, or it still runs.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.contract.messages import Source

Verb = Literal[
    "ask", "submit", "correct", "cancel", "retry", "hold", "release", "off", "export",
    "print", "download", "spoil", "refetch", "void",
    "person_add", "person_grant", "person_suspend", "person_resume", "person_set_up", "person_sign_out",
]  # fmt: skip
"""What is done: asked, handed in, or done about what was handed in (`off`: a switch by which nothing is taken in);
about documents: printed, its PDF given out, sheets told of as spoiled, fetched once more, made void;
or done about the account of a person who signs in (`person_…`)."""


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


class Facts(msgspec.Struct, frozen=True):
    """Who does what, for whom.

    Attributes:
        at: Unix seconds.
        verb: What is done.
        service: The centre's service that is asked, or the one that is handed in; empty where a switch names none.
        caller: The caller's id; `operator:<name>` where an operator acts, `person:<id>` where one signed in does.
        right: Name of the right; empty where an operator acts.
        adapter: Extension it came through, or `native`.
        village: Village code, empty if unknown.
        purpose: Purpose code of a question, the reason given for a deed that needs one; else empty.
        subject: Blind index of the NIK or KK number, hexadecimal; empty where only the submission is named.
        request_id: Correlation id.
    """

    at: float
    verb: Verb
    service: str
    caller: str
    right: str
    adapter: str
    village: str
    purpose: str
    subject: str
    request_id: str


class Began(Facts, frozen=True, tag_field="kind", tag="began", omit_defaults=True):
    """An exchange is about to reveal or change personal data.

    Attributes:
        target: What is handed in or acted upon: the submission's id, or `village:…`, `service:…`, `adapter:…`,
            `person:…`.
    """

    target: str = ""


class Exchanged(Facts, frozen=True, tag_field="kind", tag="exchange"):
    """An exchange from beginning to end: nothing left the gateway for it.

    Attributes:
        outcome: As in `ExchangeRecord`.
        source: Where the answer came from; None when there was none.
        age_seconds: Age of the answer; 0 when there was none.
    """

    outcome: str
    source: Source | None
    age_seconds: float


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


class Returned(msgspec.Struct, frozen=True, tag_field="kind", tag="returned"):
    """The gateway's database was put back from a copy; written at the next start.

    Attributes:
        at: When it was put back, Unix seconds.
        how: From what: `copy`, `backup`, or `marked` where it was done by other means.
        doubted: Submissions the centre had to be asked about.
    """

    at: float
    how: str
    doubted: int


Record = Opened | Began | Exchanged | Ended | Returned
"""Any record."""
