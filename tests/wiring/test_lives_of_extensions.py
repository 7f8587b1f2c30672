"""What an extension began ends with it, whatever way it goes; one that misbehaves is answered for by the gateway."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from gateway.contract import Asking, CentreService, Extension, Health, Job, Question, hookimpl
from gateway.contract.errors import TooManyRequests
from gateway.contract.web import PUBLIC, Response, Route
from tests.http.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.contract import ExtensionConfig, HealthCheck, Host
    from gateway.contract.web import Request

LIVES: list[str] = []
NAMES = ("beginner", "claimer", "doubtful", "rude")


class Beginner(Extension):
    """Begins work when it is built, and then cannot be opened."""

    name: ClassVar[str] = "beginner"
    api_version: ClassVar[int] = 1

    def __init__(self, config: ExtensionConfig, host: Host) -> None:
        super().__init__(config, host)
        host.every(Job("early", 60.0, self._nothing))

    async def _nothing(self) -> None:
        """Do nothing."""

    async def open(self) -> None:
        """Begin more, then fail."""
        self.host.every(Job("late", 60.0, self._nothing))
        raise RuntimeError("no printer")

    async def close(self) -> None:
        """Remember it."""
        LIVES.append("beginner closed")


class Claimer(Beginner):
    """Begins work when it is built, opens, and claims an address of the gateway."""

    name: ClassVar[str] = "claimer"

    async def open(self) -> None:
        """Remember it."""
        LIVES.append("claimer opened")

    async def close(self) -> None:
        """Remember it."""
        LIVES.append("claimer closed")

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """The gateway's own status page."""

        async def mine(_request: Request) -> Response:
            return Response()

        return [Route("GET", "/status", PUBLIC, mine, "Mine", "Milikku")]


class Check:
    """A health check.

    Args:
        ok: What it says.
    """

    def __init__(self, *, ok: bool) -> None:
        self._ok = ok

    async def check(self) -> Health:
        """The same each time."""
        return Health(self._ok, "" if self._ok else "the first desk is closed")


class Doubtful(Extension):
    """Has two health checks, of which the first fails."""

    name: ClassVar[str] = "doubtful"
    api_version: ClassVar[int] = 1

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """One that fails, one that does not."""
        return [Check(ok=False), Check(ok=True)]


class Rude(Extension):
    """Answers with what is no answer."""

    name: ClassVar[str] = "rude"
    api_version: ClassVar[int] = 1

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """One route for each way."""
        ways = {"/rude/nothing": self._nothing, "/rude/text": self._text, "/rude/header": self._header,
                "/rude/split": self._split, "/rude/never": self._never}  # fmt: skip
        return [Route("GET", path, PUBLIC, handler, "Rude", "Kasar") for path, handler in ways.items()]

    async def _nothing(self, _request: Request) -> Any:
        return None

    async def _text(self, _request: Request) -> Any:
        return Response("text")  # type: ignore[arg-type] # that is the point

    async def _header(self, _request: Request) -> Response:
        return Response(headers=(("x-place", "→ Sampang"),))

    async def _split(self, _request: Request) -> Response:
        return Response(headers=(("x-place", "Sampang\r\nset-cookie: a=b"),))

    async def _never(self, _request: Request) -> Response:
        raise TooManyRequests(retry_after=math.inf)


