"""The ledger of one running gateway: one chain, one writer, one page for all that waits.

```
begin()                         nothing is written yet
  ├─► began()     ─► waiting ─┐                          ┌─► durable: all of them go on
  ├─► exchanged() ─► waiting ─┼─► [ page ► signed end ] ─┤
  └─► ended()     ─► waiting ─┘      one at a time       └─► refused: nobody goes on; ends wait for the next page
```

A chain that does not end where this gateway left it was changed by somebody else: the ledger is *broken* and refuses
until the gateway is started anew, which opens a new chain that says so.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from gateway.contract.errors import Overloaded, OwnError
from gateway.contract.messages import CentreService
from gateway.database import DatabaseError, StorageFailed, StorageFault
from gateway.ledger import rows
from gateway.ledger.exchange import Beginning, Ending, Started, Told
from gateway.ledger.journal import HALF, Journal
from gateway.ledger.leftover import journal_file, take_over
from gateway.ledger.lines import page
from gateway.ledger.stores import DirectStore, JournalledStore
from gateway.vault.blind import BlindIndex
from gateway.vault.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Question
    from gateway.database import Database
    from gateway.ledger.exchange import Deed, Waiting
    from gateway.ledger.lines import Page, Tip
    from gateway.ledger.records import Returned
    from gateway.ledger.stores import Store
    from gateway.vault.blind import Kind
    from gateway.vault.keys import Keyring

ENDED_WITHIN: Final = 0.25
"""Seconds an end nobody waits for stays without company before it is written by itself."""

AGAIN_AFTER: Final = 1.0
"""Seconds after which a refused end is tried again."""

MOST_WAITING: Final = 8192
"""Records that may wait to be written; an exchange more is refused."""

MOST_IN_PAGE: Final = 512
"""Records made durable together, at most."""

BUSY: Final = 8
"""Records in a page from which on the next one is given time to fill, unless as many wait already."""

_LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")  # so that no log takes a chain's name for a long number
_log = structlog.get_logger("gateway.ledger")


class Ledger:
    """Writes one chain; made by `Ledger.open`.

    Args:
        database: The ledger's own, migrated; closed with the ledger.
        store: Where pages go; closed with the ledger.
        signer: Signs the chain's checkpoints.
        index: Blind index of the purpose `ledger`.
        clock: The gateway's clock.
        tip: Where the chain stands.
        most_waiting: Records that may wait to be written.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        signer: Signer,
        index: BlindIndex,
        clock: Clock,
        tip: Tip,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._store = store
        self._signer = signer
        self._index = index
        self._clock = clock
        self._tip = tip
        self._most_waiting = most_waiting
        self._uncertain: Tip | None = None
        self._sealed = 0
        self._waiting: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self.broken = False

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
                await take_over(database, journal)
            tip = await database.write(partial(rows.open_chain, chain=chain, at_ms=now, signer=signer))
        except BaseException:
            if journal is not None:
                journal.close()
            raise
        _log.info("ledger.chain.opened", key=signer.public[:16])
        index = BlindIndex(keyring, purpose="ledger")
        direct = DirectStore(database, signer)
        ledger = cls(database, direct, signer, index, clock, tip, most_waiting)
        if journal is not None:
            ledger._store = JournalledStore(database, journal, signer, ledger._break)
        return ledger

    def begin(
        self, question: Question, *, caller: str, right: str, adapter: str, village: str, purpose: str, request_id: str
    ) -> Beginning:
        """See `Recorder.begin`."""
        service = question.service
        kind: Kind = "no_kk" if service is CentreService.FAMILY_CARD and not question.by_nik else "nik"
        self._refuse_if_full()
        subject = self._index.of(kind, question.subject).hex()
        return Beginning(
            (self._clock.now(), "ask", service, caller, right, adapter, village, purpose, subject, request_id)
        )

    def begin_deed(self, deed: Deed) -> Beginning:
        """See `DeedRecorder.begin_deed`."""
        self._refuse_if_full()
        subject = ""
        if deed.no_kk is not None:
            subject = self._index.of("no_kk", deed.no_kk).hex()
        elif deed.nik is not None:
            subject = self._index.of("nik", deed.nik).hex()
        facts = (deed.service, deed.actor, deed.right, deed.adapter, deed.village, deed.reason, subject, "")
        return Beginning((self._clock.now(), deed.verb, *facts), deed.target)

    async def began(self, beginning: Beginning) -> None:
        """See `Recorder.began`."""
        durable = beginning.durable
        if durable is None or durable.cancelled():
            self._refuse_if_full()
            beginning.durable = durable = self._loop.create_future()
            self._hand_over(Started(beginning))
        await asyncio.shield(durable)  # a refresh behind the asker's back may wait for the same

    async def exchanged(self, beginning: Beginning, outcome: str, answer: Answer | None) -> None:
        """See `Recorder.exchanged`."""
        if beginning.durable is not None:
            await asyncio.shield(beginning.durable)
            self.ended(beginning, outcome, answer)
            return
        if self.broken or self._closed:
            self._refuse_if_full()
        beginning.told = True
        beginning.whole(outcome, answer)
        beginning.durable = durable = self._loop.create_future()
        self._hand_over(beginning)
        await durable

    async def returned(self, record: Returned) -> None:
        """Write down that the gateway's database was put back; durable once this returns.

        Raises:
            StorageFailed: It could not be written.
        """
        self._refuse_if_full()
        durable: asyncio.Future[None] = self._loop.create_future()
        self._hand_over(Told(record, durable))
        await durable

    def ended(self, beginning: Beginning, outcome: str, answer: Answer | None) -> None:
        """See `Recorder.ended`."""
        if beginning.told:
            return
        beginning.told = True
        if beginning.durable is None:
            beginning.whole(outcome, answer)
            self._waiting.append(beginning)
        else:
            self._waiting.append(Ending(beginning, self._clock.now(), outcome, answer))
        if self._task is None and self._timer is None:
            self._timer = self._loop.call_later(ENDED_WITHIN, self._start)

    async def checkpoint(self) -> None:
        """Sign where the chain stands, unless that was done; also told to the log, which is kept elsewhere.

        Raises:
            StorageFailed, DatabaseError: It could not be stored.
        """
        async with self._turn:
            if self._tip.seq == self._sealed or self._uncertain is not None or self.broken:
                return
            await self._store.settle()
            tip, now = self._tip, round(self._clock.now() * 1000)
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
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        try:
            if self._task is not None:
                await self._task
            await self._write_on(everything=True)
            await self.checkpoint()
            await self._store.settle()
        except (OwnError, DatabaseError) as error:
            _log.error("ledger.close.failed", error=type(error).__name__, lost=len(self._waiting))
        finally:
            await self._store.close()
            await self._database.close()

    def _refuse_if_full(self) -> None:
        if self.broken or self._closed:
            raise StorageFailed(StorageFault.CORRUPT if self.broken else StorageFault.CLOSED)
        if len(self._waiting) >= self._most_waiting:
            raise Overloaded(retry_after=1.0)

    def _hand_over(self, waiting: Waiting) -> None:
        """Have something written at the next turn."""
        self._waiting.append(waiting)
        if self._task is None:
            self._start()

    def _break(self) -> None:
        self.broken = True

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        wait = AGAIN_AFTER
        try:
            if await self._write_on():
                wait = ENDED_WITHIN
        finally:
            self._task = None
            if self._waiting:
                self._timer = self._loop.call_later(wait, self._start)

    async def _write_on(self, *, everything: bool = False) -> bool:
        """Write pages until nobody waits (or nothing at all is left), or one is refused; whether none was."""
        while self._waiting:
            async with self._turn:
                taken, self._waiting = self._waiting[:MOST_IN_PAGE], self._waiting[MOST_IN_PAGE:]
                if not await self._write(taken):
                    return False
            if len(self._waiting) < BUSY <= len(taken):
                await self._store.gather()
            if not everything and not any(one.durable is not None for one in self._waiting):
                break
        return True

    async def _write(self, taken: list[Waiting]) -> bool:
        """Write a page of them; whether that went well. Whoever waits is told, refused endings wait again."""
        new: Page | None = None
        try:
            await self._make_certain()
            new = page(self._tip, self._encoded(taken))
            if new.tip.seq > new.before.seq:
                now = round(self._clock.now() * 1000)
                await self._store.append(new, now, busy=len(taken) >= BUSY)
        except Exception as error:  # noqa: BLE001 # whoever waits is told, whatever it was
            self._refuse(taken, new, error)
            return False
        self._tip = new.tip
        for one in taken:
            if one.durable is not None and not one.durable.done():
                one.durable.set_result(None)
        return True

    def _encoded(self, taken: list[Waiting]) -> list[bytes]:
        """Their records, in order; without the ends of what was never written."""
        seq, records = self._tip.seq + 1, []
        for one in taken:
            record = one.encoded(seq)
            if record is not None:
                records.append(record)
                seq += 1
        return records

    async def _make_certain(self) -> None:
        """After a page nobody knows the fate of: see where the chain stands.

        Raises:
            StorageFailed: It cannot be seen, or it stands where this gateway never left it.
        """
        if self.broken:
            raise StorageFailed(StorageFault.CORRUPT)
        if self._uncertain is None:
            return
        found = await self._store.find_tip(self._tip.chain)
        if found is None or found not in (self._tip, self._uncertain):
            raise StorageFailed(StorageFault.CORRUPT)
        self._tip, self._uncertain = found, None

    def _refuse(self, taken: list[Waiting], new: Page | None, error: Exception) -> None:
        fault = error.fault if isinstance(error, StorageFailed) else StorageFault.GONE
        if new is not None and getattr(error, "executed", "no") == "unknown":
            self._uncertain = new.tip
        self.broken = self.broken or fault is StorageFault.CORRUPT
        _log.error("ledger.page.failed", records=len(taken), error=type(error).__name__, fault=fault)
        for one in taken:
            if isinstance(one, Started):
                one.beginning.seq = None
            durable = one.durable
            if durable is not None and not durable.done():
                durable.set_exception(StorageFailed(fault))
                durable.exception()  # who left does not hear of it
        endings = [one for one in taken if isinstance(one, Ending) and one.beginning.seq is not None]
        self._waiting = [*([] if self.broken else endings), *self._waiting]


def _spaced(digits: str) -> str:
    """A hash in groups, or a log might take a part of it for a population number."""
    return ":".join(digits[start : start + 8] for start in range(0, len(digits), 8))
