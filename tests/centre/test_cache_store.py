"""What is on disk is sealed, outlives the process, and whatever happens to it is at worst a miss."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from gateway.centre.cache import Cache
from gateway.centre.cache_key import HALF, CacheKeys
from gateway.centre.cache_policy import Entry
from gateway.centre.cache_store import SqliteCacheStore
from gateway.centre.tables import answers
from gateway.centre.write_behind import WriteBehind
from gateway.contract.errors import CentreUnreachable, FieldFault, StorageUnavailable
from gateway.contract.messages import CentreService, Fate, Freshness
from gateway.settings.centre import CacheSettings
from gateway.vault.envelope import Envelope
from gateway.vault.keys import Keyring, create_secrets
from tests.centre.stage import EPOCH, NIK, FarEnd, LoopClock, ManualClock, a_call, raises, reply, virtually

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa

    from gateway.contract.messages import Call

KEYS = CacheKeys(b"synthetic-secret-0123456789")
DAY = 86_400.0


@pytest.fixture(scope="module")
def sealer(tmp_path_factory: pytest.TempPathFactory) -> Envelope:
    """The vault's envelope under a key ring of its own."""
    return new_sealer(tmp_path_factory.mktemp("secrets") / "ring")


def new_sealer(folder: Path) -> Envelope:
    """An envelope under new keys."""
    create_secrets(folder)
    return Envelope(Keyring.load(folder), purpose="cache")


def store(
    path: Path, sealer: Envelope, clock: ManualClock | None = None, entries: int = 1000, size: int = 10**9
) -> SqliteCacheStore:
    """The store under test."""
    return SqliteCacheStore(
        path / "cache.db", sealer, clock=clock or ManualClock(), entries=entries, size=size, keep=30 * DAY
    )


def key(number: int = 0, right: str = "dinas") -> bytes:
    """The key of a synthetic subject."""
    return KEYS.of(a_call(f"35270101019{number:05d}", right=right))


def entry(as_of: float = 1.8e9, raw: bytes = b'{"content":[]}') -> Entry:
    """Something to remember."""
    return Entry(as_of, reply(raw))


async def rows(of: SqliteCacheStore) -> int:
    """Rows on disk."""
    assert of._database is not None
    return len(await of._database.read(lambda connection: connection.execute(select(answers.c.key)).all()))


def test_entries_come_back_as_they_were(tmp_path: Path, sealer: Envelope) -> None:
    """Answers to the byte, fates, refusals with their faults: after closing and opening again."""

    async def main() -> None:
        fault = FieldFault("/nik", "format", "not accepted", "tidak sesuai")
        kept = {
            key(1): entry(raw=b'{"NIK":9171010101900001, "x":"\xc3\xa9"}'),
            key(2): Entry(1.8e9, reply(b"", fate=Fate.DECEASED, quota_left=5)),
            key(3): Entry(1.8e9, reply(found=False)),
            key(4): Entry(1.8e9, None, (fault,)),
        }
        first = store(tmp_path, sealer)
        await first.open()
        await first.put(kept)
        assert await first.get(key(1)) == kept[key(1)]
        await first.close()
        again = store(tmp_path, sealer)
        await again.open()
        assert {each: await again.get(each) for each in kept} == kept
        await again.filled()
        assert [again.may_have(each) for each in kept] == [True] * 4
        assert not again.may_have(key(5))
        assert await again.get(key(5)) is None
        await again.close()
        assert not again.may_have(key(1))

    asyncio.run(main())


def test_nothing_on_disk_names_anybody(tmp_path: Path, sealer: Envelope) -> None:
    """Neither the number nor the answer stands in the file in clear."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        await made.put({KEYS.of(a_call()): entry(raw=b'{"NAMA_LGKP":"SRI MARKED"}')})
        await made.close()

    asyncio.run(main())
    found = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert found
    assert NIK.encode() not in found
    assert b"MARKED" not in found


def test_rows_that_do_not_open_are_misses(tmp_path: Path, sealer: Envelope) -> None:
    """A changed byte, a row moved under another key, or other keys in the vault: no answer, no error."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        await made.put({key(1): entry(), key(2): entry(), key(3): Entry(1.8e9, reply(b"x"))})
        sealed_garbage = sealer.seal(b"\xc1", context=key(3))

        def spoil(connection: sa.Connection) -> None:
            sealed = connection.execute(select(answers.c.sealed).where(answers.c.key == key(1))).scalar_one()
            connection.execute(update(answers).where(answers.c.key == key(2)).values(sealed=sealed))
            connection.execute(update(answers).where(answers.c.key == key(1)).values(sealed=sealed[:-1] + b"?"))
            connection.execute(update(answers).where(answers.c.key == key(3)).values(sealed=sealed_garbage))

        assert made._database is not None
        await made._database.write(spoil)
        assert [await made.get(key(number)) for number in (1, 2, 3)] == [None] * 3
        await made.put({key(1): entry()})
        await made.close()
        stranger = store(tmp_path, new_sealer(tmp_path / "ring"))
        await stranger.open()
        assert await stranger.get(key(1)) is None
        await stranger.close()

    asyncio.run(main())


