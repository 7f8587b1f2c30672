"""The client against the mock centre as a real process, in every mode and fault kind."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from gateway.centre.account import Account
from gateway.centre.breaker import Breaker
from gateway.centre.client import CentreClient
from gateway.centre.retry import Retry
from gateway.centre.wire import fields_of
from gateway.contract.errors import GatewayError
from gateway.contract.messages import Answer, CentreService, Fate, Question
from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.mock_siak.process import start_process
from gateway.settings.centre import BreakerSettings, CentreSettings, RetrySettings
from tests.centre_client.far_end import RealClock, call, open_files, settled
from tests.measuring import quick_once, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.mock_siak.process import MockProcess

SEED = 3


@pytest.fixture(scope="module")
def mock() -> Iterator[MockProcess]:
    """A mock centre with a small population."""
    with start_process(population=2000, seed=SEED) as process:
        yield process


def control(mock: MockProcess, path: str, body: dict[str, Any] | None = None) -> Any:
    """Ask the control port."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(mock.control_url + path, data=data, method="GET" if data is None else "PUT")
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


@pytest.fixture
def centre_url(mock: MockProcess) -> Iterator[str]:
    """The mock, up and fast, and up again afterwards."""
    control(mock, "/_mock/behaviour", {"mode": "up", "mean_seconds": 0})
    yield mock.url
    control(mock, "/_mock/behaviour", {"mode": "up", "mean_seconds": 0})


def accounts() -> dict[str, Account]:
    """Accounts of the gateway for the mock's first everyday accounts and the older service, by user."""
    found = {}
    for account in demo_accounts(SEED):
        paths = {
            CentreService.BIODATA: f"{account.path}/CALL_NIK",
            CentreService.FAMILY_CARD: f"{account.path}/CALL_NIK_GET_KK",
            CentreService.VERIFY: f"{account.path}/NIK_VERIFBY_ELEMEN",
        }
        found[account.user_id] = Account(
            account.user_id,
            paths,
            account.user_id,
            account.password,
            account.ips[0] if account.ips else "x",
            ws=account.door == "ws_server",
            daily_password=account.daily_password,
        )
    return found


async def ask(url: str, question: Question, right: str, seconds: float = 5.0) -> Answer | GatewayError:
    """One call with a client of its own."""
    centre = CentreClient(CentreSettings(url=url, connect_timeout=0.3), accounts(), RealClock())
    try:
        return await centre.ask(call(question, seconds, right))
    except GatewayError as error:
        return error
    finally:
        await centre.close()


def outcome(url: str, question: Question, right: str = "dukcapil_sampang", seconds: float = 5.0) -> Any:
    """The same from outside a loop."""
    return asyncio.run(ask(url, question, right, seconds))


def sample(mock: MockProcess, fate: str) -> Question:
    """A biodata question about a resident of that fate."""
    return Question(CentreService.BIODATA, control(mock, "/_mock/samples")["niks"][fate][0])


@pytest.mark.parametrize("right", ["dukcapil_sampang", "dpmptsp", "dinkes_serang", "bank_daerah", "rsud_sampang"])
@pytest.mark.parametrize("fate", list(Fate))
def test_every_fate_in_every_dialect(mock: MockProcess, centre_url: str, fate: Fate, right: str) -> None:
    """Numbers or strings, few fields or all, each error shape, the older service with its daily password."""
    answer = outcome(centre_url, sample(mock, fate.value), right)
    assert isinstance(answer, Answer)
    assert (answer.reply.fate, answer.reply.found) == (fate, True)
    assert bool({"NAMA_LGKP"} & fields_of(answer.reply.raw)[0].keys()) == (fate is Fate.ACTIVE)


@pytest.mark.parametrize("right", ["dukcapil_sampang", "dpmptsp", "dinkes_serang", "rsud_sampang"])
def test_not_found_and_wrong_format(mock: MockProcess, centre_url: str, right: str) -> None:
    """An unknown NIK is an answer; one of wrong format is invalid."""
    unknown = control(mock, "/_mock/samples")["unknown_niks"][0]
    answer = outcome(centre_url, Question(CentreService.BIODATA, unknown), right)
    assert isinstance(answer, Answer)
    assert not answer.reply.found
    assert outcome(centre_url, Question(CentreService.BIODATA, "3527019999990001"), right).code == "invalid"


@pytest.mark.parametrize("right", ["dukcapil_sampang", "dinkes_serang"])
def test_family_card_and_comparison(mock: MockProcess, centre_url: str, right: str) -> None:
    """The members of a card, and verdicts on elements; also in raw copies with stray blanks."""
    samples = control(mock, "/_mock/samples")
    card = outcome(centre_url, Question(CentreService.FAMILY_CARD, samples["no_kks"][0]), right)
    assert isinstance(card, Answer)
    assert card.reply.found
    nik = samples["niks"]["active"][0]
    asked = Question(CentreService.VERIFY, nik, (("NAMA_LGKP", "TIDAK ADA"), ("TGL_LHR", "01-01-1900")), 80)
    compared = outcome(centre_url, asked, right)
    assert isinstance(compared, Answer)
    assert b"Tidak Sesuai" in compared.reply.raw


