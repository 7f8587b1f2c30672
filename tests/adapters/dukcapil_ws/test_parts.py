"""The parts without a socket: parameters, questions, passwords of the day, settings, texts, refusals kept."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from adapters.dukcapil_ws.absorbing import KEPT, Refusals
from adapters.dukcapil_ws.asked import parameters
from adapters.dukcapil_ws.clients import Client, Directory, Place, retry_after
from adapters.dukcapil_ws.dialect import rendered
from adapters.dukcapil_ws.guessing import KEPT as KEPT_GUESSES
from adapters.dukcapil_ws.guessing import REST, TRIES, Guesses
from adapters.dukcapil_ws.questions import is_well_formed, question_of
from adapters.dukcapil_ws.settings import ClientConfig, DukcapilWsConfig
from adapters.dukcapil_ws.wording import AWAY, LOGIN_FAILED, MALFORMED, MISLEADING, SERVICES, TEXTS
from gateway.centre.wire_refusals import TEXTS as KNOWN
from gateway.contract import Caller, CentreService, Fate, Question, Reply
from gateway.contract.errors import CentreRefusedUs
from gateway.mock_siak.centre import kind_of
from gateway.mock_siak.refusals import TEXTS as MOCK_TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

ZONE = ZoneInfo("Asia/Jakarta")
NIK = "3527050101590001"
KINDS = {"biodata": CentreService.BIODATA, "kk": CentreService.FAMILY_CARD, "verify": CentreService.VERIFY}


@pytest.mark.parametrize(
    ("body", "query", "headers", "found"),
    [
        (b' \n{"NIK": 9171012345670001}', {}, {}, {"nik": "9171012345670001"}),
        (b'{"nik": 9171012345670001.0}', {}, {}, {"nik": "9171012345670001"}),
        (b'{"nik": 9.171012345670001e15}', {}, {}, {"nik": "9171012345670001"}),
        (b'{"nik": 1e999999999}', {}, {}, {"nik": "1e999999999"}),
        (b'{"nik": 1E9999999999999999999}', {}, {}, {"nik": "1E9999999999999999999"}),
        (b'{"nik": 0e-9999999999999999999}', {}, {}, {"nik": "0e-9999999999999999999"}),
        (b'{"nik": 1.23456789012345678901234567}', {}, {}, {"nik": "1.23456789012345678901234567"}),
        (b'{"nik": 3.5}', {}, {}, {"nik": "3.5"}),
        (b'{"UserId": " u ", "passWord": 7, "ipUsers": true}', {}, {}, {"user": "u", "password": "7"}),
        (b"NIK=1&NO_RT=&no_kk=2", {}, {}, {"nik": "1", "NO_RT": "", "NO_KK": "2"}),
        (b'{"nik": "1"}', {"NIK": "2", "password": "p"}, {}, {"nik": "1", "password": "p"}),
        (b"", {}, {"host": "x", "data": '{"nik": "3"}'}, {"nik": "3"}),
        (b"", {}, {"data": r'{"nik": "3", "NAMA_LGKP": "Jos\u00e9"}'}, {"nik": "3", "NAMA_LGKP": "José"}),
        (
            b"",
            {},
            {"data": '{"nik": "3", "NAMA_LGKP": "José"}'.encode().decode("latin-1")},
            {"nik": "3", "NAMA_LGKP": "José"},
        ),
        (b"", {}, {"data": quote('{"nik": "3", "NAMA_LGKP": "José"}')}, {"nik": "3", "NAMA_LGKP": "José"}),
        (b"", {}, {"data": "UTF-8'id'" + quote('{"nik": "3"}')}, {"nik": "3"}),
        (b"", {}, {"data": "utf-8''%7b%22nik%22:%223%22}"}, {"nik": "3"}),
        (b"", {}, {"data": "%7B%22nik%22:%22%FF%22%7D"}, {}),
        (b"", {}, {"data": "%22nik%22"}, {}),
        (b"", {}, {"data": '["nik"]'}, {}),
        (b"", {}, {"data": '{"nik"'}, {}),
        (b'{"a":' * 50_000, {}, {}, {}),
        (b"\xff\xfe", {}, {}, {"\ufffd\ufffd".upper(): ""}),
        (b'{"nik": "\xff"}', {}, {}, {}),
        (b"a=1&" * 300, {}, {}, {}),
        (b'{"nik": null, "x": [1], "y": {}}', {}, {}, {}),
        (b'{"NAMA_LGKP": " SITI "}', {}, {}, {"NAMA_LGKP": " SITI "}),
    ],
)
def test_parameters(body: bytes, query: Mapping[str, str], headers: Mapping[str, str], found: dict[str, str]) -> None:
    """Each place and spelling is understood, digits survive, and what cannot be read counts as not given."""
    assert parameters(body, query, headers) == found


def test_methods_fall_into_the_classes_of_the_service() -> None:
    """The class of each METHOD seen in the wild is the mock's."""
    names = "CALL_NIK call_nik NIK BYNIK adm_desa CALL_NIK_GET_KK nokk nik_verifby_elemen CALL_VERIFY_BY_ELEMEN"
    assert all(SERVICES[name.upper()] is KINDS[kind_of(name)] for name in names.split())


