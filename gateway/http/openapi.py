"""The OpenAPI 3.1 document, drawn from the route table alone: what is served is what is described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gateway.contract import errors
from gateway.contract.web import Who
from gateway.http.problems import CONTENT_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.contract.errors import GatewayError
    from gateway.contract.web import Parameter, Route
    from gateway.http.table import Mounted

_REF = "#/components/schemas/{name}"
_EVERY: tuple[type[GatewayError], ...] = (errors.TooLarge, errors.Internal, errors.Overloaded)
_CALLER: tuple[type[GatewayError], ...] = (errors.Unauthenticated, errors.Denied, errors.TooManyRequests)
_BODY: tuple[type[GatewayError], ...] = (errors.Unsupported, errors.Invalid)
_DEADLINE: tuple[type[GatewayError], ...] = (errors.Invalid,)

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {"schema": {"type": "string"}, "description": "Correlation id; quote it to the operators."},
}
_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "X-Request-Id",
        "in": "header",
        "description": "Your own correlation id, a plain token; another one is given when it is not.",
        "schema": {"type": "string"},
    },
    {
        "name": "X-Request-Deadline",
        "in": "header",
        "description": "Seconds you are going to wait; refused at once when it cannot be answered by then.",
        "schema": {"type": "string", "pattern": r"^[1-9][0-9]{0,2}$"},
    },
    {
        "name": "Cache-Control",
        "in": "header",
        "description": "`max-stale=<seconds>`, or `no-cache` where the key allows it.",
        "schema": {"type": "string"},
    },
]


def document(mounted: Iterable[Mounted], *, title: str, version: str, purposes: Sequence[str] = ()) -> dict[str, Any]:
    """The OpenAPI document of these routes.

    Args:
        mounted: Routes to describe, in order.
        title: Title of the API.
        version: Version of the gateway.
        purposes: Purpose codes of the config; bodies that name a purpose list them.

    Returns:
        A JSON-ready object.
    """
    routes = [one.route for one in mounted]
    models = [model for route in routes for model in (route.body, route.answer) if model is not None]
    schemas, components = msgspec.json.schema_components([*models, Problem], ref_template=_REF)
    _name_purposes(components, purposes)
    by_model = dict(zip([*map(id, models), id(Problem)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_model)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": "All personal numbers travel in bodies, never in addresses.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key `sgw_<id>_<secret>`."}
            },
        },
    }


def _name_purposes(components: Mapping[str, dict[str, Any]], purposes: Sequence[str]) -> None:
    for schema in components.values():
        purpose = schema.get("properties", {}).get("purpose")
        if purposes and purpose is not None:
            purpose["enum"] = list(purposes)


def _operation(route: Route, by_model: dict[int, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": route.summary_id,
        "security": [{"key": []}] if route.rule.who is Who.CALLER else [],
        "parameters": [
            *_path_parameters(route),
            *map(_parameter, route.parameters),
            *(_PARAMETERS if route.rule.who is Who.CALLER else ()),
        ],
        "responses": {str(route.status): _good(route, by_model), **_refusals(route, by_model)},
    }
    if route.ends is not None:
        operation["deprecated"] = True
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_model[id(route.body)]}},
        }
    elif route.raw:
        operation["requestBody"] = {"content": {"*/*": {"schema": {}}}}
    return operation


def _good(route: Route, by_model: dict[int, dict[str, Any]]) -> dict[str, Any]:
    schema = by_model[id(route.answer)] if route.answer is not None else {}
    return {
        "description": route.summary,
        "headers": _HEADERS,
        "content": {route.content_type.partition(";")[0]: {"schema": schema}},
    }


def _refusals(route: Route, by_model: dict[int, dict[str, Any]]) -> dict[str, Any]:
    found: dict[int, list[type[GatewayError]]] = {}
    for error in dict.fromkeys(errors_of(route)):
        found.setdefault(error.status, []).append(error)
    return {
        str(status): {
            "description": " · ".join(f"`{error.code}`: {error.text()}" for error in leaves),
            "headers": _HEADERS,
            "content": {CONTENT_TYPE: {"schema": by_model[id(Problem)]}},
        }
        for status, leaves in sorted(found.items())
    }


def errors_of(route: Route) -> tuple[type[GatewayError], ...]:
    """Every error a route can give: its own and those of its rule and body."""
    own = route.errors + _EVERY + _DEADLINE
    if route.rule.who is Who.CALLER:
        own += _CALLER
    return own + _BODY if route.body is not None else own


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{") and part.endswith("}")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": {"type": "string", "pattern": parameter.pattern},
    }


def _operation_id(route: Route) -> str:
    words = [part for part in route.path.replace("{", "").replace("}", "").replace("-", "_").split("/") if part]
    return "_".join([route.method.lower(), *[word.replace(".", "_") for word in words]])
