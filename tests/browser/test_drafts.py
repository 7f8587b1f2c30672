"""Drafts in a browser: what is typed while the line is cut arrives once, stays sealed, and belongs to who wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from gateway.pages import core_assets
from tests.browser.desk import COMPLETE, PLACE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

    from tests.http.rig import Rig

PASSPHRASE = "kata sandi meja satu"
VECTORS = json.loads((Path(__file__).resolve().parents[1] / "pages/draft_vectors.json").read_text(encoding="utf-8"))
CHECKS = """async ([address, vectors]) => {
  const room = await import(address);
  const found = [];
  for (const one of vectors) {
    const key = await room.keyOf(one.passphrase, room.fromBase64(one.salt), one.iterations);
    try {
      const bytes = await room.open(key, one.account, one.what, one.record);
      const again = await room.seal(key, one.account, one.what, bytes, room.fromBase64(one.record.nonce));
      const same = new TextDecoder().decode(bytes) === one.text && again.sealed === one.record.sealed;
      found.push(same ? "opens" : "differs");
    } catch (error) {
      found.push(error instanceof room.WrongPassphrase ? "refused" : String(error));
    }
  }
  return found;
}"""
STORED = """() => new Promise((resolve) => {
  const request = indexedDB.open("siak-drafts");
  request.onsuccess = () => {
    const all = request.result.transaction(["locks", "drafts", "files"]);
    const found = {};
    for (const name of ["locks", "drafts", "files"]) {
      all.objectStore(name).getAll().onsuccess = (event) => { found[name] = event.target.result; };
    }
    all.oncomplete = () => { request.result.close(); resolve(found); };
  };
})"""


def opened(page: Page, passphrase: str = PASSPHRASE) -> None:
    """The form's page, kept for later, with its drafts open."""
    page.goto(PLACE)
    page.wait_for_selector("[data-drafts]")
    unlock(page, passphrase)
    page.wait_for_selector("[data-unlocked]:not([hidden])")


def unlock(page: Page, passphrase: str = PASSPHRASE) -> None:
    """Type the passphrase."""
    page.fill("#drafts-passphrase", passphrase)
    page.press("#drafts-passphrase", "Enter")


def kept(page: Page) -> None:
    """Wait until the page is kept for when the line is cut."""
    page.wait_for_selector("[data-drafts][data-kept]", state="attached")


def fill(page: Page, fields: dict[str, str]) -> None:
    """Type into the form's fields."""
    for name, value in fields.items():
        control = page.locator(f"[name='{name}']")
        if control.first.get_attribute("type") == "radio":
            page.locator(f"[name='{name}'][value='{value}']").check()
        else:
            control.fill(value)


def attach(page: Page) -> None:
    """Choose both papers."""
    for kind in ("birth_letter", "marriage_book"):
        content = b"%PDF-1.7 synthetic " + kind.encode()
        page.set_input_files(f"#{kind}", {"name": f"{kind}.pdf", "mimeType": "application/pdf", "buffer": content})


def state(page: Page, word: str) -> None:
    """Wait until the newest draft stands so."""
    page.wait_for_selector(f"[data-rows] li:first-child[data-state={word}]")


def handed_in(rig: Rig) -> int:
    """How many submissions the gateway holds."""
    work = lambda connection: connection.execute(sa.text("SELECT COUNT(*) FROM submissions")).scalar_one()  # noqa: E731
    return int(rig.run(rig.gateway.database.read(work)))


def stored(page: Page) -> dict[str, list[Any]]:
    """Everything the browser keeps of drafts."""
    found: dict[str, list[Any]] = page.evaluate(STORED)
    return found


def test_a_form_whose_line_is_cut_in_the_middle_arrives_once(rig: Rig, context: BrowserContext, page: Page) -> None:
    """Half is typed with a line, half without, the page is even loaded anew; then it arrives once, with papers."""
    before = handed_in(rig)
    opened(page)
    kept(page)
    typed = list(COMPLETE.items())
    fill(page, dict(typed[:6]))
    state(page, "draft")
    context.set_offline(True)
    fill(page, dict(typed[6:]))
    attach(page)
    page.wait_for_selector("[data-said][data-files='2']", state="attached")
    page.click("form[data-draft] button[type=submit]")
    state(page, "queued")
    assert page.locator("[data-line=cut]").count() == 1
    page.reload()
    unlock(page)
    state(page, "queued")
    assert handed_in(rig) == before
    context.set_offline(False)
    state(page, "delivered")
    assert handed_in(rig) == before + 1
    assert page.locator("[data-rows] li:first-child code").inner_text()
    assert stored(page)["files"] == []


