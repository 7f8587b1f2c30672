"""Every route times every kind of caller that should not get through: a route that is not in the matrix fails here.

| kind of route | what is documented |
| --- | --- |
| `public` | answers anybody the same and reveals nothing personal |
| `caller` | any valid key of the native API |
| `asks` | a key whose right covers service, purpose and village; fields beyond it are cut or refused |
| `hands in` | a key whose right may hand that service in, in that village |
| `uploads` | a key whose right may hand anything in |
| `own` | the caller who handed it in; for everybody else it does not exist |
| `person` | whoever is signed in, by a cookie; no key opens it |
| `admin`, `helper` | who is signed in with that role (admin; admin or operator), of the territory |
| `visitor` | anybody on the way to a sign-in, on both listeners; refused without the form's own token |
"""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Raw

from gateway.contract.people import Role
from gateway.contract.submissions import Subject, Submission, SubmissionState
from gateway.contract.web import Who
from gateway.documents.documents import PrintRequest
from gateway.pages import core_assets
from gateway.testing.processes import demo_rights
from tests.http.papers import issued
from tests.http.people import Client, add_person, signed_in
from tests.http.rig import CARD, JSON, LOOKUP, VERIFY, VILLAGE, Rig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.contract.messages import Caller
    from tests.http.rig import Heard

PUBLIC, CALLER, ASKS, HANDS_IN, UPLOADS, OWN = "public", "caller", "asks", "hands in", "uploads", "own"
VACANT, CHOICE = "public, and nothing there", "public, keeps a choice and leads back"
PERSON, ADMIN, HELPER, VISITOR, HALFWAY = "person", "admin", "helper", "visitor", "visitor with half a sign-in"
PEOPLE = {PERSON, ADMIN, HELPER, VISITOR, HALFWAY}
ASSET, LANGUAGE = "/assets/{owner}/{digest}/{file}", "/language"
SUBMISSIONS, SUBMISSION = "/v1/submissions", "/v1/submissions/{submission}"
ATTACHMENT = "/v1/attachments/{sha256}"
PAPER = b"%PDF-1.7 synthetic"
STREAM = "/v1/events"
DOCUMENT, PRINTS = "/v1/documents/{document}", "/v1/documents/{document}/prints"
RECEIPT = f"{SUBMISSION}/receipt"
PRINTED, SPOILED = f"{PRINTS}/{{print}}/pdf", "/v1/prints/spoiled"

MATRIX = {
    ("POST", LOOKUP): ASKS,
    ("POST", VERIFY): ASKS,
    ("POST", CARD): ASKS,
    ("POST", SUBMISSIONS): HANDS_IN,
    ("GET", SUBMISSIONS): CALLER,
    ("GET", SUBMISSION): OWN,
    ("DELETE", SUBMISSION): OWN,
    ("PUT", SUBMISSION): OWN,
    ("GET", ATTACHMENT): OWN,
    ("PUT", ATTACHMENT): UPLOADS,
    ("GET", DOCUMENT): OWN,
    ("GET", RECEIPT): OWN,
    ("POST", PRINTS): OWN,
    ("GET", PRINTED): OWN,
    ("POST", SPOILED): CALLER,
    ("GET", "/v1/prints/report"): CALLER,
    ("GET", "/v1/prints/alignment"): CALLER,
    ("GET", "/v1/services"): CALLER,
    ("GET", "/v1/events"): CALLER,
    ("GET", "/v1/papers"): CALLER,
    ("GET", "/health/live"): PUBLIC,
    ("GET", "/health/ready"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/openapi/{adapter}.json"): VACANT,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/docs/apps/{adapter}"): VACANT,
    ("GET", "/docs/errors"): PUBLIC,
    ("GET", ASSET): PUBLIC,
    ("GET", "/worker.js"): PUBLIC,
    ("POST", LANGUAGE): CHOICE,
    ("GET", "/status"): PUBLIC,
    ("GET", "/check"): PUBLIC,
    ("GET", "/check/{code}"): PUBLIC,
    ("GET", "/people/sign-in"): VISITOR,
    ("POST", "/people/sign-in"): VISITOR,
    ("GET", "/people/set-up"): VISITOR,
    ("POST", "/people/set-up"): VISITOR,
    ("GET", "/people/second-step"): HALFWAY,
    ("POST", "/people/second-step"): HALFWAY,
    ("GET", "/people/second-step/device"): HALFWAY,
    ("POST", "/people/second-step/device"): HALFWAY,
    ("GET", "/people/me"): PERSON,
    ("POST", "/people/me"): PERSON,
    ("GET", "/people/password"): PERSON,
    ("POST", "/people/password"): PERSON,
    ("POST", "/people/sign-out"): PERSON,
    ("GET", "/people/accounts"): HELPER,
    ("POST", "/people/accounts"): ADMIN,
    ("POST", "/people/accounts/{person}/set-up"): HELPER,
    **{("POST", f"/people/accounts/{{person}}/{act}"): ADMIN for act in ("suspend", "resume", "sign-out", "grants")},
}
OPERATOR_ONLY = {
    ("GET", "/metrics"),
    *(("POST", f"{SUBMISSION}/{act}") for act in ("retry", "hold", "release")),
    *(("POST", f"{DOCUMENT}/{act}") for act in ("refetch", "void")),
}
MADE = {("POST", PRINTS), ("POST", SPOILED)}
"""Routes that serve with 201."""
NO_CODE = "7K3M-9QRT-2VWX-5"
UNAUTHENTICATED = (401, "unauthenticated")
DENIED = (403, "denied")
OTHER_VILLAGE = "3527032002"
SERVED = (200, "")

