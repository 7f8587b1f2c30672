"""Templates: everything escaped, what is missing is an error, both languages whole, names of extensions apart."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pytest

from gateway.pages import LANGUAGES, Pages, language_of
from gateway.pages.environment import marked
from gateway.pages.language import local_path
from gateway.pages.texts import text, texts

ROOT = Path(__file__).resolve().parents[2]
ROOM = ROOT / "gateway" / "pages"
EVIL = '<b>"x"</b>\'&'


@dataclass(frozen=True)
class Somebody:
    """Who is signed in."""

    id: str = "a1"
    name: str = EVIL
    csrf: str = "masked"


def pages_of(folder: Path, **templates: str) -> Pages:
    """Pages with an extension `kit` that has these templates."""
    for name, content in templates.items():
        (folder / f"{name}.html").write_text(content, encoding="utf-8")
    return Pages({"kit": folder})


def test_both_languages_have_the_same_texts() -> None:
    """No key is missing in one language, none is empty, and each asks for the same values."""
    indonesian, english = texts("id"), texts("en")
    assert list(indonesian) == list(english)
    for key, words in indonesian.items():
        assert words.strip()
        assert english[key].strip()
        assert set(re.findall(r"\{(\w+)\}", words)) == set(re.findall(r"\{(\w+)\}", english[key])), key


def test_every_text_is_used() -> None:
    """A text nobody shows is deleted; one that is shown exists."""
    sources = [*ROOM.rglob("*.html"), *(ROOT / "gateway/http").glob("*.py")]
    used = {key for file in sources for key in re.findall(r'\bt\("([\w.]+)"', file.read_text(encoding="utf-8"))}
    drawn = {f"form.{kind}" for kind in ("digits_16", "digits_10")}
    assert (used - {"form."}) | drawn == set(texts("id"))


def test_what_is_shown_is_escaped_and_what_is_missing_is_an_error(tmp_path: Path) -> None:
    """Values, texts in two languages, and marked words can hold anything; a forgotten value never shows as nothing."""
    pages = pages_of(tmp_path, shown="{{ both(x, x ~ 1) }}{{ say(x, x) }}{{ x | marked }}", missing="{{ nothing }}")
    shown = pages.render("apps/kit/shown.html", {"x": EVIL}).body.decode()
    assert "<b>" not in shown
    assert shown.count("&lt;b&gt;") == 4
    with pytest.raises(jinja2.UndefinedError):
        pages.render("apps/kit/missing.html", {})


def test_backticks_are_code() -> None:
    """Only what stands in them, and still escaped."""
    assert marked("a `<b>` c") == "a <code>&lt;b&gt;</code> c"


def test_an_extension_has_its_own_names_on_the_common_look(tmp_path: Path) -> None:
    """Its `page.html` is not ours, ours is what it extends, and no name leads out of its folder."""
    pages = pages_of(tmp_path, page='{% extends "page.html" %}{% block main %}<p>kit</p>{% endblock %}')
    body = pages.render("apps/kit/page.html", {}, language="en").body.decode()
    assert '<html lang="en"' in body
    assert "<p>kit</p>" in body
    for name in ("apps/other/page.html", "apps/kit/../page.html", "../pages.py", "apps/kit/none.html"):
        with pytest.raises(jinja2.TemplateNotFound):
            pages.render(name, {})


def test_who_is_signed_in_is_named_and_nothing_is_kept() -> None:
    """The header names the person, drafts find its account, and no browser keeps the page."""
    answer = Pages().render("errors.html", {"errors": []}, person=Somebody(), back="/docs/errors")
    assert ("cache-control", "private, no-store") in answer.headers
    assert b'data-account="a1"' in answer.body
    assert b"&lt;b&gt;" in answer.body


@pytest.mark.parametrize(
    ("cookie", "chosen", "expected"),
    [
        ("", None, "id"),
        ("a=b; language=en", None, "en"),
        ("language=en", "id", "id"),
        ("language=xx", None, "id"),
        ("xlanguage=en", None, "id"),
        ("", "fr", "id"),
    ],
)
def test_the_language_is_the_persons_then_the_cookies_then_indonesian(
    cookie: str, chosen: str | None, expected: str
) -> None:
    """What a browser would accept is not asked."""
    assert language_of({"cookie": cookie, "accept-language": "en"}, chosen) == expected


@pytest.mark.parametrize("place", ["//evil.example", "/\\evil.example", "https://evil.example", "", "x", "/a\r\nb: c"])
def test_the_switch_leads_to_no_other_site(place: str) -> None:
    """Only a path of ours is gone back to."""
    assert local_path(place) == "/status"
    assert local_path("/apps/kit/form?x=1") == "/apps/kit/form?x=1"


def test_a_text_says_what_it_lacks() -> None:
    """An unknown key and a missing value are errors, in every language."""
    for language in LANGUAGES:
        assert text(language, "form.add", name="X").endswith("X")
        with pytest.raises(KeyError):
            text(language, "form.nothing")
        with pytest.raises(KeyError):
            text(language, "form.add", nothing=1)


def test_the_texts_are_toml_of_texts_only() -> None:
    """Groups of texts, nothing deeper."""
    for language in LANGUAGES:
        told = tomllib.loads((ROOM / f"texts/{language}.toml").read_text(encoding="utf-8"))
        assert all(isinstance(words, str) for group in told.values() for words in group.values())
