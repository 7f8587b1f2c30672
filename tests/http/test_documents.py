"""From the issue to the paper: fetched, checked, printed once, checked by its code; nothing forged gets that far."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.ledger import audit
from gateway.ledger.records import Began, Record
from gateway.mock_siak.authority import authority_of
from gateway.signing.certificates import ders
from gateway.signing.pades import check
from gateway.testing.processes import SEED, demo_rights
from gateway.wiring.parts import open_ledger_database
from tests.http.papers import PDF, issued
from tests.http.rig import VILLAGE, Rig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.contract.messages import Caller

WITHIN = 15.0
ROOTS = ders(authority_of(SEED).root())
QUICK: dict[str, Any] = {"mode": "up", "workers": 8, "mean_seconds": 0.0, "office_seconds": 0.0}
PRINT = {"printer": "desk-1", "sheets": 1, "operator": "siti"}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway that follows and fetches quickly, with a ledger; the centre's office decides at once."""
    folder = tmp_path_factory.mktemp("documents")
    roots = folder / "roots.pem"
    roots.write_bytes(authority_of(SEED).root())
    config = (
        f'[follow]\nevery = 0.05\n[ledger]\nenabled = true\n[documents]\nroots_file = "{roots}"\nevery = 0.05\n'
        "processes = 0\n"
    )
    with Rig(folder, config=config, rights=demo_rights()) as made:
        made.behave(**QUICK)
        yield made


@pytest.fixture(scope="module")
def key(rig: Rig) -> str:
    """A desk."""
    return rig.add_client("desk")


@pytest.fixture(scope="module")
def other(rig: Rig) -> str:
    """Another desk."""
    return rig.add_client("another desk")


def caller_of(rig: Rig, name: str) -> Caller:
    """A client as the gateway knows it."""
    found: Caller = next(one.caller for one in rig.run(rig.gateway.callers.list()) if one.caller.name == name)
    return found


