"""The pure parts: legal moves, pauses, ids and receipt numbers, whose turn it is."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalogue import receipts
from gateway.catalogue.submission_states import LABELS, NEXT_STEPS
from gateway.contract.errors import Conflict
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox import backoff, moves
from gateway.outbox.lanes import HOG_SHARE, TRICKLE, WINDOW, Lane, Ring, lane_of
from gateway.outbox.sealing import Sealer
from gateway.vault.keys import Keyring
from tests.outbox.world import NIK

if TYPE_CHECKING:
    from collections.abc import Iterable


def test_every_state_has_moves_a_label_and_a_next_step() -> None:
    """Nothing a person reads is missing for any state, and both languages are there."""
    assert set(moves.LEGAL) == {None, *State}
    for texts in (LABELS, NEXT_STEPS):
        assert set(texts) == set(State)
        assert all(text.id and text.en for text in texts.values())


def test_every_state_can_be_reached_and_left() -> None:
    """From acceptance every state is reachable, and from each state that is no end an end is."""
    reached: set[State] = set()
    waiting = list(moves.LEGAL[None])
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting += moves.LEGAL[state]
    assert reached == set(State)
    assert {State.ISSUED, State.REJECTED, State.CANCELLED, State.EXPIRED} == moves.ENDS
    leads = set(moves.ENDS)
    for _ in State:
        leads |= {state for state in State if moves.LEGAL[state] & leads}
    assert leads == set(State)


def test_what_may_have_been_sent_is_never_queued_or_cancelled_blindly() -> None:
    """Out of `sending` and `unknown` no way leads to `cancelled`; into `sending` only a claim of `queued` leads."""
    assert State.CANCELLED not in moves.LEGAL[State.SENDING] | moves.LEGAL[State.UNKNOWN]
    assert [state for state in State if State.SENDING in moves.LEGAL[state]] == [State.QUEUED]
    assert moves.retried(uncertain=True) is State.UNKNOWN
    assert moves.retried(uncertain=False) is State.QUEUED


@pytest.mark.parametrize("before", [None, *State])
def test_illegal_moves_are_refused(before: State | None) -> None:
    """The check passes exactly what stands in the table."""
    for after in State:
        if after in moves.LEGAL[before]:
            moves.check(before, after)
        else:
            with pytest.raises(Conflict) as refused:
                moves.check(before, after)
            assert str(refused.value) == f"A submission that is {before or 'not there'} cannot become {after}."


def test_rank_puts_what_is_under_way_first() -> None:
    """What is open and not merely waiting holds up its subject; what is past holds up nobody."""
    assert {state: moves.rank(state) for state in moves.OPEN} == {
        State.QUEUED: 2,
        State.SENDING: 1,
        State.UNKNOWN: 1,
        State.ATTENTION: 1,
    }
    assert {moves.rank(state, claimed=True) for state in moves.OPEN} == {0}
    assert all(moves.rank(state) is None for state in set(State) - moves.OPEN)


@given(failures=st.integers(1, 10_000), seed=st.integers(0, 1000))
def test_pauses_double_and_are_capped(failures: int, seed: int) -> None:
    """No pause is longer than 15 minutes, nor than twice what one failure less allowed."""
    pause = backoff.own_pause(failures, random.Random(seed))
    assert 0.0 <= pause <= min(backoff.LONGEST, 2.0 * 2.0 ** min(failures, 60))


class _Edge(random.Random):
    """Draws the lowest or the highest value of a range."""

    def __init__(self, *, high: bool) -> None:
        super().__init__()
        self._high = high

    def uniform(self, a: float, b: float) -> float:
        """An end of the range."""
        return b if self._high else a


def test_pauses_begin_at_nothing_and_double_from_four_seconds() -> None:
    """The longest pause is 4, 8, 16 … 512 seconds, then 15 minutes; the shortest is none, also for all together."""
    high, low = _Edge(high=True), _Edge(high=False)
    assert [backoff.own_pause(failures, high) for failures in (1, 2, 3, 8, 9, 40)] == [
        4.0,
        8.0,
        16.0,
        512.0,
        900.0,
        900.0,
    ]
    assert (backoff.own_pause(1, low), backoff.shared_pause(low), backoff.shared_pause(high)) == (0.0, 0.0, 5.0)


def test_pauses_use_their_whole_range() -> None:
    """Full jitter: short and long pauses both occur, so that what failed together does not come back together."""
    rng = random.Random(1)
    found = [backoff.own_pause(20, rng) for _ in range(500)]
    assert min(found) < 0.05 * backoff.LONGEST
    assert max(found) > 0.95 * backoff.LONGEST
    assert all(backoff.shared_pause(rng) <= backoff.CENTRE_WIDE for _ in range(100))


def test_failures_are_ones_own_only_while_others_get_through() -> None:
    """Without a success within the last minute a failure is the centre's."""
    assert not backoff.is_own(100.0, None)
    assert backoff.is_own(100.0, 40.0)
    assert not backoff.is_own(100.0, 39.9)
    assert [backoff.is_spent(count) for count in (19, 20, 21)] == [False, True, True]


