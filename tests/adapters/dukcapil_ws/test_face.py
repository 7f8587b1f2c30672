"""The drop-in face as programs meet it: who is let in, what they are told, and what reaches the centre."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from adapters.dukcapil_ws.guessing import TRIES
from adapters.dukcapil_ws.wording import AWAY_TEXT
from gateway.registry import plan
from gateway.testing.processes import SEED, demo_rights
from tests.adapters.dukcapil_ws.stage import ACCOUNTS, PROGRAMS, Face, config
from tests.http.rig import LOOKUP, Rig, ask
from tests.measuring import quick_once, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.http.rig import Heard

HAMMER = 831
"""Repeats of one refused question that a real program sent in a burst."""


def said(heard: Heard) -> str:
    """The text of a refusal."""
    assert heard.status == 200
    content = heard.json["content"]
    record = content[0] if isinstance(content, list) else content
    return str(record.get("RESPON") or record["RESPONSE_DESC"])


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Face]:
    """A gateway of one program, its own for one test."""
    with Face.rig_of(tmp_path, {"uji_beban": ""}) as rig:
        yield Face(rig, {"uji_beban": ""})


def test_age_is_in_headers_only(face: Face) -> None:
    """The second answer is the first to the byte; only headers tell where it comes from."""
    call = face.call("uji_beban", face.rig.nik("active", 7))
    first, second = (face.post(face.rig.url, "uji_beban", call) for _ in range(2))
    assert first.body == second.body
    assert first.headers["cache-status"] == "siak-gateway; fwd=uri-miss; stored"
    assert second.headers["cache-status"].startswith("siak-gateway; hit")
    assert second.headers["age"] == "0"
    assert second.headers["cache-control"] == "private, no-store"
    assert second.headers["content-type"] == "application/json;charset=UTF-8"


def test_what_browsers_send_along_does_not_pass_the_cache(face: Face) -> None:
    """`Cache-Control: no-cache`, which Java and browsers add of themselves, asks for nothing here."""
    call = face.call("uji_beban", face.rig.nik("active", 8))
    face.post(face.rig.url, "uji_beban", call)
    before = face.calls
    heard = face.post(face.rig.url, "uji_beban", call, Cache_Control="no-cache")
    assert heard.headers["cache-status"].startswith("siak-gateway; hit")
    assert face.calls == before


@pytest.mark.parametrize(
    "path", ["/dukcapil/get_json/a/NIK", "/dukcapil/get_json/a/b/NIK", "/ws_server/get_json/a/nik"]
)
def test_a_browser_may_ask(face: Face, path: str) -> None:
    """The preflight names methods and headers; the answer may be read by any page."""
    asking = {"Origin": "http://desa.example", "Access-Control-Request-Method": "POST"}
    ours = ask(face.rig.url, "OPTIONS", path, headers=asking)
    theirs = ask(face.centre, "OPTIONS", path, headers=asking)
    assert (ours.status, ours.body) == (theirs.status, theirs.body) == (200, b"")
    names = [name for name in theirs.headers if name.startswith("access-control")]
    assert [ours.headers[name] for name in names] == [theirs.headers[name] for name in names]
    call = face.call("uji_beban", face.rig.nik())
    assert face.post(face.rig.url, "uji_beban", call).headers["access-control-allow-origin"] == "*"


def test_nobody_at_home(face: Face) -> None:
    """A path that no program has answers like a wrong password, so that paths cannot be found by trying."""
    body = json.dumps(face.call("uji_beban", face.rig.nik())).encode()
    assert said(ask(face.rig.url, "POST", "/dukcapil/get_json/nobody/CALL_NIK", body)) == "Login Gagal"
    path = "/ws_server/get_json/nobody/nik?USER_ID=x&PASSWORD=y&NIK=1"
    assert ask(face.rig.url, "GET", path).json["content"] == {"RESPON": "Login Gagal"}
    wrong_door = f"/ws_server/get_json/{ACCOUNTS['uji_beban'].path.partition('/')[0]}/nik"
    assert said(ask(face.rig.url, "POST", wrong_door, body)) == "Login Gagal"


@pytest.mark.parametrize(
    "method", ["xyz", "CALL_AKTA", "delete_everything", "NIK%00", "NIK%0a", "NIK%ff", "GET_NIK_BKKBN"]
)
def test_a_method_that_nobody_knows_is_not_there(face: Face, method: str) -> None:
    """Good credentials do not make a look-up of it, and the centre is not asked."""
    before = face.calls
    heard = face.post(face.rig.url, "uji_beban", face.call("uji_beban", face.rig.nik()), method)
    assert (heard.status, heard.json["error"]) == (404, "Not Found")
    assert face.calls == before


def test_who_has_not_proved_itself_learns_nothing_about_others(tmp_path: Path) -> None:
    """A user that exists and one that does not are refused alike, whatever shape and methods the first has."""
    programs = {"kuota_habis": "", "di_luar_jam": 'methods = { CARI = "family_card" }\n'}
    with Face.rig_of(tmp_path, programs) as rig:
        face = Face(rig, programs)
        for method in ("CALL_NIK", "CARI", "NIK_VERIFBY_ELEMEN"):
            for nik in (rig.nik(), ""):
                call = {**face.call("di_luar_jam", nik), "password": "salah"}
                heard = [
                    face.post(rig.url, "di_luar_jam", {**call, "user_id": user}, method)
                    for user in ("di_luar_jam", "kuota_habis", "siapa_saja")
                ]
                assert len({(one.status, one.body) for one in heard}) == 1
        own = face.post(rig.url, "di_luar_jam", face.call("di_luar_jam", ""), "CARI").json["content"][0]
        assert own == {"RESPON": "Parameter Tidak Lengkap / Tidak Valid", "RESPONSE_CODE": "07"}
        assert face.post(rig.url, "kuota_habis", face.call("kuota_habis", rig.nik()), "CARI").status == 404


def test_what_is_left_of_the_quota_is_shown_as_the_account_shows_it(tmp_path: Path) -> None:
    """Refusals of the gateway's own have the mock's bytes, `quotaLimiter` among them, and count down like it."""
    programs = {"dinsos_jepara": ""}
    rights = demo_rights({name: name for name in programs}, SEED)
    limited = rights + "daily_allowance = 5000\n"
    with Rig(tmp_path, config=config(programs), rights=limited) as rig:
        face = Face(rig, programs)
        call = face.call("dinsos_jepara", rig.nik(), TRESHOLD=90, NAMA_LGKP="X")
        method, wrong = "NIK_VERIFBY_ELEMEN", {**call, "ip_user": "192.0.2.1"}
        before, theirs = face.both("dinsos_jepara", wrong, method)
        assert before.body == theirs.body
        assert before.json["quotaLimiter"] == 5_000
        face.post(rig.url, "dinsos_jepara", call, method)
        after, theirs = face.both("dinsos_jepara", wrong, method)
        assert (after.json["quotaLimiter"], after.body) == (4_999, theirs.body)
        unproven = face.post(rig.url, "dinsos_jepara", {**call, "password": "salah"}, method).json
        assert unproven["quotaLimiter"] == 0
        rig.run(rig.gateway.callers.revoke("ws-dinsos_jepara"))
        revoked = face.post(rig.url, "dinsos_jepara", call, method)
        assert (said(revoked), revoked.json["quotaLimiter"]) == ("User ID Tidak Aktif", 0)


@pytest.mark.parametrize("written", ["escapes", "percent", "rfc8187"])
def test_a_copy_in_a_header_may_hold_any_character(face: Face, written: str) -> None:
    """Over the real server, in three ways of writing it in ASCII; what is compared at the centre is the name itself."""
    call = face.call("uji_beban", face.rig.nik("active", 6), TRESHOLD=100, NAMA_LGKP="JOSÉ D’ARC")
    text = json.dumps(call, ensure_ascii=written == "escapes")
    value = {"escapes": text, "percent": quote(text), "rfc8187": f"UTF-8''{quote(text)}"}[written]
    target = f"/dukcapil/get_json/{ACCOUNTS['uji_beban'].path}/NIK_VERIFBY_ELEMEN"
    ours = ask(face.rig.url, "POST", target, b"", {"Data": value})
    theirs = face.post(face.centre, "uji_beban", call, "NIK_VERIFBY_ELEMEN")
    assert ours.body == theirs.body
    assert ours.json["content"][0]["NAMA_LGKP"].startswith("Tidak Sesuai")


def test_the_older_service_declares_no_address(tmp_path: Path) -> None:
    """Addresses in a profile hold for those who declare one; a query without any is served."""
    with Face.rig_of(tmp_path, {"rsud_sampang": ""}) as rig:
        face = Face(rig, {"rsud_sampang": ""})
        text = config({"rsud_sampang": ""}).replace("ips = []", 'ips = ["10.1.1.1"]')
        rig.run(rig.gateway.reload(rig.settings(text)))
        values = face.values()
        query = f"USER_ID=rsud_sampang&PASSWORD={values['daily_rsud_sampang']}&NIK={rig.nik()}"
        path = f"/ws_server/get_json/rsud_sampang/biodata?{query}"
        assert ask(rig.url, "GET", path).json["content"][0]["NIK"] == rig.nik()
        assert said(ask(rig.url, "GET", f"{path}&IP_USER=10.9.9.9")) == "IP Client  Tidak terdaftar"


def test_the_face_is_no_way_round_the_native_api(face: Face) -> None:
    """A program's key does not open the native API, and a native key not the face's callers."""
    key = face.rig.environ["SIAK_GATEWAY_SECRET_DUKCAPIL_WS_UJI_BEBAN_KEY"]
    heard = face.rig.post(LOOKUP, {"nik": face.rig.nik(), "purpose": "pelayanan"}, key=key)
    assert heard.status == 403


def test_keys_a_caller_may_not_see_are_cut(tmp_path: Path) -> None:
    """Where our caller holds fewer fields than the right, the rest is cut and nothing else is touched."""
    programs = {"uji_beban": "", "dinkes_serang": 'numbers = "number"\n'}
    with Face.rig_of(tmp_path, programs) as rig:
        face = Face(rig, programs, {"uji_beban": {"fields": ["NIK", "NAMA_LGKP", "NO_RT"]}})
        ours, theirs = (one.json for one in face.both("uji_beban", face.call("uji_beban", rig.nik())))
        assert list(ours["content"][0]) == ["NIK", "NAMA_LGKP", "NO_RT"]
        assert ours["content"][0].items() <= theirs["content"][0].items()
        assert {**ours, "content": 0} == {**theirs, "content": 0}
        ours, theirs = (one.json for one in face.both("dinkes_serang", face.call("dinkes_serang", rig.nik("papua"))))
        assert (ours["content"][0]["NIK"], theirs["content"][0]["NIK"]) == (int(rig.nik("papua")), rig.nik("papua"))


def test_a_revoked_caller_is_an_inactive_user(small: Face) -> None:
    """Revoking our caller ends the program at once, and it is told what the service would tell."""
    call = small.call("uji_beban", small.rig.nik())
    assert small.post(small.rig.url, "uji_beban", call).json["content"][0]["NIK"] == int(small.rig.nik())
    small.rig.run(small.rig.gateway.callers.revoke("ws-uji_beban"))
    assert said(small.post(small.rig.url, "uji_beban", call)) == "User ID Tidak Aktif"
    checks = small.rig.get("/health/ready", operator=True).json["checks"]
    assert checks["extension:dukcapil_ws"] == "0 of 1 clients can be served"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"adapter": None}, "its caller is not bound to this adapter; add it with --adapter dukcapil_ws"),
        ({"right": None}, "its caller's right does not hold its purpose"),
    ],
)
def test_a_caller_that_may_not_is_our_own_fault(tmp_path: Path, facts: dict[str, Any], reason: str) -> None:
    """A caller bound elsewhere or without a right serves no program, which hears no untruth; the log tells why."""
    with Face.rig_of(tmp_path, {"uji_beban": ""}) as rig:
        face = Face(rig, {"uji_beban": ""}, {"uji_beban": facts})
        assert reason in [line["reason"] for line in rig.log("dukcapil_ws.client.unusable")]
        before = len(rig.log("dukcapil_ws.client.unusable"))
        assert said(face.post(rig.url, "uji_beban", face.call("uji_beban", rig.nik()))) == AWAY_TEXT
        assert [line["level"] for line in rig.log("dukcapil_ws.client.unusable")][before:] == ["error"]


def test_elements_a_caller_does_not_hold_are_left_out_of_a_verification(tmp_path: Path) -> None:
    """As the centre does it; with none left the parameters are incomplete."""
    with Face.rig_of(tmp_path, {"uji_beban": ""}) as rig:
        face = Face(rig, {"uji_beban": ""}, {"uji_beban": {"fields": ["NAMA_LGKP"]}})
        call = face.call("uji_beban", rig.nik(), TRESHOLD=80, NAMA_LGKP="X", AGAMA="ISLAM")
        heard = face.post(rig.url, "uji_beban", call, "NIK_VERIFBY_ELEMEN")
        assert list(heard.json["content"][0]) == ["NAMA_LGKP"]
        del call["NAMA_LGKP"]
        assert said(face.post(rig.url, "uji_beban", call, "NIK_VERIFBY_ELEMEN")).startswith("Parameter Tidak Lengkap")


def test_a_program_without_secrets_is_left_out_and_the_others_are_served(tmp_path: Path) -> None:
    """One missing password is told by its variable, costs nobody else anything, and never readiness."""
    with Face.rig_of(tmp_path, {"uji_beban": "", "dpmptsp": ""}) as rig:
        face = Face(rig, {"uji_beban": ""})
        assert face.post(rig.url, "uji_beban", face.call("uji_beban", rig.nik())).json["totalElements"] == 1
        assert said(face.post(rig.url, "dpmptsp", face.call("dpmptsp", rig.nik()))) == "Login Gagal"
        reason = rig.log("dukcapil_ws.client.unusable")[-1]["reason"]
        assert reason.startswith("set SIAK_GATEWAY_SECRET_DUKCAPIL_WS_DPMPTSP_PASSWORD, or ")
        assert rig.get("/health/ready").status == 200


def test_a_service_beyond_the_right_is_an_inactive_institution(face: Face) -> None:
    """What the right does not cover is refused before the centre is asked."""
    before = face.calls
    call = face.call("dpmptsp", face.rig.nik())
    assert said(face.post(face.rig.url, "dpmptsp", call, "CALL_NIK_GET_KK")) == "Instansi Tidak Aktif"
    assert face.calls == before


def hammer(face: Face, name: str, nik: str) -> tuple[int, set[bytes]]:
    """Repeat one question; the calls it cost and the answers it got."""
    before, call = face.calls, face.call(name, nik)
    face.post(face.rig.url, name, call)
    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(lambda _: face.post(face.rig.url, name, call).body, range(HAMMER - 1)))
    return face.calls - before, answers


@pytest.mark.parametrize("group", ["unknown", "deceased", "inactive"])
def test_a_hammered_question_costs_one_call(face: Face, group: str) -> None:
    """831 repeats about somebody unknown, deceased or inactive are answered alike, and the centre hears of one."""
    nik = face.stranger(5) if group == "unknown" else face.rig.nik(group, 3)
    calls, answers = hammer(face, "uji_beban", nik)
    assert (calls, len(answers)) == (1, 1)


def test_a_malformed_number_costs_no_call(face: Face) -> None:
    """What cannot be a NIK is never sent, however often it is asked."""
    calls, answers = hammer(face, "uji_beban", "3527059901590001")
    assert (calls, len(answers)) == (0, 1)


def test_a_hammered_quota_costs_one_call(face: Face) -> None:
    """Once the centre said that the quota is used up nothing is sent until it resets, and the program is told so."""
    for place in range(3):
        nik = face.rig.nik("active", 10 + place)
        assert face.post(face.rig.url, "kuota_habis", face.call("kuota_habis", nik)).json["content"][0]["NIK"]
    calls, answers = hammer(face, "kuota_habis", face.rig.nik("active", 14))
    assert calls == 1
    assert [json.loads(body)["content"][0] for body in answers] == [{"RESPON": "Kuota Akses Hari ini telah Habis"}]
    assert hammer_once(face, "kuota_habis", face.rig.nik("active", 15)) == 0


def hammer_once(face: Face, name: str, nik: str) -> int:
    """Calls that one more question costs."""
    before = face.calls
    face.post(face.rig.url, name, face.call(name, nik))
    return face.calls - before


def test_a_refusal_of_our_own_account_is_absorbed_and_not_passed_on(face: Face) -> None:
    """The program's login is good: it is never told that ours failed, and its repeats are not sent."""
    calls, answers = hammer(face, "pengguna_nonaktif", face.rig.nik("active", 16))
    assert (calls, len(answers)) == (1, 1)
    assert AWAY_TEXT.encode() in answers.pop()
    assert hammer_once(face, "pengguna_nonaktif", face.rig.nik("active", 17)) == 1


