"""Requests built from the grammar of real callers: never a server error, never an answer of another shape."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.catalogue.fields import VERIFY_ELEMENTS
from tests.adapters.dukcapil_ws.stage import ACCOUNTS, Face
from tests.http.rig import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Heard

NAMES = {
    "nik": ("nik", "NIK", "Nik"),
    "user": ("user_id", "userId", "userid", "USER_ID"),
    "password": ("password", "PASSWORD", "Password"),
    "ip": ("ip_user", "ip_users", "ip_address", "ipUser", "IP_USER"),
}
METHODS = (
    "CALL_NIK",
    "call_nik",
    "NIK",
    "BYNIK",
    "GET_PENDUDUK",
    "biodata",
    "adm_desa",
    "CALL_NIK_GET_KK",
    "nik_verifby_elemen",
    "CALL_VERIFY_BY_ELEMEN",
)
TYPES = (
    "application/json",
    "application/json,Accept: application/json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "",
)
CARRIERS = ("json", "form", "query", "header")
SHAPES = ({"RESPON"}, {"RESPON", "RESPONSE_CODE"}, {"RESPONSE_CODE", "RESPONSE_DESC", "RESPONSE"})
PAGE = {"content", "lastPage", "numberOfElements", "sort", "totalElements", "firstPage", "number", "size"}
PROGRAMS = ("uji_beban", "dpmptsp", "dinkes_serang", "rsud_sampang")

unknown = st.sampled_from(["", " ", 0, "00-00-0000", None])
literals = st.builds(
    "@{}{}{}{}@".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 10**30),
    st.sampled_from(["", ".0", ".5", "." + "0" * 30]),
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from(["e", "E+", "e-"]), st.integers(0, 10**30))),
)
"""JSON numbers as text that no encoder of Python would write, between marks that `bare` takes away."""
bare = re.compile(r'"@([-+.0-9eE]+)@"').sub
junk = st.one_of(st.text(max_size=20), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), st.just([]))
elements = st.dictionaries(st.sampled_from(VERIFY_ELEMENTS), st.one_of(unknown, junk), max_size=22)
extras = st.dictionaries(
    st.sampled_from(["option", "instansi", "transactionId", "TRESHOLD", "NO_KK"]), junk, max_size=4
)


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """One call: program, spelling, values good and bad, and where they travel."""
    return {
        "program": draw(st.sampled_from(PROGRAMS)),
        "method": draw(st.sampled_from(METHODS)),
        "spelled": {name: draw(st.sampled_from(ways)) for name, ways in NAMES.items()},
        "nik": draw(st.one_of(st.sampled_from(["active", "papua", "deceased", "unknown"]), literals, junk)),
        "as_number": draw(st.booleans()),
        "password": draw(st.one_of(st.just("good"), st.just("good"), st.just("good"), junk)),
        "ip": draw(st.sampled_from(["x", "localhost", "127.0.0.1", "192.0.2.1", "", None])),
        "more": draw(elements) | {"TRESHOLD": draw(st.sampled_from([1, 80, "80", "100"]))} | draw(extras),
        "type": draw(st.sampled_from(TYPES)),
        "carrier": draw(st.sampled_from(CARRIERS)),
        "padding": draw(st.integers(0, 3000)),
    }


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Face]:
    """A gateway and a mock of these programs."""
    programs = dict.fromkeys(PROGRAMS, "")
    with Face.rig_of(tmp_path_factory.mktemp("grammar"), programs) as rig:
        yield Face(rig, programs)


def parameters(face: Face, call: dict[str, Any]) -> dict[str, Any]:
    """The call's parameters as they are sent."""
    nik: Any = call["nik"]
    if nik in ("active", "papua", "deceased"):
        nik = face.rig.nik(nik)
    elif nik == "unknown":
        nik = face.stranger()
    if call["as_number"] and isinstance(nik, str) and nik.isdecimal() and nik.isascii() and nik[0] != "0":
        nik = int(nik)
    account = ACCOUNTS[call["program"]]
    good = face.values()[f"{'daily' if account.daily_password else 'password'}_{account.user_id}"]
    named = {
        "nik": nik,
        "user": account.user_id,
        "password": good if call["password"] == "good" else call["password"],
        "ip": call["ip"],
    }
    sent: dict[str, Any] = {call["spelled"][name]: value for name, value in named.items()}
    merged: dict[str, Any] = sent | call["more"]
    return merged


def send(face: Face, url: str, call: dict[str, Any]) -> Heard:
    """Send it the way it wants to travel."""
    values = parameters(face, call)
    account = ACCOUNTS[call["program"]]
    target = f"/{account.door}/get_json/{account.path}/{call['method']}"
    headers = {"Accept-Charset": "x" * call["padding"]} | ({"Content-Type": call["type"]} if call["type"] else {})
    text = bare(r"\1", json.dumps(values))
    plain = urlencode([(name, "" if value is None else value) for name, value in values.items()], quote_via=quote)
    if account.door == "ws_server" or call["carrier"] == "query":
        method = "GET" if account.door == "ws_server" and call["as_number"] else "POST"
        return ask(url, method, f"{target}?{plain}", None, headers)
    if call["carrier"] == "header":
        return ask(url, "POST", target, b"", headers | {"Data": text})
    return ask(url, "POST", target, (text if call["carrier"] == "json" else plain).encode(), headers)


def forgive(face: Face, call: dict[str, Any]) -> None:
    """Forget wrong passwords by a reload, for after many of them the right one would be refused too."""
    if call["password"] != "good":
        face.rig.run(face.rig.gateway.reload(face.rig.settings()))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(call=calls())
def test_never_a_server_error_never_a_wrong_shape(face: Face, call: dict[str, Any]) -> None:
    """HTTP 200, the service's page, and in it records or one error in the program's own shape."""
    forgive(face, call)
    heard = send(face, face.rig.url, call)
    theirs = send(face, face.centre, call)
    assert theirs.status == 404 or heard.body == theirs.body
    assert heard.status == 200
    assert heard.headers["content-type"] == "application/json;charset=UTF-8"
    page = heard.json
    assert set(page) == PAGE
    records = page["content"] if isinstance(page["content"], list) else [page["content"]]
    shape = ("respon", "respon_code", "response_desc").index(ACCOUNTS[call["program"]].error_shape)
    for record in records:
        assert record
        if record.keys() & {"RESPON", "RESPONSE_CODE"}:
            assert set(record) == SHAPES[shape]
            assert isinstance(page["content"], dict) == (ACCOUNTS[call["program"]].door == "ws_server")
