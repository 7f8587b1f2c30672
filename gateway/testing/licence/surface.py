"""Rules on what an extension shows the gateway and the people: its class, its routes, its texts, its health."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.contract.web import Rule as RouteRule
from gateway.registry.loading import ANYTHING
from gateway.testing.licence.rule import Rule
from gateway.wiring.claims import own_claims

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.licence.subject import Subject

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PERSONAL = re.compile(r"\{[^}]*(?:nik|kk|nama|name)[^}]*\}", re.IGNORECASE)


def contract(subject: Subject) -> Iterator[str]:
    """The class can be loaded and built, and its hooks are those of the contract."""
    _ = subject.cls, subject.member
    yield from ()


def routes(subject: Subject) -> Iterator[str]:
    """Each has a rule, a method and a path that can be served, alone; no number of a resident is in a path."""
    seen = set()
    for mounted in subject.member.routes:
        route = mounted.route
        place = f"{route.method} {route.path}"
        rule: object = route.rule  # what an extension gives is typed on paper only
        if not isinstance(rule, RouteRule):
            yield f"{place} has no rule"
        if route.method not in METHODS or not route.path.startswith("/"):
            yield f"{place} is no method and path that can be served"
        if _PERSONAL.search(route.path):
            yield f"{place} has personal data in its path; look-ups are POST"
        if place in seen:
            yield f"{place} is there twice"
        seen.add(place)
    yield from _claimed(subject)


def _claimed(subject: Subject) -> Iterator[str]:
    """What keeps its addresses from being mounted beside the gateway's own."""
    mounts = {} if subject.manifest is None else {subject.name: tuple(subject.manifest.mounts)}
    try:
        own_claims(mounts).claim(subject.member)
    except ANYTHING as error:
        yield str(error)


def two_languages(subject: Subject) -> Iterator[str]:
    """Titles and summaries are there in both languages, and pages hold both."""
    manifest = subject.manifest
    if manifest is not None and manifest.title.strip().lower() == manifest.title_id.strip().lower() != subject.name:
        yield "title and title_id of the manifest are the same"
    for mounted in subject.member.routes:
        route = mounted.route
        place = f"{route.method} {route.path}"
        if not route.summary.strip() or not route.summary_id.strip():
            yield f"{place} lacks a summary in one language"
        elif route.summary == route.summary_id:
            yield f"{place} has one summary for both languages"
    yield from _pages(subject)


def _pages(subject: Subject) -> Iterator[str]:
    paths = {each.placed().path for each in subject.member.routes if "html" in each.route.content_type}
    if not paths:
        return
    with subject.stage() as stage:
        key = subject.key_of(stage)
        for path in sorted(path for path in paths if "{" not in path):
            text = stage.request("GET", path, key=key).body.decode("utf-8", "replace")
            for language in ("id", "en"):
                if f'lang="{language}"' not in text:
                    yield f'page {path} has nothing marked lang="{language}"'


def health_check(subject: Subject) -> Iterator[str]:
    """It registers a health check, and is well on an ordinary day."""
    if not subject.member.health_checks:
        yield "it registers no health check"
        return
    with subject.stage() as stage:
        subject.key_of(stage)  # with its secrets, where it has any
        health = dict(stage.run(stage.gateway.generation.registry.health()))
        state = health.get(subject.name)
        if state is None or not state.ok:
            yield f"it is not well on an ordinary day: {state.detail if state else 'it says nothing'}"


RULES = (
    Rule(
        "contract",
        "Its class is what the contract asks for: name, api_version, Config, marked hooks; it can be built.",
        "docs/reference/hooks.md",
        contract,
    ),
    Rule(
        "routes",
        "Each route has a rule and an address of its own; no personal data is in a path.",
        "give each Route a rule such as CALLER, and take numbers of residents in the body",
        routes,
    ),
    Rule(
        "two_languages",
        "Titles, summaries and pages are in Indonesian and English.",
        'fill title_id and summary_id; mark texts of a page with lang="id" and lang="en"',
        two_languages,
    ),
    Rule(
        "health_check",
        "It says whether it can do its work.",
        "register an object with check() in gateway_health_checks",
        health_check,
        "gold",
    ),
)
"""What is asked of what it shows."""