def test_nothing_personal_is_logged(face: Face) -> None:
    """Numbers, names, users and passwords of calls are in no line."""
    for name in PROGRAMS:
        face.post(face.rig.url, name, face.call(name, face.rig.nik("active", 18), NAMA_LGKP="SITI RAHASIAWATI"))
        face.post(face.rig.url, name, {**face.call(name, "1"), "password": "salah-ketik"})
    text = face.rig.logged.getvalue().decode()
    assert "dukcapil_ws.call.refused" in text
    marks = [face.rig.nik("active", 18), "RAHASIAWATI", "salah-ketik", *(one.password for one in ACCOUNTS.values())]
    assert [mark for mark in marks if mark in text] == []


def test_a_password_cannot_be_found_by_trying(small: Face) -> None:
    """After too many wrong ones the right one is refused as they are, from this address; the log says it once."""
    right = small.call("uji_beban", small.rig.nik())
    wrong = {**right, "password": "salah"}
    refused = {small.post(small.rig.url, "uji_beban", wrong).body for _ in range(TRIES + 5)}
    assert {small.post(small.rig.url, "uji_beban", right).body} == refused
    assert small.calls == 0
    assert [line["client"] for line in small.rig.log("dukcapil_ws.password.guessed")] == ["uji_beban"]
    assert "salah" not in small.rig.logged.getvalue().decode()


