"""The facts of documents; each function is work for `Database.read` or `Database.write`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from gateway.blobs import rows as blob_rows
from gateway.contract.errors import Conflict, NotFound
from gateway.documents import check_rows
from gateway.documents.documents import FATES, Document, DocumentState
from gateway.documents.tables import DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.signing.faults import Fault

AT_ONCE: Final = 200
"""Documents listed, or thrown away, in one transaction."""

_C = DOCUMENTS.c
_FACTS: Final = tuple(_C[name] for name in Document.__struct_fields__)
_FETCHING, _READY = DocumentState.FETCHING.value, DocumentState.READY.value


def find(connection: sa.Connection, id_: str, *, lock: bool = False) -> Document | None:
    """The document of an id; locked until the transaction ends, if wanted."""
    query = sa.select(*_FACTS).where(_C.id == id_)
    if lock and connection.dialect.name == "postgresql":
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else _document(row)


def due(connection: sa.Connection, now: float, most: int) -> list[Document]:
    """Documents that are to be fetched now, the longest due first."""
    wanted = sa.select(*_FACTS).where(_C.state == _FETCHING, _C.next_at <= now)
    return [_document(row) for row in connection.execute(wanted.order_by(_C.next_at).limit(most))]


def claim(connection: sa.Connection, document: Document, until: float) -> bool:
    """Have nobody else fetch a document until then; False if somebody was quicker."""
    seen = sa.and_(_C.id == document.id, _C.state == _FETCHING, _C.next_at == document.next_at)
    claimed = sa.update(DOCUMENTS).where(seen).values(next_at=until, tries=document.tries + 1)
    return connection.execute(claimed).rowcount == 1


def later(connection: sa.Connection, id_: str, at: float) -> None:
    """Try to fetch it again, then."""
    connection.execute(sa.update(DOCUMENTS).where(_C.id == id_, _C.state == _FETCHING).values(next_at=at))


def keep(
    connection: sa.Connection,
    document: Document,
    blob: str,
    length: int,
    secrets: tuple[bytes, bytes],
    code: bytes,
    now: float,
) -> bool:
    """It is here and may be printed; False if it is not wanted any more, or its blob is gone.

    Args:
        connection: Of the transaction.
        document: As it was claimed.
        blob: The blob it is kept in.
        length: Bytes of it.
        secrets: Its new wrapped key, and what is sealed under it.
        code: Mark of the code it is checked by.
        now: Unix seconds.
    """
    here = sa.update(DOCUMENTS).where(_C.id == document.id, _C.state == _FETCHING)
    values = {"blob": blob, "length": length, "wrapped_key": secrets[0], "sealed": secrets[1]}
    ready = {"state": _READY, "reason": "", "state_at": now, **values}
    if connection.execute(here.values(ready)).rowcount != 1:
        return False
    if blob_rows.take(connection, owner(document.id), [blob], now) != (blob,):
        raise Conflict("The file was thrown away meanwhile.")
    check_rows.put(connection, code, document.kind, FATES[DocumentState.READY], now, document=document.id)
    return True


def refuse(connection: sa.Connection, id_: str, fault: Fault, now: float) -> bool:
    """It must not be printed."""
    live = sa.and_(_C.id == id_, _C.state.in_((_FETCHING, _READY)))
    refused = {"state": DocumentState.REFUSED.value, "reason": fault.value, "state_at": now}
    return connection.execute(sa.update(DOCUMENTS).where(live).values(refused)).rowcount == 1


def refetch(connection: sa.Connection, id_: str, now: float) -> Document:
    """Fetch a refused one once more.

    Raises:
        NotFound: There is none.
        Conflict: It was not refused.
    """
    known = _known(connection, id_)
    if known.state is not DocumentState.REFUSED:
        raise Conflict("Only a refused document is fetched again.")
    blob_rows.release(connection, [owner(id_)])
    again = {"state": _FETCHING, "reason": "", "state_at": now, "next_at": now, "tries": 0, "blob": "", "length": 0}
    connection.execute(sa.update(DOCUMENTS).where(_C.id == id_).values(again))
    return _known(connection, id_)


def void(connection: sa.Connection, id_: str, reason: str, now: float) -> Document:
    """It holds no more.

    Raises:
        NotFound: There is none.
        Conflict: It is void already.
    """
    if _known(connection, id_).state is DocumentState.VOID:
        raise Conflict("It is void already.")
    end(connection, id_, DocumentState.VOID, reason, now)
    return _known(connection, id_)


def end(connection: sa.Connection, id_: str, state: DocumentState, reason: str, now: float) -> None:
    """Move a document to where it cannot be printed, and tell so under its code."""
    ended = {"state": state.value, "reason": reason, "state_at": now}
    connection.execute(sa.update(DOCUMENTS).where(_C.id == id_).values(ended))
    check_rows.end(connection, id_, FATES[state], now)


def page(connection: sa.Connection, state: DocumentState | None, after: str) -> list[Document]:
    """Some documents, in order of their ids."""
    query = sa.select(*_FACTS).where(_C.id > after)
    if state is not None:
        query = query.where(_C.state == state.value)
    return [_document(row) for row in connection.execute(query.order_by(_C.id).limit(AT_ONCE))]


def shred(connection: sa.Connection, before: float) -> int:
    """Destroy what was issued before a time, its file and its key; how many, at most `AT_ONCE`.

    Codes go on telling what became of the papers.
    """
    old = sa.select(_C.id).where(_C.issued_at < before).order_by(_C.id).limit(AT_ONCE)
    ids = list(connection.execute(old).scalars())
    if ids:
        blob_rows.release(connection, [owner(id_) for id_ in ids])
        connection.execute(sa.delete(DOCUMENTS).where(_C.id.in_(ids)))
    return len(ids)


def owner(id_: str) -> str:
    """Whose the blob of a document is: nobody's but its own."""
    return f"document:{id_}"


def _known(connection: sa.Connection, id_: str) -> Document:
    found = find(connection, id_, lock=True)
    if found is None:
        raise NotFound
    return found


def _document(row: Sequence[Any]) -> Document:
    values = dict(zip(Document.__struct_fields__, row, strict=True))
    bytes_ = {name: bytes(values[name]) for name in ("wrapped_key", "sealed")}
    return Document(**{**values, **bytes_, "state": DocumentState(values["state"])})
