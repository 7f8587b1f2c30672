"""Verify, export and checkpoint over a ledger's database, for commands; a gateway may be writing meanwhile.

Blocks; reads pages a few at a time, so that no long reader is left open.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.ledger import rows
from gateway.ledger.lines import Tip, lines_of
from gateway.ledger.scan import Fault, Mark, Scan, previous_of
from gateway.vault.signer import is_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.database import Database
    from gateway.ledger.lines import Line, Seal
    from gateway.vault.signer import Signer

PAGES_AT_ONCE: Final = 64
"""Pages read in one transaction."""


class ChainFound(msgspec.Struct, frozen=True):
    """A chain that was verified.

    Attributes:
        chain: Its name.
        number: Which one it is, from 1; None if its head is not there.
        records: Records in it.
        unfinished: Beginnings without an end.
    """

    chain: str
    number: int | None
    records: int
    unfinished: int


class Report(msgspec.Struct, frozen=True):
    """What verifying found.

    Attributes:
        key: Public key everything was checked against.
        chains: All chains, in the order they were opened.
        checkpoints: How many checkpoints hold, kept ones included.
        faults: What is wrong; empty if the ledger is whole.
    """

    key: str
    chains: tuple[ChainFound, ...]
    checkpoints: int
    faults: tuple[Fault, ...]


def verify(
    database: Database, key: str, kept: Sequence[Seal] = (), tell: Callable[[int], None] = lambda _: None
) -> Report:
    """Walk all chains.

    Args:
        database: The ledger's.
        key: Public key of the ledger, hexadecimal.
        kept: Checkpoints kept elsewhere.
        tell: Told how many records were read so far.
    """
    sealed = database.read_sync(rows.checkpoints)
    names, numbers = database.read_sync(rows.chains), database.read_sync(rows.numbers)
    good, faults = _marks_of(sealed, kept, key)
    named = _named(database, names)
    scans: list[Scan] = []
    for chain in names:
        marks = [mark for mark in (*good, *named) if mark.tip.chain == chain]
        scan = Scan(chain, tuple(marks), key)
        _walk(database, scan, tell, sum(one.records for one in scans))
        scans.append(scan)
    faults += [fault for scan in scans for fault in scan.faults]
    wanted = {mark.tip.chain for mark in (*good, *named)}
    faults += [_gone(chain) for chain in sorted(wanted - set(names))]
    found = tuple(ChainFound(one.chain, numbers.get(one.chain), one.records, len(one.unfinished)) for one in scans)
    return Report(key, found, len(good), tuple(faults))


def export(database: Database, chain: str | None = None) -> Iterator[tuple[str, Line]]:
    """All records as they stand, with the name of their chain; unchecked.

    Raises:
        Unreadable: Some page holds no lines.
    """
    for name in [chain] if chain is not None else database.read_sync(rows.chains):
        for _, body in _pages(database, name):
            for line in lines_of(body) if body is not None else ():
                yield name, line


def checkpoint(database: Database, signer: Signer, at_ms: int) -> list[Seal]:
    """Sign where each chain stands, unless that was done or its end is not what the ledger signed.

    Returns:
        The last checkpoint of each chain, to be kept elsewhere.
    """
    for name in database.read_sync(rows.numbers):
        head, _ = database.read_sync(partial(rows.head_and_pages, chain=name, after=-1, want=1))
        if head is not None and is_signed(signer.public, head.message, head.signature):
            database.write_sync(partial(rows.seal, tip=head.tip, at_ms=at_ms, signer=signer))
    latest = {seal.tip.chain: seal for seal in database.read_sync(rows.checkpoints)}
    return list(latest.values())


def _marks_of(sealed: Sequence[Seal], kept: Sequence[Seal], key: str) -> tuple[list[Mark], list[Fault]]:
    """The places that are signed, and a fault for each that says so without being it."""
    marks, faults = [], []
    for source, seals in (("checkpoint", sealed), ("kept checkpoint", kept)):
        for seal in seals:
            tip = seal.tip
            if seal.key == key and seal.kind == "checkpoint" and is_signed(key, seal.message, seal.signature):
                marks.append(Mark(tip, source))
            else:
                detail = f"the {source} at record {tip.seq} is not signed by the ledger's key"
                faults.append(Fault("unsigned", tip.chain, tip.seq, tip.seq, detail))
    return marks, faults


def _named(database: Database, names: Sequence[str]) -> list[Mark]:
    """Where each chain stood when the next one was opened, as the next one says."""
    found = []
    for name in names:
        for _, body in database.read_sync(partial(rows.head_and_pages, chain=name, after=-1, want=1))[1]:
            previous = previous_of(body)
            if previous is not None:
                found.append(Mark(Tip(previous.chain, previous.seq, previous.hash), "next chain"))
    return found


def _walk(database: Database, scan: Scan, tell: Callable[[int], None], before: int) -> None:
    for head, body in _pages(database, scan.chain):
        if body is not None:
            scan.feed(body)
            tell(before + scan.records)
        else:
            scan.finish(head)


def _pages(database: Database, chain: str) -> Iterator[tuple[Seal | None, bytes | None]]:
    """All pages, then the end as it stood when there were no more, with None."""
    after = -1 << 62
    while True:
        head, pages = database.read_sync(partial(rows.head_and_pages, chain=chain, after=after, want=PAGES_AT_ONCE))
        for after, body in pages:  # noqa: B007 # the last one is where to go on
            yield head, body
        if not pages:
            yield head, None
            return


def _gone(chain: str) -> Fault:
    return Fault("chain_missing", chain, 1, 1, "the whole chain is not there, though another record names it")