def test_forgetting_deletes_every_right_and_service_of_a_subject(tmp_path: Path, sealer: Envelope) -> None:
    """All rows about one subject go, none about another."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        mine = [KEYS.of(a_call(right=right, service=service)) for right in "ab" for service in CentreService]
        await made.put(dict.fromkeys([*mine, key(7)], entry()))
        await made.forget([KEYS.subject(NIK)])
        assert [await made.get(each) for each in mine] == [None] * 2 * len(CentreService)
        assert await made.get(key(7)) is not None
        await made.close()

    asyncio.run(main())


def test_the_longest_unused_and_the_too_old_are_pruned(tmp_path: Path, sealer: Envelope) -> None:
    """Above the limit the rows unused longest go, touched ones stay; what is older than a month goes anyway."""

    async def main() -> None:
        clock = ManualClock()
        made = store(tmp_path, sealer, clock, entries=3)
        await made.open()
        for number in range(5):
            clock.seconds += 1.0
            await made.put({key(number): entry(clock.now())})
        clock.seconds += 1.0
        await made.touch([key(0)])
        await made.touch([])
        await made.prune()
        assert [await made.get(key(number)) is not None for number in range(5)] == [True, False, False, True, True]
        clock.seconds += 31 * DAY
        await made.prune()
        assert await rows(made) == 0
        await made.close()

    asyncio.run(main())


def test_pruning_happens_by_itself(tmp_path: Path, sealer: Envelope) -> None:
    """Every so many batches the file is brought back within its bounds."""

    async def main() -> None:
        clock = ManualClock()
        made = store(tmp_path, sealer, clock, entries=10)
        await made.open()
        for number in range(64):
            await made.put({key(number): entry(clock.now())})
        assert await rows(made) == 10
        await made.close()

    asyncio.run(main())


def test_the_file_stays_within_its_bytes(tmp_path: Path, sealer: Envelope) -> None:
    """However large the answers, the file hardly outgrows its size: the longest unused go, the latest stays."""

    async def main() -> None:
        clock = ManualClock()
        size = 4_000_000
        made = store(tmp_path, sealer, clock, size=size)
        await made.open()
        for number in range(60):
            clock.seconds += 1.0
            await made.put({key(number): entry(clock.now(), raw=b"x" * 200_000)})
        assert (tmp_path / "cache.db").stat().st_size < 1.5 * size
        assert await made.get(key(0)) is None
        assert await made.get(key(59)) is not None
        assert 10 <= await rows(made) <= 22
        await made.close()

    asyncio.run(main())


@pytest.mark.parametrize("junk", [b"this is no database" * 500, b"SQLite format 3\x00" + b"\xff" * 9000])
def test_a_corrupt_file_is_made_anew(tmp_path: Path, sealer: Envelope, junk: bytes) -> None:
    """Junk in place of the file does not stop the gateway; the cache starts empty and works."""
    (tmp_path / "cache.db").write_bytes(junk)

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        assert await made.get(key()) is None
        await made.put({key(): entry()})
        assert await made.get(key()) == entry()
        await made.close()

    asyncio.run(main())


def test_a_file_that_breaks_while_it_is_used_is_made_anew(tmp_path: Path, sealer: Envelope) -> None:
    """Its table gone under way: the next look is a miss, and writing works again afterwards."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        await made.put({key(): entry()})
        assert made._database is not None
        await made._database.write(answers.drop)
        assert set(await asyncio.gather(made.get(key()), made.get(key()))) == {None}
        await made.put({key(): entry()})
        assert await made.get(key()) == entry()
        await made.close()

    asyncio.run(main())


