"""Replies of the Dukcapil web service, read without trust (sans-IO); requests are in `wire_requests`.

```
HTTP reply ─► read_reply ─┬─► Reply              data, a fate (11 12 14) or not found (13), raw bytes kept
                          ├─► QuotaExhausted, OutsideHours, Invalid, CentreRefusedUs    as `wire_refusals` says
                          ├─► Maintenance        status 503, or a page that speaks of maintenance
                          ├─► AnotherSubject     a reply about somebody else: its connection can no longer be trusted
                          └─► CentreMisanswered  everything else
```

A reply is JSON of bounded depth with records in `content` (a list, or one object). Data name the number asked for where
the right is shown it, and each record holds a field of the catalogue. Numbers are compared digit by
digit in the raw JSON, for NIKs of provinces from 91 exceed 2^53. Nothing of a reply ever gets into an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from gateway.catalogue.fields import FIELDS
from gateway.centre.wire_refusals import FATES, MARKS, NOT_FOUND, code_of, refusal, scalar_text
from gateway.contract.errors import CentreMisanswered, Maintenance
from gateway.contract.messages import CentreService, Reply

if TYPE_CHECKING:
    from gateway.contract.messages import Question

Record = dict[str, msgspec.Raw]
"""One object of `content`: keys to raw JSON values, digits preserved."""

_OK: Final = 200
_UNAVAILABLE: Final = 503
_DIGITS: Final = 16
_LOOKED_THROUGH: Final = 65_536
_SPARE_BRACKETS: Final = 64
_LARGEST_QUOTA: Final = 10**9
_NO_FIELDS: Final[frozenset[str]] = frozenset()
_OWN_KEYS: Final = frozenset({"NIK", "NO_KK"})
_VERDICTS: Final = ("sesuai", "tidak sesuai")


class AnotherSubject(CentreMisanswered):
    """The centre's reply was about another number than the one asked for, and was thrown away."""


class _Page(msgspec.Struct):
    content: list[Record] | Record
    quota: msgspec.Raw | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="quotaLimiter")


_decode: Final = msgspec.json.Decoder(_Page).decode


def read_reply(
    question: Question, http_status: int, content_type: str, body: bytes, shown: frozenset[str] = _NO_FIELDS
) -> Reply:
    """What the centre said to `question`.

    Args:
        question: What was asked; the reply must be about its subject.
        http_status: Status of the HTTP reply.
        content_type: Its `Content-Type`, may be empty.
        body: Its body, kept to the byte in the reply.
        shown: Wire names that the centre shows whoever asked; data without the number asked for are refused if it is
            among them.

    Raises:
        AnotherSubject: A record names another NIK or KK number.
        GatewayError: As drawn above.
    """
    if http_status != _OK or "html" in content_type.lower() or body[:1] == b"<":
        raise _page_error(http_status, body)
    page = _parse(body)
    if page is None:
        raise CentreMisanswered("The centre's reply is not JSON of the agreed shape.")
    records = _records(page)
    if not records or not records[0]:
        raise CentreMisanswered("The centre's reply holds no record.")
    quota = _quota(page)
    if not MARKS.isdisjoint(records[0]):
        return _coded(question, records, body, quota)
    _check(question, records, shown)
    return Reply(question.service, body, quota_left=quota)


def fields_of(raw: bytes) -> list[Record]:
    """The records in a reply's `content`, keys to raw JSON values.

    Args:
        raw: The bytes of a `Reply`.

    Raises:
        CentreMisanswered: They are not a reply of the centre; never for those of a `Reply`.
    """
    page = _parse(raw)
    if page is None:
        raise CentreMisanswered("The centre's reply is not JSON of the agreed shape.")
    return _records(page)


def digits_of(raw: msgspec.Raw) -> str:
    """The digits of a raw NIK or KK number, padded to 16; empty if it is none. Blanks around them are dropped."""
    value = bytes(raw)
    if value.isdigit():
        return value.decode().rjust(_DIGITS, "0")
    text = scalar_text(raw)
    digits = "".join(character for character in text if character.isprintable() and not character.isspace())
    return digits.rjust(_DIGITS, "0") if digits.isascii() and digits.isdigit() else ""


def _parse(body: bytes) -> _Page | None:
    """The page, or None for what is not UTF-8, not JSON, of another shape, or nested deeper than we go."""
    try:
        page = _decode(body)
        if not body.isascii():
            body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return page if body.count(b"[") + body.count(b"{") <= _SPARE_BRACKETS + len(page.content) else None


