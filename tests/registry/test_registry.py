"""Extensions are found, checked, built, ordered, opened and closed, and none harms the others."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from gateway import log
from gateway.contract import (
    Caller,
    CentreEvent,
    CentreService,
    CircuitMove,
    CircuitState,
    ExchangeRecord,
    Intent,
    NotDelivered,
    Notification,
    SubmissionState,
)
from gateway.contract.errors import Denied, Internal, TooManyRequests, Unauthenticated
from gateway.registry import Limits, Registry, installed, requires_restart
from gateway.settings import ConfigFaults, load
from gateway.settings.loading import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.contract import (
        Host,
    )
    from gateway.settings import Settings
    from tests.registry.conftest import Install

HostFor = "Callable[[str], Host]"
Configured = "Callable[[str], Settings]"

PLAIN = """
class Ext(Extension):
    name, api_version = "{name}", 1
"""
GREETING = """
class Greeting(ExtensionConfig):
    greeting: str = "hello"

class Ext(Extension):
    name, api_version, Config = "{name}", 1, Greeting

    @hookimpl
    def gateway_routes(self):
        async def greet(request):
            return Response(self.config.greeting.encode())
        return [Route("GET", "/greeting", CALLER, greet, "Greets.", "Menyapa.")]

    @hookimpl
    def gateway_jobs(self):
        async def run():
            return None
        return [Job("tick", 60.0, run)]

    @hookimpl
    def gateway_health_checks(self):
        return [self]

    async def check(self):
        return Health(True, self.name)
