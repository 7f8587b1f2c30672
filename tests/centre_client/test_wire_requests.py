"""Questions are put as the centre wants them, with the account's credentials and nobody else's."""

from __future__ import annotations

from hashlib import md5
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from gateway.centre.account import Account
from gateway.centre.wire_requests import build_request
from gateway.contract.messages import CentreService, Question
from tests.centre_client.far_end import ACCOUNT, BIODATA, FAMILY, NIK, NO_KK, OLD_ACCOUNT, SECRETS, VERIFY

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
CREDENTIALS = dict(zip(("user_id", "password", "ip_user"), SECRETS, strict=True))


@pytest.mark.parametrize(
    ("question", "method", "asked"),
    [
        (BIODATA, "CALL_NIK", {"NIK": NIK}),
        (FAMILY, "CALL_NIK_GET_KK", {"NO_KK": NO_KK}),
        (Question(CentreService.FAMILY_CARD, NIK, by_nik=True), "CALL_NIK_GET_KK", {"NIK": NIK}),
        (
            VERIFY,
            "NIK_VERIFBY_ELEMEN",
            {"NIK": NIK, "TRESHOLD": "90", "NAMA_LGKP": "SITI", "TGL_LHR": "01-01-1990"},
        ),
    ],
)
def test_each_service_is_asked_in_its_way(question: Question, method: str, asked: dict[str, str]) -> None:
    """A POST of JSON to the account's path with the number, its parameters and the credentials."""
    request = build_request(question, ACCOUNT, now=0.0)
    assert (request.method, request.target) == ("POST", f"/dukcapil/get_json/33-20/dinas_3320/{method}")
    assert msgspec.json.decode(request.body or b"") == asked | CREDENTIALS
    assert ("Content-Type", "application/json") in request.headers


def test_the_older_service_is_asked_by_query() -> None:
    """A GET without a body; blanks and signs are escaped."""
    account = Account("lama", {CentreService.BIODATA: "rsud/nik"}, "a b", "p&q=1#", "", ws=True)
    request = build_request(BIODATA, account, now=0.0)
    assert (request.method, request.body) == ("GET", None)
    parts = urlsplit(request.target)
    assert parts.path == "/ws_server/get_json/rsud/nik"
    assert parse_qs(parts.query) == {"NIK": [NIK], "USER_ID": ["a b"], "PASSWORD": ["p&q=1#"]}


def test_no_element_displaces_number_or_credentials() -> None:
    """Elements named like our own parameters are overwritten by ours; without a threshold it is 100."""
    names = ("NIK", "TRESHOLD", "ip_user", "password", "user_id")
    question = Question(CentreService.VERIFY, NIK, tuple((name, "foreign") for name in names))
    body = msgspec.json.decode(build_request(question, ACCOUNT, now=0.0).body or b"")
    assert body == {"NIK": NIK, "TRESHOLD": "100"} | CREDENTIALS


@pytest.mark.parametrize("trace", [TRACE, None, "", TRACE + "\r\nX-Evil: 1", TRACE.upper(), "x" * 5000])
def test_only_a_well_formed_trace_is_passed_on(trace: str | None) -> None:
    """`traceparent` goes along; anything that is none is dropped."""
    found = [
        value
        for name, value in build_request(BIODATA, ACCOUNT, now=0.0, traceparent=trace).headers
        if name == "traceparent"
    ]
    assert found == ([TRACE] if trace == TRACE else [])


def test_a_daily_password_follows_the_day_of_the_centre() -> None:
    """md5(secret + ddmmyyyy), the day counted in the centre's zone: 17:00 UTC is midnight in Jakarta."""
    account = Account("lama", {}, "u", "marked-secret", "", ws=True, daily_password=True)
    new_year = 1_767_225_600.0  # 2026-01-01 00:00 UTC, 07:00 in Jakarta
    for seconds, day in ((-7 * 3600 - 1, "31122025"), (-7 * 3600, "01012026"), (17 * 3600, "02012026")):
        expected = md5(f"marked-secret{day}".encode(), usedforsecurity=False).hexdigest()
        assert account.password_at(new_year + seconds) == expected


def test_nothing_secret_or_personal_is_shown() -> None:
    """The `repr` of accounts and requests holds no credential and no number."""
    for account in (ACCOUNT, OLD_ACCOUNT):
        request = build_request(BIODATA, account, now=0.0)
        shown = f"{account!r} {request!r}"
        assert not any(secret in shown for secret in (*SECRETS, NIK))


@pytest.mark.parametrize(
    "path", ["", "one", "a/b/c/d", "a/../b?x=1", "a b/c", "a/c#", "a/c\r\nX: y", "/a/b", "a//b", "a/%2e"]
)
def test_a_path_that_would_change_the_address_is_refused(path: str) -> None:
    """Two or three plain parts, or the account is not made."""
    with pytest.raises(ValueError, match="plain parts"):
        Account("dinas", {CentreService.BIODATA: path}, "u", "p", "ip")