def test_a_reload_takes_over_profiles(tmp_path: Path) -> None:
    """A program's new shape and refusal are in force after a reload, without a restart."""
    with Face.rig_of(tmp_path, {"uji_beban": ""}) as rig:
        face = Face(rig, {"uji_beban": ""})
        rig.behave(mode="refuse")
        before = face.post(rig.url, "uji_beban", face.call("uji_beban", rig.nik()))
        assert before.status == 200
        assert before.json["content"][0]["RESPONSE_CODE"] == "99"
        text = config({"uji_beban": 'refusal = "http_503"\nrefusal_text = "Pusat libur"\n'})
        rig.run(rig.gateway.reload(rig.settings(text.replace("response_desc", "respon"))))
        after = face.post(rig.url, "uji_beban", face.call("uji_beban", rig.nik()))
        assert after.status == 503
        assert int(after.headers["retry-after"]) >= 1
        assert after.json["content"] == [{"RESPON": "Pusat libur"}]


def test_a_program_waits_as_long_as_its_profile_says(tmp_path: Path) -> None:
    """A program with a timeout of its own is answered before it gives up."""
    with Face.rig_of(tmp_path, {"uji_beban": "waits = 0.5\n"}) as rig:
        face = Face(rig, {"uji_beban": ""})
        rig.behave(mode="hang")

        def give_up() -> None:
            heard = face.post(rig.url, "uji_beban", face.call("uji_beban", rig.nik()))
            assert said(heard) == AWAY_TEXT

        assert quick_once(lambda: seconds_of(give_up), 3.0) > 0.4