KEYS = {
    "no key": UNAUTHENTICATED,
    "wrong key": UNAUTHENTICATED,
    "malformed": UNAUTHENTICATED,
    "expired": UNAUTHENTICATED,
    "revoked": UNAUTHENTICATED,
    "rotated away": UNAUTHENTICATED,
    "bound to an adapter": DENIED,
}
"""What keeps a key from every route that wants one."""

OWNERS = ("unknown purpose", "purpose not granted to the right", "all granted")
"""Columns whose key is the one that handed in."""

REACH = {
    "without a right": DENIED,
    "right removed from the config": DENIED,
    "other right": DENIED,
    "other village": DENIED,
    "unknown purpose": (422, "invalid"),
    "purpose not granted to the right": DENIED,
    "purpose not granted to the key": DENIED,
    "all granted": SERVED,
}
"""What keeps a valid key from a question; a route that asks nothing serves it."""


ROLES = {ADMIN: {Role.ADMIN}, HELPER: {Role.ADMIN, Role.OPERATOR}}
"""Roles a kind of route for people names."""

TAKEN = (202, "")
ABSENT = (404, "not_found")
ANYBODY = {PUBLIC: SERVED, VACANT: ABSENT, CHOICE: (303, "")}


def rights() -> str:
    """Two rights: one of all services and two purposes, one of a single service, few fields and one purpose."""
    text = demo_rights({"dukcapil_sampang": "sampang", "dpmptsp": "few"})
    whole, _, few = text.partition("[rights.few]")
    every = '"pelayanan", "verifikasi", "statistik"'
    return whole.replace(every, '"pelayanan", "verifikasi"') + "[rights.few]" + few.replace(every, '"pelayanan"')


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway of two rights, with the metrics plugin for an operator route."""
    plugins = '[plugins]\nenabled = ["metrics", "caller_quota"]\n[plugins.caller_quota]\nper_minute = 100000\n'
    plugins += "[documents]\nprocesses = 0\n"
    with Rig(tmp_path_factory.mktemp("guarded"), config=plugins, rights=rights()) as made:
        yield made


@pytest.fixture(scope="module")
def keys(guarded: Rig) -> dict[str, str | None]:
    """One key for each column of the matrix."""
    revoked, rotated = guarded.add_client("revoked"), guarded.add_client("rotated")
    guarded.run(guarded.gateway.callers.revoke("revoked"))
    guarded.run(guarded.gateway.callers.rotate("rotated"))
    good = guarded.add_client("regency desk", purposes=["pelayanan", "verifikasi"])
    return {
        "no key": None,
        "wrong key": good[:-26] + "0" * 26,
        "malformed": good[:-1],
        "expired": guarded.add_expired_client("expired"),
        "revoked": revoked,
        "rotated away": rotated,
        "bound to an adapter": guarded.add_client("of an adapter", adapter="ektp"),
        "without a right": guarded.add_client("no right", right=None),
        "right removed from the config": orphan(guarded),
        "other right": guarded.add_client("few", right="few"),
        "other village": guarded.add_client("village", village=VILLAGE),
        "unknown purpose": good,
        "purpose not granted to the right": good,
        "purpose not granted to the key": guarded.add_client("one purpose", purposes=["pelayanan"]),
        "all granted": good,
    }


def orphan(guarded: Rig) -> str:
    """The key of a client whose right is no longer in the config."""
    callers = guarded.gateway.callers
    known, callers._right_known = callers._right_known, None
    try:
        return guarded.add_client("orphan", right="gone")
    finally:
        callers._right_known = known


def body_of(guarded: Rig, path: str, column: str) -> dict[str, Any]:
    """The question of one cell."""
    subject = {"no_kk": guarded.no_kk()} if path == CARD else {"nik": guarded.nik()}
    purpose = {
        "unknown purpose": "iseng",
        "purpose not granted to the right": "statistik",
        "purpose not granted to the key": "verifikasi",
    }.get(column, "pelayanan")
    village = {"other village": {"village": OTHER_VILLAGE}}.get(column, {})
    elements = {"elements": {"NO_PROP": "35"}} if path == VERIFY else {}
    return {**subject, "purpose": purpose, **village, **elements}


def hand_in(guarded: Rig, column: str) -> dict[str, Any]:
    """What is handed in in one cell."""
    village = OTHER_VILLAGE if column == "other village" else VILLAGE
    form = {"nik": guarded.nik(), "name": column}
    return {"service": "ktp", "version": 1, "village": village, "subject": {"nik": guarded.nik()}, "form": form}


def owner(guarded: Rig) -> Caller:
    """The good key's caller."""
    caller: Caller = next(
        one.caller for one in guarded.run(guarded.gateway.callers.list()) if one.caller.name == "regency desk"
    )
    return caller


