"""What survives a restart or a kill: the behaviour, since when it holds, and the quota used today.

One JSON file, replaced as a whole by rename, so a killed process leaves either the old or the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gateway.mock_siak.behaviour import BehaviourError, parse_behaviour

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.mock_siak.behaviour import Behaviour


class StateError(ValueError):
    """The state file cannot be used; the message names it."""


class Stored(msgspec.Struct, frozen=True):
    """The contents of the state file: the behaviour document and when it was put, the quota day and its counts."""

    behaviour: dict[str, Any]
    put_at: float
    day: str
    used: dict[str, int]

    def parsed(self) -> Behaviour:
        """The behaviour the document describes."""
        return parse_behaviour(self.behaviour)


class StateFile:
    """The state file in a folder that is made when missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = folder / "mock_siak.json"

    def load(self) -> Stored | None:
        """What an earlier process left, None at the first start.

        Raises:
            StateError: The file is there but not ours or damaged.
        """
        if not self._file.exists():
            return None
        try:
            stored = msgspec.json.decode(self._file.read_bytes(), type=Stored)
            stored.parsed()
        except (msgspec.MsgspecError, BehaviourError) as error:
            raise StateError(f"{self._file}: {error}") from error
        return stored

    def save(self, stored: Stored) -> None:
        """Replace the file."""
        draft = self._file.with_suffix(".new")
        draft.write_bytes(msgspec.json.encode(stored))
        draft.replace(self._file)
