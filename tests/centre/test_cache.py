"""What is remembered is served by age, stands in for an absent centre, and is never somebody else's."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.centre.cache import AWAY, MARGIN, Cache
from gateway.centre.cache_key import HALF, CacheKeys
from gateway.centre.cache_memory import CacheMemory
from gateway.centre.cache_policy import CachePolicy, Entry, Use
from gateway.centre.coalesce import Coalesce
from gateway.centre.known_keys import KnownKeys
from gateway.contract.errors import (
    CentreTimeout,
    CentreUnreachable,
    FieldFault,
    Invalid,
    every_error,
)
from gateway.contract.messages import Answer, CentreService, Fate, Freshness, Priority, Question
from gateway.settings.centre import CacheSettings
from tests.centre.stage import NIK, FarEnd, LoopClock, a_call, left_over, raises, reply, takes, virtually

if TYPE_CHECKING:
    from gateway.contract.errors import (
        GatewayError,
    )
    from gateway.contract.messages import Call, Reply

SECRET = b"synthetic-secret-0123456789"
KEYS = CacheKeys(SECRET)
HOUR = 3600.0
DAY = 24 * HOUR
SETTINGS = CacheSettings()
POLICY = CachePolicy(SETTINGS)
STRICT = Freshness(strict=True)
NO_CACHE = Freshness(no_cache=True)


def cache(far: FarEnd, settings: CacheSettings = SETTINGS) -> Cache:
    """The link under test, in memory only."""
    return Cache(far, settings, keys=KEYS, store=None, clock=far.clock)


def later(far: FarEnd, seconds: float) -> None:
    """Move the wall clock."""
    assert isinstance(far.clock, LoopClock)
    far.clock.shift += seconds


def soon(far: FarEnd, **values: object) -> Call:
    """A call with ten seconds from now."""
    return replace(a_call(), deadline=far.clock.monotonic() + 10.0, **values)


async def settled(link: Cache) -> None:
    """Wait until no refresh is under way."""
    while link._refreshes:
        await asyncio.gather(*link._refreshes.values())


def entry(age: float, *, found: bool = True) -> Entry:
    """An entry of an age at time 0."""
    return Entry(-age, reply(found=found))


@pytest.mark.parametrize(
    ("age", "wanted", "use", "stands_in"),
    [
        (0.0, Freshness(), Use.SERVE, True),
        (HOUR - 1, Freshness(), Use.SERVE, True),
        (HOUR + 1, Freshness(), Use.SERVE_AND_REFRESH, True),
        (DAY + 1, Freshness(), Use.ASK, True),
        (29 * DAY, Freshness(), Use.ASK, True),
        (31 * DAY, Freshness(), Use.ASK, False),
        (HOUR + 1, Freshness(max_stale=0.0), Use.ASK, True),
        (3 * DAY, Freshness(max_stale=4 * DAY), Use.SERVE_AND_REFRESH, True),
        (31 * DAY, Freshness(max_stale=40 * DAY), Use.ASK, False),
        (0.0, NO_CACHE, Use.ASK, True),
        (DAY + 1, NO_CACHE, Use.ASK, True),
        (0.0, Freshness(no_cache=True, strict=True), Use.ASK, False),
        (HOUR + 1, STRICT, Use.SERVE_AND_REFRESH, True),
        (DAY + 1, STRICT, Use.ASK, False),
        (HOUR + 61, Freshness(max_stale=60.0, strict=True), Use.ASK, False),
        (-30.0, Freshness(), Use.SERVE, True),
        (-9999.0, Freshness(), Use.SERVE_AND_REFRESH, True),
    ],
)
def test_answers_are_judged_by_age_and_what_the_asker_takes(
    age: float,
    wanted: Freshness,
    use: Use,
    stands_in: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Each row of the policy's table, also entries from a future the clock was set back from."""
    assert POLICY.use(entry(age), 0.0, wanted) is use
    assert POLICY.last_known(entry(age), 0.0, wanted) is stands_in


@pytest.mark.parametrize(("age", "use", "stands_in"), [(299.0, Use.SERVE, True), (301.0, Use.ASK, False)])
def test_not_found_is_remembered_briefly_and_never_stands_in(age: float, use: Use, stands_in: bool) -> None:  # noqa: FBT001 - a table's column
    """After its short life "not found" is worth nothing: a child may have been registered meanwhile."""
    assert POLICY.use(entry(age, found=False), 0.0, Freshness()) is use
    assert POLICY.last_known(entry(age, found=False), 0.0, Freshness()) is stands_in


