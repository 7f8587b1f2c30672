"""What the centre says is read as the contract demands, whatever shape, dialect or malice it comes in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.centre.wire import AnotherSubject, fields_of, read_reply
from gateway.centre.wire_refusals import TEXTS
from gateway.contract.errors import (
    CentreMisanswered,
    CentreRefusedUs,
    GatewayError,
    Invalid,
    Maintenance,
    NotFound,
    OutsideHours,
    QuotaExhausted,
)
from gateway.contract.messages import CentreService, Fate, Question, Reply
from tests.centre_client.far_end import BIODATA, FAMILY, NIK, NO_KK, OTHER_NIK, VERIFY, page

EXACT = {
    "03": "Login Gagal",
    "04": "IP Address Tidak Sesuai",
    "05": "Kuota Akses Hari ini telah Habis",
    "06": "Akses Di Luar Jam Layanan",
    "07": "Parameter Tidak Lengkap / Tidak Valid",
    "09": "User, password dan IP tidak boleh kosong",
    "10": "IP Client  Tidak terdaftar",
    "11": "Data Ditemukan, Meninggal Dunia",
    "12": "Data Ditemukan, Data Ganda",
    "13": "Data Tidak Ditemukan, NIK tidak terdapat di database Kependudukan",
    "14": "Data Ditemukan, Status Non Aktif silahkan hubungi Dinas Dukcapil",
    "15": "Data Tidak Ditemukan, NIK tidak sesuai format Dukcapil",
    "16": "Instansi Tidak Aktif",
    "17": "User ID Tidak Aktif",
}
MEANS: dict[str, Fate | type[GatewayError]] = {
    "03": CentreRefusedUs,
    "04": CentreRefusedUs,
    "05": QuotaExhausted,
    "06": OutsideHours,
    "07": CentreMisanswered,
    "09": CentreRefusedUs,
    "10": CentreRefusedUs,
    "11": Fate.DECEASED,
    "12": Fate.DUPLICATE,
    "13": NotFound,
    "14": Fate.INACTIVE,
    "15": Invalid,
    "16": CentreRefusedUs,
    "17": CentreRefusedUs,
}
QUESTIONS = {"biodata": BIODATA, "family_card": FAMILY, "verify": VERIFY}


def respon(code: str, text: str) -> dict[str, Any]:
    """The shape without a code."""
    assert code
    return {"RESPON": text}


def respon_code(code: str, text: str) -> dict[str, Any]:
    """The shape with a code."""
    return {"RESPON": text, "RESPONSE_CODE": code}


def response_desc(code: str, text: str) -> dict[str, Any]:
    """The newest shape."""
    return {"RESPONSE_CODE": code, "RESPONSE_DESC": text, "RESPONSE": text}


SHAPES = (respon, respon_code, response_desc)


def read(question: Question, body: bytes, status: int = 200, content_type: str = "application/json") -> Reply:
    """Read a reply."""
    return read_reply(question, status, content_type, body)


def meaning(question: Question, body: bytes) -> Fate | type[GatewayError]:
    """A fate, `NotFound`, or the class of the error."""
    try:
        reply = read(question, body)
    except GatewayError as error:
        return type(error)
    assert reply.raw == body
    return reply.fate if reply.found else NotFound


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("dialect", ["number", "string"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("code", EXACT)
def test_every_code_in_every_shape_and_dialect(code: str, shape: Any, dialect: str, name: str) -> None:
    """All codes mean the same in three shapes, as list or object, with the number echoed in either dialect or not."""
    question = QUESTIONS[name]
    key = "NO_KK" if name == "family_card" else "NIK"
    echo = int(question.subject) if dialect == "number" else question.subject
    record = shape(code, EXACT[code])
    for said in (record, record | {key: echo}):
        assert meaning(question, page(said)) is MEANS[code]
        assert meaning(question, msgspec.json.encode({"content": said, "quotaLimiter": 3})) is MEANS[code]


@pytest.mark.parametrize("code", EXACT)
@pytest.mark.parametrize("form", ["{}", "{} ", "int", "short"])
def test_a_code_counts_as_number_short_or_padded_with_any_text(code: str, form: str) -> None:
    """The code alone is enough: as text, number, without its zero, beside texts we do not know."""
    written: Any = int(code) if form == "int" else code.lstrip("0") if form == "short" else form.format(code)
    assert meaning(BIODATA, page({"RESPONSE_CODE": written, "RESPONSE_DESC": "teks lain"})) is MEANS[code]


@pytest.mark.parametrize("text", [*TEXTS, "Data Tidak Ditemukan"])
def test_a_text_alone_counts_without_regard_to_case_and_blanks(text: str) -> None:
    """Case, doubled, leading and trailing blanks and a full stop change nothing."""
    exact = meaning(BIODATA, page({"RESPON": text}))
    for variant in (text.upper(), text.lower(), f"  {text.replace(' ', '   ')}\t", f"{text}."):
        assert meaning(BIODATA, page({"RESPON": variant})) is exact


@pytest.mark.parametrize("text", ["KUOTA HABIS", "Quota anda telah habis!", "Maaf, kuota harian Anda habis"])
def test_quota_used_up_is_recognised_by_its_words(text: str) -> None:
    """However it is put, quota used up is never taken for not found."""
    for key in ("RESPON", "RESPONSE_DESC", "RESPONSE"):
        assert meaning(BIODATA, page({key: text})) is QuotaExhausted
        assert meaning(BIODATA, page({key: text, "RESPONSE_CODE": "13"})) is QuotaExhausted
        assert meaning(BIODATA, page({key: text, "RESPONSE_CODE": "99", "NAMA_LGKP": None})) is QuotaExhausted


@pytest.mark.parametrize(
    "record",
    [
        {"RESPON": "Sesuatu yang baru"},
        {"RESPON": ""},
        {"RESPON": None},
        {"RESPON": ["Data Tidak Ditemukan"]},
        {"RESPONSE_CODE": "99"},
        {"RESPONSE_CODE": "99", "RESPON": "Data Tidak Ditemukan"},
        {"RESPONSE_CODE": "00", "NIK": int(NIK)},
        {"RESPONSE_CODE": None, "NIK": int(NIK), "NAMA_LGKP": "SITI"},
        {"RESPONSE_CODE": "13", "RESPON": "Data Ditemukan, Meninggal Dunia"},
        {"RESPON": "Data Ditemukan, Data Ganda", "RESPONSE": "Data Ditemukan, Meninggal Dunia"},
        {"RESPON": "Login Gagal", "RESPONSE": "Instansi Tidak Aktif", "RESPONSE_CODE": "13"},
        {"RESPONSE_CODE": "13", "NAMA_LGKP": "SITI"},
        {"RESPONSE_CODE": "11", "NIK": int(NIK), "NAMA_LGKP": "SITI"},
    ],
)
def test_unknown_or_contradicting_refusals_are_misanswers(record: dict[str, Any]) -> None:
    """What we cannot tell for sure is not an answer; data beside a fate are refused."""
    assert meaning(BIODATA, page(record)) is CentreMisanswered


def test_a_code_that_refuses_outweighs_a_text_that_answers() -> None:
    """Code 15 with the text of 13, as some accounts may send it, stays a fault of the number."""
    assert meaning(BIODATA, page({"RESPONSE_CODE": "15", "RESPON": "Data Tidak Ditemukan"})) is Invalid
    assert meaning(BIODATA, page({"RESPONSE_CODE": "03", "RESPON": "Instansi Tidak Aktif"})) is CentreRefusedUs


@pytest.mark.parametrize(("question", "field"), [(BIODATA, "/nik"), (VERIFY, "/nik"), (FAMILY, "/no_kk")])
def test_a_number_of_wrong_format_names_its_field(question: Question, field: str) -> None:
    """Code 15 points at the field the caller sent."""
    with pytest.raises(Invalid) as failed:
        read(question, page({"RESPONSE_CODE": "15"}))
    assert [fault.field for fault in failed.value.faults] == [field]


def test_refused_accounts_tell_their_admin_why() -> None:
    """The code and what it means stand in the error's text."""
    with pytest.raises(CentreRefusedUs, match=r"code 10: IP not registered"):
        read(BIODATA, page({"RESPON": "IP Client  Tidak terdaftar"}))