def uploaded(guarded: Rig) -> str:
    """Where a file of the good key's caller is."""
    name = sha256(PAPER).hexdigest()

    async def pieces() -> AsyncIterator[bytes]:
        yield PAPER

    guarded.run(guarded.gateway.generation.attacher.put(owner(guarded), name, 0, len(PAPER), pieces(), 1e18))
    return ATTACHMENT.format(sha256=name)


def held(guarded: Rig) -> str:
    """A submission of the good key's caller that can be cancelled again and again: each time a new one, kept back."""
    caller, generation = owner(guarded), guarded.gateway.generation
    form = Raw(b'{"nik":"%s"}' % guarded.nik().encode())
    submission = Submission("ktp", 1, VILLAGE, Subject(nik=guarded.nik()), form)
    submit = generation.submitter.submit(caller, submission, secrets.token_hex(8), state=SubmissionState.IN_REVIEW)
    return str(guarded.run(submit).receipt.id)


def printed(guarded: Rig) -> dict[str, str]:
    """A new document of the good key's caller, with a print of it."""
    caller = owner(guarded)
    document = issued(guarded, caller)
    asked = PrintRequest(document, "desk", 1)
    made = guarded.run(guarded.gateway.generation.printing.print_(caller, asked, secrets.token_hex(8)))
    return {"document": document, "print": made.id}


def expected(kind: str, path: str, column: str) -> tuple[int, str]:
    """The documented outcome of one cell."""
    if kind in ANYBODY:
        return ANYBODY[kind]
    if column in KEYS:
        return KEYS[column]
    special = {
        OWN: SERVED if column in OWNERS else ABSENT,
        UPLOADS: DENIED if "right" in column and "purpose" not in column else (201, ""),
        HANDS_IN: TAKEN if REACH[column] == SERVED or "purpose" in column else REACH[column],
    }
    if kind == CALLER or (column == "other right" and path == LOOKUP):
        return SERVED
    return special.get(kind, REACH[column])