def test_without_a_usable_place_it_lives_in_memory(tmp_path: Path, sealer: Envelope) -> None:
    """Where neither the file nor its folder can be made, everything is a miss and nothing an error."""
    (tmp_path / "file").write_bytes(b"")

    async def main() -> None:
        made = store(tmp_path / "file" / "folder", sealer)
        await made.open()
        await made.put({key(): entry()})
        await made.touch([key()])
        await made.forget([key()[:16]])
        await made.prune()
        await made.filled()
        assert not made.may_have(key())
        assert await made.get(key()) is None
        await made.close()

    asyncio.run(main())


def test_a_file_taken_away_under_the_filter_is_a_miss(tmp_path: Path, sealer: Envelope) -> None:
    """The table gone before its keys were read, and faults that may pass, are misses and lines in the log."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        assert made._database is not None
        await made._database.write(answers.drop)
        await made._fill(made._database)
        database = made._database
        await database.close()
        assert await made.get(key()) is None
        await made.put({key(): entry()})
        await made.close()

    asyncio.run(main())


def test_a_place_taken_by_a_folder_lives_in_memory(tmp_path: Path, sealer: Envelope) -> None:
    """A folder where the file should be cannot be removed; the cache does without."""
    (tmp_path / "cache.db").mkdir()

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        assert await made.get(key()) is None
        await made.close()

    asyncio.run(main())


def cache(path: Path, sealer: Envelope, far: FarEnd) -> Cache:
    """A cache over the store."""
    assert isinstance(far.clock, ManualClock)
    return Cache(far, CacheSettings(), keys=KEYS, store=store(path, sealer, far.clock), clock=far.clock)


def asking(far: FarEnd, number: int = 0) -> Call:
    """A call about a synthetic subject."""
    return a_call(f"35270101019{number:05d}", deadline=far.clock.monotonic() + 10.0)


def test_a_restart_serves_all_that_was_cached_while_the_centre_is_away(tmp_path: Path, sealer: Envelope) -> None:
    """Two hundred answers come back from disk, with their age, without the centre."""

    async def main() -> None:
        far = FarEnd(ManualClock())
        before = cache(tmp_path, sealer, far)
        await before.open()
        for number in range(200):
            await before.ask(asking(far, number))
        await before.close()
        assert isinstance(far.clock, ManualClock)
        far.clock.seconds += 2 * DAY
        far.act = raises(CentreUnreachable())
        after = cache(tmp_path, sealer, far)
        await after.open()
        found = await asyncio.gather(*(after.ask(asking(far, number)) for number in range(200)))
        assert {(answer.source, answer.age_seconds) for answer in found} == {("cache", 2 * DAY)}
        assert len({answer.reply.raw for answer in found}) == 200
        with pytest.raises(CentreUnreachable):
            await after.ask(asking(far, 999))
        await after.close()

    asyncio.run(main())


def test_what_waits_to_be_written_is_found_and_forgotten(tmp_path: Path, sealer: Envelope) -> None:
    """An entry pushed out of memory before it reached the disk is served; a forgotten one is not written."""

    async def main() -> None:
        far = FarEnd(ManualClock())
        link = Cache(
            far,
            CacheSettings(memory_entries=100),
            keys=KEYS,
            store=store(tmp_path, sealer),
            clock=far.clock,
        )
        await link.open()
        for number in range(101):
            await link.ask(asking(far, number))
        assert (await link.ask(asking(far, 0))).source == "cache"
        await link.forget([asking(far, 5).question.subject])
        await link.flush()
        assert (await link.ask(asking(far, 5))).source == "centre"
        await link.flush()
        assert (await link.ask(asking(far, 1))).source == "cache"
        await link.close()

    asyncio.run(main())


class StuckStore:
    """A store whose disk does not answer until it is let."""

    def __init__(self, as_of: float = 0.0) -> None:
        self.as_of = as_of
        self.let = asyncio.Event()
        self.looks = 0

    async def open(self) -> None:
        """Nothing to open."""

    def may_have(self, _key: bytes) -> bool:
        """Anything."""
        return True

    async def get(self, _key: bytes) -> Entry | None:
        """An old entry, when let."""
        self.looks += 1
        await self.let.wait()
        return entry(as_of=self.as_of)

    async def put(self, batch: dict[bytes, Entry]) -> None:
        """Swallow."""

    async def touch(self, keys: object) -> None:
        """Swallow."""

    async def forget(self, subjects: object, upto: int | None = None) -> None:
        """Swallow."""

    async def forget_all(self, upto: int) -> None:
        """Swallow."""

    async def noted(self) -> int | None:
        """Nothing."""
        return None

    async def close(self) -> None:
        """Nothing to close."""


def test_a_stuck_disk_holds_up_a_question_only_briefly() -> None:
    """A look that takes too long counts as a miss, is shared, and cannot bring back anything old."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        stuck = StuckStore()
        link = Cache(far, CacheSettings(), keys=KEYS, store=stuck, clock=far.clock)
        first, second = await asyncio.gather(link.ask(a_call()), link.ask(a_call()))
        assert (first.source, second.source, stuck.looks) == ("centre", "centre", 1)
        assert far.clock.monotonic() < 0.5
        stuck.let.set()
        await asyncio.sleep(0.1)
        kept = await link.ask(a_call())
        assert (kept.source, kept.age_seconds < 1.0) == ("cache", True)
        await link.close()

    virtually(main())