@pytest.mark.parametrize(
    ("limiter", "left"),
    [(56616, 56616), (0, 0), ("12", 12), (-1, None), (1.5, None), (True, None), (None, None), ([3], None), ("x", None)],
)
def test_quota_limiter_is_read_where_it_is_a_number(limiter: object, left: int | None) -> None:
    """`quotaLimiter` counts as number or digits; anything else is as if it were not told."""
    assert read(BIODATA, page({"NIK": int(NIK)}, quotaLimiter=limiter)).quota_left == left
    assert read(BIODATA, page({"RESPONSE_CODE": 13}, quotaLimiter=limiter)).quota_left == left


def test_quota_limiter_may_be_missing_or_absurd() -> None:
    """Without it nothing is known; a number of any size does no harm."""
    assert read(BIODATA, page({"NIK": int(NIK)})).quota_left is None
    body = b'{"content":[{"NIK":%b}],"quotaLimiter":%b}'
    assert read(BIODATA, body % (NIK.encode(), b"9" * 16)).quota_left == 10**9
    assert read(BIODATA, body % (NIK.encode(), b"9" * 5000)).quota_left is None


@pytest.mark.parametrize(
    "written", [NIK, f'"{NIK}"', f'" {NIK}"', f'"{NIK}\\t"', f'"\\u0039{NIK[1:]}"', f'"\\u0007{NIK}"']
)
def test_the_number_asked_for_is_known_in_both_dialects(written: str) -> None:
    """A NIK beyond 2^53 is compared digit by digit: as number, text, with blanks, escapes or stray characters."""
    body = b'{"content":[{"NIK":%b,"NAMA_LGKP":"SITI"}]}' % written.encode()
    assert read(BIODATA, body).raw == body


