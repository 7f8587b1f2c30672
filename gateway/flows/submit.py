"""The verb *submit*: what a caller hands in is checked, stored in one transaction, and answered with a receipt.

```
key ─► shape ─► right and village ─► the service's own check ─► switches ─► outbox (one commit) ─► Accepted
```

The class of a submission is its service's alone, not its caller's: a birth is urgent through whichever app it comes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.contract.errors import Denied, FieldFault, IdempotencyKeyMissing, Invalid, Maintenance
from gateway.contract.submissions import Move, SubmissionMoved
from gateway.contract.submissions import SubmissionState as State
from gateway.flows.rights import check_village
from gateway.outbox.outbox import NewSubmission
from gateway.outbox.receipts import new_id, new_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.contract.host import Clock
    from gateway.contract.messages import Caller, Priority, Right
    from gateway.contract.submissions import Submission
    from gateway.flows.rights import Rights
    from gateway.outbox.outbox import Accepted, Outbox, Switch

SWITCHES_EVERY: Final = 1.0
"""Seconds within which a switch is obeyed."""

MOST_ATTACHMENTS: Final = 32
"""Attachments of one submission, as many as the centre takes."""

LONGEST_FORM: Final = 262_144
"""Bytes of a form, at most."""

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
        clock: The gateway's clock.
        bits: Source of so many random bits, such as `secrets.randbits`.
    """

    def __init__(
        self,
        outbox: Outbox,
        rights: Rights,
        classes: Mapping[str, Priority],
        check: Callable[[Submission, float], tuple[FieldFault, ...]],
        clock: Clock,
        bits: Callable[[int], int],
    ) -> None:
        self.tell: Callable[[SubmissionMoved], None] = _nobody
        self._outbox = outbox
        self._rights = rights
        self._classes = classes
        self._check = check
        self._clock = clock
        self._bits = bits
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
        filed_at = now if filed_at is None else min(filed_at, now)
        right = self._right(caller, submission, key, filed_at)
        await self._refuse_switched_off(adapter, submission)
        new = NewSubmission(
            id=new_id(now, self._bits),
            number=new_number(self._bits),
            caller=caller.id,
            right=right.name,
            adapter=adapter,
            priority=self._classes[submission.service],
            key=key,
            filed_at=filed_at,
            submission=submission,
            state=state,
        )
        accepted = await self._outbox.accept(new)
        if accepted.fresh:
            move = Move(1, now, None, state, f"caller:{caller.id}", "")
            self.tell(SubmissionMoved(new.id, caller.id, adapter, submission.service, submission.village, move))
        return accepted

    def _right(self, caller: Caller, submission: Submission, key: str, filed_at: float) -> Right:
        """The right it goes to the centre under, once everything else is well.

        The service's own check sees only what has the right shape, and only callers who may hand in there.
        """
        faults = (*_faults(submission, key), *self._unknown_service(submission))
        if faults:
            raise Invalid(faults=faults)
        right = self._rights.of(caller)
        if right is None:
            raise Denied("This key carries no right to hand anything in to the centre.")
        if submission.service not in right.submissions:
            raise Denied("This key's right may not hand in that service.")
        check_village(caller, right, submission.village)
        if faults := self._check(submission, filed_at):
            raise Invalid(faults=faults)
        return right

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


def _nobody(_moved: SubmissionMoved) -> None:
    """Observe nothing; replaced when extensions are registered."""
