"""Taking in what the centre decided: work in the writer's transaction, under the follower's lease.

What the centre says it has, it has: a submission that is still queued, under way, in doubt or with a person here goes
the same legal way as if we had been told in time, move by move. A dispatcher that holds a claim loses it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from msgspec.structs import replace

from gateway.catalogue.documents import is_complete
from gateway.contract.errors import NotFound
from gateway.contract.submissions import Move, SubmissionMoved
from gateway.contract.submissions import SubmissionState as State
from gateway.database import insert_into
from gateway.outbox import lease_rows, stray_rows, subject_rows
from gateway.outbox.following import News, Outcome, TakenIn
from gateway.outbox.move_rows import locked, move
from gateway.outbox.moves import RESTORED
from gateway.outbox.tables import CURSORS, NEWS, OUTCOMES, RUNNING, SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gateway.contract.submissions import IssuedDocument
    from gateway.outbox.following import IssuedPapers, Tiding
    from gateway.outbox.outbox import Facts
    from gateway.outbox.sealing import Sealer

LEASE: Final = "follow"
CURSOR: Final = "centre:"
"""What names of cursors of accounts begin with."""

SEEN: Final = "seen_at_centre"
"""Reason of moves that catch up with the centre."""

CENTRE_RESTORED: Final = "centre_restored"
"""Reason of doubting what a centre restored from a backup may have lost."""

AT_ONCE: Final = 200
"""News read at once."""

DOUBTED_AT_ONCE: Final = 50
"""Submissions doubted in one transaction: others wait for it no longer than for a hand-in or two."""

CATCHING_UP: Final[Mapping[State, tuple[State, ...]]] = MappingProxyType(
    {
        State.QUEUED: (State.UNKNOWN, State.DELIVERED),
        State.SENDING: (State.DELIVERED,),
        State.UNKNOWN: (State.DELIVERED,),
        State.ATTENTION: (State.DELIVERED,),
        State.DELIVERED: (),
    }
)
"""The legal way to `delivered` of what turns out to be at the centre."""

_C = CURSORS.c


def cursor(connection: sa.Connection, account: str) -> int:
    """How far an account's events were read."""
    found = connection.execute(sa.select(_C.at_seq).where(_C.name == CURSOR + account)).scalar_one_or_none()
    return found or 0


def take_in(
    connection: sa.Connection,
    token: int,
    account: str,
    tidings: Sequence[Tiding],
    upto: int,
    *,
    sealer: Sealer,
    now: float,
    papers: IssuedPapers | None = None,
) -> TakenIn | None:
    """See `Following.take_in`; papers are told of before the cursor moves."""
    if not lease_rows.fence(connection, LEASE, token):
        return None
    since = cursor(connection, account)
    fresh = [tiding for tiding in tidings if tiding.seq > since]
    moved: list[SubmissionMoved] = []
    unmoved: list[tuple[int, Outcome]] = []
    for tiding in fresh:
        if tiding.reference:
            steps = _decide(connection, tiding, sealer, now, papers)
            if isinstance(steps, Outcome):
                unmoved.append((tiding.seq, steps))
                if steps is Outcome.FOREIGN and stray_rows.keep(connection, account, tiding, now):
                    _keep_documents(connection, tiding, sealer)
            else:
                moved += steps
        if tiding.families and papers is not None:
            papers.changed(connection, tiding.families, _when(tiding, now), now)
    news = _tell(connection, fresh, now)
    if upto > since:
        _set_cursor(connection, account, upto)
    return TakenIn(tuple(moved), tuple(unmoved), news)


