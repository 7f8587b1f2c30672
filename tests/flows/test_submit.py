"""The verb submit: checked first, stored before the receipt, once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.catalogue.receipts import read_number
from gateway.contract.errors import (
    Conflict,
    Denied,
    FieldFault,
    IdempotencyKeyMissing,
    IdempotencyMismatch,
    Invalid,
    Maintenance,
)
from gateway.contract.messages import Caller, CentreService, Priority, Right
from gateway.contract.submissions import AttachmentRef, Subject, Submission
from gateway.contract.submissions import SubmissionState as State
from gateway.flows.rights import Rights
from gateway.flows.submit import LONGEST_FORM, Submitter
from gateway.testing.memory_blobs import MemoryBlobs
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import NIK, OTHER_VILLAGE, START, VILLAGE, HandClock

if TYPE_CHECKING:
    from gateway.contract.submissions import SubmissionMoved

RIGHT = Right(
    "sampang",
    "Sampang",
    frozenset(),
    frozenset(),
    frozenset(),
    villages=("3527",),
    submissions=frozenset({"birth", "biodata"}),
)
CALLER = Caller("desk000001", "desk", right="sampang", village=VILLAGE)
APP = Caller("app0000001", "app", right="sampang")
GOOD = Submission("birth", 1, VILLAGE, Subject(no_kk="3527030101910001"), msgspec.Raw(b'{"name":"SITI AMINAH"}'))


@dataclass
class Stage:
    """A submitter over an outbox in memory.

    Attributes:
        faults: What the service's own check finds.
        told: The moves told.
    """

    faults: tuple[FieldFault, ...] = ()
    told: list[SubmissionMoved] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put it together."""
        self.clock = HandClock()
        self.blobs = MemoryBlobs(self.clock)
        self.outbox = MemoryOutbox(self.clock, self.blobs)
        rights = Rights({"sampang": RIGHT}, {}, dict.fromkeys(CentreService, Priority.URGENT), self.clock, UTC)
        classes = {"birth": Priority.URGENT, "biodata": Priority.ONLINE}
        self.submitter = Submitter(
            self.outbox,
            rights,
            classes,
            lambda _submission, _filed: self.faults,
            self.blobs,
            self.clock,
            random.Random(5).getrandbits,
        )
        self.submitter.tell = self.told.append


def test_a_good_submission_is_stored_and_told() -> None:
    """The receipt names what is stored; its class is its service's; one first move is told, without personal data."""

    async def story() -> None:
        stage = Stage()
        accepted = await stage.submitter.submit(CALLER, GOOD, "k")
        assert accepted.fresh
        assert read_number(accepted.receipt.number) == accepted.receipt.number
        facts = await stage.outbox.find(accepted.receipt.id)
        assert facts is not None
        assert (facts.priority, facts.adapter, facts.right, facts.filed_at) == (
            Priority.URGENT,
            "native",
            "sampang",
            START,
        )
        again = await stage.submitter.submit(CALLER, GOOD, "k")
        assert (again.fresh, again.receipt) == (False, accepted.receipt)
        (moved,) = stage.told
        assert (moved.id, moved.move.before, moved.move.after) == (facts.id, None, State.QUEUED)
        assert "3527030101910001" not in repr(moved)

    asyncio.run(story())


