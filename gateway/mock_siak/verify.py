"""Comparing what a caller believes with what the centre holds: `Sesuai` or not, never the stored value."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.mock_siak.rendering import Cell

_NAMES = (
    "NO_KK NAMA_LGKP TMPT_LHR TGL_LHR JENIS_KLMIN JENIS_PKRJN STATUS_KAWIN STAT_HBKEL PDDK_AKH AGAMA NAMA_LGKP_IBU "
    "NO_PROP PROP_NAME NO_KAB KAB_NAME NO_KEC KEC_NAME NO_KEL KEL_NAME ALAMAT NO_RT NO_RW"
)
ELEMENTS = frozenset(_NAMES.split())
"""What can be verified."""

SCORED = frozenset(("NAMA_LGKP", "TMPT_LHR", "ALAMAT", "NAMA_LGKP_IBU"))
"""Elements whose likeness is told, 0 to 100, and measured against the caller's threshold."""

_FULL = 100
_LONGEST_NUMBER = 16
_LONGEST_TEXT = 300


def verdicts(stored: Mapping[str, Cell], claimed: Mapping[str, str], threshold: int) -> dict[str, str]:
    """One verdict per claimed element, in the order they were submitted."""
    return {key: _verdict(key, stored[key], claim, threshold) for key, claim in claimed.items()}


def _verdict(key: str, stored: Cell, claim: str, threshold: int) -> str:
    if key not in SCORED:
        return _word(agrees=_same(key, stored, claim))
    score = likeness("" if stored is None else str(stored), claim)
    return f"{_word(agrees=score >= threshold)} ({score})"


def likeness(stored: str, claim: str) -> int:
    """How alike two texts are, 0 to 100, blind to case and spacing; nothing is alike to nothing.

    Only as much of a claim is looked at as the register could hold, for the time taken grows with both lengths.
    """
    left, right = _plain(stored), _plain(claim[:_LONGEST_TEXT])
    if left == right:
        return _FULL if left else 0
    return int(SequenceMatcher(None, left, right, autojunk=False).ratio() * _FULL)


def _same(key: str, stored: Cell, claim: str) -> bool:
    if stored is None or not claim:
        return False
    if isinstance(stored, int):
        return len(claim) <= _LONGEST_NUMBER and claim.isdecimal() and int(claim) == stored
    if key == "TGL_LHR":
        return str(stored) in (claim, _turned(claim))
    return _plain(str(stored)) == _plain(claim)


def _turned(claim: str) -> str:
    """`dd-mm-yyyy` as `yyyy-mm-dd`."""
    return "-".join(reversed(claim.split("-")))


def _plain(text: str) -> str:
    return " ".join(text.upper().split())


def _word(*, agrees: bool) -> str:
    return "Sesuai" if agrees else "Tidak Sesuai"
