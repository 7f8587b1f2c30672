"""The ledger in a database, each function in one transaction of its own writer."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec
import sqlalchemy as sa

from gateway.database import StorageFailed, StorageFault, insert_into
from gateway.ledger.lines import Seal, Tip, Unreadable, beginning, lines_of, message, page
from gateway.ledger.records import Opened, Previous
from gateway.ledger.tables import CHECKPOINTS, HEADS, PAGES
from gateway.vault.signer import is_signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.ledger.lines import Kept
    from gateway.vault.signer import Signer

_ADD_PAGE = "INSERT INTO ledger_pages (chain, first_seq, at_ms, body) VALUES (?, ?, ?, ?)"
_MOVE_HEAD = "UPDATE ledger_heads SET seq = ?, hash = ?, at_ms = ?, signature = ? WHERE chain = ? AND hash = ?"
_STATEMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(  # in the driver's own words: a fifth of Core's time
    {"sqlite": (_ADD_PAGE, _MOVE_HEAD), "postgresql": (_ADD_PAGE.replace("?", "%s"), _MOVE_HEAD.replace("?", "%s"))}
)
_LATEST = sa.select(HEADS).order_by(HEADS.c.number.desc()).limit(1)


def open_chain(connection: sa.Connection, chain: str, at_ms: int, signer: Signer) -> Tip:
    """Begin a chain that names the one before it; where it stands after its first record."""
    if connection.dialect.name == "postgresql":  # instances that start together stand in a row
        connection.exec_driver_sql("LOCK TABLE ledger_heads IN EXCLUSIVE MODE")
    latest = connection.execute(_LATEST).one_or_none()
    number = 1 if latest is None else latest.number + 1
    previous = newest(connection, signer.public)
    record = msgspec.json.encode(Opened(at_ms / 1000, number, signer.public, previous))
    first = page(beginning(chain), [record])
    connection.exec_driver_sql(_STATEMENTS[connection.dialect.name][0], (chain, 1, at_ms, first.body))
    sealed = _sealed("head", first.tip, at_ms, signer)
    connection.execute(sa.insert(HEADS).values(chain=chain, number=number, key=signer.public, **sealed))
    return first.tip


def newest(connection: sa.Connection, public: str | None = None) -> Previous | None:
    """How the newest chain stands; None if there is none.

    Args:
        connection: For reading.
        public: Key its end must be signed under; None takes the one the end names.
    """
    latest = connection.execute(_LATEST).one_or_none()
    return None if latest is None else _previous(connection, head_of(latest), public or latest.key)


def append(connection: sa.Connection, pages: Sequence[Kept], signer: Signer) -> None:
    """Add pages of one chain to its end, in order, and sign that.

    Raises:
        StorageFailed: The chain does not end where this gateway left it (`CORRUPT`); nothing is added.
    """
    first, last = pages[0], pages[-1]
    tip = last.page.tip
    add_page, move_head = _STATEMENTS[connection.dialect.name]
    for one in pages:
        connection.exec_driver_sql(add_page, (tip.chain, one.page.before.seq + 1, one.at_ms, one.page.body))
    signature = signer.sign(message("head", tip, last.at_ms))
    head = (tip.seq, tip.hash, last.at_ms, signature, tip.chain, first.page.before.hash)
    if connection.exec_driver_sql(move_head, head).rowcount != 1:
        raise StorageFailed(StorageFault.CORRUPT)


def catch_up(connection: sa.Connection, pages: Sequence[Kept], signer: Signer) -> int:
    """Add what is not there yet of pages that may have been added before; how many were.

    Pages that do not continue their chain are left out: they are what an older run left behind.
    """
    added = 0
    for chain in dict.fromkeys(one.page.tip.chain for one in pages):
        tip = find_tip(connection, chain)
        following = []
        for one in sorted((one for one in pages if one.page.tip.chain == chain), key=lambda one: one.page.before.seq):
            if one.page.before == tip:
                following.append(one)
                tip = one.page.tip
        if following:
            append(connection, following, signer)
            added += len(following)
    return added


def move(connection: sa.Connection, pages: Sequence[Kept], signer: Signer) -> None:
    """Add pages of one chain, some of which may be there already after a commit of unknown end; errors of `append`."""
    catch_up(connection, pages, signer)
    if find_tip(connection, pages[-1].page.tip.chain) != pages[-1].page.tip:
        raise StorageFailed(StorageFault.CORRUPT)


def seal(connection: sa.Connection, tip: Tip, at_ms: int, signer: Signer) -> None:
    """Sign a place as a checkpoint, once."""
    row = {"chain": tip.chain, "key": signer.public, **_sealed("checkpoint", tip, at_ms, signer)}
    connection.execute(insert_into(connection, CHECKPOINTS).values(row).on_conflict_do_nothing())


def find_tip(connection: sa.Connection, chain: str) -> Tip | None:
    """Where a chain ends, unchecked."""
    row = connection.execute(sa.select(HEADS).where(HEADS.c.chain == chain)).one_or_none()
    return None if row is None else Tip(chain, row.seq, row.hash)


def numbers(connection: sa.Connection) -> dict[str, int]:
    """All chains that have a head, with their numbers."""
    rows = connection.execute(sa.select(HEADS.c.chain, HEADS.c.number).order_by(HEADS.c.number))
    return {row.chain: row.number for row in rows}


def chains(connection: sa.Connection) -> list[str]:
    """All chains that any row tells of, in the order they were opened; those without a head come last."""
    known = numbers(connection)
    others: set[str] = set()
    for table in (PAGES, CHECKPOINTS):
        others.update(connection.execute(sa.select(table.c.chain).distinct()).scalars())
    return [*known, *sorted(others - known.keys())]


def head_and_pages(
    connection: sa.Connection, chain: str, after: int, want: int
) -> tuple[Seal | None, Sequence[tuple[int, bytes]]]:
    """A chain's end, then its next pages with their first numbers: what has no more pages ends at that end.

    Args:
        connection: For reading.
        chain: Which chain.
        after: First number of the last page seen, or less than any for none.
        want: Pages at most.
    """
    row = connection.execute(sa.select(HEADS).where(HEADS.c.chain == chain)).one_or_none()
    found = connection.execute(
        sa.select(PAGES.c.first_seq, PAGES.c.body)
        .where(PAGES.c.chain == chain, PAGES.c.first_seq > after)
        .order_by(PAGES.c.first_seq)
        .limit(want)
    )
    return None if row is None else head_of(row), [(first, bytes(body)) for first, body in found]


def checkpoints(connection: sa.Connection) -> list[Seal]:
    """All checkpoints, by chain and number."""
    rows = connection.execute(sa.select(CHECKPOINTS).order_by(CHECKPOINTS.c.chain, CHECKPOINTS.c.seq))
    return [
        Seal("checkpoint", Tip(row.chain, row.seq, row.hash), row.at_ms, row.key, bytes(row.signature)) for row in rows
    ]


def head_of(row: sa.Row[tuple[object, ...]]) -> Seal:
    """A row of heads."""
    return Seal("head", Tip(row.chain, row.seq, row.hash), row.at_ms, row.key, bytes(row.signature))


def _previous(connection: sa.Connection, head: Seal, public: str) -> Previous:
    """How the chain before stands: whether its end is signed, and is the end of its last page."""
    body = connection.execute(
        sa.select(PAGES.c.body).where(PAGES.c.chain == head.tip.chain).order_by(PAGES.c.first_seq.desc()).limit(1)
    ).scalar_one_or_none()
    signed = head.key == public and is_signed(public, head.message, head.signature)
    tip = head.tip
    return Previous(tip.chain, tip.seq, tip.hash, intact=signed and _ends_with(bytes(body or b""), tip))


def _ends_with(body: bytes, tip: Tip) -> bool:
    try:
        *_, last = lines_of(body)
    except (Unreadable, ValueError):
        return False
    return (last.seq, last.hash) == (tip.seq, tip.hash)


def _sealed(kind: Literal["head", "checkpoint"], tip: Tip, at_ms: int, signer: Signer) -> dict[str, object]:
    signature = signer.sign(message(kind, tip, at_ms))
    return {"seq": tip.seq, "hash": tip.hash, "at_ms": at_ms, "signature": signature}