texts = st.text(max_size=6)
questions = st.builds(
    Question,
    service=st.sampled_from(list(CentreService)),
    subject=texts,
    elements=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    threshold=st.none() | st.integers(1, 100),
    by_nik=st.booleans(),
)


@given(texts, questions, texts, questions)
def test_keys_are_equal_only_for_the_same_right_and_question(
    right: str, question: Question, other_right: str, other: Question
) -> None:
    """No two lists of right, service, subject, elements and threshold meet; each half has its meaning."""
    first = KEYS.of(a_call(right=right, question=question))
    second = KEYS.of(a_call(right=other_right, question=other))
    assert (first == second) is ((right, question) == (other_right, other))
    assert len(first) == 2 * HALF
    assert first.startswith(KEYS.subject(question.subject))


def test_keys_hide_the_number_and_depend_on_the_secret() -> None:
    """No digit of the NIK is in the key, and another secret gives another key; a short secret is refused."""
    key = KEYS.of(a_call())
    assert NIK.encode() not in key
    assert CacheKeys(b"another-secret-0123456789").of(a_call()) != key
    with pytest.raises(ValueError, match="16 to 64"):
        CacheKeys(b"short")


def test_plain_halves_are_kept_within_bounds() -> None:
    """However many rights were ever seen, the ready-made halves stay few and right."""
    keys = CacheKeys(SECRET)
    for number in range(5000):
        keys.of(a_call(right=f"right{number}"))
    assert len(keys._plain) <= 4096
    assert keys.of(a_call()) == KEYS.of(a_call())


def test_memory_drops_the_longest_unused_and_whole_subjects() -> None:
    """The least recently used entry goes first; all entries of a subject go at once."""
    memory = CacheMemory(3, 10**6)
    keys = [bytes([subject]) * HALF + bytes([detail]) * HALF for subject, detail in ((1, 1), (1, 2), (2, 1), (1, 3))]
    for key in keys[:3]:
        memory.put(key, entry(0.0))
    memory.get(keys[0])
    memory.put(keys[3], entry(0.0))
    assert [memory.get(key) is not None for key in keys] == [True, False, True, True]
    memory.put(keys[3], entry(1.0))
    memory.forget(keys[0][:HALF])
    memory.forget(b"unknown-unknown-")
    assert [memory.get(key) is not None for key in keys] == [False, False, True, False]
    assert len(memory) == 1
    assert memory.weight == entry(0.0).weight


def test_memory_is_bounded_in_bytes() -> None:
    """Large answers push out the longest unused; one too large is not kept, nor is the one it replaces."""
    memory = CacheMemory(10_000, 10**6)
    keys = [number.to_bytes(2 * HALF, "big") for number in range(1, 300)]
    for key in keys:
        memory.put(key, Entry(0.0, reply(b"x" * 9000)))
        assert memory.weight <= 10**6
    assert memory.get(keys[0]) is None
    assert memory.get(keys[-1]) is not None
    assert 90 < len(memory) < 110
    memory.put(keys[-1], Entry(1.0, reply(b"x" * 200_000)))
    memory.put(keys[0], Entry(1.0, reply(b"x" * 200_000)))
    assert memory.get(keys[-1]) is memory.get(keys[0]) is None
    for key in keys:
        memory.forget(key[:HALF])
    assert (len(memory), memory.weight) == (0, 0)


def test_the_filter_never_denies_a_known_key() -> None:
    """All keys added are found; of absent ones few are claimed."""
    random = Random(1)
    known = KnownKeys(5000)
    keys = [random.randbytes(32) for _ in range(5000)]
    for key in keys:
        known.add(key)
    assert all(key in known for key in keys)
    assert sum(random.randbytes(32) in known for _ in range(5000)) < 150


def test_a_fresh_answer_is_served_without_asking() -> None:
    """The second asker within the hour causes no call and is told age and lifetime."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        first = await link.ask(soon(far))
        assert (first.source, first.cache_status) == ("centre", "fwd=uri-miss; stored")
        later(far, 60.0)
        second = await link.ask(soon(far))
        assert len(far.calls) == 1
        assert (second.source, second.age_seconds, second.stale) == ("cache", 60.0, False)
        assert second.cache_status == "hit; ttl=3540"
        assert second.reply is first.reply

    virtually(main())


def test_another_right_is_never_served_what_this_one_fetched() -> None:
    """The same NIK under another right is a new question."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        assert (await link.ask(soon(far, right="other"))).source == "centre"

    virtually(main())


