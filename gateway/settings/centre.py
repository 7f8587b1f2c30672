"""Settings of the way to the centre, link by link. All durations are seconds unless a name says otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Read = Literal["biodata", "family_card", "verify"]


class Section(BaseModel):
    """Base of every table of the config: strict about unknown keys, frozen once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CacheSettings(Section):
    """What is remembered and for how long."""

    fresh: Seconds = Field(default=3600, description="An answer younger than this is served without asking.")
    stale_while_revalidate: Seconds = Field(
        default=82_800, description="After that, it is still served this long while a refresh runs in the background."
    )
    stale_if_error: Seconds = Field(
        default=2_592_000, description="While the centre cannot answer, the last known answer is served up to this age."
    )
    patience: Seconds = Field(
        default=1.0,
        description="How long an asker waits for a newer answer while the last known one is at hand; the question goes "
        "on behind its back.",
    )
    negative: Seconds = Field(default=300, description="How long 'not found' is remembered.")
    memory_entries: Annotated[int, Field(ge=100, le=10_000_000)] = Field(
        default=20_000, description="Answers kept in memory; the rest stay on disk."
    )
    memory_megabytes: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=64,
        description="What the answers in memory may take together; one of more than a hundredth of it stays on disk.",
    )
    disk_entries: Annotated[int, Field(ge=100, le=100_000_000)] = Field(
        default=1_000_000, description="Answers kept on disk; the longest unused go first."
    )
    disk_megabytes: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=4096, description="What the answers on disk may take together; the longest unused go first."
    )
    refreshes: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=32, description="Background refreshes under way at once; 0 switches them off."
    )


class RetrySettings(Section):
    """When a failed call is tried again."""

    attempts: Annotated[int, Field(ge=1, le=5)] = Field(
        default=3, description="Tries per question, the first included."
    )
    budget: Share = Field(default=0.1, description="Retries as a share of calls; up to ten unused ones are saved.")
    base: Seconds = Field(default=0.1, description="Upper end of the first pause; doubled each time, fully jittered.")
    cap: Seconds = Field(default=2.0, description="Longest pause between two tries.")


class AllowanceSettings(Section):
    """How the right's daily allowance is spent."""

    reserve: dict[Read, Share] = Field(
        default_factory=dict, description="Share of the day kept for a service, such as { verify = 0.1 }."
    )
    probe: Seconds = Field(
        default=900,
        description="Once the centre said 'used up' though our own count is below the allowance, one call in this long "
        "sees whether it still does.",
    )
    alarm_at: Share = Field(default=0.9, description="Share used at which a warning is logged.")


class LimiterSettings(Section):
    """How many calls are at the centre at once, and who waits. No capacity needs to be known."""

    objective: Seconds = Field(
        default=2.0, description="Mean latency above which the limit is doubted; the least silence that counts."
    )
    window: Seconds = Field(default=0.5, description="Length of a sampling window.")
    initial: Annotated[int, Field(ge=1, le=10_000)] = Field(default=16, description="Limit at start.")
    maximum: Annotated[int, Field(ge=1, le=100_000)] = Field(default=2048, description="Limit never exceeded.")
    waiting: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=10_000, description="Calls that may wait at once."
    )


class BreakerSettings(Section):
    """When a service of the centre is given a rest."""

    window: Seconds = Field(default=10.0, description="Outcomes of this long count.")
    minimum: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=10, description="Calls in the window before judging."
    )
    failure_rate: Share = Field(default=0.5, description="Share of failed calls that opens the circuit.")
    slow: Seconds = Field(default=8.0, description="A call slower than this counts as slow.")
    slow_rate: Share = Field(default=0.8, description="Share of slow calls that opens the circuit.")
    in_a_row: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=5, description="Failures in a row that open the circuit where too few calls are made to judge a window."
    )
    fair: Seconds = Field(
        default=1.0, description="A timeout counts as a failure only if the centre had at least this long to answer."
    )
    open_first: Seconds = Field(default=1.0, description="First rest; doubled each time it fails again, jittered.")
    open_cap: Seconds = Field(default=2.0, description="Longest rest, so that recovery is seen soon after it happens.")
    probes: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=3, description="Calls let through at once while half open."
    )
    probe_patience: Seconds = Field(
        default=1.0, description="A probe that has no answer after this no longer keeps the next one from being sent."
    )


class CentreSettings(Section):
    """Where the centre is and how it is called."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(:\d+)?$")] = Field(
        default="http://127.0.0.1:8090", description="Scheme, host and port of the centre (or the mock)."
    )
    deadline: Seconds = Field(
        default=10.0, description="How long a question may take when the caller sets no deadline."
    )
    deadline_max: Seconds = Field(default=60.0, description="Longest deadline a caller may ask for.")
    connect_timeout: Seconds = Field(default=2.0, description="Resolver, TCP and TLS together.")
    connections: Annotated[int, Field(ge=1, le=100_000)] = Field(default=1024, description="Open connections at most.")
    idle: Seconds = Field(default=30.0, description="An unused connection is closed after this.")
    max_response_bytes: Annotated[int, Field(ge=1024, le=67_108_864)] = Field(
        default=2_097_152, description="A larger reply is refused as misanswered."
    )
    ca_file: str | None = Field(
        default=None, description="PEM file of the authority that signed the centre's certificate."
    )
    cache: CacheSettings = Field(default_factory=CacheSettings)
    retry: RetrySettings = Field(default_factory=RetrySettings)
    allowance: AllowanceSettings = Field(default_factory=AllowanceSettings)
    limiter: LimiterSettings = Field(default_factory=LimiterSettings)
    breaker: BreakerSettings = Field(default_factory=BreakerSettings)
