"""The licence: what an extension must show before it may serve people.

```
subject ─► rules on paper ─► rules on its class, config, routes ─► rules in use ─► fire drill ─► report
             no code runs       built, not opened                  real gateway, mocked centre
```

One file per group of rules: `on_paper`, `config`, `surface`, `in_use`; the cases are in `gateway.testing.drill`.
A rule of a tier is looked at when the manifest calls it done; rules without a tier hold for everybody.
"""