def test_a_patient_program_waits_longer_than_the_gateways_own_callers(tmp_path: Path) -> None:
    """A wait above `centre.deadline` holds; one above `centre.deadline_max` is a fault of the config."""
    programs = {"uji_beban": "waits = 5.0\n"}
    with Face.rig_of(tmp_path, programs, "[centre]\ndeadline = 0.3\ndeadline_max = 5.0\n") as rig:
        face = Face(rig, programs)
        rig.behave(mean_seconds=0.8, sigma=0)
        assert face.post(rig.url, "uji_beban", face.call("uji_beban", rig.nik())).json["content"][0]["NIK"]
        text = config({"uji_beban": "waits = 5.5\n"}, "[centre]\ndeadline = 0.3\ndeadline_max = 5.0\n")
        (fault,) = plan(rig.settings(text)).faults
        assert fault.key == "adapters.dukcapil_ws.clients.uji_beban.waits"
        assert fault.message == "5.5 is more than centre.deadline_max = 5"


def test_what_is_refused_before_the_handler_is_said_in_the_service_s_shape(small: Face) -> None:
    """A body too large, a query too long, a wrong deadline, a restart: none of them answers in our own API's words."""
    path = f"/dukcapil/get_json/{ACCOUNTS['uji_beban'].path}/CALL_NIK"
    incomplete = {
        "RESPONSE_CODE": "07",
        "RESPONSE_DESC": "Parameter Tidak Lengkap / Tidak Valid",
        "RESPONSE": "Parameter Tidak Lengkap / Tidak Valid",
    }
    for target, body, headers in (
        (path, b"x" * 2_000_000, {}),
        (path + "?" + "&".join(["a=1"] * 150), b"", {}),
        (path, b"{}", {"X-Request-Deadline": "abc"}),
        (path, b"{}", {"Accept-Charset": "x" * 20_000}),
    ):
        heard = ask(small.rig.url, "POST", target, body, headers)
        assert (heard.status, heard.json["content"]) == (200, [incomplete])
