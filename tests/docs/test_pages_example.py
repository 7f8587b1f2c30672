"""The desk that the how-to page writes works without script: drawn, refused with its faults, handed in once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.browser.desk import PLACE, body_of, desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Heard, Rig

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
SCRIPT = {**FORM, "Accept": "application/json"}
LETTER, BOOK = b"%PDF-1.7 synthetic letter", b"%PDF-1.7 synthetic book"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with the desk."""
    with desk(tmp_path_factory.mktemp("desk")) as running:
        yield running


def upload(rig: Rig, content: bytes) -> Heard:
    """Hand in a paper."""
    name = hashlib.sha256(content).hexdigest()
    headers = {"Upload-Offset": "0", "Upload-Length": str(len(content)), "Sec-Fetch-Site": "same-origin"}
    return rig.request("PUT", f"/apps/birth_desk/papers/{name}", content, headers)


def papers() -> dict[str, str]:
    """Fields that name both papers."""
    found = {}
    for place, (content, kind) in enumerate(((LETTER, "birth_letter"), (BOOK, "marriage_book"))):
        found[f"attachments/{place}/sha256"] = hashlib.sha256(content).hexdigest()
        found[f"attachments/{place}/kind"] = kind
    return found


def test_the_page_is_drawn_in_both_languages(rig: Rig) -> None:
    """The empty form, under the policy of all pages, with the switch of language leading back to it."""
    heard = rig.get(PLACE)
    assert heard.status == 200
    assert "default-src 'self'" in heard.headers["content-security-policy"]
    assert b"Tempat kelahiran" in heard.body
    chosen = rig.request("POST", "/language", f"language=en&back={PLACE}".encode())
    assert (chosen.status, chosen.headers["location"]) == (303, PLACE)
    english = rig.request("GET", PLACE, headers={"Cookie": chosen.headers["set-cookie"].partition(";")[0]})
    assert b"Place of birth" in english.body
    assert rig.request("POST", "/language", b"language=fr").status == 422
    assert rig.request("POST", "/language", b"language=id&back=//evil").headers["location"] == "/status"


def test_what_is_wrong_is_shown_and_kept(rig: Rig) -> None:
    """A refused form comes back with its values, a summary, and a fault at each field; nothing was handed in."""
    heard = rig.request("POST", PLACE, body_of(**{"form/child/birth_date": "31-02-2026", "origin_id": "a1"}), FORM)
    page = heard.body.decode()
    assert heard.status == 422
    assert 'href="#form-child-birth_date"' in page
    assert 'value="31-02-2026"' in page
    assert 'value="SYNTHETIC BAYI"' in page
    assert "Belum dilampirkan" in page


def test_a_form_with_its_papers_is_handed_in_once(rig: Rig) -> None:
    """Papers first, then the form; the same again gets the same receipt, by script and plainly."""
    assert [upload(rig, content).status for content in (LETTER, BOOK)] == [201, 201]
    body = body_of(origin_id="device-1", **papers())
    first = rig.request("POST", PLACE, body, SCRIPT)
    again = rig.request("POST", PLACE, body, SCRIPT)
    plain = rig.request("POST", PLACE, body, FORM)
    assert first.status == again.status == 200, first
    assert first.json == again.json
    assert first.json["receipt"] in plain.body.decode()


def test_another_sites_page_cannot_use_the_desk(rig: Rig) -> None:
    """Its form posts from elsewhere, and is refused."""
    heard = rig.request("POST", PLACE, body_of(origin_id="x"), {**SCRIPT, "Sec-Fetch-Site": "cross-site"})
    assert (heard.status, heard.json["code"]) == (403, "denied")
