"""Tells which changes of the config need a restart; everything else takes effect by reload."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings import Settings

PINNED = (
    "server.host",
    "server.port",
    "server.operator_host",
    "server.operator_port",
    "server.tls_cert",
    "server.tls_key",
    "server.engine",
    "data.folder",
    "database.url",
    "database.url_env",
    "database.url_file",
    "secrets.folder",
    "ledger.enabled",
    "ledger.file",
    "ledger.checkpoint_every",
    "time.zone",
    "replica.path",
    "replica.same_device",
    "replica.patience",
    "retention.days",
    "retention.key_days",
    "retention.every",
    "blobs.folder",
    "blobs.keep_days",
    "blobs.reserve_bytes",
    "outbox.deadline",
    "outbox.margin",
    "outbox.widest",
    "follow.every",
    "follow.keep",
    "notify.give_up",
    "notify.first_pause",
    "notify.longest_pause",
    "notify.widest",
    "people.url",
    "people.origins",
    "people.idle",
    "people.lasts",
    "people.renew_every",
    "people.second_step",
    "people.password_length",
    "people.code_lasts",
    "people.hash_memory_kib",
    "people.hash_passes",
    "people.hash_threads",
    "people.hash_waiting",
)
"""Keys that are read once, at start."""


def requires_restart(old: Settings, new: Settings) -> list[str]:
    """The keys that differ and cannot be reloaded, in the config's order."""
    return [key for key in PINNED if _value(old, key) != _value(new, key)]


def _value(settings: Settings, key: str) -> object:
    table, _, name = key.partition(".")
    return getattr(getattr(settings, table), name)