def about_a_document(guarded: Rig, cell: tuple[str, str], key: str | None) -> Heard:
    """The answer of a cell that is about a document, a new one each time."""
    where = cell[1].format(**printed(guarded))
    if cell[0] == "GET":
        return guarded.get(where, key=key)
    body = {"printer": "desk", "sheets": 1, "reason": "smudged"}
    return guarded.post(where, body, {"Idempotency-Key": secrets.token_hex(8)}, key=key)


def asked(guarded: Rig, cell: tuple[str, str], column: str, key: str | None) -> Heard:
    """The answer of one cell."""
    method, path = cell
    if path == SUBMISSIONS and method == "POST":
        return guarded.post(path, hand_in(guarded, column), {"Idempotency-Key": column.replace(" ", "-")}, key=key)
    if path == ATTACHMENT:
        where = uploaded(guarded) if method == "GET" else ATTACHMENT.format(sha256=sha256(PAPER).hexdigest())
        return guarded.request(method, where, PAPER if method == "PUT" else None, key=key)
    if path == SUBMISSION:
        body = json.dumps({**hand_in(guarded, ""), "form": {"nik": guarded.nik()}}, separators=(",", ":")).encode()
        return guarded.request(
            method, f"{SUBMISSIONS}/{held(guarded)}", body if method == "PUT" else None, JSON, key=key
        )
    if path.startswith(DOCUMENT) or path == SPOILED:
        return about_a_document(guarded, cell, key)
    if method == "GET":
        endless = path == STREAM and expected(CALLER, path, column) == SERVED
        own = held(guarded) if path == RECEIPT else ""
        asset = core_assets().address("site.css")
        where = asset if path == ASSET else path.format(adapter="dukcapil_ws", code=NO_CODE, submission=own)
        return guarded.request("HEAD" if endless else "GET", where, key=key)
    choice = b"language=en&back=/docs" if path == LANGUAGE else None
    return guarded.request(method, path, choice or json.dumps(body_of(guarded, path, column)).encode(), JSON, key=key)


def test_every_route_is_in_the_matrix(guarded: Rig) -> None:
    """The matrix names exactly the routes that are mounted, and takes each for what its rule says."""
    mounted = {(one.route.method, one.route.path): one.route for one in guarded.gateway.generation.public.mounted}
    assert set(mounted) == set(MATRIX)
    for cell, route in mounted.items():
        assert (route.rule.who is Who.PUBLIC) == (MATRIX[cell] in ANYBODY)
        assert (route.rule.who is Who.PERSON) == (MATRIX[cell] in {PERSON, ADMIN, HELPER})
        assert route.rule.roles == ROLES.get(MATRIX[cell], frozenset())
        assert (route.rule.service is not None) == (MATRIX[cell] in {ASKS, HANDS_IN, UPLOADS})


@pytest.mark.parametrize("column", [*KEYS, *REACH])
@pytest.mark.parametrize("cell", [cell for cell, kind in MATRIX.items() if kind not in PEOPLE], ids=" ".join)
def test_each_cell_gets_the_documented_answer(
    guarded: Rig, keys: dict[str, str | None], cell: tuple[str, str], column: str
) -> None:
    """Each route refuses each column as documented, and a refusal never says what the key or the resident is."""
    heard = asked(guarded, cell, column, keys[column])
    status, code = expected(MATRIX[cell], cell[1], column)
    if not code:
        assert heard.status == (201 if cell in MADE else status), heard
        return
    problem = guarded.refused(heard, status, code)
    assert problem["executed"] == "no"
    key = keys[column] or "x" * 20
    assert key[15:].encode() not in heard.body
    assert guarded.nik().encode() not in heard.body


def questions(guarded: Rig) -> int:
    """Calls that arrived at the centre, but for those that drain what was handed in, or follow what becomes of it."""
    methods = guarded.mock.stats.document()["by_method"]
    return sum(count["arrived"] for name, count in methods.items() if name not in {"SUBMIT", "FIND", "EVENTS"})


