"""Callers: who gets a key, how long it is good for, and how soon everyone knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.contract.errors import Conflict, Invalid, NotFound, StorageUnavailable, Unauthenticated
from gateway.contract.messages import Caller, Priority
from gateway.people.callers import YEAR, Callers
from gateway.people.tables import CALLER_KEYS
from gateway.vault import api_keys
from tests.people.world import START, VILLAGE

if TYPE_CHECKING:
    from tests.people.world import World


def good(callers: Callers, key: str) -> bool:
    """Whether a key is accepted."""
    try:
        callers.find(key)
    except Unauthenticated:
        return False
    return True


def test_a_new_caller_is_found_by_its_key(world: World) -> None:
    """What `add` returns is what `find` returns, with every scope kept, here and in another process."""
    callers = world.process()
    caller, key = world.run(
        callers.add(
            "Desk of Gunung Sekar",
            right="sampang",
            village=VILLAGE,
            adapter="sakera_mesem",
            purposes=["pelayanan"],
            fields=["NAMA_LGKP", "ALAMAT"],
            priority=Priority.ONLINE,
            may_skip_cache=True,
        )
    )
    assert caller == Caller(
        id=key.split("_")[1],
        name="Desk of Gunung Sekar",
        right="sampang",
        village=VILLAGE,
        adapter="sakera_mesem",
        purposes=frozenset({"pelayanan"}),
        fields=frozenset({"NAMA_LGKP", "ALAMAT"}),
        priority=Priority.ONLINE,
        may_skip_cache=True,
    )
    assert callers.find(key) == caller
    assert world.process().find(key) == caller


def test_what_is_not_given_is_not_bound(world: World) -> None:
    """Without scopes a caller holds all of its right, and without a right it may not ask the centre."""
    caller, key = world.run(world.process().add("plain"))
    assert caller == Caller(id=caller.id, name="plain")
    assert world.process().find(key) == caller
    _, empty = world.run(world.process().add("nothing", purposes=(), fields=()))
    assert (world.process().find(empty).purposes, world.process().find(empty).fields) == (frozenset(), frozenset())


def test_before_the_first_refresh_no_key_is_known(world: World) -> None:
    """A process that has read nothing yet refuses every key."""
    known = world.process()
    _, key = world.run(known.add("desk"))
    fresh = Callers(known._database, world.clock, pepper=b"p" * 32, village_known=lambda _: True)
    assert not good(fresh, key)


def test_every_refusal_reads_the_same(world: World) -> None:
    """Unknown, wrong, malformed, expired and revoked keys are refused in the same words."""
    callers = world.process()
    _, key = world.run(callers.add("desk"))
    _, expired = world.run(callers.add("expired", expires_at=START + 1))
    _, revoked = world.run(callers.add("revoked"))
    world.run(callers.revoke("revoked"))
    world.clock.at += 2
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    texts = set()
    for bad in (api_keys.new_key().text, wrong, expired, revoked, "", "sgw_", "\ud800", "x" * 100_000, key + " "):
        with pytest.raises(Unauthenticated) as caught:
            callers.find(bad)
        texts.add(str(caught.value))
    assert texts == {Unauthenticated.text()}
    assert good(callers, key)


def test_a_stolen_table_opens_nothing(world: World) -> None:
    """Keys are stored as hashes under a pepper: neither the secret nor another pepper's hash is of use."""
    callers = world.process()
    _, key = world.run(callers.add("desk"))
    stored = repr(callers._database.read_sync(lambda connection: connection.execute(sa.select(CALLER_KEYS)).all()))
    assert key.split("_")[2] not in stored
    assert not good(world.process(pepper=b"q" * 32), key)


