"""Takes any number and anything."""

from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from gateway.contract import ExtensionConfig
from tests.licence.planted_desk import Desk


class LooseConfig(ExtensionConfig):
    """Settings without bounds."""

    model_config = ConfigDict(strict=False, extra="allow", frozen=True)

    days: int = Field(default=7, description="Hari. / Days.")
    extra: Any = Field(default=None, description="Lain. / Other.")


class Planted(Desk):
    """The adapter."""

    Config: ClassVar[type[ExtensionConfig]] = LooseConfig
