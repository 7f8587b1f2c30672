"""Refusals as responses, and bodies whose faults only the reader can name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import msgspec
import pytest
from msgspec import Meta

from gateway.contract.errors import CentreTimeout, FieldFault, Invalid, Overloaded, Unauthenticated, every_error
from gateway.http.bodies import BodyReader
from gateway.http.problems import CONTENT_TYPE, response_of

if TYPE_CHECKING:
    from gateway.contract.errors import Denied


@pytest.mark.parametrize("error", every_error())
def test_every_leaf_makes_a_problem(error: type[Denied]) -> None:
    """Status, code, texts in both languages and the default of `executed` come from the tree alone."""
    response = response_of(error(), "abcdefgh")
    problem = json.loads(response.body)
    assert (response.status, response.content_type) == (error.status, CONTENT_TYPE)
    assert problem == {
        "type": f"/docs/errors#{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": error.text(),
        "detail_id": error.text_id,
        "code": error.code,
        "request_id": "abcdefgh",
        "retryable": error.retryable,
        "executed": error.default_executed,
        "errors": [],
    }


@pytest.mark.parametrize(("after", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (86_399.5, "86400")])
def test_retry_after_is_whole_seconds_rounded_up(after: float, header: str) -> None:
    """Nobody is told to come back too early, or at once."""
    assert ("retry-after", header) in response_of(Overloaded(retry_after=after), "x").headers


def test_an_error_carries_its_own_facts() -> None:
    """Own text, outcome, faults and headers replace the defaults; 401 names its scheme."""
    fault = FieldFault("/nik", "pattern", "wrong.", "salah.")
    response = response_of(CentreTimeout("Too late.", executed="no", faults=(fault,), headers=(("a", "b"),)), "x")
    problem = json.loads(response.body)
    assert (problem["detail"], problem["executed"]) == ("Too late.", "no")
    assert problem["errors"] == [msgspec.to_builtins(fault)]
    assert response.headers == (("a", "b"), ("retry-after", "5"))
    assert ("www-authenticate", 'Bearer realm="siak-gateway"') in response_of(Unauthenticated(), "x").headers


class Odd(msgspec.Struct, forbid_unknown_fields=True):
    """A body with every kind of bound."""

    count: Annotated[int, Meta(multiple_of=5)] = 0
    names: Annotated[list[str], Meta(min_length=1, max_length=2)] = msgspec.field(default_factory=lambda: ["a"])
    kind: Annotated[str, Meta(examples=["x"])] = "x"
    table: dict[str, list[int]] = msgspec.field(default_factory=dict)


def faults(body: bytes) -> dict[str, str]:
    """Field and code of each fault."""
    with pytest.raises(Invalid) as refused:
        BodyReader(Odd).read(body)
    assert all(fault.message.endswith(".") and fault.message_id.endswith(".") for fault in refused.value.faults)
    return {fault.field: fault.code for fault in refused.value.faults}


def test_bounds_without_a_text_of_their_own_are_named_too() -> None:
    """A rule that has no own words still names its field; lists and nested places have pointers."""
    assert faults(b'{"count": 3, "names": []}') == {"/count": "multipleOf", "/names": "minItems"}
    assert faults(b'{"names": ["a", "b", "c"]}') == {"/names": "maxItems"}
    assert faults(b'{"table": {"a/b~c": [1, "x"]}}') == {"/table/a~1b~0c/1": "type"}


def test_a_body_only_the_decoder_refuses_is_still_named() -> None:
    """Where the schema finds nothing wrong but the decoder does, the whole body is at fault."""
    assert faults(b'{"kind": "\\ud800"}') == {"": "json"}
