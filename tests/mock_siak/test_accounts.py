"""Accounts: files read strictly, demonstration accounts that belong to a seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.mock_siak import Account, AccountsError, demo_accounts, load_accounts
from gateway.mock_siak.accounts import FIELDS, Directory

if TYPE_CHECKING:
    from pathlib import Path

ONE: dict[str, Any] = {"path": "a/b", "user_id": "u", "password": "p"}


def written(folder: Path, *accounts: dict[str, Any]) -> Path:
    """A JSON accounts file."""
    source = folder / "accounts.json"
    source.write_text(json.dumps({"accounts": accounts}))
    return source


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    """Both formats give equal accounts; what is left out takes its default."""
    toml = tmp_path / "accounts.toml"
    toml.write_text(
        '[[accounts]]\npath = "a/b"\nuser_id = "u"\npassword = "p"\nhours = ["07:00", "16:00"]\nkinds = ["kk"]\n'
    )
    found = load_accounts(written(tmp_path, {**ONE, "hours": ["07:00", "16:00"], "kinds": ["kk"]}))
    assert (
        found
        == load_accounts(toml)
        == (Account(path="a/b", user_id="u", password="p", hours=("07:00", "16:00"), kinds=("kk",)),)
    )
    assert found[0].granted == FIELDS


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": 1},
        {"kinds": ["votes"]},
        {"fields": ["SHOE_SIZE"]},
        {"writes": ["weddings"]},
        {"hours": ["7", "16"]},
        {"daily_allowance": -1},
        {"path": "a/b/c"},
        {"path": ""},
        {"error_shape": "round"},
        {"user_id": 7},
    ],
)
def test_wrong_accounts_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Unknown keys, kinds, fields, malformed hours and paths name the file they stand in."""
    with pytest.raises(AccountsError, match=r"accounts\.json"):
        load_accounts(written(tmp_path, {**ONE, **wrong}))


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    """A missing file and one that is no TOML are the same kind of error."""
    (tmp_path / "x.toml").write_text("= 1")
    for name in ("nowhere.json", "x.toml"):
        with pytest.raises(AccountsError, match=name):
            load_accounts(tmp_path / name)


def test_a_user_appears_once_at_a_path() -> None:
    """Two accounts with one key would make the quota ambiguous."""
    account = Account(**ONE)
    with pytest.raises(AccountsError, match="twice"):
        Directory((account, account))


def test_demonstration_accounts_belong_to_their_seed() -> None:
    """The same seed gives the same passwords, another one others; every shape, dialect, kind and door is there."""
    accounts = demo_accounts(1)
    assert accounts == demo_accounts(1)
    assert {account.password for account in accounts}.isdisjoint(account.password for account in demo_accounts(2))
    assert {account.error_shape for account in accounts} == {"respon", "respon_code", "response_desc"}
    assert {account.dialect for account in accounts} == {"number", "string"}
    assert {account.door for account in accounts} == {"dukcapil", "ws_server"}
    assert {kind for account in accounts for kind in account.kinds} == {"biodata", "kk", "verify"}
    assert accounts[0].title == "Dinas Dukcapil Sampang"
    assert accounts[0].granted == FIELDS
    assert any(account.fields and len(account.fields) < 33 for account in accounts)
    Directory(accounts)


def test_places_remembered_are_bounded() -> None:
    """An account without a list of methods serves any name, but invented ones are not all remembered."""
    directory = Directory((Account(**ONE),))
    for number in range(5_000):
        assert directory.at("dukcapil", "a/b", f"M{number}", "biodata")
    assert len(directory._found) <= 4_096
