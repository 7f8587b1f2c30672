"""A process killed at any moment loses nothing it gave a receipt for, and doubles nothing."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def run_and_kill(url: str, centre: Path, kills: int, seed: int) -> tuple[dict[str, str], Counter[str]]:
    """Start the victim again and again, kill it after some of its receipts, and let the last one drain.

    Returns:
        Ids by key of all receipts given, and how many effects each id had at the centre.
    """
    rng = random.Random(seed)
    receipts: dict[str, str] = {}
    first, each = 0, 20
    for life in range(kills + 1):
        last = first + (each if life < kills else 5)
        command = [sys.executable, "-m", "tests.outbox.victim", url, str(centre), str(max(0, first - each)), str(last)]
        dies_after = rng.randrange(1, 2 * each) if life < kills else None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            drained = False
            for number, line in enumerate(victim.stdout):
                word, *rest = line.split()
                drained |= word == "drained"
                if word == "accepted":
                    key, id_, _ = rest
                    assert receipts.setdefault(key, id_) == id_  # the same key, the same receipt, in every life
                if number == dies_after:
                    victim.kill()
        assert drained or dies_after is not None
        first = last
    with closing(sqlite3.connect(centre)) as file:
        return receipts, Counter(row[0] for row in file.execute("SELECT reference FROM effects"))


def verdict(receipts: dict[str, str], effects: Counter[str]) -> tuple[int, int]:
    """How many were lost and how many were doubled."""
    return sum(effects[id_] == 0 for id_ in receipts.values()), sum(count > 1 for count in effects.values())


def test_killed_at_any_moment_nothing_is_lost_or_doubled(url: str, tmp_path: Path) -> None:
    """Two kills among hand-ins and calls whose answers get lost: every receipt has exactly one effect."""
    receipts, effects = run_and_kill(url, tmp_path / "centre.db", kills=2, seed=3)
    assert len(receipts) >= 5
    assert verdict(receipts, effects) == (0, 0)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_a_hundred_times(url: str, tmp_path: Path) -> None:
    """A hundred kills between claim and finish: nothing is lost or doubled."""
    receipts, effects = run_and_kill(url, tmp_path / "centre.db", kills=100, seed=4)
    assert verdict(receipts, effects) == (0, 0)


def test_the_verdict_sees_losses_and_doubles() -> None:
    """A planted loss and a planted double are both counted."""
    receipts = {"a": "1", "b": "2", "c": "3"}
    assert verdict(receipts, Counter({"1": 1, "2": 2})) == (1, 1)
    assert verdict(receipts, Counter({"1": 1, "2": 1, "3": 1})) == (0, 0)
