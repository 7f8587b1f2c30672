"""Who may ask what: denied unless right, key, purpose, village and elements all agree."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.limiter import Limiter
from gateway.contract.errors import Denied, Invalid, OutsideHours, Overloaded
from gateway.contract.host import Asking
from gateway.contract.messages import Caller, CentreService, Priority, Question, Right
from gateway.flows.rights import Purpose, Rights
from gateway.settings.centre import LimiterSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, takes, virtually

SERVICES = frozenset({CentreService.BIODATA, CentreService.VERIFY})
FIELDS = frozenset({"NIK", "NAMA_LGKP", "AGAMA"})
RIGHT = Right("sampang", "Sampang", SERVICES, FIELDS, frozenset({"pelayanan", "statistik"}))
PURPOSES = {
    "pelayanan": Purpose("pelayanan", Priority.COUNTER),
    "statistik": Purpose("statistik", Priority.BACKGROUND),
    "verifikasi": Purpose("verifikasi", Priority.ONLINE),
}
CEILINGS = {
    CentreService.BIODATA: Priority.URGENT,
    CentreService.FAMILY_CARD: Priority.URGENT,
    CentreService.VERIFY: Priority.COUNTER,
}
WIB = timezone(timedelta(hours=7))
NOON = datetime(2026, 11, 21, 12, tzinfo=WIB).timestamp()


class HandClock:
    """A clock that is set by hand."""

    def __init__(self, at: float = NOON) -> None:
        """Set it."""
        self.at = at

    def now(self) -> float:
        """Unix seconds."""
        return self.at

    def monotonic(self) -> float:
        """The same."""
        return self.at


def rights_with(right: Right, at: float = NOON) -> Rights:
    """The checks of one right at a moment."""
    return Rights({"sampang": right}, PURPOSES, CEILINGS, HandClock(at), WIB)


RIGHTS = rights_with(RIGHT)
CALLER = Caller("id", "desk", right="sampang", priority=Priority.URGENT)
NIK = "3527012904900001"
ASKED = Question(CentreService.BIODATA, NIK)
FOR_SERVICE = Asking("pelayanan")


def caller(**changes: Any) -> Caller:
    """The caller with some facts changed."""
    return msgspec.structs.replace(CALLER, **changes)


def test_what_is_granted_is_told() -> None:
    """A caller of the right gets its fields, its own village and the lowest of the three classes."""
    grant = RIGHTS.grant(caller(village="3527032001"), ASKED, FOR_SERVICE)
    assert (grant.right, grant.village, grant.fields, grant.priority) == (
        RIGHT, "3527032001", FIELDS, Priority.COUNTER,
    )  # fmt: skip
    assert RIGHTS.grant(CALLER, ASKED, Asking("pelayanan", "3527032002")).village == "3527032002"
    assert RIGHTS.grant(CALLER, ASKED, FOR_SERVICE).village == ""


@pytest.mark.parametrize("village", ["3527999999", "3527032099", "9999012001", "0000000000", "3673019999"])
def test_a_village_that_cannot_exist_is_refused(village: str) -> None:
    """Below a listed regency it must be listed, elsewhere its province must be; a bound key is the admin's word."""
    with pytest.raises(Invalid) as refused:
        RIGHTS.grant(CALLER, ASKED, Asking("pelayanan", village))
    assert [(fault.field, fault.code) for fault in refused.value.faults] == [("/village", "unknown_village")]
    assert RIGHTS.grant(caller(village=village), ASKED, FOR_SERVICE).share == village


def test_villages_nobody_can_check_share_one_part() -> None:
    """However many a key names, they count as one, and as another than those of any other key or village."""
    shares = {RIGHTS.grant(CALLER, ASKED, Asking("pelayanan", f"351501{number:04d}")).share for number in range(500)}
    assert len(shares) == 1
    assert RIGHTS.grant(CALLER, ASKED, FOR_SERVICE).share in shares
    assert RIGHTS.grant(caller(id="other"), ASKED, FOR_SERVICE).share not in shares
    assert RIGHTS.grant(CALLER, ASKED, Asking("pelayanan", "3527032001")).share == "3527032001"
    assert RIGHTS.grant(caller(village="3515012001"), ASKED, FOR_SERVICE).share == "3515012001"