def adopt(connection: sa.Connection, id_: str, sealer: Sealer, now: float, papers: IssuedPapers | None = None) -> None:
    """Bring a submission that was just accepted, and repeats a stray, to where the centre has it.

    Where the centre told nothing yet it is asked about before anything is sent.
    """
    tiding = stray_rows.tiding_of(connection, id_)
    if tiding is None:
        return
    if tiding.receipt:
        known = documents(connection, id_, sealer)
        if _decide(connection, replace(tiding, documents=known), sealer, now, papers) is Outcome.CONTRADICTS:
            return  # it is with a desk: told again once it leaves that, for it has the stray's reference
    else:
        facts, subject = locked(connection, id_)
        if facts.state is not State.QUEUED:
            return
        _step(connection, facts, State.UNKNOWN, RESTORED, now, uncertain=True)
        subject_rows.settle(connection, subject, now)
    stray_rows.settle(connection, id_, "gateway", stray_rows.ADOPTED, now)


def caught_up(connection: sa.Connection, token: int, account: str, now: float) -> None:
    """Note when all events were read."""
    if lease_rows.fence(connection, LEASE, token):
        row = insert_into(connection, CURSORS).values(name=CURSOR + account, epoch=0, at_seq=0, read_at=now)
        connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"read_at": now}))


def taken(connection: sa.Connection, rights: Collection[str], before: float, after: str) -> tuple[str, ...]:
    """See `Following.taken`; a walk over all submissions, whatever was doubted behind it."""
    here = SUBMISSIONS.c
    mine = (here.state == State.DELIVERED.value, here.right_name.in_(sorted(rights)), here.state_at < before)
    found = sa.select(here.id).where(*mine, here.id > after).order_by(here.id).limit(DOUBTED_AT_ONCE)
    return tuple(connection.execute(found).scalars())


def rewind(
    connection: sa.Connection, token: int, account: str, ids: Sequence[str], now: float
) -> tuple[SubmissionMoved, ...] | None:
    """See `Following.rewind`."""
    if not lease_rows.fence(connection, LEASE, token):
        return None
    moved = []
    for id_ in ids:
        facts, subject = locked(connection, id_)
        if facts.state is State.DELIVERED:
            moved.append(_step(connection, facts, State.UNKNOWN, CENTRE_RESTORED, now, uncertain=True))
            subject_rows.settle(connection, subject, now)
    if not ids:
        _set_cursor(connection, account, 0)
    return tuple(one for _, one in moved)


def read_at(connection: sa.Connection) -> float | None:
    """When all events of the account read longest ago had been read."""
    times = connection.execute(sa.select(_C.read_at).where(_C.name.startswith(CURSOR))).scalars().all()
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None


def documents(connection: sa.Connection, id_: str, sealer: Sealer) -> tuple[IssuedDocument, ...]:
    """What the centre has issued of a submission."""
    row = connection.execute(sa.select(OUTCOMES).where(OUTCOMES.c.submission == id_)).one_or_none()
    return () if row is None else sealer.open_documents(id_, row.wrapped_key, row.sealed)


def news(connection: sa.Connection, after: int | None) -> News:
    """See `Following.news`."""
    first, last = connection.execute(sa.select(sa.func.min(NEWS.c.seq), sa.func.max(NEWS.c.seq))).one()
    if after is None or last is None:
        return News((), last or 0)
    if after > last:  # an old copy of the database was restored: what it does not know yet is told again
        return News((), last)
    if after + 1 < first:  # the last row is never forgotten, so what is gone is known by its number
        return News((), last, missed=True)
    behind = sa.select(NEWS).where(NEWS.c.seq > after).order_by(NEWS.c.seq).limit(AT_ONCE + 1)
    rows = connection.execute(behind).all()
    shown = rows[:AT_ONCE]
    upto = shown[-1].seq if shown else after
    return News(tuple(row.subject for row in shown), upto, more=len(rows) > AT_ONCE)


def forget_news(connection: sa.Connection, before: float) -> int:
    """See `Following.forget_news`."""
    newest = sa.select(sa.func.max(NEWS.c.seq)).scalar_subquery()
    old = sa.delete(NEWS).where(NEWS.c.at < before, NEWS.c.seq < newest)
    return connection.execute(old).rowcount


