"""The parts commands need too: keys, database, callers, accounts; each missing thing is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.errors import Invalid, StorageUnavailable, Unauthenticated
from gateway.settings import SecretMissing
from gateway.settings.loading import loads
from gateway.testing.processes import demo_rights
from gateway.vault.keys import create_secrets, environment_of
from gateway.wiring.clock import SystemClock
from gateway.wiring.door import KeyDoor
from gateway.wiring.generation import rights_of
from gateway.wiring.offline import callers_of, with_callers
from gateway.wiring.parts import accounts_of, open_database, open_keyring

NO_PEOPLE: Any = None
"""No route for people is asked for here."""

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings
    from gateway.testing.postgres import PostgresServer

ACCOUNTS = {"dukcapil_sampang": "sampang", "rsud_sampang": "old"}


def settings_in(folder: Path, more: str = "") -> Settings:
    """A config whose data is in a folder."""
    return loads(more + demo_rights(ACCOUNTS), None, {"SIAK_GATEWAY_VAR": str(folder / "var")})


def test_keys_are_made_once_and_then_read(tmp_path: Path) -> None:
    """A first start makes the folder of secrets; the next one reads the same keys."""
    settings = settings_in(tmp_path)
    first, second = open_keyring(settings, {}), open_keyring(settings, {})
    assert first.index == second.index
    assert {file.stat().st_mode & 0o777 for file in settings.secrets_folder.iterdir()} == {0o600}


def test_keys_of_the_environment_come_first(tmp_path: Path) -> None:
    """Where the environment names a master key no folder is made."""
    create_secrets(tmp_path / "elsewhere")
    settings = settings_in(tmp_path)
    keyring = open_keyring(settings, environment_of(tmp_path / "elsewhere"))
    assert keyring.index
    assert not settings.secrets_folder.exists()


def test_accounts_know_their_door_and_password(tmp_path: Path) -> None:
    """Each right becomes an account with its paths, its own password and the way it speaks."""
    settings = settings_in(tmp_path)
    environ = {"SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD": "open-sesame", "SIAK_GATEWAY_SECRET_OLD_PASSWORD": "two"}
    accounts = accounts_of(settings, environ)
    assert (accounts["sampang"].password, accounts["sampang"].ws) == ("open-sesame", False)
    assert (accounts["old"].password, accounts["old"].ws) == ("two", True)
    assert accounts["sampang"].fields == settings.rights["sampang"].granted()
    assert "open-sesame" not in repr(accounts["sampang"])


def test_every_missing_password_is_named(tmp_path: Path) -> None:
    """All that are missing are told at once, by the name of their right."""
    with pytest.raises(SecretMissing) as missing:
        accounts_of(settings_in(tmp_path), {})
    assert [line.partition(":")[0] for line in str(missing.value).splitlines()] == ["rights.sampang", "rights.old"]


def test_callers_are_reached_without_a_running_gateway(tmp_path: Path) -> None:
    """Work on the callers opens and closes the database; villages and rights are checked against the config."""
    settings = settings_in(tmp_path)
    caller, key = with_callers(settings, {}, lambda callers: callers.add("desk", right="old", village="3527032001"))

    async def found() -> str:
        async with callers_of(settings, {}) as callers:
            door = KeyDoor(callers, rights_of(settings, SystemClock()), NO_PEOPLE)
            return (await door.authenticate({"authorization": f"Bearer {key}"})).id

    assert asyncio.run(found()) == caller.id
    with pytest.raises(Invalid) as refused:
        with_callers(settings, {}, lambda callers: callers.add("x", right="nowhere", village="9999999999"))
    assert {fault.field for fault in refused.value.faults} == {"/right", "/village"}


def test_a_key_that_is_not_ours_is_passed_to_the_authenticators(tmp_path: Path) -> None:
    """Without an authenticator any other `Authorization` is unauthenticated."""
    settings = settings_in(tmp_path)

    async def story() -> None:
        async with callers_of(settings, {}) as callers:
            door = KeyDoor(callers, rights_of(settings, SystemClock()), NO_PEOPLE)
            for given in ("", "Basic c2d3Xw==", "Bearer abc", "Bearer sgw_", "sgw_0000000000_x", "Bearer  sgw_0_0"):
                with pytest.raises(Unauthenticated):
                    await door.authenticate({"authorization": given} if given else {})

    asyncio.run(story())


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """A file where the folder should be is the storage's fault, not a crash."""
    settings = settings_in(tmp_path)
    settings.data_folder.mkdir()
    (settings.data_folder / "gateway.db").mkdir()
    with pytest.raises(StorageUnavailable):
        asyncio.run(open_database(settings, {}))


@pytest.mark.postgres
def test_postgresql_is_not_migrated_behind_the_admins_back(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """A PostgreSQL database that is behind is refused with the command that mends it."""
    settings = settings_in(tmp_path, f'[database]\nurl = "{postgres_server.new_database()}"\n')
    with pytest.raises(StorageUnavailable, match=r"revisions? behind; run: siak-gateway migrate"):
        asyncio.run(open_database(settings, {}))
