"""Trials of the limit and what they do to the belief, step by step: what mutation tests showed nobody looked at."""

from __future__ import annotations

import pytest

from gateway.centre.limit import Limit
from gateway.centre.limit_belief import DOUBT_CALM, DOUBT_FIRST, DOUBT_LAST, FEW, MEMORY, Belief, Trial
from gateway.centre.limit_window import Window
from gateway.settings.centre import LimiterSettings

SETTINGS = LimiterSettings()


def a_trial(*, value: float = 20.0, low_value: float = 10.0, load: float = 20.0, rate: float = 80.0) -> Trial:
    """A trial of a limit of 20 that brought 80 answers a second."""
    return Trial(value, load, rate, low_value, dip=True)


def limit_in(trial: Trial, value: float) -> Limit:
    """A limit in the middle of a trial, which believes in a quarter of a second."""
    limit = Limit(SETTINGS, 0.0)
    limit.value = value
    limit._belief.calm = 0.25
    limit._grows = False
    limit._trial = trial
    return limit


def judged(limit: Limit, load: float, seconds: float, now: float = 9.0) -> None:
    """A window of a hundred samples is over."""
    window = Window(0.0)
    window.add(100, 100 * seconds, 100 * seconds * seconds, 0)
    window.load = 100 * load
    limit._judge(now, window)


def test_a_limit_that_had_been_needed_goes_back_up() -> None:
    """Half the load brought half the answers, and all of it all of them: the limit is back, its latency is believed."""
    limit = limit_in(a_trial(), 10.0)
    judged(limit, 10.0, 0.25)
    assert (limit.value, limit._trial) == (20.0, None), "a dip that sees the calm latency agrees at once"
    limit = limit_in(a_trial(rate=50.0), 10.0)
    limit.epoch = 5
    judged(limit, 10.0, 0.4)
    trial = limit._trial
    assert trial is not None
    assert (limit.value, limit.epoch) == (20.0, 6)
    assert (trial.low_load, trial.low_rate, trial.low_seconds) == (10.0, 25.0, 0.4)
    judged(limit, 20.0, 0.4)
    assert (limit.value, limit._trial, limit.calm) == (20.0, None, (0.25 + 3 * 0.4) / 4.0)


def test_a_limit_that_had_not_been_needed_stays_down() -> None:
    """Half the load brought as many answers: the limit stays low, and a belief above what was seen goes down."""
    limit = limit_in(a_trial(), 10.0)
    limit._belief.calm = 0.5
    judged(limit, 10.0, 0.125)
    assert (limit.value, limit._trial, limit.calm) == (10.0, None, (0.5 + 0.125) / 2.0)


def test_answers_that_do_not_rise_again_bring_the_limit_down_again() -> None:
    """The rate fell with the load but did not come back with it: chance, and the lower limit holds."""
    limit = limit_in(a_trial(rate=50.0), 10.0)
    judged(limit, 10.0, 0.4)
    judged(limit, 20.0, 0.8)
    assert (limit.value, limit._trial) == (10.0, None)


def test_a_rise_that_brings_more_is_kept() -> None:
    """Twice the load brought twice the answers: the limit stays there, grows on, and what was seen is believed."""
    limit = limit_in(a_trial(low_value=40.0, rate=40.0), 40.0)
    judged(limit, 40.0, 0.5)
    assert (limit.value, limit._trial, limit._grows, limit.calm) == (40.0, None, True, 0.5)


@pytest.mark.parametrize(("load", "seconds", "rises"), [(40.0, 0.5, True), (20.5, 0.25, False)])
def test_a_rise_that_brings_nothing_is_taken_back(load: float, seconds: float, *, rises: bool) -> None:
    """No more answers, or no more load to see it by: the limit goes back; in the second case the next trial differs."""
    limit = limit_in(a_trial(low_value=40.0), 40.0)
    limit._rises = True
    judged(limit, load, seconds)
    assert (limit.value, limit._trial, limit._rises, limit._grows) == (20.0, None, rises, False)
    assert limit._belief._evidence == 9.0


def test_silence_ends_a_trial_and_leaves_a_quarter() -> None:
    """When the centre falls silent in a trial, the limit is a quarter of what it was before it, and grows fast."""
    limit = limit_in(a_trial(), 10.0)
    limit.silenced(3.0)
    assert (limit.value, limit._trial, limit._grows) == (5.0, None, True)
    limit = Limit(LimiterSettings(initial=2), 0.0)
    limit.silenced(3.0)
    assert limit.value == 1.0


def test_a_trial_begins_with_what_is_delivered() -> None:
    """Load, rate and limit of before are noted, a new epoch begins, and its first samples have to settle."""
    limit = Limit(SETTINGS, 0.0)
    limit._begin(4.0, 16.0, 0.25, 8.0)
    assert limit._trial == Trial(16.0, 16.0, 64.0, 8.0, dip=False)
    assert (limit.value, limit.epoch, limit._window.since, limit._window.opens) == (8.0, 1, 4.0, None)


