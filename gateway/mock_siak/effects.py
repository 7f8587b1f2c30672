"""What a submission changes in the register, or why it cannot: one function per service (pure but for the reading).

Each takes the population and a case and gives an `Outcome`; what contradicts the register is rejected with a code.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from gateway.mock_siak import names
from gateway.mock_siak.people import Parent, Resident, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.mock_siak.cases import Case
    from gateway.mock_siak.people import Home
    from gateway.mock_siak.population import Population
    from gateway.mock_siak.regions import Village

_FATES = {Status.DECEASED: "subject_deceased"}
_BIRTH_IN_TIME = 60
_PRINT_READY, _ISSUED_CARD, _NO_CARD_YET = 5, 8, 1
_ADULT_DAYS = 17 * 365.25


class Paper(msgspec.Struct, frozen=True):
    """A document to be made: its kind, its number (empty for one to be drawn) and whom it is about."""

    kind: str
    number: str = ""
    nik: int | None = None


class Outcome(msgspec.Struct, frozen=True):
    """Records as they are afterwards, the documents made, and who is dead now."""

    residents: tuple[Resident, ...] = ()
    papers: tuple[Paper, ...] = ()
    deaths: tuple[int, ...] = ()


Judgement = Outcome | str


class _Rejected(Exception):
    """The register says no; the argument is the code."""


def judge(population: Population, case: Case) -> Judgement:
    """What comes of a case as the register is now; nothing is changed by asking."""
    try:
        return _JUDGES[case.service](population, case)
    except _Rejected as no:
        return str(no)


def _living(population: Population, nik: str) -> Resident:
    """An active resident."""
    resident = population.resident(int(nik))
    if resident is None:
        raise _Rejected("subject_unknown")
    if resident.status is not Status.ACTIVE:
        raise _Rejected(_FATES.get(resident.status, "subject_inactive"))
    return resident


def _card(population: Population, no_kk: str) -> tuple[Resident, ...]:
    members = population.family(int(no_kk))
    if not members:
        raise _Rejected("kk_unknown")
    return members


def _free(number: int | None) -> int:
    """A number that was still to be had."""
    if number is None:
        raise _Rejected("data_mismatch")
    return number


def _kk(no_kk: int) -> Paper:
    return Paper("kk", f"{no_kk:016d}")


def _ktp(nik: int) -> Paper:
    return Paper("ktp", f"{nik:016d}", nik)


def _day(case: Case) -> date:
    return datetime.fromtimestamp(case.accepted_at, UTC).date()


def _birth(population: Population, case: Case) -> Outcome:
    form, child = case.form, case.form["child"]
    members = _card(population, form["no_kk"])
    born, female, home = date.fromisoformat(child["birth_date"]), child["sex"] == "P", members[0].home
    if any(member.name == child["name"].upper() and member.born == born for member in members):
        raise _Rejected("already_recorded")
    if born > _day(case):
        raise _Rejected("data_mismatch")
    nik = _free(population.next_nik(home.village.district_code, born, female=female))
    late = (_day(case) - born).days > _BIRTH_IN_TIME
    akta = f"{home.village.code[:4]}-{'LT' if late else 'LU'}-{_day(case):%d%m%Y}-{case.id:04d}"
    baby = Resident(
        nik=nik,
        name=child["name"].upper(),
        female=female,
        birth_place=child["birth_place"].upper(),
        born=born,
        birth_akta=akta,
        blood="TIDAK TAHU",
        marital="BELUM KAWIN",
        wed=None,
        wed_akta=None,
        divorced=None,
        divorce_akta=None,
        schooling=names.SCHOOLING[0],
        job="BELUM/TIDAK BEKERJA",
        relation="ANAK",
        father=_parent(population, form.get("father")),
        mother=_parent(population, form.get("mother")),
        home=home,
        status=Status.ACTIVE,
        ektp_status=_NO_CARD_YET,
    )
    return Outcome((baby,), (Paper("akta_kelahiran", akta, nik), _kk(home.no_kk), Paper("kia", f"{nik:016d}", nik)))


def _parent(population: Population, parent: dict[str, str] | None) -> Parent:
    """What the child's record says of a parent, who may have died since."""
    if not parent:
        return Parent(None, None)
    known = population.resident(int(parent["nik"]))
    if known is None:
        raise _Rejected("subject_unknown")
    return Parent(known.nik, known.name)