def test_ids_sort_by_time_and_are_uuids_of_version_7() -> None:
    """Ids made a millisecond apart sort in that order; version and variant are those of RFC 9562."""
    rng = random.Random(3)
    made = [receipts.new_id(1_800_000_000.0 + n / 1000, rng.getrandbits) for n in range(100)]
    assert made == sorted(made)
    assert len(set(made)) == 100
    assert {(UUID(one).version, UUID(one).variant) for one in made} == {(7, "specified in RFC 4122")}


def test_ids_tell_when_they_were_made_and_of_what() -> None:
    """The time of an id is read back to the millisecond, its tail is what it was made with, and junk is no id."""
    bits = random.Random(3).getrandbits
    one, other = (receipts.new_id(1_800_000_000.25 + n, bits, tail=2**62 - 1 - n) for n in range(2))
    assert receipts.made_at(one) == 1_800_000_000.25
    assert (receipts.tail_of(one), receipts.tail_of(other)) == ("bfff-ffffffffffff", "bfff-fffffffffffe")
    assert receipts.tail_of(receipts.new_id(0.0, bits, tail=2**62 - 1)) == receipts.tail_of(one)
    assert receipts.is_id(one)
    assert not any(map(receipts.is_id, (NIK, one.upper(), f"{one}0", one.replace("-7", "-4", 1), "")))


def test_a_tail_is_of_the_origin_or_of_the_key_alone() -> None:
    """With an origin it is the same whoever hands in; else caller and key decide; other secrets give other tails."""
    sealer, other = (Sealer(Keyring({1: b"m" * 32}, index, b"p" * 32), lambda: 0.0) for index in (b"i" * 32, b"j" * 32))
    assert sealer.tail("a", "k", "o") == sealer.tail("b", "l", "o")
    told = {("a", "k", None), ("a", "l", None), ("b", "k", None), ("a", "k", "o"), ("a", "k", "p")}
    tails = {each.tail(*one) for one in told for each in (sealer, other)}
    assert len(tails) == 2 * len(told)
    assert max(tails) < 2**62


@given(value=st.integers(0, 2**60 - 1), spelled=st.sampled_from([str, str.lower, lambda text: f" {text} "]))
def test_receipt_numbers_are_read_as_they_were_made(value: int, spelled: object) -> None:
    """Whatever the case and the blanks, and O for 0, I or L for 1, a number is read back in its one spelling."""
    drawn = iter([value, *range(50)])
    number = receipts.new_number(lambda _bits: next(drawn))
    assert callable(spelled)
    assert receipts.read_number(spelled(number.replace("0", "o").replace("1", "L").replace("-", " "))) == number


@given(value=st.integers(0, 2**60 - 1), place=st.integers(0, 12), other=st.sampled_from(receipts.ALPHABET))
def test_one_wrong_character_is_noticed(value: int, place: int, other: str) -> None:
    """No single wrong character, and no exchange of neighbours, gives another valid number."""
    drawn = iter([value, *range(50)])
    bare = receipts.new_number(lambda _bits: next(drawn)).replace("-", "")
    wrong = bare[:place] + other + bare[place + 1 :]
    assert (receipts.read_number(wrong) is None) == (wrong != bare)
    if place < 12:
        swapped = bare[:place] + bare[place + 1] + bare[place] + bare[place + 2 :]
        assert (receipts.read_number(swapped) is None) == (swapped != bare)


@pytest.mark.parametrize("text", ["", "7K3M-9QRT-2VWX", "U" * 13, "é" * 13, "7K3M-9QRT-2VWX-55"])
def test_other_texts_are_no_numbers(text: str) -> None:
    """Too short, too long or with foreign characters it is no number."""
    assert receipts.read_number(text) is None


def ring_of(filed: dict[str, list[int]]) -> tuple[Ring, list[tuple[str, int]]]:
    """Everything a ring gives out, one at a time, for lanes with those places."""
    ring, waiting, order = Ring(), {lane: sorted(seqs) for lane, seqs in filed.items()}, []
    ring.replace({lane: seqs[0] for lane, seqs in waiting.items()})
    while (turn := ring.pick(lambda _lane: True)) is not None:
        seqs = waiting[turn.lane]
        assert turn.head == seqs[0]
        order.append((turn.lane, seqs.pop(0)))
        ring.took(turn, 1, seqs[0] if seqs else None)
    assert len(ring) == 0
    return ring, order


def lane(village: str, priority: int = 1, service: str = "birth") -> str:
    """Key of a lane."""
    return Lane(priority, "native", service, village).key


def test_lanes_are_told_by_their_keys() -> None:
    """A lane's key leads back to it."""
    assert lane_of(lane("3527032001")) == Lane(1, "native", "birth", "3527032001")


def test_filing_order_goes_across_lanes() -> None:
    """With no hog about, the order is exactly that of filing."""
    villages = [f"35270320{n:02d}" for n in range(10)]
    filed = {lane(village): list(range(place, 300, 10)) for place, village in enumerate(villages)}
    _ring, order = ring_of(filed)
    assert [seq for _lane, seq in order] == list(range(300))