def test_a_key_ends_when_it_expires(world: World) -> None:
    """A key is judged at each use: good until its last second, refused from then on, a year if nothing was asked."""
    callers = world.process()
    _, key = world.run(callers.add("desk"))
    _, brief = world.run(callers.add("brief", expires_at=START + 60))
    assert good(callers, brief)
    world.clock.at = START + 59.9
    assert good(callers, brief)
    world.clock.at = START + 60
    assert not good(callers, brief)
    world.clock.at = START + YEAR - 1
    assert good(callers, key)
    world.clock.at = START + YEAR
    assert not good(callers, key)


def test_rotation_lets_both_keys_live_for_the_overlap(world: World) -> None:
    """After `rotate` old and new key name the same caller until the overlap ends, then only the new one."""
    callers = world.process()
    caller, old = world.run(callers.add("desk"))
    new = world.run(callers.rotate("desk", overlap=3600))
    assert callers.find(old) == callers.find(new) == caller
    world.clock.at += 3600
    assert not good(callers, old)
    assert good(callers, new)
    newest = world.run(callers.rotate(caller.id))
    assert not good(callers, new)
    assert good(callers, newest)


def test_rotation_never_lengthens_a_life(world: World) -> None:
    """An overlap longer than the rest of the old key's life changes nothing for it."""
    callers = world.process()
    _, old = world.run(callers.add("desk", expires_at=START + 10))
    world.run(callers.rotate("desk", overlap=3600))
    world.clock.at += 10
    assert not good(callers, old)


@pytest.mark.parametrize("lasts", [100 * YEAR + 1, 1e15, float("inf"), float("nan")])
def test_no_key_lasts_longer_than_can_be_told(world: World, lasts: float) -> None:
    """An expiry or overlap beyond a century, or that is no number, is refused: the list of callers has to show it."""
    callers = world.process()
    with pytest.raises(Invalid) as caught:
        world.run(callers.add("desk", expires_at=START + lasts))
    assert [fault.field for fault in caught.value.faults] == ["/expires_at"]
    world.run(callers.add("desk"))
    with pytest.raises(Invalid) as caught:
        world.run(callers.rotate("desk", overlap=lasts))
    assert [fault.field for fault in caught.value.faults] == ["/overlap"]


def test_live_keys_are_bounded(world: World) -> None:
    """A caller has at most four live keys; the refused rotation changes nothing."""
    callers = world.process()
    _, first = world.run(callers.add("desk"))
    keys = [first, *(world.run(callers.rotate("desk", overlap=60)) for _ in range(3))]
    with pytest.raises(Conflict, match="4 live keys"):
        world.run(callers.rotate("desk", overlap=60))
    assert all(good(callers, key) for key in keys)
    world.run(callers.rotate("desk"))
    assert not any(good(callers, key) for key in keys)


def test_a_revoked_caller_is_gone_for_good(world: World) -> None:
    """After `revoke` no key works, it cannot be rotated or revoked again, and its name is free."""
    callers = world.process()
    old, key = world.run(callers.add("desk"))
    second = world.run(callers.rotate("desk", overlap=60))
    world.run(callers.revoke(old.id))
    assert not good(callers, key)
    assert not good(callers, second)
    for again in (callers.rotate("desk"), callers.revoke("desk"), callers.revoke(old.id)):
        with pytest.raises(NotFound):
            world.run(again)
    new, new_key = world.run(callers.add("desk"))
    assert callers.find(new_key) == new != old
    assert [each.revoked_at for each in world.run(callers.list())] == [START, None]


def test_another_process_learns_at_its_next_refresh(world: World) -> None:
    """A revocation made elsewhere takes effect with one refresh, which costs one read when nothing changed."""
    serving, command = world.process(), world.process()
    _, key = world.run(command.add("desk"))
    assert not good(serving, key)
    assert world.run(serving.refresh()) is True
    assert good(serving, key)
    assert world.run(serving.refresh()) is False
    world.run(command.revoke("desk"))
    assert world.run(serving.refresh()) is True
    assert not good(serving, key)


