"""Ids and receipt numbers, under the name the outbox's users know them by; see `gateway.catalogue.receipts`."""

from gateway.catalogue.receipts import ALPHABET, LENGTH, new_id, new_number, read_number

__all__ = ["ALPHABET", "LENGTH", "new_id", "new_number", "read_number"]
