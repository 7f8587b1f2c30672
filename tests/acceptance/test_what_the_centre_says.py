"""What the centre says, through the whole path: every code × every shape × both number dialects; and every digit."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from gateway.mock_siak import start_process
from gateway.mock_siak.accounts import Account
from gateway.settings import load
from gateway.testing.processes import right_of
from gateway.wiring.offline import with_callers
from tests.acceptance.nursery import ForkedGateway
from tests.acceptance.scripted_centre import DIALECTS, RESIDENT, SHAPES, ScriptedCentre, resident
from tests.acceptance.stage import Centre, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.people.callers import Callers
    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.nursery import Nursery
    from tests.acceptance.stage import Answered

CONFIG = """
[centre.retry]
attempts = 1
"""
"""One try each, so that what the centre misanswers does not open the breaker before all codes were said."""

WAYS = tuple(product(SHAPES, DIALECTS))

Told = tuple[int, str]
"""Status, and the problem's code or the resident's status."""

REFUSED_US: Told = (503, "centre_refused_us")
MISANSWERED: Told = (502, "centre_misanswered")
TOLD: dict[str, Told] = {
    "01": MISANSWERED,
    "02": MISANSWERED,
    "03": REFUSED_US,
    "04": REFUSED_US,
    "06": (503, "outside_hours"),
    "07": MISANSWERED,
    "08": MISANSWERED,
    "09": REFUSED_US,
    "10": REFUSED_US,
    "11": (200, "deceased"),
    "12": (200, "duplicate"),
    "13": (404, "not_found"),
    "14": (200, "inactive"),
    "15": (422, "invalid"),
    "16": REFUSED_US,
    "17": REFUSED_US,
    RESIDENT: (200, "active"),
    "05": (429, "quota_exhausted"),  # last, for it ends the day of its right
}
"""What a caller is told for each code; 01, 02 and 08 are nobody's."""

MARKED = "marked-user"
PAPUAN = "91710101017000"
"""First digits of a NIK beyond 2^53."""


def add_callers(gateway: GatewayProcess, rights: list[str]) -> dict[str, str]:
    """A caller for each right, of its name; their keys."""

    async def add_all(callers: Callers) -> dict[str, str]:
        return {right: (await callers.add(right, right=right))[1] for right in rights}

    return with_callers(load(gateway.config_file, gateway.environ), gateway.environ, add_all)


def told(answer: Answered) -> Told:
    """What a caller was told."""
    if answer.status == 200:
        assert (answer.body["resident"] is None) is (answer.body["status"] != "active")
        return 200, answer.body["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status, answer.code


class Spoken:
    """A gateway between callers of six rights and the scripted centre."""

    def __init__(self, gateway: GatewayProcess, keys: dict[str, str]) -> None:
        self.gateway = gateway
        self._keys = keys

    def ask(self, shape: str, dialect: str, code: str) -> Answered:
        """Have the centre say a code."""
        return ask(self.gateway, self._keys[f"{shape}_{dialect}"], f"{PAPUAN}{code}")


@pytest.fixture(scope="module")
def spoken(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoken]:
    """The scripted centre and a gateway with one right for each way it speaks."""
    accounts = {f"{shape}_{dialect}": Account(f"{shape}/{dialect}", MARKED, "") for shape, dialect in WAYS}
    rights = "\n".join(right_of(account, name) for name, account in accounts.items())
    with ScriptedCentre() as centre:
        gateway = ForkedGateway(nursery, tmp_path_factory.mktemp("spoken"), centre.url, config=CONFIG, rights=rights)
        keys = add_callers(gateway, list(accounts))
        with gateway:
            yield Spoken(gateway, keys)


@pytest.mark.parametrize(("shape", "dialect"), WAYS)
def test_every_code_means_the_same_however_it_is_said(shape: str, dialect: str, spoken: Spoken) -> None:
    """All 17 codes become what the contract says, in each shape and dialect; only what may change is retryable.

    Data beside them keep every digit.
    """
    answers = {code: spoken.ask(shape, dialect, code) for code in TOLD}
    assert {code: told(answer) for code, answer in answers.items()} == TOLD
    retryable = {code for code, answer in answers.items() if answer.body.get("retryable")}
    assert retryable == {"01", "02", "05", "06", "07", "08"}
    assert answers["15"].body["errors"][0]["field"] == "/nik"
    assert all(MARKED not in json.dumps(answer.body) for answer in answers.values())
    nik = f"{PAPUAN}{RESIDENT}"
    assert answers[RESIDENT].body["resident"] == resident(nik, "string")
    assert int(nik) > 2**53


def test_refusals_of_our_account_raise_an_alarm(spoken: Spoken) -> None:
    """A refusal of the gateway's own account is logged as an error that names the right and holds no NIK."""
    assert spoken.ask("respon_code", "number", "03").code in {"centre_refused_us", "quota_exhausted"}
    alarms = [json.loads(line) for line in spoken.gateway.log().splitlines() if "centre.account.refused" in line]
    assert alarms
    assert all(alarm["level"] == "error" and alarm["right"] for alarm in alarms)
    assert PAPUAN not in spoken.gateway.log()


@pytest.fixture(scope="module")
def register(
    nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayProcess, Centre, dict[str, str]]]:
    """The mock centre with accounts of every shape and dialect, and of every kind of refusal."""
    folder = tmp_path_factory.mktemp("register")
    accounts = {**_speaking(), **_refusing()}
    file = folder / "accounts.json"
    file.write_text(json.dumps({"accounts": [_plain(account) for account in accounts.values()]}))
    passwords = {f"SIAK_GATEWAY_SECRET_{name.upper()}_PASSWORD": "synthetic" for name in accounts}
    passwords["SIAK_GATEWAY_SECRET_REFUSED_03_PASSWORD"] = "wrong"
    rights = "\n".join(_right(account, name) for name, account in accounts.items())
    with start_process(population=2_000, accounts=file) as mock:
        gateway = ForkedGateway(nursery, folder, mock.url, config=CONFIG, rights=rights, environ=passwords)
        keys = add_callers(gateway, list(accounts))
        with gateway:
            yield gateway, Centre(mock), keys


