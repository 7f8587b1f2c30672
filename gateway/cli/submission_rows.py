"""How commands show a submission, and who acts."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.outbox.outbox import Facts


def actor() -> str:
    """Who runs the command, as the ledger and histories name it."""
    return f"operator:{getpass.getuser()}"


def row_of(facts: Facts) -> dict[str, Any]:
    """A submission's facts as JSON has them; nothing personal."""
    row: dict[str, Any] = {name: getattr(facts, name) for name in facts.__struct_fields__}
    row["priority"] = facts.priority.name.lower()
    for name in ("filed_at", "state_at", "not_before"):
        row[name] = None if row[name] is None else instant(row[name])
    return row


def instant(seconds: float) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
