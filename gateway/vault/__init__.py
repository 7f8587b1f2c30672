"""Cryptography only: who holds the secrets decides who can read what the gateway stores.

| module | does |
| --- | --- |
| `errors` | the tree of what can go wrong |
| `secret_files` | makes and reads the secrets: one small file each, or a value in the environment |
| `keys` | the key ring: master secrets by number, the newest seals, all open; every other key is derived from them |
| `envelope` | seals and opens bytes under a monthly key (cache entries, wrapped keys) |
| `objects` | a key of its own for each submission, wrapped under a monthly key; deleting the wrapped key shreds it |
| `blind` | finds a NIK or KK without storing it |
| `api_keys` | makes, reads and checks the keys of callers |
| `signer` | signs what is to be proven later (Ed25519) |

What it protects against: whoever reads the database, a backup or a blob without the secrets learns nothing but sizes
and times, and cannot change, swap or replay a value into another row, since each is bound to its context. What it
does not: whoever holds both secrets and data, or the memory of the running process. Python cannot wipe memory;
secrets live as long as the process.
"""
