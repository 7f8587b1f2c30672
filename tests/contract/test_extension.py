"""What an extension may rely on: names, hooks with their arguments, values that cannot change."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import subprocess
import sys
from typing import Any

import msgspec
import pydantic
import pytest

import gateway.contract
from gateway.contract import (
    API_VERSION,
    ENTRY_POINT_GROUP,
    Allowed,
    Answer,
    Asking,
    Call,
    Caller,
    CentreService,
    Extension,
    ExtensionConfig,
    Freshness,
    Health,
    Priority,
    Question,
    Reply,
    Right,
    hookspecs,
)
from gateway.contract.web import CALLER, OPERATOR, PUBLIC, Response, Rule, Who

HOOKS = {
    "gateway_routes": [],
    "gateway_pages": [],
    "gateway_tables": [],
    "gateway_jobs": [],
    "gateway_authenticators": [],
    "gateway_policies": [],
    "gateway_health_checks": [],
    "gateway_notifiers": [],
    "gateway_exchange_finished": ["record"],
    "gateway_submission_moved": ["moved"],
    "gateway_circuit_moved": ["move"],
    "gateway_centre_event": ["event"],
}


def test_the_hooks_are_those_that_are_documented() -> None:
    """Each has the prefix, its marker, its arguments, and says when it fires."""
    found = {name: value for name, value in vars(hookspecs).items() if name.startswith("gateway_")}
    assert {name: list(inspect.signature(hook).parameters) for name, hook in found.items()} == HOOKS
    for hook in found.values():
        assert hasattr(hook, f"{ENTRY_POINT_GROUP}_spec")
        assert len(inspect.getdoc(hook) or "") > 20
        assert hook() is None if not inspect.signature(hook).parameters else hook(None) is None


def test_what_is_exported_is_there() -> None:
    """Every name an extension may import exists, and each class of them is documented."""
    for name in gateway.contract.__all__:
        value = getattr(gateway.contract, name)
        if inspect.isclass(value):
            assert value.__doc__, name
    assert (API_VERSION, ENTRY_POINT_GROUP) == (1, "siak_gateway")


def test_the_contract_loads_nothing_heavy() -> None:
    """Importing it for a command loads no server, database, client or cryptography."""
    heavy = ["starlette", "granian", "uvicorn", "sqlalchemy", "aiohttp", "httpx", "cryptography", "prometheus_client"]
    code = f"import sys, gateway.contract; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_smallest_extension_opens_and_closes() -> None:
    """A class with a name and a version is an extension."""

    class Smallest(Extension):
        name = "smallest"
        api_version = 1

    host: Any = object()
    made = Smallest(Smallest.Config(), host)

    async def life() -> None:
        await made.open()
        await made.close()

    asyncio.run(life())
    assert made.host is host


def test_config_is_strict_closed_and_frozen() -> None:
    """Text is no number, an unknown key is a fault, and a setting never changes."""

    class Config(ExtensionConfig):
        count: int = 1

    for wrong in ({"count": "1"}, {"kount": 1}):
        with pytest.raises(pydantic.ValidationError):
            Config.model_validate(wrong)
    with pytest.raises(pydantic.ValidationError):
        Config().count = 2


REPLY = Reply(CentreService.BIODATA, b"{}")
ASKED = Question(CentreService.BIODATA, "1")
VALUES: tuple[Any, ...] = (
    REPLY,
    ASKED,
    Caller("id", "name"),
    Right("r", "R", frozenset(), frozenset(), frozenset()),
    Answer(REPLY, 0.0, "cache", 0.0),
    Call(ASKED, "r", "c", "", "native", Priority.COUNTER, 0.0, ""),
    Freshness(),
    Asking("pelayanan"),
    Allowed(),
    Health(ok=True),
    Rule(Who.PUBLIC),
)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_never_change(value: Any) -> None:
    """What travels between the rooms cannot be changed on its way."""
    fields = (
        value.__struct_fields__ if isinstance(value, msgspec.Struct) else [f.name for f in dataclasses.fields(value)]
    )
    with pytest.raises((AttributeError, dataclasses.FrozenInstanceError)):
        setattr(value, fields[0], None)


def test_rules_and_classes_are_what_they_say() -> None:
    """The three usual rules carry nothing but who; a smaller class goes first."""
    assert [rule.who for rule in (PUBLIC, CALLER, OPERATOR)] == [Who.PUBLIC, Who.CALLER, Who.OPERATOR]
    assert all(rule.service is None and rule.adapter is None for rule in (PUBLIC, CALLER, OPERATOR))
    assert sorted(Priority) == [Priority.URGENT, Priority.COUNTER, Priority.ONLINE, Priority.BACKGROUND]


def test_a_json_response_is_encoded_once() -> None:
    """Structs and plain values alike, with status and headers."""
    response = Response.json(ASKED, status=201, headers=(("a", "b"),))
    assert (response.status, response.content_type, response.headers) == (201, "application/json", (("a", "b"),))
    assert msgspec.json.decode(response.body, type=Question) == ASKED
