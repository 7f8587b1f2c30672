"""People over the wire: signing in and out, forgery, redirects, territory; pages and JSON alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.people import Role
from gateway.people.second_step import STEP
from tests.http.people import GOOD, OTHER, ROOT, Client, add_person, code_now, signed_in
from tests.http.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGN_IN = "/people/sign-in"
ME = "/people/me"
ACCOUNTS = "/people/accounts"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that writes a ledger."""
    with Rig(tmp_path_factory.mktemp("people"), config="[ledger]\nenabled = true\n") as made:
        yield made


def test_a_program_signs_in_and_out(rig: Rig) -> None:
    """JSON: form token, first step, who am I, sign out; nothing of it is kept by anybody between."""
    add_person(rig, "budi")
    client = Client(rig)
    heard = client.sign_in("budi")
    assert (heard.status, heard.json["stage"], heard.json["next"]) == (200, "open", ME)
    assert heard.headers["cache-control"] == "private, no-store"
    me = client.get(ME).json
    assert (me["user_name"], me["name"], me["roles"], me["villages"]) == (
        "budi", "Nama budi", ["operator"], ["3527032001"]
    )  # fmt: skip
    assert client.post("/people/sign-out").status == 200
    assert "siak" not in client.cookies
    rig.refused(client.get(ME), 401, "sign_in_needed")


def test_a_browser_is_led_to_sign_in_and_back(rig: Rig) -> None:
    """Pages: what needs a person leads to the form, the form leads back; a wrong password is told at the form."""
    add_person(rig, "citra")
    browser = Client(rig, page=True)
    led = browser.get("/people/password?x=1")
    assert (led.status, led.headers["location"]) == (303, f"{SIGN_IN}?next=%2Fpeople%2Fpassword%3Fx%3D1")
    form = browser.get(led.headers["location"])
    assert b'value="/people/password?x=1"' in form.body
    assert form.headers["content-type"] == "text/html; charset=utf-8"
    wrong = browser.post(SIGN_IN, user_name="citra", password="salah", next="/people/password?x=1")
    assert wrong.status == 401
    assert b"kata sandi, atau kode salah" in wrong.body
    assert b'value="citra"' in wrong.body
    assert b"salah&" not in wrong.body
    entered = browser.post(SIGN_IN, user_name="citra", password=GOOD, next="/people/password?x=1")
    assert (entered.status, entered.headers["location"]) == (303, "/people/password?x=1")
    assert browser.get("/people/password?x=1").status == 200


def test_cookies_are_guarded(rig: Rig) -> None:
    """Cookies are HttpOnly and SameSite; with https they are `__Host-` and Secure."""
    from gateway.http.cookies import Cookies  # noqa: PLC0415 # beside its use

    add_person(rig, "dewi")
    client = Client(rig)
    client.sign_in("dewi")
    assert set(client.cookies) == {"siak", "siak-device", "siak-form"}
    name, field = Cookies(secure=True).set_session("t")
    assert (name, field) == ("set-cookie", "__Host-siak=t; Path=/; HttpOnly; Secure; SameSite=Lax")
    assert Cookies(secure=False).set_session("t")[1] == "siak=t; Path=/; HttpOnly; SameSite=Lax"
    assert "; SameSite=Strict; Max-Age=" in Cookies(secure=True).set_device("t")[1]
    twice = {"cookie": "__Host-siak=a; x=y; __Host-siak=b"}
    assert Cookies(secure=True).session(twice) == ""


def test_an_admin_enrols_in_the_browser(rig: Rig) -> None:
    """Password, then a device to enrol with QR and key, recovery codes once, and next time a code."""
    add_person(rig, "admin1", Role.ADMIN, villages=["3527"])
    browser = Client(rig, page=True)
    assert browser.sign_in("admin1").headers["location"] == "/people/second-step/device"
    assert browser.request("GET", ME).status == 303
    page = browser.get("/people/second-step/device").body.decode()
    assert "<svg" in page
    assert "style=" not in page
    secret = page.split('<dd class="govuk-summary-list__value">')[1].split("</dd>")[0]
    wrong = browser.post("/people/second-step/device", code="000000")
    assert wrong.status == 401
    assert secret.encode() in wrong.body
    codes = browser.post("/people/second-step/device", code=code_now(rig, secret))
    assert codes.status == 200
    assert codes.body.count(b"<code>") == 10
    assert browser.get(ME).status == 200
    again = Client(rig, page=True)
    assert again.sign_in("admin1").headers["location"] == "/people/second-step"
    again.get("/people/second-step")
    refused = again.post("/people/second-step", code="000000")
    assert refused.status == 401
    rig.clock.ahead += STEP
    assert again.post("/people/second-step", code=code_now(rig, secret), next=ACCOUNTS).headers["location"] == ACCOUNTS
    assert again.get(ACCOUNTS).status == 200


