"""The centre's signed PDFs: of what was handed in, for who handed it in, as real ones look."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gateway.mock_siak import MockSettings, MockSiak
from gateway.mock_siak.authority import Authority, authority_of
from gateway.signing.certificates import ders
from gateway.signing.faults import PaperRefused
from gateway.signing.pades import check
from tests.mock_siak.conftest import request_bytes
from tests.mock_siak.desk import CHILD, OTHER, VILLAGE, WRITER, call, cards, hand_in, headers

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from gateway.mock_siak import Account
    from tests.mock_siak.conftest import Rig, Start

AT_ONCE = {"office_seconds": 0}


@pytest.fixture
def rig(start: Start) -> Rig:
    """A mock centre with two accounts that may write, and an office that decides at once."""
    rig = start(accounts=(WRITER, OTHER))
    rig.behave(**AT_ONCE)
    return rig


def fetch(rig: Rig, receipt: str, account: Account = WRITER) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a document."""
    with rig.client() as client:
        client.send(request_bytes("GET", f"/siak/documents/{receipt}", b"", *headers(account)))
        return client.answer()


def born(rig: Rig) -> dict[str, Any]:
    """The documents of a birth, by kind."""
    held = hand_in(rig, "birth", {"no_kk": cards(rig)[0], "child": CHILD})
    return {one["kind"]: one for one in held["documents"]}


def test_papers_are_signed_under_the_mocks_own_root(rig: Rig) -> None:
    """Akta and KK of a birth are PDFs that pass the gateway's check under the root of the seed, the same each time."""
    documents = born(rig)
    roots = ders(authority_of(rig.mock.settings.seed).root())
    for kind in ("akta_kelahiran", "kk"):
        status, told, pdf = fetch(rig, documents[kind]["receipt"])
        assert (status, told["content-type"]) == (200, "application/pdf")
        check(pdf, roots)
        assert fetch(rig, documents[kind]["receipt"])[2] == pdf


def test_cards_and_strangers_have_none(rig: Rig) -> None:
    """A card is no paper, a receipt nobody knows is none, and another account's does not exist."""
    documents = born(rig)
    for receipt, account in (
        (documents["kia"]["receipt"], WRITER),
        ("DAAAAAAAAAAAA", WRITER),
        (documents["kk"]["receipt"], OTHER),
    ):
        status, told, _ = call(rig, "GET", f"documents/{receipt}", account=account)
        assert (status, told["error"]["code"], told["reference"]) == (404, "document_unknown", receipt)


@pytest.mark.parametrize("service", ["death", "divorce", "move_out", "stillbirth", "name_change"])
def test_every_kind_of_paper_is_drawn(rig: Rig, service: str) -> None:
    """Whatever an event issues on paper can be fetched, also where its form is the only source of what it says."""
    no_kk, members = cards(rig)
    couple = next(
        (one, other)
        for one in map(rig.mock.population.resident, map(int, rig.mock.population.active()))
        if one and not one.female and one.marital == "KAWIN"
        for other in rig.mock.population.family(one.home.no_kk)
        if other.female and (other.marital, other.wed, other.status) == (one.marital, one.wed, one.status)
    )
    forms: dict[str, dict[str, Any]] = {
        "death": {"deceased": {"nik": members[0], "date": "2026-05-01"}},
        "divorce": {
            "husband": {"nik": f"{couple[0].nik:016d}"}, "wife": {"nik": f"{couple[1].nik:016d}"}, "date": "2026-05-01",
        },
        "move_out": {"members": members, "destination": "Jepara"},
        "stillbirth": {"no_kk": no_kk},
        "name_change": {"nik": members[0]},
    }  # fmt: skip
    held = hand_in(rig, service, forms[service])
    assert held["state"] == "issued", held
    for document in held["documents"]:
        if document["kind"] != "ktp":
            assert fetch(rig, document["receipt"])[2].startswith(b"%PDF-")


def test_documents_outlive_a_restart(start: Start, tmp_path: Path) -> None:
    """A mock that is started again on its folder gives what was issued before."""
    rig = start(accounts=(WRITER,), state=tmp_path)
    rig.behave(**AT_ONCE)
    receipt = born(rig)["akta_kelahiran"]["receipt"]
    rig.close()
    assert fetch(start(accounts=(WRITER,), state=tmp_path), receipt)[0] == 200


def test_a_book_begun_before_lists_what_was_issued(tmp_path: Path) -> None:
    """In a state folder of an earlier version documents can be fetched too."""
    mock = MockSiak(MockSettings(population=400, state=tmp_path, accounts=(WRITER,)))
    mock.book.open()
    no_kk = mock.population.sample_cards(1)[0]
    body = {"reference": "reference-1", "service": "kk_lost", "village": VILLAGE, "form": {"no_kk": no_kk}}
    mock.office.behaviour = mock.office.behaviour.__class__(office_seconds=0)
    mock.office.hand_in(WRITER.key, body)
    case = mock.office.find(WRITER.key, "reference-1")
    assert case is not None
    mock.book._db.execute("DELETE FROM document")
    mock.book._db.execute("DELETE FROM fact WHERE name = 'documents'")
    mock.book.close()
    mock.book.open()
    assert mock.book.issued(WRITER.key, case.documents[0].receipt) == (case, case.documents[0])
    mock.book.close()


def test_the_root_follows_from_the_seed() -> None:
    """Another process with the same seed has the same root; another seed has another."""
    assert Authority(1).root() == authority_of(1).root()
    assert Authority(2).root() != authority_of(1).root()


def test_poppler_and_zbar_read_it(rig: Rig, tmp_path: Path) -> None:
    """`pdfsig` calls a KK validly signed, and a scanner reads its QR."""
    if shutil.which("pdfsig") is None or shutil.which("zbarimg") is None:
        leave_out = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave_out("poppler-utils or zbar-tools is not installed")
    receipt = born(rig)["kk"]["receipt"]
    file = tmp_path / "kk.pdf"
    file.write_bytes(fetch(rig, receipt)[2])
    said = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    subprocess.run(["pdftoppm", "-r", "150", "-png", str(file), str(tmp_path / "kk")], check=True)
    (page,) = tmp_path.glob("kk*.png")
    read = subprocess.run(["zbarimg", "-q", "--raw", str(page)], capture_output=True, text=True, check=True).stdout
    assert read.strip() == f"SIAK/{receipt}"


@pytest.mark.parametrize(("kind", "longer"), [("altered_paper", 0), ("longer_paper", 1)])
def test_papers_can_come_spoilt(rig: Rig, kind: str, longer: int) -> None:
    """A fault changes a byte or adds one, so that the check refuses the paper; what is no paper stays as it is."""
    receipt = born(rig)["kk"]["receipt"]
    whole, unknown = fetch(rig, receipt)[2], fetch(rig, "DNONE")
    rig.behave(**AT_ONCE, faults=[{"kind": kind}])
    status, _, spoilt = fetch(rig, receipt)
    assert (status, len(spoilt) - len(whole)) == (200, longer)
    with pytest.raises(PaperRefused):
        check(spoilt, ders(authority_of(rig.mock.settings.seed).root()))
    assert fetch(rig, "DNONE")[::2] == unknown[::2]
