"""What can be handed in: classes of services, and all that is wrong with one hand-in."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.catalogue.forms.checking import check_submission
from gateway.catalogue.forms.services import SERVICES
from gateway.contract.errors import FieldFault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from gateway.contract.messages import Priority
    from gateway.contract.submissions import Submission

CLASSES: Final[Mapping[str, Priority]] = MappingProxyType({name: one.priority for name, one in SERVICES.items()})
"""Class of each service's submissions, whoever hands them in."""


def faults_of(submission: Submission, filed_on: date) -> tuple[FieldFault, ...]:
    """Every wrong field: of the form, of its papers, and files that are not here.

    Args:
        submission: As it came, its shape checked.
        filed_on: The legal filing date where the village is.
    """
    absent = (
        FieldFault(
            f"/attachments/{place}/sha256",
            "unknown_attachment",
            "There is no such file here; the centre would not take the submission without it.",
            "Berkas ini tidak ada di sini; tanpa berkas itu pusat tidak menerima pengajuan.",
        )
        for place in range(len(submission.attachments))
    )
    return (*check_submission(submission, filed_on), *absent)
