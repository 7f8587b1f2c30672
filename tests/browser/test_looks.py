"""Pages in a browser: usable by keyboard, without script, on phones, and by those who cannot see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has none

from tests.browser.desk import PLACE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.http.rig import Rig

PHONE = {"width": 360, "height": 740}
SERIOUS = {"serious", "critical"}


def complaints(page: Page) -> list[str]:
    """What axe finds serious."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("place", ["/status", PLACE])
def test_axe_finds_nothing_serious(page: Page, place: str) -> None:
    """On a desktop and on a phone, where nothing is wider than the screen."""
    page.goto(place)
    page.wait_for_selector("body.govuk-frontend-supported")
    assert complaints(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type] # a plain dict is one
    assert complaints(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_keyboard_is_enough(page: Page) -> None:
    """Skip link, controls and sending need no mouse; a refused form has its summary focused, and leads to the field."""
    page.goto(PLACE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "govuk-skip-link"
    page.keyboard.press("Enter")
    page.locator("#form-no_kk").focus()
    page.keyboard.type("12")
    page.keyboard.press("Tab")
    page.keyboard.type("SYNTHETIC BAYI")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.locator("#form-child-sex-2").is_checked()
    with page.expect_navigation():
        page.locator("#form-child-birth_place").press("Enter")
    page.wait_for_selector(".govuk-error-summary:focus")
    assert complaints(page) == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#form-no_kk:focus")
    assert page.locator("#form-no_kk").input_value() == "12"
    assert page.locator("#form-child-sex-2").is_checked()


def test_entries_are_added_and_needless_parts_put_away(page: Page) -> None:
    """A ticked foundling puts the mother away, and what is away is not sent."""
    page.goto(PLACE)
    page.wait_for_selector("body.govuk-frontend-supported")
    mother = page.locator("#form-mother")
    page.locator("#form-foundling").check()
    mother.wait_for(state="hidden")
    assert page.locator("[name='form/mother/nik']").is_disabled()
    page.locator("#form-foundling").uncheck()
    mother.wait_for(state="visible")


def test_status_and_forms_work_without_script(browser: Browser, rig: Rig) -> None:
    """Nothing is hidden that only a script would show; a form is posted plainly and answered with its faults."""
    context = browser.new_context(base_url=rig.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/status")
    assert page.locator("#services tbody tr").count() > 0
    page.goto(PLACE)
    page.fill("[name='form/no_kk']", "12")
    page.click("form[data-draft] button[type=submit]")
    assert page.locator(".govuk-error-summary").is_visible()
    page.click("button[lang=en]")
    assert page.url.endswith(PLACE)
    assert page.locator("html").get_attribute("lang") == "en"
    context.close()
