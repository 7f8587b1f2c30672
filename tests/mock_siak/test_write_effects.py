"""What a submission changes in the register, as look-ups and events tell it; and what contradicts the register."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.mock_siak.forms import FORMS
from tests.mock_siak.desk import CHILD, VILLAGE, WRITER, cards, events, hand_in

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig, Start

DAY = "2026-06-01"
HOME = {"address": "Jl. Baru No. 1", "hamlet": "KRAJAN", "rt": 4, "rw": 2}


@pytest.fixture
def rig(start: Start) -> Rig:
    """A mock centre with one account that may do everything; `NIK` numbers come as numbers."""
    return start(accounts=(WRITER,), clock=lambda: 1_780_300_000.0)


def kinds(held: Any) -> list[str]:
    """The documents of an event by kind."""
    return [document["kind"] for document in held["documents"]]


def record(rig: Rig, nik: str) -> Any:
    """What a look-up says of a resident."""
    return rig.ask(nik)["content"][0]


def code_of(rig: Rig, nik: str) -> str | None:
    """What a look-up says instead of data."""
    found: str | None = record(rig, nik).get("RESPON")
    return found


def single(rig: Rig, *, female: bool, apart_from: str = "") -> str:
    """An active resident who is not married."""
    for nik in rig.mock.population.active():
        one = rig.mock.population.resident(int(nik))
        if one and one.female is female and one.marital == "BELUM KAWIN" and nik != apart_from:
            return nik
    raise LookupError


def couple(rig: Rig) -> tuple[str, str]:
    """A husband and a wife of one family, both active."""
    for no_kk in rig.mock.population.sample_cards(400):
        members = rig.mock.population.family(int(no_kk))
        wed = [one for one in members if one.marital == "KAWIN" and one.status.value == "active"]
        if len(wed) == 2:
            return f"{wed[0].nik:016d}", f"{wed[1].nik:016d}"
    raise LookupError


def test_a_birth_adds_a_child(rig: Rig) -> None:
    """A new NIK, the parents' names, a place on the family card, three documents, and an event about the child."""
    no_kk, members = cards(rig)
    held = hand_in(rig, "birth", {"no_kk": no_kk, "child": CHILD, "mother": {"nik": members[1]}})
    assert (held["state"], kinds(held)) == ("issued", ["akta_kelahiran", "kk", "kia"])
    nik = held["documents"][0]["nik"]
    child = record(rig, nik)
    assert (child["NAMA_LGKP"], child["JENIS_KLMIN"]) == ("SITI NUR'AINI", "Perempuan")
    assert (child["NIK_IBU"], child["NO_AKTA_LHR"]) == (int(members[1]), held["documents"][0]["number"])
    assert nik[6:12] == "410626"
    card = rig.ask("", "CALL_NIK_GET_KK", NO_KK=no_kk)["content"]
    assert card[-1]["NIK"] == int(nik)
    change = next(event for event in events(rig) if event["kind"] == "change")
    assert (change["nik"], change["no_kk"]) == (nik, no_kk)
    assert hand_in(rig, "birth", {"no_kk": no_kk, "child": CHILD}, "again-0001")["rejection"]["code"] == (
        "already_recorded"
    )


def test_a_death_is_seen_by_everyone(rig: Rig) -> None:
    """The look-up says deceased, the spouse is widowed with a new card, and a death is among the events."""
    husband, wife = couple(rig)
    held = hand_in(rig, "death", {"deceased": {"nik": husband, "date": DAY}})
    assert kinds(held) == ["akta_kematian", "kk", "ktp"]
    assert held["documents"][2]["nik"] == wife
    assert code_of(rig, husband) == "Data Ditemukan, Meninggal Dunia"
    assert record(rig, wife)["STATUS_KAWIN"] == "CERAI MATI"
    assert [event["nik"] for event in events(rig) if event["kind"] == "death"] == [husband]
    again = hand_in(rig, "death", {"deceased": {"nik": husband, "date": DAY}}, "again-0001")
    assert again["rejection"]["code"] == "already_recorded"
    alone = hand_in(rig, "death", {"deceased": {"nik": single(rig, female=True), "date": DAY}}, "alone-0001")
    assert kinds(alone) == ["akta_kematian", "kk"]


