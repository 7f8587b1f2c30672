"""Every sloppy way real clients ask is served, on real sockets."""

from __future__ import annotations

import json
import socket
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from gateway.mock_siak import Account, demo_accounts
from gateway.mock_siak.centre import Place, kind_of, locate
from gateway.mock_siak.params import parameters

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig, Start

PATH = "/dukcapil/get_json/35-27/dinas/CALL_NIK"


def send(rig: Rig, method: str, target: str, *headers: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """One request as it is, and its answer."""
    lines = [f"{method} {target} HTTP/1.1", "Host: centre", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    with rig.client() as client:
        client.send("\r\n".join([*lines, "", ""]).encode() + body)
        return client.answer()


def found(answer: tuple[int, dict[str, str], bytes]) -> Any:
    """The NIK that was found."""
    assert answer[0] == 200
    return json.loads(answer[2])["content"][0].get("NIK")


def credentials(rig: Rig, **spelled: str) -> dict[str, str]:
    """Good parameters, under the given spellings."""
    values = {"nik": rig.nik(), "user_id": rig.account.user_id, "password": rig.account.password, "ip_user": "x"}
    return {spelled.get(name, name): value for name, value in values.items()}


@pytest.mark.parametrize(
    "spelled",
    [
        {"nik": "NIK", "user_id": "userId", "ip_user": "ip_address"},
        {"user_id": "userid", "ip_user": "ipUser"},
        {"user_id": "USER_ID", "password": "PASSWORD", "ip_user": "IP_USERS"},
    ],
)
def test_any_spelling(rig: Rig, spelled: dict[str, str]) -> None:
    """Names are known in every spelling and case that clients use; extras do no harm."""
    body = json.dumps({**credentials(rig, **spelled), "option": 1, "instansi": None, "transactionId": []}).encode()
    assert found(send(rig, "POST", PATH, body=body)) == int(rig.nik())


def test_any_place(rig: Rig) -> None:
    """JSON with a malformed content type, a form, the query alone, and JSON in a header are all understood."""
    plain = credentials(rig)
    whole = json.dumps(plain)
    nik = int(rig.nik())
    assert (
        found(send(rig, "POST", PATH, "Content-Type: application/json,Accept: application/json", body=whole.encode()))
        == nik
    )
    form = urlencode(plain).encode()
    assert found(send(rig, "POST", PATH, "Content-Type: application/x-www-form-urlencoded", body=form)) == nik
    assert found(send(rig, "POST", f"{PATH}?{urlencode(plain)}")) == nik
    assert found(send(rig, "POST", PATH, f"Data: {whole}")) == nik
    assert found(send(rig, "POST", PATH, f"Accept-Charset: {'utf-8, ' * 450}", body=whole.encode())) == nik


def test_a_number_for_a_nik(rig: Rig) -> None:
    """A NIK sent as a JSON number is read digit for digit; one sent as a float is malformed."""
    body = credentials(rig)
    assert found(send(rig, "POST", PATH, body=json.dumps({**body, "nik": int(rig.nik())}).encode())) == int(rig.nik())
    assert b"tidak sesuai format" in send(rig, "POST", PATH, body=json.dumps({**body, "nik": 3.5e15}).encode())[2]


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"a":' * 50_000, b"\xff\xfe", b'{"nik": true, "user_id": null}'])
def test_what_cannot_be_read_has_no_parameters(rig: Rig, body: bytes) -> None:
    """Broken JSON, other JSON and junk are calls without credentials, answered as such."""
    assert b"User, password dan IP tidak boleh kosong" in send(rig, "POST", PATH, body=body)[2]


def test_the_body_wins_over_the_query() -> None:
    """Where a name appears twice the body is believed; other names are taken from both."""
    assert parameters(b'{"nik": "1"}', "NIK=2&password=p", []) == {"nik": "1", "password": "p"}
    assert parameters(b"", "", ["{}", '{"nik": "3"}']) == {}


def test_a_browser_may_ask(rig: Rig) -> None:
    """A CORS preflight is answered and the answer may be read by any page."""
    status, headers, _ = send(rig, "OPTIONS", PATH, "Origin: http://desa", "Access-Control-Request-Method: POST")
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert "POST" in headers["access-control-allow-methods"]
    answer = send(rig, "POST", PATH, "Origin: http://desa", body=json.dumps(credentials(rig)).encode())
    assert answer[1]["access-control-allow-origin"] == "*"


def test_pipelined_and_chunked_requests_keep_their_order(rig: Rig) -> None:
    """Three requests written at once are answered in order, also when each takes its time."""
    rig.behave(mean_seconds=0.01, sigma=1)
    niks = rig.mock.population.samples("active", 3)
    with rig.client() as client:
        client.send(b"".join(rig.question(nik) for nik in niks))
        assert [json.loads(client.answer()[2])["content"][0]["NIK"] for _ in niks] == [int(nik) for nik in niks]
        body = json.dumps(credentials(rig)).encode()
        client.send(f"POST {PATH} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode())
        client.send(body + b"\r\n0\r\n\r\n")
        assert client.answer()[0] == 200


def test_a_patient_client_is_told_to_continue(rig: Rig) -> None:
    """`Expect: 100-continue` gets its interim answer once, then the real one."""
    body = json.dumps(credentials(rig)).encode()
    with rig.client() as client:
        client.send(f"POST {PATH} HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        assert client._stream.readline() + client._stream.readline() == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(body[:5])
        client.send(body[5:])
        assert client.answer()[0] == 200


def test_closing_clients_and_broken_ones(rig: Rig) -> None:
    """`Connection: close` ends the connection after the answer; junk gets a 400 page and the end; TLS an alert."""
    with rig.client() as client:
        client.send(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert client.answer()[0] == 404
        assert client.rest() == b""
    with rig.client() as client:
        client.send(b"hello\r\n\r\n")
        assert client.answer()[0] == 400
        assert client.rest() == b""
    with rig.client() as client:
        client.send(b"\x16\x03\x01\x00\x05\x01\x00")
        assert client.rest().startswith(b"\x15\x03")


def test_clients_that_abort_at_any_byte_harm_nobody(rig: Rig) -> None:
    """A client may vanish after any byte of its request; nothing stays open and the next one is served."""
    whole = rig.question(rig.nik())
    for cut in range(0, len(whole) + 1, 3):
        with rig.client() as client:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.send(whole[:cut])
    rig.until(lambda: not rig.mock._connections)
    assert rig.ask(rig.nik())["totalElements"] == 1


def test_a_flood_of_pipelined_bytes_is_held_back(rig: Rig) -> None:
    """A client that writes megabytes behind an unanswered request is read again once that one is answered."""
    rig.behave(mean_seconds=0.05, sigma=0)
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        rig.until(lambda: rig.mock.stats.arrived == 1)
        body = b"x" * 1_000_000
        client.send((f"POST {PATH} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body) * 4)
        assert [client.answer()[0] for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_older_service(start: Start, method: str) -> None:
    """`/ws_server` answers GET and POST with everything in the query."""
    account = Account(path="rsud", user_id="rsud", password="rahasia", door="ws_server")
    rig = start(accounts=(account,))
    query = urlencode({"USER_ID": "rsud", "PASSWORD": "rahasia", "NIK": rig.nik()})
    assert found(send(rig, method, f"/ws_server/get_json/rsud/biodata?{query}")) == int(rig.nik())


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/dukcapil/get_json/CALL_NIK",
        "/dukcapil/get_json/a/b/c/CALL_NIK",
        "/ws_server/get_json/a/b/x",
        "/x/get_json/a/b",
        "/dukcapil/get_json/a//",
    ],
)
def test_places_that_mean_nothing(path: str) -> None:
    """Paths with too few or too many parts, or of another service, name no place."""
    assert locate(path) is None


def test_places() -> None:
    """One or two parts before METHOD name the account, a customer id too."""
    assert locate("/dukcapil/get_json/35/dinas_35/Call_Nik") == Place("dukcapil", "35/dinas_35", "Call_Nik", "biodata")
    assert locate("/dukcapil/get_json/350000000003527/NIK/") == Place("dukcapil", "350000000003527", "NIK", "biodata")


@pytest.mark.parametrize(
    ("kind", "methods"),
    [
        ("biodata", "CALL_NIK call_nik NIK BYNIK GET_NIK GET_PENDUDUK biodata adm_desa call_nik_kecamatan"),
        ("kk", "CALL_NIK_GET_KK GET_KK nokk"),
        ("verify", "nik_verifby_elemen CALL_VERIFY_BY_ELEMEN"),
    ],
)
def test_kinds(kind: str, methods: str) -> None:
    """METHOD names seen at institutions fall into their class, any case."""
    assert {kind_of(method) for method in methods.split()} == {kind}


def test_services_that_are_not_configured(start: Start) -> None:
    """A wrong verb, path, kind or method name is a 404 in the framework's words."""
    rig = start(accounts=(Account(path="a", user_id="u", password="p", methods=("CALL_NIK",)),))
    for method, target in (("GET", "a/CALL_NIK"), ("POST", "b/CALL_NIK"), ("POST", "a/GET_KK"), ("POST", "a/BYNIK")):
        status, _, body = send(rig, method, f"/dukcapil/get_json/{target}")
        assert (status, json.loads(body)["error"]) == (404, "Not Found")
    assert send(rig, "POST", "/dukcapil/get_json/a/call_nik")[0] == 200


def test_remembered_urls_are_bounded(rig: Rig) -> None:
    """Callers that make up URLs do not fill the memory, and the real one still works."""
    centre = rig.mock._centre
    for number in range(5_000):
        centre._locate(f"/dukcapil/get_json/35-27/dinas/M{number}")
    assert len(centre._places) <= 4_096
    assert rig.ask(rig.nik())["totalElements"] == 1


def test_demonstration_accounts_all_answer(start: Start) -> None:
    """Each demonstration account can log in from its first IP; the refusing ones refuse as they say."""
    rig = start(accounts=None, seed=5)
    told = {}
    for account in demo_accounts(5):
        if account.door == "dukcapil":
            method = "NIK_VERIFBY_ELEMEN" if account.kinds == ("verify",) else "CALL_NIK"
            page = rig.ask(rig.nik(), method, account, ip_user=account.ips[0], TRESHOLD=80, AGAMA="ISLAM")
            told[account.user_id] = next(iter(page["content"][0].values()))
    assert told["pengguna_nonaktif"] == "User ID Tidak Aktif"
    assert told["instansi_nonaktif"] == "Instansi Tidak Aktif"
    assert told["di_luar_jam"] == "Akses Di Luar Jam Layanan"
    assert str(told["kuota_habis"]) == told["dinkes_serang"] == rig.nik()
    assert told["dukcapil_sampang"] == told["bank_daerah"] == int(rig.nik())
    assert told["dinsos_jepara"] in {"Sesuai", "Tidak Sesuai"}
