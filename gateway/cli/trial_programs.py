"""Programs with credentials of their own that a trial serves through adapters, as they are in the config.

An adapter's table that lists `[adapters.<adapter>.clients.<name>]` with a `user_id` gets, for each whose user is one
of the mock's accounts behind a right: a caller of that right, its key, and the password the program always used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.mock_siak.accounts import demo_password

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Program:
    """One program of the config.

    Attributes:
        adapter: The adapter that serves it.
        name: Its name there.
        user_id: Its user at the centre, and at the adapter.
        right: The right with that user.
    """

    adapter: str
    name: str
    user_id: str
    right: str

    @property
    def caller(self) -> str:
        """Name of the demo client it stands for."""
        return f"demo-{self.adapter}-{self.name}".replace("_", "-")

    def wanted(self) -> dict[str, Any]:
        """The demo client it needs."""
        return {"name": self.caller, "right": self.right, "village": None, "adapter": self.adapter}

    def secrets(self, key: str, seed: int) -> dict[str, str]:
        """Its secrets, by variable.

        Args:
            key: Key of its demo client.
            seed: Seed of the mock.
        """
        stem = f"SIAK_GATEWAY_SECRET_{self.adapter}_{self.name}".upper()
        return {f"{stem}_KEY": key, f"{stem}_PASSWORD": demo_password(seed, self.user_id)}


def programs(settings: Settings, known: Collection[str]) -> list[Program]:
    """The programs of all adapters that are switched on.

    Args:
        settings: The gateway's config.
        known: Users of the mock.
    """
    rights = {right.user_id: name for name, right in settings.rights.items()}
    found = []
    for adapter in settings.adapters.enabled:
        for name, program in dict(settings.adapters.table(adapter).get("clients", {})).items():
            user = program.get("user_id")
            if user in known and user in rights:
                found.append(Program(adapter, name, user, rights[user]))
    return found
