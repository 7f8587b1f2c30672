"""The ledger over both databases: durable before it answers, refusing rather than forgetting."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from gateway.contract.errors import Overloaded
from gateway.contract.events import ABANDONED
from gateway.contract.messages import Answer, CentreService, Question, Reply
from gateway.database import Database, StorageFailed, StorageFault
from gateway.database.migrate import migrate
from gateway.ledger import TABLES, audit, rows
from gateway.ledger.journal import HALF
from gateway.ledger.ledger import MOST_WAITING, Ledger
from gateway.ledger.leftover import settle
from gateway.ledger.records import Began, Opened, Record
from gateway.vault.errors import KeyMissingError
from gateway.vault.keys import Keyring
from gateway.vault.signer import Signer
from gateway.wiring.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.ledger.audit import Report
    from gateway.ledger.exchange import Beginning
    from gateway.ledger.lines import Page
    from gateway.ledger.stores import Store

KEYRING = Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32, ledger=b"l" * 32)
SIGNER = Signer(KEYRING)
NIK = "3527012904900001"
ANSWER = Answer(Reply(CentreService.BIODATA, b"{}"), 1.0, "cache", 7.0)
BITS = itertools.count(1)


@asynccontextmanager
async def opened(url: str, most_waiting: int = MOST_WAITING, half: int = HALF) -> AsyncIterator[Ledger]:
    """A ledger with a new chain."""
    migrate(url, (TABLES,))
    one = await Ledger.open(
        Database.open(url), KEYRING, SystemClock(), lambda _: next(BITS), most_waiting=most_waiting, half=half
    )
    try:
        yield one
    finally:
        await one.close()


async def begin(one: Ledger, service: CentreService = CentreService.BIODATA) -> Beginning:
    """Write down that somebody is asked for."""
    beginning = start(one, service)
    await one.began(beginning)
    return beginning


async def begin_on(one: Ledger, written: list[Beginning]) -> None:
    """Write down that somebody is asked for, again and again, until that is refused."""
    async with asyncio.timeout(10):
        while True:
            written.append(await begin(one))  # what was written before the refusal counts


def start(one: Ledger, service: CentreService = CentreService.BIODATA) -> Beginning:
    """Say that somebody will be asked for."""
    return one.begin(
        Question(service, NIK), caller="c", right="r", adapter="native", village="", purpose="p", request_id="q"
    )


def report(url: str) -> Report:
    """What verifying finds."""
    database = Database.open(url)
    try:
        return audit.verify(database, SIGNER.public)
    finally:
        database.close_sync()


def records(url: str) -> list[Record]:
    """All records, as exported."""
    database = left_behind(url)
    try:
        return [msgspec.json.decode(line.record, type=Record) for _, line in audit.export(database)]
    finally:
        database.close_sync()


def left_behind(url: str) -> Database:
    """The database as the next start would find it if the gateway were killed now."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    if url.startswith("sqlite"):
        copy = folder.with_name("left")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        url = f"sqlite:///{copy}/ledger.db"
    database = Database.open(url)
    settle(database, SIGNER)
    return database


def change(url: str, statement: str) -> None:
    """Do what somebody else does to the database."""
    database = Database.open(url)
    try:
        database.write_sync(lambda connection: connection.execute(sa.text(statement)))
    finally:
        database.close_sync()


def test_what_began_is_there_before_it_returns(url: str) -> None:
    """Whoever kills the gateway the moment `began` returns leaves the record behind; no NIK stands in it."""

    async def run() -> None:
        async with opened(url) as one:
            beginning = await begin(one)
            assert beginning.seq == 2
            assert [type(record).__name__ for record in records(url)] == ["Opened", "Began"]
            one.ended(beginning, "answered", ANSWER)
            await begin(one, CentreService.FAMILY_CARD)

    asyncio.run(run())
    _, first, ended, second = records(url)
    assert msgspec.to_builtins(ended) | {"at": 0} == {
        "kind": "ended", "of": 2, "at": 0, "outcome": "answered", "source": "cache", "age_seconds": 7.0,
    }  # fmt: skip
    assert isinstance(first, Began)
    assert isinstance(second, Began)
    assert first.subject != second.subject  # a NIK and a KK of equal digits do not meet
    assert NIK not in str(records(url))
    found = report(url)
    assert (found.faults, found.chains[0].unfinished, found.checkpoints) == ((), 1, 1)


