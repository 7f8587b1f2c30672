"""Instances of one gateway in virtual time, before one finite centre; their shares are rows of a real PostgreSQL."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from gateway.centre.share_holder import Holding
from gateway.centre.share_store import DatabaseShareStore
from gateway.centre.shares import RENEW
from gateway.settings.centre import CentreSettings
from gateway.simulator.centre import Centre
from gateway.simulator.crowd import a_call
from gateway.simulator.gateway import Gateway
from gateway.simulator.world import World, seeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from gateway.centre.shares import Share, Wish
    from gateway.database import Database
    from gateway.simulator.centre import CentreModel

SETTINGS = CentreSettings()
CENTRE = "http://centre.example"
PATIENCE = 5.0


class Meeting:
    """The database at which the instances meet; `away` cuts the way to it.

    Args:
        database: A migrated PostgreSQL database.
        world: Its clock.
    """

    def __init__(self, database: Database, world: World) -> None:
        self._database = database
        self._world = world
        self._stores: dict[str, DatabaseShareStore] = {}
        self.away = False

    def renew(self, name: str, wish: Wish) -> Share:
        """Renew the lease of an instance."""
        store = self._stores.get(name)
        if store is None:
            store = self._stores[name] = store_of(self._database, name)
        return self._database.write_sync(lambda connection: store.renew_in(connection, wish, self._now))

    def _now(self, _connection: sa.Connection) -> float:
        return self._world.now


def store_of(database: Database, name: str) -> DatabaseShareStore:
    """The seam of one instance; its own connection is never opened."""
    return DatabaseShareStore(database.url, SETTINGS.limiter, CENTRE, name)


class Questions:
    """Who asks an instance: counted, never tried again."""

    def __init__(self) -> None:
        self.good: list[float] = []
        self.asked = 0
        self.world = World()

    def heard(self, *, good: bool, after: float) -> None:
        """The answer, or a refusal."""
        del after
        if good:
            self.good.append(self.world.now)


class Instance:
    """One instance with its askers.

    Args:
        stage: Where it stands.
        name: Its name.
        rate: Questions a second, for ever.
    """

    def __init__(self, stage: Stage, name: str, rate: float = 0.0) -> None:
        self.name = name
        self.living = True
        self.questions = Questions()
        self.questions.world = stage.world
        self.holding = Holding(SETTINGS.limiter, stage.world.now)
        self.gateway = Gateway(stage.world, stage.centre, seeded(stage.seed, name), SETTINGS)
        self._stage = stage
        self._random = seeded(stage.seed, f"asking {name}")
        self._calls = [a_call(f"{name}.{village}") for village in range(20)]
        self._offered = 0
        self._renew()
        if rate:
            self.rush(rate, inf)

    @property
    def in_flight(self) -> int:
        """Its calls at the centre."""
        return self.gateway.gate.in_flight

    def kill(self) -> None:
        """It is gone without a word."""
        self.living = False

    def rush(self, rate: float, until: float) -> None:
        """Questions a second, until a moment."""
        when = self._stage.world.now + self._random.expovariate(rate)
        if when < until:
            self._stage.world.at(when, self._ask, (rate, until))

    def _renew(self, _about: object = None) -> None:
        if not self.living:
            return
        world, meeting = self._stage.world, self._stage.meeting
        wish = self.holding.wish(world.now, self.gateway.offered - self._offered)
        self._offered = self.gateway.offered
        if meeting.away:
            self.holding.missed(world.now)
        else:
            self.holding.take(world.now, world.now, meeting.renew(self.name, wish))
        self.gateway.gate.limit = self.holding.limit
        self.gateway.pump()
        world.at(world.now + RENEW * self._random.uniform(0.9, 1.1), self._renew)

    def _ask(self, about: Any) -> None:
        if self.living:
            self.questions.asked += 1
            call = self._calls[int(self._random.random() * len(self._calls))]
            self.gateway.ask(call, self._stage.world.now + PATIENCE, self.questions)
            self.rush(*about)


class Stage:
    """Instances, the centre and time.

    Args:
        database: Where they meet.
        seconds: The run lasts at most.
        model: The centre's strength.
        seed: Of everything random.
    """

    def __init__(self, database: Database, seconds: float, model: CentreModel, seed: int = 1) -> None:
        self.seed = seed
        self.world = World()
        self.model = model
        self.centre = Centre(self.world, model, seeded(seed, "centre"), seconds)
        self.meeting = Meeting(database, self.world)

    def watch(self, instances: Sequence[Instance], until: float) -> list[tuple[int, float]]:
        """Let time pass; for each second the calls of all at the centre, and the largest budget of the last two."""
        seen: list[tuple[int, float]] = []
        before = 0.0
        while self.world.now < until:
            self.world.run(self.world.now + 1.0)
            budget = max(one.holding.budget or 0.0 for one in instances)
            seen.append((sum(one.in_flight for one in instances), max(before, budget)))
            before = budget
        return seen

    @property
    def capacity(self) -> float:
        """Calls a second the centre can do."""
        return self.model.workers / self.model.mean

    def useful(self, first: int, last: int) -> float:
        """Share of the worker-seconds between two seconds that somebody still wanted."""
        self.centre.settle()
        ledger = self.centre.ledger
        return sum(ledger.useful[first:last]) / sum(ledger.had[first:last])