def test_a_number_may_have_lost_its_leading_zero() -> None:
    """Numbers are unpadded on the wire; a village's temporary number begins with 0."""
    question = Question(CentreService.BIODATA, "0171010101010001")
    assert read(question, page({"NIK": 171010101010001})).found


@pytest.mark.parametrize(
    "written",
    [OTHER_NIK, f'"{OTHER_NIK}"', "9171010101010001.0", "9.171010101010001e15", "null", '"-"', "{}", '""', "1"],
)
def test_a_reply_about_somebody_else_is_thrown_away(written: str) -> None:
    """One digit more or less, rounding, null or another kind: not this person, so no answer, and no content told."""
    body = b'{"content":[{"NIK":%b,"NAMA_LGKP":"SITI MARKED"}]}' % written.encode()
    with pytest.raises(AnotherSubject) as failed:
        read(BIODATA, body)
    assert failed.value.code == CentreMisanswered.code
    assert "MARKED" not in f"{failed.value!r}"
    assert failed.value.__context__ is None


def test_a_fate_or_not_found_about_somebody_else_is_thrown_away() -> None:
    """Also answers without data must not name another number."""
    for code in ("11", "12", "13", "14"):
        for question in (BIODATA, VERIFY):
            assert meaning(question, page({"RESPONSE_CODE": code, "NIK": int(OTHER_NIK)})) is AnotherSubject


def test_a_family_card_has_members_of_one_card() -> None:
    """Every member who shows a card number shows the one asked for; each member has a NIK of their own."""
    members: list[dict[str, Any]] = [{"NIK": int(NIK), "NO_KK": int(NO_KK)}, {"NIK": OTHER_NIK, "NO_KK": f" {NO_KK}"}]
    assert len(fields_of(read(FAMILY, page(*members)).raw)) == 2
    assert meaning(FAMILY, page(*members, {"NIK": 1, "NO_KK": 1})) is AnotherSubject
    assert read(FAMILY, page({"NIK": 1}, {"NIK": 2})).found


def test_a_family_card_may_be_found_by_a_member() -> None:
    """Whoever was asked about is on the card and everybody is on the same one, as far as numbers are shown."""
    by_nik = Question(CentreService.FAMILY_CARD, NIK, by_nik=True)
    members: list[dict[str, Any]] = [{"NIK": int(NIK), "NO_KK": int(NO_KK)}, {"NIK": OTHER_NIK, "NO_KK": f" {NO_KK}"}]
    assert read(by_nik, page(*members)).found
    assert read(by_nik, page({"NAMA_LGKP": "SITI"})).found
    assert meaning(by_nik, page(members[1])) is AnotherSubject
    assert meaning(by_nik, page(*members, {"NIK": 1, "NO_KK": 1})) is AnotherSubject