@pytest.mark.parametrize(
    ("who", "question", "asking"),
    [
        (caller(right=None), ASKED, FOR_SERVICE),
        (caller(right="gone"), ASKED, FOR_SERVICE),
        (CALLER, Question(CentreService.FAMILY_CARD, NIK), FOR_SERVICE),
        (CALLER, ASKED, Asking("verifikasi")),
        (caller(purposes=frozenset({"statistik"})), ASKED, FOR_SERVICE),
        (caller(purposes=frozenset()), ASKED, FOR_SERVICE),
        (caller(village="3527032001"), ASKED, Asking("pelayanan", "3527032002")),
        (CALLER, Question(CentreService.VERIFY, NIK, (("NO_RT", "1"),)), FOR_SERVICE),
        (
            caller(fields=frozenset({"AGAMA"})),
            Question(CentreService.VERIFY, NIK, (("AGAMA", "ISLAM"), ("NAMA_LGKP", "X"))),
            FOR_SERVICE,
        ),
    ],
)
def test_what_is_not_granted_is_denied(who: Caller, question: Question, asking: Asking) -> None:
    """No right, another right, service, purpose, village or element each deny on their own."""
    with pytest.raises(Denied):
        RIGHTS.grant(who, question, asking)


def test_a_purpose_nobody_configured_is_a_wrong_field() -> None:
    """An unknown code is the caller's mistake, named without repeating it."""
    with pytest.raises(Invalid) as refused:
        RIGHTS.grant(CALLER, ASKED, Asking("iseng"))
    assert [fault.field for fault in refused.value.faults] == ["/purpose"]
    assert "iseng" not in str(refused.value.faults)


def test_a_key_cannot_see_more_than_its_right() -> None:
    """Fields of the key beyond the right's are not granted; the same pair is worked out once."""
    key = caller(fields=frozenset({"AGAMA", "NO_KK"}))
    assert RIGHTS.grant(key, ASKED, FOR_SERVICE).fields == {"AGAMA"}
    assert RIGHTS.grant(key, ASKED, FOR_SERVICE).fields is RIGHTS.grant(key, ASKED, FOR_SERVICE).fields


@pytest.mark.parametrize(
    ("villages", "village", "served"),
    [
        ((), "", True),
        (("3527",), "3527032001", True),
        (("352703", "3673"), "3527032001", True),
        (("3527032001",), "3527032001", True),
        (("3527032001",), "3527032002", False),
        (("3673",), "3527032001", False),
        (("3527",), "", False),
    ],
)
def test_a_right_serves_its_villages_only(villages: tuple[str, ...], village: str, served: bool) -> None:  # noqa: FBT001 # a column of the table
    """A village outside the right's regions, or none where it has regions, is denied."""
    rights = rights_with(msgspec.structs.replace(RIGHT, villages=villages))
    asking = Asking("pelayanan", village or None)
    if served:
        assert rights.grant(CALLER, ASKED, asking).village == village
    else:
        with pytest.raises(Denied):
            rights.grant(CALLER, ASKED, asking)


def minutes(text: str) -> int:
    """Minutes after midnight."""
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


