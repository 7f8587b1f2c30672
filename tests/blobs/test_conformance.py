"""What every store of blobs promises: in files, in a table of SQLite and of PostgreSQL, in memory."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.blobs.blobs import Moved
from gateway.contract.errors import Invalid, TooManyRequests
from gateway.contract.submissions import AttachmentRef
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.outbox import Ending
from tests.blobs.world import CALLER, MOST, OTHER, file_of, name_of
from tests.outbox.world import World as Handing
from tests.outbox.world import always

if TYPE_CHECKING:
    from gateway.outbox.outbox import NewSubmission
    from tests.blobs.world import World

PDF = "application/pdf"


def handed_in(world: World, key: str, names: list[str], files: tuple[str, ...]) -> NewSubmission:
    """A hand-in that names files."""
    handing = Handing(world.outbox, world.clock, rng=random.Random(int(key)), number=int(key))
    new = handing.new(key=key)
    refs = tuple(AttachmentRef(name, "photo") for name in names)
    return msgspec.structs.replace(
        new, submission=msgspec.structs.replace(new.submission, attachments=refs), files=files
    )


async def ended(world: World) -> None:
    """Deliver all that waits and let the centre issue it."""
    for claimed in await world.outbox.claim(10, 60.0, always):
        await world.outbox.finish(claimed, Ending(State.DELIVERED, centre_receipt="SK1"))
        await world.outbox.decide(claimed.facts.id, Ending(State.ISSUED), "centre")


@pytest.mark.parametrize("size", [9, 65_536, 65_537, 300_000])
def test_what_was_uploaded_is_read_back_from_any_place(world: World, size: int) -> None:
    """Whatever the pieces, a complete blob has its bytes, and any part of it can be read."""

    async def story() -> None:
        content = file_of(size)
        blob = await world.upload(content, piece=70_001)
        assert (blob.complete, blob.offset, blob.length, blob.media) == (True, size, size, PDF)
        assert await world.blobs.find(CALLER, name_of(content)) == blob
        assert await world.content(name_of(content)) == content
        opened = await world.another().open_(CALLER, name_of(content))
        assert opened is not None
        for at, many in ((0, 1), (size - 1, 1), (size // 2, size // 3), (size // 3, 2)):
            assert await opened.read(at, many) == content[at : at + many]

    asyncio.run(story())


def test_nothing_is_shared_between_callers(world: World) -> None:
    """Another caller finds, names and opens nothing; its own upload of the same bytes is another blob."""

    async def story() -> None:
        content = file_of(1_000)
        name = name_of(content)
        mine = await world.upload(content)
        assert await world.blobs.find(OTHER, name) is None
        assert await world.blobs.open_(OTHER, name) is None
        assert await world.blobs.named(OTHER, [name]) == ("",)
        theirs = await world.blobs.begin(OTHER, name, len(content), MOST)
        assert (theirs.id == mine.id, theirs.offset, theirs.complete) == (False, 0, False)
        assert await world.blobs.named(CALLER, [name, "0" * 64, name]) == (mine.id, "", mine.id)

    asyncio.run(story())


def test_an_upload_begun_twice_is_one(world: World) -> None:
    """Both get the same blob; the second to add is told that it moved on, and goes on from there."""

    async def story() -> None:
        content = file_of(200_000)
        name = name_of(content)
        first, second = await asyncio.gather(
            world.blobs.begin(CALLER, name, len(content), MOST),
            world.another().begin(CALLER, name, len(content), MOST),
        )
        assert first == second
        results = await asyncio.gather(
            world.blobs.add(first, content[:100_000], PDF),
            world.blobs.add(second, content[:130_000], PDF),
            world.blobs.add(second, content[:7_000], PDF),
            return_exceptions=True,
        )
        (won,) = [one for one in results if not isinstance(one, BaseException)]
        assert [type(one) for one in results if isinstance(one, BaseException)] == [Moved, Moved]
        blob = await world.blobs.begin(CALLER, name, len(content), MOST)
        assert blob == won
        blob = await world.blobs.add(blob, content[blob.offset :], PDF)
        assert await world.blobs.finish(blob, name) is not None
        assert await world.content(name) == content
        with pytest.raises(Moved):
            await world.blobs.add(blob, b"more", PDF)

    asyncio.run(story())


def test_what_is_not_what_its_name_says_is_thrown_away(world: World) -> None:
    """It is never complete and cannot be named; the upload begins anew."""

    async def story() -> None:
        content = file_of(70_000)
        blob = await world.blobs.begin(CALLER, "0" * 64, len(content), MOST)
        blob = await world.blobs.add(blob, content, PDF)
        assert await world.blobs.named(CALLER, ["0" * 64]) == ("",)
        assert await world.blobs.open_(CALLER, "0" * 64) is None
        assert await world.blobs.finish(blob, "0" * 64) is None
        assert await world.blobs.find(CALLER, "0" * 64) is None
        with pytest.raises(Moved):
            await world.blobs.add(blob, b"x", PDF)

    asyncio.run(story())


def test_a_callers_share_is_bounded_until_a_submission_takes_its_files(world: World) -> None:
    """What waits unused counts whole from its beginning; what is already begun may always go on."""

    async def story() -> None:
        content = file_of(600)
        mine = await world.blobs.begin(CALLER, name_of(content), 600, 1_000)
        with pytest.raises(TooManyRequests):
            await world.blobs.begin(CALLER, "1" * 64, 401, 1_000)
        await world.blobs.begin(OTHER, "1" * 64, 401, 1_000)
        assert await world.blobs.begin(CALLER, name_of(content), 600, 0) == mine
        whole = await world.upload(content)
        await world.outbox.accept(handed_in(world, "1", [name_of(content)], (whole.id,)))
        await world.blobs.begin(CALLER, "1" * 64, 1_000, 1_000)

    asyncio.run(story())


def test_a_submission_takes_its_files_or_is_not_stored(world: World) -> None:
    """Each file that is not here is named, and nothing is kept; a repetition gets its receipt without them."""

    async def story() -> None:
        content = file_of(900)
        name, whole = name_of(content), await world.upload(content)
        gone = handed_in(world, "1", ["0" * 64, name, "2" * 64], ("", whole.id, "f" * 32))
        with pytest.raises(Invalid) as refused:
            await world.outbox.accept(gone)
        faults = [(fault.field, fault.code) for fault in refused.value.faults]
        assert faults == [(f"/attachments/{place}/sha256", "unknown_attachment") for place in (0, 2)]
        assert await world.outbox.find(gone.id) is None
        good = msgspec.structs.replace(handed_in(world, "1", [name], (whole.id,)), key="1")
        accepted = await world.outbox.accept(good)
        assert accepted.fresh
        again = await world.outbox.accept(msgspec.structs.replace(good, id="x" * 36, number="x", files=("",)))
        assert (again.fresh, again.receipt) == (False, accepted.receipt)

    asyncio.run(story())


def test_a_file_stays_as_long_as_a_submission_needs_it(world: World) -> None:
    """Neither time nor the end of another one takes it away; the last one's shredding does."""

    async def story() -> None:
        content = file_of(900)
        name, whole = name_of(content), await world.upload(content)
        await world.outbox.accept(handed_in(world, "1", [name], (whole.id,)))
        await ended(world)
        world.clock.at += 100.0
        middle = world.clock.at
        await world.outbox.accept(handed_in(world, "2", [name], (whole.id,)))
        world.clock.at += 1e6
        assert await world.blobs.sweep(world.clock.at) == 0
        assert await world.outbox.shred(middle) == 1
        assert await world.content(name) == content
        await ended(world)
        world.clock.at += 1.0
        assert await world.outbox.shred(world.clock.at) == 1
        assert await world.blobs.find(CALLER, name) is None
        assert await world.blobs.named(CALLER, [name]) == ("",)

    asyncio.run(story())


