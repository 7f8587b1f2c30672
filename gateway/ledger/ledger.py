"""The ledger of one running gateway: one chain, one writer, one commit for all that waits.

```
began() ─► waiting ─┐                          ┌─► committed: all of them go on
ended() ─► waiting ─┴─► [ page ► signed end ] ─┤
                            one at a time      └─► refused: no `began` goes on; `ended` waits for the next page
```

A chain that does not end where this gateway left it was changed by somebody else: the ledger is *broken* and refuses
until the gateway is started anew, which opens a new chain that says so.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import structlog

from gateway.contract.errors import Overloaded, OwnError
from gateway.contract.events import ABANDONED
from gateway.contract.messages import CentreService
from gateway.database import DatabaseError, StorageFailed, StorageFault
from gateway.ledger import rows
from gateway.ledger.lines import page
from gateway.ledger.records import Began, Ended
from gateway.vault.blind import BlindIndex
from gateway.vault.signer import Signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Question
    from gateway.database import Database
    from gateway.ledger.lines import Page, Tip
    from gateway.vault.blind import Kind
    from gateway.vault.keys import Keyring

ENDED_WITHIN: Final = 0.25
"""Seconds an `ended` waits for company before it is written by itself."""

AGAIN_AFTER: Final = 1.0
"""Seconds after which a refused `ended` is tried again."""

MOST_WAITING: Final = 8192
"""Records that may wait to be written; a `began` more is refused."""

MOST_IN_PAGE: Final = 512
"""Records committed together, at most."""

BUSY: Final = 8
"""Records in a page from which on the next one is given time to fill."""

SHARE: Final = 0.5
"""That time, as a share of what the last page took to commit."""

LONGEST_PAUSE: Final = 0.002
"""The same, at most, in seconds."""

_LETTERS = str.maketrans("0123456789", "ghjkmnpqrs")  # so that no log takes a chain's name for a long number
_log = structlog.get_logger("gateway.ledger")
_encode = msgspec.json.Encoder().encode


class Beginning:
    """An exchange that is being written down.

    Attributes:
        record: What is written.
        seq: Its number once it is in a page; None before, and where it was refused.
    """

    __slots__ = ("durable", "record", "seq")

    def __init__(self, record: Began, durable: asyncio.Future[None]) -> None:
        self.record = record
        self.durable = durable
        self.seq: int | None = None


class _Ending:
    """The end of an exchange, to be written once its beginning is."""

    __slots__ = ("answer", "at", "beginning", "outcome")

    def __init__(self, beginning: Beginning, at: float, outcome: str, answer: Answer | None) -> None:
        self.beginning = beginning
        self.at = at
        self.outcome = outcome
        self.answer = answer

    def record(self, of: int) -> Ended:
        """What is written."""
        answer = self.answer
        if answer is None:
            return Ended(of, self.at, self.outcome, None, 0.0)
        return Ended(of, self.at, self.outcome, answer.source, answer.age_seconds)


class Recorder(Protocol):
    """What a flow writes an exchange down by."""

    async def began(
        self, question: Question, *, caller: str, right: str, adapter: str, village: str, purpose: str, request_id: str
    ) -> Beginning:
        """Write down that a question will be asked; durable once this returns.

        Raises:
            StorageFailed: It could not be written; nothing may be revealed.
            Overloaded: Too much is waiting to be written.
        """
        ...

    def ended(self, beginning: Beginning, outcome: str, answer: Answer | None) -> None:
        """Have the end written down, soon."""
        ...


class Ledger:
    """Writes one chain; made by `Ledger.open`.

    Args:
        database: The ledger's own, migrated; closed with the ledger.
        signer: Signs the chain's end and its checkpoints.
        index: Blind index of the purpose `ledger`.
        clock: The gateway's clock.
        tip: Where the chain stands.
    """

    def __init__(self, database: Database, signer: Signer, index: BlindIndex, clock: Clock, tip: Tip) -> None:
        self._database = database
        self._signer = signer
        self._index = index
        self._clock = clock
        self._tip = tip
        self._uncertain: Tip | None = None
        self._sealed = 0
        self._waiting: list[Beginning | _Ending] = []
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self.broken = False

    @classmethod
    async def open(cls, database: Database, keyring: Keyring, clock: Clock, bits: Callable[[int], int]) -> Ledger:
        """Open a new chain.

        Args:
            database: Migrated; the ledger closes it.
            keyring: Holds the key to sign under.
            clock: The gateway's clock.
            bits: Source of so many random bits, for the chain's name.

        Raises:
            KeyMissingError: There is no key to sign under.
            StorageFailed: The ledger cannot be written.
        """
        signer = Signer(keyring)
        now = round(clock.now() * 1000)
        chain = f"{now:012x}{bits(64):016x}".translate(_LETTERS)
        tip = await database.write(partial(rows.open_chain, chain=chain, at_ms=now, signer=signer))
        _log.info("ledger.chain.opened", key=signer.public[:16])
        return cls(database, signer, BlindIndex(keyring, purpose="ledger"), clock, tip)

    async def began(
        self, question: Question, *, caller: str, right: str, adapter: str, village: str, purpose: str, request_id: str
    ) -> Beginning:
        """See `Recorder.began`."""
        if self.broken:
            raise StorageFailed(StorageFault.CORRUPT)
        if len(self._waiting) >= MOST_WAITING:
            raise Overloaded(retry_after=1.0)
        service = question.service
        kind: Kind = "no_kk" if service is CentreService.FAMILY_CARD and not question.by_nik else "nik"
        subject = self._index.of(kind, question.subject).hex()
        record = Began(self._clock.now(), "ask", service, caller, right, adapter, village, purpose, subject, request_id)
        beginning = Beginning(record, asyncio.get_running_loop().create_future())
        self._waiting.append(beginning)
        if self._task is None:
            self._start()
        try:
            await beginning.durable
        except asyncio.CancelledError:  # it may be in a page under way: then its end is told too
            self.ended(beginning, ABANDONED, None)
            raise
        return beginning

    def ended(self, beginning: Beginning, outcome: str, answer: Answer | None) -> None:
        """See `Recorder.ended`."""
        self._waiting.append(_Ending(beginning, self._clock.now(), outcome, answer))
        if self._task is None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ENDED_WITHIN, self._start)

    async def checkpoint(self) -> None:
        """Sign where the chain stands, unless that was done; also told to the log, which is kept elsewhere.

        Raises:
            StorageFailed, DatabaseError: It could not be stored.
        """
        async with self._turn:
            if self._tip.seq == self._sealed or self._uncertain is not None or self.broken:
                return
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
        """Write what waits, sign the end, and close the database."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            if self._task is not None:
                await self._task
            await self._write_on(everything=True)
            await self.checkpoint()
        except (OwnError, DatabaseError) as error:
            _log.error("ledger.close.failed", error=type(error).__name__, lost=len(self._waiting))
        finally:
            await self._database.close()

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        wait = AGAIN_AFTER
        try:
            if await self._write_on():
                wait = ENDED_WITHIN
        finally:
            self._task = None
            if self._waiting:
                self._timer = asyncio.get_running_loop().call_later(wait, self._start)

    async def _write_on(self, *, everything: bool = False) -> bool:
        """Write pages until no beginning waits (or nothing at all), or one is refused; whether none was."""
        while self._waiting:
            async with self._turn:
                taken, self._waiting = self._waiting[:MOST_IN_PAGE], self._waiting[MOST_IN_PAGE:]
                started = self._clock.monotonic()
                if not await self._write(taken):
                    return False
                took = self._clock.monotonic() - started
            if len(taken) >= BUSY:
                await asyncio.sleep(min(took * SHARE, LONGEST_PAUSE))
            if not everything and not any(isinstance(one, Beginning) for one in self._waiting):
                break
        return True

    async def _write(self, taken: list[Beginning | _Ending]) -> bool:
        """Write a page of them; whether that went well. All beginnings are settled, refused endings wait again."""
        new: Page | None = None
        try:
            await self._make_certain()
            new = page(self._tip, self._number(taken))
            if new.tip.seq > new.before.seq:
                now = round(self._clock.now() * 1000)
                await self._database.write(partial(rows.append, new=new, at_ms=now, signer=self._signer))
        except Exception as error:  # noqa: BLE001 # whoever waits is told, whatever it was
            self._refuse(taken, new, error)
            return False
        self._tip = new.tip
        for one in taken:
            if isinstance(one, Beginning) and not one.durable.done():
                one.durable.set_result(None)
        return True

    def _number(self, taken: list[Beginning | _Ending]) -> list[bytes]:
        """Their records, each beginning told its number; without what was left before it was written."""
        seq, records = self._tip.seq, []
        for one in taken:
            if isinstance(one, Beginning):
                if one.durable.cancelled():
                    continue
                seq += 1
                one.seq = seq
                records.append(_encode(one.record))
            elif (of := one.beginning.seq) is not None:
                seq += 1
                records.append(_encode(one.record(of)))
        return records

    async def _make_certain(self) -> None:
        """After a commit nobody knows the end of: see where the chain stands.

        Raises:
            StorageFailed: It cannot be seen, or it stands where this gateway never left it.
        """
        if self.broken:
            raise StorageFailed(StorageFault.CORRUPT)
        if self._uncertain is None:
            return
        found = await self._database.write(partial(rows.find_tip, chain=self._tip.chain))
        if found not in (self._tip, self._uncertain):
            raise StorageFailed(StorageFault.CORRUPT)
        self._tip, self._uncertain = found, None

    def _refuse(self, taken: list[Beginning | _Ending], new: Page | None, error: Exception) -> None:
        fault = error.fault if isinstance(error, StorageFailed) else StorageFault.GONE
        if new is not None and getattr(error, "executed", "no") == "unknown":
            self._uncertain = new.tip
        self.broken = self.broken or fault is StorageFault.CORRUPT
        _log.error("ledger.page.failed", records=len(taken), error=type(error).__name__, fault=fault)
        for one in taken:
            if isinstance(one, Beginning):
                one.seq = None
                if not one.durable.done():
                    one.durable.set_exception(StorageFailed(fault))
        endings = [one for one in taken if isinstance(one, _Ending) and one.beginning.seq is not None]
        self._waiting = [*([] if self.broken else endings), *self._waiting]


def _spaced(digits: str) -> str:
    """A hash in groups, or a log might take a part of it for a population number."""
    return ":".join(digits[start : start + 8] for start in range(0, len(digits), 8))
