"""What must not be lost: submissions, from their acceptance until the centre has them.

| module | does |
| --- | --- |
| `outbox` | what an outbox promises, and the values it gives |
| `moves`, `backoff`, `lanes`, `receipts` | pure: legal moves; pauses; whose turn it is; ids and receipt numbers |
| `store` | the outbox in SQLite or PostgreSQL |
| `sealing` | what stands there instead of personal data |
| `tables`, `subject_rows` | its tables; the order of one subject |
| `accept_rows`, `claim_rows`, `move_rows`, `doubt_rows`, `read_rows`, `retention_rows` | its statements |
"""
