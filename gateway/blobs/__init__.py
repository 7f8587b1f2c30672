"""Files that belong to submissions: kept encrypted until the centre has them, resumable to the byte.

| module | does |
| --- | --- |
| `blobs` | what every store of blobs promises |
| `kinds` | what a file is, by its first bytes (pure) |
| `sealing` | keys, marks and frames: what is written instead of the file |
| `store` | `DatabaseBlobs`: facts in the database, frames in files beside SQLite or in a table of PostgreSQL |
| `pieces`, `files` | where frames are kept: a table, or one file for each blob |
| `rows`, `tables` | the facts, and which submissions need a blob |

A blob is one caller's: another caller's upload of the same bytes is another blob under another key, so that nobody
learns or uses what others handed in. Deleting its row deletes its key; what is left of its frames is noise.
"""
