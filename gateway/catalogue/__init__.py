"""Pure facts of the population administration: no clock, no network, no database, nothing that changes at run time.

| module | facts |
| --- | --- |
| `bilingual` | a text people read, in Indonesian with English beside |
| `findings` | what a check has to say about a number: faults refuse, warnings and flags only inform |
| `nik`, `kk` | how the two 16-digit numbers are written and what can be read from them |
| `regions` | province, regency, district and village by Kemendagri code (data vendored under `data/`) |
| `codes` | the centre's code lists, both ways, with a caller's own spellings on top |
| `fields` | the keys of a centre answer: kind, code list, sensitivity |
| `forms` | what can be handed in: versioned forms, the papers they need where and since when, and their check |
| `services` | what can be asked of the centre, for which purposes, and how urgent that is |

The room may be imported by extensions. It imports the standard library, the contract and, for forms, jsonschema-rs.
"""