@pytest.mark.parametrize(
    "method",
    [
        "xyz",
        "CALL_AKTA",
        "delete_everything",
        "GET_NIK_BKKBN",
        "CALL_NIK_VERIFIKATOR",
        "NIK\x00",
        "NIK\n",
        "\ufffd",
        "",
    ],
)
def test_a_method_that_nobody_knows_has_no_class(method: str) -> None:
    """Nothing is guessed from a part of a name: a deed is no look-up."""
    assert method.upper() not in SERVICES
    assert client(methods={"CARI": CentreService.VERIFY}).service(method) is None


@pytest.mark.parametrize(
    ("service", "asked", "question"),
    [
        ("biodata", {}, None),
        ("biodata", {"nik": "1"}, Question(CentreService.BIODATA, "1")),
        ("family_card", {"NO_KK": " 2 ", "nik": "1"}, Question(CentreService.FAMILY_CARD, "2")),
        ("family_card", {"nik": "1"}, Question(CentreService.FAMILY_CARD, "1", by_nik=True)),
        ("family_card", {}, None),
        ("verify", {"nik": "1", "threshold": "80"}, None),
        ("verify", {"threshold": "80", "AGAMA": "X"}, None),
        ("verify", {"nik": "1", "threshold": "0", "AGAMA": "X"}, None),
        ("verify", {"nik": "1", "threshold": "101", "AGAMA": "X"}, None),
        ("verify", {"nik": "1", "threshold": "8.5", "AGAMA": "X"}, None),
        ("verify", {"nik": "1", "threshold": "80", "AGAMA": "X" * 1001}, None),
        (
            "verify",
            {"nik": "1", "threshold": "80", "NO_RT": "", "AGAMA": "X", "OPTION": "y"},
            Question(CentreService.VERIFY, "1", (("NO_RT", ""), ("AGAMA", "X")), 80),
        ),
    ],
)
def test_questions(service: str, asked: dict[str, str], question: Question | None) -> None:
    """What is missing or out of range asks nothing; elements keep their order, empty ones too."""
    assert question_of(CentreService(service), asked) == question


@pytest.mark.parametrize(
    ("subject", "service", "good"),
    [
        (NIK, "biodata", True),
        (NIK[:-4] + "0000", "biodata", False),
        (NIK[:-4] + "0000", "family_card", True),
        (NIK[:-1], "family_card", False),
        ("3527059901590001", "verify", False),
        ("٣" * 16, "biodata", False),
    ],
)
def test_numbers_that_nobody_can_bear_cost_no_call(subject: str, service: str, *, good: bool) -> None:
    """A NIK needs a date and a serial, a card's number 16 digits only; an Arabic digit is none."""
    assert is_well_formed(Question(CentreService(service), subject)) is good


class Held:
    """The key of one caller."""

    def caller(self) -> Caller:
        """Always the same."""
        return Caller("desk", "desk")


def client(**facts: Any) -> Client:
    """A program with some facts."""
    given = {"path": "a/b", "user_id": "u", **facts}
    return Client("c", ClientConfig.model_validate(given), "rahasia", Held(), ZONE)


def digest(day: str) -> str:
    """A daily password."""
    return hashlib.md5(f"rahasia{day}".encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    ("clock", "day", "good"),
    [
        ("12:00", "22112026", True),
        ("12:00", "21112026", False),
        ("00:10", "21112026", True),
        ("23:50", "23112026", True),
        ("23:40", "23112026", False),
    ],
)
def test_daily_passwords(clock: str, day: str, *, good: bool) -> None:
    """The day is the zone's; a quarter of an hour around midnight both days count, for clocks differ."""
    now = datetime.fromisoformat(f"2026-11-22T{clock}:00").replace(tzinfo=ZONE).timestamp()
    place = Place("dukcapil", [client(daily_password=True)])
    assert place.compared("u", digest(day), now)[1] is good
    assert not place.compared("u", "rahasia", now)[1]


def test_daily_passwords_change_while_the_gateway_runs() -> None:
    """At a quarter past midnight yesterday's is none any more, also where the path was asked a second before."""
    place = Place("dukcapil", [client(daily_password=True), client(user_id="other", daily_password=True)])
    midnight = datetime.fromisoformat("2026-11-22T00:00:00").replace(tzinfo=ZONE).timestamp()
    for after, good in ((899.9, True), (900.0, False), (899.0, True)):
        assert place.compared("u", digest("21112026"), midnight + after)[1] is good


