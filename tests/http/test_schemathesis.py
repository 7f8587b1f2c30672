"""The OpenAPI document as an outsider's tool reads it: generated requests find no 5xx and no broken promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gateway.http.events import PATH as EVENTS

if TYPE_CHECKING:
    from schemathesis.checks import CheckFunction

    from tests.http.rig import Rig

LISTED_VILLAGE = "3527012003"
LEAST_OPERATIONS = 10
FEW, MANY = 8, 100
LANGUAGE = "/language"
"""A form of a page; what it takes is not described."""

ANY_TEXT = r"^[\s\S]*$"
"""Pattern of a parameter that nobody can get wrong."""

BOUNDED = settings(
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def served(rig: Rig) -> Any:
    """The document as the gateway serves it."""
    return schemathesis.openapi.from_url(f"{rig.url}/openapi.json")


def asks_for_something(operation: Any) -> bool:
    """Whether an operation has anything that a request could get wrong; a part of its path may be any text."""
    strict = [one for one in operation.query if one.definition["schema"].get("pattern") != ANY_TEXT]
    read = [one for one in operation.body if one.media_type != "*/*"]
    return bool(read or operation.headers or strict)


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])])
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_generated_requests_get_what_is_documented(
    served: Any, rig: Rig, key: str, mode: GenerationMode, examples: int
) -> None:
    """Good and bad requests of every operation get a documented status, type, headers and body; nothing fails.

    A hand-in's form has schemas of its own and a file its name, so what is good for the document alone may be refused.
    """
    operations = [found.ok() for found in served.get_all_operations()]
    operations = [one for one in operations if one.path != EVENTS]  # a stream has no end; `test_follow` reads it
    assert len(operations) >= LEAST_OPERATIONS
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not asks_for_something(operation):
            continue

        @settings(BOUNDED, max_examples=examples)
        @given(case=operation.as_strategy(generation_mode=mode))
        def explore(case: schemathesis.Case[Any]) -> None:
            if mode is GenerationMode.POSITIVE and isinstance(case.body, dict) and "village" in case.body:
                case.body["village"] = LISTED_VILLAGE  # the schema cannot tell which of the codes exist
            if mode is GenerationMode.POSITIVE and "village" in (case.query or {}):
                case.query["village"] = LISTED_VILLAGE
            is_more = case.path.startswith(("/v1/submissions", "/v1/attachments", LANGUAGE)) and case.method in {
                "POST",
                "PUT",
            }
            without: list[CheckFunction] = [positive_data_acceptance] if is_more else []
            case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=without)

        explore()
    assert rig.log("http.request.failed") == []