def _records(page: _Page) -> list[Record]:
    return page.content if isinstance(page.content, list) else [page.content]


def _quota(page: _Page) -> int | None:
    """What is left of the day's quota; None if it is not told or no plain number."""
    if page.quota is msgspec.UNSET:
        return None
    text = scalar_text(page.quota).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        return None
    return min(int(text), _LARGEST_QUOTA)


def _page_error(http_status: int, body: bytes) -> CentreMisanswered | Maintenance:
    text = body[:_LOOKED_THROUGH].lower()
    if http_status == _UNAVAILABLE or b"maintenance" in text or b"pemeliharaan" in text:
        return Maintenance()
    return CentreMisanswered(f"The centre replied with a page of HTTP status {http_status}.", executed="unknown")


def _coded(question: Question, records: list[Record], body: bytes, quota: int | None) -> Reply:
    """A reply without data: a fate, *not found*, or an error."""
    code = code_of(records[0])
    if code is None:
        raise CentreMisanswered("The centre's reply carries an unknown code or text.")
    fate = FATES.get(code)
    if fate is None and code != NOT_FOUND:
        raise refusal(code, question.service, body)
    if len(records) != 1 or records[0].keys() - MARKS - _OWN_KEYS:
        raise CentreMisanswered("The centre's reply carries data beside a code that excludes them.")
    _check_number(question, records)
    if fate is None:
        return Reply(question.service, body, quota_left=quota, found=False)
    return Reply(question.service, body, fate=fate, quota_left=quota)


def _check(question: Question, records: list[Record], shown: frozenset[str]) -> None:
    """Refuse data that do not belong to the question."""
    if question.service is CentreService.VERIFY:
        _check_comparison(question, records)
        return
    _check_number(question, records)
    _check_whole(question, records, shown)
    if any(all(map(_is_verdict, record.values())) for record in records):
        raise CentreMisanswered("The centre compared where it was asked for data.")
    if question.service is CentreService.BIODATA and len(records) != 1:
        raise CentreMisanswered("The centre replied with several residents for one NIK.")


def _check_whole(question: Question, records: list[Record], shown: frozenset[str]) -> None:
    """Data are of the catalogue, and say whom they are about if they may: a family's card is on every record of it."""
    if any(FIELDS.keys().isdisjoint(record) for record in records):
        raise CentreMisanswered("The centre's reply holds a record without any known field.")
    has_card = question.service is CentreService.FAMILY_CARD
    is_left_out = has_card and "NO_KK" in shown and not all("NO_KK" in record for record in records)
    if question.by_nik or not has_card:
        is_left_out |= "NIK" in shown and not any("NIK" in record for record in records)
    if is_left_out:
        raise CentreMisanswered("The centre's reply leaves out the number asked for, which this right is granted.")


def _check_number(question: Question, records: list[Record]) -> None:
    """Every record that names the number asked for must name this one; a right without that field hides it."""
    if question.by_nik:
        _check_member(question, records)
        return
    key = "NO_KK" if question.service is CentreService.FAMILY_CARD else "NIK"
    for record in records:
        said = record.get(key)
        if said is not None and digits_of(said) != question.subject:
            raise AnotherSubject


def _check_member(question: Question, records: list[Record]) -> None:
    """A family found by a member: one card, and the member on it, as far as the right shows numbers at all."""
    cards = {digits_of(said) for record in records if (said := record.get("NO_KK")) is not None}
    members = {digits_of(said) for record in records if (said := record.get("NIK")) is not None}
    if len(cards) > 1 or (members and question.subject not in members):
        raise AnotherSubject


def _check_comparison(question: Question, records: list[Record]) -> None:
    """A comparison has one record, with verdicts on elements that were submitted and on nothing else."""
    said = records[0].get("NIK")
    if said is not None and not _is_verdict(said) and digits_of(said) != question.subject:
        raise AnotherSubject
    compared = {name: value for name, value in records[0].items() if name != "NIK"}
    asked = {name for name, _ in question.elements}
    if len(records) != 1 or not compared or compared.keys() - asked or not all(map(_is_verdict, compared.values())):
        raise CentreMisanswered("The centre's reply is no comparison of the elements asked for.")


def _is_verdict(raw: msgspec.Raw) -> bool:
    return scalar_text(raw).strip().casefold().startswith(_VERDICTS)
