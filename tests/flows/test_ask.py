"""The verb ask: rights first, policies only refuse, and every outcome is told to the observers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.contract.errors import (
    CentreTimeout,
    Denied,
    GatewayError,
    Internal,
    Invalid,
    NotFound,
    StorageUnavailable,
    TooManyRequests,
    every_error,
)
from gateway.contract.host import Asking
from gateway.contract.messages import Answer, Caller, CentreService, Freshness, Priority, Question, Reply, Right
from gateway.contract.roles import Allowed, Intent
from gateway.flows.ask import Asker
from gateway.flows.rights import Purpose, Rights

if TYPE_CHECKING:
    from gateway.contract.events import ExchangeRecord
    from gateway.contract.messages import Call
    from gateway.flows.ask import Outcome

RIGHT = Right(
    "sampang", "Sampang", frozenset({CentreService.BIODATA}), frozenset({"NIK"}), frozenset({"pelayanan"})
)  # fmt: skip


class HandClock:
    """A clock that goes on by half a second with each look."""

    def __init__(self) -> None:
        """Begin at 100."""
        self.at = 100.0

    def now(self) -> float:
        """Unix seconds."""
        return self.at

    def monotonic(self) -> float:
        """Half a second later each time."""
        self.at += 0.5
        return self.at


RIGHTS = Rights(
    {"sampang": RIGHT},
    {"pelayanan": Purpose("pelayanan", Priority.COUNTER)},
    dict.fromkeys(CentreService, Priority.URGENT),
    HandClock(),
    UTC,
)
CALLER = Caller("caller-id", "desk", right="sampang", village="3527032001")
ASKED = Question(CentreService.BIODATA, "3527012904900001")
GOOD = Answer(Reply(CentreService.BIODATA, b'{"content":[{"NIK":1,"AGAMA":"ISLAM"}]}'), 1.0, "cache", 7.0)


@dataclass
class FarEnd:
    """The end of the chain: keeps what it is asked and answers, or raises, what it was given."""

    answer: Answer | BaseException = GOOD
    calls: list[Call] = field(default_factory=list)

    async def ask(self, call: Call) -> Answer:
        """Answer."""
        self.calls.append(call)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@dataclass
class Rule:
    """A policy that says what it was made to say."""

    says: Allowed | GatewayError
    intents: list[Intent] = field(default_factory=list)

    async def before(self, intent: Intent) -> Allowed:
        """Say it."""
        self.intents.append(intent)
        if isinstance(self.says, GatewayError):
            raise self.says
        return self.says


@dataclass
class Scene:
    """An asker over a far end, with what observers were told."""

    far: FarEnd = field(default_factory=FarEnd)
    told: list[ExchangeRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Put it together."""
        self.asker = Asker(self.far, RIGHTS, HandClock(), deadline=10.0)
        self.asker.tell = self.told.append

    def ask(self, caller: Caller = CALLER, question: Question = ASKED, **asking: Any) -> Outcome:
        """Ask."""
        asking.setdefault("purpose", "pelayanan")
        return asyncio.run(self.asker.ask(caller, question, Asking(**asking)))


def test_an_answer_is_cut_and_told() -> None:
    """The caller sees its fields only; observers learn the facts of the exchange, and nothing of the resident."""
    scene = Scene()
    outcome = scene.ask(request_id="request-1")
    assert outcome.answer.reply.raw == b'{"content":[{"NIK":1}]}'
    assert outcome.headers == ()
    (record,) = scene.told
    assert msgspec.to_builtins(record) == {
        "verb": "ask", "service": "biodata", "caller": "caller-id", "right": "sampang", "adapter": "native",
        "village": "3527032001", "purpose": "pelayanan", "outcome": "answered", "source": "cache", "age_seconds": 7.0,
        "seconds": 0.5, "request_id": "request-1",
    }  # fmt: skip


