"""A quota per caller: so many questions a minute with a burst, and if wanted so many a day.

It limits what a regional app may ask of the gateway, cached answers included; what the gateway may ask of the centre
is the right's allowance, which is not this plugin's business.
"""

from __future__ import annotations

import math
import zoneinfo
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from gateway.contract import Allowed, Extension, ExtensionConfig, Health, hookimpl
from gateway.contract.errors import TooManyRequests
from plugins.caller_quota.bucket import Bucket, Quota, Spent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract import HealthCheck, Host, Intent, Policy
    from plugins.caller_quota.bucket import Taken

DAY_SECONDS = 86_400


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected the name of a time zone such as Asia/Jakarta") from None
    return name


Units = Annotated[int, Field(ge=1, le=1_000_000_000)]
Rate = Annotated[int, Field(ge=1, le=10_000_000)]


class Override(ExtensionConfig):
    """Other figures for one caller; what is left out stays as for all."""

    per_minute: Rate | None = Field(default=None, description="Pertanyaan per menit. / Questions a minute.")
    burst: Rate | None = Field(default=None, description="Sekaligus, paling banyak. / At once, at most.")
    per_day: Units | None = Field(default=None, description="Pertanyaan per hari. / Questions a day.")


class CallerQuotaConfig(ExtensionConfig):
    """Settings of `[plugins.caller_quota]`."""

    per_minute: Rate = Field(default=600, description="Pertanyaan per menit tiap kunci. / Questions a minute per key.")
    burst: Rate | None = Field(
        default=None,
        description="Sekaligus, paling banyak; bawaan sepersepuluh per_minute, minimal 10. / "
        "At once, at most; a tenth of per_minute if left out, at least 10.",
    )
    per_day: Units | None = Field(
        default=None,
        description="Pertanyaan per hari; tanpa batas bila kosong. / Questions a day; no limit if left out.",
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Asia/Jakarta", description="Zona waktu hari kuota. / Time zone of the quota day."
    )
    callers: dict[str, Override] = Field(
        default_factory=dict, description="Angka lain menurut nama kunci. / Other figures by caller name."
    )
    tracked: Annotated[int, Field(ge=10, le=1_000_000)] = Field(
        default=10_000,
        description="Kunci yang diingat; yang paling lama diam dilupakan. / "
        "Callers remembered; the longest silent is forgotten first.",
    )

    def quota_of(self, caller: str) -> Quota:
        """The quota of a caller, by its name."""
        own = self.callers.get(caller, Override())
        per_minute = own.per_minute or self.per_minute
        burst = own.burst or self.burst or max(10, per_minute // 10)
        return Quota(per_minute, burst, own.per_day or self.per_day)


class CallerQuota(Extension):
    """Refuses a caller that asks more than its share."""

    name: ClassVar[str] = "caller_quota"
    api_version: ClassVar[int] = 1
    Config = CallerQuotaConfig

    def __init__(self, config: CallerQuotaConfig, host: Host) -> None:
        super().__init__(config, host)
        self._settings = config
        self._clock = host.clock
        self._zone = zoneinfo.ZoneInfo(config.zone)
        self._day, self._day_ends = 0, -math.inf
        self._buckets: OrderedDict[str, tuple[Bucket, Quota, str]] = OrderedDict()

    @hookimpl
    def gateway_policies(self) -> Sequence[Policy]:
        """The quota."""
        return [self]

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """How many callers it keeps count of."""
        return [self]

    async def check(self) -> Health:
        """Always well: it needs nothing but memory."""
        return Health(ok=True, detail=f"{len(self._buckets)} callers")

    async def before(self, intent: Intent) -> Allowed:
        """Take one unit from the caller's quota.

        Raises:
            TooManyRequests: The quota is used up; `retry_after` says for how long.
        """
        bucket, quota, policy = self._bucket(intent.caller.id, intent.caller.name)
        taken = bucket.take(self._clock.monotonic(), self._today())
        if isinstance(taken, Spent):
            after = self._after(taken)
            headers = (("RateLimit", f'"{taken.kind}";r=0;t={math.ceil(after)}'), ("RateLimit-Policy", policy))
            raise TooManyRequests(retry_after=after, headers=headers)
        return Allowed((("RateLimit", self._rate_limit(taken, quota)), ("RateLimit-Policy", policy)))

    def _bucket(self, caller: str, name: str) -> tuple[Bucket, Quota, str]:
        known = self._buckets.get(caller)
        if known is not None:
            self._buckets.move_to_end(caller)
            return known
        quota = self._settings.quota_of(name)
        new = Bucket(quota, self._clock.monotonic(), self._today()), quota, policy_of(quota)
        self._buckets[caller] = new
        if len(self._buckets) > self._settings.tracked:
            self._buckets.popitem(last=False)
        return new

    def _today(self) -> int:
        """Number of the quota day; computed once a day, and never smaller than before."""
        now = self._clock.now()
        if now >= self._day_ends:
            local = datetime.fromtimestamp(now, self._zone)
            self._day = max(self._day, local.toordinal())
            midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            self._day_ends = midnight.timestamp()
        return self._day

    def _after(self, spent: Spent) -> float:
        return spent.after if spent.kind == "minute" else max(1.0, self._day_ends - self._clock.now())

    def _rate_limit(self, taken: Taken, quota: Quota) -> str:
        """The `RateLimit` field: what is left, and in how many seconds it is whole again."""
        minute = f'"minute";r={taken.left};t={math.ceil(taken.refill)}'
        if quota.per_day is None:
            return minute
        return f'{minute}, "day";r={taken.day_left};t={math.ceil(self._day_ends - self._clock.now())}'


def policy_of(quota: Quota) -> str:
    """The `RateLimit-Policy` field of a quota: units and window, in seconds."""
    window = math.ceil(quota.burst * 60 / quota.per_minute)
    minute = f'"minute";q={quota.burst};w={window}'
    return minute if quota.per_day is None else f'{minute}, "day";q={quota.per_day};w={DAY_SECONDS}'