def _death(population: Population, case: Case) -> Outcome:
    known = population.resident(int(case.form["deceased"]["nik"]))
    if known and known.status is Status.DECEASED:
        raise _Rejected("already_recorded")
    dead = _living(population, case.form["deceased"]["nik"])
    akta = f"{dead.home.village.code[:4]}-KM-{_day(case):%d%m%Y}-{case.id:04d}"
    papers = (Paper("akta_kematian", akta, dead.nik), _kk(dead.home.no_kk))
    spouse = _spouse(population, dead)
    gone = replace(dead, status=Status.DECEASED)
    if spouse is None:
        return Outcome((gone,), papers, (dead.nik,))
    return Outcome((gone, replace(spouse, marital="CERAI MATI")), (*papers, _ktp(spouse.nik)), (dead.nik,))


def _spouse(population: Population, resident: Resident) -> Resident | None:
    """Whom a married resident shares card and wedding day with."""
    if resident.marital != "KAWIN":
        return None
    others = (member for member in population.family(resident.home.no_kk) if member.nik != resident.nik)
    alike = (member for member in others if (member.marital, member.wed) == (resident.marital, resident.wed))
    return next((member for member in alike if member.status is Status.ACTIVE), None)


def _couple(population: Population, case: Case) -> tuple[Resident, Resident]:
    husband, wife = (_living(population, case.form[role]["nik"]) for role in ("husband", "wife"))
    if husband.female or not wife.female:
        raise _Rejected("data_mismatch")
    return husband, wife


def _marriage(population: Population, case: Case) -> Outcome:
    husband, wife = _couple(population, case)
    day = date.fromisoformat(case.form["date"])
    if husband.marital == wife.marital == "KAWIN" and husband.home.no_kk == wife.home.no_kk:
        raise _Rejected("already_recorded")
    if "KAWIN" in (husband.marital, wife.marital):
        raise _Rejected("data_mismatch")
    home = replace(husband.home, no_kk=_free(population.next_card(husband.home.village.district_code, _day(case))))
    wed = {"marital": "KAWIN", "wed": day, "home": home}
    couple = (replace(husband, relation="KEPALA KELUARGA", **wed), replace(wife, relation="ISTRI", **wed))
    left = dict.fromkeys((husband.home.no_kk, wife.home.no_kk))
    cards = [_kk(no_kk) for no_kk in left if len(population.family(no_kk)) > 1]
    return Outcome(couple, (_ktp(husband.nik), _ktp(wife.nik), _kk(home.no_kk), *cards))


def _divorce(population: Population, case: Case) -> Outcome:
    husband, wife = _couple(population, case)
    if husband.marital != "KAWIN" or _spouse(population, husband) != wife:
        raise _Rejected("data_mismatch")
    akta = f"{husband.home.village.code[:4]}-CR-{_day(case):%d%m%Y}-{case.id:04d}"
    parted = {"marital": "CERAI HIDUP", "divorced": date.fromisoformat(case.form["date"]), "divorce_akta": akta}
    papers = (Paper("akta_perceraian", akta), _ktp(husband.nik), _ktp(wife.nik))
    return Outcome((replace(husband, **parted), replace(wife, **parted)), papers)


def _home(population: Population, case: Case, before: Home) -> Home:
    """A new card at the address of the form, in the village the case was filed for."""
    village = _village(population, case)
    moved = replace(before, village=village, no_kk=_free(population.next_card(village.district_code, _day(case))))
    return _at(moved, case.form["home"])


def _village(population: Population, case: Case) -> Village:
    village = population.village(case.village)
    if village is None:
        raise _Rejected("data_mismatch")
    return village