def test_many_at_once_share_pages(url: str) -> None:
    """Hundreds of exchanges at once take few commits, and every one is there with its end."""

    async def exchange(one: Ledger) -> None:
        one.ended(await begin(one), "answered", None)

    async def run() -> None:
        async with opened(url) as one:
            await asyncio.gather(*(exchange(one) for _ in range(700)))

    asyncio.run(run())
    found = report(url)
    assert (found.faults, found.chains[0].records, found.chains[0].unfinished) == ((), 1401, 0)
    database = Database.open(url)
    _, pages = database.read_sync(lambda connection: rows.head_and_pages(connection, found.chains[0].chain, -1, 99))
    database.close_sync()
    assert len(pages) <= 12


def test_an_end_is_written_by_itself_after_a_moment(url: str) -> None:
    """It need not wait for the next exchange."""

    async def run() -> None:
        async with opened(url) as one:
            one.ended(await begin(one), "answered", None)
            loop = asyncio.get_running_loop()
            until = loop.time() + 10
            while len(records(url)) < 3 and loop.time() < until:
                await asyncio.to_thread(records, url)
            assert len(records(url)) == 3

    asyncio.run(run())


def test_each_run_opens_a_chain_that_names_the_one_before(url: str) -> None:
    """So that the removal of a whole chain is found, and also that of the end of an earlier one."""

    async def run() -> None:
        for _ in range(3):
            async with opened(url) as one:
                await begin(one)

    asyncio.run(run())
    whole = report(url)
    assert (whole.faults, [chain.number for chain in whole.chains]) == ((), [1, 2, 3])
    second = whole.chains[1].chain
    for table in ("pages", "heads", "checkpoints"):
        change(url, f"DELETE FROM ledger_{table} WHERE chain = '{second}'")  # noqa: S608 # a name made here
    assert [(fault.kind, fault.chain) for fault in report(url).faults] == [("chain_missing", second)]
    first = whole.chains[0].chain
    change(url, f"DELETE FROM ledger_heads WHERE chain = '{first}'")  # noqa: S608 # the same
    assert ("truncated", first) in [(fault.kind, fault.chain) for fault in report(url).faults]


@pytest.mark.parametrize("half", [6_000])
def test_a_ledger_that_cannot_write_refuses_and_goes_on_when_it_can(url: str, half: int) -> None:
    """Nothing is let through unwritten, and all that was let through is there; a refused end is written later.

    On SQLite the journal takes some pages while the database is away.
    """

    async def run() -> None:
        async with opened(url, half=half) as one:
            beginning = await begin(one)
            change(url, "ALTER TABLE ledger_pages RENAME TO ledger_pages_away")
            one.ended(beginning, "answered", None)
            with pytest.raises(StorageFailed) as refused:
                await begin_on(one, written)
            assert (refused.value.fault, refused.value.executed) == (StorageFault.NOT_MIGRATED, "no")
            change(url, "ALTER TABLE ledger_pages_away RENAME TO ledger_pages")
            written.append(await begin(one))
            assert await one.fault() == ""

    written: list[Beginning] = []
    asyncio.run(run())
    assert [type(record).__name__ for record in records(url)].count("Began") == 1 + len(written)
    assert (report(url).faults, report(url).chains[0].unfinished) == ((), len(written))


def test_a_ledger_changed_under_its_feet_is_broken(url: str) -> None:
    """It refuses until the next start, whose chain says what it found; on SQLite within half a second."""

    async def run() -> None:
        async with opened(url) as one:
            one.ended(await begin(one), "answered", None)
            change(url, f"UPDATE ledger_heads SET hash = '{'0' * 64}'")  # noqa: S608 # a constant
            with pytest.raises(StorageFailed):
                await begin_on(one, [])
            with pytest.raises(StorageFailed) as refused:
                await begin(one)
            assert refused.value.fault is StorageFault.CORRUPT
            assert "broken" in await one.fault()
            await one.checkpoint()
        async with opened(url) as one:
            await begin(one)

    asyncio.run(run())
    assert "unsigned" in {fault.kind for fault in report(url).faults}
    named = [record.previous for record in records(url) if isinstance(record, Opened)]
    assert [previous.intact for previous in named if previous is not None] == [False]


def test_who_leaves_while_it_is_written_leaves_an_end(url: str) -> None:
    """A caller who went away saw nothing; what was written of it says so."""

    async def run() -> None:
        async with opened(url) as one:
            beginning = start(one)
            waiting = asyncio.create_task(one.began(beginning))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            one.ended(beginning, ABANDONED, None)
            await begin(one)

    asyncio.run(run())
    assert report(url).faults == ()
    assert report(url).chains[0].unfinished == 1


