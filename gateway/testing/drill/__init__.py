"""The fire drill: what an extension does on the worst days, with the real gateway and the mocked centre.

```
cases ─► play: a fresh stage, the extension's own examples as traffic ─► verdict per question ─► faults
verdict: good (as the example says) · refused (a typed refusal that tells the truth) · wrong · lost
```
It may refuse, with a typed error. It may lose nothing, and must never say what is not so. A case of the write half is
one more entry of `cases.CASES`.
"""
