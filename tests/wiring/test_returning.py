"""What is put back is the newest there is, and what it cannot know is told."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.following import Tiding
from gateway.outbox.outbox import Ending
from gateway.people.caller_rows import count_change
from gateway.wiring.backing_up import back_up
from gateway.wiring.position import Position
from gateway.wiring.returning import restore
from tests.outbox.test_following import WHOLE
from tests.outbox.world import always
from tests.wiring.test_files_kept import DAY, settings_of, story

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.wiring.test_files_kept import Machine

    Deed = Callable[[Machine], Awaitable[object]]


async def begin(machine: Machine) -> None:
    """One that waits, and one that ended."""
    outbox = machine.world.outbox
    await outbox.accept(machine.world.new())
    ended = await outbox.accept(machine.world.new())
    await outbox.decide(ended.receipt.id, Ending(State.CANCELLED), "test")


async def deliver(machine: Machine) -> None:
    """The centre has it."""
    (claimed,) = await machine.world.outbox.claim(1, 60.0, always)
    await machine.world.outbox.finish(claimed, Ending(State.DELIVERED, centre_receipt="SK1"))


async def try_in_vain(machine: Machine) -> None:
    """A claim that came to nothing and left no move."""
    (claimed,) = await machine.world.outbox.claim(1, 60.0, always)
    await machine.world.outbox.hand_back(claimed, machine.clock.at + 60.0)


async def revoke(machine: Machine) -> None:
    """The keys of callers changed."""
    await machine.database.write(count_change)


async def destroy(machine: Machine) -> None:
    """The content of what ended is gone."""
    machine.clock.at += 91 * DAY
    await machine.retention.run()


@pytest.mark.parametrize(
    ("newer", "deed"),
    [("backup", deliver), ("backup", try_in_vain), ("backup", revoke), ("backup", destroy), ("copy", revoke)],
)
def test_the_newer_one_is_put_back_though_both_hold_as_many(tmp_path: Path, deed: Deed, newer: str) -> None:
    """A decision, a claim, a revoked key or a destroyed content is not undone by an older file with as many rows."""
    settings = settings_of(tmp_path)
    alone = settings.model_copy(update={"replica": type(settings.replica)()})
    take = partial(back_up, settings, {}, tmp_path / "backups", None, print)

    async def before(machine: Machine) -> None:
        await begin(machine)
        if newer == "copy":
            await asyncio.to_thread(take)
            await deed(machine)

    async def without_copy(machine: Machine) -> None:
        await deed(machine)
        await asyncio.to_thread(take)

    story(settings, before)
    if newer == "backup":
        story(alone, without_copy)
    shutil.rmtree(settings.data_folder)
    assert restore(settings, {}, tmp_path / "backups", tmp_path / "copy", print).how == newer


def test_who_repeats_after_the_return_from_an_old_backup_doubles_nothing(tmp_path: Path) -> None:
    """Handed in after it, burnt, handed in again: it stands under the id the centre has it under, decided or not."""
    settings = settings_of(tmp_path)
    ids: list[str] = []

    async def before(machine: Machine) -> None:
        await machine.upload()
        await asyncio.to_thread(back_up, settings, {}, tmp_path / "backups", None, print)
        ids.extend([(await machine.receipt(key)).id for key in ("decided", "open")])

    async def after(machine: Machine) -> None:
        following = machine.world.following()
        token = await following.hold("test")
        assert token is not None
        await following.take_in(token, "sampang", (Tiding(1, ids[0], "SK1", WHOLE),), 1)
        assert await following.recall([ids[1]]) == (ids[1],)
        again = [await machine.receipt(key) for key in ("decided", "open", "new")]
        assert [one.id for one in again[:2]] == ids
        assert [one.state for one in again] == [State.ISSUED, State.UNKNOWN, State.QUEUED]

    story(settings, before)
    shutil.rmtree(settings.data_folder)
    assert restore(settings, {}, tmp_path / "backups", None, print).submissions == 0
    story(settings, after)


def test_the_later_branch_goes_on_longer() -> None:
    """A return goes on longer than what it was made of, whatever that held; of two the later one does."""
    made, first, second = (1, 10.0), (2, 20.0), (2, 30.0)
    before, one, other = Position((made,), (9, 9)), Position((made, first), (5, 5)), Position((made, second), (1, 1))
    assert before < one < other
    assert other.is_apart_from(one)
    assert not one.is_apart_from(before)