def test_a_refused_question_is_never_sent(guarded: Rig, keys: dict[str, str | None]) -> None:
    """No column that refuses costs the centre a call."""
    before = questions(guarded)
    for column in [*KEYS, *REACH]:
        for cell, kind in MATRIX.items():
            if kind in {ASKS, HANDS_IN} and expected(kind, cell[1], column) not in {SERVED, TAKEN}:
                asked(guarded, cell, column, keys[column])
    assert questions(guarded) == before


def test_unauthenticated_answers_are_alike(guarded: Rig, keys: dict[str, str | None]) -> None:
    """From outside an unknown, an expired and a revoked key cannot be told apart."""
    problems = []
    for column in ("no key", "wrong key", "malformed", "expired", "revoked", "rotated away"):
        problem = asked(guarded, ("GET", "/v1/services"), column, keys[column]).json
        del problem["request_id"]
        problems.append(problem)
    assert all(problem == problems[0] for problem in problems)


@pytest.mark.parametrize("cell", [cell for cell, kind in MATRIX.items() if kind == PUBLIC], ids=" ".join)
def test_public_routes_reveal_nothing_personal(
    guarded: Rig, keys: dict[str, str | None], cell: tuple[str, str]
) -> None:
    """A public answer is the same with and without a key, and holds no resident, client, right or account."""
    nik = guarded.nik()
    guarded.post(LOOKUP, {"nik": nik, "purpose": "pelayanan"}, key=keys["all granted"])
    resident = guarded.mock.population.resident(int(nik))
    assert resident is not None
    without, with_key = asked(guarded, cell, "", None), asked(guarded, cell, "", keys["all granted"])
    assert without.body == with_key.body
    for secret in (nik, resident.name, str(resident.home.no_kk), "dukcapil_sampang", "regency desk", "orphan"):
        assert secret.encode() not in without.body
    assert "set-cookie" not in without.headers


def test_operator_routes_are_on_their_own_listener(guarded: Rig, keys: dict[str, str | None]) -> None:
    """What is for operators is 404 in public; the operator listener shares health and what pages load, nothing else."""
    operator = {(one.route.method, one.route.path) for one in guarded.gateway.generation.operator.mounted}
    health = {cell for cell in MATRIX if cell[1].startswith("/health/")}
    both = health | {cell for cell, kind in MATRIX.items() if kind in PEOPLE}
    both |= {("GET", ASSET), ("GET", "/worker.js"), ("POST", LANGUAGE)}
    assert operator == OPERATOR_ONLY | both
    for method, path in OPERATOR_ONLY:
        where = path.format(submission=held(guarded), document=issued(guarded, owner(guarded)))
        problem = guarded.request(method, where, b"{}", JSON, key=keys["all granted"])
        guarded.refused(problem, 404, "not_found")
        body = b'{"operator":"ani"}' if method == "POST" else None
        assert guarded.request(method, where, body, JSON, operator=True).status in {200, 409}
    for method, path in set(MATRIX) - both:
        guarded.refused(guarded.request(method, path, operator=True), 404, "not_found")


def test_a_field_that_is_not_granted_is_cut_or_refused(guarded: Rig, keys: dict[str, str | None]) -> None:
    """A look-up leaves out what the right or the key does not grant; a verify of such an element is denied."""
    own = guarded.add_client("two fields", fields=["NAMA_LGKP", "AGAMA"])
    question = {"nik": guarded.nik(), "purpose": "pelayanan"}
    whole = guarded.post(LOOKUP, question, key=keys["all granted"]).json["resident"]
    assert len(whole) == 33
    assert set(guarded.post(LOOKUP, question, key=own).json["resident"]) == {"NAMA_LGKP", "AGAMA"}
    few = guarded.post(LOOKUP, question, key=keys["other right"]).json["resident"]
    assert len(few) == 10
    assert set(few) < set(whole)
    for elements, status in (({"AGAMA": "ISLAM"}, 200), ({"AGAMA": "ISLAM", "NO_RT": "1"}, 403)):
        assert guarded.post(VERIFY, {**question, "elements": elements}, key=own).status == status


