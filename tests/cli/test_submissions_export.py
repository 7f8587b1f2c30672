"""`siak-gateway submissions export`: what was handed in, one line each; contents only for a reason the ledger keeps."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.outbox import Ending
from gateway.settings import load
from gateway.wiring.offline import with_outbox
from tests.outbox.world import START, HandClock, World, always

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.outbox.outbox import NewSubmission, Outbox
    from tests.cli.conftest import Desk

NAME = "SITI AMINAH"
DAY = 86_400.0


@pytest.fixture
def handed_in(desk: Desk) -> list[NewSubmission]:
    """Three submissions, one a day, the first in attention for a reason that a spreadsheet would run."""

    async def fill(outbox: Outbox) -> list[NewSubmission]:
        world, made = World(outbox, HandClock()), []
        for day in range(3):
            made.append(world.new(subject=day, service="death" if day == 2 else "birth", village=f"352703200{day + 1}"))
            await outbox.accept(made[-1])
            world.clock.at += DAY
        (first,) = await outbox.claim(1, 60.0, always)
        await outbox.finish(first, Ending(State.ATTENTION, "=HYPERLINK(1)"))
        return made

    found: list[NewSubmission] = with_outbox(load(desk.file, os.environ), os.environ, fill)
    return found


def lines(desk: Desk, *options: str) -> list[dict[str, Any]]:
    """What an export writes."""
    result = desk.run("submissions", "export", *options)
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.stderr == f"{len(found)} submissions written\n"
    return found


def test_all_that_is_chosen_is_written_and_nothing_personal(desk: Desk, handed_in: list[NewSubmission]) -> None:
    """Newest first, by state, service, village, and from a submission, a receipt number or a time on, or up to it."""
    first, second, third = (one.id for one in handed_in)
    text = desk.run("submissions", "export", "--json").stdout
    assert [json.loads(line)["id"] for line in text.splitlines()] == [third, second, first]
    assert NAME not in text
    assert "35270301019" not in text
    for options, ids in (
        (("--state", "attention"), [first]),
        (("--service", "birth"), [second, first]),
        (("--village", "3527032003"), [third]),
        (("--before", second.upper()), [first]),
        (("--after", handed_in[1].number.lower().replace("-", "")), [third]),
        (("--after", first, "--before", third), [second]),
        (("--after", "2027-01-16T15:00+07:00"), [third, second]),
        (("--before", "2027-01-16"), [first]),
        (("--after", "2027-02-01"), []),
    ):
        assert [one["id"] for one in lines(desk, *options)] == ids, options
    assert START == 1_800_000_000.0, "2027-01-15T15:00+07:00"


def test_a_table_for_spreadsheets_runs_nothing(desk: Desk, handed_in: list[NewSubmission]) -> None:
    """The same facts as columns under their names, also where there is no row; no cell is a formula."""
    result = desk.run("submissions", "export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["id"] for row in rows] == [one.id for one in reversed(handed_in)]
    assert (rows[-1]["reason"], rows[-1]["state"], rows[-1]["held"]) == ("'=HYPERLINK(1)", "attention", "false")
    empty = desk.run("submissions", "export", "--format", "csv", "--state", "issued")
    assert empty.stdout == result.stdout.splitlines(keepends=True)[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--before", "zz"), "--before"),
        (("--after", "7K3M-9QRT-2VWX-5"), "there is no submission"),
        (("--after", "2026-02-31"), "--after"),
        (("--before", "0001-01-01"), "--before"),
        (("--service", "wedding"), "there are "),
        (("--village", "35.27"), "ten digits"),
        (("--state", "lost"), "must be one of"),
    ],
)
@pytest.mark.parametrize("command", ["list", "export"])
def test_what_can_be_nothing_is_refused(desk: Desk, command: str, options: tuple[str, str], said: str) -> None:
    """A mistyped filter never passes for an empty list; exit 2 names the option."""
    if said == "there is no submission":
        options = (options[0], "0000-0000-0000-0")
    result = desk.run("submissions", command, *options)
    assert (result.exit_code, said in result.output) == (2, True), result.output


def test_contents_are_taken_out_for_a_reason_that_the_ledger_keeps(
    desk: Desk, handed_in: list[NewSubmission], tmp_path: Path
) -> None:
    """Each content is written down before it is read; the file is the owner's alone, and none is overwritten."""
    file = tmp_path / "contents.jsonl"
    wish = ("submissions", "export", "--service", "birth", "--content", "--output", str(file))
    for more in ((), ("--reason", "  "), ("--reason", "audit 7")):
        assert desk.run(*wish, *more).exit_code == 2
        assert not file.exists()
    assert desk.run("submissions", "export", "--content", "--reason", "audit 7").exit_code == 2
    desk.file.write_text("[ledger]\nenabled = true\n" + desk.file.read_text(encoding="utf-8"), encoding="utf-8")
    done = desk.run(*wish, "--reason", "audit 7")
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second, first = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert [first["id"], second["id"]] == [one.id for one in handed_in[:2]]
    assert first["form"]["name"] == NAME
    assert (first["no_kk"], first["attachments"][0]["kind"]) == (handed_in[0].submission.subject.no_kk, "kk")
    records = [json.loads(line)["record"] for line in desk.run("ledger", "export").stdout.splitlines()]
    began = [one for one in records if one["kind"] == "began"]
    assert {(one["verb"], one["target"], one["purpose"]) for one in began} == {
        ("export", one.id, "audit 7") for one in handed_in[:2]
    }
    assert all(one["caller"].startswith("operator:") for one in began)
    assert desk.run("ledger", "verify").exit_code == 0
    assert desk.run(*wish, "--reason", "audit 7").exit_code == 1, "the file is there"
    table = tmp_path / "contents.csv"
    assert desk.run(*wish[:-1], str(table), "--format", "csv", "--reason", "audit 7").exit_code == 0
    rows = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))
    assert [row["no_kk"] for row in rows] == [second["no_kk"], first["no_kk"]]
