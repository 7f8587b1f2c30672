"""Nothing is wrong with this one."""

from tests.licence.planted_desk import Desk


class Planted(Desk):
    """The adapter."""