def test_a_stale_answer_is_served_and_refreshed_behind_once() -> None:
    """A hundred askers of a stale answer wait for nothing and cause one quiet refresh, for their village."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        later(far, 2 * HOUR)
        answers = [await link.ask(soon(far)) for _ in range(100)]
        assert {(answer.stale, answer.cache_status) for answer in answers} == {(True, "hit; ttl=-3600")}
        await settled(link)
        assert len(far.calls) == 2
        quiet = far.calls[1]
        assert (quiet.priority, quiet.village) == (Priority.BACKGROUND, a_call().village)
        assert (await link.ask(soon(far))).age_seconds == 0.0

    virtually(main())


def test_refreshes_are_bounded_and_rest_after_a_failure() -> None:
    """Never more refreshes at once than allowed; a failed one is not repeated for two seconds."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far, CacheSettings(refreshes=2))
        subjects = [f"352701010190000{digit}" for digit in range(5)]
        for subject in subjects:
            await link.ask(replace(soon(far), question=Question(CentreService.BIODATA, subject)))
        later(far, 2 * HOUR)
        far.act = raises(CentreUnreachable())
        for subject in subjects:
            await link.ask(replace(soon(far), question=Question(CentreService.BIODATA, subject)))
        await settled(link)
        assert len(far.calls) == 7
        for _ in range(5):
            await link.ask(replace(soon(far), question=Question(CentreService.BIODATA, subjects[0])))
        await settled(link)
        assert len(far.calls) == 7
        await asyncio.sleep(2.1)
        await link.ask(replace(soon(far), question=Question(CentreService.BIODATA, subjects[0])))
        await settled(link)
        assert len(far.calls) == 8
        assert left_over() == 0

    virtually(main())


@pytest.mark.parametrize("kind", every_error())
def test_the_last_known_answer_stands_in_for_an_absent_centre_only(kind: type[GatewayError]) -> None:
    """Exactly the errors that say the centre cannot answer give way to the last known answer, with its age."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        later(far, 3 * DAY)
        far.act = raises(kind())
        if kind not in AWAY:
            with pytest.raises(kind):
                await link.ask(soon(far))
            return
        answer = await link.ask(soon(far))
        assert (answer.source, answer.stale) == ("cache", True)
        assert answer.age_seconds == pytest.approx(3 * DAY)
        assert answer.cache_status == f"fwd=stale; fwd-status={kind.status}; detail={kind.code}; ttl=-255600"
        with pytest.raises(kind):
            await link.ask(soon(far, freshness=STRICT))
        with pytest.raises(kind):
            await link.ask(soon(far, question=Question(CentreService.FAMILY_CARD, NIK)))

    virtually(main())


def test_it_ends_at_the_age_the_config_allows() -> None:
    """After a month the last known answer is no answer any more."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        later(far, 31 * DAY)
        far.act = raises(CentreUnreachable())
        with pytest.raises(CentreUnreachable):
            await link.ask(soon(far))

    virtually(main())


async def hangs(far: FarEnd) -> None:
    """From now on the centre keeps every call until its deadline."""

    async def hang(call: Call) -> Reply:
        await asyncio.sleep(call.deadline - far.clock.monotonic())
        raise CentreTimeout

    far.act = hang


@pytest.mark.parametrize(("freshness", "waited"), [(Freshness(), 1.0), (NO_CACHE, 2.0 - MARGIN)])
def test_the_last_known_answer_arrives_in_time(freshness: Freshness, waited: float) -> None:
    """With an answer at hand nobody waits beyond the patience; who insists gets it just before the deadline."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        later(far, 3 * DAY)
        await hangs(far)
        started = far.clock.monotonic()
        answer = await link.ask(replace(soon(far, freshness=freshness), deadline=started + 2.0))
        assert answer.source == "cache"
        assert far.clock.monotonic() - started == pytest.approx(waited)
        await link.close()

    virtually(main())


def test_the_question_goes_on_behind_an_asker_that_was_served() -> None:
    """What the centre says after the patience ended is remembered for the next one; equal questions go on once."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        later(far, 3 * DAY)

        async def slowly(_call: Call) -> Reply:
            await asyncio.sleep(3.0)
            return reply()

        far.act = slowly
        answers = await asyncio.gather(*(link.ask(soon(far)) for _ in range(5)))
        assert {answer.cache_status for answer in answers} == {"fwd=stale; detail=patience; ttl=-255601"}
        assert len(far.calls) == 2
        await asyncio.sleep(3.0)
        assert (await link.ask(soon(far))).age_seconds < HOUR
        assert not link._lone

    virtually(main())