@pytest.mark.parametrize(("waits", "patience"), [(0.5, 0.45), (10.0, 9.5), (120.0, 119.5)])
def test_a_program_is_answered_before_it_gives_up(waits: float, patience: float) -> None:
    """Half a second is kept for the way back, or a tenth of a short patience."""
    assert client(waits=waits).patience == pytest.approx(patience)


def test_passwords_are_compared_whole() -> None:
    """The secret itself, nothing shorter, longer or of other characters."""
    here = client()
    place = Place("dukcapil", [here])
    assert place.compared("u", "rahasia", 0.0) == (here, True)
    wrong = ("", "rahasi", "rahasiaa", "RAHASIA", "rahasia\u0000", "é\ud800")
    assert [place.compared("u", each, 0.0) for each in wrong] == [(here, False)] * len(wrong)


def test_methods_of_a_profile_outweigh_their_names() -> None:
    """A misleading METHOD is put right in the profile, in any case."""
    here = client(methods={"cari_nik": CentreService.FAMILY_CARD, "NIK": CentreService.VERIFY})
    assert here.service("CARI_NIK") is CentreService.FAMILY_CARD
    assert here.service("nik") is CentreService.VERIFY


def test_before_a_login_a_method_is_known_that_any_program_calls() -> None:
    """Whose it is shows only to who proved itself; the service's own names keep their class."""
    directory = Directory([client(methods={"CARI": CentreService.VERIFY, "NIK": CentreService.VERIFY})])
    assert directory.service("cari") is CentreService.VERIFY
    assert directory.service("NIK") is CentreService.BIODATA
    assert directory.service("xyz") is None


def calls_of(work: Callable[[], object]) -> list[str]:
    """Names of all functions that some work calls, Python's own among them, in order."""
    seen: list[str] = []

    def note(frame: FrameType, event: str, builtin: Any) -> None:
        if event in {"call", "c_call"}:
            seen.append(frame.f_code.co_name if event == "call" else builtin.__name__)

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen


def test_the_work_of_a_refusal_tells_nothing() -> None:
    """Known or not, fixed password or daily one: the same steps, one digest and two comparisons among them."""
    mixed = Place("dukcapil", [client(), client(user_id="daily", daily_password=True)])
    steps = []
    for place, user in ((mixed, "u"), (mixed, "daily"), (mixed, "nobody"), (Place("dukcapil"), "nobody")):
        place.compared(user, "x", 0.0)  # the first of a minute makes the digests of the whole path
        steps.append(calls_of(lambda place=place, user=user: place.compared(user, "salah", 1.0)))  # type: ignore[misc] # a default
    assert steps[1:] == steps[:1] * 3
    assert (steps[0].count("openssl_sha256"), steps[0].count("compare_digest")) == (1, 2)


def test_a_path_without_programs_knows_nobody() -> None:
    """Nobody is proved there, and it speaks in the plainest shape, without a quota."""
    place = Place("ws_server")
    assert place.compared("u", "rahasia", 0.0) == (None, False)
    assert b"quotaLimiter" not in place.refusal(LOGIN_FAILED, None, 5)


def test_what_is_left_of_the_quota_stands_in_refusals_of_those_who_are_shown_it() -> None:
    """The number goes to who proved itself; to anybody else it is 0, for nothing is theirs; an outage shows neither."""
    shown, plain = client(quota_shown=True), client(user_id="plain")
    place = Place("dukcapil", [shown, plain])
    refused = (
        place.refusal(MALFORMED, None, 7),
        place.refusal(MALFORMED, shown, 7),
        place.refusal(MALFORMED, plain, None),
    )
    assert [json.loads(page).get("quotaLimiter") for page in refused] == [0, 7, None]
    assert [list(json.loads(page))[-1] for page in refused[:2]] == ["quotaLimiter"] * 2
    assert not any("quotaLimiter" in json.loads(page) for page in (shown.away(), place.away()))


@pytest.mark.parametrize(
    "facts",
    [
        {"path": "a/b/c"},
        {"village": "35.27"},
        {"refusal_text": "Kuota layanan penuh"},
        {"refusal_text": "Data tidak DITEMUKAN"},
        {"purpose": "Apa Saja"},
        {"waits": 0.1},
        {"error_shape": "xml"},
        {"methods": {"X": "photo"}},
        {"methods": {"X/Y": "biodata"}},
    ],
)
def test_a_profile_that_cannot_be_right_is_refused(facts: dict[str, Any]) -> None:
    """A text that clients would take for the centre's word is refused like a wrong type."""
    with pytest.raises(ValidationError):
        client(**facts)