def test_a_wedding_makes_five_documents(rig: Rig) -> None:
    """KTP of both, the couple's KK, and the KK of both families; a divorce ends it."""
    groom = single(rig, female=False)
    bride = single(rig, female=True)
    form = {"husband": {"nik": groom}, "wife": {"nik": bride}, "date": DAY}
    held = hand_in(rig, "marriage", form)
    assert kinds(held)[:3] == ["ktp", "ktp", "kk"]
    assert set(kinds(held)[3:]) <= {"kk"}
    ours = record(rig, groom)
    assert (ours["STATUS_KAWIN"], ours["TGL_KWN"], ours["NO_KK"]) == ("KAWIN", DAY, record(rig, bride)["NO_KK"])
    moved = [event for event in events(rig) if "no_kk_before" in event]
    assert {event["nik"] for event in moved} == {groom, bride}
    assert hand_in(rig, "marriage", form, "again-0001")["rejection"]["code"] == "already_recorded"
    other = {**form, "wife": {"nik": single(rig, female=True, apart_from=bride)}}
    assert hand_in(rig, "marriage", other, "other-0001")["rejection"]["code"] == "data_mismatch"
    swapped = {**form, "husband": {"nik": bride}, "wife": {"nik": groom}}
    assert hand_in(rig, "divorce", swapped, "swapped-0001")["rejection"]["code"] == "data_mismatch"
    parted = hand_in(rig, "divorce", form, "divorce-0001")
    assert kinds(parted) == ["akta_perceraian", "ktp", "ktp"]
    assert record(rig, bride)["STATUS_KAWIN"] == "CERAI HIDUP"
    assert hand_in(rig, "divorce", form, "divorce-0002")["rejection"]["code"] == "data_mismatch"


def test_a_new_card_takes_its_members_along(rig: Rig) -> None:
    """They leave the old KK for one in the village of the submission; the old one keeps who stays."""
    no_kk, members = cards(rig, 3)
    hand_in(rig, "kk_new", {"members": members[1:], "home": HOME})
    moved = record(rig, members[1])
    assert (moved["ALAMAT"], moved["STAT_HBKEL"], moved["NO_RT"]) == ("JL. BARU NO. 1", "KEPALA KELUARGA", 4)
    assert f"{moved['NO_KK']:016d}"[:6] == VILLAGE[:6]
    left = {one["NIK"] for one in rig.ask("", "CALL_NIK_GET_KK", NO_KK=no_kk)["content"]}
    assert left.isdisjoint(map(int, members[1:]))
    strange = hand_in(rig, "kk_new", {"members": members[:1], "home": HOME}, "strange-001", village="9999999999")
    assert strange["rejection"]["code"] == "data_mismatch"


def test_a_changed_card_changes_all_members(rig: Rig) -> None:
    """The new address stands on every member's record, and one event tells of each."""
    no_kk, members = cards(rig)
    hand_in(rig, "kk_change", {"no_kk": no_kk, "home": {"address": "Jl. Lain"}})
    assert {record(rig, nik)["ALAMAT"] for nik in members} == {"JL. LAIN"}
    changes = [event for event in events(rig) if event["kind"] == "change"]
    assert all(change["elements"] == ["ALAMAT"] for change in changes)
    assert {change["nik"] for change in changes} >= set(members)


def test_biodata_changes_are_read_at_once(rig: Rig) -> None:
    """Also by an account that had read the old record before."""
    nik = rig.nik()
    assert record(rig, nik)["JENIS_PKRJN"] != "DOKTER"
    hand_in(rig, "biodata", {"nik": nik, "changes": {"job": "Dokter"}})
    assert record(rig, nik)["JENIS_PKRJN"] == "DOKTER"
    assert [event["elements"] for event in events(rig) if event["kind"] == "change"] == [["JENIS_PKRJN"]]