def test_so_many_questions_go_on_alone_and_no_more() -> None:
    """While the centre hangs, further askers with an answer at hand are served at once."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far, CacheSettings(refreshes=1))
        other = Question(CentreService.FAMILY_CARD, NIK)
        for question in (a_call().question, other):
            await link.ask(soon(far, question=question))
        later(far, 3 * DAY)
        await hangs(far)
        first = asyncio.create_task(link.ask(soon(far)))
        await asyncio.sleep(0.1)
        started = far.clock.monotonic()
        assert (await link.ask(soon(far, question=other))).source == "cache"
        assert far.clock.monotonic() == started
        assert (await first).source == "cache"
        await link.close()

    virtually(main())


def test_no_cache_asks_first_and_falls_back_unless_strict() -> None:
    """`no-cache` reaches the centre although a fresh answer is known; strictly, nothing else will do."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        answer = await link.ask(soon(far, freshness=NO_CACHE))
        assert (answer.source, answer.cache_status) == ("centre", "fwd=request; stored")
        far.act = raises(CentreUnreachable())
        answer = await link.ask(soon(far, freshness=NO_CACHE))
        assert (answer.source, answer.stale) == ("cache", False)
        with pytest.raises(CentreUnreachable):
            await link.ask(soon(far, freshness=Freshness(no_cache=True, strict=True)))

    virtually(main())


def test_fates_are_answers_and_malformed_numbers_are_remembered() -> None:
    """A deceased resident is a cached answer; a refused number is refused again without a call, for a while."""

    async def main() -> None:
        async def dead(_call: Call) -> Reply:
            return reply(fate=Fate.DECEASED)

        far = FarEnd(LoopClock(), dead)
        link = cache(far)
        await link.ask(soon(far))
        assert (await link.ask(soon(far))).reply.fate is Fate.DECEASED
        fault = FieldFault("/nik", "format", "not accepted", "tidak sesuai")
        far.act = raises(Invalid(faults=(fault,), said=b"its own words"))
        wrong = Question(CentreService.BIODATA, "0000000000000000")
        for _ in range(3):
            with pytest.raises(Invalid) as caught:
                await link.ask(soon(far, question=wrong))
            assert (caught.value.faults, caught.value.said) == ((fault,), b"its own words")
        assert len(far.calls) == 2
        later(far, 301.0)
        with pytest.raises(Invalid):
            await link.ask(soon(far, question=wrong))
        assert len(far.calls) == 3

    virtually(main())


def test_a_forgotten_subject_is_asked_again_and_late_answers_are_not_kept() -> None:
    """After `forget` nothing about the subject is served, also not what was on its way when it happened."""

    async def main() -> None:
        gate = asyncio.Event()

        async def slow(_call: Call) -> Reply:
            await gate.wait()
            return reply(b"old")

        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        await link.forget([NIK])
        far.act = slow
        asked = asyncio.ensure_future(link.ask(soon(far)))
        await asyncio.sleep(0.1)
        await link.forget([NIK])
        gate.set()
        assert (await asked).cache_status == "fwd=uri-miss"
        far.act = None
        await asyncio.sleep(0.1)
        assert (await link.ask(soon(far))).source == "centre"
        assert len(far.calls) == 3
        for number in range(2000):
            await link.forget([str(number)])
        await asyncio.sleep(200.0)
        await link.forget(["last"])
        assert len(link._forgotten) == 1

    virtually(main())