def _at(home: Home, address: dict[str, str | int]) -> Home:
    """A home at another address; what the form leaves out stays."""
    told = {key: address[key] for key in ("hamlet", "rt", "rw") if address.get(key) is not None}
    return replace(home, address=str(address["address"]).upper(), **told)


def _regroup(members: tuple[Resident, ...], home: Home) -> tuple[Resident, ...]:
    """Members on a new card, the first as its head."""
    head, *others = members
    return (
        replace(head, home=home, relation="KEPALA KELUARGA", status=Status.ACTIVE),
        *(replace(member, home=home, status=Status.ACTIVE) for member in others),
    )


def _kk_new(population: Population, case: Case) -> Outcome:
    members = tuple(_living(population, nik) for nik in case.form["members"])
    home = _home(population, case, members[0].home)
    return Outcome(_regroup(members, home), (_kk(home.no_kk),))


def _kk_change(population: Population, case: Case) -> Outcome:
    members = _card(population, case.form["no_kk"])
    home = _at(members[0].home, case.form["home"])
    return Outcome(tuple(replace(member, home=home) for member in members), (_kk(home.no_kk),))


def _kk_lost(population: Population, case: Case) -> Outcome:
    return Outcome((), (_kk(_card(population, case.form["no_kk"])[0].home.no_kk),))


def _biodata(population: Population, case: Case) -> Outcome:
    resident = _living(population, case.form["nik"])
    changes = {key: value.upper() for key, value in case.form["changes"].items()}
    return Outcome((replace(resident, **changes),), (_kk(resident.home.no_kk),))


def _move_out(population: Population, case: Case) -> Outcome:
    members = [_living(population, nik) for nik in case.form["members"]]
    return Outcome(tuple(replace(member, status=Status.MOVED) for member in members), (Paper("skpwni"),))


def _move_in(population: Population, case: Case) -> Outcome:
    members = tuple(_arriving(population, nik) for nik in case.form["members"])
    home = _home(population, case, members[0].home)
    adults = [member for member in members if (_day(case) - member.born).days >= _ADULT_DAYS]
    return Outcome(_regroup(members, home), (_kk(home.no_kk), *(_ktp(member.nik) for member in adults)))


def _arriving(population: Population, nik: str) -> Resident:
    """Somebody who moves in: active, or moved away before."""
    known = population.resident(int(nik))
    return known if known and known.status is Status.MOVED else _living(population, nik)


def _stillbirth(population: Population, case: Case) -> Outcome:
    _card(population, case.form["no_kk"])
    return Outcome((), (Paper("surat_lahir_mati"),))


def _ktp_card(population: Population, case: Case) -> Outcome:
    resident = _living(population, case.form["nik"])
    return Outcome((replace(resident, ektp_status=_ISSUED_CARD),), (_ktp(resident.nik),))


def _kia(population: Population, case: Case) -> Outcome:
    resident = _living(population, case.form["nik"])
    return Outcome((), (Paper("kia", f"{resident.nik:016d}", resident.nik),))


def _deed(population: Population, case: Case) -> Outcome:
    """A deed that changes nothing a look-up shows."""
    return Outcome((), (Paper("akta_perubahan", nik=_living(population, case.form["nik"]).nik),))


def _recorded(population: Population, case: Case) -> Outcome:
    """A recording that can be printed."""
    return Outcome((replace(_living(population, case.form["nik"]), ektp_status=_PRINT_READY),))


_JUDGES: Mapping[str, Callable[[Population, Case], Outcome]] = {
    "birth": _birth,
    "stillbirth": _stillbirth,
    "death": _death,
    "marriage": _marriage,
    "divorce": _divorce,
    "kk_new": _kk_new,
    "kk_change": _kk_change,
    "kk_lost": _kk_lost,
    "biodata": _biodata,
    "move_out": _move_out,
    "move_in": _move_in,
    "ktp": _ktp_card,
    "kia": _kia,
    "recording": _recorded,
    **dict.fromkeys(("acknowledgement", "adoption", "legitimation", "name_change"), _deed),
    **dict.fromkeys(("nationality_change", "correction", "annulment", "reissue"), _deed),
}