"""
RECORD = ExchangeRecord(
    "ask", CentreService.BIODATA, "c", "r", "native", "", "pelayanan", "answered", "cache", 1, 2, "q"
)
MOVE = CircuitMove(CentreService.BIODATA, CircuitState.CLOSED, CircuitState.OPEN, "failure_rate", 1.0)
INTENT = Intent("ask", Caller("c", "caller"), CentreService.BIODATA, "pelayanan", "", "native", "q-1")
QUICK = Limits(open=0.05, close=0.05, policy=0.05, authenticator=0.05, health_check=0.05, notifier=0.05)


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged, line by line."""
    stream = io.BytesIO()
    log.configure("debug", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()
    root = logging.getLogger()
    root.handlers = [each for each in root.handlers if not isinstance(each, log.Bridge)]


def names(registry: Registry) -> list[str]:
    """The extensions that work, in order."""
    return [member.name for member in registry.members]


def failed(registry: Registry) -> dict[str, tuple[str, str]]:
    """What failed: stage and reason by name."""
    return {failure.extension: (failure.stage, failure.reason) for failure in registry.failures}


def test_disabled_extensions_are_never_imported(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """An installed extension that is not enabled costs nothing and cannot do harm."""
    install("bomb", "raise SystemExit('imported')")
    settings = configured("[plugins]\nenabled = []\n")
    Registry.build(settings, host_for)
    assert {each.name: each.state for each in installed(settings)}["bomb"] == "disabled"
    assert "outside_bomb" not in sys.modules


def test_order_is_the_configs(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """Plugins come first, then adapters, each in the order the config names them; pluggy's order is undone."""
    for name in ("alpha", "beta", "gamma"):
        install(name, GREETING.format(name=name))
    settings = configured('[plugins]\nenabled = ["gamma", "alpha"]\n[adapters]\nenabled = ["beta"]\n')
    registry = Registry.build(settings, host_for)
    assert names(registry) == ["gamma", "alpha", "beta"]
    assert [each.extension for each in registry.routes] == ["gamma", "alpha", "beta"]
    assert [each.extension for each in registry.jobs] == ["gamma", "alpha", "beta"]
    assert [each.extension for each in registry.health_checks] == ["gamma", "alpha", "beta"]


def test_an_adapters_routes_are_under_its_mount(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """An adapter's route is mounted and bound to it; a plugin's stands where it says."""
    install("desk", GREETING.format(name="desk"))
    install("plug", GREETING.format(name="plug"))
    registry = Registry.build(configured('plugins.enabled = ["plug"]\nadapters.enabled = ["desk"]\n'), host_for)
    plugin, adapter = (each.placed() for each in registry.routes)
    assert (plugin.path, plugin.rule.adapter) == ("/greeting", None)
    assert (adapter.path, adapter.rule.adapter) == ("/apps/desk/greeting", "desk")


def test_an_absolute_route_stays_where_it_is(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """A drop-in face answers exactly where the real service does."""
    source = GREETING.format(name="desk").replace('"Menyapa.")', '"Menyapa.", absolute=True)')
    install("desk", source)
    (mounted,) = Registry.build(configured('adapters.enabled = ["desk"]\n'), host_for).routes
    assert mounted.placed().path == "/greeting"


def test_each_extension_gets_its_settings_and_its_own_host(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """The table of the config reaches the class, checked; the host carries the extension's name."""
    install("alpha", GREETING.format(name="alpha"))
    text = '[plugins]\nenabled = ["alpha"]\n[plugins.alpha]\ngreeting = "halo"\n'
    registry = Registry.build(configured(text), host_for)
    extension: Any = registry.members[0].extension
    assert extension.config.greeting == "halo"
    assert extension.host.name == "alpha"


def test_faults_of_all_tables_are_told_at_once(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """What is not installed and what is misconfigured are one answer, each with its line."""
    install("alpha", GREETING.format(name="alpha"))
    text = '[plugins]\nenabled = ["alpha", "alfa"]\n[plugins.alpha]\ngreting = "halo"\n'
    with pytest.raises(ConfigFaults) as caught:
        Registry.build(configured(text), host_for)
    told = [(fault.line, fault.key, fault.message) for fault in caught.value.faults]
    assert told == [
        (2, "plugins.enabled[1]", "no extension alfa is installed; did you mean alpha?"),
        (4, "plugins.alpha.greting", "is an unknown key; did you mean greeting?"),
    ]


BROKEN = {
    "import": ("1/0", "load", "outside_bad:Ext cannot be imported"),
    "exit": ("raise SystemExit(3)", "load", "outside_bad:Ext cannot be imported"),
    "absent": ("", "load", "outside_bad:Ext cannot be imported"),
    "no_class": ("Ext = 3", "load", "outside_bad:Ext is not a subclass of gateway.contract.Extension"),
    "other_name": (PLAIN.format(name="good"), "load", "does not carry its entry point's name bad"),
    "no_name": ("class Ext(Extension):\n    api_version = 1", "load", "does not carry its entry point's name bad"),
    "other_version": (
        PLAIN.format(name="bad").replace("1", "2"),
        "load",
        "was written for version 2 of the contract; this gateway has 1",
    ),
    "no_version": ("class Ext(Extension):\n    name = 'bad'", "load", "was written for no version of the contract"),
    "no_config": (
        PLAIN.format(name="bad") + "    Config = dict\n",
        "load",
        "is not a subclass of gateway.contract.ExtensionC",
    ),
    "config_raises": (
        (
            "from pydantic import model_validator\n"
            "class C(ExtensionConfig):\n"
            "    @model_validator(mode='before')\n"
            "    @classmethod\n"
            "    def no(cls, data):\n        raise KeyError('x')\n"
            "class Ext(Extension):\n    name, api_version, Config = 'bad', 1, C\n"
        ),
        "load",
        "fails while it checks its own Config",
    ),
    "constructor": (
        PLAIN.format(name="bad") + "    def __init__(self, config, host):\n        raise RuntimeError('no')\n",
        "build",
        "RuntimeError: no",
    ),
    "hook_raises": (
        PLAIN.format(name="bad") + "    @hookimpl\n    def gateway_routes(self):\n        raise RuntimeError('no')\n",
        "register",
        "RuntimeError: no",
    ),
    "unknown_hook": (
        PLAIN.format(name="bad") + "    @hookimpl\n    def gateway_rotues(self):\n        return []\n",
        "register",
        "gateway_rotues",
    ),
    "unmarked_hook": (
        PLAIN.format(name="bad") + "    def gateway_routes(self):\n        return []\n",
        "register",
        "gateway_routes has the name of a hook but not the @hookimpl marker",
    ),
    "wrong_arguments": (
        PLAIN.format(name="bad") + "    @hookimpl\n    def gateway_routes(self, app):\n        return []\n",
        "register",
        "app",
    ),
    "wrapper": (
        PLAIN.format(name="bad")
        + "    @hookimpl(wrapper=True)\n    def gateway_routes(self):\n        return (yield)\n",
        "register",
        "gateway_routes is a wrapper",
    ),
    "no_list": (
        PLAIN.format(name="bad") + "    @hookimpl\n    def gateway_routes(self):\n        return 'x'\n",
        "register",
        "gateway_routes must give a list, not str",
    ),
    "wrong_kind": (
        PLAIN.format(name="bad") + "    @hookimpl\n    def gateway_policies(self):\n        return [3]\n",
        "register",
        "gateway_policies gives a int",
    ),
    "open_raises": (
        PLAIN.format(name="bad") + "    async def open(self):\n        raise OSError('no')\n",
        "open",
        "OSError: no",
    ),
    "open_exits": (
        PLAIN.format(name="bad") + "    async def open(self):\n        raise SystemExit\n",
        "open",
        "SystemExit: ",
    ),
    "open_hangs": (
        PLAIN.format(name="bad") + "    async def open(self):\n        await asyncio.Event().wait()\n",
        "open",
        "it took too long",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_extension_is_named_and_the_others_go_on(
    case: str,
    install: Install,
    configured: Callable[[str], Settings],
    host_for: Callable[[str], Host],
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    """Wherever in its life an extension breaks, it is left out with a reason, and its neighbours work."""
    source, stage, reason = BROKEN[case]
    install("bad", source)
    install("good", GREETING.format(name="good"))
    registry = Registry.build(configured('[plugins]\nenabled = ["bad", "good"]\n'), host_for, QUICK)

    async def live() -> None:
        await registry.open()
        assert names(registry) == ["good"]
        assert [each.extension for each in registry.routes] == ["good"]
        healths = dict(await registry.health())
        assert (healths["bad"].ok, healths["good"].ok) == (False, True)
        await registry.close()

    asyncio.run(live())
    assert failed(registry)["bad"][0] == stage
    assert reason in failed(registry)["bad"][1]
    (line,) = (line for line in logged() if line["event"] == "registry.extension.failed")
    assert (line["extension"], line["stage"], line["level"]) == ("bad", stage, "error")


CLOSING = """
closed = []
class Ext(Extension):
    name, api_version = "{name}", 1
    async def open(self):
        {open}
    async def close(self):
        closed.append(self.name)
        {close}
"""


@pytest.mark.parametrize("close", ["raise OSError('no')", "await asyncio.Event().wait()", "raise SystemExit"])
def test_a_failing_close_does_not_keep_the_others_open(
    close: str, install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """Every extension is closed once, last opened first, whatever the others do."""
    install("one", CLOSING.format(name="one", open="pass", close="pass"))
    install("two", CLOSING.format(name="two", open="pass", close=close))
    registry = Registry.build(configured('[plugins]\nenabled = ["one", "two"]\n'), host_for, QUICK)

    async def live() -> None:
        await registry.open()
        await registry.close()
        await registry.close()

    asyncio.run(live())
    assert sys.modules["outside_one"].closed == ["one"]
    assert sys.modules["outside_two"].closed == ["two"]
    assert failed(registry)["two"][0] == "close"
    assert names(registry) == []


def test_a_failed_open_is_followed_by_one_close(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """What was half acquired can be released."""
    install("one", CLOSING.format(name="one", open="raise OSError", close="pass"))
    registry = Registry.build(configured('[plugins]\nenabled = ["one"]\n'), host_for, QUICK)

    async def live() -> None:
        await registry.open()
        await registry.close()

    asyncio.run(live())
    assert sys.modules["outside_one"].closed == ["one"]


POLICY = """
class Ext(Extension):
    name, api_version = "guard", 1
    @hookimpl
    def gateway_policies(self):
        return [self]
    async def before(self, intent):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "raised"),
    [
        ("return Allowed((('RateLimit', 'x'),))", None),
        ("raise Denied('no')", Denied),
        ("raise TooManyRequests(retry_after=3)", TooManyRequests),
        ("raise NotFound('no')", Internal),
        ("raise KeyError('x')", Internal),
        ("return None", Internal),
        ("await asyncio.Event().wait()", Internal),
    ],
)
def test_a_policy_may_only_let_pass_or_refuse(
    body: str,
    raised: type[Exception] | None,
    install: Install,
    configured: Callable[[str], Settings],
    host_for: Callable[[str], Host],
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    """A policy that fails, hangs or answers nonsense refuses with `internal`, and the log names it."""
    install("guard", POLICY.format(body=body))
    registry = Registry.build(configured('[plugins]\nenabled = ["guard"]\n'), host_for, QUICK)
    (policy,) = registry.policies
    if raised is None:
        assert asyncio.run(policy.before(INTENT)).headers == (("RateLimit", "x"),)
        return
    with pytest.raises(raised) as caught:
        asyncio.run(policy.before(INTENT))
    lines = [line for line in logged() if line["event"] == "registry.policy.failed"]
    assert len(lines) == (raised is Internal)
    if isinstance(caught.value, Internal):
        assert caught.value.executed == "no"
        assert lines[0]["extension"] == "guard"


AUTHENTICATOR = """
class Ext(Extension):
    name, api_version = "door", 1
    @hookimpl
    def gateway_authenticators(self):
        return [self]
    async def authenticate(self, headers):
        {body}
"""


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("return Caller('c', 'n')", Caller("c", "n")),
        ("return None", None),
        ("return 'admin'", None),
        ("raise KeyError(headers['authorization'])", None),
        ("await asyncio.Event().wait()", None),
    ],
)
def test_an_authenticator_that_fails_is_passed_over(
    body: str,
    found: Caller | None,
    install: Install,
    configured: Callable[[str], Settings],
    host_for: Callable[[str], Host],
) -> None:
    """Nobody comes in through an error."""
    install("door", AUTHENTICATOR.format(body=body))
    (door,) = Registry.build(configured('[plugins]\nenabled = ["door"]\n'), host_for, QUICK).authenticators
    assert asyncio.run(door.authenticate({"authorization": "x"})) == found


def test_an_authenticator_may_refuse(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """`Unauthenticated` ends the search."""
    install("door", AUTHENTICATOR.format(body="raise Unauthenticated"))
    (door,) = Registry.build(configured('[plugins]\nenabled = ["door"]\n'), host_for, QUICK).authenticators
    with pytest.raises(Unauthenticated):
        asyncio.run(door.authenticate({}))


@pytest.mark.parametrize("body", ["return True", "raise OSError('no')", "await asyncio.Event().wait()"])
def test_a_health_check_that_fails_is_not_ok(
    body: str, install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """A broken check never passes for good health."""
    install("ill", GREETING.format(name="ill").replace("return Health(True, self.name)", body))
    registry = Registry.build(configured('[plugins]\nenabled = ["ill"]\n'), host_for, QUICK)
    ((name, health),) = asyncio.run(registry.health())
    assert (name, health.ok) == ("ill", False)


OBSERVER = """
seen = []
class Ext(Extension):
    name, api_version = "{name}", 1
    @hookimpl
    def gateway_exchange_finished(self, record):
        {body}
    @hookimpl
    def gateway_circuit_moved(self, move):
        {body}
    @hookimpl
    def gateway_centre_event(self, event):
        {body}
"""


def test_an_observers_error_reaches_nobody(
    install: Install,
    configured: Callable[[str], Settings],
    host_for: Callable[[str], Host],
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    """The others are told all the same, and the log names the one that failed."""
    install("bad", OBSERVER.format(name="bad", body="raise KeyError('x')"))
    install("good", OBSERVER.format(name="good", body="seen.append(self.name)"))
    registry = Registry.build(configured('[plugins]\nenabled = ["bad", "good"]\n'), host_for)
    registry.exchange_finished(RECORD)
    registry.circuit_moved(MOVE)
    registry.centre_event(CentreEvent(1, 0.0, "death"))
    assert sys.modules["outside_good"].seen == ["good"] * 3
    assert len(registry.exchange_finished) == 2
    lines = [line for line in logged() if line["event"] == "registry.observer.failed"]
    assert [(line["extension"], line["kind"]) for line in lines] == [
        ("bad", "gateway_exchange_finished"),
        ("bad", "gateway_circuit_moved"),
        ("bad", "gateway_centre_event"),
    ]


NOTIFIER = """
import asyncio
from gateway.contract import NotDelivered
class Ext(Extension):
    name, api_version = "{name}", 1
    @hookimpl
    def gateway_notifiers(self):
        return [self] * {count}
    def targets(self, notification):
        return {targets}
    async def deliver(self, notification, target):
        {body}
"""
TOLD = Notification("n", "c", "caller", "s", 3, "ktp", "", SubmissionState.SENDING, SubmissionState.DELIVERED, "", 0.0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("raise NotDelivered('http_500', retry_after=7.0)", "http_500"),
        ("raise NotDelivered('Bad Code with a name in it')", "failed"),
        ("raise OSError('no')", "failed"),
        ("await asyncio.Event().wait()", "timeout"),
    ],
)
def test_a_notifier_that_fails_is_asked_again(
    body: str, code: str, install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """Whatever it raises, and if it takes too long, is a delivery that failed, by a word of a closed shape."""
    install("deaf", NOTIFIER.format(name="deaf", count=1, targets=["office"], body=body))
    notifier = Registry.build(configured('[plugins]\nenabled = ["deaf"]\n'), host_for, QUICK).notifiers["deaf"]
    assert tuple(notifier.targets(TOLD)) == ("office",)
    with pytest.raises(NotDelivered) as caught:
        asyncio.run(notifier.deliver(TOLD, "office"))
    assert caught.value.code == code


@pytest.mark.parametrize("targets", ["None", "[1]", "['x' * 101]", "[str(n) for n in range(21)]", "1 / 0"])
def test_a_notifier_that_names_nonsense_tells_nobody(
    targets: str, install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """Targets are a few short texts; anything else is logged."""
    install("odd", NOTIFIER.format(name="odd", count=1, targets=targets, body="return None"))
    notifier = Registry.build(configured('[plugins]\nenabled = ["odd"]\n'), host_for, QUICK).notifiers["odd"]
    assert tuple(notifier.targets(TOLD)) == ()
    asyncio.run(notifier.deliver(TOLD, "office"))


def test_one_extension_has_one_notifier(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """Deliveries carry its name, so a second one would not be known apart."""
    install("two", NOTIFIER.format(name="two", count=2, targets=[], body="return None"))
    registry = Registry.build(configured('[plugins]\nenabled = ["two"]\n'), host_for)
    (failure,) = registry.failures
    assert "more than one notifier" in failure.reason


def test_a_hook_may_give_nothing(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """None counts as an empty list."""
    install("quiet", PLAIN.format(name="quiet") + "    @hookimpl\n    def gateway_jobs(self):\n        return None\n")
    registry = Registry.build(configured('[plugins]\nenabled = ["quiet"]\n'), host_for)
    assert (names(registry), registry.jobs) == (["quiet"], ())


def test_settings_of_a_removed_package_are_a_warning(
    configured: Callable[[str], Settings],
    host_for: Callable[[str], Host],
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    """A table that belongs to nothing installed is named, and stops nothing."""
    Registry.build(configured("[adapters.gone]\na = 1\n[plugins.metrics]\n"), host_for)
    (line,) = (line for line in logged() if line["event"] == "registry.table.unused")
    assert line["table"] == "adapters.gone"


def test_only_what_is_bound_once_needs_a_restart() -> None:
    """Ports, addresses, data folder, database, secrets, TLS and the zone of the day; everything else is reloaded."""
    old = load(None, {})
    new = load(None, {"SIAK_GATEWAY_PORT": "9000", "SIAK_GATEWAY_VAR": "/x", "SIAK_GATEWAY_CENTRE_URL": "http://c"})
    assert requires_restart(old, new) == ["server.port", "data.folder"]
    assert requires_restart(old, old) == []
    assert requires_restart(old, loads('[time]\nzone = "Asia/Jayapura"', None, {})) == ["time.zone"]


def test_a_name_of_the_gateways_own_is_refused(
    install: Install, configured: Callable[[str], Settings], host_for: Callable[[str], Host]
) -> None:
    """An extension called `core` is left out and told why."""
    install("core", GREETING.format(name="core"))
    registry = Registry.build(configured('plugins.enabled = ["core"]\n'), host_for)
    (failure,) = registry.failures
    assert (failure.stage, failure.reason) == (
        "load",
        "core is a name of the gateway's own; an extension needs another one",
    )