@pytest.mark.parametrize(("strict", "let_at"), [(False, 0.5), (False, 9.0), (True, 0.5)])
def test_a_slow_disk_still_stands_in_for_an_absent_centre(strict: bool, let_at: float) -> None:  # noqa: FBT001 - a table's column
    """With the centre away an answer that the disk gives late is served, if it comes before the deadline."""

    async def main() -> None:
        far = FarEnd(LoopClock(), raises(CentreUnreachable()))
        stuck = StuckStore(as_of=far.clock.now() - 2 * DAY)
        link = Cache(far, CacheSettings(), keys=KEYS, store=stuck, clock=far.clock)
        asyncio.get_running_loop().call_later(let_at, stuck.let.set)
        call = a_call(deadline=5.0, freshness=Freshness(strict=strict))
        if strict or let_at > 5.0:
            with pytest.raises(CentreUnreachable):
                await link.ask(call)
        else:
            answer = await link.ask(call)
            assert answer.source == "cache"
            assert far.clock.monotonic() == pytest.approx(let_at)
        assert far.clock.monotonic() <= 5.0
        await link.close()

    virtually(main())


def test_a_forget_beats_a_look_under_way() -> None:
    """What the disk returns after its subject was forgotten is not used."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        stuck = StuckStore()
        link = Cache(far, CacheSettings(), keys=KEYS, store=stuck, clock=far.clock)
        asked = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(0.1)
        await link.forget([NIK])
        stuck.let.set()
        assert (await asked).source == "centre"
        await link.close()

    virtually(main())


def test_write_behind_gathers_bounds_and_survives_refusals() -> None:
    """Newest per key, oldest dropped when overfull, a refused batch dropped and counted, the next one written."""

    async def main() -> None:
        written: list[dict[int, str]] = []
        broken = False

        async def write(batch: dict[int, str]) -> None:
            if broken:
                raise StorageUnavailable
            written.append(batch)

        behind: WriteBehind[int, str] = WriteBehind(write, name="test", most=3, batch=2, linger=1.0)
        for number in range(4):
            behind.put(number, "old")
        behind.put(3, "new")
        assert (len(behind), behind.pending(0), behind.pending(3)) == (3, None, "new")
        await asyncio.sleep(1.5)
        assert written == [{1: "old", 2: "old"}, {3: "new"}]
        assert behind.dropped == 1
        broken = True
        behind.put(5, "lost")
        await asyncio.sleep(1.5)
        assert (len(behind), behind.dropped) == (0, 2)
        broken = False
        behind.put(6, "kept")
        await behind.close()
        assert written[-1] == {6: "kept"}

    virtually(main())


def test_write_behind_outlives_a_fault_of_its_writer() -> None:
    """An unforeseen error ends one round and is logged, not the writing."""

    async def main() -> None:
        faults = [ValueError("unforeseen")]
        written: list[dict[int, str]] = []

        async def write(batch: dict[int, str]) -> None:
            if faults:
                raise faults.pop()
            written.append(batch)

        behind: WriteBehind[int, str] = WriteBehind(write, name="test", linger=1.0)
        behind.put(1, "lost")
        await asyncio.sleep(1.5)
        behind.put(2, "kept")
        await asyncio.sleep(1.5)
        assert written == [{2: "kept"}]

    virtually(main())


def test_no_thread_is_left_behind(tmp_path: Path, sealer: Envelope) -> None:
    """Opening and closing the store leaves no thread that was not there before."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        await made.put({key(): entry()})
        await made.close()

    before = set(threading.enumerate())
    asyncio.run(main())
    assert set(threading.enumerate()) <= before


