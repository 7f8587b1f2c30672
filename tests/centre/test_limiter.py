"""Admission: no more than the centre takes, fair shares of it, no waiting for what comes too late."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.centre.fair_queue import PRESSING, FairQueue, Ticket
from gateway.centre.gate import STEP, WORTH, Gate
from gateway.centre.limit import FLOOR, Limit
from gateway.centre.limit_belief import Belief, Trial
from gateway.centre.limit_window import Window
from gateway.centre.limiter import Limiter
from gateway.centre.link import Flight, carry
from gateway.centre.verdict import Admit, Refuse, Wait
from gateway.contract.errors import CentreTimeout, CentreUnavailable, CentreUnreachable, Invalid, Overloaded
from gateway.contract.messages import CentreService, Priority
from gateway.settings.centre import LimiterSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, left_over, raises, reply, takes, virtually
from tests.centre.thrashing import Job, World
from tests.measuring import quick_once

if TYPE_CHECKING:
    from gateway.contract.messages import Call, Reply

SETTINGS = LimiterSettings()


def ticket(village: str = "v", deadline: float = 10.0) -> Ticket:
    """A ticket of a village."""
    return Ticket(Flight(a_call(village=village, deadline=deadline)))


def put(queue: FairQueue[Ticket], priority: Priority, village: str, caller: str = "c", since: float = 0.0) -> Ticket:
    """A ticket that waits in one place."""
    made = ticket(village)
    made.since = since
    queue.push(made, priority, village, caller)
    return made


def village_of(made: Ticket | None) -> str:
    """The village of the ticket's first asker."""
    assert made is not None
    return next(iter(made.flight.askers))[0]


def test_classes_share_by_weight_and_none_starves() -> None:
    """With all classes waiting, 1,500 places go 8:4:2:1; background gets more than 5 %."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for priority in Priority:
        for _ in range(1500):
            put(queue, priority, priority.name)
    served = Counter(village_of(queue.take(0.0)) for _ in range(1500))
    assert served == {"URGENT": 800, "COUNTER": 400, "ONLINE": 200, "BACKGROUND": 100}


def test_a_class_that_comes_back_has_no_credit_from_its_absence() -> None:
    """A class without work gathers no turns: when it returns it only gets its weight."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for _ in range(200):
        put(queue, Priority.ONLINE, "online")
    for _ in range(100):
        queue.take(0.0)
    for _ in range(100):
        put(queue, Priority.COUNTER, "counter")
    served = Counter(village_of(queue.take(0.0)) for _ in range(30))
    assert served["counter"] <= 21


def test_villages_take_turns_and_callers_within_them() -> None:
    """One village with fifty times the tickets gets the same number of turns; so does each of its callers."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for _ in range(500):
        put(queue, Priority.COUNTER, "heavy", caller="hog")
    for _ in range(10):
        put(queue, Priority.COUNTER, "heavy", caller="modest")
        put(queue, Priority.COUNTER, "light")
    served = Counter(village_of(queue.take(0.0)) for _ in range(20))
    assert served == {"heavy": 10, "light": 10}
    left = queue.lengths(Priority.COUNTER, "heavy")[1]
    assert left == 500
    again = [queue.take(0.0) for _ in range(10)]
    assert all(made is not None for made in again)


def test_the_oldest_goes_first_until_the_line_is_overloaded() -> None:
    """A short line is served in order; once its oldest waits too long, the newest goes first."""
    queue: FairQueue[Ticket] = FairQueue(patience=1.0)
    made = [put(queue, Priority.COUNTER, "v", since=float(second)) for second in range(3)]
    assert queue.take(0.5) is made[0]
    assert queue.take(5.0) is made[2]


def test_a_shared_ticket_is_served_once_and_paid_for_by_its_villages() -> None:
    """A call two villages wait for stands in both queues, is served at the first turn, and each pays half."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for _ in range(20):
        put(queue, Priority.COUNTER, "a")
        put(queue, Priority.COUNTER, "b")
        shared = put(queue, Priority.COUNTER, "a", caller="shared")
        queue.push(shared, Priority.COUNTER, "b", "shared")
    assert queue.waiting == 60
    served = [queue.take(0.0) for _ in range(60)]
    assert len({id(made) for made in served}) == 60
    assert (queue.take(0.0), queue.waiting) == (None, 0)


