"""Every code of the centre × every error shape, through a real gateway: its own words about the resident, ours else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from adapters.dukcapil_ws.wording import AWAY, AWAY_TEXT, OUTSIDE_HOURS, QUOTA, TEXTS, page
from gateway.testing.processes import GatewayProcess
from tests.acceptance.scripted_centre import SHAPES, ScriptedCentre
from tests.http.rig import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.dukcapil_ws.wording import ErrorShape
    from tests.http.rig import Heard

ABOUT_THE_RESIDENT = ("11", "12", "13", "14", "15", "99")
"""Codes (and data) that pass in the centre's own bytes."""

ABOUT_US = ("01", "03", "04", "07", "08", "09", "10", "16", "17")
"""Codes about the gateway's own account or request, and codes nobody knows."""

CONFIG = "[centre.retry]\nattempts = 1\n[centre.breaker]\nminimum = 1000\n[adapters]\nenabled = ['dukcapil_ws']\n"


def right(shape: str) -> str:
    """A right whose account gets errors in a shape, and its program."""
    return f"""
[rights.{shape}]
title = "{shape}"
user_id = "pusat_{shape}"
fields = "all"
purposes = ["pelayanan"]
services = {{ biodata = "{shape}/number/CALL_NIK" }}
[adapters.dukcapil_ws.clients.{shape}]
path = "kantor_{shape}"
user_id = "program"
error_shape = "{shape}"
"""


@pytest.fixture(scope="module")
def centre() -> Iterator[ScriptedCentre]:
    """A centre that says what the last two digits of a NIK want."""
    with ScriptedCentre() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def gateway(centre: ScriptedCentre, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with a program for each shape."""
    folder = tmp_path_factory.mktemp("codes")
    made = GatewayProcess(folder, centre.url, config=CONFIG, rights="".join(map(right, SHAPES)))
    for shape in SHAPES:
        stem = f"SIAK_GATEWAY_SECRET_DUKCAPIL_WS_{shape.upper()}"
        made.environ[f"{stem}_KEY"] = made.add_client(shape, right=shape, adapter="dukcapil_ws")
        made.environ[f"{stem}_PASSWORD"] = "kata-sandi-program"
    with made:
        yield made


def told(gateway: GatewayProcess, shape: str, code: str) -> Heard:
    """What a program of one shape is told when the centre says a code."""
    call = {"nik": nik_of(code), "user_id": "program", "password": "kata-sandi-program", "ip_user": "x"}
    return ask(gateway.url, "POST", f"/dukcapil/get_json/kantor_{shape}/CALL_NIK", json.dumps(call).encode())


def nik_of(code: str) -> str:
    """A NIK that asks the centre for a code."""
    return f"35270501015900{code}"


@pytest.mark.parametrize("shape", SHAPES)
def test_words_about_the_resident_pass_to_the_byte(
    gateway: GatewayProcess, centre: ScriptedCentre, shape: ErrorShape
) -> None:
    """The first time and from memory, also what no page of ours would write that way."""
    for code in ABOUT_THE_RESIDENT:
        body = json.dumps({"NIK": nik_of(code)}).encode()
        said = ask(centre.url, "POST", f"/dukcapil/get_json/{shape}/number/CALL_NIK", body).body
        heard = [told(gateway, shape, code) for _ in range(2)]
        assert [(one.status, one.body) for one in heard] == [(200, said)] * 2, code


@pytest.mark.parametrize("shape", SHAPES)
def test_words_about_ourselves_are_ours(gateway: GatewayProcess, centre: ScriptedCentre, shape: ErrorShape) -> None:
    """A refusal of the gateway's account looks like no code of the service; hours and quota are the program's own."""
    for code in ABOUT_US:
        heard = told(gateway, shape, code)
        assert (heard.status, heard.body) == (200, page(AWAY, AWAY_TEXT, shape, bare=False)), code
        assert int(heard.headers["retry-after"]) >= 1
    asked = json.dumps({"NIK": nik_of(OUTSIDE_HOURS)}).encode()
    closed = ask(centre.url, "POST", f"/dukcapil/get_json/{shape}/number/CALL_NIK", asked).body
    assert told(gateway, shape, OUTSIDE_HOURS).body == closed  # its text is the centre's
    spent = told(gateway, shape, QUOTA)  # last, for it ends the day of its right
    assert spent.body == page(QUOTA, TEXTS[QUOTA], shape, bare=False)
    assert int(spent.headers["retry-after"]) >= 1
    assert told(gateway, shape, "98").body == page(QUOTA, TEXTS[QUOTA], shape, bare=False)
