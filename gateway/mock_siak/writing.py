"""The desk for writes: `/siak/…`, described in docs/reference/centre-writes.md.

```
request ─► locate (which operation) ─► account (401, 403) ─► read (400, 422) ─► office, blobs ─► what is said
```
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from gateway.mock_siak import forms
from gateway.mock_siak.blobs import BlobDesk
from gateway.mock_siak.cases import RECORDING
from gateway.mock_siak.papers import CARDS
from gateway.mock_siak.regions import REGENCIES
from gateway.mock_siak.saying import Refusal, Said, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.mock_siak.accounts import Account, Directory
    from gateway.mock_siak.book import Book
    from gateway.mock_siak.calendar import Calendar
    from gateway.mock_siak.cases import Case
    from gateway.mock_siak.http1 import Request
    from gateway.mock_siak.office import Office
    from gateway.mock_siak.packets import PacketKey
    from gateway.mock_siak.papers import Papers

WRITE, FOLLOW = "write", "follow"
"""The two classes of operations, as faults name them."""

_MAX_EVENTS, _USUAL_EVENTS, _LONGEST_CURSOR = 1_000, 100, 18
_CREATED, _OK = 201, 200


class Operation(msgspec.Struct, frozen=True):
    """What a request to `/siak` wants: its name in statistics and faults, its class, and the last part of the path."""

    name: str
    kind: str
    tail: str


class WriteDesk:
    """Answers the calls of the write half."""

    def __init__(
        self, directory: Directory, office: Office, book: Book, key: PacketKey, papers: Papers, calendar: Calendar
    ) -> None:
        self._directory = directory
        self._office = office
        self._book = book
        self._key = key
        self._papers = papers
        self._calendar = calendar
        blobs = BlobDesk(book)
        self._operations: Mapping[str, Callable[[Account, Operation, Request], Said]] = {
            "HEAD_BLOB": lambda account, operation, _: blobs.told(account.key, operation.tail),
            "PUT_BLOB": lambda account, operation, request: blobs.add(account.key, operation.tail, request),
            "SUBMIT": lambda account, _, request: self._submit(account, request),
            "RECORD": lambda account, _, request: self._record(account, request),
            "FIND": lambda account, operation, _: self._find(account, operation.tail, recording=False),
            "FIND_RECORDING": lambda account, operation, _: self._find(account, operation.tail, recording=True),
            "KEY": lambda _account, _operation, _request: say(_OK, key.document()),
            "EVENTS": lambda account, _, request: self._events(account, request),
            "DOCUMENT": lambda account, operation, _: self._document(account, operation.tail),
            "BLANGKO": lambda _, operation, _request: self._blangko(operation.tail),
        }

    def answer(self, operation: Operation, request: Request) -> Said:
        """What is said to a request; everything that changes is durable by then."""
        try:
            account = self._account(request.headers)
            return self._operations[operation.name](account, operation, request)
        except Refusal as refusal:
            return refusal.said()

    def _account(self, headers: Mapping[str, str]) -> Account:
        user, password = _credentials(headers.get("authorization", ""))
        account = self._directory.writer(user)
        if account is None or password != account.password_on(self._calendar.ddmmyyyy()):
            raise Refusal(401, "login_failed")
        if not account.user_active:
            raise Refusal(403, "user_inactive")
        if not account.institution_active:
            raise Refusal(403, "institution_inactive")
        if account.ips and headers.get("x-ip-user") not in account.ips:
            raise Refusal(403, "ip_unknown")
        if account.hours and not self._calendar.is_within(account.hours):
            raise Refusal(403, "outside_hours")
        return account

    def _submit(self, account: Account, request: Request) -> Said:
        body = _object(request.body)
        self._check(account, body, body.get("service"), forms.submission_faults(body))
        keys = ("reference", "service", "version", "village", "subject", "filed_at", "form")
        attachments = body.get("attachments") or []
        missing = [place for place, name in enumerate(attachments) if not self._is_whole(account, name)]
        if missing:
            faults = [forms.wrong(f"/attachments/{place}", "unknown") for place in missing]
            raise self._refused(body, Refusal(422, "blob_missing", faults))
        return self._hand_in(account, {**{key: body[key] for key in keys}, "attachments": attachments})

    def _record(self, account: Account, request: Request) -> Said:
        body = _object(request.body)
        self._check(account, body, RECORDING, forms.recording_faults(body))
        if not self._is_whole(account, body["packet"]):
            raise self._refused(body, Refusal(422, "blob_missing", [forms.wrong("/packet", "unknown")]))
        content = None
        if body["key_id"] == self._key.key_id:
            content = self._key.open(self._book.content(account.key, body["packet"]), body["reference"])
        if content is None or forms.PACKET(content, ""):
            raise self._refused(body, Refusal(422, "packet_unreadable"))
        kept = {key: body[key] for key in ("reference", "village", "packet")}
        return self._hand_in(account, {**kept, "service": RECORDING, "form": {"nik": content["nik"]}})

    def _check(self, account: Account, body: dict[str, Any], service: object, faults: list[forms.Fault]) -> None:
        """Refuse what is not granted, then what is wrong."""
        if isinstance(service, str) and service in (*forms.FORMS, RECORDING) and service not in account.writes:
            raise self._refused(body, Refusal(403, "service_not_granted"))
        if faults:
            raise self._refused(body, Refusal(422, "form_invalid", faults))

    def _refused(self, body: dict[str, Any], refusal: Refusal) -> Refusal:
        """Note a refusal under its reference, if it has one."""
        reference = body.get("reference")
        if isinstance(reference, str) and not forms.reference(reference, ""):
            self._book.refuse(reference, refusal.code)
        return refusal

    def _hand_in(self, account: Account, body: dict[str, Any]) -> Said:
        taken = self._office.hand_in(account.key, body)
        if taken is None:
            raise Refusal(409, "reference_conflict")
        case, is_new = taken
        return say(_CREATED if is_new else _OK, case.document())

    def _find(self, account: Account, reference: str, *, recording: bool) -> Said:
        held: Case | None = self._office.find(account.key, reference)
        if held is None or held.is_recording is not recording:
            raise Refusal(404, "reference_unknown", reference=reference)
        return say(_OK, held.document())

    def _is_whole(self, account: Account, sha256: str) -> bool:
        blob = self._book.blob(account.key, sha256)
        return blob is not None and blob.complete

    def _events(self, account: Account, request: Request) -> Said:
        query = parse_qs(request.query)
        after = _whole(query.get("after", ["0"])[-1], "/after")
        limit = _whole(query.get("limit", [str(_USUAL_EVENTS)])[-1], "/limit")
        if not 1 <= limit <= _MAX_EVENTS:
            raise Refusal(422, "form_invalid", [forms.wrong("/limit", "format")])
        self._office.settle()
        if after > self._book.last_event():
            raise Refusal(409, "cursor_unknown")
        events, more = self._book.events(account.key, after, limit)
        upto = events[-1]["seq"] if events else after
        return say(_OK, {"events": events, "next": upto, "more": more})

    def _document(self, account: Account, receipt: str) -> Said:
        self._office.settle()
        found = self._book.issued(account.key, receipt)
        if found is None or found[1].kind in CARDS:
            raise Refusal(404, "document_unknown", reference=receipt)
        return Said(_OK, self._papers.pdf(*found), content_type=b"application/pdf")

    def _blangko(self, regency: str) -> Said:
        if regency not in REGENCIES:
            raise Refusal(404, "regency_unknown")
        return say(_OK, self._office.blangko(regency))


_PLAIN = {
    ("POST", "submissions"): ("SUBMIT", WRITE),
    ("POST", "recordings"): ("RECORD", WRITE),
    ("GET", "key"): ("KEY", FOLLOW),
    ("GET", "events"): ("EVENTS", FOLLOW),
}
_WITH_TAIL = {
    ("HEAD", "blobs"): ("HEAD_BLOB", FOLLOW),
    ("PUT", "blobs"): ("PUT_BLOB", WRITE),
    ("GET", "submissions"): ("FIND", FOLLOW),
    ("GET", "recordings"): ("FIND_RECORDING", FOLLOW),
    ("GET", "documents"): ("DOCUMENT", FOLLOW),
    ("GET", "blangko"): ("BLANGKO", FOLLOW),
}


def locate(method: str, path: str) -> Operation | None:
    """What a request wants; None where the write half has nothing of this form."""
    root, _, rest = path.removeprefix("/").partition("/")
    if root != "siak":
        return None
    thing, slash, tail = rest.partition("/")
    found = (_WITH_TAIL if slash else _PLAIN).get((method, thing))
    if found is None or (slash and (not tail or "/" in tail)):
        return None
    return Operation(*found, tail)


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, coded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (user, password) if scheme.lower() == "basic" else ("", "")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refusal(400, "unreadable")
    return found


def _whole(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_CURSOR):
        raise Refusal(422, "form_invalid", [forms.wrong(where, "format")])
    return int(text)
