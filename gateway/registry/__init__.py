"""Finds, checks, configures, orders, opens, closes and reloads extensions.

```
entry points ─► finding ─► loading ─► registry ─┬─ routes jobs policies authenticators health_checks
                   │                            └─ exchange_finished(record) submission_moved(move) circuit_moved(move)
                manifest                guarding, observing: nothing an extension does harms the others
```
"""

from gateway.registry.finding import Installed, installed
from gateway.registry.guarding import GuardedAuthenticator, GuardedHealthCheck, GuardedPolicy
from gateway.registry.loading import plan
from gateway.registry.manifest import Manifest, read_manifest
from gateway.registry.registry import Failure, Limits, Member, Mounted, OwnedJob, Registry
from gateway.registry.restarting import requires_restart

__all__ = [
    "Failure",
    "GuardedAuthenticator",
    "GuardedHealthCheck",
    "GuardedPolicy",
    "Installed",
    "Limits",
    "Manifest",
    "Member",
    "Mounted",
    "OwnedJob",
    "Registry",
    "installed",
    "plan",
    "read_manifest",
    "requires_restart",
]
