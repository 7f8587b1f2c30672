"""What the tests of the write half hand in, and how they do it; synthetic people only."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from gateway.mock_siak import Account
from gateway.mock_siak.cases import RECORDING
from gateway.mock_siak.forms import FORMS
from tests.mock_siak.conftest import SECRET, request_bytes

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig

WRITER = Account(
    path="35-27/dinas",
    user_id="dinas",
    password=SECRET,
    kinds=("biodata", "kk", "verify"),
    writes=(*FORMS, RECORDING),
)
OTHER = Account(path="33-20/dinas", user_id="jepara", password=SECRET, writes=("birth",))
VILLAGE = "3527012003"
CHILD = {"name": "Siti Nur'aini", "sex": "P", "birth_date": "2026-06-01", "birth_place": "Sampang"}


def sha256(content: bytes) -> str:
    """The name of a blob."""
    return hashlib.sha256(content).hexdigest()


def headers(account: Account = WRITER, *more: str) -> tuple[str, ...]:
    """What identifies an account."""
    coded = base64.b64encode(f"{account.user_id}:{account.password}".encode()).decode()
    return (f"Authorization: Basic {coded}", "X-IP-User: 127.0.0.1", *more)


def call(
    rig: Rig, method: str, path: str, body: object = None, *more: str, account: Account = WRITER
) -> tuple[int, Any, dict[str, str]]:
    """Status, document and headers of a call to the write half."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    with rig.client() as client:
        client.send(request_bytes(method, f"/siak/{path}", raw, *headers(account, *more)))
        status, told, answer = client.answer()
        return status, json.loads(answer) if answer else None, told


def submission(service: str, form: dict[str, Any], reference: str = "reference-1", **more: Any) -> dict[str, Any]:
    """A submission."""
    return {
        "reference": reference,
        "service": service,
        "version": 1,
        "village": VILLAGE,
        "subject": "3527010101900001",
        "filed_at": "2026-06-02T01:02:03Z",
        "form": form,
        **more,
    }


def hand_in(rig: Rig, service: str, form: dict[str, Any], reference: str = "reference-1", **more: Any) -> Any:
    """Hand a submission in and give back what the centre holds once the office has looked."""
    status, told, _ = call(rig, "POST", "submissions", submission(service, form, reference, **more))
    assert (status, told["state"]) == (201, "accepted")
    return call(rig, "GET", f"submissions/{reference}")[1]


def events(rig: Rig, after: int = 0) -> list[dict[str, Any]]:
    """All events after a cursor."""
    found: list[dict[str, Any]] = call(rig, "GET", f"events?after={after}&limit=1000")[1]["events"]
    return found


def cards(rig: Rig, people: int = 2) -> tuple[str, list[str]]:
    """The first family card with that many active members at least, and their NIKs."""
    population = rig.mock.population
    for no_kk in population.sample_cards(400):
        members = [f"{one.nik:016d}" for one in population.family(int(no_kk)) if one.status.value == "active"]
        if len(members) >= people:
            return no_kk, members
    raise LookupError


def ledger(rig: Rig) -> Any:
    """The ledger."""
    return rig.control("GET", "/_mock/ledger")[1]