def test_refreshes_at_once_do_it_once(world: World) -> None:
    """Refreshes that overlap take turns, and the later ones find nothing to do."""
    serving, command = world.process(), world.process()
    world.run(command.add("desk"))

    async def together() -> list[bool]:
        return await asyncio.gather(*(serving.refresh() for _ in range(5)))

    assert sorted(world.run(together())) == [False] * 4 + [True]


def test_keys_serve_on_while_the_database_is_away(world: World) -> None:
    """A refresh that fails says so and leaves the last table in use."""
    callers = world.process()
    _, key = world.run(callers.add("desk"))
    world.run(callers._database.close())
    with pytest.raises(StorageUnavailable):
        world.run(callers.refresh())
    assert good(callers, key)


def test_names_are_unique_among_the_living(world: World) -> None:
    """A second caller of the same name is refused with a clear text, and nothing of it is stored."""
    callers = world.process()
    world.run(callers.add("desk"))
    with pytest.raises(Conflict, match="a caller named desk is there already"):
        world.run(callers.add("desk"))
    assert len(world.run(callers.list())) == 1


def test_every_wrong_argument_is_named_at_once(world: World) -> None:
    """Name, village, right and expiry are all checked, and all faults come together."""
    callers = world.process()
    with pytest.raises(Invalid) as caught:
        world.run(callers.add(" ", village="9999999999", right="nowhere", expires_at=START))
    assert {fault.field for fault in caught.value.faults} == {"/name", "/village", "/right", "/expires_at"}
    for name in ("", "x" * 81, "two\nlines", "\x1b[31m"):
        with pytest.raises(Invalid, match="printable"):
            world.run(callers.add(name))
    with pytest.raises(Invalid, match="overlap"):
        world.run(callers.rotate("desk", overlap=-1))
    with pytest.raises(NotFound):
        world.run(callers.rotate("desk"))
    assert world.run(callers.list()) == ()


def test_the_last_use_is_stored_in_the_background(world: World) -> None:
    """Uses are stored when asked to, per key, without making other processes read the keys again."""
    callers = world.process()
    _, key = world.run(callers.add("desk"))
    second = world.run(callers.rotate("desk", overlap=3600))
    world.clock.at += 100
    callers.find(key)
    callers.find(key)
    assert [each.last_used_at for each in world.run(callers.list())[0].keys] == [None, None]
    world.run(callers.note_uses())
    assert [each.last_used_at for each in world.run(callers.list())[0].keys] == [START + 100, None]
    world.clock.at += 100
    callers.find(second)
    world.run(callers.note_uses())
    world.run(callers.note_uses())
    assert [each.last_used_at for each in world.run(callers.list())[0].keys] == [START + 100, START + 200]
    assert world.run(callers.refresh()) is False


def test_a_use_that_could_not_be_stored_is_stored_later(world: World) -> None:
    """A failing database loses no use."""
    callers = world.process()
    _, key = world.run(callers.add("desk"))
    callers.find(key)
    lost = callers._database
    world.run(lost.close())
    with pytest.raises(StorageUnavailable):
        world.run(callers.note_uses())
    assert callers._used == {(key.split("_")[1], 1): START}


def test_no_text_of_a_caller_shows_a_secret(world: World) -> None:
    """Neither the list nor any representation holds a key's secret."""
    callers = world.process()
    caller, key = world.run(callers.add("desk"))
    secret = key.split("_")[2]
    callers.find(key)
    shown = repr((caller, world.run(callers.list()), callers, callers._table, vars(callers._table)))
    assert secret not in shown


def test_nothing_is_remembered_of_wrong_keys(world: World) -> None:
    """However many wrong keys are tried, memory holds one entry for each good key that was used."""
    callers = world.process()
    _, key = world.run(callers.add("desk"))
    for _ in range(1000):
        assert not good(callers, api_keys.new_key().text)
    for _ in range(3):
        assert good(callers, key)
    assert len(callers._table._proven) == 1
