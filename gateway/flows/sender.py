"""How the dispatcher speaks with the centre: what is claimed becomes an exchange of the write half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from gateway.centre.link import Trip
from gateway.centre.write_replies import Refused as CentreRefused
from gateway.centre.writes import CentreSubmission
from gateway.contract.errors import Internal
from gateway.contract.messages import CentreService
from gateway.flows.dispatch import Refused, Taken

if TYPE_CHECKING:
    from gateway.centre.breaker import Breaker
    from gateway.centre.writes import CentreWrites
    from gateway.outbox.lanes import Lane
    from gateway.outbox.outbox import Claimed


class CentreSender:
    """The dispatcher's `Sender` over the live path: the submission's id is our reference, its class the call's.

    Args:
        writes: The write half of the dialect.
        breaker: Says whether calls have a chance now.
    """

    def __init__(self, writes: CentreWrites, breaker: Breaker) -> None:
        self._writes = writes
        self._breaker = breaker

    def is_open(self, lane: Lane) -> bool:  # noqa: ARG002 # all lanes share the service `submission`
        """Whether calls for a lane have a chance now."""
        return self._breaker.may_go(CentreService.SUBMISSION)

    async def submit(self, claimed: Claimed, until: float) -> Taken | Refused:
        """Hand in; see `Sender.submit`."""
        said = await self._writes.submit(_trip(claimed, until), _told(claimed))
        return Refused(said.code) if isinstance(said, CentreRefused) else Taken(said.receipt)

    async def find(self, claimed: Claimed, until: float) -> Taken | None:
        """Ask by our reference; see `Sender.find`."""
        held = await self._writes.find(_trip(claimed, until), claimed.facts.id)
        return None if held is None else Taken(held.receipt)


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