def test_a_right_without_the_number_field_gets_its_answer() -> None:
    """Fields that are not granted are absent, the NIK among them."""
    assert read(BIODATA, page({"NAMA_LGKP": "SITI"})).found


SHOWN = frozenset({"NIK", "NO_KK", "NAMA_LGKP"})
BY_MEMBER = Question(CentreService.FAMILY_CARD, NIK, by_nik=True)


@pytest.mark.parametrize(
    ("question", "key", "records"),
    [
        (BIODATA, "NIK", [{"NAMA_LGKP": "SITI"}]),
        (BIODATA, "NIK", [{"NAMA_LGKP": "SITI", "NO_KK": int(NO_KK)}]),
        (FAMILY, "NO_KK", [{"NIK": int(NIK)}]),
        (FAMILY, "NO_KK", [{"NIK": int(NIK), "NO_KK": int(NO_KK)}, {"NIK": int(OTHER_NIK)}]),
        (BY_MEMBER, "NIK", [{"NO_KK": int(NO_KK)}]),
        (BY_MEMBER, "NO_KK", [{"NIK": int(NIK)}]),
    ],
)
def test_a_number_the_right_is_shown_may_not_be_left_out(
    question: Question, key: str, records: list[dict[str, Any]]
) -> None:
    """Without it nothing tells whom the data are about; a right that is not shown it gets them all the same."""
    with pytest.raises(CentreMisanswered, match="leaves out the number"):
        read_reply(question, 200, "", page(*records), SHOWN)
    assert read_reply(question, 200, "", page(*records), SHOWN - {key}).found
    assert read_reply(question, 200, "", page(*records)).found


@pytest.mark.parametrize("code", ["11", "12", "13", "14"])
def test_an_answer_without_data_need_not_repeat_the_number(code: str) -> None:
    """A fate and *not found* come as the wire's bare texts, also to a right that is shown numbers."""
    for question in (BIODATA, FAMILY, BY_MEMBER, VERIFY):
        assert read_reply(question, 200, "", page({"RESPONSE_CODE": code}), SHOWN).found is (code != "13")


@pytest.mark.parametrize("record", [{"x": 1}, {"nama": "SITI"}, {"error": "database"}])
def test_a_record_without_any_known_field_is_refused(record: dict[str, Any]) -> None:
    """Whatever it is, it is no data of a resident."""
    assert meaning(BIODATA, page(record)) is CentreMisanswered
    assert meaning(FAMILY, page({"NO_KK": int(NO_KK)}, record)) is CentreMisanswered


@pytest.mark.parametrize(
    "record",
    [
        {"NAMA_LGKP": "Sesuai (100)", "TGL_LHR": "Tidak Sesuai"},
        {"NAMA_LGKP": "Tidak Sesuai (40)"},
        {"TGL_LHR": "Sesuai", "NIK": int(NIK)},
        {"TGL_LHR": " sesuai", "NIK": "Sesuai"},
    ],
)
def test_a_comparison_of_what_was_submitted_is_an_answer(record: dict[str, Any]) -> None:
    """Verdicts on submitted elements, some perhaps left out, with or without the NIK; there is no code."""
    assert read(VERIFY, page(record)) == Reply(CentreService.VERIFY, page(record))


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"NAMA_LGKP": "SITI AMINAH"}, CentreMisanswered),
        ({"NAMA_LGKP": "Sesuai", "ALAMAT": "Sesuai"}, CentreMisanswered),
        ({"NIK": int(NIK)}, CentreMisanswered),
        ({"NAMA_LGKP": None}, CentreMisanswered),
        ({"NAMA_LGKP": "Sesuai", "NIK": int(OTHER_NIK)}, AnotherSubject),
    ],
)
def test_data_or_strange_elements_are_no_comparison(record: dict[str, Any], found: type[GatewayError]) -> None:
    """Stored values, elements nobody asked about, or no element at all are refused."""
    assert meaning(VERIFY, page(record)) is found