def until(rig: Rig, key: str, path: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """An answer once something is so."""
    deadline = time.monotonic() + WITHIN
    while True:
        answer: dict[str, Any] = rig.get(path, key=key).json
        if reached(answer):
            return answer
        assert time.monotonic() < deadline, answer


def card(rig: Rig, key: str, place: int) -> str:
    """A lost family card is handed in and issued; its document's id."""
    no_kk, letter = rig.no_kk(place), b"%PDF-1.7 a letter of the police"
    name = sha256(letter).hexdigest()
    rig.request("PUT", f"/v1/attachments/{name}", letter, key=key)
    body = {
        "service": "kk_lost", "version": 1, "village": VILLAGE, "subject": {"no_kk": no_kk}, "form": {"no_kk": no_kk},
        "attachments": [{"sha256": name, "kind": "police_letter"}],
    }  # fmt: skip
    heard = rig.post("/v1/submissions", body, {"Idempotency-Key": f"card-{place}"}, key=key)
    assert heard.status == 202, heard
    path = f"/v1/submissions/{heard.json['id']}"
    (document,) = until(rig, key, path, lambda one: one["state"] == "issued")["documents"]
    return str(document["id"])


def fetched(rig: Rig, key: str, id_: str, state: str = "ready") -> dict[str, Any]:
    """A document once it stands somewhere."""
    return until(rig, key, f"/v1/documents/{id_}", lambda one: one["state"] == state)


def print_(rig: Rig, key: str, id_: str, idempotency: str, **more: Any) -> Any:
    """Ask for a print."""
    return rig.post(f"/v1/documents/{id_}/prints", {**PRINT, **more}, {"Idempotency-Key": idempotency}, key=key)


def test_what_the_centre_signed_is_printed_without_it(rig: Rig, key: str, other: str) -> None:
    """Fetched once and checked; printed while the centre is away, again after a cut, by its own caller only."""
    id_ = card(rig, key, 1)
    document = fetched(rig, key, id_)
    assert (document["kind"], document["number"], document["printed"]) == ("kk", "", 0)
    calls = rig.mock.stats.document()["by_method"]["DOCUMENT"]["arrived"]
    assert calls == 1
    rig.behave(mode="hang")
    made = print_(rig, key, id_, "first")
    assert made.status == 201, made
    assert made.headers["location"] == made.json["pdf"]
    pdf = rig.get(made.json["pdf"], key=key)
    assert (pdf.status, pdf.headers["content-type"]) == (200, "application/pdf")
    assert pdf.headers["cache-control"] == "private, no-store"
    check(pdf.body, ROOTS)
    assert rig.get(made.json["pdf"], key=key).body == pdf.body
    assert print_(rig, key, id_, "first").json == made.json
    rig.behave(**QUICK)
    for path in (f"/v1/documents/{id_}", made.json["pdf"]):
        rig.refused(rig.get(path, key=other), 404, "not_found")
    rig.refused(print_(rig, other, id_, "theirs"), 404, "not_found")
    shown = rig.get(f"/check/{document['code'].lower()}").body.decode()
    assert "Asli dan berlaku" in shown
    assert rig.no_kk(1) not in shown


def test_a_second_print_needs_a_reason(rig: Rig, key: str) -> None:
    """Without one every wrong field is named; with one it is print number two; a missing key is told."""
    id_ = issued(rig, caller_of(rig, "desk"))
    assert print_(rig, key, id_, "second-1").json["number"] == 1
    problem = rig.refused(print_(rig, key, id_, "second-2"), 422, "invalid")
    assert [fault["field"] for fault in problem["errors"]] == ["/reason"]
    assert print_(rig, key, id_, "second-2", reason="kertas macet").json["number"] == 2
    rig.refused(print_(rig, key, id_, "second-2", sheets=3), 422, "idempotency_mismatch")
    rig.refused(rig.post(f"/v1/documents/{id_}/prints", PRINT, key=key), 428, "idempotency_key_missing")
    rig.refused(print_(rig, key, id_, "second-3", printer="<b>"), 422, "invalid")
    detail = rig.get(f"/v1/documents/{id_}", key=key).json
    assert [one["number"] for one in detail["prints"]] == [2, 1]


def test_a_link_ends(rig: Rig, key: str) -> None:
    """After fifteen minutes the PDF of a print is given out no more; the print itself stays."""
    id_ = issued(rig, caller_of(rig, "desk"))
    made = print_(rig, key, id_, "ending").json
    assert rig.get(made["pdf"], key=key).body == PDF
    rig.clock.ahead += 899
    assert rig.get(made["pdf"], key=key).status == 200
    rig.clock.ahead += 1
    rig.refused(rig.get(made["pdf"], key=key), 409, "conflict")
    rig.clock.ahead = 0


def test_a_print_of_one_document_is_no_link_to_another(rig: Rig, key: str) -> None:
    """The link is bound to its document and print; ids that belong to nothing are not found."""
    one, two = (issued(rig, caller_of(rig, "desk")) for _ in range(2))
    made = print_(rig, key, one, "bound").json
    rig.refused(rig.get(made["pdf"].replace(one, two), key=key), 404, "not_found")
    rig.refused(rig.get(f"/v1/documents/{one}/prints/nothing/pdf", key=key), 404, "not_found")


def test_another_villages_is_not_found(rig: Rig) -> None:
    """A key bound to a village sees no document of another one, were it its own caller's."""
    bound = rig.add_client("village desk", village=VILLAGE)
    theirs = issued(rig, caller_of(rig, "village desk"), "3527032002")
    rig.refused(rig.get(f"/v1/documents/{theirs}", key=bound), 404, "not_found")
    assert rig.get(f"/v1/documents/{issued(rig, caller_of(rig, 'village desk'))}", key=bound).status == 200


@pytest.mark.parametrize(
    ("place", "reason", "fault"),
    [(11, "not_whole", "longer_paper"), (12, "changed", "altered_paper"), (13, "unreadable", "truncated_json")],
)
def test_what_is_not_whole_is_refused_before_printing(rig: Rig, key: str, place: int, reason: str, fault: str) -> None:
    """Junk behind, a changed byte, a cut: refused with its reason, never printed, until fetched well."""
    rig.behave(faults=[{"kind": fault, "methods": ["DOCUMENT"]}], **QUICK)
    id_ = card(rig, key, place)
    refused = fetched(rig, key, id_, "refused")
    rig.behave(**QUICK)
    assert refused["reason"] == reason
    assert refused["explained"]["id"]
    assert refused["code"] is None
    rig.refused(print_(rig, key, id_, f"forged-{place}"), 409, "conflict")
    acts = {"operator": "ani", "reason": "pusat sudah diperbaiki"}
    again = rig.request(
        "POST", f"/v1/documents/{id_}/refetch", json.dumps(acts).encode(), {"Content-Type": "application/json"},
        operator=True,
    )  # fmt: skip
    assert again.json["state"] == "fetching"
    fetched(rig, key, id_)


def test_a_byte_changed_on_disk_is_refused_before_printing(rig: Rig, key: str) -> None:
    """Once a stored byte differs neither a print nor a link that was given out reveals it."""
    id_ = issued(rig, caller_of(rig, "desk"))
    made = print_(rig, key, id_, "damaged-1").json
    document = rig.run(rig.gateway.paperwork.documents.find(id_))
    file = rig.folder / "data" / "blobs" / document.blob[:2] / document.blob
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    rig.refused(rig.get(made["pdf"], key=key), 409, "conflict")
    rig.refused(print_(rig, key, id_, "damaged-2", reason="lagi"), 409, "conflict")
    assert rig.get(f"/v1/documents/{id_}", key=key).json["reason"] == "damaged"
    assert rig.log("documents.refused")[-1]["reason"] == "damaged"


def test_a_void_document_is_printed_no_more(rig: Rig, key: str) -> None:
    """An operator's word ends prints, links, and what the code tells."""
    id_ = issued(rig, caller_of(rig, "desk"))
    made, code = print_(rig, key, id_, "void-1").json, rig.get(f"/v1/documents/{id_}", key=key).json["code"]
    body = json.dumps({"operator": "ani", "reason": "dibatalkan"}).encode()
    path = f"/v1/documents/{id_}/void"
    assert rig.request("POST", path, body, {"Content-Type": "application/json"}, operator=True).status == 200
    rig.refused(rig.get(made["pdf"], key=key), 409, "conflict")
    told = rig.request("GET", f"/check/{code}", None, {"Accept": "application/json"}).json
    assert (told["genuine"], told["state"]) == (True, "void")


def test_spoiled_sheets_the_report_and_the_alignment_page(rig: Rig) -> None:
    """A desk tells of spoiled sheets, reads its day, and prints the page on which margins are seen."""
    key = rig.add_client("counting desk")
    id_ = issued(rig, caller_of(rig, "counting desk"))
    made = print_(rig, key, id_, "counted", sheets=2).json
    body = {"printer": "desk-1", "sheets": 1, "reason": "tinta habis", "print": made["id"]}
    told = rig.post("/v1/prints/spoiled", body, {"Idempotency-Key": "spoiled-1"}, key=key)
    assert (told.status, told.json["village"]) == (201, VILLAGE)
    lines = rig.get("/v1/prints/report", key=key).json["lines"]
    counts = {"prints": 1, "reprints": 0, "sheets": 2, "spoiled": 1}
    assert lines == [{"village": VILLAGE, "printer": "desk-1", **counts}]
    assert rig.get("/v1/prints/report?day=2020-01-01", key=key).json["lines"] == []
    assert rig.get("/v1/prints/report?day=2028-02-29", key=key).status == 200
    for query in ("day=yesterday", "day=2020-02-31", "day=9999-12-31", "day=2023-02-29", "month=2"):
        rig.refused(rig.get(f"/v1/prints/report?{query}", key=key), 422, "invalid")
    page = rig.get("/v1/prints/alignment", key=key)
    assert (page.status, page.headers["content-type"], page.body[:5]) == (200, "application/pdf", b"%PDF-")


def test_the_receipt_is_a_signed_page_with_a_code(rig: Rig, key: str, other: str) -> None:
    """The caller's own submission has a receipt that passes the check under our own roots; another's has none."""
    nik = rig.nik()
    body = {"service": "ktp", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": {"nik": nik}}
    path = rig.post("/v1/submissions", body, {"Idempotency-Key": "receipt"}, key=key).headers["location"] + "/receipt"
    page = rig.get(path, key=key)
    assert (page.status, page.headers["content-type"]) == (200, "application/pdf")
    check(page.body, rig.gateway.paperwork.authority.roots)
    rig.refused(rig.get(path, key=other), 404, "not_found")


def test_everything_is_in_the_ledger(rig: Rig, key: str) -> None:
    """Prints, what was given out, spoiled sheets and operators' acts are written down, with who and what."""
    id_ = issued(rig, caller_of(rig, "desk"))
    made = print_(rig, key, id_, "ledger-1").json
    rig.get(made["pdf"], key=key)
    body = json.dumps({"operator": "ani", "reason": "x"}).encode()
    path = f"/v1/documents/{id_}/void"
    rig.request("POST", path, body, {"Content-Type": "application/json"}, operator=True)
    ledger = rig.gateway.ledger
    assert ledger is not None
    rig.run(ledger.checkpoint())
    database = open_ledger_database(rig.gateway.settings, rig.environ)
    try:
        records = [msgspec.json.decode(line.record, type=Record) for _, line in audit.export(database)]
    finally:
        database.close_sync()
    deeds = [(one.verb, one.caller) for one in records if isinstance(one, Began) and one.target == id_]
    desk = caller_of(rig, "desk").id
    assert deeds == [("print", desk), ("download", desk), ("void", "operator:ani")]
