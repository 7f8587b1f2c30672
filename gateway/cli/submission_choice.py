"""Which submissions a command is about: by state, service and village, and from where to where."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from gateway.outbox.outbox import Outbox, Wanted

C = TypeVar("C", bound="Callable[..., Any]")
VILLAGE_DIGITS = 10
_PLACE = "a submission's id, its receipt number, or a day or time such as 2026-01-31 or 2026-01-31T08:00+07:00"
_OPTIONS = (
    click.option("--state", help="Only those in this state, such as queued, unknown, attention."),
    click.option("--service", help="Only those of this service."),
    click.option("--village", help="Only those of this village (ten digits)."),
    click.option("--after", help=f"Only those handed in after this: {_PLACE}."),
    click.option("--before", help="Only those handed in before this, such as the last one of the list before."),
)


def choosing(command: C) -> C:
    """The options that choose submissions; `chosen` reads what they say."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen(zone: tzinfo, *, state: str | None, service: str | None, village: str | None, **places: Any) -> Wanted:
    """What the options say; places that are receipt numbers are still to be `found`.

    Args:
        zone: Of a day or time that names none.
        state: As given.
        service: As given.
        village: As given.
        places: `after` and `before`, as given.

    Raises:
        click.BadParameter: What one of them says can be nothing.
    """
    from gateway.outbox.outbox import Wanted  # imports late: --help stays instant

    check_service(service, "--service")
    check_village(village, "--village")
    after, before = (_place(places[name], zone, f"--{name}") for name in ("after", "before"))
    return Wanted(state=_state(state), service=service, village=village, after=after, before=before)


async def found(outbox: Outbox, wanted: Wanted) -> Wanted:
    """The same with ids in the place of receipt numbers.

    Raises:
        click.BadParameter: There is no such submission.
    """
    from msgspec.structs import replace  # imports late

    from gateway.catalogue.receipts import read_number

    for name in ("after", "before"):
        given = getattr(wanted, name)
        if given is not None and read_number(given) is not None:
            facts = await outbox.find(given)
            if facts is None:
                raise click.BadParameter("there is no submission of that receipt number", param_hint=f"--{name}")
            wanted = replace(wanted, **{name: facts.id})
    return wanted


def check_service(name: str | None, option: str) -> None:
    """Refuse a service that does not exist, which would never meet anything."""
    from gateway.catalogue.forms.services import SERVICES  # imports late

    if name is not None and name not in SERVICES:
        known = ", ".join(sorted(SERVICES))
        raise click.BadParameter(f"There is no service {name!r}; there are {known}.", param_hint=option)


def check_village(code: str | None, option: str) -> None:
    """Refuse what is no village's code."""
    if code is not None and not (len(code) == VILLAGE_DIGITS and code.isdecimal() and code.isascii()):
        raise click.BadParameter("A village is a code of ten digits, such as 3527012003.", param_hint=option)


def _state(name: str | None) -> Any:
    from gateway.contract.submissions import SubmissionState  # imports late

    try:
        return None if name is None else SubmissionState(name)
    except ValueError:
        known = ", ".join(SubmissionState)
        raise click.BadParameter(f"must be one of {known}", param_hint="--state") from None


def _place(text: str | None, zone: tzinfo, option: str) -> str | None:
    """An id, or a receipt number in its one spelling."""
    from gateway.catalogue.receipts import first_id, read_id, read_number  # imports late

    if text is None:
        return None
    known = read_id(text) or read_number(text)
    if known is not None:
        return known
    try:
        at = datetime.fromisoformat(text)
        return first_id((at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise click.BadParameter(f"must be {_PLACE}", param_hint=option) from None
