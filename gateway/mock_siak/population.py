"""A deterministic synthetic population over real village codes.

Built once from (size, seed) with one seeded generator, family by family, so it is the same whatever is asked first,
and a smaller population is the beginning of a larger one. NIKs are derived as in life: district, birth date
(women DD+40), serial from 0001 within that prefix. Every fortieth family was first registered in Papua, so its NIKs
(91… to 96…) exceed 2^53. States are dealt by position, so that a few hundred residents already hold all of them.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, TypeVar

import msgspec

from gateway.mock_siak import names
from gateway.mock_siak.people import Home, Parent, Resident, Status
from gateway.mock_siak.regions import load_villages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.mock_siak.regions import Village

TODAY = date(2026, 6, 30)
"""The day ages are counted from; fixed, so that a population never changes by itself."""

GROUPS = (*(status.value for status in Status), "papua", "one_word", "apostrophe")
"""Names that `Population.samples` knows."""

_SAMPLES_KEPT = 200
_DEALT = {17: Status.DECEASED, 43: Status.INACTIVE, 21: Status.MOVED}
_DUPLICATE_EVERY, _DUPLICATE_AT = 200, 31
_PAPUAN_AT = 3
_WOMEN = 400_000
_ADULT, _PUPIL, _MARRIAGE_AGE, _LAST_BIRTH, _LATE, _LIKELY_WED = 17, 6, 19, 44, 10, 30
_NOBODY = Parent(None, None)
_T = TypeVar("_T")


class Population:
    """Residents by NIK and families by KK number."""

    def __init__(self, size: int, seed: int) -> None:
        """Build `size` residents from `seed`; 20,000 take well under a second.

        Raises:
            ValueError: Fewer than one resident.
        """
        if size < 1:
            raise ValueError(f"a population needs at least one resident, not {size}")
        builder = _Builder(seed, size)
        self._residents = builder.residents
        self._families = builder.families
        self._samples = builder.samples
        self._villages = {village.code: village for village in load_villages()}
        self._changed: dict[int, Resident] = {}
        self._regrouped: dict[int, list[int]] = {}
        self._searched: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._residents)

    def resident(self, nik: int) -> Resident | None:
        """The record of `nik` as it is now, None when there is none."""
        return self._changed.get(nik) or self._residents.get(nik)

    def family(self, no_kk: int) -> tuple[Resident, ...]:
        """All members of a family card in the order of the card; empty when there is no such card."""
        members = self._regrouped.get(no_kk)
        if members is None:
            return tuple(self._families.get(no_kk, ()))
        return tuple(resident for nik in members if (resident := self.resident(nik)))

    def put(self, resident: Resident) -> None:
        """Register a new resident, or what has changed about one; whoever has another card leaves the old one."""
        before = self.resident(resident.nik)
        if before and before.home.no_kk != resident.home.no_kk:
            self._members(before.home.no_kk).remove(resident.nik)
        members = self._members(resident.home.no_kk)
        if resident.nik not in members:
            members.append(resident.nik)
        self._changed[resident.nik] = resident

    def forget_changes(self) -> None:
        """Back to the population as it was built."""
        self._changed.clear()
        self._regrouped.clear()
        self._searched.clear()

    def next_nik(self, district: int, born: date, *, female: bool) -> int | None:
        """The first free NIK of a district (six digits) for somebody born on that day; None if all are taken."""
        return self._next_free((district * 1_000_000 + _days(born) + _WOMEN * female) * 10_000)

    def next_card(self, district: int, day: date) -> int | None:
        """The first free number for a family card made on that day; None if all are taken."""
        return self._next_free((district * 1_000_000 + _days(day)) * 10_000)

    def _next_free(self, prefix: int) -> int | None:
        """The lowest number behind a prefix that neither a resident nor a card bears."""
        taken = (self._changed, self._residents, self._regrouped, self._families)
        start = self._searched.get(prefix, prefix + 1)
        free = next((each for each in range(start, prefix + 10_000) if not any(each in book for book in taken)), None)
        self._searched[prefix] = prefix + 10_000 if free is None else free
        return free

    def village(self, code: str) -> Village | None:
        """The village with this code of ten digits, if residents can live there."""
        return self._villages.get(code)

    def _members(self, no_kk: int) -> list[int]:
        """NIKs on a card, to be changed."""
        if no_kk not in self._regrouped:
            self._regrouped[no_kk] = [member.nik for member in self._families.get(no_kk, ())]
        return self._regrouped[no_kk]

    def samples(self, group: str, count: int = 10) -> tuple[str, ...]:
        """Up to `count` (≤ 200) NIKs of one of `GROUPS`, first ones first, without a scan.

        Raises:
            KeyError: No such group.
        """
        return tuple(f"{nik:016d}" for nik in self._samples[group][:count])

    def sample_cards(self, count: int = 10) -> tuple[str, ...]:
        """Numbers of `count` family cards, first ones first."""
        return tuple(f"{no_kk:016d}" for no_kk, _ in zip(self._families, range(count), strict=False))

    def active(self) -> list[str]:
        """NIKs of everybody whose record is in order, first ones first; scans the whole population."""
        return [f"{nik:016d}" for nik, resident in self._residents.items() if resident.status is Status.ACTIVE]

    def strangers(self, count: int = 10) -> tuple[str, ...]:
        """Well-formed NIKs that nobody bears: serials no registrar of this population reached."""
        first = next(iter(self._residents))
        return tuple(f"{first - first % 10_000 + 9_999 - step:016d}" for step in range(count))


class _Builder:
    """Draws families until the size is reached; lives only while the population is built."""

    def __init__(self, seed: int, size: int) -> None:
        self.residents: dict[int, Resident] = {}
        self.families: dict[int, list[Resident]] = {}
        self.samples: dict[str, list[int]] = {group: [] for group in GROUPS}
        self._draw = random.Random(seed).random
        self._villages = load_villages()
        self._serials: dict[int, int] = {}
        self._card_serials: dict[int, int] = {}
        self._size = size
        while len(self.residents) < size:
            self._family(papuan=len(self.families) % 40 == _PAPUAN_AT)

    def _pick(self, pool: Sequence[_T]) -> _T:
        return pool[int(self._draw() * len(pool))]

    def _below(self, bound: int) -> int:
        return int(self._draw() * bound)

    def _chance(self, share: float) -> bool:
        return self._draw() < share

    def _family(self, *, papuan: bool) -> None:
        """A head, usually a spouse, and their children, as far as the size still allows."""
        home = self._home(papuan=papuan)
        self.families[home.no_kk] = []
        age = 22 + self._below(54)
        if self._chance(0.18):
            self._add(
                _Draft(home, female=self._chance(0.5), age=age, relation="KEPALA KELUARGA", marital=self._single(age))
            )
            return
        wed = TODAY - timedelta(days=365 * self._below(age - _MARRIAGE_AGE + 1) + 30 + self._below(300))
        head = self._add(_Draft(home, female=False, age=age, relation="KEPALA KELUARGA", marital="KAWIN", wed=wed))
        wife_age = max(_MARRIAGE_AGE, age - self._below(8))
        wife = self._add(_Draft(home, female=True, age=wife_age, relation="ISTRI", marital="KAWIN", wed=wed))
        for _ in range(self._below(5)):
            self._child(home, head, wife, wife_age)

    def _single(self, age: int) -> str:
        return "BELUM KAWIN" if age < _LIKELY_WED else self._pick(("BELUM KAWIN", "CERAI HIDUP", "CERAI MATI"))

    def _child(self, home: Home, father: Parent, mother: Parent, mothers_age: int) -> None:
        youngest, oldest = max(0, mothers_age - _LAST_BIRTH), mothers_age - _MARRIAGE_AGE
        age = youngest + self._below(oldest - youngest + 1)
        draft = _Draft(home, female=self._chance(0.5), age=age, relation="ANAK", marital="BELUM KAWIN")
        self._add(draft, father, mother)

    def _home(self, *, papuan: bool) -> Home:
        village = self._pick(self._villages)
        registered = date(2010 + self._below(16), 1 + self._below(12), 1 + self._below(28))
        return Home(
            no_kk=self._number(self._card_serials, village.district_code * 1_000_000 + _days(registered)),
            village=village,
            address=f"JL. {self._pick(names.STREETS)} NO. {1 + self._below(120)}",
            hamlet=self._pick(names.HAMLETS),
            rt=1 + self._below(12),
            rw=1 + self._below(6),
            religion="KRISTEN" if papuan else self._pick(names.RELIGIONS),
            postcode=village.province * 1_000 + village.regency * 10 + village.district % 10,
            papuan=papuan,
        )

    def _number(self, serials: dict[int, int], prefix: int) -> int:
        """The next free number with the twelve digits of `prefix`, serials from 0001."""
        serial = serials[prefix] = serials.get(prefix, 0) + 1
        return prefix * 10_000 + serial

    def _add(self, draft: _Draft, father: Parent | None = None, mother: Parent | None = None) -> Parent:
        """Register a resident unless the size is reached; give back what a child's record says of them."""
        if len(self.residents) >= self._size:
            return _NOBODY
        resident = self._resident(
            draft, father or self._elder(draft, female=False), mother or self._elder(draft, female=True)
        )
        self.residents[resident.nik] = resident
        self.families[draft.home.no_kk].append(resident)
        self._sample(resident)
        return Parent(resident.nik, resident.name)

    def _elder(self, draft: _Draft, *, female: bool) -> Parent:
        """A grandparent generation: usually a name without a NIK, sometimes nothing at all."""
        return _NOBODY if self._chance(0.05) else Parent(None, self._name(female=female, papuan=draft.home.papuan))

    def _resident(self, draft: _Draft, father: Parent, mother: Parent) -> Resident:
        home, born = draft.home, TODAY - timedelta(days=365 * draft.age + self._below(364))
        district, place = home.village.district_code, home.village.regency_name
        if home.papuan:
            district, place = self._pick(names.PAPUAN_DISTRICTS)
        divorced = born + timedelta(days=9_500) if draft.marital == "CERAI HIDUP" else None
        return Resident(
            nik=self._number(self._serials, district * 1_000_000 + _days(born) + _WOMEN * draft.female),
            name=self._name(female=draft.female, papuan=home.papuan),
            female=draft.female,
            birth_place=place.removeprefix("KOTA "),
            born=born,
            birth_akta=self._akta("LT" if draft.age > _LATE else "LU", born) if self._chance(0.7) else None,
            blood=self._pick(names.BLOOD),
            marital=draft.marital,
            wed=draft.wed,
            wed_akta=self._akta("KW", draft.wed) if draft.wed and home.religion != "ISLAM" else None,
            divorced=divorced,
            divorce_akta=self._akta("CR", divorced) if divorced else None,
            schooling=self._schooling(draft.age),
            job=self._job(draft),
            relation=draft.relation,
            father=father,
            mother=mother,
            home=home,
            status=self._status(),
            ektp_status=8 if draft.age > _ADULT else 1,
        )

    def _akta(self, kind: str, day: date) -> str:
        return f"3527-{kind}-{day:%d%m%Y}-{1 + self._below(9_000):04d}"

    def _schooling(self, age: int) -> str:
        if age <= _PUPIL:
            return names.SCHOOLING[0]
        return names.SCHOOLING[1] if age < 2 * _PUPIL else names.SCHOOLING[2 + self._below(min(8, age // 5))]

    def _job(self, draft: _Draft) -> str:
        if draft.age <= _PUPIL:
            return "BELUM/TIDAK BEKERJA"
        if draft.age <= _ADULT + 1:
            return "PELAJAR/MAHASISWA"
        return self._pick(names.JOBS_OF_WOMEN if draft.female else names.JOBS_OF_MEN)

    def _name(self, *, female: bool, papuan: bool) -> str:
        if papuan:
            given = names.PAPUAN_WOMEN if female else names.PAPUAN_MEN
            return f"{self._pick(given)} {self._pick(names.PAPUAN_FAMILIES)}"
        first = self._pick(names.WOMEN if female else names.MEN)
        if self._chance(0.2):
            return first
        return f"{first} {self._pick(names.SURNAMES_OF_WOMEN if female else names.SURNAMES_OF_MEN)}"

    def _status(self) -> Status:
        position = len(self.residents)
        if position % _DUPLICATE_EVERY == _DUPLICATE_AT:
            return Status.DUPLICATE
        return _DEALT.get(position % 100, Status.ACTIVE)

    def _sample(self, resident: Resident) -> None:
        """File the NIK under every group it stands for; active ones only where the group is about names."""
        self._keep(resident.status.value, resident.nik)
        if resident.status is not Status.ACTIVE:
            return
        if resident.home.papuan:
            self._keep("papua", resident.nik)
        if " " not in resident.name:
            self._keep("one_word", resident.nik)
        if "'" in resident.name:
            self._keep("apostrophe", resident.nik)

    def _keep(self, group: str, nik: int) -> None:
        kept = self.samples[group]
        if len(kept) < _SAMPLES_KEPT:
            kept.append(nik)


def _days(day: date) -> int:
    """A date as the digits `ddmmyy`."""
    return day.day * 10_000 + day.month * 100 + day.year % 100


class _Draft(msgspec.Struct, frozen=True, gc=False):
    """What a family's shape decides about a member before the details are drawn."""

    home: Home
    female: bool
    age: int
    relation: str
    marital: str
    wed: date | None = None
