"""Who may use the gateway: callers (machine accounts) and their keys.

| module | does |
| --- | --- |
| `callers` | `Callers`: add, list, rotate, revoke, find |
| `caller_rows` | the tables, and the statements on them |
| `key_table` | all live keys in memory, for the hot path |
"""