@pytest.mark.parametrize(
    ("right", "code"),
    [
        ("di_luar_jam", "outside_hours"),
        ("pengguna_nonaktif", "centre_refused_us"),
        ("instansi_nonaktif", "centre_refused_us"),
    ],
)
def test_refusing_accounts(mock: MockProcess, centre_url: str, right: str, code: str) -> None:
    """Hours and inactive accounts are told apart."""
    assert outcome(centre_url, sample(mock, "active"), right).code == code


def test_a_small_quota_runs_out(mock: MockProcess, centre_url: str) -> None:
    """Text only, and yet never taken for not found."""
    codes = [getattr(outcome(centre_url, sample(mock, "active"), "kuota_habis"), "code", "answer") for _ in range(5)]
    assert codes[-1] == "quota_exhausted"


@pytest.mark.parametrize(
    ("mode", "code", "executed"),
    [
        ("refuse", "centre_unreachable", "no"),
        ("down", "centre_timeout", "no"),
        ("hang", "centre_timeout", "unknown"),
        ("maintenance", "maintenance", "no"),
    ],
)
def test_every_mode_of_the_mock(mock: MockProcess, centre_url: str, mode: str, code: str, executed: str) -> None:
    """The right error within the deadline, and answers again once it is up."""
    question = sample(mock, "active")
    control(mock, "/_mock/behaviour", {"mode": mode})

    def fail() -> None:
        error = outcome(centre_url, question, seconds=0.8)
        assert (error.code, error.executed) == (code, executed)

    quick_once(lambda: seconds_of(fail), 2.0)
    control(mock, "/_mock/behaviour", {"mode": "up", "mean_seconds": 0})
    assert isinstance(outcome(centre_url, question), Answer)


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("error_500", {"centre_misanswered"}),
        ("html_502", {"centre_misanswered"}),
        ("truncated_json", {"centre_misanswered"}),
        ("reset_before_read", {"centre_unreachable"}),
        ("reset_after_read", {"centre_unreachable"}),
        ("timeout_after_commit", {"centre_timeout"}),
        ("drip", {"centre_timeout", "answer"}),
        ("duplicate_ack", {"answer"}),
        ("latency", {"centre_timeout", "answer"}),
        ("quota_exhausted", {"quota_exhausted"}),
        ("tls_bad", {"centre_misanswered", "centre_unreachable"}),
    ],
)
def test_every_fault_of_the_mock(mock: MockProcess, centre_url: str, kind: str, codes: set[str]) -> None:
    """Each fault at 100 %: one of its errors within the deadline, no socket left, then answers again."""
    question = sample(mock, "active")

    async def main() -> Any:
        await ask(centre_url, question, "dukcapil_sampang", 0.5)  # the loop opens what it keeps
        before = open_files()
        found = await ask(centre_url, question, "dukcapil_sampang", 0.5)
        assert await settled(lambda: open_files() <= before)
        return found

    control(mock, "/_mock/behaviour", {"mode": "up", "mean_seconds": 0, "faults": [{"kind": kind, "rate": 1.0}]})
    found = asyncio.run(main())
    assert getattr(found, "code", "answer") in codes
    control(mock, "/_mock/behaviour", {"mode": "up", "mean_seconds": 0, "faults": []})
    assert isinstance(outcome(centre_url, question), Answer)


@pytest.mark.parametrize(
    ("kind", "code", "executed"),
    [
        ("error_500", "centre_misanswered", "unknown"),
        ("html_502", "centre_misanswered", "unknown"),
        ("truncated_json", "centre_misanswered", "yes"),
        ("reset_after_read", "centre_unreachable", "unknown"),
    ],
)
def test_a_retry_the_breaker_refuses_keeps_the_cause(
    mock: MockProcess, centre_url: str, kind: str, code: str, executed: str
) -> None:
    """The centre read the first try: whoever is told of its failure hears the fault, never `executed: no`."""

    async def main() -> GatewayError:
        centre = CentreClient(CentreSettings(url=centre_url), accounts(), RealClock())
        breaker = Breaker(centre, BreakerSettings(in_a_row=1), clock=RealClock(), random=Random(1))
        link = Retry(breaker, RetrySettings(budget=1.0, base=0.01), clock=RealClock(), random=Random(1))
        with pytest.raises(GatewayError) as caught:
            await link.ask(call(sample(mock, "active"), right="dukcapil_sampang"))
        await centre.close()
        return caught.value

    control(mock, "/_mock/behaviour", {"mode": "up", "mean_seconds": 0, "faults": [{"kind": kind, "rate": 1.0}]})
    told = asyncio.run(main())
    control(mock, "/_mock/behaviour", {"mode": "up", "mean_seconds": 0, "faults": []})
    assert (told.code, told.executed) == (code, executed)
    assert told.__cause__ is not None
