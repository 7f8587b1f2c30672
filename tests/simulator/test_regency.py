"""The regency's figures in virtual time: what the policies promise, seed by seed."""

from __future__ import annotations

from multiprocessing import Pool
from typing import TYPE_CHECKING

import pytest

from gateway.simulator.regency import run
from gateway.simulator.scenario import catalogue
from gateway.simulator.stories import play

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.simulator.result import Result


def complaints(result: Result) -> list[str]:
    """What a run of the story did not keep."""
    told = [
        ("normal answered", result["normal"].answered >= 0.999),
        ("surge p99", result["surge"].p99 <= 2.5),
        ("wasted", result.wasted <= 0.01),
        ("calls per question", result.calls_per_question <= 1.1),
        ("down is told at once", result["down"].refused <= 0.05),
        ("closed while weak", not any(at < 50.0 and to.startswith("open") for at, to in result.moves)),
    ]
    for phase in ("surge", "weak", "back"):
        told.append((f"{phase} useful", result[phase].useful >= 0.97))
        told.append((f"{phase} quiet", result[phase].quiet >= 0.99))
    return [what for what, kept in told if not kept]


@pytest.mark.parametrize(("name", "seed"), [("regency", 1), pytest.param("regency-refuse", 2, marks=pytest.mark.soak)])
def test_a_regency_keeps_what_it_promises(name: str, seed: int) -> None:
    """Normal, four times the capacity, three tenths of the workers, down and back: useful work stays ≥ 0.97."""
    assert complaints(run(catalogue()[name], seed)) == []


@pytest.mark.soak
def test_at_ten_times_the_capacity_too() -> None:
    """Ten times what the centre can do, and a way to it that is cut: the same promises."""
    assert complaints(run(catalogue()["regency-10x"], 1)) == []


@pytest.mark.soak
def test_fair_to_villages_where_each_has_enough_answers_to_judge() -> None:
    """With a fifth of everything asked by one village the others get alike (Jain ≥ 0.95), and quiet ones all."""
    result = run(catalogue()["regency-long"], 3)
    assert complaints(result) == []
    for phase in ("surge", "weak"):
        assert result[phase].each >= 20
        assert result[phase].jain >= 0.95
    assert result["surge"].hog <= 1.5


@pytest.mark.parametrize("name", ["few", pytest.param("constant", marks=pytest.mark.soak)])
def test_other_centres_need_no_tuning(name: str) -> None:
    """Five quick workers, or workers without any variance, are used as fully."""
    result = run(catalogue()[name], 1)
    assert min(result[phase].useful for phase in ("surge", "weak", "back")) >= 0.97


@pytest.mark.soak
def test_a_run_is_repeatable() -> None:
    """The same seed tells the same story to the last event."""
    first, second = (run(catalogue()["few"], 5) for _ in range(2))
    assert first == second


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_no_seed_of_ten_thousand_is_metastable(record_property: Callable[[str, object], None]) -> None:
    """After the outage the centre is used again in every one of ten thousand stories."""
    tasks = [("regency", seed) for seed in range(1, 10_001)]
    with Pool() as pool:
        back = {result.seed: result["back"].useful for result in pool.imap_unordered(play, tasks)}
    record_property("seeds", len(back))
    record_property("least useful work after the return", f"{min(back.values()):.3f}")
    assert [seed for seed, useful in back.items() if useful < 0.9] == []


def test_a_centre_of_one_worker_is_used() -> None:
    """One worker of a second before callers of five seconds is busy for them, not for those who left."""
    result = run(catalogue()["one-worker"], 1)
    assert min(result[phase].useful for phase in ("surge", "weak", "back")) >= 0.9
    assert result.wasted <= 0.05


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_centre_that_thrashes_is_used_again(seed: int) -> None:
    """Where each waiting call slows all others, nine tenths are useful five seconds after the return."""
    assert run(catalogue()["thrashing"], seed)["back"].useful >= 0.9
