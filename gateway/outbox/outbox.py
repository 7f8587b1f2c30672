"""What an outbox promises, whatever stores it; one conformance suite proves it for each.

```
accept ─► ready ─► claim ─► finish │ hand_back          (claimed and never ended: expire ─► ready, as unknown)
                     ▲ ◄── wake ◄── later
```

`DatabaseOutbox` (`gateway.outbox.store`) keeps it in SQLite or PostgreSQL, `MemoryOutbox` (`gateway.testing`) in
memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from gateway.contract.messages import Priority
from gateway.contract.submissions import Receipt, Submission, SubmissionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.submissions import Move, Waiting
    from gateway.outbox.lanes import Lane

Scope = Literal["adapter", "service", "village"]
Mode = Literal["hold", "off"]
Act = Literal["cancel", "retry", "hold", "release"]


class NewSubmission(msgspec.Struct, frozen=True):
    """A checked submission on its way into the outbox.

    Attributes:
        id: UUIDv7.
        number: Receipt number.
        caller: The caller's id.
        right: Name of the right it goes to the centre under.
        adapter: Extension it came through, or `native`.
        priority: Class.
        key: The caller's Idempotency-Key.
        filed_at: The legal filing date.
        submission: What was handed in.
        state: `queued`, or `in_review` where the adapter has a desk.
        files: Ids of the blobs of its attachments, by place; an empty text for one that is not here.
    """

    id: str
    number: str
    caller: str
    right: str
    adapter: str
    priority: Priority
    key: str
    filed_at: float
    submission: Submission
    state: SubmissionState = SubmissionState.QUEUED
    files: tuple[str, ...] = ()


class Accepted(msgspec.Struct, frozen=True):
    """A submission is stored.

    Attributes:
        receipt: Of this one, or of the first one under the same key or `origin_id`.
        fresh: False for a repetition.
    """

    receipt: Receipt
    fresh: bool


class Facts(msgspec.Struct, frozen=True):
    """What is known of a submission without opening it; no personal data.

    Attributes:
        id: UUIDv7.
        number: Receipt number.
        caller: Who handed it in.
        right: Name of the right it goes to the centre under.
        adapter: Extension it came through.
        service: Service of the centre.
        village: Village code.
        priority: Class.
        filed_at: The legal filing date.
        state: Where it stands.
        state_at: Since when.
        reason: Reason of the last move; empty for none.
        held: An operator holds it.
        claimed: A dispatcher has it now.
        uncertain: The centre may have something of it that was not answered for.
        tries: Claims so far; the last one's number is its fencing token.
        failures: Failures of its own in a row.
        not_before: Not tried again before then; None if it need not wait.
        moves: Moves so far.
        centre_receipt: What the centre calls it; None until it is delivered.
    """

    id: str
    number: str
    caller: str
    right: str
    adapter: str
    service: str
    village: str
    priority: Priority
    filed_at: float
    state: SubmissionState
    state_at: float
    reason: str = ""
    held: bool = False
    claimed: bool = False
    uncertain: bool = False
    tries: int = 0
    failures: int = 0
    not_before: float | None = None
    moves: int = 1
    centre_receipt: str | None = None

    @property
    def receipt(self) -> Receipt:
        """Its receipt, with the state as it is now."""
        return Receipt(self.id, self.number, self.filed_at, self.state)


class Claimed(msgspec.Struct, frozen=True):
    """A submission one dispatcher may send or ask about until its lease ends.

    Attributes:
        facts: As of the claim: `sending` means *send it*, `unknown` means *ask first*.
        token: Fences all later writes: a claim that expired can change nothing.
        submission: What was handed in; None if it cannot be opened any more.
    """

    facts: Facts
    token: int
    submission: Submission | None


class Ending(msgspec.Struct, frozen=True):
    """How a claim ended.

    Attributes:
        after: State from now on; `queued` only if the centre certainly has nothing.
        reason: Reason of the move.
        centre_receipt: What the centre calls it, for `delivered`.
        not_before: Not to be tried again before then (Unix seconds).
        failed: Count it as a failure of the submission's own; otherwise the count stays.
        uncertain: For `attention`: the centre may have something of it, so that a retry asks first.
    """

    after: SubmissionState
    reason: str = ""
    centre_receipt: str | None = None
    not_before: float | None = None
    failed: bool = False
    uncertain: bool = False


class Switch(msgspec.Struct, frozen=True):
    """Something that is held or switched off.

    Attributes:
        scope: What kind of thing.
        name: Which adapter, service or village.
        mode: `hold`: accepted and kept, nothing is claimed; `off`: not accepted either.
        actor: Who did it.
        reason: Why, for people.
        at: Since when.
    """

    scope: Scope
    name: str
    mode: Mode
    actor: str
    reason: str
    at: float


class Aged(msgspec.Struct, frozen=True):
    """What was handed in for one service, of one age.

    Attributes:
        service: Service of the centre.
        age: Which of `ageing.BANDS`, from 0.
        handed_in: Submissions filed in that time.
        at_centre: Those the centre has: delivered, issued or rejected.
        decided: Those it has decided: issued or rejected.
        attention: Those a person must look at.
        ended: Those that ended here: cancelled or expired.
    """

    service: str
    age: int
    handed_in: int
    at_centre: int
    decided: int
    attention: int
    ended: int


class Wanted(msgspec.Struct, frozen=True):
    """Which submissions a list shows; None shows all.

    Attributes:
        caller: Of this caller.
        state: In this state.
        service: Of this service.
        village: Of this village.
        after: With a higher id: handed in later than the one of this id.
        before: With a lower id; a cursor where it is the last one shown, newest first.
        limit: At most so many.
    """

    caller: str | None = None
    state: SubmissionState | None = None
    service: str | None = None
    village: str | None = None
    after: str | None = None
    before: str | None = None
    limit: int = 50


class Outbox(Protocol):
    """Where submissions are kept until the centre has them. All methods may raise `StorageUnavailable`."""

    async def accept(self, new: NewSubmission) -> Accepted:
        """Store a submission, all or nothing; committed when this returns.

        Raises:
            IdempotencyMismatch: The caller used the key for something else.
            Conflict: The `origin_id` was handed in with other content.
            Invalid: It is a new one, and some of its files are not here (any more); each is named.

        What repeats a stray (`Following.strays`), known by its tail, gets its id and filing date, and stands where the
        centre has it.
        """

    def tail(self, caller: str, key: str, origin_id: str | None) -> int:
        """The tail of a hand-in's id (62 bits): the same for whatever repeats it, and not to be guessed."""

    async def claim(self, want: int, lease: float, is_open: Callable[[Lane], bool]) -> list[Claimed]:
        """Claim up to so many, most urgent first, then by filing date; none while nothing may go.

        Args:
            want: At most so many.
            lease: Seconds on the storage's own clock until the claim expires.
            is_open: Whether a lane may go now, beside the switches.
        """

    async def finish(self, claimed: Claimed, ending: Ending) -> Facts | None:
        """End a claim; the submission as it is now, or None if the claim had expired and nothing was changed.

        Raises:
            Conflict: No legal move.
        """

    async def hand_back(self, claimed: Claimed, not_before: float) -> bool:
        """Undo a claim that came to nothing: nothing was sent, or nothing could be learned; False if it had expired.

        The move of the claim goes with it, so that a month of vain tries leaves no trace but their count.
        """

    async def expire(self) -> int:
        """End the claims whose lease is over: what was being sent is `unknown` from now on. How many there were."""

    async def inherit(self) -> int:
        """As `expire`, whatever the leases: for who knows that none of those who claimed lives any more."""

    async def wake(self) -> None:
        """Make claimable what has waited long enough."""

    async def decide(self, id_: str, ending: Ending, actor: str) -> Facts:
        """Move a submission no dispatcher holds: the centre's decision, a desk's, time's.

        Deciding again what is decided already changes nothing.

        Raises:
            NotFound: There is none.
            Conflict: No legal move, or a dispatcher holds it.
        """

    async def act(self, id_: str, act: Act, actor: str, reason: str = "") -> Facts:
        """An operator's or caller's act: cancel (while nothing was sent), retry (now), hold, release.

        Raises:
            NotFound: There is none.
            Conflict: Its state does not allow it.
        """

    async def correct(self, id_: str, submission: Submission, files: tuple[str, ...], actor: str) -> Facts:
        """Put other content in the place of what was handed in, as long as nothing can have been sent.

        Service, village, subject and `origin_id` are those of before; id, receipt, filing date and place stay, and so
        does what a repetition under the first Idempotency-Key gets. A move tells of it; the content before is shredded.

        Raises:
            NotFound: There is none.
            Conflict: It was claimed before, or does not wait.
            Invalid: Some of its files are not here; each is named.
        """

    async def find(self, id_: str) -> Facts | None:
        """A submission by its id or receipt number."""

    async def read(self, id_: str) -> Submission | None:
        """What was handed in; None if there is none or it was shredded."""

    async def moves(self, id_: str) -> tuple[Move, ...]:
        """Its moves, oldest first."""

    async def page(self, wanted: Wanted) -> tuple[Facts, ...]:
        """Submissions, newest first."""

    async def place(self, id_: str) -> int | None:
        """How many of its village and class go before it, plus one; None if it no longer waits."""

    async def ahead(self, id_: str) -> int | None:
        """How many of all villages go before one that is queued; None if it is not, or for more than can be counted."""

    async def ageing(self, now: float) -> tuple[Aged, ...]:
        """How much was handed in here, and how much of it is visible at the centre, by service and age."""

    async def waiting(self) -> tuple[Waiting, ...]:
        """How much is not with the centre yet, `attention` included, by class; the most urgent first."""

    async def switch(self, scope: Scope, name: str, mode: Mode | None, actor: str, reason: str = "") -> None:
        """Hold something, switch it off, or (None) let it go on."""

    async def switches(self) -> tuple[Switch, ...]:
        """All that is held or switched off."""

    async def doubt(self) -> int:
        """After an old copy was restored: whatever the centre may know better of becomes `unknown` and is asked about.

        That is all that is queued, under way, delivered or in attention; what ended and what is with a desk stays. All
        claims end. No dispatcher may be at work. How many there were.
        """

    async def forget_keys(self, before: float) -> int:
        """Forget Idempotency-Keys used before that time for what has ended; how many. Later than `shred`."""

    async def shred(self, before: float) -> int:
        """Destroy the content of what ended before that time, and files nothing else needs; facts and moves stay.

        Of strays that are kept since before that time the documents go, and all of those settled before it. How many
        there were.
        """