@pytest.mark.parametrize(
    ("hours", "at", "after"),
    [
        (("08:00", "16:00"), "08:00", None),
        (("08:00", "16:00"), "15:59", None),
        (("08:00", "16:00"), "16:00", 16 * 3600),
        (("08:00", "16:00"), "07:59", 60),
        (("22:00", "06:00"), "23:30", None),
        (("22:00", "06:00"), "05:59", None),
        (("22:00", "06:00"), "06:00", 16 * 3600),
        (("22:00", "06:00"), "21:00", 3600),
    ],
)
def test_a_right_is_used_in_its_hours_only(hours: tuple[str, str], at: str, after: int | None) -> None:
    """Outside its hours in the configured zone a right is refused until they begin, across midnight too."""
    midnight = datetime(2026, 11, 21, tzinfo=WIB).timestamp()
    right = msgspec.structs.replace(RIGHT, hours=(minutes(hours[0]), minutes(hours[1])))
    rights = rights_with(right, midnight + minutes(at) * 60)
    if after is None:
        assert rights.grant(CALLER, ASKED, FOR_SERVICE).right is right
        return
    with pytest.raises(OutsideHours) as refused:
        rights.grant(CALLER, ASKED, FOR_SERVICE)
    assert refused.value.retry_after == after


names = st.sampled_from(["NIK", "NAMA_LGKP", "AGAMA", "NO_KK", "NO_RT"])
callers = st.builds(
    caller,
    right=st.sampled_from(["sampang", "gone", None]),
    village=st.sampled_from([None, "3527032001", "3527032002"]),
    purposes=st.none() | st.frozensets(st.sampled_from(sorted(PURPOSES))),
    fields=st.none() | st.frozensets(names),
    priority=st.sampled_from(Priority),
)
questions = st.builds(
    Question,
    st.sampled_from(CentreService),
    st.just(NIK),
    st.lists(st.tuples(names, st.just("x")), max_size=3).map(tuple),
)
askings = st.builds(
    Asking,
    st.sampled_from([*sorted(PURPOSES), "iseng"]),
    st.sampled_from([None, "3527032001", "3527032003"]),
)


@given(callers, questions, askings)
def test_a_grant_never_exceeds_any_of_its_bounds(who: Caller, question: Question, asking: Asking) -> None:
    """Whatever is granted lies within right, key, purpose, village and class; all else is refused by name."""
    try:
        grant = RIGHTS.grant(who, question, asking)
    except (Denied, Invalid):
        return
    assert grant.right.name == who.right
    assert question.service in RIGHT.services
    assert asking.purpose in RIGHT.purposes
    assert who.purposes is None or asking.purpose in who.purposes
    assert who.village is None or grant.village == who.village
    assert grant.fields <= RIGHT.fields
    assert who.fields is None or grant.fields <= who.fields
    assert {name for name, _value in question.elements} <= grant.fields
    assert grant.priority >= max(who.priority, PURPOSES[asking.purpose].priority, CEILINGS[question.service])


def test_a_key_that_invents_villages_starves_nobody() -> None:
    """A flood under random codes leaves a village that asks twice a second at least 95 % of its answers."""

    async def main() -> tuple[int, int]:
        far = FarEnd(LoopClock(), takes(0.1))
        limiter = Limiter(far, LimiterSettings(initial=4, maximum=4), clock=far.clock, random=Random(1))
        codes = Random(2)

        async def ask(who: Caller, village: str | None) -> bool:
            try:
                share = RIGHTS.grant(who, ASKED, Asking("pelayanan", village)).share
                await limiter.ask(a_call(caller=who.id, village=share, deadline=far.clock.monotonic() + 5.0))
            except (Invalid, Overloaded):
                return False
            return True

        flood, served = [], []
        for tick in range(2000):
            await asyncio.sleep(0.01)
            invented = [f"{codes.randrange(10**10):010d}" for _ in range(4)]
            flood += [asyncio.ensure_future(ask(CALLER, code)) for code in invented]
            if tick % 50 == 25:
                served.append(asyncio.ensure_future(ask(caller(id="v", village="3527032001"), None)))
        answered = sum(await asyncio.gather(*served))
        assert sum(await asyncio.gather(*flood)) > 100
        await limiter.close()
        return answered, len(served)

    answered, asked = virtually(main())
    assert answered >= 0.95 * asked