def test_a_hog_does_not_hold_up_the_others() -> None:
    """A village that filed five thousand at once gets no more than its share while others wait, and then everything."""
    small = [f"35270320{n:02d}" for n in range(20)]
    filed = {lane("3527010001"): list(range(5000)), **{lane(village): [5000 + n] for n, village in enumerate(small)}}
    _ring, order = ring_of(filed)
    last = max(place for place, (_lane, seq) in enumerate(order) if seq >= 5000)
    assert last <= len(small) / (1.0 - HOG_SHARE) + WINDOW
    assert Counter(key for key, _seq in order)[lane("3527010001")] == 5000


def test_a_large_village_is_no_hog() -> None:
    """A sixth of all filings, unevenly spread, is given out exactly in order of filing."""
    filed: dict[str, list[int]] = {}
    rng = random.Random(2)
    for seq in range(3000):
        village = "3527010001" if rng.random() < 0.15 else f"35270320{rng.randrange(40):02d}"
        filed.setdefault(lane(village), []).append(seq)
    _ring, order = ring_of(filed)
    assert [seq for _lane, seq in order] == list(range(3000))


def test_two_villages_share_evenly_at_worst() -> None:
    """Where only two wait, the one that filed later has its turns once the other had half of the window."""
    _ring, order = ring_of({lane("3527010001"): list(range(900)), lane("3527010002"): list(range(900, 1000))})
    assert max(place for place, (_lane, seq) in enumerate(order) if seq >= 900) <= WINDOW / 2 + 100


def test_no_class_starves() -> None:
    """The most urgent class goes first, but for one turn in twenty."""
    _ring, order = ring_of({lane("3527010001", 0): list(range(200)), lane("3527010001", 3): list(range(200))})
    urgent = [key.startswith("0/") for key, _seq in order[:200]]
    assert urgent.count(False) == 200 // TRICKLE


def test_a_lane_that_may_not_go_is_left_out_until_the_next_look() -> None:
    """Closed lanes cost nothing until the ring is renewed; then they are there again."""
    ring = Ring()
    heads = {lane("3527010001", service="death"): 1, lane("3527010001"): 2}
    ring.replace(heads)
    turn = ring.pick(lambda one: one.service != "death")
    assert turn is not None
    assert turn.lane == lane("3527010001")
    assert len(ring) == 1
    ring.took(turn, 0, None)
    assert ring.pick(lambda _lane: True) is None
    ring.replace(heads)
    again = ring.pick(lambda _lane: True)
    assert again is not None
    assert (again.head, again.until) == (1, 2)


def test_an_earlier_place_moves_a_head_forward() -> None:
    """A readied earlier place counts from then on, a later one changes nothing."""
    ring = Ring()
    ring.note(lane("3527010001"), 5)
    ring.note(lane("3527010001"), 9)
    ring.note(lane("3527010001"), 2)
    turn = ring.pick(lambda _lane: True)
    assert turn is not None
    assert turn.head == 2


@given(
    filed=st.dictionaries(
        st.tuples(st.integers(0, 3), st.integers(0, 5)), st.lists(st.integers(0, 50), min_size=1), min_size=1
    )
)
def test_everything_gets_its_turn(filed: dict[tuple[int, int], list[int]]) -> None:
    """Whatever waits, all of it is given out once, and within a lane in order."""
    lanes = {lane(f"352701000{village}", priority): seqs for (priority, village), seqs in filed.items()}
    _ring, order = ring_of(lanes)
    assert sorted(order) == sorted((key, seq) for key, seqs in lanes.items() for seq in seqs)
    assert all(_in_order(seq for one, seq in order if one == key) for key in lanes)


def _in_order(seqs: Iterable[int]) -> bool:
    found = list(seqs)
    return found == sorted(found)


def test_after_a_month_away_no_village_waits_much_longer_than_another() -> None:
    """10,000 filed over a month in 186 uneven villages, one of them a hog: longest by median wait is at most 1.2."""
    rng, days, rate = random.Random(4), 30.0, 10_000 / 20.0  # drained within twenty days
    villages = [f"3527{n:06d}" for n in range(186)]
    weights = [rng.paretovariate(1.5) for _ in villages]
    filed: dict[str, list[int]] = {}
    for _ in range(7_500):
        (village,) = rng.choices(villages, weights)
        filed.setdefault(lane(village), []).append(int(rng.uniform(0.0, days) * 86_400))
    hog = lane("3527999999")
    filed[hog] = [int(rng.uniform(10.0, 10.5) * 86_400) for _ in range(2_500)]
    _ring, order = ring_of(filed)
    waits: dict[str, list[float]] = {}
    for place, (key, seq) in enumerate(order):
        waits.setdefault(key, []).append(days + place / rate - seq / 86_400)
    means = sorted(sum(found) / len(found) for key, found in waits.items() if key != hog and len(found) >= 20)
    assert len(means) >= 50
    assert means[-1] / means[len(means) // 2] <= 1.2
