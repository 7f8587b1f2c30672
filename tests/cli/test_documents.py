"""`siak-gateway documents`: listed, fetched again, made void, counted; beside a gateway that may run."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from gateway.contract.submissions import IssuedDocument
from gateway.documents.book import DocumentBook
from gateway.documents.documents import PrintRequest
from gateway.settings import load
from gateway.signing.digests import digest_of
from gateway.signing.faults import Fault
from gateway.wiring.offline import with_documents
from tests.documents.world import CALLER, NO_KK, VILLAGE, Origin

if TYPE_CHECKING:
    from gateway.documents.store import Documents
    from gateway.flows.printing import Printing
    from tests.cli.conftest import Desk

PDF = b"%PDF-1.7 a paper"


@pytest.fixture
def ids(desk: Desk) -> list[str]:
    """Two documents: one printed, one refused."""

    async def fill(store: Documents, _printing: Printing) -> list[str]:
        book, papers = (
            DocumentBook(store._sealer),
            [IssuedDocument("kk", NO_KK, "D1"), IssuedDocument("skpwni", "1", "D2")],
        )
        now = store._clock.now()
        await store._database.write(lambda connection: book.issued(connection, Origin(), papers, now, now))
        due = sorted(await store.due(10), key=lambda one: one.kind)
        await store.keep(due[0], PDF, digest_of(PDF))
        await store.permit(PrintRequest(due[0].id, "desk-1", 2), CALLER, "key-1")
        await store.refuse(due[1], Fault.UNTRUSTED)
        return [one.id for one in due]

    found: list[str] = with_documents(load(desk.file, os.environ), os.environ, fill)
    return found


def test_an_empty_gateway_says_so(desk: Desk) -> None:
    """A new gateway has no documents and printed nothing."""
    assert desk.run("documents", "list").stdout == "No documents.\n"
    assert desk.run("documents", "report", "--day", "2026-11-21").stdout == "Nothing was printed on 2026-11-21.\n"


def test_documents_are_listed_without_anything_personal(desk: Desk, ids: list[str]) -> None:
    """State and reason are shown, chosen by state, in words and in JSON; no number of a family is."""
    text = desk.run("documents", "list").stdout
    assert all(id_ in text for id_ in ids)
    assert "refused (untrusted)  skpwni" in text
    listed = desk.run("documents", "list", "--state", "ready", "--json").stdout
    assert [one["id"] for one in json.loads(listed)["documents"]] == ids[:1]
    assert NO_KK not in text + listed


def test_a_refused_one_is_fetched_again_and_a_good_one_is_not(desk: Desk, ids: list[str]) -> None:
    """Acts that make no sense are named and end with 1."""
    assert desk.run("documents", "refetch", ids[1]).stdout == f"{ids[1]}: fetching\n"
    again = desk.run("documents", "refetch", ids[0], "nothing")
    assert again.exit_code == 1
    assert "Only a refused document" in again.output
    assert "there is no such document" in again.output


def test_one_is_made_void_with_a_reason(desk: Desk, ids: list[str]) -> None:
    """Without a reason it is not done."""
    assert desk.run("documents", "void", ids[0]).exit_code == 2
    assert desk.run("documents", "void", ids[0], "--reason", "annulled").stdout == f"{ids[0]}: void\n"
    assert "void (annulled)" in desk.run("documents", "list").stdout


def test_the_days_report(desk: Desk, ids: list[str]) -> None:
    """Prints of today are counted by village and printer."""
    assert ids
    lines = json.loads(desk.run("documents", "report", "--json").stdout)["lines"]
    assert lines == [{"village": VILLAGE, "printer": "desk-1", "prints": 1, "reprints": 0, "sheets": 2, "spoiled": 0}]
    assert desk.run("documents", "report").stdout.splitlines()[1].split() == [VILLAGE, "desk-1", "1", "0", "2", "0"]
