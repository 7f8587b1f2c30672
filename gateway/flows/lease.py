"""Being the one instance that does something: held by a token, renewed now and then, given up on request.

Everything written under the token is fenced by the storage, so the lease itself is only looked at every few seconds.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import structlog

from gateway.contract.errors import GatewayError
from gateway.database.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.contract.host import Clock

_log = structlog.get_logger("gateway.lease")

RENEWED_EVERY: Final = 10.0
"""Seconds between two looks at a lease that is held; a third of what it lasts."""


class Lease:
    """One lease, as one instance sees it.

    Args:
        take: Takes or renews it for a holder; its token, or None if another has it.
        give_up: Gives it up.
        holder: This instance's name.
        clock: The gateway's clock.

    Attributes:
        token: Of the lease while it is held; None otherwise.
    """

    def __init__(
        self,
        take: Callable[[str], Awaitable[int | None]],
        give_up: Callable[[int], Awaitable[None]],
        holder: str,
        clock: Clock,
    ) -> None:
        self.token: int | None = None
        self._take = take
        self._give_up = give_up
        self._holder = holder
        self._clock = clock
        self._renewed_at = -inf

    async def hold(self) -> int | None:
        """The token, if this instance holds the lease or can take it."""
        now = self._clock.monotonic()
        if self.token is None or now - self._renewed_at >= RENEWED_EVERY:
            self.token = await self._take(self._holder)
            self._renewed_at = now
        return self.token

    def lost(self) -> None:
        """The storage refused the token: another instance holds it by now."""
        self.token = None

    async def release(self) -> None:
        """Let another instance take it at once; where that cannot be stored, once it is over."""
        token, self.token = self.token, None
        if token is None:
            return
        try:
            await self._give_up(token)
        except (GatewayError, DatabaseError) as error:
            _log.warning("lease.not_given_up", error=type(error).__name__)
