"""Documents: the centre's signed PDFs and how often each was printed; our own papers; the codes both are checked by.

```
issued ─► fetching ─► ready ─┬─► print ─► link, fifteen minutes
              │              ├─► replaced     a newer one was issued, or the family's data changed
              │              ├─► void         an operator says so
              └─► refused ◄──┘                not what may be printed, or not any more what was received
```

| module | does |
| --- | --- |
| `documents` | the values, and what a store of them promises |
| `book` | what the centre's news do to them, in the transaction that takes the news in |
| `rows`, `print_rows`, `check_rows`, `tables` | the work in transactions |
| `sealing` | what stands in the database instead of personal data |
| `store` | all of it over one database, the PDFs among the blobs |
| `papers` | our own papers, typeset and signed |
"""
