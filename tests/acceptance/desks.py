"""Desks that hand in until they have a receipt, whatever happens to the gateway meanwhile."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gateway.http.submissions import ACCEPTED, PATH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.testing.processes import GatewayProcess
    from tests.acceptance.history import History

VILLAGES = ("3527032001", "3527032002")
AGAIN = 0.1
"""Share of hand-ins that a desk repeats although it has the receipt."""

_PATIENCE = 10.0
_BACK_WITHIN = 60.0


def person(number: int) -> str:
    """The NIK of one of 10,000,000 invented residents."""
    day, serial = divmod(number, 9_999)
    return f"352703{1 + day % 28:02d}{1 + day // 28 % 12:02d}{day // 336 % 100:02d}{serial + 1:04d}"


def hand_in_of(number: int) -> dict[str, Any]:
    """A hand-in that needs no papers."""
    nik = person(number)
    return {
        "service": "ktp",
        "version": 1,
        "village": VILLAGES[number % len(VILLAGES)],
        "subject": {"nik": nik},
        "form": {"nik": nik},
    }


def states_of(gateway: GatewayProcess, key: str) -> dict[str, str]:
    """State of all that was handed in, by id."""
    found: dict[str, str] = {}
    cursor = ""
    while True:
        status, _, body = gateway.get(f"{PATH}{cursor}", key=key)
        assert status == 200, body
        page = json.loads(body)
        found |= {one["id"]: one["state"] for one in page["submissions"]}
        if page["next"] is None:
            return found
        cursor = f"?cursor={page['next']}"


class Desks:
    """So many desks at work, each with connections of its own.

    Args:
        gateways: Any of them is asked; the next one where one does not answer.
        key: Their key.
        history: Where receipts are noted.
        most: Hand-ins in all; None until they are stopped.
        seed: Of what they choose.
    """

    def __init__(
        self, gateways: Sequence[GatewayProcess], key: str, history: History, *, most: int | None = None, seed: int = 1
    ) -> None:
        self._gateways = gateways
        self._key = key
        self._history = history
        self._numbers = iter(range(most)) if most is not None else itertools.count()
        self._seed = seed
        self._taking = threading.Lock()
        self._stopping = threading.Event()
        self._up = threading.Event()
        self._up.set()

    def down(self) -> None:
        """The gateway is about to be gone: who cannot reach it waits until `up`."""
        self._up.clear()

    def up(self) -> None:
        """It is back."""
        self._up.set()

    @contextmanager
    def working(self, desks: int = 4) -> Iterator[None]:
        """Desks work while the block runs; at its end each ends what it began, until it has its receipt."""
        threads = [threading.Thread(target=self._work, args=(desk,)) for desk in range(desks)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._up.set()
            for thread in threads:
                thread.join(_BACK_WITHIN)
        assert not any(thread.is_alive() for thread in threads)
        self._history.wait_for(0)

    def _work(self, desk: int) -> None:
        rng = random.Random(self._seed * 1_000 + desk)
        try:
            while not self._stopping.is_set():
                with self._taking:
                    number = next(self._numbers, None)
                if number is None:
                    return
                self._hand_in(number, rng)
                while rng.random() < AGAIN:
                    self._hand_in(number, rng)
        except BaseException as failure:  # noqa: BLE001 # the test raises it
            self._history.fail(failure)

    def _hand_in(self, number: int, rng: random.Random) -> None:
        """Until there is a receipt."""
        turns = itertools.cycle(rng.sample(range(len(self._gateways)), len(self._gateways)))
        for place in turns:
            status, body = self._try(self._gateways[place], number)
            if status == ACCEPTED:
                self._history.note(f"k{number}", str(body["id"]))
                return
            assert status is None or body["code"] in {"storage_unavailable", "overloaded"}, body
            if len(self._gateways) == 1:
                self._up.wait(_BACK_WITHIN)

    def _try(self, gateway: GatewayProcess, number: int) -> tuple[int | None, Any]:
        """Status and body; None where the gateway was not there, or went before it answered."""
        fields = [("Idempotency-Key", f"k{number}")]
        try:
            status, _, body = gateway.post(PATH, hand_in_of(number), fields, key=self._key, timeout=_PATIENCE)
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return None, None
        return status, body
