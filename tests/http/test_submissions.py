"""The native API's writes over the wire: stored before the 202, once per key, told to nobody but the caller."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.submissions import SubmissionState
from gateway.http.submissions import PATH
from gateway.testing.processes import demo_rights
from tests.http.rig import JSON, VILLAGE, Rig
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.http.rig import Heard

WITHIN = 15.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with a second right that hands in births only."""
    rights = demo_rights({"dukcapil_sampang": "sampang", "dinkes_serang": "births"})
    rights = rights.replace('"birth", "stillbirth"', '"kia", "birth", "stillbirth"')  # more than the centre grants it
    with Rig(tmp_path_factory.mktemp("submissions"), rights=rights) as made:
        yield made


@pytest.fixture(autouse=True)
def well(rig: Rig) -> None:
    """The centre is there unless a test takes it away."""
    rig.behave(office_seconds=3600.0, mode="up", workers=8, mean_seconds=0.0)


def ktp(rig: Rig, place: int = 0, **changes: Any) -> dict[str, Any]:
    """A request for an identity card, whose form needs no papers."""
    nik = rig.nik(place=place)
    body = {"service": "ktp", "version": 1, "village": VILLAGE, "subject": {"nik": nik}, "form": {"nik": nik}}
    return {**body, **changes}


def hand_in(rig: Rig, key: str, body: object, idempotency_key: str) -> Heard:
    """A POST with an Idempotency-Key; its blanks become hyphens."""
    idempotency_key = idempotency_key.replace(" ", "-")
    return rig.post(PATH, body, {"Idempotency-Key": idempotency_key}, key=key)


def shown(rig: Rig, key: str, id_: str) -> dict[str, Any]:
    """Where a submission stands."""
    heard = rig.get(f"{PATH}/{id_}", key=key)
    assert heard.status == 200, heard
    answer: dict[str, Any] = heard.json
    return answer


