"""Signatures: who signs, how whole PDFs are signed and checked, and by what codes papers are asked after.

| module | does |
| --- | --- |
| `authority` | the port to whoever signs; the local test authority |
| `bsre` | the esign service of BSrE behind the same port |
| `certificates`, `key_files` | the test authority's certificates and where they are kept |
| `pades` | signs and checks a PDF; blocks |
| `crew` | the processes in which that is done |
| `faults` | why a PDF is refused, or nobody signs |
| `codes` | the codes of `/check/{code}` and what is kept instead of them |
"""
