"""Who may use the gateway: callers (machine accounts) and their keys; people, who sign in.

| module | does |
| --- | --- |
| `callers` | `Callers`: add, list, rotate, revoke, find |
| `caller_rows` | the tables, and the statements on them |
| `key_table` | all live keys in memory, for the hot path |
| `people` | `People`: all below as one value |
| `account`, `accounts` | what an account is, who may look after whom · `Accounts`: add, grant, suspend, set up anew |
| `session_policy`, `sessions` | what a token is worth · `Sessions`: begin, find, end |
| `second_step` | `SecondStep`: codes of a device, recovery codes |
| `weak_passwords`, `passwords` | what is easily guessed · `Passwords`: Argon2id in a bounded pool |
| `guess_policy`, `guesses` | growing pauses · `Guesses`: counted in the database |
| `tokens` | what travels in cookies, forms and links |
| `account_tables`, `account_rows`, `session_rows` | the tables, and the statements on them |

How they come together is `gateway.flows.sign_in` and `gateway.flows.staff`.
"""
