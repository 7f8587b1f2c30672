"""Moving submissions on: the end of a claim, the centre's decision, an operator's act.

Each is one piece of work in the writer's transaction, under the subject's lock: the move, the new state and the next
claimable submission of the subject are committed together.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from gateway.blobs import rows as blob_rows
from gateway.blobs.blobs import absent
from gateway.contract.errors import Conflict, Invalid, NotFound
from gateway.contract.submissions import SubmissionState as State
from gateway.database import insert_into
from gateway.database.spelled import Spelled
from gateway.outbox import notice_rows, subject_rows
from gateway.outbox.accept_rows import lane_key, seq_of
from gateway.outbox.claim_rows import LEASE_OVER, end_claim, overdue
from gateway.outbox.moves import CLAIMABLE, ENDS, RESTORED, check, rank, retried
from gateway.outbox.read_rows import FACTS, facts_of_row
from gateway.outbox.tables import MOVES, PAYLOADS, SUBMISSIONS, SWITCHES

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.outbox.claim_rows import Claim
    from gateway.outbox.outbox import Act, Claimed, Ending, Facts, Switch
    from gateway.outbox.subject_rows import Readied

_C = SUBMISSIONS.c
_BY_ID = Spelled(sa.select(*FACTS).where(_C.id == sa.bindparam("of_id")))
_SUBJECT = Spelled(sa.select(_C.subject).where(_C.id == sa.bindparam("of_id")))
_INSERT_MOVE = Spelled(sa.insert(MOVES))

CORRECTED: Final = "corrected"
"""Reason of the move that tells of other content."""

TOO_LATE: Final = "It was on its way to the centre before, or does not wait any more, so it cannot be corrected."
"""What is said of a correction that comes too late: the centre may still take in what was sent first."""


MAY_BE_SENT: Final = "It may have been sent already, so it cannot be cancelled here."
"""What is said of a cancelling that comes too late."""


class Correction(NamedTuple):
    """Other content, sealed.

    Attributes:
        wrapped_key: Its key, wrapped.
        sealed: It.
        files: Ids of its blobs, by place; empty texts for those that are not here.
    """

    wrapped_key: bytes
    sealed: bytes
    files: tuple[str, ...]


Moved = tuple["Facts", "Readied | None"]
"""The submission as it is now, and what became claimable."""


def finish(connection: sa.Connection, claimed: Claimed, ending: Ending, now: float) -> Moved | None:
    """End a claim; None if it had expired.

    Raises:
        Conflict: No legal move.
    """
    facts, subject = locked(connection, claimed.facts.id)
    if not end_claim(connection, facts.id, claimed.token):
        return None
    changes = changes_of(facts, ending)
    if ending.after is facts.state:
        facts = _change(connection, facts, **changes)
    else:
        check(facts.state, ending.after)
        facts = move(connection, facts, ending.after, "dispatcher", ending.reason, now, **changes)
    return facts, subject_rows.settle(connection, subject, now)


def changes_of(facts: Facts, ending: Ending) -> dict[str, object]:
    """What the end of a claim, or a decision, changes beside the state.

    Raises:
        Conflict: It would be `sending` with nobody who sends it.
    """
    if ending.after is State.SENDING:
        raise Conflict("Only a claim makes a submission sending.")
    return {
        "claimed": False,
        "rank": rank(ending.after),
        "not_before": ending.not_before,
        "failures": facts.failures + 1 if ending.failed else facts.failures,
        "uncertain": ending.after is State.UNKNOWN or (ending.after is State.ATTENTION and ending.uncertain),
        "centre_receipt": ending.centre_receipt or facts.centre_receipt,
    }


def hand_back(
    connection: sa.Connection, claimed: Claimed, not_before: float, now: float
) -> tuple[bool, Readied | None]:
    """Undo a claim that came to nothing; False if it had expired."""
    facts, subject = locked(connection, claimed.facts.id)
    if not end_claim(connection, facts.id, claimed.token):
        return False, None
    if facts.state is State.UNKNOWN:
        _change(connection, facts, claimed=False, rank=rank(facts.state), not_before=not_before)
    else:
        _unmove(connection, facts, not_before)
    return True, subject_rows.settle(connection, subject, now)


def expire(
    connection: sa.Connection, now: float, which: Callable[[sa.Connection], list[Claim]] = overdue
) -> tuple[int, list[Readied]]:
    """End the claims whose lease is over, or others of which nobody hears any more; how many, and what is claimable."""
    settled = []
    for id_, token, subject in which(connection):
        subject_rows.lock(connection, subject)
        if not end_claim(connection, id_, token):
            continue
        facts = facts_of_row(_BY_ID.run(connection, {"of_id": id_}).one())
        if facts.state is State.SENDING:
            move(connection, facts, State.UNKNOWN, "gateway", LEASE_OVER, now, claimed=False, uncertain=True)
        else:
            _change(connection, facts, claimed=False, rank=rank(facts.state))
        settled.append(subject_rows.settle(connection, subject, now))
    return len(settled), [each for each in settled if each is not None]


def decide(connection: sa.Connection, id_: str, ending: Ending, actor: str, now: float) -> Moved:
    """Move a submission no dispatcher holds.

    Raises:
        NotFound: There is none.
        Conflict: No legal move, or a dispatcher holds it.
    """
    facts, subject = locked(connection, id_)
    if facts.state is ending.after:
        return facts, None
    if facts.claimed:
        raise Conflict("It is on its way to the centre just now.")
    check(facts.state, ending.after)
    changes = changes_of(facts, ending)
    facts = move(connection, facts, ending.after, actor, ending.reason, now, **changes)
    return facts, subject_rows.settle(connection, subject, now)


def act(connection: sa.Connection, id_: str, act: Act, actor: str, reason: str, now: float) -> Moved:
    """An operator's or caller's act.

    Raises:
        NotFound: There is none.
        Conflict: Its state does not allow it.
    """
    facts, subject = locked(connection, id_)
    if act == "cancel":
        if facts.claimed or _may_be_there(connection, facts):
            raise Conflict(MAY_BE_SENT)
        check(facts.state, State.CANCELLED)
        facts = move(connection, facts, State.CANCELLED, actor, reason, now, held=False, not_before=None)
    elif act == "retry":
        facts = _retry(connection, facts, actor, reason, now)
    else:
        if facts.state in ENDS or facts.state is State.DELIVERED:
            raise Conflict(f"A submission that is {facts.state} needs no hold.")
        held = act == "hold"
        if facts.held is not held:
            facts = move(connection, facts, facts.state, actor, reason or act, now, held=held)
    return facts, subject_rows.settle(connection, subject, now)


def correct(connection: sa.Connection, id_: str, content: Correction, actor: str, now: float) -> Facts:
    """Put other content in the place of what was handed in.

    Raises:
        NotFound: There is none.
        Conflict: It was claimed before, or does not wait.
        Invalid: Some of its files are not here.
    """
    facts, _subject = locked(connection, id_)
    sent = sa.select(MOVES.c.number).where(MOVES.c.submission == id_, MOVES.c.after == State.SENDING.value).limit(1)
    if facts.state is not State.QUEUED or connection.execute(sent).first() is not None:
        raise Conflict(TOO_LATE)
    fresh = {"wrapped_key": content.wrapped_key, "sealed": content.sealed}
    connection.execute(sa.update(PAYLOADS).where(PAYLOADS.c.submission == id_).values(fresh))
    if faults := tuple(absent(blob_rows.exchange(connection, id_, content.files, now))):
        raise Invalid(faults=faults)
    return move(connection, facts, facts.state, actor, CORRECTED, now)


def switch(connection: sa.Connection, wanted: Switch) -> None:
    """Hold something or switch it off."""
    row = {name: getattr(wanted, name) for name in wanted.__struct_fields__}
    setting = insert_into(connection, SWITCHES)
    fresh = {name: setting.excluded[name] for name in ("mode", "actor", "reason", "at")}
    connection.execute(setting.on_conflict_do_update(index_elements=["scope", "name"], set_=fresh), row)


def unswitch(connection: sa.Connection, scope: str, name: str) -> None:
    """Let something go on."""
    connection.execute(sa.delete(SWITCHES).where(SWITCHES.c.scope == scope, SWITCHES.c.name == name))


def _retry(connection: sa.Connection, facts: Facts, actor: str, reason: str, now: float) -> Facts:
    if facts.state is State.ATTENTION:
        after = retried(uncertain=facts.uncertain)
    elif facts.state in CLAIMABLE and not facts.claimed:
        after = facts.state
    else:
        raise Conflict(f"A submission that is {facts.state} cannot be tried again.")
    return move(connection, facts, after, actor, reason or "retry", now, failures=0, not_before=None)


def locked(connection: sa.Connection, id_: str) -> tuple[Facts, bytes]:
    """A submission under its subject's lock, and the subject, which never changes.

    Raises:
        NotFound: There is none.
    """
    subject = _SUBJECT.run(connection, {"of_id": id_}).scalar_one_or_none()
    if subject is None:
        raise NotFound
    subject_rows.lock(connection, subject)
    return _known(connection, id_), subject


def _may_be_there(connection: sa.Connection, facts: Facts) -> bool:
    """Whether a call nobody heard the end of may still reach the centre, though it had nothing when it was asked."""
    if facts.state is not State.QUEUED:
        return facts.uncertain and facts.state is State.ATTENTION
    own = sa.and_(MOVES.c.submission == facts.id, MOVES.c.after == State.UNKNOWN.value, MOVES.c.reason != RESTORED)
    return connection.execute(sa.select(MOVES.c.number).where(own).limit(1)).first() is not None


def _known(connection: sa.Connection, id_: str) -> Facts:
    return facts_of_row(_BY_ID.run(connection, {"of_id": id_}).one())


def move(
    connection: sa.Connection, facts: Facts, after: State, actor: str, reason: str, now: float, **changes: object
) -> Facts:
    """Store a move, what it changes, and the notice of it; under the subject's lock, settled by whoever calls it."""
    number = facts.moves + 1
    row = {"submission": facts.id, "number": number, "at": now, "before": facts.state.value, "after": after.value}
    _INSERT_MOVE.run(connection, {**row, "actor": actor, "reason": reason})
    if after is not facts.state:
        changes |= {"state": after, "state_at": now, "reason": reason, "rank": rank(after)}
        notice_rows.note(connection, facts, number, after, reason, now)
        if facts.state in CLAIMABLE:
            subject_rows.unready(connection, lane_key(facts), seq_of(facts.filed_at), facts.id)
    return _change(connection, facts, moves=number, **changes)