def test_a_village_served_by_others_turns_lets_its_own_pass() -> None:
    """Four villages' turns each served half a call of village b: it owes two turns, and lets them pass."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    shared = [put(queue, Priority.COUNTER, partner) for partner in "acde"]
    for partner in "acde" * 2 + "bbb":
        put(queue, Priority.COUNTER, partner)
    for made in shared:
        queue.push(made, Priority.COUNTER, "b", "shared")
    order = [village_of(queue.take(0.0)) for _ in range(15)]
    assert order[:4] == list("acde")
    assert order.index("b") >= 12


def test_a_better_class_of_a_joining_asker_counts_at_once() -> None:
    """A background refresh that a hospital joins is served in the hospital's class."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for _ in range(50):
        put(queue, Priority.COUNTER, "a")
    shared = put(queue, Priority.BACKGROUND, "a")
    queue.push(shared, Priority.URGENT, "b", "hospital")
    queue.push(shared, Priority.URGENT, "b", "hospital")
    assert shared in {queue.take(0.0), queue.take(0.0)}


def test_dead_entries_are_swept_out() -> None:
    """In a newest-first line abandoned tickets sink; they are dropped once they outnumber the living."""
    queue: FairQueue[Ticket] = FairQueue(patience=0.0)
    first = put(queue, Priority.COUNTER, "v")
    for _ in range(10_000):
        queue.remove(put(queue, Priority.COUNTER, "v"))
    line = first.places[0][2]
    assert len(line.tickets) < 32
    assert queue.take(9.0) is first
    assert queue.lengths(Priority.COUNTER, "v") == (0, 0, 0)
    queue.remove(first)
    assert queue.waiting == 0