def test_a_call_carries_who_asks_and_until_when() -> None:
    """The chain is told right, village, class, deadline and trace; the config's deadline counts where none is set."""
    scene = Scene()
    scene.ask()
    scene.ask(deadline=55.0, traceparent="00-a", village="3527032001", freshness=Freshness(max_stale=5.0))
    first, second = scene.far.calls
    assert (first.right, first.caller, first.village, first.adapter) == ("sampang", "caller-id", "3527032001", "native")
    assert (first.priority, first.deadline, first.freshness) == (Priority.COUNTER, 110.5, Freshness())
    assert (second.deadline, second.traceparent, second.freshness) == (55.0, "00-a", Freshness(max_stale=5.0))


def test_only_a_key_that_may_asks_past_the_cache() -> None:
    """For any other key `no-cache` is dropped and the rest of its wish stands."""
    wish = Freshness(max_stale=5.0, no_cache=True, strict=True)
    scene = Scene()
    scene.ask(freshness=wish)
    scene.ask(msgspec.structs.replace(CALLER, may_skip_cache=True), freshness=wish)
    assert [call.freshness for call in scene.far.calls] == [Freshness(5.0, no_cache=False, strict=True), wish]


def test_policies_are_asked_in_order_and_their_headers_told() -> None:
    """Each policy sees the same intent; what they want told is joined."""
    scene = Scene()
    rules = (Rule(Allowed((("a", "1"),))), Rule(Allowed()), Rule(Allowed((("b", "2"),))))
    scene.asker.policies = rules
    assert scene.ask(request_id="r").headers == (("a", "1"), ("b", "2"))
    expected = Intent("ask", CALLER, CentreService.BIODATA, "pelayanan", "3527032001", "native", "r")
    assert [rule.intents for rule in rules] == [[expected]] * 3


def test_a_policy_refuses_and_nothing_is_sent() -> None:
    """The first refusal ends it: later policies and the centre are never asked."""
    scene = Scene()
    last = Rule(Allowed())
    scene.asker.policies = (Rule(TooManyRequests()), last)
    with pytest.raises(TooManyRequests):
        scene.ask()
    assert (scene.far.calls, last.intents) == ([], [])
    assert [record.outcome for record in scene.told] == ["too_many_requests"]


def test_a_policy_cannot_allow_what_a_right_does_not() -> None:
    """The core's rights are asked first; a policy that allows all changes nothing."""
    scene = Scene()
    rule = Rule(Allowed())
    scene.asker.policies = (rule,)
    with pytest.raises(Denied):
        scene.ask(msgspec.structs.replace(CALLER, right=None))
    assert (rule.intents, scene.far.calls) == ([], [])
    (record,) = scene.told
    assert (record.outcome, record.right, record.source, record.age_seconds) == ("denied", "", None, 0.0)


def test_a_purpose_nobody_knows_is_not_repeated_to_observers() -> None:
    """A caller's own text never becomes a label."""
    scene = Scene()
    with pytest.raises(Invalid):
        scene.ask(purpose="3527012904900001")
    assert (scene.told[0].purpose, scene.told[0].outcome) == ("", "invalid")


@pytest.mark.parametrize("error", every_error())
def test_every_error_of_the_chain_is_told_by_its_code(error: type[GatewayError]) -> None:
    """Whatever the chain raises reaches the caller, and observers learn its code."""
    scene = Scene(FarEnd(error()))
    with pytest.raises(error):
        scene.ask()
    assert [record.outcome for record in scene.told] == [error.code]


@pytest.mark.parametrize("fault", [ValueError("x"), KeyError(1)])
def test_a_fault_of_our_own_is_told_as_internal(fault: Exception) -> None:
    """What is no refusal passes on as it is; observers are told `internal`."""
    scene = Scene(FarEnd(fault))
    with pytest.raises(type(fault)):
        scene.ask()
    assert scene.told[0].outcome == Internal.code