def _unmove(connection: sa.Connection, facts: Facts, not_before: float) -> None:
    """Take the claim's move back; an operator's act since then stays, and so does the move."""
    own = MOVES.c.submission == facts.id
    last = connection.execute(sa.select(MOVES).where(own, MOVES.c.number == facts.moves)).one()
    if last.after != last.before:
        before = connection.execute(sa.select(MOVES).where(own, MOVES.c.number == facts.moves - 1)).one()
        connection.execute(sa.delete(MOVES).where(own, MOVES.c.number == facts.moves))
        number, at, reason = before.number, before.at, before.reason
    else:
        number, at, reason = facts.moves + 1, last.at, "handed_back"
        row = {"submission": facts.id, "number": number, "at": at, "before": "sending", "after": "queued"}
        _INSERT_MOVE.run(connection, {**row, "actor": "dispatcher", "reason": reason})
    _change(
        connection,
        facts,
        state=State.QUEUED,
        state_at=at,
        reason=reason,
        moves=number,
        rank=rank(State.QUEUED),
        claimed=False,
        uncertain=False,
        not_before=not_before,
    )


def _change(connection: sa.Connection, facts: Facts, **changes: object) -> Facts:
    given = {f"new_{name}": value.value if isinstance(value, State) else value for name, value in changes.items()}
    _changing(tuple(changes)).run(connection, {"of_id": facts.id, **given})
    changes.pop("rank", None)
    return msgspec.structs.replace(facts, **changes)


@cache
def _changing(names: tuple[str, ...]) -> Spelled:
    """The statement that sets these columns of one submission; there are as many as acts that change them."""
    values = {name: sa.bindparam(f"new_{name}", type_=_C[name].type) for name in names}
    return Spelled(sa.update(SUBMISSIONS).where(_C.id == sa.bindparam("of_id")).values(values))