def test_what_goes_before_is_estimated_by_class_village_and_line() -> None:
    """A light village's new call has few before it although a heavy one fills the queue."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    assert queue.ahead(Priority.COUNTER, "light", "c") == 0.0
    for _ in range(1000):
        put(queue, Priority.COUNTER, "heavy")
    assert queue.ahead(Priority.COUNTER, "light", "c") < 3.0
    assert queue.ahead(Priority.COUNTER, "heavy", "c") > 900.0
    assert queue.ahead(Priority.COUNTER, "heavy", "other") < 5.0
    assert queue.ahead(Priority.BACKGROUND, "light", "c") < 10.0


def learn(gate: Gate[Job], seconds: float, load: int = 1) -> None:
    """A call of an earlier epoch told how long the centre takes."""
    gate.limit.sample(0.0, epoch=-1, seconds=seconds, answered=True, load=load)


def feed(limit: Limit, start: float, seconds: float, *, count: int = 50, answered: bool = True) -> float:
    """A full window of equal samples with the limit in use; returns the time after it."""
    for part in range(count):
        when = start + SETTINGS.window * (part + 1) / count
        limit.sample(when, epoch=limit.epoch, seconds=seconds, answered=answered, load=int(limit.value))
    limit.roll(start + SETTINGS.window)
    return start + SETTINGS.window


def test_the_limit_rises_while_calm_and_used() -> None:
    """Calm windows raise a used limit, and leave an unused one alone."""
    limit = Limit(SETTINGS, 0.0)
    now = feed(limit, feed(limit, 0.0, 0.1), 0.1)
    assert limit.value > SETTINGS.initial
    now += 1.0
    limit.roll(now)
    before = limit.value
    for part in range(50):
        limit.sample(now + part / 100.0, epoch=limit.epoch, seconds=0.1, answered=True, load=2)
    limit.roll(now + 0.5)
    assert limit.value == before


def test_a_centre_slower_than_the_objective_is_used_in_full() -> None:
    """Latency above the objective that does not come from our load never pins the limit."""
    limit = Limit(SETTINGS, 0.0)
    now = 0.0
    for _ in range(100):
        now = feed(limit, now, 3.0)
    assert limit.value >= SETTINGS.initial


def test_silence_brings_it_below_one_where_it_paces() -> None:
    """Calls without any answer leave one call at a time with a pause of at most four seconds between."""
    limit = Limit(SETTINGS, 0.0)
    now = 0.0
    for _ in range(100):
        now = feed(limit, now, 5.0, answered=False)
    assert limit.value == FLOOR
    assert limit.pause == pytest.approx(4.0)


def test_latency_above_a_multiple_of_calm_lowers_it_once_per_epoch() -> None:
    """A rise over the calm latency lowers the limit; calls admitted before the decrease cannot lower it again."""
    limit = Limit(SETTINGS, 0.0)
    now = feed(limit, feed(limit, 0.0, 0.2), 0.2)
    before, epoch = limit.value, limit.epoch
    while limit.epoch == epoch:
        now = feed(limit, now, 1.0)
    assert before * 0.3 <= limit.value <= before * 0.9
    lowered = limit.value
    for _ in range(100):
        limit.sample(now, epoch=epoch, seconds=9.0, answered=True)
    limit.roll(now + 10.0)
    assert limit.value == lowered


def test_a_few_slow_calls_do_not_end_fast_growth() -> None:
    """Two calls that took 1.7 times the calm latency may be chance: the limit goes on growing."""
    limit = Limit(SETTINGS, 0.0)
    feed(limit, 0.0, 0.25)
    limit.silenced(1.0)
    limit.spread, lowered = 0.1, limit.value
    for when in (1.1, 1.6, 3.9, 4.4):
        limit.sample(when, epoch=limit.epoch, seconds=0.42, answered=True, load=int(limit.value))
    limit.roll(8.0)
    assert limit.value > 1.5 * lowered


def test_a_rise_that_brought_no_more_load_tells_nothing() -> None:
    """A rise nobody used neither supports the belief nor refutes it: the next trial is as near as before."""
    belief = Belief(0.0)
    trial = Trial(value=12.0, load=11.5, rate=40.0, low_value=24.0, dip=True)
    assert trial.upwards()
    assert not trial.moved(11.3)
    assert trial.moved(20.0)
    belief.kept(0.0)
    belief.untried(10.0)
    assert not belief.doubtful(10.0 + 3.9, 0.3, 2.0)
    assert belief.doubtful(10.0 + 4.1, 0.3, 2.0)


def test_chance_does_not_lower_the_belief() -> None:
    """A mean within two standard errors of the belief leaves it alone; one clearly below moves it."""
    belief = Belief(0.0)
    window = Window(0.0)
    window.add(16, 4.0, 1.0 + 16 * 0.0156, 0)
    belief.learn(0.0, window, 0.25, slack=False, grows=False)
    low = Window(0.0)
    low.add(16, 16 * 0.2, 16 * (0.04 + 0.0156), 0)
    assert belief.learn(1.0, low, 0.2, slack=False, grows=False) == 0.25
    lower = Window(0.0)
    lower.add(16, 16 * 0.1, 16 * (0.01 + 0.0025), 0)
    assert belief.learn(2.0, lower, 0.1, slack=False, grows=False) < 0.25


def test_answers_to_calls_before_a_cut_are_no_silence() -> None:
    """A trial goes on while the calls of before the cut come back, however long that takes; a real gap ends it."""
    limit = Limit(SETTINGS, 0.0)
    now = feed(limit, 0.0, 0.2)
    while not limit.epoch:
        now += 0.01
        limit.sample(now, epoch=0, seconds=2.0, answered=True, load=int(limit.value))
    cut = limit.value
    for _ in range(30):
        now += 0.1
        limit.sample(now, epoch=0, seconds=2.0, answered=True, load=16)
    limit.sample(now + 0.1, epoch=limit.epoch, seconds=2.0, answered=True, load=int(cut))
    assert limit.value == cut
    limit.sample(now + 3.0, epoch=limit.epoch, seconds=2.0, answered=True, load=int(cut))
    assert limit.value > 2.0 * cut


def test_empty_windows_change_nothing() -> None:
    """A night without calls leaves the limit where it was."""
    limit = Limit(SETTINGS, 0.0)
    now = feed(limit, 0.0, 0.2)
    limit.roll(now + 10.0)
    before = limit.value
    limit.roll(now + 36_000.0)
    assert limit.value == before


def test_sustained_slowness_does_not_pin_the_limit() -> None:
    """When the centre becomes three times slower for good, yet within the objective, the limit recovers."""
    limit = Limit(SETTINGS, 0.0)
    now = 0.0
    for _ in range(20):
        now = feed(limit, now, 0.2)
    for _ in range(200):
        now = feed(limit, now, 0.9)
    assert limit.value > 4.0


def test_no_more_in_flight_than_can_be_answered_in_time() -> None:
    """At a call a second, three in three seconds; two at least, and room to grow beyond the calm latency."""
    limit = Limit(LimiterSettings(initial=100), 0.0)
    limit.keep_within(3.0)
    assert limit.places == 100
    limit.sample(1.0, epoch=0, seconds=4.0, answered=True, load=4)
    limit.keep_within(3.0)
    assert (limit.places, limit.each) == (3, 1.0)
    limit.keep_within(0.1)
    assert limit.places == 2
    limit.roll(10.0)
    assert limit.calm == pytest.approx(4.0)
    limit.keep_within(3.0)
    assert limit.places == 5


def test_calls_without_an_answer_lower_the_rate_seen() -> None:
    """Whoever left after ten seconds was not served at the old rate: fewer are let out."""
    limit = Limit(LimiterSettings(initial=100), 0.0)
    limit.sample(1.0, epoch=0, seconds=1.0, answered=True, load=4)
    for _ in range(16):
        limit.sample(1.0, epoch=-1, seconds=10.0, answered=False, load=4)
    limit.keep_within(5.0)
    assert limit.typical == 1.0
    assert limit.places == 2


def test_what_callers_have_no_time_for_is_not_slack() -> None:
    """Held back by its callers' time, a limit far above is in use: a queue at the centre does not pass for calm."""
    limit = Limit(LimiterSettings(initial=100), 0.0)
    now = 0.0
    for seconds, load in ((1.0, 1), (3.0, 3)):
        for _ in range(40):
            now += seconds
            limit.sample(now, epoch=limit.epoch, seconds=seconds, answered=True, load=load)
            limit.keep_within(3.0)
    assert limit.calm == pytest.approx(1.0, abs=0.1)


