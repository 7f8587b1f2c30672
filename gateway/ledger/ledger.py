"""The ledger of one running gateway: one chain, one writer, one page for all that waits.

```
begin()                         nothing is written yet
  ├─► began()     ─► durable ─► the question leaves ─► ended()
  └─► exchanged() ─► durable ─► the answer is shown
```

A chain that does not end where this gateway left it was changed by somebody else: the ledger is *broken* and refuses
until the gateway is started anew, which opens a new chain that says so.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

import structlog

from gateway.contract.errors import Overloaded, OwnError
from gateway.contract.messages import CentreService
from gateway.database import DatabaseError, StorageFailed, StorageFault
from gateway.ledger import rows
from gateway.ledger.exchange import Beginning, Ending, Started, Told
from gateway.ledger.journal import HALF, Journal
from gateway.ledger.leftover import journal_file, take_over
from gateway.ledger.stores import DirectStore, JournalledStore
from gateway.ledger.writer import Writer
from gateway.vault.blind import BlindIndex
from gateway.vault.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Question
    from gateway.database import Database
    from gateway.ledger.exchange import Deed
    from gateway.ledger.records import Returned
    from gateway.ledger.stores import Store
    from gateway.vault.blind import Kind
    from gateway.vault.keys import Keyring

MOST_WAITING: Final = 8192
"""Records that may wait to be written; an exchange more is refused."""

REMEMBERED: Final = 4096
"""Blind indexes kept ready, beside as many answers that memory holds with the numbers in them."""

_LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")  # so that no log takes a chain's name for a long number
_log = structlog.get_logger("gateway.ledger")


class Ledger:
    """Writes one chain; made by `Ledger.open`.

    Args:
        database: The ledger's own, migrated; closed with the ledger.
        writer: Of the chain; closed with the ledger.
        signer: Signs the chain's checkpoints.
        index: Blind index of the purpose `ledger`.
        clock: The gateway's clock.
        most_waiting: Records that may wait to be written.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        signer: Signer,
        index: BlindIndex,
        clock: Clock,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._writer = writer
        self._signer = signer
        self._index = index
        self._subjects: dict[tuple[str, CentreService, bool], str] = {}
        self._now = clock.now
        self._most_waiting = most_waiting
        self._sealed = 0

    @classmethod
    async def open(
        cls,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        bits: Callable[[int], int],
        *,
        most_waiting: int = MOST_WAITING,
        half: int = HALF,
        journalled: bool = True,
    ) -> Ledger:
        """Open a new chain.

        Args:
            database: Migrated; the ledger closes it.
            keyring: Holds the key to sign under.
            clock: The gateway's clock.
            bits: Source of so many random bits, for the chain's name.
            most_waiting: Records that may wait to be written; an exchange more is refused.
            half: Bytes of a half of the journal, on SQLite.
            journalled: Use the journal, on SQLite; a command beside a running gateway may not, and commits each page.

        Raises:
            KeyMissingError: There is no key to sign under.
            StorageFailed: The ledger cannot be written.
        """
        signer = Signer(keyring)
        now = round(clock.now() * 1000)
        chain = f"{now:012x}{bits(64):016x}".translate(_LETTERS)
        journal = None
        if database.kind == "sqlite" and journalled:
            journal = await asyncio.to_thread(Journal, journal_file(database), half)
        try:
            if journal is not None:
                await take_over(database, journal, signer)
            tip = await database.write(partial(rows.open_chain, chain=chain, at_ms=now, signer=signer))
        except BaseException:
            if journal is not None:
                journal.close()
            raise
        _log.info("ledger.chain.opened", key=signer.public[:16])
        writer = Writer(partial(_store, database, journal, signer), clock, tip)
        return cls(database, writer, signer, BlindIndex(keyring, purpose="ledger"), clock, most_waiting)

    @property
    def broken(self) -> bool:
        """Whether somebody else changed the chain."""
        return self._writer.broken

    def begin(
        self, question: Question, caller: str, right: str, adapter: str, village: str, purpose: str, request_id: str
    ) -> Beginning:
        """See `Recorder.begin`."""
        service = question.service
        if self._writer.refuses or len(self._writer.waiting) >= self._most_waiting:
            self._refuse()
        place = (question.subject, service, question.by_nik)
        subject = self._subjects.get(place) or self._subject_of(place)
        return Beginning((self._now(), "ask", service, caller, right, adapter, village, purpose, subject, request_id))

    def begin_deed(self, deed: Deed) -> Beginning:
        """See `DeedRecorder.begin_deed`."""
        self._refuse_if_full()
        subject = ""
        if deed.no_kk is not None:
            subject = self._index.of("no_kk", deed.no_kk).hex()
        elif deed.nik is not None:
            subject = self._index.of("nik", deed.nik).hex()
        facts = (deed.service, deed.actor, deed.right, deed.adapter, deed.village, deed.reason, subject, "")
        return Beginning((self._now(), deed.verb, *facts), deed.target)

    async def began(self, beginning: Beginning) -> None:
        """See `Recorder.began`."""
        durable = beginning.durable
        if durable is None or durable.cancelled():
            self._refuse_if_full()
            beginning.durable = durable = self._writer.hand_over(Started(beginning))
        await asyncio.shield(durable)  # a refresh behind the asker's back may wait for the same

    def exchanged(self, beginning: Beginning, outcome: str, answer: Answer | None) -> Awaitable[None]:
        """See `Recorder.exchanged`."""
        if beginning.durable is not None:
            return self._ended_behind(beginning.durable, beginning, outcome, answer)
        if self._writer.refuses:
            self._refuse()
        beginning.end(outcome, answer)
        return self._writer.hand_over(beginning)

    async def returned(self, record: Returned) -> None:
        """Write down that the gateway's database was put back; durable once this returns.

        Raises:
            StorageFailed: It could not be written.
        """
        self._refuse_if_full()
        await self._writer.hand_over(Told(record))

    def ended(self, beginning: Beginning, outcome: str, answer: Answer | None) -> None:
        """See `Recorder.ended`."""
        if beginning.told:
            return
        if beginning.durable is None:
            beginning.end(outcome, answer)
            self._writer.leave(beginning)
        else:
            beginning.told = True
            self._writer.leave(Ending(beginning, self._now(), outcome, answer))

    async def checkpoint(self) -> None:
        """Sign where the chain stands, unless that was done; also told to the log, which is kept elsewhere.

        Raises:
            StorageFailed, DatabaseError: It could not be stored.
        """
        writer = self._writer
        async with writer.turn:
            if writer.tip.seq == self._sealed or not writer.is_certain:
                return
            await writer.store.settle()
            tip, now = writer.tip, round(self._now() * 1000)
            await self._database.write(partial(rows.seal, tip=tip, at_ms=now, signer=self._signer))
            self._sealed = tip.seq
        _log.info("ledger.checkpoint.signed", chain=tip.chain, records=tip.seq, hash=_spaced(tip.hash))

    async def fault(self) -> str:
        """Why the ledger refuses; empty if it does not."""
        if self.broken:
            return "broken: run siak-gateway ledger verify, then start anew"
        return "" if await self._database.writable() else "not writable"

    async def close(self) -> None:
        """Write what waits, sign the end, and close the database; may be called again."""
        writer = self._writer
        if writer.closed:
            return
        writer.close()
        try:
            await writer.finish()
            await self.checkpoint()
            await writer.store.settle()
        except (OwnError, DatabaseError) as error:
            _log.error("ledger.close.failed", error=type(error).__name__, lost=len(writer.waiting))
        finally:
            await writer.store.close()
            await self._database.close()

    async def _ended_behind(
        self, durable: asyncio.Future[None], beginning: Beginning, outcome: str, answer: Answer | None
    ) -> None:
        """The end of what went to the centre, once it is certain that its beginning stands there."""
        await asyncio.shield(durable)
        self.ended(beginning, outcome, answer)

    def _subject_of(self, place: tuple[str, CentreService, bool]) -> str:
        """The blind index of whom a question is about, remembered: asked once, they are often asked again."""
        digits, service, by_nik = place
        kind: Kind = "no_kk" if service is CentreService.FAMILY_CARD and not by_nik else "nik"
        if len(self._subjects) >= REMEMBERED:
            self._subjects.clear()
        subject = self._subjects[place] = self._index.of(kind, digits).hex()
        return subject

    def _refuse_if_full(self) -> None:
        if self._writer.refuses or len(self._writer.waiting) >= self._most_waiting:
            self._refuse()

    def _refuse(self) -> NoReturn:
        if self._writer.refuses:
            raise StorageFailed(StorageFault.CORRUPT if self.broken else StorageFault.CLOSED)
        raise Overloaded(retry_after=1.0)


def _store(database: Database, journal: Journal | None, signer: Signer, lost: Callable[[], None]) -> Store:
    """Where the pages of a chain go."""
    return DirectStore(database, signer) if journal is None else JournalledStore(database, journal, signer, lost)


def _spaced(digits: str) -> str:
    """A hash in groups, or a log might take a part of it for a population number."""
    return ":".join(digits[start : start + 8] for start in range(0, len(digits), 8))
