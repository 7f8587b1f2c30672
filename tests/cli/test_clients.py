"""`siak-gateway clients`: keys are made, listed, renewed and ended; each mistake is told in plain words."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.errors import Unauthenticated
from gateway.settings import load
from gateway.wiring.offline import with_callers
from gateway.wiring.parts import open_callers, open_database, open_keyring

if TYPE_CHECKING:
    from gateway.contract.messages import Caller
    from tests.cli.conftest import Desk

KEY = re.compile(r"sgw_[0-9a-z]{10}_[0-9a-z]{26}")


def find(desk: Desk, key: str) -> Caller:
    """The caller of a key, as a gateway of this config would find it."""

    async def found(callers: Any) -> Any:
        return callers.find(key)

    caller: Caller = with_callers(load(desk.file, os.environ), os.environ, found)
    return caller


def listed(desk: Desk) -> list[dict[str, Any]]:
    """What `clients list --json` says."""
    result = desk.run("clients", "list", "--json")
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def test_a_client_is_added_and_its_key_shown_once(desk: Desk) -> None:
    """The key works with everything that was asked for, and no listing ever shows it again."""
    result = desk.run(
        "clients", "add", "desa-gunungsekar", "--right", "sampang", "--village", "35.27.03.2001", "--purpose",
        "pelayanan", "--field", "NIK", "--field", "NAMA_LGKP", "--priority", "urgent", "--may-skip-cache",
        "--expires-in-days", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (key,) = KEY.findall(result.stdout)
    caller = find(desk, key)
    assert (caller.name, caller.village, caller.priority.name) == ("desa-gunungsekar", "3527032001", "URGENT")
    assert caller.purposes == frozenset({"pelayanan"})
    assert caller.fields == frozenset({"NIK", "NAMA_LGKP"})
    assert caller.may_skip_cache
    text = desk.run("clients", "list").stdout
    assert "desa-gunungsekar" in text
    assert "right=sampang village=3527032001" in text
    (row,) = listed(desk)
    assert (row["id"], row["state"], row["priority"], row["keys"]) == (caller.id, "active", "urgent", 1)
    assert not KEY.search(text + json.dumps(row))


def test_json_answers_are_json_alone(desk: Desk) -> None:
    """With `--json` a program can read the output as it is."""
    added = json.loads(desk.run("clients", "add", "app", "--right", "sampang", "--json").stdout)
    assert added.keys() == {"id", "name", "key"}
    rotated = json.loads(desk.run("clients", "rotate", "app", "--json").stdout)
    assert rotated["key"] != added["key"]
    assert listed(desk)[0]["last_used_at"] is None


def test_rotated_keys_overlap_and_revoked_ones_end(desk: Desk) -> None:
    """After a rotation both keys work for the overlap; without one only the new; after a revocation none."""
    first = json.loads(desk.run("clients", "add", "app", "--right", "sampang", "--json").stdout)
    second = KEY.findall(desk.run("clients", "rotate", "app", "--overlap-hours", "1").stdout)[0]
    assert find(desk, first["key"]).id == find(desk, second).id
    third = KEY.findall(desk.run("clients", "rotate", first["id"], "--overlap-hours", "0").stdout)[0]
    for ended in (first["key"], second):
        with pytest.raises(Unauthenticated):
            find(desk, ended)
    assert find(desk, third).name == "app"
    assert desk.run("clients", "revoke", "app").stdout == "app is revoked.\n"
    with pytest.raises(Unauthenticated):
        find(desk, third)
    assert [row["state"] for row in listed(desk)] == ["revoked"]


def test_an_empty_list_says_how_to_begin(desk: Desk) -> None:
    """Nobody is left in front of nothing."""
    assert "clients add NAME" in desk.run("clients", "list").stdout
    assert listed(desk) == []


class LongAgo:
    """A clock of the year 2001."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def now() -> float:
        """Unix seconds."""
        return 1e9


def test_an_expired_client_is_told(desk: Desk) -> None:
    """A client whose keys have all ended is listed as expired."""
    settings = load(desk.file, os.environ)

    async def add_long_ago() -> None:
        database = await open_database(settings, os.environ)
        callers = open_callers(settings, database, open_keyring(settings, os.environ), LongAgo())
        await callers.add("brief", right="sampang", expires_at=LongAgo.now() + 1.0)
        await database.close()

    asyncio.run(add_long_ago())
    assert [row["state"] for row in listed(desk)] == ["expired"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["add", "x", "--right", "nowhere"], 1, "/right: no such right in the config"),
        (["add", "x", "--village", "99.99.99.9999"], 1, "/village: no such village code"),
        (["add", "x", "--village", "nonsense"], 1, "/village: no such village code"),
        (["add", " "], 1, "/name: "),
        (["add", "x", "--purpose", "iseng"], 1, "must be among the configured purposes: pelayanan"),
        (["add", "x", "--priority", "highest"], 2, "Invalid value for '--priority'"),
        (["add", "x", "--expires-in-days", "0"], 2, "Invalid value for '--expires-in-days'"),
        (["add"], 2, "Missing argument 'NAME'"),
        (["rotate", "nobody"], 1, "there is no such caller"),
        (["rotate", "nobody", "--overlap-hours", "-1"], 2, "Invalid value for '--overlap-hours'"),
        (["revoke", "nobody"], 1, "there is no such caller"),
        (["remove", "x"], 2, "No such command"),
    ],
)
def test_mistakes_are_told_in_a_line_and_by_the_exit_code(
    desk: Desk, arguments: list[str], code: int, told: str
) -> None:
    """1 for what failed, 2 for bad usage; never a traceback, nothing on stdout."""
    config = arguments != ["remove", "x"]
    result = desk.run("clients", *arguments, config=config)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_name_is_taken_once(desk: Desk) -> None:
    """A second client of the same name is refused until the first is revoked."""
    assert desk.run("clients", "add", "app").exit_code == 0
    result = desk.run("clients", "add", "app")
    assert (result.exit_code, result.stderr) == (1, "a caller named app is there already\n")
    desk.run("clients", "revoke", "app")
    assert desk.run("clients", "add", "app").exit_code == 0


@pytest.mark.parametrize("command", [["list"], ["add", "x"], ["rotate", "x"], ["revoke", "x"]])
def test_a_bad_config_is_told_with_its_place(desk: Desk, command: list[str]) -> None:
    """Every fault has file, line and key, and the exit code is 2."""
    desk.file.write_text("[server]\nport = 'x'\nnonsense = 1\n", encoding="utf-8")
    result = desk.run("clients", *command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{desk.file}:2: server.port" in result.stderr
    assert f"{desk.file}:3: server.nonsense" in result.stderr


def test_a_folder_that_cannot_be_used_is_told(desk: Desk) -> None:
    """Storage and keys that cannot be opened are one line and exit 1."""
    var = desk.folder / "var"
    var.mkdir(mode=0o700)
    (var / "gateway.db").mkdir(mode=0o700)
    result = desk.run("clients", "list")
    assert result.exit_code == 1, result.output
    assert len(result.stderr.strip().splitlines()) == 1
    assert isinstance(result.exception, SystemExit)