def test_two_comparisons_are_none() -> None:
    """A comparison has one record."""
    assert meaning(VERIFY, page({"NAMA_LGKP": "Sesuai"}, {"TGL_LHR": "Sesuai"})) is CentreMisanswered


def test_the_answer_of_another_service_is_refused() -> None:
    """A comparison is no biodata, and one NIK has one resident."""
    assert meaning(BIODATA, page({"NAMA_LGKP": "Sesuai (100)"})) is CentreMisanswered
    assert meaning(FAMILY, page({"NAMA_LGKP": "Tidak Sesuai"})) is CentreMisanswered
    assert meaning(BIODATA, page({"NIK": int(NIK)}, {"NIK": int(NIK)})) is CentreMisanswered


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"Data Tidak Ditemukan"',
        b'{"content":null}',
        b'{"content":[]}',
        b'{"content":{}}',
        b'{"content":[{}]}',
        b'{"content":[{"RESPON":"\\ud800"}]}',
        b'{"content":[[]]}',
        b'{"content":[1]}',
        b'{"content":"x"}',
        b'{"RESPON":"Data Tidak Ditemukan"}',
        b'{"content":[{"NIK":9171010101010001}]',
        b'{"content":[{"NIK":9171010101010001}]}}',
        b'{"content":[{"NIK":9171010101010001,"NAMA_LGKP":"\xe9"}]}',
        b'{"content":[{"\xff":1}]}',
        b'\xef\xbb\xbf{"content":[{"NIK":9171010101010001}]}',
        b"{'content': []}",
        '{"content":[{"NIK":9171010101010001}]}'.encode("utf-16"),
    ],
)
def test_odd_shapes_are_misanswers(body: bytes) -> None:
    """Cut, empty, of another shape or encoding: misanswered, also through `fields_of` where no page stands."""
    assert meaning(BIODATA, body) is CentreMisanswered


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 2_000_000,
        b'{"content":' * 300_000,
        b'{"content":[{"NIK":' + b"[" * 1_000_000,
        b'{"content":[{"NIK":9171010101010001,"x":' + b"[" * 400 + b"]" * 400 + b"}]}",
        b'{"sort":' + b"[" * 300 + b"]" * 300 + b',"content":[{"NIK":9171010101010001}]}',
    ],
    ids=["list bomb", "object bomb", "record bomb", "deep field", "deep envelope"],
)
def test_deep_replies_are_misanswers(body: bytes) -> None:
    """Nesting of any depth is refused, before anyone else has to walk it."""
    assert meaning(BIODATA, body) is CentreMisanswered
    with pytest.raises(CentreMisanswered):
        fields_of(body)


@pytest.mark.parametrize(
    ("status", "content_type", "body", "found", "executed"),
    [
        (503, "text/html", b"<html>down</html>", Maintenance, "no"),
        (503, "application/json", b"{}", Maintenance, "no"),
        (200, "text/html", b"<h1>Under MAINTENANCE</h1>", Maintenance, "no"),
        (200, "", b"<p>Sedang pemeliharaan</p>", Maintenance, "no"),
        (200, "text/html; charset=utf-8", b"welcome", CentreMisanswered, "unknown"),
        (500, "text/html", b"<html>", CentreMisanswered, "unknown"),
        (502, "", b"", CentreMisanswered, "unknown"),
        (302, "application/json", page({"NIK": int(NIK)}), CentreMisanswered, "unknown"),
        (404, "application/json", b'{"RESPON":"Data Tidak Ditemukan"}', CentreMisanswered, "unknown"),
    ],
)
def test_pages_and_statuses(
    status: int, content_type: str, body: bytes, found: type[GatewayError], executed: str
) -> None:
    """503 and pages that speak of maintenance are maintenance; other pages and statuses are misanswers."""
    with pytest.raises(found) as failed:
        read(BIODATA, body, status, content_type)
    assert type(failed.value) is found
    assert failed.value.executed == executed


def test_fields_keep_their_digits() -> None:
    """`fields_of` hands out raw JSON: a NIK beyond 2^53 keeps every digit."""
    (record,) = fields_of(page({"NIK": int(NIK), "NAMA_LGKP": "SITI"}))
    assert {key: bytes(value) for key, value in record.items()} == {"NIK": NIK.encode(), "NAMA_LGKP": b'"SITI"'}
