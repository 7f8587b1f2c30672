"""The verb *submit*: what a caller hands in is checked, stored in one transaction, and answered with a receipt.

```
key ─► shape ─► right and village ─► the service's own check, its files ─► switches ─┐
                           Accepted ◄─ outbox (one commit) ◄─ ledger: began, durable ◄────────┘
```

The class of a submission is its service's alone, not its caller's: a birth is urgent through whichever app it comes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.blobs.blobs import absent
from gateway.catalogue.receipts import new_id, new_number
from gateway.contract.errors import (
    Conflict,
    Denied,
    FieldFault,
    IdempotencyKeyMissing,
    Invalid,
    Maintenance,
    NotFound,
    OwnError,
)
from gateway.contract.submissions import Move, SubmissionMoved
from gateway.contract.submissions import SubmissionState as State
from gateway.flows.deeds import written
from gateway.flows.rights import check_village
from gateway.ledger.exchange import Deed
from gateway.outbox.move_rows import CORRECTED, TOO_LATE
from gateway.outbox.outbox import NewSubmission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.blobs.blobs import Blobs
    from gateway.contract.host import Clock
    from gateway.contract.messages import Caller, Priority, Right
    from gateway.contract.submissions import Submission
    from gateway.flows.rights import Rights
    from gateway.ledger.exchange import DeedRecorder
    from gateway.ledger.records import Verb
    from gateway.outbox.outbox import Accepted, Outbox, Switch

SWITCHES_EVERY: Final = 1.0
"""Seconds within which a switch is obeyed."""

MOST_ATTACHMENTS: Final = 32
"""Attachments of one submission, as many as the centre takes."""

LONGEST_FORM: Final = 262_144
"""Bytes of a form, at most."""

ACCEPTED: Final = "accepted"
"""Outcome in the ledger of what was stored."""

REPEATED: Final = "repeated"
"""Outcome in the ledger of what was stored before: its record names an id that was not used."""

_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{16}", re.ASCII)
_VILLAGE: Final = re.compile(r"\d{10}", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST_ORIGIN: Final = 200


class Submitter:
    """Takes submissions in on behalf of callers.

    Args:
        outbox: Where they are kept.
        rights: The core's checks.
        classes: Class of each service that can be handed in.
        check: The service's own check of a form, filed when (Unix seconds): every wrong field, none if it is well.
        blobs: Where the files of attachments are.
        clock: The gateway's clock.
        bits: Source of so many random bits, such as `secrets.randbits`.
        ledger: Each hand-in and correction is written down before it is stored; None where the config switches it off.
    """

    def __init__(
        self,
        outbox: Outbox,
        rights: Rights,
        classes: Mapping[str, Priority],
        check: Callable[[Submission, float], tuple[FieldFault, ...]],
        blobs: Blobs,
        clock: Clock,
        bits: Callable[[int], int],
        ledger: DeedRecorder | None = None,
    ) -> None:
        self.tell: Callable[[SubmissionMoved], None] = _nobody
        self._outbox = outbox
        self._rights = rights
        self._classes = classes
        self._check = check
        self._blobs = blobs
        self._clock = clock
        self._bits = bits
        self._ledger = ledger
        self._switches: tuple[Switch, ...] = ()
        self._switches_until = float("-inf")

    async def submit(
        self,
        caller: Caller,
        submission: Submission,
        key: str | None,
        *,
        adapter: str = "native",
        filed_at: float | None = None,
        state: State = State.QUEUED,
    ) -> Accepted:
        """Store a submission; it is committed when this returns.

        Args:
            caller: Who hands it in.
            submission: What.
            key: The Idempotency-Key.
            adapter: Extension it came through.
            filed_at: The legal filing date where it lies before now.
            state: `in_review` where the adapter has a desk.

        Raises:
            IdempotencyKeyMissing: There is no key.
            Invalid: Some fields are wrong; each is named.
            Denied: The key carries no right, not this service's, or does not serve that village.
            Maintenance: Adapter, service or village is switched off here.
            IdempotencyMismatch, Conflict: See `Outbox.accept`.
            StorageUnavailable: It could not be stored.
        """
        if not key:
            raise IdempotencyKeyMissing
        now = self._clock.now()
        new = await self._new(caller, submission, key, adapter, now if filed_at is None else min(filed_at, now), state)
        async with written(self._ledger, _deed("submit", caller, new.id, new.right, adapter, submission)) as result:
            accepted = await self._outbox.accept(new)
            result.outcome = ACCEPTED if accepted.fresh else REPEATED
        if accepted.fresh:
            move = Move(1, now, None, state, f"caller:{caller.id}", "")
            self.tell(SubmissionMoved(new.id, caller.id, adapter, submission.service, submission.village, move))
        return await self._told_of_copies(accepted, submission)

    async def _new(
        self, caller: Caller, submission: Submission, key: str, adapter: str, filed_at: float, state: State
    ) -> NewSubmission:
        """What is stored, once it was checked; errors as of `submit`."""
        right = self._right(caller, submission, key)
        files = await self._files(caller, submission, filed_at)
        await self._refuse_switched_off(adapter, submission)
        return NewSubmission(
            id=new_id(self._clock.now(), self._bits, self._outbox.tail(caller.id, key, submission.origin_id)),
            number=new_number(self._bits),
            caller=caller.id,
            right=right.name,
            adapter=adapter,
            priority=self._classes[submission.service],
            key=key,
            filed_at=filed_at,
            submission=submission,
            state=state,
            files=files,
        )

    async def _told_of_copies(self, accepted: Accepted, submission: Submission) -> Accepted:
        """The receipt says two copies only if its files have two as well."""
        receipt = accepted.receipt
        if receipt.copies == 1 or not submission.attachments or await self._copied(receipt.id):
            return accepted
        return msgspec.structs.replace(accepted, receipt=msgspec.structs.replace(receipt, copies=1))

    async def _copied(self, id_: str) -> bool:
        try:
            return await self._blobs.copied(id_)
        except OwnError:  # it is accepted; nobody knows of how many copies
            return False

    async def correct(self, caller: Caller, id_: str, submission: Submission) -> None:
        """Put other content in the place of what a caller handed in; repeating it changes nothing more.

        It is checked as of the day of the first hand-in, which stays the legal filing date.

        Raises:
            NotFound: There is none, or it is another caller's.
            Conflict: It was on its way to the centre before, or does not wait any more.
            Invalid: Some fields are wrong, or differ where they must stay (service, village, subject, `origin_id`).
            Denied: As of `submit`.
            StorageUnavailable: It could not be stored.
        """
        facts = await self._outbox.find(id_)
        if facts is None or facts.caller != caller.id:
            raise NotFound
        before = await self._outbox.read(facts.id)
        if before is None:
            raise Conflict(TOO_LATE)
        if faults := tuple(_changed_faults(before, submission)):
            raise Invalid(faults=faults)
        right = self._right(caller, submission, "-")
        files = await self._files(caller, submission, facts.filed_at)
        if submission == before:
            return
        actor = f"caller:{caller.id}"
        async with written(self._ledger, _deed("correct", caller, facts.id, right.name, facts.adapter, submission)):
            after = await self._outbox.correct(facts.id, submission, files, actor)
        move = Move(after.moves, self._clock.now(), after.state, after.state, actor, CORRECTED)
        self.tell(SubmissionMoved(after.id, after.caller, after.adapter, after.service, after.village, move))

    def _right(self, caller: Caller, submission: Submission, key: str) -> Right:
        """The right it goes to the centre under, once its shape is well."""
        faults = (*_faults(submission, key), *self._unknown_service(submission))
        if faults:
            raise Invalid(faults=faults)
        right = self._rights.of(caller)
        if right is None:
            raise Denied("This key carries no right to hand anything in to the centre.")
        if submission.service not in right.submissions:
            raise Denied("This key's right may not hand in that service.")
        check_village(caller, right, submission.village)
        return right

    async def _files(self, caller: Caller, submission: Submission, filed_at: float) -> tuple[str, ...]:
        """The blobs of its attachments, once the service's own check is well.

        That check sees only what has the right shape, and only callers who may hand in there. Files that are not here
        are told together with what it finds; by themselves they are left to the outbox, for a repetition needs none.
        """
        names = [attachment.sha256 for attachment in submission.attachments]
        files = await self._blobs.named(caller.id, names) if names else ()
        if faults := self._check(submission, filed_at):
            raise Invalid(faults=(*faults, *absent(files)))
        return files

    def _unknown_service(self, submission: Submission) -> Iterator[FieldFault]:
        if submission.service not in self._classes:
            yield FieldFault("/service", "unknown_service", "There is no such service.", "Layanan ini tidak dikenal.")

    async def _refuse_switched_off(self, adapter: str, submission: Submission) -> None:
        now = self._clock.monotonic()
        if now >= self._switches_until:
            self._switches = await self._outbox.switches()
            self._switches_until = now + SWITCHES_EVERY
        parts = {"adapter": adapter, "service": submission.service, "village": submission.village}
        for switch in self._switches:
            if switch.mode == "off" and parts[switch.scope] == switch.name:
                raise Maintenance("This is switched off here by the regency's operators.", retry_after=300.0)


def _faults(submission: Submission, key: str) -> Iterator[FieldFault]:
    """What is wrong with the shape of a request, whatever the service."""
    if not _KEY.fullmatch(key):
        yield FieldFault(
            "header:idempotency-key",
            "pattern",
            "Idempotency-Key must have 1 to 200 visible ASCII characters.",
            "Idempotency-Key harus 1 sampai 200 karakter ASCII yang terlihat.",
        )
    if submission.version < 1:
        yield FieldFault("/version", "minimum", "version must be 1 or more.", "version harus 1 atau lebih.")
    if not _VILLAGE.fullmatch(submission.village):
        yield FieldFault(
            "/village", "pattern", "village must be a code of ten digits.", "village harus kode sepuluh angka."
        )
    yield from _subject_faults(submission)
    if len(submission.form) > LONGEST_FORM or not bytes(submission.form).lstrip().startswith(b"{"):
        yield FieldFault(
            "/form",
            "type",
            f"form must be an object of at most {LONGEST_FORM} bytes.",
            f"form harus berupa objek paling besar {LONGEST_FORM} bita.",
        )
    if submission.origin_id is not None and not 1 <= len(submission.origin_id) <= _LONGEST_ORIGIN:
        yield FieldFault(
            "/origin_id",
            "length",
            f"origin_id must have 1 to {_LONGEST_ORIGIN} characters.",
            f"origin_id harus 1 sampai {_LONGEST_ORIGIN} karakter.",
        )
    yield from _attachment_faults(submission)


def _changed_faults(before: Submission, after: Submission) -> Iterator[FieldFault]:
    """A fault for each thing that decides who may see a submission and when it goes, where it is another one."""
    for name in ("service", "village", "subject", "origin_id"):
        if getattr(before, name) != getattr(after, name):
            yield FieldFault(
                f"/{name}",
                "unchangeable",
                f"{name} stays as it was handed in; cancel and hand in anew to change it.",
                f"{name} tidak dapat diubah; batalkan lalu ajukan yang baru.",
            )


def _subject_faults(submission: Submission) -> Iterator[FieldFault]:
    subject = submission.subject
    given = {name: value for name in ("no_kk", "nik") if (value := getattr(subject, name)) is not None}
    if not given:
        yield FieldFault(
            "/subject",
            "required",
            "subject needs no_kk, or nik of the reporter.",
            "subject memerlukan no_kk, atau nik pelapor.",
        )
    for name, value in given.items():
        if not _NUMBER.fullmatch(value):
            yield FieldFault(f"/subject/{name}", "pattern", f"{name} must have 16 digits.", f"{name} harus 16 angka.")


def _attachment_faults(submission: Submission) -> Iterator[FieldFault]:
    if len(submission.attachments) > MOST_ATTACHMENTS:
        yield FieldFault(
            "/attachments",
            "length",
            f"At most {MOST_ATTACHMENTS} attachments.",
            f"Paling banyak {MOST_ATTACHMENTS} lampiran.",
        )
    for place, attachment in enumerate(submission.attachments[:MOST_ATTACHMENTS]):
        if not _SHA256.fullmatch(attachment.sha256):
            yield FieldFault(
                f"/attachments/{place}/sha256",
                "pattern",
                "sha256 must have 64 hexadecimal digits in lower case.",
                "sha256 harus 64 angka heksadesimal huruf kecil.",
            )


def _deed(verb: Verb, caller: Caller, id_: str, right: str, adapter: str, submission: Submission) -> Deed:
    """What the ledger is told of what a caller hands in."""
    return Deed(
        verb,
        caller.id,
        id_,
        submission.service,
        right,
        adapter,
        submission.village,
        submission.subject.nik,
        submission.subject.no_kk,
    )


def _nobody(_moved: SubmissionMoved) -> None:
    """Observe nothing; replaced when extensions are registered."""
