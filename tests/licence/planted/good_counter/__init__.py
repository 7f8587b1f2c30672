"""Nothing is wrong with this one, which hands in too."""

from tests.licence.planted_counter import Counter


class Planted(Counter):
    """The adapter."""
