"""The tables of the outbox as the code sees them; migrations `core:0002`, `core:0005`, `core:0010` make them.

```
submissions       facts, without personal data           idempotency_keys   per caller, kept longer than the payload
payloads          sealed content and its wrapped key     moves              every change of state
ready             what may be claimed, by lane           switches           what is held or off
running           claims: token and lease                later              what waits for its time
outcomes          what the centre issued, sealed         notices            moves worth telling, in order
cursors           how far something was read             deliveries         what is to be told whom
leases            who does what only one may do          news               whose cached answers are to be forgotten
strays            what the centre has and we do not
```

A submission that is open stands in exactly one of `ready`, `running`, `later`, or is held up: by an earlier one about
its subject, by an operator's hold, by `attention`. Every change of that is made under the subject's lock.
"""

from __future__ import annotations

import sqlalchemy as sa

from gateway.database.wrapped_keys import WrappedKeys

METADATA = sa.MetaData()
"""The tables of this room."""

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is compared byte by byte in both databases."""

SUBMISSIONS = sa.Table(
    "submissions",
    METADATA,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("number", KEY, nullable=False),
    sa.Column("caller", KEY, nullable=False),
    sa.Column("right_name", sa.Text, nullable=False),
    sa.Column("adapter", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("village", KEY, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("lane", KEY, nullable=False),
    sa.Column("filed_at", sa.Double, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("origin", sa.LargeBinary),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("state", KEY, nullable=False),
    sa.Column("state_at", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("rank", sa.SmallInteger),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("claimed", sa.Boolean, nullable=False),
    sa.Column("uncertain", sa.Boolean, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Double),
    sa.Column("moves", sa.Integer, nullable=False),
    sa.Column("centre_receipt", sa.Text),
)
"""`seq` is the filing date in microseconds; `rank` is 0 to 2 while open (`moves.rank`) and null afterwards."""

PAYLOADS = sa.Table(
    "payloads",
    METADATA,
    sa.Column("submission", KEY, primary_key=True),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
"""Gone once shredded."""

MOVES = sa.Table(
    "moves",
    METADATA,
    sa.Column("submission", KEY, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
"""Every change of a submission's state."""

READY = sa.Table(
    "ready",
    METADATA,
    sa.Column("lane", KEY, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("submission", KEY, primary_key=True),
    sa.Column("subject", sa.LargeBinary, nullable=False),
)
"""What may be claimed; at most one for each subject."""

RUNNING = sa.Table(
    "running",
    METADATA,
    sa.Column("submission", KEY, primary_key=True),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("lease_until", sa.Double, nullable=False),
)
"""Claims; `lease_until` is on the database's own clock. At most one for each subject, by an index."""

LATER = sa.Table(
    "later",
    METADATA,
    sa.Column("at", sa.Double, primary_key=True),
    sa.Column("submission", KEY, primary_key=True),
)
"""What waits for its time; a row that no longer holds is harmless."""

IDEMPOTENCY_KEYS = sa.Table(
    "idempotency_keys",
    METADATA,
    sa.Column("caller", KEY, primary_key=True),
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("submission", KEY, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
)
"""Keys of callers, hashed."""

SWITCHES = sa.Table(
    "switches",
    METADATA,
    sa.Column("scope", KEY, primary_key=True),
    sa.Column("name", KEY, primary_key=True),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)
"""What is held or switched off."""

OUTCOMES = sa.Table(
    "outcomes",
    METADATA,
    sa.Column("submission", KEY, primary_key=True),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
"""Documents the centre has issued of a submission; gone once its content is shredded."""

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", KEY, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
"""Which instance does what only one may do at a time; `until` is on the database's own clock."""

CURSORS = sa.Table(
    "cursors",
    METADATA,
    sa.Column("name", KEY, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("at_seq", sa.BigInteger, nullable=False),
    sa.Column("read_at", sa.Double),
)
"""How far the events of an account (`centre:<right>`) or the notices (`notices`) were read; `epoch` of notices only."""

NEWS = sa.Table(
    "centre_news",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("subject", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)
"""Keyed hashes of residents and families that changed; without gaps, for it is written under the follower's lease."""

NOTICES = sa.Table(
    "notices",
    METADATA,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("submission", KEY, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("caller", KEY, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("village", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)
"""Moves worth telling. `epoch` is the transaction's number on PostgreSQL and 0 on SQLite: see `notice_rows`."""

DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("notice", sa.BigInteger, primary_key=True),
    sa.Column("notifier", KEY, primary_key=True),
    sa.Column("target", KEY, primary_key=True),
    sa.Column("state", KEY, nullable=False),
    sa.Column("next_at", sa.Double, nullable=False),
    sa.Column("first_at", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
)
"""What is to be told whom: `pending` or `dead`; what was delivered is deleted."""

STRAYS = sa.Table(
    "strays",
    METADATA,
    sa.Column("reference", KEY, primary_key=True),
    sa.Column("tail", KEY, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("receipt", sa.Text, nullable=False),
    sa.Column("documents", sa.Text, nullable=False),
    sa.Column("rejected", sa.Text, nullable=False),
    sa.Column("decided_at", sa.Double),
    sa.Column("told_at", sa.Double, nullable=False),
    sa.Column("settled_at", sa.Double),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
"""What was handed in and is not known here; `documents` are kinds, the documents themselves are in `outcomes`."""

CONTENT_KEYS = WrappedKeys(PAYLOADS.c.submission, PAYLOADS.c.wrapped_key)
"""Keys of what was handed in."""

OUTCOME_KEYS = WrappedKeys(OUTCOMES.c.submission, OUTCOMES.c.wrapped_key)
"""Keys of what the centre issued."""
