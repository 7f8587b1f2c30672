"""A circuit opens on rates, rests, probes with few, and hears only the present."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.centre.breaker import Breaker, Circuit, Outcome, Permit, Window
from gateway.centre.link import carry
from gateway.centre.verdict import Refuse
from gateway.contract.errors import (
    CentreMisanswered,
    CentreRefusedUs,
    CentreTimeout,
    CentreUnavailable,
    CentreUnreachable,
    GatewayError,
    Internal,
    Invalid,
    Maintenance,
    OutsideHours,
    QuotaExhausted,
)
from gateway.contract.events import CircuitState
from gateway.contract.messages import CentreService
from gateway.settings.centre import BreakerSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, left_over, raises, reply, takes, virtually

if TYPE_CHECKING:
    from gateway.contract.events import CircuitMove
    from gateway.contract.messages import Call, Reply

RATES = BreakerSettings(in_a_row=100_000)


def circuit(settings: BreakerSettings = RATES) -> Circuit:
    """A circuit with a seed."""
    return Circuit(settings, Random(7))


def one(of: Circuit, now: float, outcome: Outcome, seconds: float = 0.1) -> None:
    """One admitted call that ends at once."""
    permit = of.offer(now)
    assert isinstance(permit, Permit)
    of.done(now, permit, outcome, seconds)


def broken(settings: BreakerSettings = RATES, now: float = 0.0) -> Circuit:
    """A circuit that has just opened."""
    made = circuit(settings)
    for _ in range(settings.minimum):
        one(made, now, Outcome.FAILURE)
    assert made.state is CircuitState.OPEN
    return made


def test_it_opens_on_the_rate_of_failures_not_on_a_row_of_them() -> None:
    """80 % failures with every fifth call good opens the circuit, though five never fail in a row."""
    made = circuit()
    for count in range(10):
        one(made, 0.0, Outcome.SUCCESS if count % 5 == 4 else Outcome.FAILURE)
    assert (made.state, made.reason) == (CircuitState.OPEN, "failure_rate")


def test_it_needs_a_minimum_of_calls() -> None:
    """Nine failures are not judged when ten calls are the minimum."""
    made = circuit()
    for _ in range(9):
        one(made, 0.0, Outcome.FAILURE)
    assert made.state is CircuitState.CLOSED


def test_thin_traffic_opens_it_by_failures_in_a_row() -> None:
    """A village that asks once a minute is spared too: five failures in a row open the circuit."""
    made = circuit(BreakerSettings())
    for count in range(5):
        one(made, 60.0 * count, Outcome.FAILURE)
    assert made.state is CircuitState.OPEN


def test_what_lies_behind_the_window_is_forgotten() -> None:
    """Failures older than the window do not count."""
    made = circuit()
    for _ in range(9):
        one(made, 0.0, Outcome.FAILURE)
    one(made, 11.0, Outcome.FAILURE)
    assert made.state is CircuitState.CLOSED


def test_it_opens_on_the_rate_of_slow_calls() -> None:
    """Calls that succeed too slowly open it as well, with their own reason."""
    made = circuit()
    for _ in range(10):
        one(made, 0.0, Outcome.SUCCESS, seconds=8.5)
    assert (made.state, made.reason) == (CircuitState.OPEN, "slow_rate")


def test_open_refuses_with_a_jittered_time_and_then_probes() -> None:
    """While it rests it refuses with when to come back; the first caller afterwards is the probe."""
    made = broken()
    refused = made.offer(0.1)
    assert isinstance(refused, Refuse)
    assert 0.0 < refused.after <= 1.0
    assert isinstance(made.offer(1.0), Permit)
    assert made.state is CircuitState.HALF_OPEN


def test_it_tells_beforehand_whether_a_call_may_go() -> None:
    """Asked without a call: no while open, yes once its rest is over, no while all probes are out; nothing changes."""
    made = circuit()
    assert made.may_go(0.0)
    made = broken()
    assert not made.may_go(0.0)
    assert made.may_go(1_000.0)
    assert made.state is CircuitState.OPEN
    while isinstance(made.offer(1_000.0), Permit):
        pass
    assert made.probing == RATES.probes
    assert not made.may_go(1_000.0)
    assert made.may_go(1_000.0 + RATES.probe_patience)


def test_half_open_lets_only_its_probes_through() -> None:
    """Of a thousand callers at once three probe; the others are refused."""
    made = broken()
    verdicts = [made.offer(1.0) for _ in range(1000)]
    assert sum(isinstance(verdict, Permit) for verdict in verdicts) == 3


def test_enough_good_probes_close_it_and_a_bad_one_reopens_it_for_longer() -> None:
    """Three successes close the circuit; a failure doubles its rest up to the cap."""
    made = broken()
    for _ in range(3):
        one(made, 1.0, Outcome.SUCCESS)
    assert (made.state, made.reason) == (CircuitState.CLOSED, "probe_succeeded")
    made = broken()
    rests = []
    now = 0.0
    for _ in range(6):
        now += 4.0
        one(made, now, Outcome.FAILURE)
        low = next(tenth / 10 for tenth in range(100) if not isinstance(_peek(made, now + tenth / 10), Refuse))
        rests.append(low)
        now += low
    assert rests[0] <= 2.1
    assert max(rests) <= 2.0
    assert min(rests[2:]) >= 1.4
    assert made.reason == "open_time_over"


def _peek(of: Circuit, now: float) -> Permit | Refuse:
    return of.offer(now)


def test_the_rest_counts_from_when_the_failed_probe_was_sent() -> None:
    """A probe that hung for longer than the rest costs no second wait: the next caller probes at once."""
    made = broken()
    hung = made.offer(1.0)
    assert isinstance(hung, Permit)
    made.done(3.0, hung, Outcome.FAILURE, 2.0)
    assert made.state is CircuitState.OPEN
    assert isinstance(made.offer(3.0), Permit)


def test_a_short_failed_probe_rests_in_full() -> None:
    """A probe that fails at once is followed by three quarters of the rest at least."""
    made = broken()
    one(made, 1.0, Outcome.FAILURE)
    assert isinstance(made.offer(2.4), Refuse)
    assert isinstance(made.offer(3.0), Permit)


def test_a_failed_probe_says_nothing_once_a_later_one_was_answered() -> None:
    """A probe sent before the centre's return that fails after another was answered does not open the circuit again."""
    made = broken()
    before, after = made.offer(1.0), made.offer(2.5)
    assert isinstance(before, Permit)
    assert isinstance(after, Permit)
    made.done(2.8, after, Outcome.SUCCESS, 0.3)
    made.done(3.0, before, Outcome.FAILURE, 2.0)
    assert made.state is CircuitState.HALF_OPEN
    for _ in range(2):
        one(made, 3.1, Outcome.SUCCESS)
    assert (made.state, made.reason) == (CircuitState.CLOSED, "probe_succeeded")