def test_what_is_answered_from_here_has_one_record(url: str) -> None:
    """Durable before it is shown, with its outcome; what was refused before anything was asked follows some time."""

    async def run() -> None:
        async with opened(url) as one:
            await one.exchanged(start(one), "answered", ANSWER)
            assert [type(record).__name__ for record in records(url)] == ["Opened", "Exchanged"]
            refused = start(one)
            one.ended(refused, "too_many_requests", None)
            one.ended(refused, "too_many_requests", None)
            gone = await begin(one)
            await one.exchanged(gone, "answered", ANSWER)
            await one.began(gone)

    asyncio.run(run())
    assert [type(record).__name__ for record in records(url)] == [
        "Opened", "Exchanged", "Exchanged", "Began", "Ended",
    ]  # fmt: skip
    assert (report(url).faults, report(url).chains[0].unfinished) == ((), 0)


class CutLine:
    """A store whose next page is kept or not, and does not say so; then as ever.

    Args:
        inner: The ledger's own.
        fate: Of that page: `kept`, `lost`, or `refused`, which is certain.
    """

    def __init__(self, inner: Store, fate: str) -> None:
        self.inner, self.fate, self.cut = inner, fate, False

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's own."""
        return getattr(self.inner, name)

    async def append(self, new: Page, at_ms: int) -> None:
        """Keep it or not."""
        if self.cut:
            await self.inner.append(new, at_ms)
            return
        self.cut = True
        if self.fate == "kept":
            await self.inner.append(new, at_ms)
        raise StorageFailed(StorageFault.GONE, executed="no" if self.fate == "refused" else "unknown")


@pytest.mark.parametrize("fate", ["kept", "lost", "refused"])
def test_after_a_page_of_unknown_end_everything_stands_there_once(url: str, fate: str) -> None:
    """The ledger sees for itself where its chain stands: ends nobody waits for are neither lost nor doubled.

    A beginning that turns out to stand there gets its end.
    """

    async def run() -> None:
        async with opened(url) as one:
            first, second, refused = await begin(one), start(one), start(one)
            one._writer.store = CutLine(one._writer.store, fate)
            one.ended(first, "answered", ANSWER)
            one.ended(refused, "too_many_requests", None)
            with pytest.raises(StorageFailed):
                await one.began(second)
            one.ended(second, "storage_unavailable", None)
            await begin(one)

    asyncio.run(run())
    found = report(url)
    assert (found.faults, found.chains[0].unfinished) == ((), 1)
    kinds = [type(record).__name__ for record in records(url)]
    second = ["Began", "Ended"] if fate == "kept" else []
    assert sorted(kinds) == sorted(["Opened", "Began", "Ended", "Exchanged", "Began", *second])


def test_too_much_waiting_is_refused(url: str) -> None:
    """With a time to come back."""

    async def run() -> None:
        async with opened(url, most_waiting=2) as one:
            done = await asyncio.gather(*(begin(one) for _ in range(3)), return_exceptions=True)
            assert [type(outcome) for outcome in done].count(Overloaded) == 1

    asyncio.run(run())


def test_without_a_key_there_is_no_ledger(url: str) -> None:
    """The refusal names the cure."""
    migrate(url, (TABLES,))
    bare = Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32)

    async def run() -> None:
        database = Database.open(url)
        try:
            with pytest.raises(KeyMissingError, match="keys make"):
                await Ledger.open(database, bare, SystemClock(), lambda _: 1)
        finally:
            await database.close()

    asyncio.run(run())


def test_checkpoints_are_signed_once_and_can_be_kept(url: str) -> None:
    """A kept one proves a ledger put back to an older copy; a forged one is named."""

    async def run() -> None:
        async with opened(url) as one:
            await begin(one)
            await one.checkpoint()
            await one.checkpoint()
            await begin(one)

    asyncio.run(run())
    database = Database.open(url)
    (kept,) = audit.checkpoint(database, SIGNER, 9)
    assert audit.checkpoint(database, SIGNER, 10) == [kept]
    assert kept.tip.seq == 3
    assert audit.verify(database, SIGNER.public, [kept]).faults == ()
    forged = msgspec.structs.replace(kept, at_ms=8)
    assert [fault.kind for fault in audit.verify(database, SIGNER.public, [forged]).faults] == ["unsigned"]
    for table in ("pages", "heads", "checkpoints"):
        change(url, f"DELETE FROM ledger_{table}")  # noqa: S608 # a constant
    assert [fault.kind for fault in audit.verify(database, SIGNER.public, [kept]).faults] == ["chain_missing"]
    database.close_sync()
