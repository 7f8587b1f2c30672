"""What follows delivery, in memory, for tests: the same promises, proven by the same suites as the database's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gateway.catalogue.documents import is_complete
from gateway.catalogue.receipts import is_id, made_at, tail_of
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.follow_rows import AT_ONCE, CATCHING_UP, CENTRE_RESTORED, DOUBTED_AT_ONCE, SEEN, merged
from gateway.outbox.following import News, Outcome, Stray, TakenIn
from gateway.outbox.moves import RESTORED
from gateway.outbox.notice_rows import BEGINNING, PURGED_AT_ONCE
from gateway.outbox.notify_store import LOOKED_AT, PACED
from gateway.outbox.notifying import DEAD, PENDING, Counts, spelled

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.contract.host import Clock
    from gateway.contract.submissions import IssuedDocument, SubmissionMoved
    from gateway.outbox.following import Tiding
    from gateway.outbox.notice_rows import Notice, Place
    from gateway.outbox.notifying import Delivery, DeliveryState
    from gateway.testing.memory_store import MemoryOutbox


class _Lease:
    """One holder at a time; it never runs out here."""

    def __init__(self) -> None:
        self._holder = ""
        self._token = 0

    def take(self, holder: str) -> int | None:
        """The token, or None if another holds it."""
        if self._holder not in {"", holder}:
            return None
        self._token += self._holder != holder
        self._holder = holder
        return self._token

    def is_held(self, token: int) -> bool:
        """Whether a token is the present one."""
        return self._token == token

    def give_up(self, token: int) -> None:
        """Let another take it."""
        if self.is_held(token):
            self._holder = ""


class MemoryFollowing:
    """See `gateway.outbox.following`.

    Args:
        outbox: Whose submissions move.
        clock: The clock of everything.
    """

    def __init__(self, outbox: MemoryOutbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._lease = _Lease()
        self._cursors: dict[str, int] = {}
        self._read_at: dict[str, float | None] = {}
        self._documents: dict[str, tuple[IssuedDocument, ...]] = {}
        self._news: list[tuple[int, bytes, float]] = []
        self._of_strays: dict[str, Tiding] = {}
        outbox.adopt = self._adopt

    async def hold(self, holder: str) -> int | None:
        """See `Following.hold`."""
        return self._lease.take(holder)

    async def let_go(self, token: int) -> None:
        """See `Following.let_go`."""
        self._lease.give_up(token)

    async def cursor(self, account: str) -> int:
        """See `Following.cursor`."""
        return self._cursors.get(account, 0)

    async def take_in(self, token: int, account: str, tidings: Sequence[Tiding], upto: int) -> TakenIn | None:
        """See `Following.take_in`."""
        if not self._lease.is_held(token):
            return None
        since = self._cursors.get(account, 0)
        fresh = [tiding for tiding in tidings if tiding.seq > since]
        moved: list[SubmissionMoved] = []
        unmoved: list[tuple[int, Outcome]] = []
        for tiding in fresh:
            if tiding.reference:
                steps = self._decide(tiding)
                if isinstance(steps, Outcome):
                    unmoved.append((tiding.seq, steps))
                    if steps is Outcome.FOREIGN and is_id(tiding.reference):
                        self._keep_stray(account, tiding)
                else:
                    moved += steps
        subjects = list(dict.fromkeys(subject for tiding in fresh for subject in tiding.subjects))
        last = self._news[-1][0] if self._news else 0
        self._news += [(last + place, subject, self._clock.now()) for place, subject in enumerate(subjects, 1)]
        if upto > since:
            self._cursors[account] = upto
            self._read_at.setdefault(account, None)
        return TakenIn(tuple(moved), tuple(unmoved), len(subjects))

    async def caught_up(self, token: int, account: str) -> None:
        """See `Following.caught_up`."""
        if self._lease.is_held(token):
            self._read_at[account] = self._clock.now()

    async def taken(self, rights: Collection[str], before: float, after: str) -> tuple[str, ...]:
        """See `Following.taken`."""
        found = sorted(self._outbox.rows.delivered_under(rights, before))
        return tuple(id_ for id_ in found if id_ > after)[:DOUBTED_AT_ONCE]

    async def rewind(self, token: int, account: str, ids: Sequence[str]) -> tuple[SubmissionMoved, ...] | None:
        """See `Following.rewind`."""
        if not self._lease.is_held(token):
            return None
        if not ids:
            self._cursors[account] = 0
        known = [await self._outbox.find(id_) for id_ in ids]
        doubted = [one.id for one in known if one is not None and one.state is State.DELIVERED]
        step = self._outbox.rows.step
        return tuple(step(id_, State.UNKNOWN, CENTRE_RESTORED, {"uncertain": True}) for id_ in doubted)

    async def read_at(self) -> float | None:
        """See `Following.read_at`."""
        known = [time for time in self._read_at.values() if time is not None]
        return min(known) if known and len(known) == len(self._read_at) else None

    async def documents(self, id_: str) -> tuple[IssuedDocument, ...]:
        """See `Following.documents`."""
        return self._documents.get(id_, ())

    async def news(self, after: int | None) -> News:
        """See `Following.news`."""
        last = self._news[-1][0] if self._news else 0
        if after is None or after > last or not last:
            return News((), last)
        if after + 1 < self._news[0][0]:
            return News((), last, missed=True)
        behind = [one for one in self._news if one[0] > after]
        shown = behind[:AT_ONCE]
        upto = shown[-1][0] if shown else after
        return News(tuple(one[1] for one in shown), upto, more=len(behind) > AT_ONCE)

    async def forget_news(self, before: float) -> int:
        """See `Following.forget_news`."""
        kept = [one for one in self._news if one[2] >= before or one is self._news[-1]]
        forgotten = len(self._news) - len(kept)
        self._news = kept
        return forgotten

    async def strays(self) -> tuple[Stray, ...]:
        """See `Following.strays`."""
        here = self._outbox.rows.ids
        return tuple(
            replace(one, repeated_as=tuple(id_ for id_ in here if tail_of(id_) == tail_of(name)))
            for name, one in sorted(self._outbox.strays.items())
        )

    async def recall(self, references: Sequence[str]) -> tuple[str, ...]:
        """See `Following.recall`."""
        known = {*self._outbox.rows.ids, *self._outbox.strays, *self._of_strays}
        fresh = tuple(one for one in dict.fromkeys(references) if is_id(one) and one not in known)
        for one in fresh:
            self._outbox.strays[one] = Stray(one, made_at(one), told_at=self._clock.now())
        return fresh

    async def settle(self, reference: str, actor: str, reason: str) -> bool:  # noqa: ARG002 # nobody asks who it was
        """See `Following.settle`."""
        return self._outbox.strays.pop(reference, None) is not None

    def _keep_stray(self, account: str, tiding: Tiding) -> None:
        name, at = tiding.reference, self._clock.now()
        before = self._outbox.strays.get(name, Stray(name, made_at(name), told_at=at))
        kinds = tuple(sorted({*before.documents, *(document.kind for document in tiding.documents)}))
        told = {"receipt": tiding.receipt, "rejected": tiding.rejected, "decided_at": tiding.at}
        self._outbox.strays[name] = replace(before, account=account, documents=kinds, **told)
        self._documents[name] = merged(self._documents.get(name, ()), tiding.documents)
        self._of_strays[name] = tiding

    def _adopt(self, reference: str) -> None:
        del self._outbox.strays[reference]
        tiding = self._of_strays.get(reference)
        if tiding is None:
            self._outbox.rows.step(reference, State.UNKNOWN, RESTORED, {"uncertain": True})
        else:
            self._decide(tiding)

    def _decide(self, tiding: Tiding) -> list[SubmissionMoved] | Outcome:
        facts = self._outbox.rows.known(tiding.reference)
        if facts is None:
            return Outcome.FOREIGN
        end = State.REJECTED if tiding.rejected else State.ISSUED
        if facts.state is end:
            return Outcome.KNOWN
        if facts.state not in CATCHING_UP:
            return Outcome.CONTRADICTS
        steps = []
        for state in CATCHING_UP[facts.state]:
            changes: dict[str, object] = {
                "not_before": None,
                "uncertain": state is State.UNKNOWN,
                "centre_receipt": tiding.receipt,
            }
            steps.append(self._outbox.rows.step(facts.id, state, SEEN, changes))
        if tiding.rejected or self._is_whole(facts.id, facts.service, tiding):
            last: dict[str, object] = {"held": False, "centre_receipt": tiding.receipt}
            steps.append(self._outbox.rows.step(facts.id, end, tiding.rejected, last))
        return steps or Outcome.INCOMPLETE

    def _is_whole(self, id_: str, service: str, tiding: Tiding) -> bool:
        whole = self._documents[id_] = merged(self._documents.get(id_, ()), tiding.documents)
        return is_complete(service, frozenset(document.kind for document in whole))


class MemoryNotifying:
    """See `gateway.outbox.notifying`.

    Args:
        outbox: Whose notices these are.
        clock: The clock of everything.
    """

    def __init__(self, outbox: MemoryOutbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._lease = _Lease()
        self._routed: Place | None = None
        self._kept: dict[tuple[int, str, str], Delivery] = {}

    async def hold(self, holder: str) -> int | None:
        """See `Notifying.hold`."""
        return self._lease.take(holder)

    async def let_go(self, token: int) -> None:
        """See `Notifying.let_go`."""
        self._lease.give_up(token)

    async def begun(self, token: int) -> None:
        """See `Notifying.begun`."""
        if self._routed is None and self._lease.is_held(token):
            self._routed = await self.last()

    async def unrouted(self, limit: int) -> tuple[Notice, ...]:
        """See `Notifying.unrouted`."""
        routed = self._routed
        return () if routed is None else tuple(one for one in self._notices if one.place > routed)[:limit]

    async def route(self, token: int, upto: Place, deliveries: Sequence[Delivery]) -> bool:
        """See `Notifying.route`."""
        if not self._lease.is_held(token):
            return False
        for one in deliveries:
            self._kept.setdefault(_key(one), one)
        self._routed = upto
        return True

    async def due(self, notifier: str, resting: Collection[str], each: int) -> tuple[Delivery, ...]:
        """See `Notifying.due`."""
        now = self._clock.now()
        waiting = [one for one in self._kept.values() if one.state == PENDING and one.notifier == notifier]
        waiting = sorted(
            (one for one in waiting if one.next_at <= now and one.target not in resting),
            key=lambda one: (one.target, one.next_at, one.notice.place),
        )
        targets = sorted({one.target for one in waiting})
        return tuple(one for target in targets for one in [each_ for each_ in waiting if each_.target == target][:each])

    async def delivered(self, token: int, delivery: Delivery) -> bool:
        """See `Notifying.delivered`."""
        held = self._lease.is_held(token)
        if held:
            self._kept.pop(_key(delivery), None)
        return held

    async def failed(self, token: int, delivery: Delivery) -> bool:
        """See `Notifying.failed`."""
        held = self._lease.is_held(token)
        if held and _key(delivery) in self._kept:
            self._kept[_key(delivery)] = delivery
        return held

    async def listed(self, state: DeliveryState | None, limit: int) -> tuple[Delivery, ...]:
        """See `Notifying.listed`."""
        found = [self._kept[key] for key in sorted(self._kept)]
        return tuple(one for one in found if state in {None, one.state})[:limit]

    async def retry(self, ids: Collection[str] | None) -> int:
        """See `Notifying.retry`."""
        wanted = None if ids is None else set(map(spelled, ids))
        chosen = [one for one in self._kept.values() if (one.state == DEAD if wanted is None else one.id in wanted)]
        for one in chosen:
            self._kept[_key(one)] = replace(one, state=PENDING, next_at=self._clock.now(), first_at=0.0, tries=0)
        return len(chosen)

    async def counts(self) -> Counts:
        """See `Notifying.counts`."""
        dead = sum(one.state == DEAD for one in self._kept.values())
        return Counts(len(self._kept) - dead, dead)

    async def purge(self, before: float) -> int:
        """See `Notifying.purge`."""
        over = [one for one in self._notices[:PURGED_AT_ONCE] if one.at < before]
        for one in over:
            self._outbox.rows.forgotten.add(one.place)
        gone = {one.place.seq for one in over}
        self._kept = {key: one for key, one in self._kept.items() if key[0] not in gone}
        return len(over)

    async def feed(self, caller: str, after: Place, limit: int) -> tuple[Notice, ...]:
        """See `Notifying.feed`."""
        return tuple(one for one in self._notices if one.caller == caller and one.place > after)[:limit]

    async def callers(self, after: Place) -> tuple[Place, frozenset[str]]:
        """See `Notifying.callers`."""
        behind = [one for one in self._notices if one.place > after][:LOOKED_AT]
        return (behind[-1].place if behind else after), frozenset(one.caller for one in behind)

    async def last(self) -> Place:
        """See `Notifying.last`."""
        return self._notices[-1].place if self._notices else BEGINNING

    async def pace(self) -> tuple[float, ...]:
        """See `Notifying.pace`."""
        return tuple(sorted((one.at for one in self._notices[-PACED:] if one.after is State.DELIVERED), reverse=True))

    @property
    def _notices(self) -> list[Notice]:
        return [one for one in self._outbox.rows.notices if one.place not in self._outbox.rows.forgotten]


def _key(delivery: Delivery) -> tuple[int, str, str]:
    return delivery.notice.place.seq, delivery.notifier, delivery.target
