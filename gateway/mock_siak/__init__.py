"""Mock SIAK: a stand-in for the national centre that speaks as the Dukcapil web service does, on sockets of its own.

A process of its own (`python -m gateway.mock_siak`) or an object in a test (`MockSiak`). It owns its sockets, so that
it can refuse, stall and break at any byte. Reads: biodata, family cards, verify, `ws_server`. Writes, in a dialect
of our own (docs/reference/centre-writes.md): submissions, recordings, blobs, events, blank cards.

```
connection (http1) ─► centre: mode, faults ─► capacity ─► answering ─► population, accounts, quota
                                                       └► writing ─► office (forms, effects) ─► book, population
control port ─► behaviour, stats, ledger, office, samples, reset          state: all of it survives restarts
```
It imports nothing of the rest of the gateway; only the vendored region codes are read as data. All residents,
institutions and credentials are synthetic.
"""

from gateway.mock_siak.accounts import Account, AccountsError, load_accounts
from gateway.mock_siak.behaviour import Behaviour, BehaviourError, Change, Fault, FaultKind, Mode, parse_behaviour
from gateway.mock_siak.demo_accounts import demo_accounts
from gateway.mock_siak.mock import MockSiak, serve
from gateway.mock_siak.population import Population
from gateway.mock_siak.process import MockProcess, start_process
from gateway.mock_siak.settings import Addresses, MockSettings
from gateway.mock_siak.state import StateError

__all__ = [
    "Account",
    "AccountsError",
    "Addresses",
    "Behaviour",
    "BehaviourError",
    "Change",
    "Fault",
    "FaultKind",
    "MockProcess",
    "MockSettings",
    "MockSiak",
    "Mode",
    "Population",
    "StateError",
    "demo_accounts",
    "load_accounts",
    "parse_behaviour",
    "serve",
    "start_process",
]