@pytest.mark.parametrize("stage", ["code", "enrol"])
def test_half_a_sign_in_opens_nothing(rig: Rig, stage: str) -> None:
    """A session that waits for its second step is none for any route for people."""
    name = f"half-{stage}"
    if stage == "code":
        signed_in(rig, name, Role.ADMIN)
    else:
        add_person(rig, name, Role.ADMIN)
    client = Client(rig)
    assert client.sign_in(name).json["stage"] == stage
    for path in (ME, ACCOUNTS, "/people/password"):
        rig.refused(client.get(path), 401, "sign_in_needed")
    rig.refused(client.post("/people/sign-out"), 401, "sign_in_needed")


def test_forms_from_elsewhere_are_refused(rig: Rig) -> None:
    """Without the session's token, with another's, or from another site's page nothing is changed."""
    client, other = signed_in(rig, "eka"), signed_in(rig, "fajar")
    other.get(ME)
    client.get(ME)
    good = client.csrf
    foreign = [
        ({}, ""),
        ({}, "x" * 44),
        ({}, other.csrf),
        ({}, good[:-1] + ("A" if good[-1] != "A" else "B")),
        ({"Origin": "https://evil.example"}, good),
        ({"Sec-Fetch-Site": "cross-site"}, good),
        ({"Sec-Fetch-Site": "same-site"}, good),
        ({"Origin": "https://evil.example", "Host": "127.0.0.1"}, good),
        ({"X-CSRF-Token": "wrong"}, good),
    ]
    for headers, token in foreign:
        heard = client.post("/people/me", headers, language="en", csrf=token)
        rig.refused(heard, 403, "not_from_here")
    assert client.get(ME).json["language"] == "id"
    ours = {"Origin": rig.url, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/people/me", ours, language="en", csrf=good).json["language"] == "en"
    assert client.post("/people/me", {"X-CSRF-Token": good}, language="id", csrf="").json["language"] == "id"


def test_the_sign_in_form_is_bound_to_its_browser(rig: Rig) -> None:
    """Nobody is signed in as somebody else by a form from elsewhere: it needs the browser's own cookie and token."""
    add_person(rig, "gita")
    victim, attacker = Client(rig), Client(rig)
    attacker.get(SIGN_IN)
    victim.get(SIGN_IN)
    theirs = victim.post(SIGN_IN, user_name="gita", password=GOOD, csrf=attacker.csrf)
    rig.refused(theirs, 403, "not_from_here")
    bare = Client(rig)
    rig.refused(bare.post(SIGN_IN, user_name="gita", password=GOOD, csrf=attacker.csrf), 403, "not_from_here")
    rig.refused(bare.post(SIGN_IN, user_name="gita", password=GOOD), 403, "not_from_here")
    cross = victim.post(SIGN_IN, {"Sec-Fetch-Site": "cross-site"}, user_name="gita", password=GOOD)
    rig.refused(cross, 403, "not_from_here")


def test_a_session_cannot_be_planted(rig: Rig) -> None:
    """A cookie that was there before sign-in is never the session afterwards; the attacker who set it gets nothing."""
    add_person(rig, "hadi")
    attacker = signed_in(rig, "indra")
    victim = Client(rig)
    victim.cookies["siak"] = attacker.cookies["siak"]
    planted = victim.cookies["siak"]
    victim.sign_in("hadi")
    assert victim.cookies["siak"] != planted
    assert victim.get(ME).json["user_name"] == "hadi"
    rig.refused(attacker.get(ME), 401, "sign_in_needed")


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/%0d%0aSet-Cookie:x=y\r\nX: y", "people/me", "", "/a b", "/\t/evil.example"],
)  # fmt: skip
def test_nobody_is_led_elsewhere(rig: Rig, wanted: str) -> None:
    """`next` leads to paths of our own only."""
    if not [one for one in rig.run(rig.gateway.people.accounts.list()) if one.user_name == "joko"]:
        add_person(rig, "joko")
    browser = Client(rig, page=True)
    led = browser.sign_in("joko", next=wanted).headers["location"]
    assert led.startswith("/")
    assert led[1:2] not in {"/", "\\"}
    assert "evil" not in led or led.startswith("/%0d%0a") is False
    assert "\r" not in led


