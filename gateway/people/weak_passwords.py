"""Whether a password is strong enough (pure): long, and not made of what everybody tries first.

No rules of composition (NIST SP 800-63B, 3.1.1.2): a sentence of small letters is fine. A password is *weighed*: each
part that is easily guessed (a common word, the person's own names, a row of keys, a count, a repetition, a year)
weighs as much as one character, whatever its length, and what is left weighs what it is long.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from gateway.contract.errors import FieldFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST: Final = 200
"""Characters of a password, at most: hashing a book would be an attack."""

WEIGHT: Final = 8
"""A password must weigh as much as so many characters nobody can guess."""

_WORDS: Final = """
password passw0rd pass word rahasia sandi katasandi kata masuk login admin administrator operator verifier auditor
petugas pegawai staf user pengguna root super sistem system server test testing coba percobaan contoh demo default
qwerty qwertyuiop asdfghjkl asdfgh zxcvbnm zxcvbn qazwsx abcdef abcdefgh abcabc welcome selamat datang hello halo
letmein iloveyou sayang sayangku cinta cintaku kamu aku kamuaku bismillah alhamdulillah insyaallah allah akbar
muhammad indonesia merdeka garuda pancasila nusantara jakarta surabaya madura sampang serang jepara banten jawa
timur tengah barat kabupaten kecamatan kelurahan kepala desa dinas dukcapil disdukcapil capil siak gerbang gateway
kependudukan penduduk kartu keluarga akta kelahiran ktp kia ektp sakera marlena smart monkey dragon sunshine princess
football sepakbola persib persija arema master shadow secret changeme ganti anjing kucing monyet bangsat garing
januari februari maret april mei juni juli agustus september oktober november desember senin selasa rabu kamis jumat
sabtu minggu spring summer autumn winter android iphone samsung google facebook whatsapp komputer internet
"""

_COMMON: Final = frozenset(_WORDS.split())
"""Words that stand in every list of passwords, and those that lie near at hand here."""

_ROWS: Final = ("01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz", "!@#$%^&*()")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_REPEATED: Final = re.compile(r"(.{1,8}?)\1{2,}")
_SHORTEST_PART: Final = 3
_RUN: Final = 4


def normal(password: str) -> str:
    """A password as it is hashed: the same however a keyboard composes its characters."""
    return unicodedata.normalize("NFKC", password)


def faults_of(password: str, shortest: int, own: Iterable[str]) -> Iterator[FieldFault]:
    """What is wrong with a new password.

    Args:
        password: As typed.
        shortest: Characters it must have.
        own: User name and names of the person.
    """
    length = len(normal(password))
    if not shortest <= length <= LONGEST:
        yield FieldFault(
            "/password",
            "minLength" if length < shortest else "maxLength",
            f"A password has {shortest} to {LONGEST} characters; several words are good.",
            f"Kata sandi {shortest} sampai {LONGEST} karakter; beberapa kata sudah baik.",
        )
    elif weight(password, own) < WEIGHT:
        yield FieldFault(
            "/password",
            "weak",
            "This is easily guessed; add words that have nothing to do with each other, or with you.",
            "Mudah ditebak; tambahkan kata-kata yang tidak saling berkaitan dan tidak berkaitan dengan Anda.",
        )


def weight(password: str, own: Iterable[str] = ()) -> int:
    """How many characters of a password are hard to guess."""
    text = normal(password).casefold()
    return min(_weighed(text, own), _weighed(text.translate(_LEET), own))


def _weighed(text: str, own: Iterable[str]) -> int:
    for word in sorted({*_COMMON, *_parts(own)}, key=len, reverse=True):
        text = text.replace(word, "\0")
    text = _REPEATED.sub("\0", _YEAR.sub("\0", _without_runs(text)))
    kinds = set(text) - {"\0"}
    return min(len(text), 2 * len(kinds) + text.count("\0"))


def _parts(own: Iterable[str]) -> set[str]:
    """Words of a person's names."""
    words = (word for name in own for word in re.split(r"[^\w]+|_", name.casefold()))
    return {word for word in words if len(word) >= _SHORTEST_PART}


def _without_runs(text: str) -> str:
    """A text in which each row of keys, forwards or back, is one character."""
    rows = [*_ROWS, *(row[::-1] for row in _ROWS)]
    at, found = 0, []
    while at < len(text):
        length = max((_run(text, at, row) for row in rows), default=0)
        found.append("\0" if length >= _RUN else text[at])
        at += length if length >= _RUN else 1
    return "".join(found)


def _run(text: str, at: int, row: str) -> int:
    """How many characters from a place on follow one another in a row."""
    start = row.find(text[at])
    if start < 0:
        return 0
    length = 0
    while at + length < len(text) and start + length < len(row) and text[at + length] == row[start + length]:
        length += 1
    return length