def test_a_burst_before_a_single_worker_is_held_back() -> None:
    """A worker known to take a second gets no more calls than it answers in half of their six seconds; others wait."""
    gate: Gate[Job] = Gate(LimiterSettings(), Random(1), 0.0)
    lone = Job(a_call(deadline=6.0))
    gate.offer(0.0, lone, lone.call)
    gate.done(1.0, lone, seconds=1.0)
    calls = [a_call(village=f"v{number}", deadline=7.0) for number in range(9)]
    verdicts = [gate.offer(1.0, Job(call), call) for call in calls]
    assert [isinstance(verdict, Admit) for verdict in verdicts].count(True) == 3


def test_the_p90_is_that_of_the_last_answers() -> None:
    """Of a hundred answers that took 1 to 100 ms it is 90 ms; before the first there is none."""

    async def main() -> None:
        durations = iter(range(1, 101))

        async def act(_call: Call) -> Reply:
            await asyncio.sleep(next(durations) / 1000.0)
            return reply()

        link = limiter(FarEnd(LoopClock(), act))
        assert link.figures(CentreService.BIODATA)[2] is None
        for _ in range(100):
            await link.ask(a_call(deadline=100.0))
        assert link.figures(CentreService.BIODATA)[2] == pytest.approx(0.09, rel=0.02)

    virtually(main())


@pytest.mark.parametrize("times", [2, 5])
def test_a_thrashing_centre_keeps_its_goodput(times: int) -> None:
    """At several times its capacity the centre still answers four fifths of what it can, and villages get alike."""
    world = World(SETTINGS, seed=3)
    for village in range(20):
        world.arrivals(times * 5.0, 0.0, 60.0, village=f"v{village}")
    world.run(60.0)
    assert world.answered(20.0, 60.0) >= 0.78 * 100.0 * 40.0


def test_it_recovers_from_a_burst_at_once() -> None:
    """A burst of five times the capacity leaves nothing behind: ten seconds later all calls are answered again."""
    world = World(SETTINGS, seed=4)
    world.arrivals(60.0, 0.0, 90.0)
    world.arrivals(440.0, 20.0, 50.0)
    world.run(90.0)
    assert world.answered(62.0, 88.0) >= 0.95 * 60.0 * 26.0


def test_one_heavy_village_does_not_lower_the_others() -> None:
    """With one village at fifty times the load of the nine others, those get all their answers (Jain ≥ 0.95)."""
    world = World(SETTINGS, seed=5)
    for village in range(9):
        world.arrivals(5.0, 0.0, 60.0, village=f"v{village}")
    world.arrivals(250.0, 0.0, 60.0, village="heavy")
    world.run(60.0)
    shares = [world.answered(20.0, 55.0, village=f"v{village}") / (5.0 * 35.0) for village in range(9)]
    jain = sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))
    assert jain >= 0.95
    assert min(shares) >= 0.8


def test_place_in_line_and_wait_for_people() -> None:
    """A caller behind its own earlier calls is told its place and the seconds until its turn."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=1), Random(1), 0.0)
    call = a_call(deadline=100.0)
    learn(gate, 0.5)
    for _ in range(4):
        gate.offer(0.0, Job(call), call)
    place, seconds = gate.place(Priority.COUNTER, call.village, call.caller)
    assert place == 4
    assert seconds == pytest.approx(0.5 * 3.5)


def test_the_newest_goes_and_the_hopeless_are_told_at_once() -> None:
    """In a line with more than can have their turns the oldest is refused when one more comes."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=1), Random(1), 0.0)
    call = a_call(deadline=5.0)
    learn(gate, 1.0)
    jobs = [Job(call) for _ in range(6)]
    for job in jobs:
        gate.offer(0.0, job, call)
    assert gate.wake_at() == float("-inf")
    told = gate.next(0.0)
    assert [job for job, _ in told] == jobs[1 : 1 + len(told)]
    assert all(isinstance(verdict, Refuse) and verdict.reason == "overtaken" for _, verdict in told)