def test_a_thousand_askers_through_cache_and_coalesce_cause_one_call() -> None:
    """A cold cache before a coalescing link: one call, one stored answer, nothing left over."""

    async def main() -> None:
        async def slow(_call: Call) -> Reply:
            await asyncio.sleep(0.5)
            return reply()

        far = FarEnd(LoopClock(), slow)
        link = Cache(Coalesce(far, key_of=KEYS.of, clock=far.clock), SETTINGS, keys=KEYS, store=None, clock=far.clock)
        answers = await asyncio.gather(*(link.ask(soon(far)) for _ in range(1000)))
        assert (len(far.calls), len(answers), len(link._memory)) == (1, 1000, 1)
        assert left_over() == 0

    virtually(main())


def test_closing_stops_refreshes() -> None:
    """A refresh under way at shutdown is ended."""

    async def main() -> None:
        async def hang(_call: Call) -> Reply:
            await asyncio.sleep(HOUR)
            return reply()

        far = FarEnd(LoopClock())
        link = cache(far)
        await link.open()
        await link.ask(soon(far))
        later(far, 2 * HOUR)
        far.act = hang
        assert isinstance(await link.ask(soon(far)), Answer)
        await asyncio.sleep(0.1)
        await link.close()
        assert (far.running, left_over()) == (0, 0)

    virtually(main())


def test_rests_after_failures_stay_bounded() -> None:
    """However many answers fail to refresh, what is noted about them is bounded."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far, CacheSettings(memory_entries=100))
        for number in range(250):
            link._rest(str(number).encode())
        assert len(link._resting) <= 100

    virtually(main())


def test_a_malformed_number_is_remembered_again_after_it_expired() -> None:
    """A refusal asked for anew is kept anew: a caller that hammers one number costs one call per lifetime."""

    async def main() -> None:
        far = FarEnd(LoopClock(), raises(Invalid()))
        link = cache(far)
        for _ in range(3):
            for _ in range(5):
                with pytest.raises(Invalid):
                    await link.ask(soon(far))
            later(far, SETTINGS.negative + 1.0)
        assert len(far.calls) == 3

    virtually(main())


def test_an_answer_from_the_future_gives_way() -> None:
    """After the clock was set back what the centre says now replaces what it "said" later, and is served as fresh."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = cache(far)
        later(far, 365 * DAY)
        await link.ask(soon(far))
        later(far, -365 * DAY)
        assert (await link.ask(soon(far))).stale
        await settled(link)
        newer = await link.ask(soon(far))
        assert (newer.reply.raw, newer.stale, len(far.calls)) == (b'{"n":2}', False, 2)

    virtually(main())


@pytest.mark.parametrize("patience", [0.5, 5.0])
def test_a_forgotten_answer_does_not_stand_in(patience: float) -> None:
    """Forgotten while its asker waits for the centre: neither its patience nor the centre's absence brings it back."""

    async def main() -> None:
        async def away(_call: Call) -> Reply:
            await asyncio.sleep(2.0)
            raise CentreUnreachable

        far = FarEnd(LoopClock())
        link = cache(far, CacheSettings(patience=patience))
        await link.ask(soon(far))
        later(far, 3 * DAY)
        far.act = away
        asked = asyncio.ensure_future(link.ask(soon(far)))
        await asyncio.sleep(0.2)
        await link.forget([NIK])
        with pytest.raises(CentreUnreachable):
            await asked
        await link.close()

    virtually(main())


def test_askers_in_a_hurry_get_something_newer_too() -> None:
    """A centre slower than their deadline is waited for behind their backs, so that the next one is served better."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(0.8))
        link = cache(far)
        await link.ask(soon(far))
        later(far, 3 * DAY)
        hurried = replace(soon(far), deadline=far.clock.monotonic() + 0.5)
        assert (await link.ask(hurried)).stale
        await asyncio.sleep(1.0)
        hurried = replace(soon(far), deadline=far.clock.monotonic() + 0.5)
        assert not (await link.ask(hurried)).stale
        assert len(far.calls) == 2

    virtually(main())


def test_askers_of_a_lone_question_get_errors_of_their_own() -> None:
    """One error instance raised in several tasks would mix up their tracebacks."""

    async def main() -> None:
        async def refuse(_call: Call) -> Reply:
            await asyncio.sleep(0.1)
            raise Invalid

        far = FarEnd(LoopClock())
        link = cache(far)
        await link.ask(soon(far))
        later(far, 3 * DAY)
        far.act = refuse
        said = await asyncio.gather(*(link.ask(soon(far)) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(error, Invalid) for error in said)
        assert (len({id(error) for error in said}), len(far.calls)) == (3, 2)

    virtually(main())
