"""What passes the gateway's own check of forms is issued by the centre, where it agrees with the register."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from gateway.catalogue.forms.checking import check_form
from gateway.catalogue.forms.requirements import required
from gateway.contract.submissions import AttachmentRef
from tests.mock_siak.desk import CHILD, VILLAGE, WRITER, cards, hand_in
from tests.mock_siak.test_write_effects import DAY, HOME, couple, single

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig, Start

FILED_ON = date(2026, 6, 2)


def forms_about(rig: Rig) -> dict[tuple[str, int], dict[str, Any]]:
    """Filled-in forms about residents of this centre, in an order in which each is still possible."""
    no_kk, members = cards(rig, people=4)
    groom, bride = single(rig, female=False), single(rig, female=True)
    husband, wife = couple(rig)
    people = [{"nik": nik, "name": "Orang Contoh"} for nik in (husband, wife)]
    told = {"reporter": {"nik": members[0], "name": "Pelapor Contoh"}, "witnesses": people}
    more = {"birth_time": "07:30", "place_kind": 2, "kind": 1, "order": 3, "helper": 2, "weight": 3100, "length": 49}
    gone = next(nik for nik in members if nik not in (groom, bride, husband, wife, members[1]))
    dead = {"nik": gone, "name": "Orang Contoh", "date": DAY, "place": "Rumah", "cause": 1, "attested_by": 2}
    mother = {"nik": members[1], "name": "Ibu Contoh"}
    return {
        ("birth", 2): {"no_kk": no_kk, "child": {**CHILD, **more}, "mother": mother, **told},
        ("death", 2): {"deceased": dead, "no_kk": no_kk, **told},
        ("stillbirth", 1): {"no_kk": no_kk, "date": DAY},
        ("biodata", 1): {"nik": members[1], "changes": {"blood": "O+", "job": "Petani"}},
        ("ktp", 1): {"nik": groom, "reason": 3},
        ("kia", 1): {"nik": bride, "reason": 1},
        ("kk_lost", 1): {"no_kk": no_kk, "loss": 1},
        ("kk_change", 1): {"no_kk": no_kk, "home": HOME, "reason": 3},
        ("divorce", 1): {"husband": {"nik": husband}, "wife": {"nik": wife}, "date": DAY},
        ("marriage", 1): {"husband": {"nik": groom}, "wife": {"nik": bride}, "date": DAY, "place": "Sampang"},
        ("kk_new", 1): {"members": [members[1]], "home": HOME, "reason": 3},
        ("move_out", 1): {"members": [members[1]], "destination": "Jalan Contoh 5", "class": 5, "reason": 1, "kind": 4},
        ("move_in", 1): {"members": [members[1]], "home": HOME, "skpwni": "SKPWNI/3527/02062026/0001"},
        ("name_change", 1): {"nik": groom, "new_name": "Nama Contoh"},
    }


def test_what_passes_here_is_issued_there(start: Start) -> None:
    """Each form is well to the gateway's check, and comes back from the centre with its documents."""
    rig = start(accounts=(WRITER,), clock=lambda: 1_780_300_000.0)
    for (service, version), form in forms_about(rig).items():
        needed = required(service, VILLAGE, FILED_ON)
        papers = [AttachmentRef("0" * 64, one.any_of[0]) for one in needed if one.number not in form]
        assert check_form(service, version, VILLAGE, FILED_ON, form, papers) == (), service
        held = hand_in(rig, service, form, f"form-{service}", version=version)
        assert (held["state"], bool(held["documents"])) == ("issued", True), service
