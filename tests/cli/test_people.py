"""`siak-gateway people`: accounts are made, listed, set up anew and ended from the gateway's own machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Desk

WHO = ("--name", "Ani Wulandari", "--role", "admin", "--village", "35.27")


def listed(desk: Desk) -> dict[str, Any]:
    """The one account."""
    result = desk.run("people", "list", "--json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)
    found: dict[str, Any] = row
    return found


def test_an_account_from_its_first_day_to_its_last(desk: Desk) -> None:
    """Added with a code shown once, listed without it, given other roles, suspended, resumed, set up anew."""
    desk.file.write_text(desk.file.read_text() + '\n[people]\nurl = "https://gerbang.example.go.id"\n')
    assert "Nobody yet" in desk.run("people", "list").stdout
    added = json.loads(desk.run("people", "add", "ani", *WHO, "--adapter", "*", "--json").stdout)
    assert added["link"] == f"https://gerbang.example.go.id/people/set-up?user_name=ani&code={added['code']}"
    row = listed(desk)
    assert (row["user_name"], row["state"], row["roles"], row["villages"], row["adapters"]) == (
        "ani", "no_password", ["admin"], ["3527"], ["*"],
    )  # fmt: skip
    assert row["created_by"].startswith("operator:")
    assert added["code"] not in json.dumps(row)
    assert desk.run("people", "roles", "ani", "--role", "auditor", "--village", "352703").exit_code == 0
    assert (listed(desk)["roles"], listed(desk)["villages"]) == (["auditor"], ["352703"])
    assert "suspended" in desk.run("people", "suspend", "ani", "--reason", "cuti").stdout
    assert listed(desk)["state"] == "suspended"
    assert desk.run("people", "resume", "ani").exit_code == 0
    text = desk.run("people", "reset", "ani", "--second-step").stdout
    assert "Set-up code of ani" in text
    assert added["code"] not in text
    assert "signed in nowhere" in desk.run("people", "sessions", "ani", "--end").stdout
    assert json.loads(desk.run("people", "sessions", "ani", "--json").stdout) == []
    assert "ani" in desk.run("people", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("add", "Ani W", "--name", "x", "--role", "admin"), 1, "/user_name"),
        (("add", "ani", "--name", "x", "--role", "admin", "--village", "12345"), 1, "/villages"),
        (("add", "ani", "--name", "x", "--role", "king"), 2, "king"),
        (("add", "ani", "--name", "x"), 2, "--role"),
        (("suspend", "nobody"), 1, "no such account"),
        (("reset", "nobody"), 1, "no such account"),
        (("sessions", "nobody"), 1, "no such account"),
    ],
)
def test_mistakes_are_told(desk: Desk, arguments: tuple[str, ...], code: int, told: str) -> None:
    """Each is one plain message and an exit code."""
    result = desk.run("people", *arguments)
    assert result.exit_code == code
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_what_is_done_at_the_machine_lands_in_the_ledger(desk: Desk) -> None:
    """With the ledger on, each act is in it, with who and why."""
    desk.file.write_text(desk.file.read_text() + "\n[ledger]\nenabled = true\n")
    assert desk.run("people", "add", "ani", *WHO, "--reason", "first admin").exit_code == 0
    assert desk.run("people", "suspend", "ani", "--reason", "left the office").exit_code == 0
    exported = desk.run("ledger", "export")
    assert exported.exit_code == 0, exported.output
    records = [json.loads(line)["record"] for line in exported.stdout.splitlines() if '"began"' in line]
    told = [(one["verb"], one["purpose"], one["target"].partition(":")[0]) for one in records]
    assert told == [("person_add", "first admin", "user"), ("person_suspend", "left the office", "person")]
