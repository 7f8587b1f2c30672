"""What the centre's news do to documents, in the very transaction that takes the news in.

Nothing that was issued is thus ever missed, and nothing is fetched that the submission does not list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from gateway.catalogue.documents import document_id
from gateway.database import insert_into
from gateway.documents import rows
from gateway.documents.documents import CHANGED, NEWER, DocumentState, Secrets
from gateway.documents.tables import DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from gateway.contract.submissions import IssuedDocument
    from gateway.documents.sealing import DocumentSealer

    class Origin(Protocol):
        """The submission something was issued of; as the outbox knows it."""

        @property
        def id(self) -> str:
            """Its id."""

        @property
        def caller(self) -> str:
            """Who handed it in."""

        @property
        def right(self) -> str:
            """Right it went under."""

        @property
        def adapter(self) -> str:
            """Extension it came through."""

        @property
        def service(self) -> str:
            """Its service."""

        @property
        def village(self) -> str:
            """Village it is for."""


_NUMBER: Final = re.compile(r"[0-9]{16}", re.ASCII)
_C = DOCUMENTS.c
_HOLDING: Final = (DocumentState.FETCHING.value, DocumentState.READY.value, DocumentState.REFUSED.value)


class DocumentBook:
    """Notes what was issued, and what holds no more.

    Args:
        sealer: Seals what is personal data.
    """

    def __init__(self, sealer: DocumentSealer) -> None:
        self._sealer = sealer

    def issued(
        self, connection: sa.Connection, origin: Origin, documents: Sequence[IssuedDocument], at: float, now: float
    ) -> None:
        """Have papers fetched from now on; each but once, however often it is told of.

        Args:
            connection: Of the transaction.
            origin: What they were issued of.
            documents: All that were.
            at: When the centre issued them.
            now: Unix seconds.
        """
        for one in documents:
            id_ = document_id(origin.id, one.kind, one.receipt)
            if id_ and self._insert(connection, id_, origin, one, at, now):
                self._outdate(connection, id_, one, at, now)

    def changed(self, connection: sa.Connection, families: Sequence[str], at: float, now: float) -> None:
        """The data of families changed: cards issued before that hold no more.

        Args:
            connection: Of the transaction.
            families: KK numbers.
            at: When that happened at the centre.
            now: Unix seconds.
        """
        for no_kk in families:
            older = sa.and_(_C.subject == self._sealer.family(no_kk), _C.kind == "kk", _C.issued_at < at)
            self._replace(connection, older, CHANGED, now)

    def _insert(
        self, connection: sa.Connection, id_: str, origin: Origin, one: IssuedDocument, at: float, now: float
    ) -> bool:
        wrapped, sealed = self._sealer.seal(id_, Secrets(one.receipt, one.number))
        row = {
            "id": id_, "submission": origin.id, "caller": origin.caller, "right": origin.right,
            "adapter": origin.adapter, "service": origin.service, "village": origin.village, "kind": one.kind,
            "state": DocumentState.FETCHING.value, "reason": "", "state_at": now, "issued_at": at, "tries": 0,
            "next_at": now, "length": 0, "blob": "", "prints": 0, "wrapped_key": wrapped, "sealed": sealed,
            "subject": self._subject(one),
        }  # fmt: skip
        fresh = insert_into(connection, DOCUMENTS).values(row).on_conflict_do_nothing().returning(_C.id)
        return connection.execute(fresh).first() is not None

    def _subject(self, one: IssuedDocument) -> bytes:
        """The mark of whom it is about; empty where the centre names nobody."""
        if one.kind == "kk" and _NUMBER.fullmatch(one.number):
            return self._sealer.family(one.number)
        return b"" if one.nik is None else self._sealer.resident(one.nik)

    def _outdate(self, connection: sa.Connection, id_: str, one: IssuedDocument, at: float, now: float) -> None:
        """A newer one of the same kind about the same takes the place of those before."""
        subject = self._subject(one)
        if subject:
            alike = sa.and_(_C.subject == subject, _C.kind == one.kind, _C.issued_at <= at, _C.id != id_)
            self._replace(connection, alike, NEWER, now)

    def _replace(self, connection: sa.Connection, which: sa.ColumnElement[bool], reason: str, now: float) -> None:
        found = sa.select(_C.id).where(which, _C.state.in_(_HOLDING)).order_by(_C.id)
        for id_ in connection.execute(found).scalars().all():
            rows.end(connection, id_, DocumentState.REPLACED, reason, now)
