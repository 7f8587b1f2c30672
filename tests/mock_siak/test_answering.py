"""The register desk: codes, their order and shapes, dialects, rights and quota; no sockets needed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from gateway.mock_siak.accounts import EXTRA_FIELDS, FIELDS, Account, Directory
from gateway.mock_siak.answering import Call, Desk, is_nik
from gateway.mock_siak.calendar import Calendar, zone
from gateway.mock_siak.population import Population
from gateway.mock_siak.quota import QuotaBook
from gateway.mock_siak.refusals import TEXTS, refusal

if TYPE_CHECKING:
    from gateway.mock_siak.accounts import ErrorShape, Kind

PEOPLE = Population(400, 1)
NOON = 1_767_243_600.0  # 2026-01-01 12:00 in Jakarta
NIK = PEOPLE.samples("active")[0]
OTHER = Account(path="lain", user_id="lain", password="x", ips=("10.0.0.9",))
ACCOUNT = Account(path="dinas", user_id="dinas", password="rahasia", ips=("127.0.0.1",), error_shape="respon_code")
ALL_KINDS: tuple[Kind, ...] = ("biodata", "kk", "verify")
SHAPES: tuple[ErrorShape, ...] = ("respon", "respon_code", "response_desc")


class Office:
    """A desk with one account and a clock that can be set."""

    def __init__(self, account: Account = ACCOUNT, **changes: Any) -> None:
        """Open it for `account`, changed as given."""
        self.account = replace(account, **changes)
        self.now = NOON
        calendar = Calendar(zone("Asia/Jakarta"), lambda: self.now)
        self.quota = QuotaBook(calendar, lambda: None)
        self.desk = Desk(PEOPLE, Directory((self.account, OTHER)), self.quota, calendar)

    def raw(self, kind: Kind = "biodata", **params: str) -> bytes:
        """The answer to good credentials, changed as given."""
        who = self.account
        given = {"user": who.user_id, "password": who.password, "ip": "127.0.0.1", "nik": NIK, **params}
        return self.desk.answer(Call(kind, kind.upper(), given, (self.account,)))

    def ask(self, kind: Kind = "biodata", **params: str) -> Any:
        """The decoded first object of the content."""
        content = json.loads(self.raw(kind, **params))["content"]
        return content[0] if isinstance(content, list) else content

    def code(self, kind: Kind = "biodata", **params: str) -> str:
        """The code of a refusal, `data` for data."""
        return str(self.ask(kind, **params).get("RESPONSE_CODE", "data"))


def test_a_full_answer_has_the_33_keys_in_order() -> None:
    """Biodata carries exactly the 33 keys, numbers as numbers, dates as yyyy-mm-dd, inside a Spring page."""
    office = Office()
    page = json.loads(office.raw())
    record = page.pop("content")[0]
    assert tuple(record) == FIELDS
    assert record["NIK"] == int(NIK)
    assert isinstance(record["NO_KAB"], int)
    assert record["JENIS_KLMIN"] in {"Laki-Laki", "Perempuan"}
    assert page == {
        "lastPage": True,
        "numberOfElements": 1,
        "sort": None,
        "totalElements": 1,
        "firstPage": True,
        "number": 0,
        "size": 1,
    }


@pytest.mark.parametrize("dialect", ["number", "string"])
def test_papuan_niks_keep_every_digit(dialect: Any) -> None:
    """A NIK beyond 2^53 stands on the wire digit for digit, bare or quoted."""
    nik = PEOPLE.samples("papua")[0]
    quote = b'"' if dialect == "string" else b""
    assert b'{"NIK":%b%b%b,' % (quote, nik.encode(), quote) in Office(dialect=dialect).raw(nik=nik)


def test_keys_that_are_not_granted_are_absent() -> None:
    """An account sees its fields only, in its own order; extras only where granted."""
    assert tuple(Office(fields=("NAMA_LGKP", "NIK")).ask()) == ("NAMA_LGKP", "NIK")
    assert tuple(Office(fields=(*FIELDS, *EXTRA_FIELDS)).ask()) == (*FIELDS, *EXTRA_FIELDS)


def test_string_accounts_get_text_and_raw_copies_are_unclean() -> None:
    """The string dialect quotes every number; raw copies have a blank before NO_KK, `-` for null, a stray bell."""
    plain = Office(dialect="string").ask()
    assert all(value is None or isinstance(value, str) for value in plain.values())
    raw = Office(dialect="string", quirks=True).ask()
    assert raw["NO_KK"] == f" {plain['NO_KK']}"
    assert raw["ALAMAT"] == f"{plain['ALAMAT']}\x07"
    assert None not in raw.values()
    assert {"-", " "} & set(raw.values())


def test_quota_limiter_is_shown_only_where_agreed() -> None:
    """QuotaLimiter counts down for newer accounts and does not exist for the others."""
    office = Office(quota_shown=True, daily_allowance=5)
    assert [json.loads(office.raw())["quotaLimiter"] for _ in range(2)] == [4, 3]
    assert "quotaLimiter" not in json.loads(Office().raw())


def test_a_family_card_lists_its_active_members() -> None:
    """KK answers by NIK and by NO_KK are the same, one object per active member."""
    office = Office(kinds=ALL_KINDS)
    resident = PEOPLE.resident(int(NIK))
    assert resident is not None
    no_kk = f"{resident.home.no_kk:016d}"
    by_card = json.loads(office.raw("kk", nik="", NO_KK=no_kk))
    active = [member for member in PEOPLE.family(resident.home.no_kk) if member.status.value == "active"]
    assert [member["NIK"] for member in by_card["content"]] == [member.nik for member in active]
    assert by_card["totalElements"] == by_card["size"] == len(active)
    assert json.loads(office.raw("kk"))["content"] == by_card["content"]


def test_a_card_without_active_members_is_inactive() -> None:
    """A card whose members all died or left is 14; a number nobody has is 13; a short one 15."""
    office = Office(kinds=ALL_KINDS)
    people = Population(3_000, 1)
    gone = next(
        no_kk
        for no_kk in map(int, people.sample_cards(3_000))
        if all(m.status.value != "active" for m in people.family(no_kk))
    )
    office.desk._population = people
    assert office.code("kk", nik="", NO_KK=f"{gone:016d}") == "14"
    assert office.code("kk", nik="", NO_KK="3527000000000001") == "13"
    assert office.code("kk", nik="", NO_KK="352") == "15"


@pytest.mark.parametrize(
    ("group", "code"),
    [
        ("deceased", "11"),
        ("duplicate", "12"),
        ("inactive", "14"),
        ("moved", "14"),
        ("active", "data"),
        ("papua", "data"),
    ],
)
@pytest.mark.parametrize("kind", ["biodata", "kk"])
def test_states_have_their_codes(kind: Kind, group: str, code: str) -> None:
    """Whoever died, is double, inactive or moved is answered by code, in biodata and KK alike."""
    assert Office(kinds=ALL_KINDS).code(kind, nik=PEOPLE.samples(group)[0]) == code


def test_checks_run_in_order() -> None:
    """Each fault of a call that has them all is told only once the earlier ones are cured."""
    faults: list[tuple[str, dict[str, Any], dict[str, str]]] = [
        ("09", {}, {"password": ""}),
        ("07", {}, {"nik": ""}),
        ("03", {}, {"password": "salah"}),
        ("17", {"user_active": False}, {}),
        ("16", {"institution_active": False}, {}),
        ("10", {}, {"ip": "192.0.2.1"}),
        ("06", {"hours": ("03:00", "04:00")}, {}),
        ("05", {"daily_allowance": 0}, {}),
        ("15", {}, {"nik": "123"}),
    ]
    for at, (code, _, _) in enumerate(faults):
        changes: dict[str, Any] = {}
        params: dict[str, str] = {}
        for _, change, param in reversed(faults[at:]):
            changes |= change
            params |= param
        assert Office(**changes).code("biodata", **params) == code
    assert Office().code(nik=PEOPLE.strangers(1)[0]) == "13"


def test_ip_of_somebody_else_and_of_nobody() -> None:
    """An IP registered for another account is 04, one registered for nobody is 10, no list admits all."""
    assert Office().code(ip="10.0.0.9") == "04"
    assert Office().code(ip="192.0.2.7") == "10"
    assert Office(ips=()).code(ip="192.0.2.7") == "data"


def test_each_missing_credential_is_09_and_an_unknown_user_03() -> None:
    """User, password and IP must all be there; a user of another path cannot log in."""
    assert [Office().code("biodata", **{name: ""}) for name in ("user", "password", "ip")] == ["09"] * 3
    assert Office().code(user="lain") == "03"


@pytest.mark.parametrize("code", sorted(TEXTS))
@pytest.mark.parametrize("shape", SHAPES)
def test_every_code_has_its_text_in_every_shape(code: str, shape: ErrorShape) -> None:
    """The three shapes carry the same exact text; verify accounts get the long form of 13."""
    told = refusal(code, "verify", shape)
    assert TEXTS[code] in told.values()
    assert (
        tuple(told)
        == {
            "respon": ("RESPON",),
            "respon_code": ("RESPON", "RESPONSE_CODE"),
            "response_desc": ("RESPONSE_CODE", "RESPONSE_DESC", "RESPONSE"),
        }[shape]
    )


def test_13_is_brief_for_readers_and_long_for_verifiers() -> None:
    """Biodata accounts get `Data Tidak Ditemukan` alone."""
    assert refusal("13", "biodata", "respon") == {"RESPON": "Data Tidak Ditemukan"}
    assert refusal("13", "verify", "respon")["RESPON"].endswith("di database Kependudukan")


def test_quota_is_spent_per_answered_call_and_returns_at_midnight() -> None:
    """Not-found answers cost, refusals do not, and the day turns at midnight in Jakarta."""
    office = Office(daily_allowance=2)
    assert office.code(password="salah") == "03"
    assert [office.code(nik="1"), office.code(nik=PEOPLE.strangers(1)[0]), office.code(), office.code()] == [
        "15",
        "13",
        "05",
        "05",
    ]
    office.now = NOON + 11.9 * 3600
    assert office.code() == "05"
    office.now = NOON + 12 * 3600
    assert office.code() == "data"
    assert (office.quota.day, office.quota.used()) == ("2026-01-02", {office.account.key: 1})


def test_hours_may_pass_midnight() -> None:
    """A span from evening to morning is open at night and closed at noon."""
    night = ("20:00", "06:00")
    office = Office(hours=night)
    assert office.code() == "06"
    office.now = NOON + 11 * 3600
    assert office.code() == "data"
    office.now = NOON - 7 * 3600
    assert office.code() == "data"


def test_ws_server_needs_no_ip_and_takes_a_daily_password() -> None:
    """The older service wants md5(secret + ddmmyyyy) of today and answers refusals with a bare object."""
    office = Office(door="ws_server", ips=(), daily_password=True)
    today = hashlib.md5(b"rahasia01012026", usedforsecurity=False).hexdigest()
    assert office.code(ip="", password=today) == "data"
    assert json.loads(office.raw(ip="", password=today, nik="1"))["content"]["RESPONSE_CODE"] == "15"
    office.now += 24 * 3600
    assert office.code(ip="", password=today) == "03"


def verify(office: Office, **params: str) -> Any:
    """A verification of the sample resident."""
    return office.ask("verify", **{"threshold": "80", **params})


def test_verify_tells_one_verdict_per_submitted_element() -> None:
    """Scores come only for names, birth place and address; there is no RESPONSE_CODE; nothing stored is told."""
    resident = PEOPLE.resident(int(NIK))
    assert resident is not None
    told = verify(
        Office(kinds=ALL_KINDS), NAMA_LGKP=resident.name.lower(), TMPT_LHR="XQZ", TGL_LHR=f"{resident.born:%d-%m-%Y}",
        JENIS_KLMIN="", NO_KAB=f"0{resident.home.village.regency}", NO_PROP="x", UNHEARD="1",
    )  # fmt: skip
    assert told.pop("TMPT_LHR").startswith("Tidak Sesuai (")
    assert told == {
        "NAMA_LGKP": "Sesuai (100)",
        "TGL_LHR": "Sesuai",
        "JENIS_KLMIN": "Tidak Sesuai",
        "NO_KAB": "Sesuai",
        "NO_PROP": "Tidak Sesuai",
    }
    assert verify(Office(kinds=ALL_KINDS), NO_KK="9" * 1000) == {"NO_KK": "Tidak Sesuai"}
    assert "Parameter Tidak Lengkap / Tidak Valid" in verify(Office(kinds=ALL_KINDS), NO_KK="9" * 5000).values()


def test_the_threshold_decides() -> None:
    """The same likeness is a match below the threshold and none above it; ISO dates agree too."""
    resident = PEOPLE.resident(int(NIK))
    assert resident is not None
    close = resident.name[:-1] + "Q"
    office = Office(kinds=ALL_KINDS)
    assert verify(office, NAMA_LGKP=close, threshold="50")["NAMA_LGKP"].startswith("Sesuai (")
    assert verify(office, NAMA_LGKP=close, threshold="100")["NAMA_LGKP"].startswith("Tidak Sesuai (")
    assert verify(office, TGL_LHR=resident.born.isoformat()) == {"TGL_LHR": "Sesuai"}
    assert verify(office, NAMA_LGKP=" ", NAMA_LGKP_IBU="") == {
        "NAMA_LGKP": "Tidak Sesuai (0)", "NAMA_LGKP_IBU": "Tidak Sesuai (0)",
    }  # fmt: skip


def test_unknown_stored_values_never_match() -> None:
    """A value the register does not hold agrees with nothing, the empty claim included."""
    single = next(
        nik for nik in PEOPLE.samples("active", 200) if (r := PEOPLE.resident(int(nik))) and r.mother.name is None
    )
    told = verify(Office(kinds=ALL_KINDS), nik=single, NAMA_LGKP_IBU="", threshold="1")
    assert told == {"NAMA_LGKP_IBU": "Tidak Sesuai (0)"}


@pytest.mark.parametrize("threshold", ["", "0", "101", "delapan", "-1", "9" * 30])
def test_a_verify_without_a_threshold_is_incomplete(threshold: str) -> None:
    """TRESHOLD must be a number from 1 to 100, and at least one element must be submitted."""
    office = Office(kinds=ALL_KINDS)
    assert office.code("verify", threshold=threshold, NAMA_LGKP="A") == "07"
    assert office.code("verify", threshold="80") == "07"


def test_verify_keeps_to_granted_fields() -> None:
    """An element an account may not see is not compared for it either."""
    told = verify(Office(kinds=ALL_KINDS, fields=("NIK", "AGAMA")), AGAMA="?", NAMA_LGKP="?")
    assert told == {"AGAMA": "Tidak Sesuai"}


@pytest.mark.parametrize(
    "nik",
    [
        "",
        "352701010190000",
        "35270101019000011",
        "3527010101900000",
        "3527013202900001",
        "35270172019000A1",
        "3527010113900001",
        "352701010190000\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_malformed_niks_are_refused(nik: str) -> None:
    """Wrong length, no date, serial 0000 and foreign digits are not a NIK."""
    assert not is_nik(nik)


def test_leap_days_count_in_either_century() -> None:
    """29 February 00 exists (2000), 29 February 01 does not; women's days are read minus 40."""
    assert is_nik("3527012902000001")
    assert is_nik("3527016902000001")
    assert not is_nik("3527012902010001")


def test_cached_records_are_dropped_when_there_are_too_many() -> None:
    """The renderer's memory is bounded and what it renders afterwards is the same."""
    from gateway.mock_siak import rendering  # noqa: PLC0415 its limit is looked at here only

    renderer = rendering.Renderer(ACCOUNT)
    resident = PEOPLE.resident(int(NIK))
    assert resident is not None
    before = renderer.record(resident)
    renderer._known = dict.fromkeys(range(rendering._CACHED), (resident, b""))
    assert renderer.record(resident) == before
    assert len(renderer._known) == 1


def test_zones_need_no_database_for_indonesia() -> None:
    """Jakarta, Makassar and Jayapura are fixed; others come from the zone database; nonsense is an error."""
    assert str(zone("Asia/Jayapura")) == "Asia/Jayapura"
    assert zone("UTC") is not None
    with pytest.raises(ValueError, match="unknown time zone"):
        zone("Asia/Nowhere")