def until(rig: Rig, key: str, id_: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Where it stands once something is so."""

    def answer() -> dict[str, Any] | None:
        found = shown(rig, key, id_)
        return found if reached(found) else None

    return eventually(answer) or {}


def effects(rig: Rig, id_: str) -> list[int]:
    """How often the centre took a submission in."""
    return [entry["effects"] for entry in rig.run(_ledger(rig)) if entry["reference"] == id_]


async def _ledger(rig: Rig) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = rig.mock.book.ledger()["entries"]
    return entries


def test_a_hand_in_is_stored_told_and_delivered_once(rig: Rig, key: str) -> None:
    """202 with address and receipt; then the centre has it once, and its history tells how, without personal data."""
    heard = hand_in(rig, key, ktp(rig), "first")
    assert heard.status == 202
    receipt = heard.json
    assert heard.headers["location"] == f"{PATH}/{receipt['id']}"
    assert (receipt["state"], receipt["label"]["id"]) == ("queued", "antre pusat")
    answer = until(rig, key, receipt["id"], lambda one: one["state"] == "delivered")
    assert [move["after"] for move in answer["moves"]] == ["queued", "sending", "delivered"]
    assert answer["centre_receipt"]
    assert answer["place"] is None
    assert answer["next_step"] == {"id": "Pusat sedang memproses.", "en": "The centre is working on it."}
    assert effects(rig, receipt["id"]) == [1]
    assert rig.nik() not in repr(answer)
    assert shown(rig, key, receipt["number"])["id"] == receipt["id"]


def test_the_same_key_gets_the_first_receipt(rig: Rig, key: str) -> None:
    """A repetition is the first one, another content under the key is refused, other callers have keys of their own."""
    first = hand_in(rig, key, ktp(rig), "again").json
    assert hand_in(rig, key, ktp(rig), "again").json["id"] == first["id"]
    other = hand_in(rig, key, ktp(rig, 1), "again")
    rig.refused(other, 422, "idempotency_mismatch")
    stranger = rig.add_client("another desk")
    assert hand_in(rig, stranger, ktp(rig), "again").json["id"] != first["id"]


def test_many_at_once_under_one_key_are_one(rig: Rig, key: str) -> None:
    """Twenty threads race with the same key: one submission, one effect, the same receipt for all."""
    rig.behave(office_seconds=3600.0, mode="refuse")
    heard: list[Heard] = []
    threads = [threading.Thread(target=lambda: heard.append(hand_in(rig, key, ktp(rig, 2), "race"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WITHIN)
    assert [one.status for one in heard] == [202] * 20
    (id_,) = {one.json["id"] for one in heard}
    rig.behave(office_seconds=3600.0, mode="up", workers=8, mean_seconds=0.0)
    until(rig, key, id_, lambda one: one["state"] == "delivered")
    assert effects(rig, id_) == [1]


def test_an_origin_id_counts_once_across_callers(rig: Rig, key: str) -> None:
    """What was made on one device and handed in by two desks is one; other content under it is a conflict."""
    stranger = rig.add_client("a third desk")
    first = hand_in(rig, key, ktp(rig, 3, origin_id="device-1"), "o1").json
    assert hand_in(rig, stranger, ktp(rig, 3, origin_id="device-1"), "o2").json["id"] == first["id"]
    rig.refused(hand_in(rig, stranger, ktp(rig, 4, origin_id="device-1"), "o3"), 409, "conflict")


def test_a_hand_in_without_a_key_is_refused(rig: Rig, key: str) -> None:
    """428, and nothing is stored."""
    before = len(rig.get(PATH, key=key).json["submissions"])
    rig.refused(rig.post(PATH, ktp(rig), key=key), 428, "idempotency_key_missing")
    assert len(rig.get(PATH, key=key).json["submissions"]) == before


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"service": "lottery"}, {"/service"}),
        ({"version": 99}, {"/version"}),
        ({"village": "35.27"}, {"/village"}),
        ({"subject": {}}, {"/subject"}),
        ({"subject": {"nik": "12"}}, {"/subject/nik"}),
        ({"form": {"nik": "12", "reason": 99}}, {"/form/nik", "/form/reason"}),
        ({"form": []}, {"/form"}),
        ({"unknown": 1}, {""}),
        ({"attachments": [{"sha256": "a" * 64, "kind": "photo"}]}, {"/attachments/0/sha256"}),
        ({"attachments": [{"sha256": "A"}]}, {"/attachments/0/sha256"}),
        ({"service": "birth"}, {"/attachments", "/form/child", "/form/no_kk"}),
    ],
)
def test_every_wrong_field_is_named(rig: Rig, key: str, changes: dict[str, Any], fields: set[str]) -> None:
    """A wrong hand-in is 422 and names its fields in both languages, never their values."""
    problem = rig.refused(hand_in(rig, key, ktp(rig, **changes), "wrong"), 422, "invalid")
    assert fields <= {fault["field"] for fault in problem["errors"]}
    assert rig.nik() not in repr(problem)


def test_what_is_not_the_callers_is_refused(rig: Rig) -> None:
    """Another village, and a service that the right does not name, are denied."""
    bound = rig.add_client("a village", village="3527032002")
    rig.refused(hand_in(rig, bound, ktp(rig), "v"), 403, "denied")
    for right in (None, "births"):
        other = rig.add_client(f"of {right}", right=right)
        rig.refused(hand_in(rig, other, ktp(rig), "v"), 403, "denied")


def test_anothers_submission_does_not_exist(rig: Rig, key: str) -> None:
    """Neither address nor number, list nor cancellation says anything of another caller's submission."""
    receipt = hand_in(rig, key, ktp(rig, 5), "mine").json
    stranger = rig.add_client("a curious desk")
    for name in (receipt["id"], receipt["number"], "00000000-0000-7000-8000-000000000000", "x"):
        for method in ("GET", "DELETE"):
            rig.refused(rig.request(method, f"{PATH}/{name}", key=stranger), 404, "not_found")
    assert rig.get(PATH, key=stranger).json == {"submissions": [], "next": None}
    assert shown(rig, key, receipt["id"])["state"] != "cancelled"


def test_what_was_not_sent_can_be_cancelled(rig: Rig, key: str) -> None:
    """While the centre is away a caller takes its submission back; the centre never sees it. A delivered one stays."""
    rig.behave(office_seconds=3600.0, mode="refuse")
    id_ = hand_in(rig, key, ktp(rig, 6), "changed my mind").json["id"]

    def withdrawn() -> Heard | None:
        heard = rig.request("DELETE", f"{PATH}/{id_}", key=key)
        return None if heard.status == 409 else heard  # it is just being tried

    heard = eventually(withdrawn)
    assert heard is not None
    assert heard.json["state"] == "cancelled"
    rig.refused(rig.request("DELETE", f"{PATH}/{id_}", key=key), 409, "conflict")
    rig.behave(office_seconds=3600.0, mode="up", workers=8, mean_seconds=0.0)
    later = hand_in(rig, key, ktp(rig, 6), "once more").json["id"]
    until(rig, key, later, lambda one: one["state"] == "delivered")
    rig.refused(rig.request("DELETE", f"{PATH}/{later}", key=key), 409, "conflict")
    assert effects(rig, id_) == []


def test_what_was_not_sent_can_be_corrected(rig: Rig, key: str) -> None:
    """Held back, it is put right: same receipt, filing date and place; the centre sees the corrected form only.

    Repeating the correction changes nothing; who it is about and where stays; too late is 409, another's 404.
    """
    rig.run(rig.gateway.handing_in.outbox.switch("service", "kia", "hold", "operator:ani"))
    body = ktp(rig, 30, service="kia", form={"nik": rig.nik(place=30), "reason": 1})
    receipt = hand_in(rig, key, body, "to be corrected").json
    address = f"{PATH}/{receipt['id']}"
    better = {**body, "form": {**body["form"], "reason": 2}}
    for _ in range(2):
        heard = put(rig, key, address, better)
        assert heard.status == 200, heard
        assert [(move["after"], move["reason"]) for move in heard.json["moves"]] == [
            ("queued", ""),
            ("queued", "corrected"),
        ]
        assert all(heard.json[name] == receipt[name] for name in ("id", "number", "filed_at", "state"))
    assert rig.refused(put(rig, key, address, {**better, "form": {}}), 422, "invalid")["errors"]
    elsewhere = rig.refused(put(rig, key, address, {**better, "subject": {"nik": rig.nik(place=31)}}), 422, "invalid")
    assert [(fault["field"], fault["code"]) for fault in elsewhere["errors"]] == [("/subject", "unchangeable")]
    rig.refused(put(rig, rig.add_client("a nosy desk"), address, better), 404, "not_found")
    assert hand_in(rig, key, body, "to be corrected").json["id"] == receipt["id"]
    rig.run(rig.gateway.handing_in.outbox.switch("service", "kia", None, "operator:ani"))
    rig.gateway.handing_in.dispatcher.wake()
    until(rig, key, receipt["id"], lambda one: one["state"] == "delivered")
    rig.refused(put(rig, key, address, body), 409, "conflict")
    stored = rig.run(rig.gateway.handing_in.outbox.read(receipt["id"]))
    assert json.loads(bytes(stored.form)) == better["form"]


def put(rig: Rig, key: str, address: str, body: object) -> Heard:
    """A PUT of JSON."""
    return rig.request("PUT", address, json.dumps(body).encode(), JSON, key=key)


def test_an_operator_holds_and_releases(rig: Rig, key: str) -> None:
    """Held it waits, with its place; released it goes at once. The history names operator and reason."""
    rig.behave(office_seconds=3600.0, mode="refuse")
    id_ = hand_in(rig, key, ktp(rig, 7), "held").json["id"]
    held = act(rig, id_, "hold", {"operator": "ani", "reason": "waits for a paper"})
    assert held.json["held"], held
    rig.behave(office_seconds=3600.0, mode="up", workers=8, mean_seconds=0.0)
    other = hand_in(rig, key, ktp(rig, 8), "not held").json["id"]
    until(rig, key, other, lambda one: one["state"] == "delivered")
    waiting = until(rig, key, id_, lambda one: one["state"] == "queued")
    assert waiting["place"] >= 1
    assert act(rig, id_, "release", {"operator": "ani"}).status == 200
    answer = until(rig, key, id_, lambda one: one["state"] == "delivered")
    assert ("operator:ani", "waits for a paper") in {(move["actor"], move["reason"]) for move in answer["moves"]}


def test_what_the_centre_refuses_needs_a_person(rig: Rig) -> None:
    """A service that the centre did not grant the account is in attention with its code; a retry sends it again."""
    key = rig.add_client("a clinic", right="births")
    id_ = hand_in(rig, key, ktp(rig, 60, service="kia"), "refused").json["id"]
    answer = until(rig, key, id_, lambda one: one["state"] == "attention")
    assert (answer["reason"], answer["label"]["id"]) == ("service_not_granted", "perlu petugas")
    assert effects(rig, id_) == []
    assert act(rig, id_, "retry", {"operator": "ani", "reason": "granted now"}).json["state"] == "queued"
    again = until(rig, key, id_, lambda one: one["state"] == "attention")
    assert [move["after"] for move in again["moves"]] == ["queued", "sending", "attention"] * 2


def test_a_switch_is_obeyed(rig: Rig, key: str) -> None:
    """A held service is taken in and kept; one that is switched off is refused within a second; then both go on."""
    switch, at = rig.gateway.handing_in.outbox.switch, "operator:ani"
    rig.run(switch("service", "kia", "hold", at))
    body = ktp(rig, 9, service="kia")
    id_ = hand_in(rig, key, body, "kia").json["id"]
    rig.refused(act(rig, id_, "retry", {"operator": "Ani!"}), 422, "invalid")
    assert act(rig, id_, "retry", {"operator": "ani"}).json["state"] == "queued"
    rig.run(switch("service", "kia", "off", at))
    eventually(lambda: hand_in(rig, key, body, "kia").status != 202)  # the repetition changes nothing
    rig.refused(hand_in(rig, key, body, "kia"), 503, "maintenance")
    rig.run(switch("service", "kia", None, at))
    until(rig, key, id_, lambda one: one["state"] == "delivered")


def act(rig: Rig, id_: str, name: str, body: dict[str, str]) -> Heard:
    """An operator's act."""
    return rig.request("POST", f"{PATH}/{id_}/{name}", json.dumps(body).encode(), JSON, operator=True)


def test_lists_are_filtered_and_paged(rig: Rig) -> None:
    """Newest first, fifty a page, each once; filters that are wrong or unknown are refused by name."""
    key = rig.add_client("a busy desk")
    rig.behave(office_seconds=3600.0, mode="refuse")
    ids = [hand_in(rig, key, ktp(rig, place), f"n{place}").json["id"] for place in range(52)]
    first = rig.get(PATH, key=key).json
    assert len(first["submissions"]) == 50
    rest = rig.get(f"{PATH}?cursor={first['next'].upper()}&village={VILLAGE}&service=ktp", key=key).json
    shown = rig.get(f"{PATH}/{first['next'].upper()}", key=key).json
    assert shown["id"] == first["next"], "an id in capitals is the same id"
    assert rest["next"] is None
    assert [one["id"] for one in (*first["submissions"], *rest["submissions"])] == ids[::-1]
    assert rig.get(f"{PATH}?state=issued", key=key).json["submissions"] == []
    query = "state=lost&village=1&service=KTP&cursor=1&states=x"
    problem = rig.refused(rig.get(f"{PATH}?{query}", key=key), 422, "invalid")
    wrong = {"query:", "query:state", "query:village", "query:service", "query:cursor"}
    assert {fault["field"] for fault in problem["errors"]} == wrong
    assert set(SubmissionState) >= {one["state"] for one in first["submissions"]}