def overdue_gate(typical: float = 0.2) -> Gate[Job]:
    """A gate of which four calls are in flight since second 0, the last answer came then, and one call waits."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=4, maximum=4), Random(1), 0.0)
    learn(gate, typical, load=4)
    for number in range(5):
        call = a_call(village=f"v{number}")
        gate.offer(0.0, Job(call), call)
    return gate


def ask_until(gate: Gate[Job], seconds: float, step: float = 0.05) -> Admit | Wait | Refuse:
    """What the last of many newcomers is told, one every `step` seconds."""
    verdict: Admit | Wait | Refuse = Wait(0.0)
    for number in range(round(seconds / step)):
        call = a_call(village=f"n{number}", deadline=60.0)
        verdict = gate.offer((number + 1) * step, Job(call), call)
    return verdict


def test_nobody_begins_to_wait_while_the_next_answer_is_overdue() -> None:
    """Six usual pauses without an answer: newcomers are refused at once, whoever waits already goes on waiting."""
    gate = overdue_gate()
    assert isinstance(ask_until(gate, 0.3), Wait)
    waiting = gate.waiting
    verdict = ask_until(gate, 0.4)
    assert isinstance(verdict, Refuse)
    assert verdict.reason == "silent"
    assert gate.waiting >= waiting
    gate.done(0.45, next(iter(gate._out.moving)), seconds=0.45)
    assert isinstance(gate.offer(0.46, Job(a_call(deadline=60.0)), a_call(deadline=60.0)), Wait)


def test_a_short_silence_and_one_of_our_own_are_not_doubted() -> None:
    """A quarter of a second is never too long, and a gate nobody came to for a while does not know who was silent."""
    assert isinstance(ask_until(overdue_gate(typical=0.001), 0.25), Wait)
    assert isinstance(ask_until(overdue_gate(typical=0.001), 0.3), Refuse)
    assert isinstance(ask_until(overdue_gate(typical=0.001), 1.5, step=0.11), Wait)


@pytest.mark.parametrize(("calls", "seconds"), [(1, 18.0), (4, 10.5), (25, 6.0)])
def test_of_many_calls_one_should_come_back_soon(calls: int, seconds: float) -> None:
    """Where a call takes three seconds, one may take six times as long; of 25 one comes back within twice the time."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=25), Random(1), 0.0)
    gate.limit.typical = 3.0
    for number in range(calls):
        call = a_call(village=f"v{number}", deadline=60.0)
        assert isinstance(gate.offer(0.0, Job(call), call), Admit)
    gate.next(seconds - 0.1)
    gate.estimate(seconds - 0.1, Priority.COUNTER)
    assert not gate.silent
    gate.estimate(seconds + 0.1, Priority.COUNTER)
    assert gate.silent


def test_the_very_first_answer_may_take_three_times_the_objective() -> None:
    """Before anything was heard nobody knows how long a call takes: six seconds are waited, not two."""
    gate: Gate[Job] = Gate(LimiterSettings(), Random(1), 0.0)
    call = a_call(deadline=60.0)
    gate.offer(0.0, Job(call), call)
    gate.estimate(5.9, Priority.COUNTER)
    assert not gate.silent
    gate.estimate(6.1, Priority.COUNTER)
    assert gate.silent


def test_a_village_that_presses_goes_after_one_that_does_not() -> None:
    """Before anybody had a second turn, who asked once goes before who asked eight times, whoever came first."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for village in ("loud", "other", "modest"):
        put(queue, Priority.COUNTER, village)
        put(queue, Priority.COUNTER, village)
    for _ in range(8):
        queue.press(Priority.COUNTER, "loud")
        queue.press(Priority.COUNTER, "other")
    queue.press(Priority.COUNTER, "modest")
    assert [village_of(queue.take(0.0)) for _ in range(6)] == ["modest", "modest", "loud", "other", "loud", "other"]


def test_pressing_counts_before_there_is_a_crowd() -> None:
    """Where all who wait will have their turn in time, who asks once goes before who asked three times earlier."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=1, maximum=1), Random(1), 0.0)
    learn(gate, 0.01)
    jobs = [Job(a_call(village=village)) for village in ("heavy", "heavy", "heavy", "light")]
    assert isinstance(gate.offer(0.0, jobs[0], jobs[0].call), Admit)
    for job in jobs[1:]:
        assert isinstance(gate.offer(0.0, job, job.call), Wait)
    gate.done(0.01, jobs[0], seconds=0.01)
    assert [job.call.village for job, _ in gate.next(0.01)] == ["light"]