def test_a_change_of_load_has_to_be_seen() -> None:
    """Five hundredths on a log scale are no change; equal limits are no rise."""
    assert not a_trial(load=100.0).moved(105.0)
    assert a_trial(load=100.0).moved(106.0)
    assert a_trial(load=100.0).moved(94.0)
    assert not a_trial(low_value=20.0).upwards()
    assert not a_trial(load=100.0, rate=100.0).followed(104.0, 200.0)
    assert a_trial(load=100.0, rate=100.0).followed(200.0, 145.0)
    assert not a_trial(load=100.0, rate=100.0).followed(200.0, 140.0)
    assert a_trial(load=100.0, rate=100.0).followed(50.0, 69.0)


def test_latencies_above_the_objective_are_doubted_once() -> None:
    """Above the objective a trial is due after two seconds; again only after latencies were well below it."""
    belief = Belief(0.0)
    belief._doubt = 100.0
    assert not belief.doubtful(1.0, 2.0, 2.0)
    assert belief._doubt == 100.0, "at the objective nothing is wrong"
    assert not belief.doubtful(DOUBT_FIRST, 2.1, 2.0)
    assert belief.doubtful(DOUBT_FIRST + 0.1, 1.0, 2.0)
    belief._doubt = 100.0
    assert not belief.doubtful(50.0, 2.1, 2.0), "asked before, and never well since"
    assert not belief.doubtful(50.0, 0.9, 2.0)
    assert belief.doubtful(50.0, 2.1, 2.0)


def test_what_trials_do_to_the_belief() -> None:
    """Raised it is the latency that was seen, tried again soon; agreed and kept it is tried later each time."""
    belief = Belief(0.0)
    belief.raised(7.0, a_trial(load=20.0, rate=40.0))
    assert (belief.calm, belief._evidence, belief._doubt, belief._known) == (0.5, 7.0, DOUBT_FIRST, FEW)
    belief.raised(8.0, a_trial(load=10.0, rate=40.0))
    assert belief.calm == 0.5, "never lowered by more answers"
    belief.agreed(9.0, 0.3)
    assert (belief.calm, belief._evidence, belief._doubt) == (0.4, 9.0, 2 * DOUBT_FIRST)
    for second in range(10, 30):
        belief.kept(float(second))
    assert (belief._evidence, belief._doubt) == (29.0, DOUBT_LAST)
    belief.untried(30.0)
    assert (belief.calm, belief._evidence, belief._doubt) == (0.4, 30.0, DOUBT_LAST)
    trial = a_trial()
    trial.low_seconds = 0.37
    belief.refuted(31.0, trial)
    assert (belief.calm, belief._doubt) == (0.4, DOUBT_LAST), "within a tenth of the belief"
    trial.low_seconds = 0.2
    belief.refuted(32.0, trial)
    assert belief.calm == pytest.approx(0.3)
    assert (belief._evidence, belief._doubt) == (32.0, DOUBT_FIRST / 2.0)
    belief.confirmed(33.0, trial)
    assert belief.calm == pytest.approx((0.3 + 0.6) / 4.0)
    assert belief._evidence == 33.0


def test_nothing_believed_yet_is_taken_from_the_first_trial() -> None:
    """Where there is no belief, a trial's latency becomes it; and nothing fits what is not there."""
    for told in ("agreed", "confirmed"):
        belief, trial = Belief(0.0), a_trial()
        assert not belief.fits(0.25)
        trial.low_seconds = 0.25
        belief.agreed(1.0, 0.25) if told == "agreed" else belief.confirmed(1.0, trial)
        assert belief.calm == 0.25
    belief.calm = 0.5
    assert [belief.fits(seconds) for seconds in (0.39, 0.4, 0.625, 0.63)] == [False, True, True, False]


def test_calm_windows_make_a_belief_surer() -> None:
    """While the limit is far from used the belief is the mean of its samples, the surer the rarer tried."""
    belief = Belief(0.0)
    first, second = Window(0.0), Window(0.0)
    first.add(30, 30 * 0.2, 30 * 0.04, 0)
    second.add(90, 90 * 0.4, 90 * 0.16, 0)
    belief.learn(1.0, first, 0.2, slack=True, grows=False)
    assert belief.learn(2.0, second, 0.4, slack=True, grows=False) == pytest.approx(0.35)
    assert (belief._known, belief._evidence, belief._doubt) == (120, 2.0, DOUBT_FIRST)
    belief.learn(3.0, second, 0.4, slack=True, grows=False)
    assert (belief._known, belief._doubt) == (210, DOUBT_CALM)
    belief.learn(4.0, second, 0.4, slack=True, grows=True)
    assert (belief._known, belief._evidence) == (MEMORY, 3.0)


def test_the_error_of_a_mean_shrinks_with_the_samples() -> None:
    """Sixteen samples of 0.2 and 0.4 s alike have a standard error of 0.1 over four."""
    window = Window(0.0)
    window.add(16, 8 * 0.6, 8 * (0.04 + 0.16), 0)
    assert window.error() == pytest.approx(0.025)