def _speaking() -> dict[str, Account]:
    return {
        f"{shape}_{dialect}": Account(
            f"{shape}/{dialect}",
            f"{shape}_{dialect}",
            "synthetic",
            kinds=("biodata", "kk"),
            error_shape=shape,  # type: ignore[arg-type] # the shapes are the mock's own words
            dialect=dialect,  # type: ignore[arg-type] # and so are the dialects
            quirks=dialect == "string",
        )
        for shape, dialect in WAYS
    }


def _refusing() -> dict[str, Account]:
    """One account for each refusal the mock's own checks can give to a gateway."""

    def account(code: str, **facts: Any) -> Account:
        return Account(f"refused_{code}", f"refused_{code}", "synthetic", **facts)

    made = (
        account("03"),
        account("04", ips=("10.0.0.1", "127.0.0.1")),
        account("05", daily_allowance=0),
        account("06", hours=("03:00", "03:00")),
        account("10", ips=("10.0.0.2",)),
        account("16", institution_active=False),
        account("17", user_active=False),
    )
    return {one.user_id: one for one in made}


def _plain(account: Account) -> dict[str, Any]:
    return {name: getattr(account, name) for name in account.__struct_fields__}


def _right(account: Account, name: str) -> str:
    """The account's right; those refused for their address declare another one than is registered."""
    text = right_of(account, name)
    addresses = {"refused_04": "10.0.0.2", "refused_10": "10.9.9.9"}
    return text.replace('ip_user = "10.0.0.1"', 'ip_user = "10.0.0.2"').replace(
        'ip_user = "10.0.0.2"', f'ip_user = "{addresses.get(name, "127.0.0.1")}"'
    )


@pytest.mark.parametrize("code", ["03", "04", "05", "06", "10", "16", "17"])
def test_the_register_refuses_us_by_name(code: str, register: tuple[GatewayProcess, Centre, dict[str, str]]) -> None:
    """Each refusal that the mock's own checks give an account reaches the caller as the contract says."""
    gateway, centre, keys = register
    answer = ask(gateway, keys[f"refused_{code}"], centre.niks(1)[0])
    assert told(answer) == TOLD[code]
    assert answer.body["executed"] in {"no", "yes"}


@pytest.mark.parametrize(("shape", "dialect"), WAYS)
def test_fates_are_told_and_every_digit_is_kept(
    shape: str, dialect: str, register: tuple[GatewayProcess, Centre, dict[str, str]]
) -> None:
    """Deceased, duplicate, inactive, moved and unknown residents are told apart.

    NIK and KK of Papuans keep all their digits, from the centre and from the cache.
    """
    gateway, centre, keys = register
    key = keys[f"{shape}_{dialect}"]
    fates = {"deceased": "deceased", "duplicate": "duplicate", "inactive": "inactive", "moved": "inactive"}
    for group, fate in fates.items():
        assert told(ask(gateway, key, centre.niks(1, group)[0])) == (200, fate)
    assert told(ask(gateway, key, centre.strangers(1)[0])) == (404, "not_found")
    for nik in centre.niks(5, "papua"):
        first, again = ask(gateway, key, nik), ask(gateway, key, nik)
        assert (first.body["source"], again.body["source"]) == ("centre", "cache")
        assert {first.nik, again.nik} == {nik}
        assert first.body["resident"] == again.body["resident"]
        no_kk = first.body["resident"]["NO_KK"]
        assert (len(no_kk), no_kk.isdecimal()) == (16, True)
        status, _headers, card = gateway.post(
            "/v1/family-cards/lookup", {"no_kk": no_kk, "purpose": "pelayanan"}, key=key
        )
        assert status == 200
        assert nik in {member["NIK"] for member in card["members"]}
        assert {member["NO_KK"] for member in card["members"]} == {no_kk}
