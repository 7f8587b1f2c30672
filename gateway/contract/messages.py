"""What travels between the rooms: who asks, what is asked, and what came back.

```
Caller ──holds──► Right                     who, and what its institution may ask
Question ─► Call (question + who + until when) ─► Answer (reply + as_of, source, age)
```

All values are frozen; times named `*_at` or `as_of` are Unix seconds (UTC), `deadline` is seconds on the
gateway's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable  # msgspec reads the annotations
from enum import IntEnum, StrEnum
from typing import Literal

import msgspec


class CentreService(StrEnum):
    """A kind of exchange with the centre; each has its own breaker, and each read its part of the allowance.

    The first three are questions. `SUBMISSION` and `RECORDING` are what is handed in, attachments and asking after it
    included; `EVENTS` is what the centre tells of its own accord.
    """

    BIODATA = "biodata"
    FAMILY_CARD = "family_card"
    VERIFY = "verify"
    SUBMISSION = "submission"
    RECORDING = "recording"
    EVENTS = "events"


READS = (CentreService.BIODATA, CentreService.FAMILY_CARD, CentreService.VERIFY)
"""The services that answer a `Question`."""


class Priority(IntEnum):
    """Class of a call; a smaller number goes first, weighted 8:4:2:1 while calls wait."""

    URGENT = 0
    COUNTER = 1
    ONLINE = 2
    BACKGROUND = 3


class Fate(StrEnum):
    """What the centre says of a resident (codes 11, 12, 14 of its dialect; else `ACTIVE`)."""

    ACTIVE = "active"
    DECEASED = "deceased"
    DUPLICATE = "duplicate"
    INACTIVE = "inactive"


class Right(msgspec.Struct, frozen=True):
    """What one institution may ask the centre (hak akses), without its credentials.

    Attributes:
        name: Config name.
        title: Name of the institution, for people.
        services: Services the right covers.
        fields: Wire names of the fields granted, such as `NAMA_LGKP`.
        purposes: Purpose codes the right was granted for.
        daily_allowance: Calls a day, or None where the centre sets none.
        villages: Undotted codes of the villages, districts or regencies it may serve; empty for all.
        hours: From and to, minutes after midnight in the configured zone, when it may ask; None for always.
        submissions: Services it may hand in, such as `birth`; `services` has `SUBMISSION` where there are any.
    """

    name: str
    title: str
    services: frozenset[CentreService]
    fields: frozenset[str]
    purposes: frozenset[str]
    daily_allowance: int | None = None
    villages: tuple[str, ...] = ()
    hours: tuple[int, int] | None = None
    submissions: frozenset[str] = frozenset()


class Caller(msgspec.Struct, frozen=True):
    """A regional app or desk, as its key identifies it.

    Attributes:
        id: Public part of its key; safe to log.
        name: What the admin called it.
        right: Name of the right it asks under, or None if it may not ask the centre.
        village: Undotted Kemendagri code it is bound to, or None for all.
        adapter: The one adapter it may use, or None for the native API.
        purposes: Purposes allowed, or None for all of the right's.
        fields: Fields allowed, or None for all of the right's.
        priority: Highest class it may claim.
        may_skip_cache: Whether `Cache-Control: no-cache` is honoured.
    """

    id: str
    name: str
    right: str | None = None
    village: str | None = None
    adapter: str | None = None
    purposes: frozenset[str] | None = None
    fields: frozenset[str] | None = None
    priority: Priority = Priority.COUNTER
    may_skip_cache: bool = False


class Question(msgspec.Struct, frozen=True):
    """A read of the centre.

    Attributes:
        service: Which service answers it, one of `READS`.
        subject: 16 digits: the NIK (biodata, verify) or the KK number (family card).
        elements: For verify: pairs of wire name and the value to compare. The centre's verdicts come in this order;
            who does not mind sorts them by name, so that equal questions share an answer.
        threshold: For verify: similarity threshold in percent (the wire's `TRESHOLD`), 1 to 100.
        by_nik: For family card: the subject is the NIK of a member instead of the card's number.
    """

    service: CentreService
    subject: str
    elements: tuple[tuple[str, str], ...] = ()
    threshold: int | None = None
    by_nik: bool = False


class Freshness(msgspec.Struct, frozen=True):
    """How old an answer the asker takes.

    Attributes:
        max_stale: Seconds past freshness that are still welcome while the centre could be asked; None
            leaves it to the config. It never limits the last known answer given while the centre is away
            unless `strict` is set.
        no_cache: Ask the centre even if a fresh answer is known.
        strict: Refuse rather than answer with anything older than asked for.
    """

    max_stale: float | None = None
    no_cache: bool = False
    strict: bool = False


class Call(msgspec.Struct, frozen=True):
    """One question on its way to the centre, with who asks and until when it matters.

    Attributes:
        question: What is asked.
        right: Name of the right it is asked under; answers are never shared across rights.
        caller: The caller's id.
        village: Whose fair share it takes: the village it is asked for, or a word for the key where that is unknown.
        adapter: Extension through which it came, or `native`.
        priority: Class in the queue.
        deadline: Monotonic seconds after which nobody waits for the answer.
        request_id: Correlation id of the request.
        traceparent: W3C trace context to pass on, or None.
        freshness: What the asker takes from the cache.
        written: Awaited before it goes on from memory to the centre; None if nothing has to be written down.
    """

    question: Question
    right: str
    caller: str
    village: str
    adapter: str
    priority: Priority
    deadline: float
    request_id: str
    traceparent: str | None = None
    freshness: Freshness = Freshness()
    written: Callable[[], Awaitable[None]] | None = None

    @property
    def service(self) -> CentreService:
        """The service that is asked."""
        return self.question.service


Source = Literal["centre", "cache"]


class Reply(msgspec.Struct, frozen=True):
    """What the centre said, checked and kept to the byte.

    Attributes:
        service: The service that answered.
        raw: The HTTP body as received.
        fate: State of the resident; anything but `ACTIVE` comes without biodata.
        quota_left: The centre's `quotaLimiter`, or None if the account shows none.
        found: False for the one negative answer that is an answer (code 13: not found); code 15, 05 and
            all refusals are raised as errors instead.
    """

    service: CentreService
    raw: bytes
    fate: Fate = Fate.ACTIVE
    quota_left: int | None = None
    found: bool = True


class Answer(msgspec.Struct, frozen=True):
    """A reply with its history.

    Attributes:
        reply: What the centre said.
        as_of: When the centre said it (Unix seconds).
        source: `centre` if it was asked for this call (or a call this one joined), else `cache`.
        age_seconds: Age when handed out.
        stale: Older than the config calls fresh.
        cache_status: Parameters for the `Cache-Status` header (RFC 9211), without the cache's name, such
            as `hit; ttl=55` or `fwd=uri-miss; stored`.
    """

    reply: Reply
    as_of: float
    source: Source
    age_seconds: float
    stale: bool = False
    cache_status: str = ""