def test_a_failure_sent_after_an_answered_probe_counts() -> None:
    """An answer to an earlier call does not excuse a probe that was sent later and failed."""
    made = broken()
    first, second = made.offer(1.0), made.offer(1.2)
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    made.done(1.3, first, Outcome.SUCCESS, 0.3)
    made.done(1.4, second, Outcome.FAILURE, 0.2)
    assert made.state is CircuitState.OPEN


def test_silence_is_no_failure_while_later_calls_are_answered() -> None:
    """Calls without an answer open the circuit only if nothing was answered since they were sent."""
    made = circuit(BreakerSettings())
    permits = [made.offer(0.0) for _ in range(20)]
    answered = made.offer(1.0)
    assert isinstance(answered, Permit)
    made.done(2.0, answered, Outcome.SUCCESS, 1.0)
    for permit in permits:
        assert isinstance(permit, Permit)
        made.done(5.0, permit, Outcome.SILENCE, 5.0)
    assert made.state is CircuitState.CLOSED
    for permit in [made.offer(6.0) for _ in range(5)]:
        assert isinstance(permit, Permit)
        made.done(11.0, permit, Outcome.SILENCE, 5.0)
    assert made.state is not CircuitState.CLOSED


def test_a_stuck_probe_does_not_block_the_next() -> None:
    """Probes that hang free their places after their patience, so that recovery is seen within seconds."""
    made = broken()
    for _ in range(3):
        assert isinstance(made.offer(1.0), Permit)
    assert isinstance(made.offer(1.9), Refuse)
    assert isinstance(made.offer(2.0), Permit)


def test_late_results_of_an_earlier_state_are_ignored() -> None:
    """Calls that began before the circuit opened can neither close nor reopen it."""
    made = circuit()
    early = made.offer(0.0)
    assert isinstance(early, Permit)
    for _ in range(10):
        one(made, 0.0, Outcome.FAILURE)
    assert isinstance(made.offer(1.0), Permit)
    made.done(1.1, early, Outcome.SUCCESS, 1.1)
    made.done(1.1, early, Outcome.FAILURE, 1.1)
    assert (made.state, made.probing) == (CircuitState.HALF_OPEN, 1)