def test_pressing_wears_off_and_ends_with_the_crowd() -> None:
    """A round later a question less counts; once nothing waits, all begin anew."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for _ in range(20):
        put(queue, Priority.COUNTER, "a")
    for _ in range(30):
        queue.press(Priority.COUNTER, "a")
    rank = queue._ranks[Priority.COUNTER]
    village = rank.villages["a"]
    assert village.pressing == PRESSING
    for _ in range(4):
        queue.take(0.0)
    queue.press(Priority.COUNTER, "a")
    assert village.pressing == pytest.approx(PRESSING - 3.0 + 1.0)
    while queue.take(0.0):
        pass
    put(queue, Priority.COUNTER, "a")
    queue.press(Priority.COUNTER, "a")
    assert village.pressing == 1.0


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "take", "press", "leave", "share"]), st.sampled_from("abc")), max_size=60
    )
)
def test_where_villages_stand_is_counted_right(acts: list[tuple[str, str]]) -> None:
    """After any history the counts by step are those of the villages that wait, and none is left behind."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    made: list[Ticket] = []
    for act, village in acts:
        if act == "put":
            made.append(put(queue, Priority.COUNTER, village))
        elif act == "take":
            queue.take(0.0)
        elif act == "press":
            queue.press(Priority.COUNTER, village)
        elif made and act == "leave":
            queue.remove(made.pop())
        elif made and made[-1].waiting:
            queue.push(made[-1], Priority.COUNTER, village, "shared")
        rank = queue._ranks[Priority.COUNTER]
        waiting = [one for one in rank.villages.values() if one.live]
        assert rank.active == len(waiting)
        assert rank.steps == dict(Counter(int(one.place) for one in waiting))


def test_one_village_cannot_fill_the_queue() -> None:
    """A village that floods the queue is refused while another still finds room."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=1, waiting=100), Random(1), 0.0)
    flood = a_call(village="flood")
    verdicts = [gate.offer(0.0, Job(flood), flood) for _ in range(200)]
    assert any(isinstance(verdict, Refuse) and verdict.reason == "full" for verdict in verdicts)
    other = a_call(village="other")
    assert isinstance(gate.offer(0.0, Job(other), other), Wait)


def test_what_cannot_be_in_time_is_refused_at_once_with_jitter() -> None:
    """Whoever stands behind more than can have their turns is refused at the door; times to come back differ."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=1), Random(1), 0.0)
    call = a_call(deadline=5.0)
    gate.offer(0.0, Job(call), call)
    learn(gate, 1.0)
    first = Job(call)
    assert isinstance(gate.offer(0.0, first, call), Wait)
    second = a_call(village="second", deadline=5.0)
    assert isinstance(gate.offer(0.0, Job(second), second), Wait)
    for number in range(20):
        other = a_call(village=f"v{number}", deadline=5.0)
        verdict = gate.offer(0.0, Job(other), other)
        assert isinstance(verdict, Refuse)
        assert verdict.reason == "deadline"
    gate.done(0.1, next(iter(gate._out.moving)), seconds=0.1)
    assert [job for job, _ in gate.next(0.1)] == [first]
    gate.limit.typical = 3.0
    verdicts = [gate.offer(0.1, Job(call), call) for _ in range(20)]
    assert all(isinstance(verdict, Refuse) and verdict.reason == "deadline" for verdict in verdicts)
    assert len({verdict.after for verdict in verdicts if isinstance(verdict, Refuse)}) > 10
    late = a_call(deadline=-1.0)
    assert isinstance(gate.offer(0.0, Job(late), late), Refuse)


def test_calls_too_late_to_be_worth_sending_are_refused_at_their_turn() -> None:
    """A turn that comes when the time left is less than half a usual call is not spent on the centre."""
    gate: Gate[Job] = Gate(LimiterSettings(initial=1), Random(1), 0.0)
    first, second = a_call(), a_call(deadline=2.1)
    flying, waiting = Job(first), Job(second)
    assert isinstance(gate.offer(0.0, flying, first), Admit)
    assert isinstance(gate.offer(0.0, waiting, second), Wait)
    gate.done(2.0, flying, seconds=1.0)
    [(refused, verdict)] = gate.next(2.0)
    assert refused is waiting
    assert isinstance(verdict, Refuse)
    assert verdict.reason == "late"


def test_below_one_the_gate_paces() -> None:
    """A silent centre is called once in a while: the gate says when the next place comes free by time alone."""
    gate: Gate[Job] = Gate(LimiterSettings(), Random(1), 0.0)
    gate.limit.value = 0.5
    call = a_call(deadline=100.0)
    first, second = Job(call), Job(call)
    assert isinstance(gate.offer(10.0, first, call), Wait)
    due = gate.wake_at()
    assert due is not None
    assert 10.0 <= due <= 14.0
    assert [verdict for _, verdict in gate.next(due)] == [Admit()]
    gate.done(due + 0.1, first, seconds=None)
    assert isinstance(gate.offer(due + 0.2, second, call), Wait)
    assert gate.wake_at() == pytest.approx(due + 4.0)
    assert gate.next(due + 3.9) == []
    assert [verdict for _, verdict in gate.next(due + 4.0)] == [Admit()]
    assert gate.wake_at() is None


