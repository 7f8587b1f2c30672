"""What can be handed in: the class of each service."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.catalogue.forms.services import SERVICES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.contract.messages import Priority

CLASSES: Final[Mapping[str, Priority]] = MappingProxyType({name: one.priority for name, one in SERVICES.items()})
"""Class of each service's submissions, whoever hands them in."""
