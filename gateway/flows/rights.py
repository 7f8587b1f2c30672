"""Who may ask what: the core's own checks, always on, deny by default. Extensions can only refuse further."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue import regions
from gateway.contract.errors import Denied, FieldFault, Invalid, OutsideHours
from gateway.contract.messages import Priority, Right

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from gateway.contract.host import Asking, Clock
    from gateway.contract.messages import Caller, CentreService, Question


_DAY_MINUTES = 1440


class Purpose(msgspec.Struct, frozen=True):
    """A reason for asking, as configured.

    Attributes:
        code: What callers send.
        priority: The class it implies.
    """

    code: str
    priority: Priority


class Grant(msgspec.Struct, frozen=True):
    """What was allowed: the checked facts of one exchange.

    Attributes:
        right: The right it is asked under.
        village: Village it is for; empty if unknown.
        share: Whose share of the centre it takes. A village's own, where the key is bound to it or the catalogue lists
            it; all other villages that a key names share one, so that inventing villages wins nothing.
        priority: Lowest of what key, service and purpose allow.
        fields: Wire names that may be shown.
    """

    right: Right
    village: str
    priority: Priority
    fields: frozenset[str]
    share: str


class Rights:
    """The rights and purposes of the config.

    Args:
        rights: By name.
        purposes: By code.
        ceilings: Highest class a service's questions travel in.
        clock: The gateway's clock.
        zone: Zone of the hours.
    """

    def __init__(
        self,
        rights: Mapping[str, Right],
        purposes: Mapping[str, Purpose],
        ceilings: Mapping[CentreService, Priority],
        clock: Clock,
        zone: tzinfo,
    ) -> None:
        self.rights = rights
        self.purposes = purposes
        self._ceilings = ceilings
        self._clock = clock
        self._zone = zone
        self._fields: dict[tuple[str, frozenset[str] | None], frozenset[str]] = {}

    def of(self, caller: Caller) -> Right | None:
        """The right a caller asks under, or None."""
        return self.rights.get(caller.right) if caller.right is not None else None

    def covering(self, caller: Caller, service: CentreService) -> Right:
        """The caller's right, if it covers a service.

        Raises:
            Denied: It has none, or another one.
        """
        right = self.of(caller)
        if right is None:
            raise Denied("This key carries no right to ask the centre.")
        if service not in right.services:
            raise Denied(f"This key's right does not cover the service {service}.")
        return right

    def grant(self, caller: Caller, question: Question, asking: Asking) -> Grant:
        """Check one exchange.

        Raises:
            Denied: Service, purpose, village or elements are not the caller's.
            OutsideHours: The right may not be used at this time of day.
            Invalid: The purpose is not one of the configured codes, or the village cannot exist.
        """
        right = self.covering(caller, question.service)
        purpose = self._purpose(caller, right, asking.purpose)
        village = asking.village or caller.village or ""
        check_village(caller, right, village)
        self._check_hours(right)
        fields = self._shown(caller, right)
        if question.elements and not fields.issuperset(name for name, _value in question.elements):
            raise Denied("Some of these elements are not among the fields this key may use.")
        priority = max(caller.priority, purpose.priority, self._ceilings[question.service])
        return Grant(right, village, Priority(priority), fields, _share(caller, village))

    def _check_hours(self, right: Right) -> None:
        if right.hours is None:
            return
        here = datetime.fromtimestamp(self._clock.now(), self._zone)
        now, (start, end) = here.hour * 60 + here.minute, right.hours
        inside = start <= now < end if start <= end else now >= start or now < end
        if not inside:
            raise OutsideHours(retry_after=60.0 * ((start - now) % _DAY_MINUTES) - here.second)

    def _purpose(self, caller: Caller, right: Right, code: str) -> Purpose:
        purpose = self.purposes.get(code)
        if purpose is None:
            raise Invalid(
                faults=(
                    FieldFault(
                        "/purpose",
                        "unknown_purpose",
                        "purpose is not one of the configured codes.",
                        "purpose bukan kode tujuan yang dikenal.",
                    ),
                )
            )
        if code not in right.purposes or (caller.purposes is not None and code not in caller.purposes):
            raise Denied("This key may not ask for that purpose.")
        return purpose

    def _shown(self, caller: Caller, right: Right) -> frozenset[str]:
        key = (right.name, caller.fields)
        known = self._fields.get(key)
        if known is None:
            known = right.fields if caller.fields is None else right.fields & caller.fields
            self._fields[key] = known
        return known


def check_village(caller: Caller, right: Right, village: str) -> None:
    """Pass a village that key and right both serve.

    Raises:
        Denied: One of them does not.
    """
    if caller.village is not None and village != caller.village:
        raise Denied("This key is bound to another village.")
    if right.villages and not village.startswith(right.villages):
        raise Denied("This right does not serve that village; name one that it serves.")


def _share(caller: Caller, village: str) -> str:
    """Whose share of the centre is taken; equal to no village's code where it is not a village's own.

    Raises:
        Invalid: A key that is bound to no village names one that cannot exist.
    """
    if caller.village is not None or regions.village(village) is not None:
        return village
    if village and regions.is_retired_or_wrong(village):
        text = "village is not the code of a village that exists."
        raise Invalid(
            faults=(
                FieldFault("/village", "unknown_village", text, "village bukan kode desa atau kelurahan yang ada."),
            )
        )
    return f"key {caller.id}"
