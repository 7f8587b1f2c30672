"""The KK (family card) number: 16 digits, district of issue, date of issue `DDMMYY`, serial.

It changes with the head of the family. Old cards carry oddities, so only the length, the digits and the serial
refuse; the date part merely warns. Like the NIK it has no check digit and is always text.
"""

from dataclasses import dataclass, field
from datetime import date

from gateway.catalogue import findings
from gateway.catalogue.findings import Finding
from gateway.catalogue.nik import clean, dates, number_faults, region_warnings


@dataclass(frozen=True, slots=True)
class KkCheck:
    """What the digits alone say; parts that cannot be read are empty.

    Attributes:
        digits: The cleaned text that was checked; personal data, kept out of `repr`.
        faults: Why it cannot be a KK number; empty when it can.
        warnings: What is unusual about it though it can be one.
        province: Dotted code `AA`, listed or not.
        regency: Dotted code `AA.BB`.
        district: Dotted code `AA.BB.CC`.
        issued: The dates of issue it can mean, at most one a century, oldest first.
        serial: 1 to 9999, 0 when it cannot be read.
    """

    digits: str = field(repr=False)
    faults: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()
    province: str = ""
    regency: str = ""
    district: str = ""
    issued: tuple[date, ...] = field(default=(), repr=False)
    serial: int = field(default=0, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it can be a KK number and may be sent to the centre."""
        return not self.faults


def check_kk(text: str) -> KkCheck:
    """Read a KK number.

    Args:
        text: Anything a caller sent; it is cleaned first.

    Returns:
        The parts, every fault at once, and warnings.
    """
    digits = clean(text)
    faults = number_faults(digits)
    return KkCheck(digits=digits, faults=faults) if faults else _read(digits)


def _read(digits: str) -> KkCheck:
    serial = int(digits[12:])
    issued = dates(int(digits[6:8]), int(digits[8:10]), int(digits[10:12]))
    return KkCheck(
        digits=digits,
        faults=() if serial else (findings.SERIAL_ZERO,),
        warnings=region_warnings(digits) + (() if issued else (findings.UNREADABLE_DATE,)),
        province=digits[:2],
        regency=f"{digits[:2]}.{digits[2:4]}",
        district=f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}",
        issued=issued,
        serial=serial,
    )
