"""What a caller meets in each mode, on real sockets."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig, Start


def test_up_answers_on_a_kept_connection(rig: Rig) -> None:
    """Two questions on one connection get two answers, the second one byte for byte as rendered from the cache."""
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        first = client.answer()
        client.send(rig.question(rig.nik()))
        second = client.answer()
    assert first[0] == second[0] == 200
    assert first[2].split(b"quotaLimiter")[0] == second[2].split(b"quotaLimiter")[0]


def test_refuse_refuses_and_breaks_off(rig: Rig) -> None:
    """In mode refuse new connects are refused and open connections are reset; up brings the same port back."""
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        client.answer()
        rig.behave(mode="refuse")
        with pytest.raises((ConnectionResetError, BrokenPipeError, EOFError)):
            client.answer()
    with pytest.raises(ConnectionRefusedError):
        rig.client()
    rig.behave(mode="up")
    assert rig.ask(rig.nik())["totalElements"] == 1


def test_down_lets_connects_time_out(rig: Rig) -> None:
    """In mode down connect() itself times out and open connections fall silent; they are reset on the way back up."""
    with rig.client(0.3) as client:
        rig.until(lambda: len(rig.mock._connections) == 1)
        rig.behave(mode="down")
        with pytest.raises(TimeoutError):
            rig.client(0.3)
        client.send(rig.question(rig.nik()))
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        rig.behave(mode="up")
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
    assert rig.ask(rig.nik())["totalElements"] == 1
    assert rig.mock.stats.arrived == 1


def test_hang_accepts_and_never_replies(rig: Rig) -> None:
    """In mode hang a call is counted, never answered, and counted as abandoned when its caller leaves."""
    rig.behave(mode="hang")
    with rig.client(0.3) as client:
        client.send(rig.question(rig.nik()))
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
    rig.until(lambda: rig.mock.stats.abandoned == 1)
    assert (rig.mock.stats.arrived, rig.mock.stats.served) == (1, 0)


def test_hang_silences_what_is_being_served(rig: Rig) -> None:
    """A call that is served while the centre hangs costs its quota but its answer never leaves."""
    rig.behave(workers=1, mean_seconds=1_000, sigma=0)
    with rig.client(0.3) as busy, rig.client(0.3) as waiting:
        busy.send(rig.question(rig.nik()))
        waiting.send(rig.question(rig.nik()))
        rig.until(lambda: rig.mock.stats.arrived == 2)
        rig.behave(mode="hang", workers=2)
        rig.until(lambda: rig.mock.stats.served == 1)
        with pytest.raises(TimeoutError):
            waiting.sock.recv(1)
        rig.behave(mode="up")
        with pytest.raises(ConnectionResetError):
            waiting.sock.recv(1)


def test_maintenance_is_an_html_503(rig: Rig) -> None:
    """In mode maintenance every call gets an HTML page with 503 and costs no quota."""
    rig.behave(mode="maintenance")
    with rig.client() as client:
        client.send(rig.question(rig.nik()))
        status, headers, body = client.answer()
    assert (status, headers["content-type"]) == (503, "text/html;charset=utf-8")
    assert b"pemeliharaan" in body
    assert rig.mock.quota.used() == {}


@pytest.mark.parametrize("mode", ["up", "refuse", "down", "hang", "maintenance"])
@pytest.mark.parametrize("before", ["refuse", "down", "hang"])
def test_every_mode_follows_every_other(rig: Rig, before: str, mode: str) -> None:
    """Modes may follow each other in any order, twice too, and the way back to up always works."""
    for step in (before, mode, mode, before, "up"):
        rig.behave(mode=step)
    assert rig.ask(rig.nik())["totalElements"] == 1


def test_the_port_is_never_lost(rig: Rig) -> None:
    """While the centre refuses, nobody else can take a free port with its number."""
    rig.behave(mode="refuse")
    port = rig.mock._ports[0].port if rig.mock._ports else 0
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))


def test_a_second_mock_cannot_share_the_port(rig: Rig, start: Start) -> None:
    """A port that is taken is an error at start, not a silent share, and leaves nothing open."""
    port = rig.mock._ports[0].port if rig.mock._ports else 0
    with pytest.raises(OSError, match="in use"):
        start(port=port)
    with pytest.raises(OSError, match="in use"):
        start(control_port=port)


def test_a_schedule_changes_the_mode(rig: Rig) -> None:
    """A schedule's moment comes by itself and stays visible in the behaviour."""
    rig.behave(schedule=[{"at": 0.05, "mode": "maintenance"}])
    rig.until(lambda: rig.mock.behaviour.mode.value == "maintenance")
    assert [change.at for change in rig.mock.behaviour.schedule] == [0.05]


def test_a_new_behaviour_ends_the_old_schedule(rig: Rig) -> None:
    """What an earlier document scheduled no longer happens once another is put."""
    rig.behave(schedule=[{"at": 0.02, "mode": "hang"}])
    rig.behave(schedule=[{"at": 0.04, "workers": 3}])
    rig.until(lambda: rig.mock.behaviour.workers == 3)
    assert rig.mock.behaviour.mode.value == "up"