def test_a_key_of_a_village_asks_for_its_own(guarded: Rig, keys: dict[str, str | None]) -> None:
    """A key bound to a village may name it or leave it out, and nothing else."""
    question = {"nik": guarded.nik(), "purpose": "pelayanan"}
    key = keys["other village"]
    assert guarded.post(LOOKUP, question, key=key).status == 200
    assert guarded.post(LOOKUP, {**question, "village": VILLAGE}, key=key).status == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_is_read_in_any_case(guarded: Rig, keys: dict[str, str | None], scheme: str) -> None:
    """`Authorization` names its scheme in any case; without it a key is none."""
    key = keys["all granted"]
    given = {"Authorization": f"{scheme} {key}"}
    assert guarded.request("GET", "/v1/services", None, given).status == 200
    guarded.refused(guarded.request("GET", "/v1/services", None, {"Authorization": f"{key}"}), 401, "unauthenticated")


SIGNED_IN = ("nobody", "key", "half", "operator", "verifier", "auditor", "admin elsewhere", "admin")
"""Who knocks at the routes for people."""


@pytest.fixture(scope="module")
def knocking(guarded: Rig, keys: dict[str, str | None]) -> dict[str, Client]:
    """Each of them, signed in as far as it gets."""
    add_person(guarded, "half", Role.ADMIN)
    half = Client(guarded)
    half.sign_in("half")
    found = {"nobody": Client(guarded), "key": Client(guarded), "half": half}
    found["key"].bearer = keys["all granted"] or ""
    for role in Role:
        found[role] = signed_in(guarded, f"m-{role}", role, villages=["3527"])
    found["admin elsewhere"] = signed_in(guarded, "m-elsewhere", Role.ADMIN, villages=["3604"])
    return found


def at_the_door(kind: str, method: str, path: str, who: str) -> tuple[int, str] | None:
    """What somebody is told whose request has no good body; None where a route without one serves it."""
    wrong_body = None if method == "GET" else (422, "invalid")
    if kind == VISITOR or (kind == HALFWAY and method == "POST"):
        return wrong_body
    if who in {"nobody", "key"} or (who == "half" and kind != HALFWAY):
        return 401, "sign_in_needed"
    if kind == HALFWAY and path.endswith("/device"):
        return (409, "conflict") if who.startswith("admin") else None
    if kind == HALFWAY:
        return 401, "sign_in_needed"
    if kind in ROLES and who.partition(" ")[0] not in ROLES[kind]:
        return 403, "role_missing"
    return wrong_body


@pytest.mark.parametrize("who", SIGNED_IN)
def test_each_route_for_people_admits_whom_it_should(guarded: Rig, knocking: dict[str, Client], who: str) -> None:
    """Nobody, a key, half a sign-in, each role: each route on both listeners gives the documented answer."""
    client = knocking[who]
    for url in (guarded.url, guarded.operator):
        client.url = url
        for (method, path), kind in MATRIX.items():
            if kind not in PEOPLE:
                continue
            where = path.format(person="p000000000000")
            body = b"[]" if method == "POST" else None
            heard = client.request(method, where, body, JSON if method == "POST" else None)
            told = at_the_door(kind, method, path, who)
            if told is None:
                assert heard.status == 200, (method, path, heard)
            else:
                guarded.refused(heard, *told)
            assert heard.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("who", ["operator", "admin elsewhere", "admin"])
def test_what_is_not_there_or_elsewhere_is_the_same(guarded: Rig, knocking: dict[str, Client], who: str) -> None:
    """An account of another territory and one that was never made get the same 404, at each act."""
    there = add_person(guarded, f"there-{who.replace(' ', '-')}", villages=["3320"])
    client = knocking[who]
    client.url = guarded.url
    client.get("/people/me")
    for (method, path), kind in MATRIX.items():
        if "{person}" not in path or (who == "operator" and kind == ADMIN):
            continue
        assert method == "POST"
        more: dict[str, Any] = {"roles": ["operator"]} if path.endswith("grants") else {}
        told = [client.post(path.format(person=id_), reason="r", **more) for id_ in (there.id, "p000000000000")]
        problems = [{**guarded.refused(one, 404, "not_found"), "request_id": ""} for one in told]
        assert problems[0] == problems[1]