class SlowStore(StuckStore):
    """A store that takes its time to delete, answers looks at once, or cannot delete."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__(as_of=EPOCH)
        self.let.set()
        self.broken = broken
        self.there = True

    async def get(self, _key: bytes) -> Entry | None:
        """What is there."""
        return entry(as_of=self.as_of) if self.there else None

    async def forget(self, subjects: object, upto: int | None = None) -> None:  # noqa: ARG002 # kept by others
        """Delete after a while, or refuse."""
        await asyncio.sleep(0.05)
        if self.broken:
            raise StorageUnavailable
        self.there = not subjects


def test_a_look_while_rows_are_deleted_brings_nothing_back() -> None:
    """The disk may still show a row that is being deleted; it is neither served nor kept in memory."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        link = Cache(far, CacheSettings(), keys=KEYS, store=SlowStore(), clock=far.clock)
        forgetting = asyncio.ensure_future(link.forget([NIK]))
        await asyncio.sleep(0.01)
        assert (await link.ask(a_call())).source == "centre"
        await forgetting
        await asyncio.sleep(0.01)
        assert (await link.ask(a_call())).reply.raw == b'{"n":2}'
        assert (await link.ask(a_call())).source == "cache"
        await link.close()

    virtually(main())


def test_a_forget_that_fails_is_told_and_nothing_comes_back() -> None:
    """Whoever asked for it must try again; until it succeeds the subject is not read from disk."""

    async def main() -> None:
        far = FarEnd(LoopClock())
        slow = SlowStore(broken=True)
        link = Cache(far, CacheSettings(), keys=KEYS, store=slow, clock=far.clock)
        with pytest.raises(StorageUnavailable):
            await link.forget([NIK])
        assert [(await link.ask(a_call())).source for _ in range(2)] == ["centre", "centre"]
        slow.broken = False
        await link.forget([NIK])
        await asyncio.sleep(0.01)
        assert [(await link.ask(a_call())).source for _ in range(2)] == ["centre", "cache"]
        await link.close()

    virtually(main())


def test_the_store_tells_when_it_cannot_forget(tmp_path: Path, sealer: Envelope) -> None:
    """With the file locked by somebody else the rows stay, and `forget` says so."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        await made.put({key(): entry()})
        await made.filled()
        assert made._database is not None
        await made._database.close()
        with pytest.raises(StorageUnavailable):
            await made.forget([key()[:HALF]])
        await made.close()

    asyncio.run(main())


def test_keys_are_not_gathered_for_a_filter_that_cannot_be_filled(tmp_path: Path, sealer: Envelope) -> None:
    """Every miss looks on disk then, and memory stays flat."""

    async def main() -> None:
        made = store(tmp_path, sealer)
        await made.open()
        assert made._database is not None
        await made._database.close()
        await made.filled()
        await made.put({key(): entry()})
        assert (made.may_have(key()), made._added) == (True, set())
        await made.close()

    asyncio.run(main())


def test_closing_does_not_cut_off_a_batch_that_is_being_written() -> None:
    """What was taken out of the queue is written before `close` returns."""

    async def main() -> None:
        written: list[dict[int, str]] = []

        async def write(batch: dict[int, str]) -> None:
            await asyncio.sleep(0.5)
            written.append(batch)

        behind: WriteBehind[int, str] = WriteBehind(write, name="test", linger=1.0)
        behind.put(1, "under way")
        await asyncio.sleep(1.2)
        behind.put(2, "waiting")
        await behind.close()
        assert written == [{1: "under way"}, {2: "waiting"}]

    virtually(main())


def test_closing_survives_a_fault_of_the_writer() -> None:
    """An unforeseen error while the rest is written is logged and counted; whoever closes goes on closing."""

    async def main() -> None:
        async def write(_batch: dict[int, str]) -> None:
            raise ValueError("unforeseen")

        behind: WriteBehind[int, str] = WriteBehind(write, name="test", linger=1.0)
        behind.put(1, "lost")
        await behind.close()
        assert (len(behind), behind.dropped) == (0, 1)

    virtually(main())
