"""Describes a key in one language."""

from typing import ClassVar

from pydantic import Field

from gateway.contract import ExtensionConfig
from tests.licence.planted_desk import Desk


class SilentConfig(ExtensionConfig):
    """Settings."""

    days: int = Field(default=7, ge=1, le=31, description="Days.")


class Planted(Desk):
    """The adapter."""

    Config: ClassVar[type[ExtensionConfig]] = SilentConfig