class GateMachine(RuleBasedStateMachine):
    """Any history of arrivals, ends, leaving and time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.gate: Gate[Job] = Gate(LimiterSettings(initial=4, waiting=20), Random(2), 0.0)
        self.waiting: list[Job] = []
        self.flying: list[Job] = []
        self.extra = 0

    @rule(seconds=st.sampled_from([0.0, 0.05, 0.5, 3.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Time passes; places may come free by it."""
        self.now += seconds
        self._next()

    @rule(
        village=st.sampled_from("abc"),
        priority=st.sampled_from(list(Priority)),
        patience=st.sampled_from([0.1, 5.0, 50.0]),
    )
    def arrive(self, village: str, priority: Priority, patience: float) -> None:
        """A call comes."""
        call = a_call(village=village, priority=priority, deadline=self.now + patience)
        job = Job(call)
        full = self.gate.in_flight >= self.gate.limit.value
        verdict = self.gate.offer(self.now, job, call)
        if isinstance(verdict, Admit):
            self._flies(job, beyond=full)
        elif isinstance(verdict, Wait):
            self.waiting.append(job)
        else:
            assert 0.0 < verdict.after <= 90.0
        self._next()

    @precondition(lambda self: bool(self.flying))
    @rule(data=st.data(), seconds=st.sampled_from([None, 0.05, 0.5, 9.0]), answered=st.booleans())
    def end(self, data: st.DataObject, seconds: float | None, *, answered: bool) -> None:
        """A call ends."""
        job = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        self.gate.done(self.now, job, seconds=seconds, answered=answered)
        self._next()

    @precondition(lambda self: bool(self.waiting))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A waiting asker leaves."""
        self.gate.abandon(self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1))))

    @precondition(lambda self: bool(self.waiting))
    @rule(data=st.data(), village=st.sampled_from("abcd"), priority=st.sampled_from(list(Priority)))
    def join(self, data: st.DataObject, village: str, priority: Priority) -> None:
        """Another asker shares a waiting call."""
        job = data.draw(st.sampled_from(self.waiting))
        self.gate.join(job, a_call(village=village, priority=priority, caller="joined"))
        self._next()

    def _next(self) -> None:
        for job, verdict in self.gate.next(self.now):
            self.waiting.remove(job)
            if isinstance(verdict, Admit):
                self._flies(job, beyond=False)

    def _flies(self, job: Job, *, beyond: bool) -> None:
        assert not job.waiting
        self.flying.append(job)
        self.extra += beyond

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        """Every call is in exactly one place, and the gate's counts say so."""
        assert self.gate.in_flight == len(self.flying)
        assert self.gate.waiting == len(self.waiting) <= 20
        assert all(job.waiting for job in self.waiting)

    @invariant()
    def nobody_waits_beside_a_free_place(self) -> None:
        """Who waits is looked after in time: within a pause, or beside calls in flight when waiting ends."""
        if self.waiting:
            due = self.gate.wake_at()
            assert due is not None
            assert due <= self.now + (WORTH * 50.0 + STEP if self.flying else 4.0) + 1e-6


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = hypothesis_settings(max_examples=50, stateful_step_count=40, deadline=None, derandomize=True)


def limiter(far: FarEnd, **knobs: int) -> Limiter:
    """The link under test."""
    return Limiter(far, LimiterSettings(**knobs), clock=far.clock, random=Random(9))


def test_never_more_in_flight_than_the_limit_while_answers_come() -> None:
    """Two hundred askers at once: at most the limit is at the centre, and all are answered."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(0.1))
        link = limiter(far, initial=4, maximum=4)
        await asyncio.gather(*(link.ask(a_call(village=f"v{n % 7}", deadline=100.0)) for n in range(200)))
        assert far.most == 4
        assert len(far.calls) == 200
        assert left_over() == 0
        waiting, in_flight, p90, wait = link.figures(CentreService.BIODATA)
        assert (waiting, in_flight, wait) == (0, 0, 0.0)
        assert p90 == pytest.approx(0.1, rel=0.1)

    virtually(main())


def test_a_waiting_call_hears_in_good_time_that_it_was_not_sent() -> None:
    """A caller whose turn does not come is refused after three tenths of its time, executed `no`."""

    async def main() -> None:
        clock = LoopClock()
        far = FarEnd(clock, takes(30.0))
        link = limiter(far, initial=1)
        stuck = asyncio.ensure_future(link.ask(a_call(deadline=60.0)))
        await asyncio.sleep(0.1)
        with pytest.raises(Overloaded) as caught:
            await link.ask(a_call(deadline=1.0))
        assert 0.3 <= clock.monotonic() <= 0.5
        assert caught.value.executed == "no"
        await stuck

    virtually(main())


def test_calls_the_centre_keeps_do_not_hide_its_return() -> None:
    """With every place held by calls that hang, others are refused, and a probe a second finds the centre's return."""

    async def main() -> None:
        clock = LoopClock()

        async def act(call: Call) -> Reply:
            if call.caller == "stuck":
                await asyncio.sleep(50.0)
            return reply()

        far = FarEnd(clock, act)
        link = limiter(far, initial=4, maximum=4)
        await link.ask(a_call())
        stuck = [asyncio.ensure_future(link.ask(a_call(caller="stuck", deadline=60.0))) for _ in range(4)]
        await asyncio.sleep(0.1)
        await asyncio.sleep(2.5)
        await link.ask(a_call(deadline=10.0))
        await asyncio.gather(*(link.ask(a_call(deadline=10.0)) for _ in range(3)))
        assert clock.monotonic() < 4.0
        await asyncio.gather(*stuck)

    virtually(main())