def test_an_answer_that_is_lost_on_the_way_does_no_harm(rig: Rig, context: BrowserContext, page: Page) -> None:
    """The gateway took it and its answer never came: the next attempt gets the same receipt."""
    before = handed_in(rig)
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            headers = {**route.request.headers, "sec-fetch-site": "same-origin"}  # as the browser itself sends it
            lost.append(route.fetch(headers=headers).json()["receipt"])
            route.abort()
        else:
            route.continue_()

    context.route(f"**{PLACE}", lose)
    opened(page)
    fill(page, COMPLETE)
    attach(page)
    page.wait_for_selector("[data-said][data-files='2']", state="attached")
    page.click("form[data-draft] button[type=submit]")
    state(page, "delivered")
    assert page.locator("[data-rows] li:first-child code").inner_text() == lost[0]
    assert handed_in(rig) == before + 1


def test_a_refused_form_comes_back_with_its_faults(rig: Rig, page: Page) -> None:
    """What was typed is there again, each fault at its field, and the corrected form goes under the same id."""
    before = handed_in(rig)
    opened(page)
    fill(page, {"form/no_kk": "12", "form/child/name": "SYNTHETIC BAYI"})
    page.click("form[data-draft] button[type=submit]")
    state(page, "refused")
    page.wait_for_selector("[data-faults]:focus")
    assert page.locator("#form-no_kk").input_value() == "12"
    assert page.locator("#form-no_kk").get_attribute("aria-invalid") == "true"
    (draft,) = stored(page)["drafts"]
    fill(page, COMPLETE)
    attach(page)
    page.wait_for_selector("[data-said][data-files='2']", state="attached")
    page.click("form[data-draft] button[type=submit]")
    state(page, "delivered")
    assert [one["id"] for one in stored(page)["drafts"]] == [draft["id"]]
    assert handed_in(rig) == before + 1


def test_what_is_kept_is_sealed_and_locked_again(page: Page) -> None:
    """No word that was typed is stored in the clear; locked, or under another passphrase, nothing is shown."""
    opened(page)
    fill(page, {"form/no_kk": "3527033103260001", "form/child/name": "SYNTHETIC BAYI"})
    state(page, "draft")
    everything = json.dumps(stored(page))
    for secret in ("SYNTHETIC", "3527033103260001", "birth", PASSPHRASE, "Pencatatan"):
        assert secret not in everything
    page.click("[data-lock]")
    assert page.locator("[data-rows] li").count() == 0
    unlock(page, "kata sandi yang salah")
    page.get_by_text("tidak cocok").wait_for()
    assert page.locator("[data-unlocked]").is_hidden()
    unlock(page)
    state(page, "draft")


def test_another_account_sees_nothing(browser: Browser, rig: Rig) -> None:
    """Drafts are listed for their own account only, each under a passphrase of its own."""
    context = browser.new_context(base_url=rig.url, service_workers="block")  # so that the page can be altered
    page = context.new_page()
    opened(page)
    fill(page, {"form/child/name": "SYNTHETIC BAYI"})
    state(page, "draft")
    page.route(f"**{PLACE}", lambda route: route.fulfill(body=route.fetch().text().replace("meja-1", "meja-2")))
    opened(page, "kata sandi meja dua")
    assert page.locator("[data-rows] li[data-state]").count() == 0
    assert len(stored(page)["locks"]) == 2
    context.close()


@pytest.mark.parametrize(("kind", "expected"), [("good", "opens"), ("bad", "refused")])
def test_the_format_is_the_one_python_reads(page: Page, kind: str, expected: str) -> None:
    """The vectors that `tests/pages` reads open here too, and what was bent is refused here too."""
    page.goto("/status")
    found = page.evaluate(CHECKS, [core_assets().address("drafts_sealing.js"), VECTORS[kind]])
    assert found == [expected] * len(VECTORS[kind])
