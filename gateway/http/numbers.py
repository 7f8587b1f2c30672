"""Types of request fields, with the JSON Schema that callers see."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

from gateway.catalogue.nik import EXPRESSION

_END = r"$(?!\n)"  # in Python `$` also matches before a line end, elsewhere it does not
NIK_PATTERN = f"^{EXPRESSION}{_END}"
"""A NIK: region, birth date (women's day + 40), serial from 0001; the date must exist."""

Nik = Annotated[
    str,
    Meta(
        pattern=NIK_PATTERN,
        description="NIK: 16 digits AABBCC DDMMYY SSSS, women DD+40, serial from 0001.",
        examples=["3527012904900001"],
    ),
]
NoKk = Annotated[
    str,
    Meta(
        pattern=f"^[0-9]{{12}}(?!0000)[0-9]{{4}}{_END}",
        description="Family-card number: 16 digits, serial from 0001.",
        examples=["3527012904150001"],
    ),
]
PurposeCode = Annotated[
    str,
    Meta(
        pattern=f"^[a-z][a-z0-9_]{{0,39}}{_END}",
        description="Why it is asked; one of the configured codes.",
        examples=["pelayanan"],
    ),
]
VillageCode = Annotated[
    str,
    Meta(
        pattern=f"^[0-9]{{10}}{_END}",
        description="Kemendagri code, undotted, of the village this is asked for; a key bound to a village needs none.",
        examples=["3527012001"],
    ),
]
Threshold = Annotated[int, Meta(ge=1, le=100, description="Least similarity in percent that counts as a match.")]
IsoDate = Annotated[
    str,
    Meta(pattern=f"^[0-9]{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]){_END}", description="Date, yyyy-mm-dd."),
]
Digits = Annotated[str, Meta(pattern=f"^[0-9]{{1,10}}{_END}", description="Digits of a code, unpadded or padded.")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]


def shown_number(number: str) -> str:
    """A document's number; empty where it is a resident's or family's own: those are looked up."""
    return "" if re.fullmatch(r"\D*\d{16}\D*", number, re.ASCII) else number
