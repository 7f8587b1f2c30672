"""The forms that can be handed in: what must stand in them, which papers belong to them, and what is wrong with one.

```
schemas/<service>/<version>.json ─┐
schemas/parts/1.json ─────────────┴► schemas   one self-contained JSON Schema for each version
requirements/*.toml ───────────────► requirements   attachments by service, region and date
                                     rules     what one field says of another
                                     checking  all of it at once: every wrong field, in words a clerk understands
```

A published version never changes what it refuses: a change is a further file. Old versions stay, so that what was
handed in under them can be read for ever; a day in `SERVICES` ends taking them.
"""
