"""The journal: what is in it is durable, what is torn is told apart, and who writes to it is alone."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gateway.database import Database, StorageFailed, StorageFault
from gateway.database.migrate import migrate
from gateway.ledger import TABLES, audit, rows
from gateway.ledger.journal import HALF, Journal, framed
from gateway.ledger.leftover import journal_file, settle
from gateway.ledger.lines import beginning, page
from gateway.ledger.stores import JournalledStore, marked
from gateway.vault.keys import Keyring
from gateway.vault.signer import Signer
from tests.ledger.test_ledger import KEYRING, SIGNER, begin, opened

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.ledger.lines import Kept, Page, Tip

CHAIN = "chain"


def pages(count: int, records: int = 2) -> list[Page]:
    """Pages of one chain, the first behind its record of the opening."""
    made: list[Page] = []
    tip: Tip = beginning(CHAIN)
    for number in range(count):
        made.append(page(tip, [b'{"n":%d}' % (number * records + one) for one in range(records)]))
        tip = made[-1].tip
    return made


def signed(count: int) -> list[Kept]:
    """The same, as they stand in the journal."""
    return [marked(one, 7, SIGNER) for one in pages(count)]


def test_what_is_put_is_found_in_either_half(tmp_path: Path) -> None:
    """Also after the file was closed; what an earlier use left behind it is found too."""
    journal = Journal(tmp_path / "j", half=4096)
    one, two, three = signed(3)
    journal.put(one)
    journal.turn()
    journal.put(two)
    journal.put(three)
    journal.close()
    again = Journal(tmp_path / "j", half=4096)
    assert again.pages() == [one, two, three]
    again.close()
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600


def test_a_torn_page_is_none(tmp_path: Path) -> None:
    """Wherever the power cut tore the last page, those before it are whole and the torn one is not taken for one."""
    first, last = signed(2)
    whole, torn = framed(first), framed(last)
    rng = random.Random(5)
    for cut in range(0, len(torn), 7):
        file = tmp_path / "j"
        rest = bytes(len(torn) - cut) if cut % 2 else rng.randbytes(len(torn) - cut)
        file.write_bytes((whole + torn[:cut] + rest).ljust(8192, b"\0"))
        journal = Journal(file, half=4096)
        found = journal.pages()
        journal.close()
        assert found == [first], cut


def test_sectors_of_the_last_page_written_in_any_order(tmp_path: Path) -> None:
    """A power cut keeps some of its sectors: all of them, or it is none."""
    first = signed(1)[0]
    long = marked(page(pages(1)[0].tip, [b'{"x":"%b"}' % (b"x" * 3000)]), 7, SIGNER)
    whole = framed(first) + framed(long)
    rng = random.Random(6)
    for _ in range(40):
        kept = [rng.random() < 0.6 for _ in range(0, len(whole), 512)]
        kept[0] = True
        data = b"".join(
            whole[at : at + 512] if keep else bytes(512)
            for at, keep in zip(range(0, len(whole), 512), kept, strict=True)
        )
        (tmp_path / "j").write_bytes(data.ljust(16_384, b"\0")[:16_384])
        journal = Journal(tmp_path / "j", half=8192)
        assert journal.pages() == ([first, long] if all(kept) else [first])
        journal.close()


def test_only_one_writes(tmp_path: Path) -> None:
    """The second is refused, whatever process it is in."""
    journal = Journal(tmp_path / "j", half=4096)
    with pytest.raises(StorageFailed) as refused:
        Journal(tmp_path / "j", half=4096)
    assert refused.value.fault is StorageFault.LOCKED
    journal.close()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Before anything is written."""
    journal = Journal(tmp_path / "j", half=700)
    one, two = signed(2)
    journal.put(one)
    with pytest.raises(StorageFailed) as refused:
        journal.put(two)
    assert (refused.value.fault, refused.value.executed) == (StorageFault.EXHAUSTED, "no")
    journal.close()


def test_a_killed_gateways_pages_are_taken_over_once(tmp_path: Path) -> None:
    """By the next start or by a command, whichever comes first; not from under a running gateway."""
    url = f"sqlite:///{tmp_path}/var/ledger.db"
    migrate(url, (TABLES,))

    async def run() -> None:
        async with opened(url) as one:
            await begin(one)
            other = Database.open(url)
            assert settle(other, SIGNER) == 0
            journal = journal_file(other).read_bytes()
            other.close_sync()
        left.append(journal)

    left: list[bytes] = []
    asyncio.run(run())
    database = Database.open(url)
    for statement in ("DELETE FROM ledger_pages WHERE first_seq > 1", "DELETE FROM ledger_checkpoints"):
        database.write_sync(lambda connection, text=statement: connection.exec_driver_sql(text))  # type: ignore[misc]
    head = (
        "UPDATE ledger_heads SET seq = 1,"
        " hash = (SELECT CAST(substr(body, 1, 64) AS TEXT) FROM ledger_pages WHERE first_seq = 1)"
    )
    database.write_sync(lambda connection: connection.exec_driver_sql(head))
    journal_file(database).write_bytes(left[0])
    assert settle(database, SIGNER) == 1
    assert settle(database, SIGNER) == 0
    assert audit.verify(database, SIGNER.public).faults == ()
    database.close_sync()


def test_a_page_somebody_made_up_is_not_taken_over(tmp_path: Path) -> None:
    """Whoever writes into a journal while the gateway stands still lacks the secret; what is ours before it counts."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url, (TABLES,))
    database = Database.open(url)
    tip = database.write_sync(partial(rows.open_chain, chain=CHAIN, at_ms=1, signer=SIGNER))
    ours = page(tip, [b'{"n":1}'])
    theirs = page(ours.tip, [b'{"n":2}'])
    stranger = Signer(Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32, ledger=b"x" * 32))
    journal = Journal(journal_file(database), half=4096)
    journal.put(marked(ours, 7, SIGNER))
    journal.put(marked(theirs, 8, stranger))
    journal.close()
    assert settle(database, SIGNER) == 1
    assert database.read_sync(partial(rows.find_tip, chain=CHAIN)) == ours.tip
    database.close_sync()


class Broken(Journal):
    """A journal whose disk fails after some pages."""

    good = 1

    def put(self, page: Kept) -> None:
        """Fail."""
        if not self.good:
            raise StorageFailed(StorageFault.INPUT_OUTPUT, executed="unknown")
        self.good -= 1
        super().put(page)


def test_a_journal_that_fails_is_left_for_commits(tmp_path: Path) -> None:
    """The page it failed at is refused as uncertain; what was durable stays, and later pages are committed each."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url, (TABLES,))
    signer = Signer(KEYRING)

    async def run() -> tuple[Tip | None, Tip]:
        database = Database.open(url)
        tip = await database.write(lambda connection: rows.open_chain(connection, CHAIN, 1, signer))
        store = JournalledStore(database, Broken(tmp_path / "j", HALF), signer, lambda: None)
        first = page(tip, [b'{"n":1}'])
        await store.append(first, 2)
        with suppress(StorageFailed):
            await store.append(page(first.tip, [b'{"n":2}']), 3)
            pytest.fail("it was not refused")
        assert await store.find_tip(CHAIN) == first.tip
        second = page(first.tip, [b'{"n":3}'])
        await store.append(second, 4)
        found = await store.find_tip(CHAIN)
        await store.close()
        await database.close()
        return found, second.tip

    found, wanted = asyncio.run(run())
    assert found == wanted
