"""The OpenAPI 3.1 documents, drawn from the route table alone: what is served is what is described.

```
/openapi.json            the gateway's own API; one tag for each adapter, whose `externalDocs` is
/openapi/{adapter}.json  the adapter's document; its `externalDocs` lead back
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.contract import errors
from gateway.contract.web import Who
from gateway.http.forms import FORM
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

_PERSON: tuple[type[GatewayError], ...] = (errors.SignInNeeded, errors.RoleMissing, errors.StorageUnavailable)
_LICENCE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_KEY = {"type": "http", "scheme": "bearer", "description": "A key `sgw_<id>_<secret>`."}
_SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "__Host-siak",
    "description": "A person's session, begun at `/people/sign-in`; `siak` over plain HTTP. "
    "What changes something needs the session's `csrf` token too.",
}
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
NATIVE = "/openapi.json"
"""Where the document of the gateway's own API is."""

NO_NUMBERS = "All personal numbers travel in bodies, never in addresses."
"""What holds for all of our own routes."""

_PARAMETER = re.compile(r"\{([^}:]+)(?::[^}]*)?\}")


def address_of(adapter: str) -> str:
    """Where an adapter's document is."""
    return f"/openapi/{adapter}.json"


@dataclass(frozen=True, slots=True)
class Linked:
    """A document that another one leads to.

    Attributes:
        name: Whose it is.
        title: What it is called, in both languages.
        url: Where it is.
    """

    name: str
    title: str
    url: str


def document(
    mounted: Iterable[Mounted],
    *,
    title: str,
    version: str,
    purposes: Sequence[str] = (),
    adapters: Sequence[Linked] = (),
    description: str = NO_NUMBERS,
    back: str | None = None,
) -> dict[str, Any]:
    """The OpenAPI document of these routes.

    Args:
        mounted: Routes to describe, in order.
        title: Title of the API.
        version: Version of the gateway.
        purposes: Purpose codes of the config; bodies that name a purpose list them.
        adapters: Documents of adapters that it leads to.
        description: What holds for all of its routes.
        back: Address of the document that leads to it.

    Returns:
        A JSON-ready object.
    """
    routes = [one.route for one in mounted]
    models = [model for route in routes for model in (route.body, route.raw_body, route.answer) if model is not None]
    schemas, components = msgspec.json.schema_components([*models, Problem], ref_template=_REF)
    _name_purposes(components, purposes)
    by_model = dict(zip([*map(id, models), id(Problem)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_model)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description, "license": _LICENCE},
        **_links(adapters, back),
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _schemes(routes)},
    }


_SECURED = MappingProxyType({Who.CALLER: "key", Who.PERSON: "session"})


def _schemes(routes: Iterable[Route]) -> dict[str, Any]:
    """How the routes of a document are called: by a key, and by people's sessions where there are such routes."""
    for_people = any(route.rule.who is Who.PERSON for route in routes)
    return {"key": _KEY, "session": _SESSION} if for_people else {"key": _KEY}


def _links(adapters: Sequence[Linked], back: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if adapters:
        found["tags"] = [
            {"name": one.name, "description": one.title, "externalDocs": {"url": one.url, "description": "OpenAPI 3.1"}}
            for one in adapters
        ]
    if back is not None:
        found["externalDocs"] = {"url": back, "description": "The gateway's own API"}
    return found


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
        "security": [{_SECURED[route.rule.who]: []}] if route.rule.who in _SECURED else [],
        "parameters": [
            *_path_parameters(route),
            *map(_parameter, route.parameters),
            *(_PARAMETERS if route.rule.who is Who.CALLER else ()),
        ],
        "responses": {str(route.status): _good(route, by_model), **_refusals(route, by_model)},
    }
    if route.rule.who is Who.HANDLER:
        operation["x-credentials"] = "in the call itself"
    if route.ends is not None:
        operation["deprecated"] = True
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": by_model[id(route.body)]} for kind in _types(route)},
        }
    elif route.stream:
        binary = {"type": "string", "format": "binary"}
        operation["requestBody"] = {"content": {"application/octet-stream": {"schema": binary}}}
    elif route.raw and route.method != "GET":
        operation["requestBody"] = {"content": _raw_content(route, by_model)}
    return operation


def _types(route: Route) -> tuple[str, ...]:
    return ("application/json", FORM) if route.form else ("application/json",)


def _raw_content(route: Route, by_model: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """What a raw body usually is; of any other type it is read too."""
    if route.raw_body is None:
        return {"*/*": {"schema": {}}}
    schema = {"schema": by_model[id(route.raw_body)]}
    return {"application/json": schema, FORM: schema}


def _good(route: Route, by_model: dict[int, dict[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {route.content_type.partition(";")[0]: {"schema": {}}}
    if route.answer is not None:
        content["application/json"] = {"schema": by_model[id(route.answer)]}
    return {"description": route.summary, "headers": _HEADERS, "content": content}


def _refusals(route: Route, by_model: dict[int, dict[str, Any]]) -> dict[str, Any]:
    if route.refused is not None:
        return {"default": {"description": _OWN_WORDS, "headers": _HEADERS}}
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


_OWN_WORDS = "Refusals are worded as the service worded them that stood here before; see the adapter's own page."


def errors_of(route: Route) -> tuple[type[GatewayError], ...]:
    """Every error a route can give: its own and those of its rule and body."""
    own = route.errors + _EVERY + _DEADLINE
    if route.rule.who is Who.CALLER:
        own += _CALLER
    if route.rule.who is Who.PERSON:
        own += _PERSON if route.method == "GET" else (*_PERSON, errors.NotFromHere)
    return own + _BODY if route.body is not None else own


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = _PARAMETER.findall(route.path)
    told = {one.name for one in route.parameters if one.place == "path"}
    plain = {"in": "path", "required": True, "schema": {"type": "string"}}
    return [{"name": name, **plain} for name in names if name not in told]


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
