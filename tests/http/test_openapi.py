"""The OpenAPI document: valid, complete, the same each time, and drawn from the route table alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from gateway.contract.errors import NotFound
from gateway.contract.web import Who
from gateway.http.openapi import document, errors_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.rig import Rig


def references(node: Any) -> Iterator[str]:
    """Every `$ref` below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_it_describes_exactly_what_is_served(rig: Rig) -> None:
    """Every public route is an operation and every operation a route; ids are unique."""
    mounted = {(one.route.path, one.route.method.lower()): one.route for one in rig.gateway.generation.public.mounted}
    described = {
        (path, method): op for path, methods in rig.document["paths"].items() for method, op in methods.items()
    }
    assert described.keys() == mounted.keys()
    ids = [operation["operationId"] for operation in described.values()]
    assert len(set(ids)) == len(ids)
    for place, operation in described.items():
        route = mounted[place]
        assert (operation["summary"], operation["description"]) == (route.summary, route.summary_id)
        secured: dict[Who, list[dict[str, list[str]]]] = {Who.CALLER: [{"key": []}], Who.PERSON: [{"session": []}]}
        assert operation["security"] == secured.get(route.rule.who, [])
        assert ("requestBody" in operation) == (route.body is not None or route.raw or route.stream)
        assert {str(error.status) for error in errors_of(route)} | {str(route.status)} == set(operation["responses"])


def test_every_schema_is_valid_and_every_reference_leads_somewhere(rig: Rig) -> None:
    """Components are JSON Schema of draft 2020-12, and no `$ref` points into nothing."""
    served = rig.document
    assert re.fullmatch(r"3\.1\.\d", served["openapi"])
    assert {"title", "version", "license"} <= served["info"].keys()
    for schema in served["components"]["schemas"].values():
        jsonschema_rs.meta.validate({**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"})
    known = {f"#/components/schemas/{name}" for name in served["components"]["schemas"]}
    assert set(references(served)) == known


def test_it_is_the_same_each_time(rig: Rig) -> None:
    """Two drawings of one table are the same to the byte, and so are two answers."""
    mounted = rig.gateway.generation.public.mounted
    assert document(mounted, title="t", version="1") == document(mounted, title="t", version="1")
    assert rig.get("/openapi.json").body == rig.get("/openapi.json").body


def test_purposes_of_the_config_are_listed(rig: Rig) -> None:
    """A body that names a purpose lists the configured codes; without a config it only says their shape."""
    schemas = rig.document["components"]["schemas"]
    assert schemas["ResidentLookup"]["properties"]["purpose"]["enum"] == ["pelayanan", "verifikasi", "statistik"]
    bare = document(rig.gateway.generation.public.mounted, title="t", version="1")
    assert "enum" not in bare["components"]["schemas"]["ResidentLookup"]["properties"]["purpose"]


@pytest.mark.parametrize("name", ["ResidentLookup", "FamilyCardLookup"])
def test_examples_are_valid(rig: Rig, name: str) -> None:
    """The examples that callers copy are good bodies themselves."""
    schema = rig.document["components"]["schemas"][name]
    example = {field: part["examples"][0] for field, part in schema["properties"].items() if "examples" in part}
    jsonschema_rs.validate({**schema, "components": rig.document["components"]}, example)


def test_no_personal_number_stands_in_an_address(rig: Rig) -> None:
    """No path and no query parameter takes a NIK or the number of a family card."""
    for path, methods in rig.document["paths"].items():
        assert not re.search(r"nik|kk", path, re.IGNORECASE)
        for operation in methods.values():
            named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
            assert not any(re.search(r"nik|kk|subject", name, re.IGNORECASE) for name in named)


def test_what_a_look_up_can_refuse_is_told(rig: Rig) -> None:
    """The documented refusals of a look-up name each code with its text."""
    operation = rig.document["paths"]["/v1/residents/lookup"]["post"]
    told = " ".join(answer["description"] for answer in operation["responses"].values())
    for code in ("unauthenticated", "denied", "invalid", "quota_exhausted", "centre_timeout", "overloaded"):
        assert f"`{code}`" in told
    assert NotFound.text() in told