def test_somebody_the_centre_does_not_know_is_not_found() -> None:
    """The one negative answer becomes 404, executed; observers still learn source and age."""
    nobody = Answer(Reply(CentreService.BIODATA, b"{}", found=False), 1.0, "cache", 3.0)
    scene = Scene(FarEnd(nobody))
    with pytest.raises(NotFound) as refused:
        scene.ask()
    assert refused.value.executed == "yes"
    assert (scene.told[0].outcome, scene.told[0].source, scene.told[0].age_seconds) == ("not_found", "cache", 3.0)


def test_without_observers_nobody_is_told() -> None:
    """An asker works before any extension is there."""
    asker = Asker(FarEnd(), RIGHTS, HandClock(), deadline=1.0)
    assert asyncio.run(asker.ask(CALLER, ASKED, Asking("pelayanan"), "ektp")).answer.source == "cache"
    with pytest.raises(CentreTimeout):
        asyncio.run(Asker(FarEnd(CentreTimeout()), RIGHTS, HandClock(), 1.0).ask(CALLER, ASKED, Asking("pelayanan")))


@dataclass
class Book:
    """A ledger that keeps the order of things, or refuses."""

    refuses: GatewayError | None = None
    seen: list[Any] = field(default_factory=list)

    def begin(self, question: Question, *facts: str) -> Any:
        """Keep it."""
        self.seen.append((question.service, facts))
        return "beginning"

    async def began(self, beginning: Any) -> None:
        """Keep it."""
        self.seen.append((beginning, "goes on"))

    async def exchanged(self, beginning: Any, outcome: str, answer: Answer | None) -> None:
        """Keep it."""
        if self.refuses is not None:
            raise self.refuses
        self.seen.append((beginning, "is shown", outcome, answer))

    def ended(self, beginning: Any, outcome: str, answer: Answer | None) -> None:
        """Keep it."""
        self.seen.append((beginning, outcome, answer))


def _booked(far: FarEnd, book: Book) -> Asker:
    return Asker(far, RIGHTS, HandClock(), 10.0, book)


def test_an_exchange_is_written_down_before_and_after() -> None:
    """Who, for what, under which right; then how it ended. A refusal by a right is no exchange."""
    book = Book()
    asyncio.run(_booked(FarEnd(), book).ask(CALLER, ASKED, Asking("pelayanan", request_id="r")))
    with pytest.raises(CentreTimeout):
        asyncio.run(_booked(FarEnd(CentreTimeout()), book).ask(CALLER, ASKED, Asking("pelayanan")))
    stranger = msgspec.structs.replace(CALLER, right=None)
    with pytest.raises(Denied):
        asyncio.run(_booked(FarEnd(), book).ask(stranger, ASKED, Asking("pelayanan")))
    facts = ("caller-id", "sampang", "native", "3527032001", "pelayanan")
    assert book.seen == [
        (CentreService.BIODATA, (*facts, "r")),
        ("beginning", "is shown", "answered", GOOD),
        ("beginning", "answered", GOOD),
        (CentreService.BIODATA, (*facts, "")),
        ("beginning", "is shown", "centre_timeout", None),
        ("beginning", "centre_timeout", None),
    ]


def test_what_cannot_be_written_down_is_not_shown() -> None:
    """A full or broken ledger refuses, be it an answer from memory or a refusal that tells of somebody."""
    for far in (FarEnd(), FarEnd(CentreTimeout())):
        with pytest.raises(StorageUnavailable):
            asyncio.run(_booked(far, Book(StorageUnavailable())).ask(CALLER, ASKED, Asking("pelayanan")))


def test_what_goes_on_to_the_centre_takes_its_beginning_along() -> None:
    """The link behind the cache writes it down before the question leaves."""
    far, book = FarEnd(), Book()
    asyncio.run(_booked(far, book).ask(CALLER, ASKED, Asking("pelayanan")))
    (call,) = far.calls

    async def go_on() -> None:
        assert call.written is not None
        await call.written()

    asyncio.run(go_on())
    assert book.seen[-1] == ("beginning", "goes on")
