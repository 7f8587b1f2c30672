"""A module that cannot be imported."""

raise ImportError("at import")
