"""The real policies in virtual time: no sockets, no waiting, every run repeatable from its seed.

```
Scenario (data) ─► world (time) · crowd (villages) ─► model gateway (the real Gate, Circuit, RetryPolicy, AllowanceBook)
                                                      ─► model centre (workers, backlog) ─► Tally ─► Result (figures)
```

`regency` runs one gateway, `nation` hundreds that share one centre; `charts` draws what they found.
"""
