"""One exchange on its way into the ledger, and how a flow writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from gateway.ledger.records import Began, Ended, Exchanged, Verb  # msgspec reads `Verb`

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable

    from gateway.contract.messages import Answer, Question, Source
    from gateway.ledger.records import Returned

_encode = msgspec.json.Encoder().encode

Facts = tuple[float, "Verb", str, str, str, str, str, str, str, str]
"""The fields of `records.Facts`."""


class Deed(msgspec.Struct, frozen=True):
    """Something done that is no question.

    Attributes:
        verb, service, right, adapter, village: As in `records.Facts`.
        actor: Who does it: a caller's id, `operator:<name>` or `person:<id>`.
        target: As in `records.Began`.
        nik: Number it is about, if it is known by it and by no KK number.
        no_kk: KK number it is about, if it is known.
        reason: Why, in the words of who does it; without personal data.
    """

    verb: Verb
    actor: str
    target: str
    service: str = ""
    right: str = ""
    adapter: str = ""
    village: str = ""
    nik: str | None = None
    no_kk: str | None = None
    reason: str = ""

    def __repr__(self) -> str:
        return f"Deed({self.verb}, {self.target})"


class Beginning:
    """An exchange, from its beginning to its end; itself what is written of it where one record is all.

    Attributes:
        facts: Who does what, for whom.
        target: As in `records.Began`.
        durable: Settled once what is written of it is durable; None while nothing is, and where nobody waits for that.
        seq: Number of its `began` once it is in a page; None before, and where it was refused or has none.
        told: Its end was handed over to be written.
        outcome: As in `records.Exchanged`, where one record is all.
        answer: What is shown; None if there is none.
    """

    __slots__ = ("answer", "durable", "facts", "outcome", "seq", "target", "told")

    def __init__(self, facts: Facts, target: str = "") -> None:
        self.facts = facts
        self.target = target
        self.durable: asyncio.Future[None] | None = None
        self.seq: int | None = None
        self.told = False

    def end(self, outcome: str, answer: Answer | None) -> None:
        """Make one record of it."""
        self.told = True
        self.outcome = outcome
        self.answer = answer

    def encoded(self, _seq: int) -> bytes | None:
        """Its one record."""
        return _encode(Exchanged(*self.facts, self.outcome, *_shown(self.answer)))


class Started:
    """A `began` on its way into a page."""

    __slots__ = ("beginning", "durable")

    def __init__(self, beginning: Beginning) -> None:
        self.beginning = beginning
        self.durable: asyncio.Future[None] | None = None

    def encoded(self, seq: int) -> bytes | None:
        """The record, given its number."""
        self.beginning.seq = seq
        return _encode(Began(*self.beginning.facts, target=self.beginning.target))


class Ending:
    """The end of an exchange, to be written once its beginning is; nobody waits for it."""

    __slots__ = ("answer", "at", "beginning", "durable", "outcome")

    def __init__(self, beginning: Beginning, at: float, outcome: str, answer: Answer | None) -> None:
        self.beginning = beginning
        self.durable: asyncio.Future[None] | None = None
        self.at = at
        self.outcome = outcome
        self.answer = answer

    def encoded(self, _seq: int) -> bytes | None:
        """The record; None if its beginning was never written."""
        of = self.beginning.seq
        return None if of is None else _encode(Ended(of, self.at, self.outcome, *_shown(self.answer)))


class Told:
    """A record that is no exchange's, and whose writer waits for it."""

    __slots__ = ("_record", "durable")

    def __init__(self, record: Returned) -> None:
        self._record = record
        self.durable: asyncio.Future[None] | None = None

    def encoded(self, _seq: int) -> bytes | None:
        """The record."""
        return _encode(self._record)


Waited = Beginning | Started | Told
"""What is on its way into a page, and somebody waits for it."""

Waiting = Waited | Ending
"""What is on its way into a page."""


def _shown(answer: Answer | None) -> tuple[Source | None, float]:
    """Source and age of an answer, to the millisecond."""
    return (None, 0.0) if answer is None else (answer.source, int(answer.age_seconds * 1000) / 1000)


class Recorder(Protocol):
    """What a flow writes an exchange down by."""

    def begin(
        self, question: Question, caller: str, right: str, adapter: str, village: str, purpose: str, request_id: str
    ) -> Beginning:
        """A question that will be asked; nothing is written yet.

        Raises:
            StorageFailed: The ledger is broken; nothing may be revealed.
            Overloaded: Too much is waiting to be written.
        """
        ...

    async def began(self, beginning: Beginning) -> None:
        """Write down that it leaves the gateway; durable once this returns. May be called again.

        Raises:
            StorageFailed: It could not be written; nothing may be revealed.
        """
        ...

    def exchanged(self, beginning: Beginning, outcome: str, answer: Answer | None) -> Awaitable[None]:
        """Write down what will be revealed; what is durable once this was awaited tells that something was.

        Raises:
            StorageFailed: It could not be written; nothing may be revealed.
        """
        ...

    def ended(self, beginning: Beginning, outcome: str, answer: Answer | None) -> None:
        """Have the end written down, soon, unless that was done."""
        ...


class DeedRecorder(Protocol):
    """What a flow writes a deed down by."""

    def begin_deed(self, deed: Deed) -> Beginning:
        """Something that will be handed in, or done about what was; nothing is written yet. Errors as of `began`."""
        ...

    async def began(self, beginning: Beginning) -> None:
        """Write it down; durable once this returns.

        Raises:
            StorageFailed: It could not be written; nothing may be done.
            Overloaded: Too much is waiting to be written.
        """
        ...

    def ended(self, beginning: Beginning, outcome: str, answer: Answer | None) -> None:
        """Have the end written down, soon."""
        ...