def test_one_client_for_a_user_at_a_path() -> None:
    """Two profiles nobody could tell apart are refused; a village may be written with dots; zones exist."""
    one = {"path": "a", "user_id": "u", "village": "35.27.03.2001"}
    config = DukcapilWsConfig.model_validate({"clients": {"one": one, "two": {**one, "door": "ws_server"}}})
    assert config.clients["one"].village == "3527032001"
    with pytest.raises(ValidationError, match="one and two are the same"):
        DukcapilWsConfig.model_validate({"clients": {"one": one, "two": one}})
    with pytest.raises(ValidationError, match="time zone"):
        DukcapilWsConfig.model_validate({"zone": "Mars/Base"})


def test_texts_are_those_of_the_service() -> None:
    """Every code says what the mock says and the way to the centre understands; ours is none of them."""
    assert {code: MOCK_TEXTS[code] for code in TEXTS} == dict(TEXTS)
    assert AWAY not in {*MOCK_TEXTS, *KNOWN.values()}
    words = {word for text in KNOWN for word in text.casefold().replace(",", "").split()}
    assert set(MISLEADING) - {"quota"} <= words


PAGE = (
    b'{"content":[{"NIK":3527050101590001,"NO_RT":"007","NO_KK":"35","NO_RW":"0","ALAMAT":"12","NO_KEL":null}],'
    b'"size":1}'
)


@pytest.mark.parametrize(
    ("numbers", "record"),
    [
        ("string", b'{"NIK":"3527050101590001","NO_RT":"007","NO_KK":"35","NO_RW":"0","ALAMAT":"12","NO_KEL":null}'),
        ("number", b'{"NIK":3527050101590001,"NO_RT":"007","NO_KK":35,"NO_RW":0,"ALAMAT":"12","NO_KEL":null}'),
    ],
)
def test_numbers_are_written_as_a_profile_wants(numbers: Any, record: bytes) -> None:
    """Only names made of digits change, and none that would lose a zero; an object stays an object."""
    reply = Reply(CentreService.BIODATA, PAGE)
    assert rendered(reply, numbers) == b'{"content":[%b],"size":1}' % record
    bare = Reply(CentreService.BIODATA, PAGE.replace(b"[", b"").replace(b"]", b""))
    assert rendered(bare, numbers) == b'{"content":%b,"size":1}' % record


@pytest.mark.parametrize(
    "reply",
    [
        Reply(CentreService.VERIFY, b"x"),
        Reply(CentreService.BIODATA, b"x", fate=Fate.DECEASED),
        Reply(CentreService.BIODATA, b"x", found=False),
    ],
)
def test_the_centres_own_words_are_never_rewritten(reply: Reply) -> None:
    """Verdicts, fates and "not found" pass as they came."""
    assert rendered(reply, "string") == b"x"


def test_refused_questions_are_remembered_for_a_while_and_not_without_bound() -> None:
    """One question of one program is refused again from memory, until its time is over."""
    refusals, at, error = Refusals(30.0), 100.0, CentreRefusedUs("why", retry_after=9.0)
    question = Question(CentreService.BIODATA, NIK)
    refusals.note("one", question, error, at)
    found = refusals.of("one", question, at + 29.0)
    assert found is not None
    assert found is not error
    assert (found.detail, found.retry_after) == ("why", 9.0)
    assert refusals.of("one", question, at + 30.0) is None
    assert refusals.of("two", question, at) is None
    for number in range(2 * KEPT):
        refusals.note("one", Question(CentreService.BIODATA, str(number)), error, at)
    assert len(refusals._known) == KEPT


def test_guesses_are_bounded_by_program_and_address_and_so_is_their_memory() -> None:
    """After so many wrong passwords one more is compared every half minute; another address is not held back."""
    guesses = Guesses()
    assert [guesses.failed("one", "a", 5.0) for _ in range(TRIES)] == [False] * (TRIES - 1) + [True]
    assert not guesses.may("one", "a", 5.0 + REST - 0.1)
    assert guesses.may("one", "a", 5.0 + REST)
    assert guesses.may("one", "b", 5.0)
    assert guesses.may("two", "a", 5.0)
    assert guesses.failed("one", "a", 5.0 + REST)
    assert not guesses.failed("one", "a", 5.0 + 2 * TRIES * REST)
    for number in range(2 * KEPT_GUESSES):
        guesses.failed("one", str(number), 5.0)
    assert len(guesses._known) == KEPT_GUESSES


@pytest.mark.parametrize(("seconds", "text"), [(None, "30"), (float("inf"), "30"), (0.0, "1"), (2.1, "3")])
def test_retry_after_is_whole_seconds(seconds: float | None, text: str) -> None:
    """Never less than one, and something where nobody knows."""
    assert retry_after(seconds) == text
