"""The error tree: every leaf has its code, status and texts, and the tree is exactly that of the contract."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from gateway.contract import errors
from gateway.contract.errors import CallerError, CentreError, GatewayError, OwnError, every_error

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = {
    "unauthenticated": 401,
    "sign_in_needed": 401,
    "wrong_credentials": 401,
    "denied": 403,
    "role_missing": 403,
    "not_from_here": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "unsupported": 415,
    "invalid": 422,
    "idempotency_mismatch": 422,
    "idempotency_key_missing": 428,
    "too_many_requests": 429,
    "too_many_guesses": 429,
    "quota_exhausted": 429,
    "internal": 500,
    "centre_misanswered": 502,
    "centre_unreachable": 503,
    "centre_unavailable": 503,
    "overloaded": 503,
    "maintenance": 503,
    "outside_hours": 503,
    "centre_refused_us": 503,
    "storage_unavailable": 503,
    "centre_timeout": 504,
}
"""What the outside relies on."""


def below(error: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Every class below one that belongs to this room."""
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from below(child)


def test_the_codes_are_those_of_the_contract() -> None:
    """No code is missing, none is new, none stands twice, and each has its status."""
    codes = [error.code for error in every_error()]
    assert len(codes) == len(set(codes))
    assert {error.code: error.status for error in every_error()} == CONTRACT


def test_every_class_is_a_branch_or_a_listed_leaf() -> None:
    """Nothing hides deeper in the tree or beside its three branches."""
    assert set(below(GatewayError)) == {CallerError, CentreError, OwnError, *every_error()}
    assert GatewayError.__subclasses__() == [CallerError, CentreError, OwnError]


@pytest.mark.parametrize("error", every_error())
def test_a_leaf_says_itself(error: type[GatewayError]) -> None:
    """The first line of its docstring is its text, Indonesian stands beside, and its code is its name."""
    made = error()
    assert made.detail == str(made) == error.text()
    assert made.detail.endswith(".")
    assert error.text_id.endswith(".")
    assert error.text_id != GatewayError.text_id
    assert error.code == re.sub(r"(?<=[a-z])([A-Z])", r"_\1", error.__name__).lower()
    assert 400 <= HTTPStatus(error.status) < 600
    assert (made.retry_after, made.faults, made.headers, made.executed) == (None, (), (), error.default_executed)
    assert (error.default_retry_after is not None) is error.retryable  # what may succeed later says when
    assert f"{error.__name__} {error.status}" in (errors.__doc__ or "")


@pytest.mark.parametrize("error", every_error())
def test_only_the_centres_own_word_counts_as_executed(error: type[GatewayError]) -> None:
    """What the caller can mend was not sent; only a late or odd reply leaves doubt."""
    if issubclass(error, CallerError):
        assert error.default_executed == "no"
    assert error.default_executed in {"no", "unknown", "yes"}


def test_facts_replace_defaults() -> None:
    """Text, outcome and times of one case win over those of its leaf."""
    made = errors.CentreTimeout("Too late.", retry_after=2.5, executed="no")
    assert (made.detail, str(made), made.retry_after, made.executed) == ("Too late.", "Too late.", 2.5, "no")