def test_a_correction_exchanges_files(world: World) -> None:
    """The new ones are held, those it named before wait as if just uploaded; one that is not here changes nothing."""

    async def story() -> None:
        wrong, right = file_of(900), file_of(900, seed=2)
        first, second = await world.upload(wrong), await world.upload(right)
        new = handed_in(world, "1", [name_of(wrong)], (first.id,))
        await world.outbox.accept(new)
        better = handed_in(world, "1", [name_of(right)], (second.id,)).submission
        with pytest.raises(Invalid):
            await world.outbox.correct(new.id, better, ("f" * 32,), "caller:desk000001")
        assert await world.outbox.read(new.id) == new.submission
        world.clock.at += 100.0
        assert await world.blobs.sweep(world.clock.at) == 1
        second = await world.upload(right)
        await world.outbox.correct(new.id, better, (second.id,), "caller:desk000001")
        assert await world.outbox.read(new.id) == better
        assert await world.blobs.sweep(world.clock.at) == 0
        world.clock.at += 100.0
        assert await world.blobs.sweep(world.clock.at) == 1
        found = [await world.blobs.find(CALLER, name_of(one)) is not None for one in (wrong, right)]
        assert found == [False, True]

    asyncio.run(story())


def test_what_nobody_took_in_time_is_thrown_away(world: World) -> None:
    """Whether it is complete or not; what was touched since stays."""

    async def story() -> None:
        old, half = file_of(900), file_of(900, seed=2)
        await world.upload(old)
        await world.blobs.begin(CALLER, name_of(half), len(half), MOST)
        world.clock.at += 10.0
        fresh = file_of(900, seed=3)
        await world.upload(fresh)
        assert await world.blobs.sweep(world.clock.at) == 2
        found = [await world.blobs.find(CALLER, name_of(one)) for one in (old, half, fresh)]
        assert [one is not None for one in found] == [False, False, True]
        assert await world.content(name_of(fresh)) == fresh
        await world.upload(old)
        assert await world.content(name_of(old)) == old

    asyncio.run(story())


def test_tiny_pieces_are_taken_up_to_a_bound(world: World) -> None:
    """A byte at a time is a file too; beyond the bound it is thrown away and the sender told why."""

    async def story() -> None:
        bounded = world.bounded(40)
        content = file_of(40)
        await bounded.upload(content, piece=1)
        assert await bounded.content(name_of(content)) == content
        with pytest.raises(Invalid):
            await bounded.upload(file_of(41), piece=1)
        assert await bounded.blobs.find(CALLER, name_of(file_of(41))) is None

    asyncio.run(story())
