"""Synthetic submissions, and outboxes of every kind over one clock that is set by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue.receipts import new_id, new_number
from gateway.contract.messages import Priority
from gateway.contract.submissions import AttachmentRef, Subject, Submission, SubmissionState
from gateway.outbox.follow_store import DatabaseFollowing
from gateway.outbox.notify_store import DatabaseNotifying
from gateway.outbox.outbox import NewSubmission
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.testing.memory_following import MemoryFollowing, MemoryNotifying
from gateway.testing.memory_store import MemoryOutbox
from gateway.vault.keys import Keyring

if TYPE_CHECKING:
    from gateway.database import Database
    from gateway.outbox.following import Following
    from gateway.outbox.lanes import Lane
    from gateway.outbox.notifying import Notifying
    from gateway.outbox.outbox import Outbox

START = 1_800_000_000.0
LEASE = 60.0
VILLAGE, OTHER_VILLAGE = "3527032001", "3527032002"
KEYRING = Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32)
NIK = "3527034101900001"


@dataclass
class HandClock:
    """A clock that is set by hand."""

    at: float = START

    def now(self) -> float:
        """The time set."""
        return self.at

    def monotonic(self) -> float:
        """The same."""
        return self.at


@dataclass
class World:
    """An outbox, its clock, and what is handed in.

    Attributes:
        outbox: The outbox under test.
        clock: Its clock.
        database: Where it is stored; None for the one in memory.
    """

    outbox: Outbox
    clock: HandClock
    database: Database | None = None
    rng: random.Random = field(default_factory=lambda: random.Random(7))
    number: int = 0
    kept: tuple[Following, Notifying] | None = None

    def another(self) -> Outbox:
        """The same outbox as another process sees it; in memory there is only one."""
        if self.database is None:
            return self.outbox
        return DatabaseOutbox(self.database, Sealer(KEYRING, self.clock.now), self.clock)

    def following(self) -> Following:
        """What follows delivery in it."""
        if self.kept is None:
            self.kept = self._kept()
        return self.kept[0]

    def notifying(self) -> Notifying:
        """What is to be told of it."""
        self.following()
        assert self.kept is not None
        return self.kept[1]

    def _kept(self) -> tuple[Following, Notifying]:
        if isinstance(self.outbox, MemoryOutbox):
            return MemoryFollowing(self.outbox, self.clock), MemoryNotifying(self.outbox, self.clock)
        assert self.database is not None
        sealer = Sealer(KEYRING, self.clock.now)
        return DatabaseFollowing(self.database, sealer, self.clock), DatabaseNotifying(self.database, self.clock)

    def new(
        self,
        *,
        subject: int | None = None,
        village: str = VILLAGE,
        service: str = "birth",
        priority: Priority = Priority.COUNTER,
        filed: float = 0.0,
        key: str | None = None,
        caller: str = "desk000001",
        origin: str | None = None,
        form: object = None,
        adapter: str = "native",
        state: SubmissionState = SubmissionState.QUEUED,
    ) -> NewSubmission:
        """A checked hand-in; `filed` is in seconds after the start, a subject is told by a small number."""
        self.number += 1
        about = Subject(no_kk=f"35270301019{subject if subject is not None else 10_000 + self.number:05d}")
        given = {"name": "SITI AMINAH", "nik": NIK, "number": self.number} if form is None else form
        submission = Submission(
            service,
            1,
            village,
            about,
            msgspec.Raw(msgspec.json.encode(given)),
            (AttachmentRef("0" * 64, "kk"),),
            origin,
        )
        return NewSubmission(
            id=new_id(self.clock.now() + self.number / 1000, self.rng.getrandbits),
            number=new_number(self.rng.getrandbits),
            caller=caller,
            right="sampang",
            adapter=adapter,
            priority=priority,
            key=key if key is not None else f"key-{self.number}",
            filed_at=START + filed,
            submission=submission,
            state=state,
        )


def always(_lane: Lane) -> bool:
    """No lane is kept back."""
    return True
