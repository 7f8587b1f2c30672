"""What can be handed in: classes of services, and what is wrong with a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.contract.messages import Priority

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from gateway.contract.errors import FieldFault
    from gateway.contract.submissions import Submission

CLASSES: Final[Mapping[str, Priority]] = {
    "birth": Priority.URGENT,
    "death": Priority.URGENT,
    "kk_lost": Priority.ONLINE,
}


def faults_of(submission: Submission, filed_on: date) -> tuple[FieldFault, ...]:
    """Every wrong field of a form."""
    del submission, filed_on
    return ()