@pytest.fixture
def lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """These extensions, installed; what they tell of their lives."""
    package = tmp_path / "packages" / "lives-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: lives\nVersion: 1.0\n", encoding="utf-8")
    points = "\n".join(f"{name} = {__name__}:{name.title()}" for name in NAMES)
    (package / "entry_points.txt").write_text(f"[siak_gateway]\n{points}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    LIVES.clear()
    return LIVES


def jobs(rig: Rig) -> set[str]:
    """Names of all jobs that run for an extension."""
    return {state.job.name for state in rig.gateway.supervisor.states() if "#" in state.owner}


def test_what_cannot_be_opened_leaves_no_work_behind(lives: list[str], tmp_path: Path) -> None:
    """Jobs that it began when it was built or opened end once it is left out, and it was closed once."""
    with Rig(tmp_path, config='[plugins]\nenabled = ["beginner"]\n') as rig:
        assert jobs(rig) == set()
    assert lives == ["beginner closed"]


def test_who_claims_what_is_taken_leaves_no_work_behind(lives: list[str], tmp_path: Path) -> None:
    """Where an address is claimed twice the second claimer is never opened, and what it began is ended."""
    with Rig(tmp_path) as rig:
        rig.run(rig.gateway.reload(rig.settings(config='[plugins]\nenabled = ["claimer"]\n')))
        assert [one.stage for one in rig.gateway.generation.registry.failures] == ["routes"]
        assert jobs(rig) == set()
        assert lives == ["claimer closed"]


def test_one_health_check_never_hides_another(lives: list[str], tmp_path: Path) -> None:
    """Of several checks of one extension a failing one is told, wherever it stands."""
    assert lives == []
    with Rig(tmp_path, config='[plugins]\nenabled = ["doubtful"]\n') as rig:
        heard = rig.get("/health/ready", operator=True)
        assert (heard.status, heard.json["checks"]["extension:doubtful"]) == (503, "the first desk is closed")


@pytest.mark.parametrize("path", ["/rude/nothing", "/rude/text", "/rude/header", "/rude/split"])
def test_what_is_no_answer_becomes_internal(lives: list[str], tmp_path: Path, path: str) -> None:
    """A handler that gives no response, or one that cannot be sent, is a 500 with a support id that names it."""
    assert lives == []
    with Rig(tmp_path, config='[plugins]\nenabled = ["rude"]\n') as rig:
        problem = rig.refused(rig.get(path), 500, "internal")
        (line,) = rig.log("http.request.failed")
        assert (line["extension"], line["request_id"]) == ("rude", problem["request_id"])


def test_a_wait_without_end_is_not_promised(lives: list[str], tmp_path: Path) -> None:
    """A refusal whose `retry_after` is no number of seconds goes out without `Retry-After`."""
    assert lives == []
    with Rig(tmp_path, config='[plugins]\nenabled = ["rude"]\n') as rig:
        heard = rig.get("/rude/never")
        rig.refused(heard, 429, "too_many_requests")
        assert "retry-after" not in heard.headers


def test_an_extensions_own_questions_carry_an_id(lives: list[str], tmp_path: Path) -> None:
    """Asked without a request id, the host makes one, so that the record can be found again."""
    assert lives == []
    with Rig(tmp_path, config='[plugins]\nenabled = ["doubtful"]\n') as rig:
        records: list[Any] = []
        rig.gateway.generation.asker.tell = records.append
        extension = rig.gateway.generation.registry.members[0].extension
        rig.add_client("desk")
        (facts,) = rig.run(rig.gateway.callers.list())
        question = Question(CentreService.BIODATA, rig.nik())
        rig.run(extension.host.ask(facts.caller, question, Asking("pelayanan")))
        assert len(records[0].request_id) >= 8


def test_who_leaves_is_no_error_of_the_gateway(lives: list[str], tmp_path: Path) -> None:
    """A question whose asker leaves ends as `abandoned`, not as `internal`."""
    assert lives == []
    with Rig(tmp_path) as rig:
        records: list[Any] = []
        asker = rig.gateway.generation.asker
        asker.tell = records.append
        rig.add_client("desk")
        (facts,) = rig.run(rig.gateway.callers.list())
        rig.behave(mode="hang")

        async def leave() -> None:
            asking = asyncio.create_task(
                asker.ask(facts.caller, Question(CentreService.BIODATA, rig.nik()), Asking("pelayanan"))
            )
            while not any(status.in_flight for status in rig.gateway.chain.status()):  # noqa: ASYNC110 # it tells nobody
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait((asking,))

        rig.run(leave())
        assert [record.outcome for record in records] == ["abandoned"]