def merged(known: Sequence[IssuedDocument], fresh: Sequence[IssuedDocument]) -> tuple[IssuedDocument, ...]:
    """All documents, each once, in the order in which they were told."""
    return tuple(dict.fromkeys((*known, *fresh)))


def _decide(
    connection: sa.Connection, tiding: Tiding, sealer: Sealer, now: float, papers: IssuedPapers | None
) -> list[SubmissionMoved] | Outcome:
    try:
        facts, subject = locked(connection, tiding.reference)
    except NotFound:
        return Outcome.FOREIGN
    end = State.REJECTED if tiding.rejected else State.ISSUED
    if facts.state is end:
        return Outcome.KNOWN
    if facts.state not in CATCHING_UP:
        return Outcome.CONTRADICTS
    if facts.claimed:
        connection.execute(sa.delete(RUNNING).where(RUNNING.c.submission == facts.id))
    steps = []
    for state in CATCHING_UP[facts.state]:
        changes = {"claimed": False, "not_before": None, "uncertain": state is State.UNKNOWN}
        facts, moved = _step(connection, facts, state, SEEN, now, centre_receipt=tiding.receipt, **changes)
        steps.append(moved)
    if tiding.rejected or _is_whole(connection, facts, tiding, sealer, papers, now):
        receipt = {"centre_receipt": tiding.receipt}
        facts, moved = _step(connection, facts, end, tiding.rejected, now, held=False, **receipt)
        steps.append(moved)
    subject_rows.settle(connection, subject, now)
    return steps or Outcome.INCOMPLETE


def _is_whole(
    connection: sa.Connection, facts: Facts, tiding: Tiding, sealer: Sealer, papers: IssuedPapers | None, now: float
) -> bool:
    """Keep the documents with those told before; whether all of the event exist."""
    whole = _keep_documents(connection, tiding, sealer)
    if papers is not None:
        papers.issued(connection, facts, whole, _when(tiding, now), now)
    return is_complete(facts.service, frozenset(document.kind for document in whole))


def _when(tiding: Tiding, now: float) -> float:
    """When it happened; where the centre does not say, when it was told."""
    return now if tiding.at is None else tiding.at


def _keep_documents(connection: sa.Connection, tiding: Tiding, sealer: Sealer) -> tuple[IssuedDocument, ...]:
    """Keep what was issued with what was told before; all of it."""
    id_ = tiding.reference
    whole = merged(documents(connection, id_, sealer), tiding.documents)
    wrapped, sealed = sealer.seal_documents(id_, whole)
    row = insert_into(connection, OUTCOMES).values(submission=id_, wrapped_key=wrapped, sealed=sealed)
    fresh = {"wrapped_key": wrapped, "sealed": sealed}
    connection.execute(row.on_conflict_do_update(index_elements=["submission"], set_=fresh))
    return whole


def _step(
    connection: sa.Connection, facts: Facts, after: State, reason: str, now: float, **changes: object
) -> tuple[Facts, SubmissionMoved]:
    fresh = move(connection, facts, after, "centre", reason, now, **changes)
    told = Move(fresh.moves, now, facts.state, after, "centre", reason)
    return fresh, SubmissionMoved(facts.id, facts.caller, facts.adapter, facts.service, facts.village, told)


def _tell(connection: sa.Connection, tidings: Sequence[Tiding], now: float) -> int:
    """Write down whose cached answers are to be forgotten; the lease's row orders the numbers."""
    subjects = list(dict.fromkeys(subject for tiding in tidings for subject in tiding.subjects))
    if subjects:
        last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(NEWS.c.seq), 0))).scalar_one()
        rows = [{"seq": last + place, "subject": subject, "at": now} for place, subject in enumerate(subjects, 1)]
        connection.execute(sa.insert(NEWS), rows)
    return len(subjects)


def _set_cursor(connection: sa.Connection, account: str, place: int) -> None:
    row = insert_into(connection, CURSORS).values(name=CURSOR + account, epoch=0, at_seq=place)
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"at_seq": place}))
