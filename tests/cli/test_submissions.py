"""`siak-gateway submissions`: what waits is listed, shown, held, tried again and cancelled."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.outbox import Ending
from gateway.settings import load
from gateway.wiring.offline import with_outbox
from tests.outbox.world import START, VILLAGE, HandClock, World, always

if TYPE_CHECKING:
    from gateway.outbox.outbox import Outbox
    from tests.cli.conftest import Desk


@pytest.fixture
def numbers(desk: Desk) -> list[str]:
    """Receipt numbers of three submissions: one in attention, two waiting."""

    async def fill(outbox: Outbox) -> list[str]:
        world = World(outbox, HandClock())
        new = [world.new(subject=n, filed=float(n), service="death" if n == 2 else "birth") for n in range(3)]
        for one in new:
            await outbox.accept(one)
        (first,) = await outbox.claim(1, 60.0, always)
        await outbox.finish(first, Ending(State.ATTENTION, "form_invalid"))
        return [one.number for one in new]

    found: list[str] = with_outbox(load(desk.file, os.environ), os.environ, fill)
    return found


def shown(desk: Desk, number: str) -> dict[str, Any]:
    """What `show --json` says."""
    result = desk.run("submissions", "show", number, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_an_empty_outbox_says_so(desk: Desk) -> None:
    """A new gateway has no submissions, in words and in JSON."""
    assert desk.run("submissions", "list").stdout == "No submissions.\n"
    listed = json.loads(desk.run("submissions", "list", "--json").stdout)
    assert listed == {"submissions": [], "switches": []}


def test_lists_are_filtered_and_hold_nothing_personal(desk: Desk, numbers: list[str]) -> None:
    """State, service and village choose; neither name nor number of a person is there."""
    everything = desk.run("submissions", "list")
    assert [number in everything.stdout for number in numbers] == [True] * 3
    assert "attention (form_invalid)  birth" in everything.stdout
    for option, value, count in (("--state", "attention", 1), ("--service", "death", 1), ("--village", VILLAGE, 3)):
        found = json.loads(desk.run("submissions", "list", option, value, "--json").stdout)["submissions"]
        assert len(found) == count
        assert found[-1]["priority"] == "counter"
    assert "35270301019" not in everything.stdout
    wrong = desk.run("submissions", "list", "--state", "lost")
    assert (wrong.exit_code, "must be one of" in wrong.output) == (2, True)


def test_one_is_shown_in_both_languages(desk: Desk, numbers: list[str]) -> None:
    """State, next step, place and history, by receipt number however it is spelled."""
    text = desk.run("submissions", "show", numbers[1].lower().replace("-", "")).stdout
    assert "antre pusat · waiting for the centre" in text
    assert "place 2 in its village and class" in text
    facts = shown(desk, numbers[0])
    assert (facts["state"], facts["filed_at"]) == ("attention", "2027-01-15T08:00:00Z")
    assert [move["after"] for move in facts["moves"]] == ["queued", "sending", "attention"]
    assert START == 1_800_000_000.0
    ended = desk.run("submissions", "cancel", numbers[0])
    assert ended.exit_code == 0
    assert "place" not in desk.run("submissions", "show", numbers[0]).stdout
    assert desk.run("submissions", "show", "nothing").exit_code == 1


def test_acts_are_told_and_counted(desk: Desk, numbers: list[str]) -> None:
    """Each act says what became of each; one that is refused does not stop the others, and the exit code is 1."""
    result = desk.run("submissions", "retry", *numbers, "nothing")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [f"{number}: queued" for number in numbers]
    assert "nothing: there is no such submission" in result.stderr
    held = desk.run("submissions", "hold", numbers[0], "--reason", "police letter missing")
    assert held.stdout == f"{numbers[0]}: queued, held\n"
    facts = shown(desk, numbers[0])
    assert (facts["held"], facts["moves"][-1]["reason"]) == (True, "police letter missing")
    assert facts["moves"][-1]["actor"].startswith("operator:")
    assert " held" in desk.run("submissions", "list").stdout
    assert desk.run("submissions", "release", numbers[0]).stdout == f"{numbers[0]}: queued\n"


def test_a_whole_service_is_held_switched_off_and_released(desk: Desk) -> None:
    """Holds and kill switches stand at the head of every list until they are released."""
    assert desk.run("submissions", "hold", "--all-of", "service", "death").stdout == "service death: hold\n"
    off = desk.run("submissions", "hold", "--all-of", "village", VILLAGE, "--off", "--reason", "flood")
    assert off.stdout == f"village {VILLAGE}: off\n"
    first, second, _none = desk.run("submissions", "list").stdout.splitlines()
    assert first.startswith("hold  service death  by operator:")
    assert second.startswith(f"off   village {VILLAGE}")
    assert second.endswith("flood")
    released = desk.run("submissions", "release", "--all-of", "service", "death", "--all-of", "village", VILLAGE)
    assert released.exit_code == 0
    assert json.loads(desk.run("submissions", "list", "--json").stdout)["switches"] == []


def test_ageing_sets_here_against_there(desk: Desk, numbers: list[str]) -> None:
    """By service and age, in words and in JSON; nothing is told of an empty outbox."""
    assert len(numbers) == 3
    rows = json.loads(desk.run("submissions", "ageing", "--json").stdout)["ageing"]
    assert [(row["service"], row["handed_in"], row["missing"], row["attention"]) for row in rows] == [
        ("birth", 2, 2, 1),
        ("death", 1, 1, 0),
    ]
    text = desk.run("submissions", "ageing").stdout.splitlines()
    assert text[0].split() == ["service", "age", "handed_in", "at_centre", "missing", "decided", "attention", "ended"]
    assert text[1].split()[0] == "birth"


def test_ageing_of_nothing_says_so(desk: Desk) -> None:
    """A new gateway."""
    assert desk.run("submissions", "ageing").stdout.endswith("No submissions.\n")


def test_what_an_operator_does_stands_in_the_ledger(desk: Desk, numbers: list[str]) -> None:
    """Acts and switches, with who did them and what came of it, in a chain of the command's own; verified whole."""
    desk.file.write_text("[ledger]\nenabled = true\n" + desk.file.read_text(encoding="utf-8"), encoding="utf-8")
    assert desk.run("submissions", "hold", numbers[1], "--all-of", "service", "death", "--off").exit_code == 0
    assert desk.run("submissions", "cancel", numbers[1], numbers[0]).exit_code == 0
    exported = desk.run("ledger", "export").stdout.splitlines()
    found = [json.loads(line)["record"] for line in exported]
    deeds = [(one["verb"], one["target"], one["service"]) for one in found if one["kind"] == "began"]
    id_ = shown(desk, numbers[1])["id"]
    assert deeds[:3] == [("off", "service:death", "death"), ("hold", id_, "birth"), ("cancel", id_, "birth")]
    assert all(one["caller"].startswith("operator:") for one in found if one["kind"] == "began")
    ended = [one["outcome"] for one in found if one["kind"] == "ended"]
    assert ended == ["done"] * 4
    verified = desk.run("ledger", "verify", "--json")
    assert (verified.exit_code, json.loads(verified.stdout)["faults"]) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hold",), "Name submissions"),
        (("release",), "Name submissions"),
        (("hold", "--off"), "Name submissions"),
        (("hold", "--off", "S-1"), "--off needs --all-of"),
        (("hold", "--all-of", "service", "nosuch"), "There is no service 'nosuch'; there are "),
        (("hold", "--all-of", "village", "35270120"), "a code of ten digits"),
    ],
)
def test_a_switch_that_would_meet_nothing_is_refused(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    """Nothing named, or something that does not exist, is a wrong use and not a silent success."""
    heard = desk.run("submissions", *arguments)
    assert (heard.exit_code, said in heard.output) == (2, True), heard.output


def test_a_name_of_odd_bytes_is_no_submission(desk: Desk) -> None:
    """Whatever a terminal sends is answered in words."""
    heard = desk.run("submissions", "retry", "\udcff")
    assert (heard.exit_code, "there is no such submission" in heard.output) == (1, True), heard.output