def test_a_joining_asker_extends_a_waiting_calls_deadline() -> None:
    """A call in the queue lives until the latest deadline of its askers."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(1.5))
        link = limiter(far, initial=1, maximum=1)
        first = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0.1)
        carried = carry(a_call(deadline=1.0, village="a"), bound=60.0)
        second = asyncio.ensure_future(link.ask(carried))
        await asyncio.sleep(0.1)
        carried.flight.join(a_call(deadline=8.0, village="b", priority=Priority.URGENT))
        await asyncio.gather(first, second)

    virtually(main())


@pytest.mark.parametrize(
    ("kind", "measured"),
    [(CentreUnreachable, False), (CentreUnavailable, False), (Invalid, True), (CentreTimeout, False)],
)
def test_only_what_the_centre_took_its_time_for_is_measured(kind: type[Exception], measured: bool) -> None:  # noqa: FBT001 - a table's column
    """Failures that never reached the centre, or gave it no chance, teach the limit nothing."""

    async def main() -> None:
        link = limiter(FarEnd(LoopClock(), raises(kind())))
        with pytest.raises(kind):
            await link.ask(a_call())
        assert (link.figures(CentreService.BIODATA)[2] is not None) is measured

    virtually(main())


@pytest.mark.soak
def test_fifty_thousand_cancelled_calls_leave_nothing_behind() -> None:
    """Callers who leave, waiting or in flight, at any moment, leave no task, place, timer or count."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(0.05))
        link = limiter(far, initial=8, maximum=8, waiting=100_000)
        random = Random(11)
        for _ in range(50):
            askers = [asyncio.ensure_future(link.ask(a_call(village=f"v{n % 50}", deadline=1e6))) for n in range(1000)]
            await asyncio.sleep(random.uniform(0.0, 0.2))
            for asker in askers:
                asker.cancel()
            await asyncio.gather(*askers, return_exceptions=True)
        assert left_over() == 0
        assert link.figures(CentreService.BIODATA)[:2] == (0, 0)
        assert far.running == 0
        await asyncio.gather(*(link.ask(a_call(deadline=1e6)) for _ in range(20)))

    virtually(main())


def test_a_place_handed_to_a_caller_who_leaves_goes_to_the_next() -> None:
    """Cancelled in the very moment of being admitted, a caller gives its place back."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(1.0))
        link = limiter(far, initial=1, maximum=1)

        async def lead() -> None:
            await link.ask(a_call())
            leaving.cancel()

        first = asyncio.ensure_future(lead())
        await asyncio.sleep(0)
        leaving = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0)
        staying = asyncio.ensure_future(link.ask(a_call()))
        await first
        await staying
        assert leaving.cancelled()
        assert len(far.calls) == 2

    virtually(main())


def test_closing_refuses_who_waits() -> None:
    """On shutdown waiting callers are refused, those in flight are not disturbed."""

    async def main() -> None:
        link = limiter(FarEnd(LoopClock(), takes(1.0)), initial=1, maximum=1)
        flying = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0.1)
        waiting = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0.1)
        await link.close()
        with pytest.raises(Overloaded):
            await waiting
        await flying

    virtually(main())


def test_admission_costs_no_more_with_many_waiting() -> None:
    """One pass through queue, future, timer and wake costs about the same with 250 and with 4,000 waiting."""

    async def main(waiting: int) -> float:
        far = FarEnd(LoopClock(), takes(0.0))
        link = limiter(far, initial=16, maximum=16, waiting=100_000)
        start = time.process_time()
        for _ in range(8_000 // waiting):
            await asyncio.gather(*(link.ask(a_call(village=f"v{n % 186}", deadline=1e6)) for n in range(waiting)))
        return time.process_time() - start

    quick_once(lambda: virtually(main(4_000)) / virtually(main(250)), 3.0, tries=9)
