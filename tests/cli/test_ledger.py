"""`siak-gateway ledger`: a real gateway's ledger is verified, exported, checkpointed and caught out."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from gateway.contract.messages import CentreService, Question
from gateway.settings import load
from gateway.wiring.clock import SystemClock
from gateway.wiring.parts import open_keyring, open_ledger

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Desk

NIK = "3527012904900001"


@pytest.fixture
def file(desk: Desk) -> Path:
    """The ledger's file, with one chain of four records in it."""
    desk.file.write_text("[ledger]\nenabled = true\n" + desk.file.read_text(encoding="utf-8"), encoding="utf-8")
    settings = load(desk.file, os.environ)

    async def fill() -> None:
        ledger = await open_ledger(settings, os.environ, open_keyring(settings, os.environ), SystemClock())
        assert ledger is not None
        for outcome in ("answered", None):
            beginning = ledger.begin(
                Question(CentreService.BIODATA, NIK),
                caller="c", right="r", adapter="native", village="", purpose="p", request_id="q",
            )  # fmt: skip
            await ledger.began(beginning)
            if outcome is not None:
                ledger.ended(beginning, outcome, None)
        await ledger.close()

    asyncio.run(fill())
    return settings.data_folder / "ledger.db"


def _do(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.usefixtures("file")
def test_a_whole_ledger_is_told_whole(desk: Desk) -> None:
    """In words and in JSON, exit 0."""
    told = desk.run("ledger", "verify")
    assert told.exit_code == 0, told.output
    assert "The ledger is whole: 1 chains, 1 checkpoints hold." in told.stdout
    assert "4 records, 1 unfinished" in told.stdout
    report = json.loads(desk.run("ledger", "verify", "--json").stdout)
    assert (report["faults"], report["chains"][0]["records"]) == ([], 4)


def test_an_export_holds_all_records_and_nobody(desk: Desk, file: Path, tmp_path: Path) -> None:
    """One object a line, on the terminal and in a file; neither it nor the database holds the number asked for."""
    lines = [json.loads(line) for line in desk.run("ledger", "export").stdout.splitlines()]
    assert [line["record"]["kind"] for line in lines] == ["opened", "began", "ended", "began"]
    target = tmp_path / "export.jsonl"
    assert desk.run("ledger", "export", "--chain", lines[0]["chain"], "--output", str(target)).exit_code == 0
    assert [json.loads(line) for line in target.read_text().splitlines()] == lines
    written = [path.read_bytes() for path in (target, *file.parent.glob("ledger.db*"))]
    assert not any(NIK.encode() in content for content in written)


def test_a_ledger_put_back_is_found_by_a_kept_checkpoint(desk: Desk, file: Path, tmp_path: Path) -> None:
    """What a machine alone cannot know, a checkpoint kept elsewhere tells."""
    kept = tmp_path / "kept.json"
    kept.write_text(desk.run("ledger", "checkpoint", "--json").stdout)
    public = desk.run("ledger", "checkpoint").stdout.split()[2]
    assert desk.run("ledger", "verify", "--against", str(kept), "--key", public).exit_code == 0
    for table in ("pages", "heads", "checkpoints"):
        _do(file, f"DELETE FROM ledger_{table}")  # noqa: S608 # a constant
    assert desk.run("ledger", "verify").exit_code == 0
    found = desk.run("ledger", "verify", "--against", str(kept))
    assert (found.exit_code, "CHAIN_MISSING" in found.stdout) == (1, True)
    kept.write_text("{}")
    assert desk.run("ledger", "verify", "--against", str(kept)).exit_code == 2


def test_a_changed_ledger_is_told_with_its_place(desk: Desk, file: Path) -> None:
    """Exit 1, kind, chain and numbers; an export stops where there are no records."""
    _do(file, "UPDATE ledger_pages SET body = CAST(replace(CAST(body AS TEXT), 'answered', 'denied') AS BLOB)")
    told = desk.run("ledger", "verify")
    assert (told.exit_code, "CHANGED" in told.stdout, "  2-3  record 3 or record 2" in told.stdout) == (1, True, True)
    assert [fault["kind"] for fault in json.loads(desk.run("ledger", "verify", "--json").stdout)["faults"]] == [
        "changed"
    ]
    _do(file, "UPDATE ledger_pages SET body = x'00'")
    assert desk.run("ledger", "export").exit_code == 1


def test_the_wrong_key_signed_nothing(desk: Desk, file: Path) -> None:
    """Whoever brings another public key is told so of every signature."""
    assert file.exists()
    report = json.loads(desk.run("ledger", "verify", "--json", "--key", "00" * 32).stdout)
    assert {fault["kind"] for fault in report["faults"]} == {"unsigned"}


def test_doctor_looks_at_the_newest_end(desk: Desk, file: Path) -> None:
    """Whole, it is told so; changed, it names the command that finds where."""

    def told() -> dict[str, str]:
        found = [one for one in json.loads(desk.run("doctor", "--json").stdout) if one["subject"] == "ledger"]
        assert len(found) == 1
        return {name: str(found[0][name]) for name in ("verdict", "text", "cure")}

    assert told() == {"verdict": "ok", "text": "the end of its newest chain is signed, 4 records", "cure": ""}
    _do(file, "UPDATE ledger_heads SET seq = 3")
    assert (told()["verdict"], told()["cure"]) == ("bad", "siak-gateway ledger verify")
    _do(file, "DROP TABLE ledger_heads")
    assert told()["verdict"] == "bad"


def test_what_a_killed_gateway_left_in_its_journal_is_verified_too(desk: Desk, file: Path) -> None:
    """The first command moves it into the ledger, as the next start would."""
    del file
    settings = load(desk.file, os.environ)

    async def die() -> None:
        ledger = await open_ledger(settings, os.environ, open_keyring(settings, os.environ), SystemClock())
        assert ledger is not None
        question = Question(CentreService.BIODATA, NIK)
        facts = {"caller": "c", "right": "r", "adapter": "native", "village": "", "purpose": "p", "request_id": "q"}
        await ledger.exchanged(ledger.begin(question, **facts), "answered", None)
        left = {one: one.read_bytes() for one in settings.data_folder.glob("ledger.db*")}
        await ledger.close()
        for one in settings.data_folder.glob("ledger.db*"):
            one.unlink()
        for one, content in left.items():
            one.write_bytes(content)

    asyncio.run(die())
    told = desk.run("ledger", "verify")
    assert told.exit_code == 0, told.output
    assert "2 records, 0 unfinished" in told.stdout