def test_a_neutral_probe_only_gives_its_place_back() -> None:
    """A probe whose caller left says nothing, and the next caller may probe."""
    made = broken()
    one(made, 1.0, Outcome.NEUTRAL)
    assert (made.state, made.probing) == (CircuitState.HALF_OPEN, 0)


def test_the_rest_begins_anew_after_a_well_time() -> None:
    """A circuit that was closed for a whole window rests briefly again."""
    made = broken()
    one(made, 1.0, Outcome.FAILURE)
    for _ in range(3):
        one(made, 5.0, Outcome.SUCCESS)
    for _ in range(10):
        one(made, 60.0, Outcome.FAILURE)
    assert isinstance(made.offer(61.0), Permit)


def test_a_window_counts_only_its_length() -> None:
    """Totals are those of the last seconds, also after a long silence."""
    window = Window(10.0)
    window.add(0.5, failed=True, slow=False)
    window.add(5.0, failed=False, slow=True)
    assert window.totals(5.0) == (2, 1, 1)
    assert window.totals(11.0) == (1, 0, 1)
    assert window.totals(500.0) == (0, 0, 0)


class CircuitMachine(RuleBasedStateMachine):
    """Any history of offers, outcomes, cancellations and time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.moves: list[tuple[CircuitState, CircuitState, str]] = []
        self.made = Circuit(
            BreakerSettings(minimum=4), Random(3), lambda before, after, why: self.moves.append((before, after, why))
        )
        self.held: list[tuple[Permit, CircuitState]] = []

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 5.0, 30.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def offer(self) -> None:
        """A caller comes."""
        verdict = self.made.offer(self.now)
        if isinstance(verdict, Permit):
            self.held.append((verdict, self.made.state))
        else:
            assert 0.0 < verdict.after <= 4.0

    @precondition(lambda self: bool(self.held))
    @rule(data=st.data(), outcome=st.sampled_from(list(Outcome)), seconds=st.sampled_from([0.1, 9.0]))
    def end(self, data: st.DataObject, outcome: Outcome, seconds: float) -> None:
        """A call ends, in any order."""
        permit, _ = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        self.made.done(self.now, permit, outcome, seconds)

    @invariant()
    def probes_are_bounded(self) -> None:
        """Never more probes than allowed, none outside half-open."""
        assert self.made.probing <= 3
        if self.made.state is not CircuitState.HALF_OPEN:
            assert self.made.probing == 0

    @invariant()
    def moves_are_a_path(self) -> None:
        """Each move begins where the last one ended and has a reason."""
        for earlier, later in zip(self.moves, self.moves[1:], strict=False):
            assert earlier[1] is later[0]
        if self.moves:
            assert self.moves[-1][1] is self.made.state
        assert all(before is not after and why for before, after, why in self.moves)

    @invariant()
    def it_never_stays_shut(self) -> None:
        """Whatever happened, a caller gets through within the longest rest plus a probe's patience."""
        if self.made.state is CircuitState.OPEN:
            assert self.made._until - self.now <= 4.0


TestCircuitMachine = CircuitMachine.TestCase
TestCircuitMachine.settings = hypothesis_settings(
    max_examples=40, stateful_step_count=40, deadline=None, derandomize=True
)


def breaker(far: FarEnd, heard: list[CircuitMove] | None = None) -> Breaker:
    """The link under test."""
    observers = [] if heard is None else [heard.append]
    return Breaker(far, BreakerSettings(), clock=far.clock, random=Random(5), observers=observers)


async def tried(link: Breaker, call: Call) -> type[GatewayError] | None:
    """The kind of error a call ends with."""
    try:
        await link.ask(call)
    except GatewayError as error:
        return type(error)
    return None


@pytest.mark.parametrize("kind", [CentreUnreachable, CentreMisanswered, Maintenance])
def test_failures_of_the_centre_open_the_circuit_of_their_service_only(kind: type[GatewayError]) -> None:
    """Recordings may be down while families answer: each service has its own circuit, and observers hear of moves."""

    async def main() -> None:
        heard: list[CircuitMove] = []
        link = breaker(FarEnd(LoopClock(), raises(kind())), heard)
        for _ in range(5):
            assert await tried(link, a_call()) is kind
        with pytest.raises(CentreUnavailable) as caught:
            await link.ask(a_call())
        assert caught.value.executed == "no"
        assert caught.value.retry_after is not None
        assert await tried(link, a_call(service=CentreService.VERIFY)) is kind
        assert [(move.service, move.after, move.reason) for move in heard] == [
            (CentreService.BIODATA, CircuitState.OPEN, "failure_rate")
        ]
        assert link.circuit(CentreService.BIODATA)[0] is CircuitState.OPEN

    virtually(main())


