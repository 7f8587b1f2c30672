"""Recorded questions: how cases are read and compared, and the command that puts them to two servers."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from gateway.cli.extensions import adapters_group
from gateway.testing.comparing import CaseFault, Told, cases, compare, difference, values_of
from tests.adapters.dukcapil_ws.stage import ACCOUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.adapters.dukcapil_ws.stage import Face


def put(folder: Path, name: str, **files: str) -> None:
    """Write a case."""
    (folder / name).mkdir(parents=True)
    for file, text in files.items():
        (folder / name / file.replace("_", ".")).write_text(text, encoding="utf-8")


def test_a_case_is_a_folder(tmp_path: Path) -> None:
    """Head, body, what was recorded and what the centre must do; a folder without a request is none."""
    put(tmp_path, "b", request_http="GET /x?y=1\n\n")
    put(
        tmp_path, "a", request_http='POST /x\nA: b: c\n\n{"n": "${nik}"}\n', answer_http="200 text/plain\n\nbody\n\n",
        centre_json='{"mode": "hang"}',
    )  # fmt: skip
    put(tmp_path, "none", readme_md="")
    one, other = cases(tmp_path)
    assert (one.name, one.method, one.target, one.headers) == ("a", "POST", "/x", (("A", "b: c"),))
    assert (one.body, one.answer, one.centre) == (
        '{"n": "${nik}"}',
        Told(200, "text/plain", b"body\n"),
        {"mode": "hang"},
    )
    assert (other.method, other.target, other.body, other.answer) == ("GET", "/x?y=1", "", None)
    assert Told(200, "text/plain", b"body\n").recorded() == (tmp_path / "a" / "answer.http").read_bytes()


@pytest.mark.parametrize(
    "files",
    [{"request_http": "GET\n\n"}, {"request_http": "GET /\nX\n\n"}, {"request_http": "GET /\n\n", "answer_http": "?"}],
)
def test_a_case_that_cannot_be_read_is_named(tmp_path: Path, files: dict[str, str]) -> None:
    """The folder stands in the fault."""
    put(tmp_path, "crooked", **files)
    with pytest.raises(CaseFault, match="crooked"):
        cases(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (Told(200, "a", b"x"), Told(500, "a", b"x"), "status 200 and 500"),
        (Told(200, "a", b"x"), Told(200, "b", b"x"), "content type a and b"),
        (Told(200, "a", b"same1"), Told(200, "a", b"same2"), "byte 4: 'xxxx0' and 'xxxx0'"),
        (Told(200, "a", b"same"), Told(200, "a", b"same2"), "byte 4: 'xxxx' and 'xxxx0'"),
        (
            Told(200, "a", b'{"a":[{"N":"AYU"}]}'),
            Told(200, "a", b'{"a":[{"N":"BUDI"}]}'),
            """byte 12 in /a/0/N: '{"x":[{"x":"xxx"}]}' and '{"x":[{"x":"xxxx"}]}'""",
        ),
        (Told(200, "a", b'"quotaLimiter":12'), Told(200, "a", b'"quotaLimiter":7'), ""),
    ],
)
def test_differences_are_told_by_their_first_byte(one: Told, other: Told, told: str) -> None:
    """Status, media type, bytes; counters count for nothing."""
    assert difference(one, other) == told


def test_values_are_shown_where_asked_for() -> None:
    """The bytes themselves."""
    assert difference(Told(200, "a", b"AYU"), Told(200, "a", b"AYU "), show=True) == "byte 3: 'AYU' and 'AYU '"


def test_what_cannot_be_asked_is_said(face: Face, tmp_path: Path) -> None:
    """A missing value leaves a case out; a server that is gone differs; a case that needs a mode is ours alone."""
    put(tmp_path, "needs", request_http="GET /${nobody_knows}\n\n")
    put(tmp_path, "plain", request_http="GET /health/live\n\n")
    put(tmp_path, "moody", request_http="GET /\n\n", centre_json="{}")
    gone = "http://127.0.0.1:9"
    found = {one.case: (one.verdict, one.detail) for one in compare(cases(tmp_path), face.rig.url, gone, {})}
    assert found["needs"] == ("left out", "nothing stands for nobody_knows")
    assert found["plain"] == ("differs", "no answer: ConnectionRefusedError")
    assert found["moody"][0] == "left out"


def trial(face: Face) -> dict[str, Any]:
    """What `make run` writes of these two servers."""
    population = face.rig.mock.population
    return {
        "gateway": face.rig.url,
        "mock_control": "http://127.0.0.1:9",
        "ws_accounts": [{"user_id": one.user_id, "password": one.password} for one in ACCOUNTS.values()],
        "sample_niks": list(population.samples("active", 5)),
        "sample_no_kks": [str(card) for card in population.sample_cards(3)],
    }


def check(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(adapters_group, ["check", *arguments])


def test_the_command_compares_two_servers(face: Face, tmp_path: Path) -> None:
    """Each recorded question has its line; the sum decides the exit code; residents it does not know are left out."""
    values = tmp_path / "values.json"
    values.write_text(json.dumps(trial(face)))
    done = check("dukcapil_ws", "--against", face.centre, "--values", str(values))
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert "json--whole                                  same" in lines
    assert any("nothing stands for nik_deceased_0" in line for line in lines)
    (total,) = [place for place, line in enumerate(lines) if ", 0 differs, " in line]
    reasons = [line.split(": ", 1) for line in lines[total + 1 :]]
    assert sum(int(count.split()[-1]) for count, _ in reasons) == int(lines[total].split()[-3])
    assert "it needs the gateway's own mock in a certain mode" in {reason for _, reason in reasons}
    done = check("dukcapil_ws", "--against", face.rig.operator, "--values", str(values))
    assert done.exit_code == 1
    assert "status 200 and 404" in done.output


def test_programs_get_json_and_a_path_in_the_url_counts(face: Face, tmp_path: Path) -> None:
    """One list of all cases; under a path where the centre has nothing, every answered case differs."""
    values = tmp_path / "values.json"
    values.write_text(json.dumps(trial(face)))
    done = check("dukcapil_ws", "--against", f"{face.centre}/elsewhere/", "--values", str(values), "--json")
    (whole,) = [row for row in json.loads(done.output) if row["case"] == "json--whole"]
    assert (done.exit_code, whole["name"], whole["verdict"]) == (1, "dukcapil_ws", "differs")


def test_the_command_says_what_it_lacks(face: Face, tmp_path: Path) -> None:
    """No values, too few values, no examples: one line each, exit 1."""
    values = tmp_path / "values.json"
    assert (
        "cannot be read; start `siak-gateway run`" in check("dukcapil_ws", "--against", "x", "--values", "gone").output
    )
    assert (check("--against", "x").exit_code, check("--against", "x").output) == (
        1,
        "--against needs a NAME, such as dukcapil_ws\n",
    )
    values.write_text('{"gateway": ""}')
    done = check("dukcapil_ws", "--against", "x", "--values", str(values))
    assert (done.exit_code, "holds no ws_accounts, sample_niks, sample_no_kks" in done.output) == (1, True)
    values.write_text(json.dumps(trial(face)))
    done = check("metrics", "--against", face.centre, "--values", str(values))
    assert (done.exit_code, "metrics has no recorded questions" in done.output) == (1, True)


def test_against_its_own_mock_no_question_is_left_out(mock_process: Any, tmp_path: Path) -> None:
    """The mock is made to behave as a question needs it, and behaves as before afterwards, whatever comes of it."""
    before = {"mode": "up", "mean_seconds": 0.001}
    behave(mock_process.control_url, before)
    put(tmp_path, "plain", request_http="GET /dukcapil\n\n")
    put(tmp_path, "moody", request_http="GET /a\n\n", answer_http="404 x\n\nx\n", centre_json='{"mode": "maintenance"}')
    put(tmp_path, "new", request_http="GET /a\n\n", centre_json='{"mode": "maintenance"}')
    url = mock_process.url
    outcome = {
        one.case: (one.verdict, one.detail)
        for one in compare(cases(tmp_path), url, url, {}, control=mock_process.control_url)
    }
    assert outcome == {
        "plain": ("same", ""),
        "moody": ("differs", "status 503 and 404"),
        "new": ("left out", "nothing stands for its recorded answer"),
    }
    after = behaviour(mock_process.control_url)
    assert (after["mode"], after["mean_seconds"]) == ("up", 0.001)


def behaviour(control: str) -> dict[str, Any]:
    """How the mock behaves now."""
    with urllib.request.urlopen(f"{control}/_mock/behaviour", timeout=5) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def behave(control: str, wanted: dict[str, Any]) -> None:
    """Let the mock behave so."""
    body = json.dumps(wanted).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{control}/_mock/behaviour", body, method="PUT"), timeout=5):
        return


def test_values_come_from_the_mock_where_it_answers(mock_process: Any, face: Face) -> None:
    """The control port names residents of every kind."""
    found = values_of({**trial(face), "mock_control": mock_process.control_url}, 0.0)
    assert {"nik_active_0", "nik_deceased_0", "nik_unknown_0", "no_kk_0", "password_dpmptsp"} <= set(found)
    assert found["daily_rsud_sampang"] != found["password_rsud_sampang"]
    accounts = [{"user_id": "u", "password": "p", "gateway": False}]
    assert not any(name.endswith("_u") for name in values_of({**trial(face), "ws_accounts": accounts}, 0.0))