def test_links_are_made_of_the_configured_address_only(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever `Host` and `X-Forwarded-Host` say, a set-up link begins with `people.url`; cookies are Secure then."""
    config = '[people]\nurl = "https://gerbang.example.go.id"\n'
    with Rig(tmp_path_factory.mktemp("linked"), config=config) as rig:
        add_person(rig, "kirana")
        admin = add_person(rig, "admin9", Role.ADMIN, villages=["*"])
        session = rig.run(rig.gateway.people.sessions.begin(admin, "open"))
        client = Client(rig)
        client.cookies["__Host-siak"] = session.token
        client.get(ME)
        target = rig.run(rig.gateway.people.accounts.named("kirana"))
        forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
        heard = client.post(f"{ACCOUNTS}/{target.id}/set-up", forged, reason="lupa")
        assert heard.json["link"].startswith("https://gerbang.example.go.id/people/set-up?user_name=kirana&code=")
        elsewhere = client.post(f"{ACCOUNTS}/{target.id}/set-up", {"Origin": rig.url}, reason="lupa")
        rig.refused(elsewhere, 403, "not_from_here")
        ours = {"Origin": "https://gerbang.example.go.id"}
        assert client.post(f"{ACCOUNTS}/{target.id}/set-up", ours, reason="lupa").status == 200
        form = Client(rig).request("GET", SIGN_IN)
        assert form.headers["set-cookie"].startswith("__Host-siak-form=")
        assert "; Secure; " in form.headers["set-cookie"]


def test_guesses_over_the_wire_are_slowed(rig: Rig) -> None:
    """The sixth wrong password is told to wait, in JSON and on the page; the answer names no reason but that."""
    add_person(rig, "lestari")
    client = Client(rig)
    for _ in range(5):
        rig.refused(client.sign_in("lestari", "salah"), 401, "wrong_credentials")
    slowed = client.sign_in("lestari")
    rig.refused(slowed, 429, "too_many_guesses")
    assert int(slowed.headers["retry-after"]) >= 1
    page = Client(rig, page=True).sign_in("lestari")
    assert (page.status, page.headers["retry-after"]) == (429, slowed.headers["retry-after"])
    assert b"Terlalu banyak percobaan" in page.body
    rig.clock.ahead += 3_600.0


def test_the_own_password_is_changed(rig: Rig) -> None:
    """With the old one; a weak new one is told at its field; the session goes on under another token."""
    client = signed_in(rig, "maya")
    client.get("/people/password")
    rig.refused(client.post("/people/password", old="salah", password=OTHER), 401, "wrong_credentials")
    weak = rig.refused(client.post("/people/password", old=GOOD, password="password12345"), 422, "invalid")
    assert weak["errors"][0]["field"] == "/password"
    before = client.cookies["siak"]
    assert client.post("/people/password", old=GOOD, password=OTHER).status == 200
    assert client.cookies["siak"] != before
    assert client.get(ME).status == 200


def test_a_set_up_code_works_in_the_browser(rig: Rig) -> None:
    """The link fills name and code in; a weak password is shown again with both; then sign-in."""
    account = add_person(rig, "nanda")
    code = rig.run(rig.gateway.generation.staff.set_up_anew(ROOT, account.id, reason="lupa"))
    browser = Client(rig, page=True)
    page = browser.get(f"/people/set-up?user_name=nanda&code={code}")
    assert code.encode() in page.body
    weak = browser.post("/people/set-up", user_name="nanda", code=code, password="123456789012")
    assert weak.status == 422
    assert b"Mudah ditebak" in weak.body
    assert browser.post("/people/set-up", user_name="nanda", code=code, password=OTHER).headers["location"] == SIGN_IN
    assert browser.sign_in("nanda", OTHER).status == 303


def test_another_territorys_account_is_not_there(rig: Rig) -> None:
    """A district's operator sees and sets up its villages' clerks; anybody else's account is 404 like a made-up one."""
    helper = signed_in(rig, "camat", villages=["352703"])
    own = add_person(rig, "desa-own", villages=["3527032001"])
    others = [
        add_person(rig, "desa-lain", villages=["3527042001"]),
        add_person(rig, "camat-lain", villages=["352703"]),
        add_person(rig, "pengawas", Role.AUDITOR, villages=["3527032001"]),
        add_person(rig, "bupati", villages=["3527"]),
        add_person(rig, "desa-ektp", villages=["3527032001"], adapters=["ektp"]),
    ]
    listed = [one["user_name"] for one in helper.get(ACCOUNTS).json["accounts"]]
    assert "desa-own" in listed
    assert not {"desa-lain", "camat-lain", "pengawas", "bupati", "desa-ektp", "camat"} & set(listed)
    helper.get(ME)
    heard = helper.post(f"{ACCOUNTS}/{own.id}/set-up", reason="lupa kata sandi")
    assert heard.status == 200
    missing = rig.refused(helper.post(f"{ACCOUNTS}/p000000000000/set-up", reason="lupa"), 404, "not_found")
    for account in others:
        problem = rig.refused(helper.post(f"{ACCOUNTS}/{account.id}/set-up", reason="lupa"), 404, "not_found")
        assert {**problem, "request_id": ""} == {**missing, "request_id": ""}
    rig.refused(helper.post(f"{ACCOUNTS}/{own.id}/suspend", reason="x"), 403, "role_missing")
    rig.refused(signed_in(rig, "verif", Role.VERIFIER).get(ACCOUNTS), 403, "role_missing")


def test_an_admin_looks_after_the_own_territory(rig: Rig) -> None:
    """Add, grant, suspend, resume, sign out; nothing beyond the own territory, without a reason, or to oneself."""
    admin = signed_in(rig, "admin2", Role.ADMIN, villages=["3527"], adapters=["ektp"])
    me = admin.get(ME).json
    new: dict[str, Any] = {"user_name": "baru", "name": "Orang Baru", "roles": ["operator"], "villages": ["35.27.03"]}
    added = admin.post(ACCOUNTS, **new, adapters=["ektp"], reason="pegawai baru")
    assert added.status == 201
    id_ = added.json["account"]["id"]
    assert added.json["link"].startswith("/people/set-up?user_name=baru&code=")
    rig.refused(admin.post(ACCOUNTS, **new, reason="lagi"), 409, "conflict")
    wrong: list[dict[str, Any]] = [
        {"user_name": "x", "reason": "r"}, {"name": "", "reason": "r"}, {"roles": ["king"], "reason": "r"},
        {"roles": [], "reason": "r"}, {"villages": ["12"], "reason": "r"}, {"villages": ["*"], "reason": "r"},
        {"villages": ["nowhere"], "reason": "r"}, {"adapters": ["marlena"], "reason": "r"}, {"reason": ""},
        {"reason": "NIK 3527031234560001"}, {"user_name": "3527031234560001", "reason": "r"},
    ]  # fmt: skip
    for values in wrong:
        rig.refused(admin.post(ACCOUNTS, **{**new, "user_name": "lain", **values}), 422, "invalid")
    granted = admin.post(f"{ACCOUNTS}/{id_}/grants", roles=["verifier"], villages=["3527032001"], reason="pindah")
    assert (granted.json["roles"], granted.json["villages"]) == (["verifier"], ["3527032001"])
    assert admin.post(f"{ACCOUNTS}/{id_}/suspend", reason="cuti").json["state"] == "suspended"
    assert admin.post(f"{ACCOUNTS}/{id_}/resume", reason="kembali").json["state"] == "no_password"
    assert admin.post(f"{ACCOUNTS}/{id_}/sign-out", reason="aneh").status == 200
    for act in ("suspend", "sign-out"):
        rig.refused(admin.post(f"{ACCOUNTS}/{me['id']}/{act}", reason="r"), 409, "conflict")
    elsewhere = add_person(rig, "serang", villages=["3604"])
    for act in ("set-up", "suspend", "resume", "sign-out"):
        rig.refused(admin.post(f"{ACCOUNTS}/{elsewhere.id}/{act}", reason="r"), 404, "not_found")


def test_accounts_are_looked_after_on_pages(rig: Rig) -> None:
    """The list, a new account with several regions in one field, its code, a suspension: all by forms."""
    admin = signed_in(rig, "admin3", Role.ADMIN, villages=["3527"])
    browser = Client(rig, page=True)
    browser.cookies = admin.cookies
    assert browser.get(ACCOUNTS).status == 200
    added = browser.post(
        ACCOUNTS, user_name="ratna", name="Ratna <b>", roles=["operator", "verifier"], villages="3527032001, 352704",
        reason="baru",
    )  # fmt: skip
    assert added.status == 201
    assert b"Ratna &lt;b&gt;" in added.body
    account = rig.run(rig.gateway.people.accounts.named("ratna"))
    assert account.villages == ("3527032001", "352704")
    led = browser.post(f"{ACCOUNTS}/{account.id}/suspend", reason="cuti")
    assert (led.status, led.headers["location"]) == (303, ACCOUNTS)
    refused = browser.post(f"{ACCOUNTS}/{account.id}/resume", reason="")
    assert refused.status == 422
    assert b"Sebutkan alasannya" in refused.body
    forged = browser.post(f"{ACCOUNTS}/{account.id}/resume", reason="x", csrf="")
    assert (forged.status, b"bukan dari halaman gerbang" in forged.body) == (403, True)


def test_what_is_done_lands_in_the_ledger_with_its_reason(rig: Rig) -> None:
    """Who, what, whom and why, before it is done; neither code nor name."""
    admin = signed_in(rig, "admin4", Role.ADMIN, villages=["3527"])
    actor = admin.get(ME).json["id"]
    target = add_person(rig, "sari", villages=["3527032001"])
    code = admin.post(f"{ACCOUNTS}/{target.id}/set-up", reason="kehilangan ponsel").json["code"]
    ledger = rig.gateway.ledger
    assert ledger is not None
    rig.run(ledger.checkpoint())
    lines = b"".join(path.read_bytes() for path in sorted((rig.folder / "data").glob("ledger*")) if path.is_file())
    assert b"kehilangan ponsel" in lines
    assert b'"verb":"person_set_up"' in lines
    assert f'"caller":"person:{actor}"'.encode() in lines
    assert f'"target":"person:{target.id}"'.encode() in lines
    assert code.encode() not in lines
    assert b"Nama sari" not in lines


def test_people_sign_in_on_the_operator_listener_too(rig: Rig) -> None:
    """The same routes stand on both listeners, with the same sessions."""
    client = signed_in(rig, "tono")
    operator = Client(rig, operator=True)
    operator.cookies = client.cookies
    assert operator.get(ME).json["user_name"] == "tono"


def test_neither_log_nor_answer_tells_a_secret(rig: Rig) -> None:
    """No password, token, code, name or address of a person is in the log."""
    logged = rig.logged.getvalue()
    assert b"people.sign_in.finished" in logged
    client = signed_in(rig, "umar")
    logged = rig.logged.getvalue()
    for secret in (GOOD, OTHER, client.cookies["siak"], client.csrf, "Nama umar", "umar"):
        assert secret.encode() not in logged
    assert rig.log("http.request.failed") == []


def test_bad_forms_are_refused_by_name(rig: Rig) -> None:
    """A field twice, an unknown one, too many, no form at all, and a body of another type."""
    client = Client(rig)
    client.get(SIGN_IN)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"user_name=a&user_name=b&password=c", b"user_name=a&password=b&extra=c", b"password=b", b"&" * 2_000,
                 b"\xff\xfe", b"user_name=%ff&password=b", b"{", b'{"user_name":1,"password":"x"}'):  # fmt: skip
        rig.refused(client.request("POST", SIGN_IN, body, kind), 422, "invalid")
    for other in ("text/plain", "multipart/form-data; boundary=x", ""):
        refused = client.request("POST", SIGN_IN, json.dumps({}).encode(), {"Content-Type": other})
        rig.refused(refused, 415, "unsupported")
    coded = {**kind, "Content-Encoding": "gzip"}
    rig.refused(client.request("POST", SIGN_IN, b"user_name=a&password=b", coded), 415, "unsupported")