@pytest.mark.parametrize("kind", [Invalid, QuotaExhausted, OutsideHours, CentreRefusedUs, Internal])
def test_refusals_of_the_centre_are_no_failures(kind: type[GatewayError]) -> None:
    """A centre that refuses is there; our own faults say nothing."""

    async def main() -> None:
        link = breaker(FarEnd(LoopClock(), raises(kind())))
        for _ in range(50):
            assert await tried(link, a_call()) is kind

    virtually(main())


def test_short_deadlines_of_one_caller_do_not_shut_the_centre_for_others() -> None:
    """Timeouts of calls that gave the centre a tenth of a second say nothing; those with a fair chance do."""

    async def main() -> None:
        clock = LoopClock()
        link = breaker(FarEnd(clock, takes(30.0)))
        for _ in range(30):
            assert await tried(link, a_call(deadline=clock.monotonic() + 0.1)) is CentreTimeout
        assert link.circuit(CentreService.BIODATA)[0] is CircuitState.CLOSED
        for _ in range(5):
            assert await tried(link, a_call(deadline=clock.monotonic() + 1.5)) is CentreTimeout
        assert link.circuit(CentreService.BIODATA)[0] is CircuitState.OPEN

    virtually(main())


def test_cancelled_callers_are_neutral() -> None:
    """A hundred callers who leave neither open the circuit nor leave a task behind."""

    async def main() -> None:
        link = breaker(FarEnd(LoopClock(), takes(30.0)))
        askers = [asyncio.ensure_future(link.ask(a_call())) for _ in range(100)]
        await asyncio.sleep(5.0)
        for asker in askers:
            asker.cancel()
        await asyncio.gather(*askers, return_exceptions=True)
        assert link.circuit(CentreService.BIODATA)[0] is CircuitState.CLOSED
        assert left_over() == 0

    virtually(main())


def test_a_joining_asker_extends_the_attempt_under_way() -> None:
    """The attempt ends at the latest deadline of its flight, also one that came while it ran."""

    async def main() -> None:
        clock = LoopClock()
        link = breaker(FarEnd(clock, takes(3.0)))
        carried = carry(a_call(deadline=1.0), bound=60.0)
        asked = asyncio.ensure_future(link.ask(carried))
        await asyncio.sleep(0.5)
        assert carried.flight.sent
        carried.flight.join(a_call(deadline=5.0, village="other"))
        await asked
        assert clock.monotonic() == pytest.approx(3.0)

    virtually(main())


def test_a_call_past_its_deadline_is_not_sent() -> None:
    """What nobody waits for any more costs the centre nothing."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        with pytest.raises(CentreTimeout) as caught:
            await breaker(far).ask(a_call(deadline=-1.0))
        assert (caught.value.executed, far.calls) == ("no", [])

    virtually(main())


@pytest.mark.parametrize("kind", ["refuse", "hang"])
def test_fresh_answers_resume_within_five_seconds_of_the_centres_return(kind: str) -> None:
    """With one caller a tenth of a second, whatever the outage was like, answers are back in time."""

    async def main() -> None:
        clock = LoopClock()
        up = False

        async def act(_call: Call) -> Reply:
            if not up and kind == "hang":
                await asyncio.sleep(3600.0)
            if not up:
                raise CentreUnreachable
            return reply()

        link = breaker(FarEnd(clock, act))
        askers: list[asyncio.Future[type[GatewayError] | None]] = []
        for _ in range(600):
            askers.append(asyncio.ensure_future(tried(link, a_call(deadline=clock.monotonic() + 10.0))))
            await asyncio.sleep(0.1)
        up = True
        since = clock.monotonic()
        answered = asyncio.Event()

        async def ask() -> None:
            if await tried(link, a_call(deadline=clock.monotonic() + 10.0)) is None:
                answered.set()

        for tenth in range(100):
            asyncio.get_running_loop().call_later(tenth / 10.0, lambda: asyncio.ensure_future(ask()))
        await answered.wait()
        assert clock.monotonic() - since <= 5.0
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    virtually(main())


def test_a_failing_observer_harms_no_call() -> None:
    """An observer's error is logged; the caller still hears the centre's."""

    async def main() -> None:
        def observer(_move: CircuitMove) -> None:
            raise ValueError("broken observer")

        link = Breaker(
            FarEnd(LoopClock(), raises(CentreUnreachable())),
            BreakerSettings(in_a_row=1),
            clock=LoopClock(),
            random=Random(5),
            observers=[observer],
        )
        assert await tried(link, a_call()) is CentreUnreachable
        assert await tried(link, a_call()) is CentreUnavailable

    virtually(main())
