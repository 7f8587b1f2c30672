"""Prints and spoiled sheets; each function is work in a transaction.

A print is made under a lock on its document: of many attempts at once, in however many processes, one is the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from gateway.contract.errors import Conflict, FieldFault, IdempotencyMismatch, Invalid, NotFound
from gateway.documents import rows
from gateway.documents.documents import DocumentState, Print, PrintRequest, Spoiled, Tally
from gateway.documents.tables import DOCUMENTS, PRINTS, SPOILED

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN: Final = 50
"""Prints of one document that are shown, the latest ones."""

_P, _S = PRINTS.c, SPOILED.c
_PRINT: Final = tuple(_P[name] for name in Print.__struct_fields__)
_SPOILED: Final = tuple(_S[name] for name in Spoiled.__struct_fields__)
_ASKED: Final = tuple(name for name in PrintRequest.__struct_fields__)


def under(connection: sa.Connection, mark: bytes) -> Print | None:
    """The print made under a key."""
    row = connection.execute(sa.select(*_PRINT).where(_P.mark == mark)).one_or_none()
    return None if row is None else Print(*row)


def find(connection: sa.Connection, id_: str) -> Print | None:
    """The print of an id."""
    row = connection.execute(sa.select(*_PRINT).where(_P.id == id_)).one_or_none()
    return None if row is None else Print(*row)


def of(connection: sa.Connection, document: str) -> list[Print]:
    """The prints of a document, the latest first."""
    found = sa.select(*_PRINT).where(_P.document == document).order_by(_P.number.desc()).limit(SHOWN)
    return [Print(*row) for row in connection.execute(found)]


def permit(connection: sa.Connection, asked: PrintRequest, caller: str, id_: str, mark: bytes, now: float) -> Print:
    """Make a print, or give back the one made under the same key.

    Raises:
        NotFound: There is no such document.
        IdempotencyMismatch: Something else was asked for under that key.
        Conflict: The document is not ready.
        Invalid: It was printed before, and no reason is given.
    """
    document = rows.find(connection, asked.document, lock=True)
    if document is None:
        raise NotFound
    known = under(connection, mark)
    if known is not None:
        return same(known, asked)
    check_ready(document.state)
    if document.prints and not asked.reason:
        raise Invalid(faults=(_NO_REASON,))
    made = Print(
        id_, document.id, document.prints + 1, caller, document.village, document.kind, asked.operator,
        asked.printer, asked.sheets, asked.reason, now,
    )  # fmt: skip
    connection.execute(sa.insert(PRINTS), {**msgspec.structs.asdict(made), "mark": mark})
    counted = sa.update(DOCUMENTS).where(DOCUMENTS.c.id == document.id).values(prints=made.number)
    connection.execute(counted)
    return made


def same(known: Print, asked: PrintRequest) -> Print:
    """The print that a key stands for, if the same is asked for.

    Raises:
        IdempotencyMismatch: It is not.
    """
    if any(getattr(known, name) != getattr(asked, name) for name in _ASKED):
        raise IdempotencyMismatch
    return known


def check_ready(state: DocumentState) -> None:
    """Pass what may be printed.

    Raises:
        Conflict: It may not, and why.
    """
    if state is not DocumentState.READY:
        raise Conflict(_WHY_NOT[state])


def spoil(connection: sa.Connection, spoiled: Spoiled, mark: bytes) -> Spoiled:
    """Write down spoiled sheets, once under a key.

    Raises:
        NotFound: The caller has no such print.
        IdempotencyMismatch: Something else was told under that key.
    """
    row = connection.execute(sa.select(*_SPOILED).where(_S.mark == mark)).one_or_none()
    if row is not None:
        known = Spoiled(*row)
        if msgspec.structs.replace(spoiled, id=known.id, village=known.village, at=known.at) != known:
            raise IdempotencyMismatch
        return known
    if spoiled.print_id:
        printed = find(connection, spoiled.print_id)
        if printed is None or printed.caller != spoiled.caller:
            raise NotFound
        spoiled = msgspec.structs.replace(spoiled, village=printed.village)
    connection.execute(sa.insert(SPOILED), {**msgspec.structs.asdict(spoiled), "mark": mark})
    return spoiled


def report(connection: sa.Connection, since: float, upto: float, caller: str | None) -> tuple[Tally, ...]:
    """What was printed and spoiled in a time, by village and printer; of one caller, or of all."""
    found: dict[tuple[str, str], list[int]] = {}
    again = sa.case((_P.number > 1, 1), else_=0)
    prints = sa.select(_P.village, _P.printer, sa.func.count(), sa.func.sum(again), sa.func.sum(_P.sheets))
    prints = prints.where(_P.at >= since, _P.at < upto).group_by(_P.village, _P.printer)
    spoils = sa.select(_S.village, _S.printer, sa.func.sum(_S.sheets)).where(_S.at >= since, _S.at < upto)
    spoils = spoils.group_by(_S.village, _S.printer)
    if caller is not None:
        prints, spoils = prints.where(_P.caller == caller), spoils.where(_S.caller == caller)
    for village, printer, *counts in connection.execute(prints):
        found[village, printer] = [*map(int, counts), 0]
    for village, printer, count in connection.execute(spoils):
        found.setdefault((village, printer), [0, 0, 0, 0])[3] = int(count)
    return tuple(_tallies(found.items()))


def _tallies(found: Iterable[tuple[tuple[str, str], list[int]]]) -> Iterable[Tally]:
    for (village, printer), (prints, reprints, sheets, spoiled) in sorted(found):
        yield Tally(village, printer, prints, reprints, sheets, spoiled)


_WHY_NOT: Final = {
    DocumentState.FETCHING: "The document is still being fetched from the centre; it can be printed once it is ready.",
    DocumentState.REFUSED: "The document was refused and must not be printed; an operator has to look at it.",
    DocumentState.REPLACED: "The document was replaced by a newer one, or its data have changed; print the newer one.",
    DocumentState.VOID: "The document is void.",
}
_NO_REASON = FieldFault(
    "/reason",
    "required",
    "It was printed before: say why it is printed once more.",
    "Dokumen ini sudah pernah dicetak: tuliskan alasan cetak ulang.",
)
