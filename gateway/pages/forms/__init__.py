"""The catalogue's forms on a page: drawn from their JSON Schemas, and read back from what a browser posts.

A field is named by its place in the form: `form/child/name`, `form/witnesses/0/nik`. What was typed is kept as it was
typed where it has no right shape, so that the check of the catalogue names it and the page shows it again.
"""
