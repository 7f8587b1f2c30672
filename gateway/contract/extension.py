"""What an extension is: a class named by an entry point in the group `siak_gateway`.

Life: *configure* (the class's `Config` checks its table of the config; unknown keys are errors) → *build*
(`cls(config, host)`) → *register* (hooks are called once and hand over objects) → `open()` → requests →
`close()`. On reload a new instance is built and opened beside the old one, then swapped, then the old one
is closed after its running requests ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.contract.host import Host

API_VERSION = 1
"""Version of this contract. An extension built for another one is refused with a clear message."""

ENTRY_POINT_GROUP = "siak_gateway"


RESERVED_NAMES = frozenset(
    {
        "allowance",
        "blob",
        "caller",
        "centre",
        "check",
        "core",
        "documents",
        "extension",
        "idempotency",
        "key",
        "migrations",
        "native",
        "people",
        "person",
        "prints",
        "signing",
        "spoiled",
    }
)
"""Names no extension can have: tables, metrics or log lines of the gateway carry them."""


class ExtensionConfig(BaseModel):
    """Base of every extension's `Config`: strict, frozen, unknown keys are errors."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    def longest_waits(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """How long callers wait by this config: keys below its table, and seconds.

        One beyond `centre.deadline_max` could not be kept, and is a fault of the config.
        """
        return ()


class Extension:
    """Base class of adapters and plugins; override what is needed.

    Attributes:
        name: Entry point, folder and config name.
        api_version: The contract version it was written for.
        Config: Its settings.
    """

    name: ClassVar[str]
    api_version: ClassVar[int]
    Config: ClassVar[type[ExtensionConfig]] = ExtensionConfig

    def __init__(self, config: ExtensionConfig, host: Host) -> None:
        self.config = config
        self.host = host

    async def open(self) -> None:
        """Acquire what is needed; an error here disables this extension only."""

    async def close(self) -> None:
        """Release everything; called once, also after a failed `open`."""
