"""The pure parts of people: territory, weak passwords, pauses, tokens, the pool of hashes."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.errors import Invalid, NotFound, Overloaded
from gateway.contract.people import EVERYWHERE, Person, Role, covers
from gateway.people.account import Account, Grants, may_administer, may_set_up_anew, user_name_of
from gateway.people.guess_policy import PACES, Tally, counted, wait
from gateway.people.guesses import network_of
from gateway.people.passwords import Hashing, HashingPool, Passwords
from gateway.people.second_step import code_of, first_match
from gateway.people.session_policy import GRACE, SessionLimits, StoredSession, Worth, worth
from gateway.people.tokens import Tokens, new_code, new_id, new_recovery_code
from gateway.people.weak_passwords import WEIGHT, faults_of, weight
from tests.people.desk import KEYRING

PACE = PACES["origin"]


def person(*roles: Role, villages: tuple[str, ...], adapters: tuple[str, ...] = (), id_: str = "p1") -> Person:
    """Who is signed in."""
    return Person(id_, "ani", "Ani", frozenset(roles), villages, adapters, "id", "c", "s", 1)


def account(*roles: Role, villages: tuple[str, ...], adapters: tuple[str, ...] = (), id_: str = "p2") -> Account:
    """An account."""
    return Account(
        id_, "budi", "Budi", frozenset(roles), villages, adapters, "id", 0.0, "x", None, None,
        has_password=True, has_second_step=False, generation=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("territory", "code", "is_held"),
    [
        ("3527", "3527032001", True),
        ("352703", "3527032001", True),
        ("3527032001", "3527032001", True),
        ("3527032001", "352703", False),
        ("352703", "3527042001", False),
        ("", "3527032001", False),
        (EVERYWHERE, "3527032001", True),
        (EVERYWHERE, EVERYWHERE, True),
        ("3527", EVERYWHERE, False),
    ],
)
def test_a_territory_holds_what_lies_below_it(territory: str, code: str, is_held: bool) -> None:  # noqa: FBT001 # a case
    """A region holds itself and those below; nothing holds everything but everything."""
    assert covers(territory, code) is is_held


def test_what_is_elsewhere_is_not_there() -> None:
    """Outside the territory a person is told what is told of nothing."""
    clerk = person(Role.OPERATOR, villages=("3527032001",), adapters=("ektp",))
    clerk.must_serve("3527032001")
    with pytest.raises(NotFound) as refused:
        clerk.must_serve("3527032002")
    assert str(refused.value) == NotFound.text()
    assert (clerk.uses("ektp"), clerk.uses("marlena"), clerk.has(), clerk.has(Role.ADMIN)) == (True, False, True, False)
    assert "Ani" not in repr(clerk)


DISTRICT = person(Role.OPERATOR, villages=("352703",), adapters=("ektp",))
REGENCY_ADMIN = person(Role.ADMIN, villages=("3527",), adapters=(EVERYWHERE,))
VILLAGE = ("3527032001",)


@pytest.mark.parametrize(
    ("actor", "target", "may_reset", "may_change"),
    [
        (DISTRICT, account(Role.OPERATOR, villages=VILLAGE), True, False),
        (DISTRICT, account(Role.VERIFIER, villages=VILLAGE, adapters=("ektp",)), True, False),
        (DISTRICT, account(Role.OPERATOR, villages=VILLAGE, adapters=("marlena",)), False, False),
        (DISTRICT, account(Role.OPERATOR, villages=VILLAGE, adapters=(EVERYWHERE,)), False, False),
        (DISTRICT, account(Role.ADMIN, villages=VILLAGE), False, False),
        (DISTRICT, account(Role.OPERATOR, Role.AUDITOR, villages=VILLAGE), False, False),
        (DISTRICT, account(Role.OPERATOR, villages=("352703",)), False, False),
        (DISTRICT, account(Role.OPERATOR, villages=("352704",)), False, False),
        (DISTRICT, account(Role.OPERATOR, villages=(*VILLAGE, "3527042001")), False, False),
        (DISTRICT, account(Role.OPERATOR, villages=()), False, False),
        (DISTRICT, account(Role.OPERATOR, villages=VILLAGE, id_="p1"), False, False),
        (person(Role.VERIFIER, villages=("3527",)), account(Role.OPERATOR, villages=VILLAGE), False, False),
        (person(Role.OPERATOR, villages=VILLAGE), account(Role.OPERATOR, villages=VILLAGE), False, False),
        (person(Role.OPERATOR, villages=("*",)), account(Role.OPERATOR, villages=("3527",)), True, False),
        (person(Role.OPERATOR, villages=("*",)), account(Role.OPERATOR, villages=("*",)), False, False),
        (REGENCY_ADMIN, account(Role.ADMIN, villages=("3527",), adapters=(EVERYWHERE,)), True, True),
        (REGENCY_ADMIN, account(Role.ADMIN, villages=("35",)), False, False),
        (REGENCY_ADMIN, account(Role.ADMIN, villages=(EVERYWHERE,)), False, False),
        (REGENCY_ADMIN, account(Role.AUDITOR, villages=("3527",), id_="p1"), False, True),
    ],
)
def test_who_looks_after_whom(actor: Person, target: Account, *, may_reset: bool, may_change: bool) -> None:
    """An operator helps those strictly below, an admin everybody within; nobody sets the own account up anew."""
    assert (may_set_up_anew(actor, target), may_administer(actor, target)) == (may_reset, may_change)


def test_grants_are_tidied_or_refused() -> None:
    """Codes lose their dots and doubles; what is no code, no name or no role is named."""
    tidy = Grants(frozenset({Role.ADMIN}), ("35.27", "3527", "*"), ("ektp", "ektp")).tidy()
    assert (tidy.villages, tidy.adapters) == (("*", "3527"), ("ektp",))
    with pytest.raises(Invalid) as refused:
        Grants(frozenset(), ("123",), ("Ektp!",)).tidy()
    assert {fault.field for fault in refused.value.faults} == {"/roles", "/villages", "/adapters"}


@pytest.mark.parametrize(
    "password",
    [
        "password12345", "P4ssw0rd!2026", "Sampang2026!!", "qwertyuiop123", "123456789012", "aaaaaaaaaaaa",
        "abcabcabcabc", "bismillah123456", "dukcapilsampang", "budi.santoso1", "Admin@2026#dinas", "zxcvbnm,./12",
        "0987654321098", "januari2025februari",
    ],
)  # fmt: skip
def test_what_everybody_tries_is_weak(password: str) -> None:
    """Common words, names, rows of keys, counts, repetitions and years do not make a password strong."""
    assert [one.code for one in faults_of(password, 12, ("budi.santoso", "Budi Santoso"))] == ["weak"]


@pytest.mark.parametrize(
    "password",
    ["kopi tubruk pukul sebelas", "correct horse battery", "vT9#kq2Lm!xZ", "7k2m-9xwq-4hbt-zd03", "ꦥꦱꦂꦩꦭꦩ꧀ꦗꦶꦤꦒꦸꦂ"],
)
def test_a_sentence_or_a_random_text_is_strong(password: str) -> None:
    """Small letters alone are fine where there are enough that nobody can guess."""
    assert list(faults_of(password, 12, ("budi", "Budi Santoso"))) == []


def test_length_counts_characters() -> None:
    """Too short and far too long are told, whatever they are made of."""
    assert [one.code for one in faults_of("x9#kq2Lm!x", 12, ())] == ["minLength"]
    assert [one.code for one in faults_of("x9#kq2Lm!x" * 21, 12, ())] == ["maxLength"]


@given(st.text(max_size=60))
def test_no_text_weighs_more_than_it_is_long(text: str) -> None:
    """Any text can be weighed, also one that shrinks or grows when it is normalised."""
    assert 0 <= weight(text) <= 18 * len(text)
    assert weight(text * 3) <= max(weight(text) + 1, WEIGHT * 8)


def test_pauses_grow_end_and_are_forgotten() -> None:
    """Five guesses are free; then pauses double up to the longest; hours later they are free again."""
    tally, now, pauses = None, 1_000.0, []
    for _ in range(24):
        tally = counted(PACE, tally, now)
        pauses.append(wait(PACE, tally, now))
        now += pauses[-1]
    assert pauses[:8] == [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 8.0]
    assert max(pauses) == PACE.longest
    assert tally is not None
    assert wait(PACE, tally, now) == 0.0
    later = counted(PACE, tally, now + 86_400.0)
    assert wait(PACE, later, now + 86_400.0) == 0.0


@given(st.floats(0, 1e6), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_no_pause_is_longer_than_the_longest(failures: float, at: float, now: float) -> None:
    """Whatever the clock does, a pause lies between none and the longest."""
    for pace in PACES.values():
        assert 0.0 <= wait(pace, Tally(failures, at), now) <= pace.longest


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_an_address_counts_for_its_network(address: str, network: str) -> None:
    """An IPv6 line has a whole /64; a mapped IPv4 address is itself."""
    assert network_of(address) == network


LIMITS = SessionLimits(idle=1_800.0, lasts=43_200.0, renew_every=900.0)


@pytest.mark.parametrize(
    ("shown", "seconds", "changes", "verdict"),
    [
        (b"now", 0.0, {}, Worth.GOOD),
        (b"now", 900.0, {}, Worth.RENEW),
        (b"now", 1_800.0, {}, Worth.OVER),
        (b"now", 43_200.0, {"seen_at": 43_199.0}, Worth.OVER),
        (b"now", 900.0, {"hash_next": b"next", "renewed_at": 890.0}, Worth.GOOD),
        (b"now", 930.0, {"hash_next": b"next", "renewed_at": 890.0}, Worth.RENEW),
        (b"next", 930.0, {"hash_next": b"next", "renewed_at": 890.0}, Worth.TAKE),
        (b"before", GRACE - 1, {"hash_before": b"before"}, Worth.GOOD),
        (b"before", GRACE, {"hash_before": b"before"}, Worth.COPIED),
        (b"now", 599.0, {"stage": "code"}, Worth.GOOD),
        (b"now", 600.0, {"stage": "enrol", "seen_at": 599.0}, Worth.OVER),
    ],
)
def test_what_a_token_is_worth(shown: bytes, seconds: float, changes: dict[str, object], verdict: Worth) -> None:
    """By which of the three hashes it has, and by the times."""
    plain = {"hash_next": None, "hash_before": None, "stage": "open", "seen_at": 0.0, "renewed_at": 0.0, **changes}
    session = StoredSession(
        "s", "p", 1, plain["stage"], b"now", plain["hash_next"], plain["hash_before"], 0.0, plain["seen_at"],  # type: ignore[arg-type] # a case
        plain["renewed_at"], 0.0,  # type: ignore[arg-type] # a case
    )  # fmt: skip
    assert worth(session, shown, seconds, LIMITS) is verdict


def test_tokens_of_one_kind_are_none_of_another() -> None:
    """A device's token is no form's, one session's form is no other's, and hashes differ by kind and person."""
    tokens = Tokens(KEYRING)
    form, device = tokens.form("s1"), tokens.device("ani")
    assert tokens.form("s1") != form
    assert tokens.is_form(form, "s1")
    assert not tokens.is_form(form, "s2")
    assert not tokens.is_form(tokens.form(""), "")
    assert not tokens.is_form(device, "ani")
    assert not tokens.is_device(form, "s1")
    hashes = {tokens.hash_of("x"), *(tokens.hash_of_code(p, k, "x") for p in "ab" for k in ("set-up", "recovery"))}
    assert len(hashes) == 5
    assert tokens.hash_of_code("p", "set-up", "AB1O-l") == tokens.hash_of_code("p", "set-up", " ab10 1")
    assert tokens.guess_key("origin", "ab", "c") != tokens.guess_key("origin", "a", "bc")


def test_names_and_codes_are_random_and_short_of_a_nik() -> None:
    """An id has no run of digits a log would blot out; codes are easy to read aloud."""
    ids = {new_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(one[0] == "p" and len(one) == 13 for one in ids)
    assert len(new_code()) == 19
    assert len(new_recovery_code()) == 11
    assert user_name_of(" Ani.W ") == "ani.w"
    assert [user_name_of(one) for one in ("a", "ani w", "3527031234560001", "é" * 5, "-ani", "a" * 41)] == [""] * 6


def test_codes_of_a_device_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, cut to six digits; a code is found among the steps it may be of."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # the standard's own
    assert [code_of(secret, at // 30) for at in (59, 1_111_111_109, 20_000_000_000)] == ["287082", "081804", "353130"]
    steps = [(1, "111111"), (2, "222222")]
    assert first_match(" 222 222", steps) == 2
    assert first_match("333333", steps) is None
    assert first_match("²²²²²²", steps) is None


def test_a_password_is_hashed_with_its_pepper() -> None:
    """Right, wrong, absent and foreign hashes; another pepper or another cost is told apart."""
    from gateway.vault.keys import Keyring  # noqa: PLC0415 # beside its use

    async def story() -> None:
        passwords = Passwords(Hashing(8, 1), KEYRING)
        stored = await passwords.hash("Ångström ångström")
        assert await passwords.check("A\u030angstro\u0308m ångström", stored, known=False)
        assert not await passwords.check("angstrom angstrom", stored, known=False)
        assert not await passwords.check("x", None, known=False)
        assert not await passwords.check("x", "not a hash", known=False)
        other = Passwords(Hashing(16, 1), Keyring({1: b"m" * 32}, b"i" * 32, b"q" * 32))
        assert not await other.check("Ångström ångström", stored, known=False)
        assert other.is_dated(stored)
        assert not passwords.is_dated(stored)
        for each in (passwords, other):
            each.pool.close()

    asyncio.run(story())


def test_a_flood_of_strangers_does_not_stop_known_browsers() -> None:
    """The strangers' line is full and refuses at once; a known browser is next all the same."""

    async def story() -> None:
        pool, gate, order = HashingPool(1, 3), threading.Event(), []

        async def one(name: str, *, known: bool) -> None:
            await pool.run(gate.wait, known=known)
            order.append(name)

        flood = [asyncio.create_task(one(f"stranger {number}", known=False)) for number in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await pool.run(gate.wait, known=False)
        with pytest.raises(Overloaded):
            pool.refuse_if_full(known=False)
        pool.refuse_if_full(known=True)
        known = asyncio.create_task(one("known", known=True))
        flood[1].cancel()
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*flood, known, return_exceptions=True)
        assert order == ["stranger 0", "known", "stranger 2", "stranger 3"]
        assert await pool.run(lambda: 7, known=False) == 7
        pool.close()

    asyncio.run(story())


def test_who_leaves_gives_the_place_back() -> None:
    """A sign-in cancelled while it hashes keeps its thread until that is done; one whose turn came passes it on."""

    async def story() -> None:
        pool, gate = HashingPool(1, 3), threading.Event()
        hashing = asyncio.create_task(pool.run(gate.wait, known=False))
        waiting = asyncio.create_task(pool.run(lambda: 1, known=False))
        await asyncio.sleep(0)
        hashing.cancel()
        await asyncio.sleep(0)
        assert pool._free == 0
        gate.set()
        assert await waiting == 1
        assert await pool.run(lambda: 2, known=True) == 2
        pool.close()

    asyncio.run(story())
