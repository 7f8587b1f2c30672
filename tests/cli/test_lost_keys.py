"""Lost and foreign keys are told at the start; a database is never served with keys it was not written with."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.cli.trial import Trial
from gateway.contract.errors import Unauthenticated
from gateway.database import Database
from gateway.outbox.tables import PAYLOADS
from gateway.people.tables import KEY_CHECKS
from gateway.settings import load
from gateway.vault.envelope import header_of
from gateway.vault.errors import KeyForeignError, KeyMissingError
from gateway.vault.keys import create_secrets, environment_of, rotate
from gateway.wiring.offline import make_keys, with_callers, with_outbox

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.people.callers import Callers
    from gateway.settings import Settings
    from tests.cli.conftest import Desk


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A gateway that has one caller."""
    made = load(None, {"SIAK_GATEWAY_VAR": str(tmp_path / "var")})
    with_callers(made, {}, lambda callers: callers.add("desk"))
    return made


async def nothing(_thing: object) -> None:
    """Look at nothing."""


def test_lost_keys_are_not_replaced(settings: Settings, tmp_path: Path) -> None:
    """With its folder away, or one key of it, a database with callers is not opened; nothing is made; back it works."""
    shutil.move(settings.secrets_folder, tmp_path / "away")
    with pytest.raises(KeyMissingError, match=r"no such folder.*put the keys back from their backup"):
        with_callers(settings, {}, nothing)
    with pytest.raises(KeyMissingError):
        Trial(settings, None, 100, {}).start(lambda _text: None)
    assert not settings.secrets_folder.exists()
    shutil.move(tmp_path / "away", settings.secrets_folder)
    for name in ("pepper", "master-1"):
        (settings.secrets_folder / f"{name}.key").rename(tmp_path / name)
        with pytest.raises(KeyMissingError):
            with_outbox(settings, {}, nothing)
        (tmp_path / name).rename(settings.secrets_folder / f"{name}.key")
    with_callers(settings, {}, nothing)


def test_a_database_of_before_counts_as_in_use(settings: Settings) -> None:
    """One that holds callers and no check values yet, as older versions left it, needs its keys too."""
    database = Database.open(settings.database_url({}))
    database.write_sync(lambda connection: connection.execute(sa.delete(KEY_CHECKS)))
    database.close_sync()
    shutil.rmtree(settings.secrets_folder)
    with pytest.raises(KeyMissingError):
        with_callers(settings, {}, nothing)


def test_other_keys_are_refused_until_they_are_taken(settings: Settings, tmp_path: Path) -> None:
    """Keys from elsewhere are named, in the environment too; `keys make --anew` takes them, and old keys are void."""
    create_secrets(tmp_path / "other")
    environ = environment_of(tmp_path / "other")
    with pytest.raises(KeyForeignError, match=r"index, master-1, pepper; cure: .* keys make --anew"):
        with_callers(settings, environ, nothing)
    assert make_keys(settings, environ, anew=True) == []
    with_callers(settings, environ, nothing)


def test_a_trial_takes_the_keys_that_the_environment_names(desk: Desk, tmp_path: Path) -> None:
    """It makes none of its own then, and a caller who is added has a key under those."""
    create_secrets(tmp_path / "other")
    trial = Trial(load(desk.file, os.environ), desk.file, 100, environment_of(tmp_path / "other"))
    trial._make_secrets()
    assert len(trial._demo_clients()) == 2
    assert not list((desk.folder / "var/secrets").glob("*.key"))


def test_keys_lost_for_good_can_be_made_anew(desk: Desk) -> None:
    """The command makes what is missing; the caller is still listed, and its old key opens nothing."""
    added = desk.run("clients", "add", "old", "--right", "sampang")
    shutil.rmtree(desk.folder / "var/secrets")
    refused = desk.run("clients", "list")
    assert (refused.exit_code, len(refused.stderr.strip().splitlines())) == (1, 1)
    assert desk.run("keys", "make", "--anew").stdout.count("made:") == 5
    assert "old" in desk.run("clients", "list").stdout
    key = added.stdout.split()[-1]

    async def opens(callers: Callers) -> None:
        callers.find(key)

    with pytest.raises(Unauthenticated):
        with_callers(load(desk.file, os.environ), os.environ, opens)


def test_a_master_is_missed_while_submissions_are_sealed_under_it(settings: Settings, tmp_path: Path) -> None:
    """An old master may go once nothing is sealed under it, and not before."""
    rotate(settings.secrets_folder)
    with_callers(settings, {}, nothing)
    first = settings.secrets_folder / "master-1.key"
    first.rename(tmp_path / "away")
    with_callers(settings, {}, nothing)
    database = Database.open(settings.database_url({}))
    row = {"submission": "x", "wrapped_key": header_of(1) + b"\x5e\x00rest", "sealed": b"any"}
    database.write_sync(lambda connection: connection.execute(sa.insert(PAYLOADS).values(row)))
    database.close_sync()
    with pytest.raises(KeyMissingError, match=r"master-1: submissions.* are sealed under it"):
        with_callers(settings, {}, nothing)
    (tmp_path / "away").rename(first)
    with_callers(settings, {}, nothing)


def test_commands_do_not_write_into_a_folder_that_holds_every_key(settings: Settings) -> None:
    """A folder mounted read-only is enough: nothing is made in it, not even for a moment."""
    before = settings.secrets_folder.stat()
    assert create_secrets(settings.secrets_folder) == []
    with_callers(settings, {}, nothing)
    after = settings.secrets_folder.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)
