"""The first pages: every text that could hold markup is escaped, each state has its words, times are WIB."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import msgspec
import pytest

from gateway.contract.errors import Denied, NotFound, every_error
from gateway.contract.events import CircuitState
from gateway.contract.messages import CentreService
from gateway.contract.status import CentreStatus
from gateway.contract.web import CALLER, Response, Route
from gateway.http.openapi import Linked, document
from gateway.http.pages import docs_page, errors_page, status_page
from gateway.http.system import Facts, ServiceState
from gateway.http.table import mount
from gateway.pages import CONTENT_SECURITY, Pages, core_assets
from gateway.pages.environment import local_time
from tests.http.rig import LOOKUP

if TYPE_CHECKING:
    from gateway.contract.web import Request
    from gateway.http.system import HealthWord
    from tests.http.rig import Rig

PAGES = Pages()
EVIL = '<script>alert("1")</script>&\'"'
SERVICE = ServiceState("biodata", "centre", "Biodata", "Biodata penduduk", True, "works", None, 0, 0.0)  # noqa: FBT003 # a struct's fields in order


class Reader(HTMLParser):
    """Collects tags and text, and fails on tags that are never closed."""

    VOID = frozenset({"meta", "link", "br", "input"})

    def __init__(self, page: Response) -> None:
        """Read a page."""
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.ids: set[str] = set()
        self.feed(page.body.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag."""
        self.tags.add(tag)
        self.ids.update(value for name, value in attrs if name == "id" and value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


@pytest.mark.parametrize(
    ("health", "word", "advice"),
    [
        ("works", "berjalan", "Semua layanan berjalan."),
        ("slow", "lambat", "Pusat lambat menjawab."),
        ("away", "tidak menjawab", "Data yang pernah dicari tetap dapat dibuka"),
        ("off", "dimatikan", "Semua layanan berjalan."),
    ],
)
def test_each_state_has_its_words_in_both_languages(health: HealthWord, word: str, advice: str) -> None:
    """The page says what works and what still can be done."""
    page = Reader(status_page(PAGES, [SERVICE, msgspec.structs.replace(SERVICE, health=health)]))
    assert word in page.text
    assert advice in page.text
    assert "Biodata penduduk" in page.text


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "langsung"), (0.9, "langsung"), (12.4, "± 12 detik"), (300.0, "± 5 menit")]
)
def test_waits_are_told_in_plain_words(seconds: float, shown: str) -> None:
    """Nobody has to read decimals."""
    assert shown in status_page(PAGES, [msgspec.structs.replace(SERVICE, eta_seconds=seconds)]).body.decode()


def test_times_are_shown_as_people_here_write_them() -> None:
    """UTC becomes dd-mm-yyyy WIB, across midnight too; nothing becomes a dash."""
    assert local_time("2026-12-31T18:30:00.000Z") == "01-01-2027 01:30 WIB"
    assert local_time(None) == "–"


def test_texts_from_outside_are_escaped() -> None:
    """A title, path or summary with markup stays text on every page."""

    async def nothing(_request: Request) -> Response:
        return Response()

    service = msgspec.structs.replace(SERVICE, title=EVIL, title_id=EVIL)
    assert EVIL in Reader(status_page(PAGES, [service])).text
    assert b"<script>" not in status_page(PAGES, [service]).body
    route = Route("GET", f"/apps/{EVIL}", CALLER, nothing, EVIL, EVIL, errors=(NotFound,))
    leading = document([mount(route)], title=EVIL, version=EVIL, adapters=[Linked(EVIL, EVIL, EVIL)])
    for drawn in (leading, document([mount(route)], title=EVIL, version=EVIL, description=EVIL, back=EVIL)):
        page = docs_page(PAGES, drawn)
        assert b"<script>" not in page.body
        assert EVIL in Reader(page).text


def test_every_cell_of_the_status_names_its_column() -> None:
    """Below 600 px rows are stacked and the head is gone: each cell says itself what it holds."""
    page = status_page(PAGES, [SERVICE]).body.decode()
    assert page.count("<td ") == page.count('data-label="') == page.count('<th scope="col">')
    assert 'data-label="Perkiraan tunggu"><div>langsung' in page
    folder = core_assets()
    style = folder.answer(folder.digest, "site.css", {}).body
    assert b"@media(max-width:37.5em){\n.stack thead{display:none}" in style


def test_the_page_of_errors_says_what_a_look_up_says(rig: Rig) -> None:
    """What `executed` says with an error of the centre's or of the address is among the words on the page."""
    key = rig.add_client("pages")
    body = {"nik": "3527012904900001", "purpose": "pelayanan"}
    page = errors_page(PAGES).body.decode()
    for problem in (rig.post(LOOKUP, body, key=key).json, rig.get("/nowhere").json):
        assert problem["code"] == "not_found"
        words = page.partition('id="not_found"')[2].partition("executed: ")[2].partition("<")[0]
        assert problem["executed"] in words.split(", ")
    assert words == "no, yes"


def test_every_error_has_its_place_on_the_page() -> None:
    """Each code is an anchor, with both texts; this is where `type` of a problem leads."""
    page = Reader(errors_page(PAGES))
    for error in every_error():
        assert error.code in page.ids
        assert error.text() in page.text
        assert error.text_id in page.text
    assert Denied.code in page.ids


def test_the_served_pages_hold_together(rig: Rig) -> None:
    """Every page is whole HTML under the strict policy, and every link and asset on it leads somewhere."""
    for path in ("/status", "/docs", "/docs/errors"):
        heard = rig.get(path)
        assert heard.status == 200
        assert heard.headers["content-security-policy"] == CONTENT_SECURITY
        assert heard.headers["x-frame-options"] == "DENY"
        assert heard.headers["referrer-policy"] == "same-origin"
        assert heard.headers["cache-control"] == "no-cache"
        text = heard.body.decode()
        assert Reader(Response(heard.body)).tags.isdisjoint({"style", "iframe", "object"})
        for link in {part.partition('"')[0] for part in re.split(r' (?:href|src)="', text)[1:]}:
            assert rig.get(link.partition("#")[0] or path).status == 200, link


CLOSED = CentreStatus(CentreService.BIODATA, CircuitState.CLOSED, 0.0, "", 0, 0, 16.0, None, 0.0)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (CLOSED, "works"),
        (msgspec.structs.replace(CLOSED, latency_p90=1.9), "works"),
        (msgspec.structs.replace(CLOSED, latency_p90=2.1), "slow"),
        (msgspec.structs.replace(CLOSED, wait_seconds=9.0), "slow"),
        (msgspec.structs.replace(CLOSED, circuit=CircuitState.OPEN, since=1_800_000_000.0), "away"),
        (msgspec.structs.replace(CLOSED, circuit=CircuitState.HALF_OPEN), "away"),
    ],
)
def test_the_way_to_the_centre_is_told_in_one_word(status: CentreStatus, word: str) -> None:
    """A circuit that is not closed is away; a late answer or a long queue is slow."""

    async def ready() -> dict[str, str]:
        return {}

    facts = Facts(lambda: [status], ready, lambda: [("ektp", "E-KTP", "KTP-el", False)], lambda _adapter: {}, 2.0)
    centre, adapter = facts.services()
    assert centre.health == word
    assert centre.since == ("2027-01-15T08:00:00.000Z" if status.since else None)
    assert (adapter.name, adapter.kind, adapter.health) == ("ektp", "adapter", "away")
