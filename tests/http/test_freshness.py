"""`Cache-Control` of requests, `Age` and `Cache-Status` of answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.messages import Answer, CentreService, Freshness, Reply
from gateway.http.freshness import freshness_headers, freshness_of, instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Freshness()),
        ("no-cache", Freshness(no_cache=True)),
        (" No-Cache ", Freshness(no_cache=True)),
        ("max-stale=60", Freshness(max_stale=60.0, strict=True)),
        ('max-stale="60"', Freshness(max_stale=60.0, strict=True)),
        ("max-stale = 60 , no-cache", Freshness(max_stale=60.0, no_cache=True, strict=True)),
        ("max-stale", Freshness()),
        ("max-stale=", Freshness()),
        ("max-stale=-1", Freshness()),
        ("max-stale=1.5", Freshness()),
        ("max-stale=x", Freshness()),
        ("stale-if-error=0", Freshness(strict=True)),
        ("stale-if-error=60", Freshness()),
        ("no-store, private, max-age=0", Freshness()),
        ("no-cachet", Freshness()),
        (",,;=,=5", Freshness()),
    ],
)
def test_directives_are_read(text: str, expected: Freshness) -> None:
    """Known directives count in any spelling; what is unknown or no number is ignored."""
    assert freshness_of({"cache-control": text}) == expected


def test_a_request_that_says_nothing_leaves_it_to_the_config() -> None:
    """Without the header there is no wish at all."""
    assert freshness_of({}) is None


@given(st.text(max_size=400))
def test_any_text_is_survived(text: str) -> None:
    """No text of a header makes the reading fail, and an age is never negative."""
    found = freshness_of({"cache-control": text})
    assert found is not None
    assert found.max_stale is None or found.max_stale >= 0


@pytest.mark.parametrize(("status", "expected"), [("", "siak-gateway"), ("hit; ttl=55", "siak-gateway; hit; ttl=55")])
def test_age_and_cache_status_of_an_answer(status: str, expected: str) -> None:
    """Age is whole seconds; `Cache-Status` names the cache, with its parameters where there are any."""
    answer = Answer(Reply(CentreService.BIODATA, b"{}"), 0.0, "cache", 59.99, cache_status=status)
    assert freshness_headers(answer) == (("age", "59"), ("cache-status", expected))


def test_instants_are_rfc_3339_in_utc() -> None:
    """Unix seconds become UTC with milliseconds and a Z."""
    assert instant(1_800_000_000.25) == "2027-01-15T08:00:00.250Z"
