"""Behaviour documents: strictly read, replaced as a whole, changed by their schedule."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.mock_siak import Behaviour, BehaviourError, Fault, FaultKind, Mode, parse_behaviour

WHOLE: dict[str, Any] = {
    "mode": "maintenance",
    "workers": 3,
    "mean_seconds": 0.25,
    "sigma": 0.0,
    "thrashing": 0.5,
    "faults": [{"kind": "drip", "rate": 0.5, "methods": ["CALL_NIK", "kk"], "seconds": 2.0}],
    "office_seconds": 60.0,
    "rejections": [{"code": "data_mismatch", "rate": 0.1, "services": ["birth"]}],
    "unique_references": False,
    "blangko": 50,
    "schedule": [
        {"at": 5.0, "mode": "up", "faults": [{"kind": "latency", "rate": 1.0, "methods": [], "seconds": 1.0}]},
        {"at": 9.0, "workers": 1},
    ],
}


def test_what_is_put_is_what_is_got() -> None:
    """A whole document survives reading and writing unchanged."""
    assert parse_behaviour(WHOLE).document() == WHOLE


def test_what_is_not_named_takes_its_default() -> None:
    """An empty document is the default behaviour: up, at once, no faults."""
    assert parse_behaviour({}) == Behaviour()
    assert parse_behaviour({"faults": [{"kind": "tls_bad"}]}).faults == (Fault(FaultKind.TLS_BAD),)


@pytest.mark.parametrize("mode", [mode.value for mode in Mode])
def test_every_mode_is_known(mode: str) -> None:
    """The five modes of the contract are accepted by name."""
    assert parse_behaviour({"mode": mode}).mode.value == mode


@pytest.mark.parametrize("kind", [kind.value for kind in FaultKind])
def test_every_fault_is_known(kind: str) -> None:
    """The eleven fault kinds of the contract are accepted by name."""
    assert parse_behaviour({"faults": [{"kind": kind, "rate": 1}]}).faults[0].kind.value == kind


def test_the_schedule_adds_up() -> None:
    """Changes apply in order of time, whatever order they were written in, and keep what earlier ones set."""
    behaviour = parse_behaviour({"schedule": [{"at": 9, "workers": 1}, {"at": 5, "mode": "hang"}]})
    assert [change.at for change in behaviour.schedule] == [5, 9]
    assert (behaviour.at(4.9).mode, behaviour.at(5).mode, behaviour.at(9).mode) == (Mode.UP, Mode.HANG, Mode.HANG)
    assert (behaviour.at(5).workers, behaviour.at(9).workers) == (8, 1)


def test_every_fault_of_a_document_is_named_at_once() -> None:
    """Unknown keys, wrong types, values out of range, at every depth, in one answer."""
    with pytest.raises(BehaviourError) as wrong:
        parse_behaviour(
            {
                "mode": "sideways",
                "workers": True,
                "mean_seconds": "1",
                "sigma": -1,
                "colour": 1,
                "faults": [
                    {"rate": 2},
                    "x",
                    {"kind": 1, "methods": "all"},
                    {"kind": "drip", "methods": [1, ""], "when": 1},
                ],
                "schedule": [{"mode": "up"}, {"at": -1, "schedule": []}, 7],
            }
        )
    assert [error["field"] for error in wrong.value.errors] == [
        "mode", "workers", "mean_seconds", "sigma", "colour", "faults[0].rate", "faults[0].kind", "faults[1]",
        "faults[2].kind", "faults[2].methods", "faults[3].methods[0]", "faults[3].methods[1]", "faults[3].when",
        "schedule[0].at", "schedule[1].at", "schedule[1].schedule", "schedule[2]",
    ]  # fmt: skip
    assert "one of up, refuse" in str(wrong.value)


@pytest.mark.parametrize(
    ("document", "field"), [([], "body"), (None, "body"), ({"faults": {}}, "faults"), ({"schedule": 1}, "schedule")]
)
def test_wrong_shapes(document: object, field: str) -> None:
    """A document that is no object, and lists that are none, are named."""
    with pytest.raises(BehaviourError) as wrong:
        parse_behaviour(document)
    assert [error["field"] for error in wrong.value.errors] == [field]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e9])
def test_numbers_must_be_numbers(value: float) -> None:
    """Not-a-number and infinity are no service time."""
    with pytest.raises(BehaviourError):
        parse_behaviour({"mean_seconds": value})
