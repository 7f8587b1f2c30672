"""Samples for receivers, in Python and PHP; each file stands alone."""
