"""The way to the centre, put together: the order of its links is the one tuple here.

```
ask ─► cache ─► written ─► coalesce ─► retry ─► allowance ─► limiter ─► breaker ─► client ─► centre
writes ──────────────────────────────────────────────────────┴─────────────┴───────────────► centre
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.centre.allowance import Allowance
from gateway.centre.allowance_store import DatabaseAllowanceStore
from gateway.centre.breaker import Breaker
from gateway.centre.cache import MEGABYTE, Cache
from gateway.centre.cache_key import CacheKeys
from gateway.centre.cache_store import SqliteCacheStore
from gateway.centre.client import CentreClient
from gateway.centre.coalesce import Coalesce
from gateway.centre.limiter import Limiter
from gateway.centre.retry import Retry
from gateway.centre.share_holder import ShareHolder
from gateway.centre.share_store import DatabaseShareStore, instance_name
from gateway.centre.status import centre_status
from gateway.centre.writes import CentreWrites
from gateway.centre.written import Written
from gateway.contract.errors import Overloaded
from gateway.vault.envelope import Envelope
from gateway.vault.keys import derive

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from gateway.centre.account import Account
    from gateway.contract.events import CircuitMove
    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Call, Right
    from gateway.contract.status import CentreStatus
    from gateway.database import Database
    from gateway.settings import Settings
    from gateway.vault.keys import Keyring

ORDER = (Cache, Written, Coalesce, Retry, Allowance, Limiter, Breaker, CentreClient)
"""Outermost first. A cached answer costs no allowance; every attempt passes allowance, limiter and breaker."""


class Chain:
    """All links, with what they share; itself a link. `writes` pass the same limiter and breaker.

    Args:
        settings: The config.
        keyring: Seals and names what the cache stores.
        database: Holds the allowance's counters and, on PostgreSQL, the shares of the limit.
        accounts: Accounts at the centre, by right; a reload changes this mapping in place.
        rights: Rights by name.
        clock: The gateway's clock.
        rng: Source of jitter.
        circuit_moved: Told of each change of a breaker.
    """

    def __init__(
        self,
        settings: Settings,
        keyring: Keyring,
        database: Database,
        accounts: Mapping[str, Account],
        rights: Mapping[str, Right],
        clock: Clock,
        rng: random.Random,
        circuit_moved: Callable[[CircuitMove], None],
    ) -> None:
        centre = settings.centre
        self._ca_file = centre.ca_file
        keys = CacheKeys(derive(keyring.index, "cache-keys", centre.url), lambda right: accounts[right].user_id)
        store = SqliteCacheStore(
            settings.data_folder / "cache.db",
            Envelope(keyring, purpose="cache", clock=clock.now),
            clock=clock,
            entries=centre.cache.disk_entries,
            size=centre.cache.disk_megabytes * MEGABYTE,
            keep=centre.cache.stale_if_error,
        )
        counts = DatabaseAllowanceStore(database, clock)
        self.client = CentreClient(centre, accounts, clock)
        self.breaker = Breaker(self.client, centre.breaker, clock=clock, random=rng, observers=(circuit_moved,))
        self.limiter = Limiter(self.breaker, centre.limiter, clock=clock, random=rng)
        self.shares: ShareHolder | None = None
        if database.kind == "postgresql":
            shared = DatabaseShareStore(database.url, centre.limiter, centre.url, instance_name())
            self.shares = ShareHolder(self.limiter, shared, centre.limiter, clock)
        self.allowance = Allowance(
            self.limiter, centre.allowance, rights=rights, zone=settings.zone, store=counts, clock=clock, random=rng
        )
        self.writes = CentreWrites(centre, accounts, self.limiter, self.breaker, clock)
        self.retry = Retry(self.allowance, centre.retry, clock=clock, random=rng)
        self.coalesce = Coalesce(
            self.retry, key_of=keys.of, clock=clock, horizon=centre.deadline_max, knock=self._knock
        )
        self.written = Written(self.coalesce)
        self.cache = Cache(
            self.written, centre.cache, keys=keys, store=store, clock=clock, refresh_deadline=centre.deadline
        )

    def _knock(self, call: Call) -> bool:
        """Pass a call the limiter would not refuse at once; a day that is used up is the truer reason."""
        try:
            return self.limiter.knock(call)
        except Overloaded:
            if self.allowance.left(call.right) == 0:
                return True
            raise

    def links(self) -> tuple[object, ...]:
        """The links, outermost first."""
        return (
            self.cache, self.written, self.coalesce, self.retry, self.allowance,
            self.limiter, self.breaker, self.client,
        )  # fmt: skip

    async def open(self) -> None:
        """Open the links that hold something.

        Raises:
            StorageUnavailable: The allowance's counters cannot be read.
            OSError: The CA file cannot be read; it is named.
        """
        try:
            await self.client.open()
            await self.writes.open()
        except OSError as error:  # ssl tells neither the key nor the file
            raise OSError(error.errno, f"centre.ca_file cannot be used: {error.strerror}", self._ca_file) from None
        await self.allowance.open()
        await self.cache.open()
        if self.shares is not None:
            await self.shares.renew()

    async def close(self) -> None:
        """Close them, outermost first, so that nothing new is sent."""
        await self.cache.close()
        await self.coalesce.close()
        await self.limiter.close()
        if self.shares is not None:
            await self.shares.close()
        await self.allowance.close()
        await self.writes.close()
        await self.client.close()

    async def ask(self, call: Call) -> Answer:
        """Send a call on its way."""
        return await self.cache.ask(call)

    def status(self) -> tuple[CentreStatus, ...]:
        """How each service of the centre is."""
        return centre_status(self.breaker, self.limiter, None if self.shares is None else self.shares.holding)
