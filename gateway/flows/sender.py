"""How the dispatcher speaks with the centre: what is claimed becomes exchanges of the write half.

The files of a submission are brought to the centre first, each from where the centre's copy ends. As long as that is
not done nothing was handed in; a kill or a cut line costs the piece that was under way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from gateway.blobs.blobs import Damaged
from gateway.centre.link import Trip
from gateway.centre.write_replies import Refused as CentreRefused
from gateway.centre.writes import CentreSubmission
from gateway.contract.errors import GatewayError, Internal
from gateway.contract.messages import CentreService
from gateway.flows.dispatch import Partly, Refused, Taken

if TYPE_CHECKING:
    from gateway.blobs.blobs import Blobs, Opened
    from gateway.centre.breaker import Breaker
    from gateway.centre.writes import CentreWrites
    from gateway.outbox.lanes import Lane
    from gateway.outbox.outbox import Claimed

_log = structlog.get_logger("gateway.dispatch")

ATTACHMENT_MISSING = "attachment_missing"
"""Reason for `attention`: a file that belongs to it is not here any more."""

ATTACHMENT_DAMAGED = "attachment_damaged"
"""Reason for `attention`: a file that belongs to it cannot be read any more."""

MARGIN = 1.0
"""Seconds by which bringing files ends before the claim's call would be cut, so that it can be told how far it came."""


class CentreSender:
    """The dispatcher's `Sender` over the live path: the submission's id is our reference, its class the call's.

    Args:
        writes: The write half of the dialect.
        breaker: Says whether calls have a chance now.
        blobs: Where the files of submissions are.
    """

    def __init__(self, writes: CentreWrites, breaker: Breaker, blobs: Blobs) -> None:
        self._writes = writes
        self._breaker = breaker
        self._blobs = blobs

    def is_open(self, lane: Lane) -> bool:  # noqa: ARG002 # all lanes share the service `submission`
        """Whether calls for a lane have a chance now."""
        return self._breaker.may_go(CentreService.SUBMISSION)

    async def submit(self, claimed: Claimed, until: float) -> Taken | Refused | Partly:
        """Bring its files and hand in; see `Sender.submit`."""
        told = _told(claimed)
        for place, sha256 in enumerate(dict.fromkeys(told.attachments)):
            said = await self._bring(claimed, place, sha256, until)
            if said is not None:
                return said
        held = await self._writes.submit(_trip(claimed, until), told)
        return Refused(held.code) if isinstance(held, CentreRefused) else Taken(held.receipt)

    async def find(self, claimed: Claimed, until: float) -> Taken | None:
        """Ask by our reference; see `Sender.find`."""
        held = await self._writes.find(_trip(claimed, until), claimed.facts.id)
        return None if held is None else Taken(held.receipt)

    async def _bring(self, claimed: Claimed, place: int, sha256: str, until: float) -> Refused | Partly | None:
        """Bring one file; None once it is complete at the centre.

        Raises:
            GatewayError: No piece of it got through.
        """
        opened = await self._blobs.open_(claimed.facts.caller, sha256)
        if opened is None:
            _log.error("dispatch.attachment.missing", submission=claimed.facts.id)
            return Refused(ATTACHMENT_MISSING)
        reading = _Reading(opened)
        try:
            said = await self._writes.put_blob(_trip(claimed, until - MARGIN), sha256, opened.length, reading.read)
        except Damaged:
            _log.error("dispatch.attachment.damaged", submission=claimed.facts.id)
            return Refused(ATTACHMENT_DAMAGED)
        except GatewayError as error:
            if reading.pieces > 1:  # the one before got through
                _log.info("dispatch.attachment.partly", submission=claimed.facts.id, code=error.code)
                return Partly(place, reading.at)
            raise
        return None if said is None else Refused(said.code)


class _Reading:
    """Reads a blob for the centre; notes how many pieces, and from where the last one."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.pieces = 0
        self.at = 0

    async def read(self, at: int, size: int) -> bytes:
        """Bytes of it."""
        self.pieces += 1
        self.at = at
        return await self._opened.read(at, size)


def _trip(claimed: Claimed, until: float) -> Trip:
    facts = claimed.facts
    return Trip(facts.right, facts.caller, facts.village, facts.priority, until, facts.id)


def _told(claimed: Claimed) -> CentreSubmission:
    """The same values at every try, all of them stored."""
    facts, submission = claimed.facts, claimed.submission
    if submission is None:
        raise Internal(executed="no")
    return CentreSubmission(
        facts.id,
        submission.service,
        submission.version,
        submission.village,
        submission.subject.number,
        facts.filed_at,
        msgspec.json.decode(submission.form),
        tuple(attachment.sha256 for attachment in submission.attachments),
    )