def test_who_moves_out_can_move_in(rig: Rig) -> None:
    """Moved away is inactive here; moving in again gives a new card and a KTP for adults."""
    _, members = cards(rig)
    hand_in(rig, "move_out", {"members": members, "destination": "Kabupaten lain"})
    assert (code_of(rig, members[0]) or "").startswith("Data Ditemukan, Status Non Aktif")
    gone = hand_in(rig, "biodata", {"nik": members[0], "changes": {"job": "GURU"}}, "gone-00001")
    assert gone["rejection"]["code"] == "subject_inactive"
    held = hand_in(rig, "move_in", {"members": members, "home": HOME}, "move-in-001")
    assert kinds(held)[:2] == ["kk", "ktp"]
    assert record(rig, members[0])["ALAMAT"] == "JL. BARU NO. 1"


@pytest.mark.parametrize("service", ["kk_lost", "stillbirth"])
def test_papers_about_a_card(rig: Rig, service: str) -> None:
    """They are issued and change nothing."""
    held = hand_in(rig, service, {"no_kk": cards(rig)[0]})
    assert (held["state"], len(held["documents"])) == ("issued", 1)
    assert [event["kind"] for event in events(rig)] == ["issued"]


@pytest.mark.parametrize("service", [name for name, check in FORMS.items() if not check({"nik": "1" * 16}, "")])
def test_papers_about_one_resident(rig: Rig, service: str) -> None:
    """Each is issued with a receipt of its own."""
    held = hand_in(rig, service, {"nik": rig.nik()})
    assert (held["state"], len(held["documents"]), held["documents"][0]["nik"]) == ("issued", 1, rig.nik())
    assert held["documents"][0]["receipt"] != held["receipt"]


@pytest.mark.parametrize(
    ("service", "form", "code"),
    [
        ("kia", {"nik": "3527010101019999"}, "subject_unknown"),
        ("kk_lost", {"no_kk": "3527010101019999"}, "kk_unknown"),
        ("kk_change", {"no_kk": "3527010101019999", "home": HOME}, "kk_unknown"),
    ],
)
def test_what_the_register_does_not_know_is_rejected(rig: Rig, service: str, form: dict[str, Any], code: str) -> None:
    """By the office, with a code, not at the door."""
    assert hand_in(rig, service, form)["rejection"]["code"] == code


def test_a_birth_must_fit_the_register(rig: Rig) -> None:
    """A child of tomorrow and a parent nobody knows are rejected."""
    no_kk = cards(rig)[0]
    late = {"no_kk": no_kk, "child": {**CHILD, "birth_date": "2036-01-01"}}
    assert hand_in(rig, "birth", late)["rejection"]["code"] == "data_mismatch"
    orphan = {"no_kk": no_kk, "child": CHILD, "father": {"nik": "3527010101019999"}}
    assert hand_in(rig, "birth", orphan, "orphan-0001")["rejection"]["code"] == "subject_unknown"
    dead = rig.nik("deceased")
    assert hand_in(rig, "kia", {"nik": dead}, "dead-00001")["rejection"]["code"] == "subject_deceased"


def test_things_happen_elsewhere_too(rig: Rig) -> None:
    """A death nobody handed in here is in reads and events, and not in the ledger; what cannot happen does not."""
    form = {"deceased": {"nik": rig.nik(), "date": DAY}}
    assert rig.control("POST", "/_mock/happenings", {"service": "death", "form": form}) == (200, {})
    assert code_of(rig, form["deceased"]["nik"]) == "Data Ditemukan, Meninggal Dunia"
    told = {event["kind"]: event["nik"] for event in events(rig)}
    assert told["death"] == form["deceased"]["nik"]
    assert "issued" not in told
    assert rig.control("GET", "/_mock/ledger")[1]["entries"] == []
    assert rig.control("POST", "/_mock/happenings", {"service": "death", "form": form})[0] == 409
    assert rig.control("POST", "/_mock/happenings", {"service": "death", "form": {}})[0] == 422
    assert rig.control("POST", "/_mock/happenings", {"service": "kia", "form": {}})[0] == 422


def test_numbers_run_out_with_a_rejection(rig: Rig) -> None:
    """When every serial of a day is taken a birth is rejected, not lost in an error."""
    no_kk = cards(rig)[0]
    home = rig.mock.population.family(int(no_kk))[0].home
    prefix = (home.village.district_code * 1_000_000 + 410_626) * 10_000
    rig.mock.population._searched[prefix] = prefix + 10_000
    assert hand_in(rig, "birth", {"no_kk": no_kk, "child": CHILD})["rejection"]["code"] == "data_mismatch"