def test_an_adapter_may_name_its_desk_and_an_earlier_date() -> None:
    """A form filed earlier keeps its date, never a later one than now; a desk's submission is in review."""

    async def story() -> None:
        stage = Stage()
        early = await stage.submitter.submit(
            APP, GOOD, "k", adapter="jepara", filed_at=START - 9.0, state=State.IN_REVIEW
        )
        assert (early.receipt.filed_at, early.receipt.state) == (START - 9.0, State.IN_REVIEW)
        late = await stage.submitter.submit(APP, GOOD, "k2", filed_at=START + 9.0)
        assert late.receipt.filed_at == START

    asyncio.run(story())


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"service": "lottery"}, ["/service"]),
        ({"version": 0}, ["/version"]),
        ({"village": "3527/3"}, ["/village"]),
        ({"village": "٣" * 10}, ["/village"]),
        ({"subject": Subject()}, ["/subject"]),
        ({"subject": Subject(no_kk="1", nik="x" * 16)}, ["/subject/no_kk", "/subject/nik"]),
        ({"form": msgspec.Raw(b"[1]")}, ["/form"]),
        ({"form": msgspec.Raw(b'{"a":"' + b"x" * LONGEST_FORM + b'"}')}, ["/form"]),
        ({"origin_id": ""}, ["/origin_id"]),
        ({"origin_id": "o" * 201}, ["/origin_id"]),
        ({"attachments": (AttachmentRef("0" * 64), AttachmentRef("A" * 64))}, ["/attachments/1/sha256"]),
        ({"attachments": (AttachmentRef("0" * 64),) * 33}, ["/attachments"]),
        ({"service": "x", "version": -1, "village": ""}, ["/version", "/village", "/service"]),
    ],
)
def test_every_wrong_field_is_named_at_once(changes: dict[str, object], fields: list[str]) -> None:
    """The shape is checked before anything else, in both languages, and no text quotes what was sent."""

    async def story() -> None:
        stage = Stage()
        with pytest.raises(Invalid) as refused:
            await stage.submitter.submit(CALLER, msgspec.structs.replace(GOOD, **changes), "k")
        assert [fault.field for fault in refused.value.faults] == fields
        assert all(fault.message and fault.message_id for fault in refused.value.faults)
        assert stage.told == []

    asyncio.run(story())


def test_the_services_own_check_comes_last() -> None:
    """A form its service refuses is not stored; who may not hand in there never learns what the check says."""

    async def story() -> None:
        stage = Stage(faults=(FieldFault("/form/name", "required", "name is needed.", "nama diperlukan."),))
        with pytest.raises(Invalid) as refused:
            await stage.submitter.submit(CALLER, GOOD, "k")
        assert [fault.field for fault in refused.value.faults] == ["/form/name"]
        with pytest.raises(Denied):
            await stage.submitter.submit(CALLER, msgspec.structs.replace(GOOD, village=OTHER_VILLAGE), "k")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("caller", "village"),
    [
        (CALLER, OTHER_VILLAGE),
        (APP, "3673010001"),
        (Caller("nobody0001", "nobody"), VILLAGE),
        (Caller("nobody0002", "nobody", right="gone"), VILLAGE),
    ],
)
def test_who_may_not_hand_in_there_is_denied(caller: Caller, village: str) -> None:
    """Key and right must serve the village, and there must be a right."""

    async def story() -> None:
        with pytest.raises(Denied):
            await Stage().submitter.submit(caller, msgspec.structs.replace(GOOD, village=village), "k")

    asyncio.run(story())


def test_the_key_is_needed_and_means_one_thing() -> None:
    """Without a key 428, with an odd one 422, with a used one the mismatch; an origin of other content conflicts."""

    async def story() -> None:
        stage = Stage()
        for missing in (None, ""):
            with pytest.raises(IdempotencyKeyMissing):
                await stage.submitter.submit(CALLER, GOOD, missing)
        for odd in ("a b", "k" * 201, "ké"):
            with pytest.raises(Invalid) as refused:
                await stage.submitter.submit(CALLER, GOOD, odd)
            assert refused.value.faults[0].field == "header:idempotency-key"
        carried = msgspec.structs.replace(GOOD, origin_id="device-1")
        await stage.submitter.submit(CALLER, carried, "k")
        with pytest.raises(IdempotencyMismatch):
            await stage.submitter.submit(CALLER, GOOD, "k")
        other = msgspec.structs.replace(carried, subject=Subject(nik=NIK))
        with pytest.raises(Conflict):
            await stage.submitter.submit(APP, other, "k")

    asyncio.run(story())


@pytest.mark.parametrize(("scope", "name"), [("adapter", "native"), ("service", "birth"), ("village", VILLAGE)])
def test_what_is_switched_off_takes_nothing_in(scope: str, name: str) -> None:
    """Off refuses within a second, hold does not, and let go it takes in again."""

    async def story() -> None:
        stage = Stage()
        for mode, number in (("off", 1), ("hold", 2), (None, 3)):
            await stage.outbox.switch(scope, name, mode, "operator:ani")  # type: ignore[arg-type] # cases of a table
            stage.clock.at += 1.1
            if mode == "off":
                with pytest.raises(Maintenance):
                    await stage.submitter.submit(CALLER, GOOD, f"k{number}")
            else:
                assert (await stage.submitter.submit(CALLER, GOOD, f"k{number}")).fresh

    asyncio.run(story())
