"""Signing in over both databases: steps, sessions, guesses, codes; by time set by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.contract.errors import Conflict, Invalid, SignInNeeded, TooManyGuesses, WrongCredentials
from gateway.contract.people import Role
from gateway.people.second_step import STEP
from tests.people.desk import GOOD, OTHER, ROOT, VILLAGE, Desk, Visitor, device_code, grants

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from gateway.contract.errors import GatewayError
    from tests.people.world import World


def refused(desk: Desk, error: type[GatewayError], story: Coroutine[Any, Any, Any]) -> GatewayError:
    """The refusal that it ends with."""
    with pytest.raises(error) as found:
        desk.world.run(story)
    return found.value


def test_a_person_signs_in_and_out(desk: Desk) -> None:
    """Name in any case and password open a session; signed out, its token is nothing any more."""
    run, visitor = desk.world.run, Visitor()
    run(desk.add("budi", villages=["35.27.03.2001"]))
    entered = run(visitor.sign_in(desk, "  BUDI "))
    assert (entered.session.stage, entered.session.account.user_name) == ("open", "budi")
    found = run(desk.people.sessions.find(visitor.session))
    assert found.account.villages == ("3527032001",)
    assert (found.account.name, found.token) == ("Nama budi", "")
    run(desk.signing_in.sign_out(visitor.browser))
    refused(desk, SignInNeeded, desk.people.sessions.find(visitor.session))


def test_what_is_wrong_is_never_told(desk: Desk) -> None:
    """An unknown name, a wrong password, a suspended account and one not set up are refused in the same words."""
    run = desk.world.run
    ani, budi = run(desk.add("ani")), run(desk.add("budi"))
    run(desk.staff.suspend(ROOT, ani.id, reason="away"))
    run(desk.staff.set_up_anew(ROOT, budi.id, reason="forgot"))
    run(desk.add("citra"))
    told = {
        str(refused(desk, WrongCredentials, Visitor(f"203.0.113.{place}").sign_in(desk, name, password)))
        for place, (name, password) in enumerate(
            [("ani", GOOD), ("budi", GOOD), ("citra", "salah"), ("nobody", GOOD), ("' or 1=1", GOOD), ("", "")]
        )
    }
    assert told == {WrongCredentials.text()}


def test_an_unknown_name_costs_a_hash_too(desk: Desk) -> None:
    """As many hashes are made for a name that is not there as for one that is."""
    run = desk.world.run
    run(desk.add("ani"))
    made: list[str | None] = []
    passwords, check = desk.people.passwords, desk.people.passwords._is_right

    def counting(password: str, stored: str | None) -> bool:
        made.append(stored)
        return check(password, stored)

    passwords._is_right = counting  # type: ignore[method-assign] # the far end of the pool
    refused(desk, WrongCredentials, Visitor().sign_in(desk, "ani", "salah"))
    refused(desk, WrongCredentials, Visitor().sign_in(desk, "nobody", "salah"))
    assert len(made) == 2
    assert passwords._nobodys is not None
    assert passwords._nobodys.split("$")[:4] == str(made[0]).split("$")[:4]


def test_another_sign_in_ends_the_first_ones_session(desk: Desk) -> None:
    """Two operators on one PC: the second's sign-in ends the first's session in that browser, and no other of hers."""
    run, pc, phone = desk.world.run, Visitor(), Visitor("192.0.2.9")
    run(desk.add("ani"))
    run(desk.add("budi"))
    run(phone.sign_in(desk, "ani"))
    first = run(pc.sign_in(desk, "ani"))
    token = pc.session
    second = run(pc.sign_in(desk, "budi"))
    assert first.session.id != second.session.id
    refused(desk, SignInNeeded, desk.people.sessions.find(token))
    assert run(desk.people.sessions.find(pc.session)).account.user_name == "budi"
    assert run(desk.people.sessions.find(phone.session)).account.user_name == "ani"


def test_a_session_cannot_be_fixed_beforehand(desk: Desk) -> None:
    """Whatever token a browser shows before, sign-in gives another, at each step."""
    run, visitor = desk.world.run, Visitor(session="x" * 43)
    account = run(desk.add("admin1", Role.ADMIN))
    tokens = [visitor.session]
    run(visitor.sign_in(desk, "admin1"))
    tokens.append(visitor.session)
    offer = run(desk.signing_in.offer_second_step(run(desk.people.sessions.find(visitor.session))))
    session = run(desk.people.sessions.find(visitor.session))
    visitor.keep(run(desk.signing_in.enrol(session, device_code(desk, offer.secret), visitor.browser)))
    tokens.append(visitor.session)
    assert len(set(tokens)) == 3
    for old in tokens[:2]:
        refused(desk, SignInNeeded, desk.people.sessions.find(old))
    assert run(desk.people.sessions.of_person(account.id))[0].stage == "open"


def enrolled(desk: Desk, user_name: str, visitor: Visitor, *roles: Role) -> tuple[str, tuple[str, ...]]:
    """The secret and the recovery codes of a new account's device, signed in there."""
    run = desk.world.run
    run(desk.add(user_name, *(roles or (Role.ADMIN,))))
    run(visitor.sign_in(desk, user_name))
    session = run(desk.people.sessions.find(visitor.session))
    offer = run(desk.signing_in.offer_second_step(session))
    assert offer.uri.startswith(f"otpauth://totp/Gerbang%20SIAK:{user_name}?secret={offer.secret}")
    assert offer.qr.startswith("<svg")
    again = run(desk.signing_in.offer_second_step(session))
    assert again.secret == offer.secret
    refused(desk, WrongCredentials, desk.signing_in.enrol(session, "000000", visitor.browser))
    entered = run(desk.signing_in.enrol(session, device_code(desk, offer.secret), visitor.browser))
    visitor.keep(entered)
    return offer.secret, entered.recovery_codes


def test_an_admin_must_enrol_and_then_show_a_code(desk: Desk) -> None:
    """An admin's password alone opens nothing; with a code of the device it does, once for each code."""
    run, visitor = desk.world.run, Visitor()
    secret, codes = enrolled(desk, "admin1", visitor)
    assert (len(codes), len(set(codes))) == (10, 10)
    assert run(visitor.sign_in(desk, "admin1")).session.stage == "code"
    refused(desk, SignInNeeded, desk.signing_in.offer_second_step(run(desk.people.sessions.find(visitor.session))))
    refused(
        desk, WrongCredentials, desk.signing_in.give_code(device_code(desk, secret), visitor.browser)
    )  # enrolled by
    desk.world.clock.at += STEP
    code = device_code(desk, secret)
    entered = run(desk.signing_in.give_code(f"{code[:3]} {code[3:]}", visitor.browser))
    assert entered.session.stage == "open"
    again = Visitor("192.0.2.8")
    run(again.sign_in(desk, "admin1"))
    refused(desk, WrongCredentials, desk.signing_in.give_code(code, again.browser))


def test_a_code_is_used_once_by_two_at_the_same_time(desk: Desk) -> None:
    """Of two processes that get the same code at once, one lets in."""
    run, visitor, other = desk.world.run, Visitor(), Desk(desk.world)
    secret, _ = enrolled(desk, "admin1", visitor)
    desk.world.clock.at += STEP
    code = device_code(desk, secret)

    async def both() -> list[object]:
        id_ = (await desk.people.accounts.named("admin1")).id
        checks = (one.people.second_step.check(id_, code) for one in (desk, other, desk, other))
        return list(await asyncio.gather(*checks, return_exceptions=True))

    came = run(both())
    assert sum(one is None for one in came) == 1
    assert sum(isinstance(one, WrongCredentials) for one in came) == 3


def test_clocks_may_differ_by_one_step(desk: Desk) -> None:
    """A code of the step before or after is good, one of two steps away is not; none goes back in time."""
    run, visitor = desk.world.run, Visitor()
    secret, _ = enrolled(desk, "admin1", visitor)
    check, id_ = desk.people.second_step.check, run(desk.people.accounts.named("admin1")).id
    desk.world.clock.at += 10 * STEP
    refused(desk, WrongCredentials, check(id_, device_code(desk, secret, ahead=2)))
    refused(desk, WrongCredentials, check(id_, device_code(desk, secret, ahead=-2)))
    run(check(id_, device_code(desk, secret, ahead=1)))
    refused(desk, WrongCredentials, check(id_, device_code(desk, secret)))


def test_a_recovery_code_is_good_once(desk: Desk) -> None:
    """Typed in any case, with or without its dash; then it is gone."""
    run, visitor = desk.world.run, Visitor()
    _, codes = enrolled(desk, "admin1", visitor)
    id_ = run(desk.people.accounts.named("admin1")).id
    run(visitor.sign_in(desk, "admin1"))
    run(desk.signing_in.give_code(codes[3].upper().replace("-", " "), visitor.browser))
    assert run(desk.people.second_step.recovery_codes_left(id_)) == 9
    refused(desk, WrongCredentials, desk.people.second_step.check(id_, codes[3]))


def test_everyone_may_be_made_to_enrol(world: World) -> None:
    """With `second_step = "everyone"` an operator must enrol too."""
    desk = Desk(world, everyone=True)
    world.run(desk.add("ani"))
    assert world.run(Visitor().sign_in(desk, "ani")).session.stage == "enrol"


def test_a_stranger_who_guesses_makes_nobody_else_wait(desk: Desk) -> None:
    """Pauses grow for who guesses; the owner's own browser and the owner's own network get in meanwhile."""
    run, owner, attacker = desk.world.run, Visitor(), Visitor("203.0.113.66")
    run(desk.add("ani"))
    run(owner.sign_in(desk, "ani"))
    for _ in range(5):
        refused(desk, WrongCredentials, attacker.sign_in(desk, "ani", "tebakan"))
    pauses = []
    for _ in range(12):
        slowed = refused(desk, TooManyGuesses, attacker.sign_in(desk, "ani", "tebakan"))
        assert slowed.retry_after is not None
        pauses.append(slowed.retry_after)
        desk.world.clock.at += slowed.retry_after
        refused(desk, WrongCredentials, attacker.sign_in(desk, "ani", "tebakan"))
    assert pauses[:4] == pytest.approx([1, 2, 4, 8], rel=0.01)
    assert max(pauses) <= 900.0
    refused(desk, TooManyGuesses, attacker.sign_in(desk, "ani"))  # the right one is not looked at either
    same_place = Visitor(attacker.address, device=owner.device)
    run(same_place.sign_in(desk, "ani"))
    run(Visitor("192.0.2.50").sign_in(desk, "ani"))


def test_counts_outlive_a_restart_and_are_shared(desk: Desk) -> None:
    """Another process, and one that starts later, knows how often somebody guessed."""
    run, attacker = desk.world.run, Visitor("203.0.113.66")
    run(desk.add("ani"))
    for process in (desk, Desk(desk.world), desk, Desk(desk.world), desk):
        refused(process, WrongCredentials, attacker.sign_in(process, "ani", "tebakan"))
    refused(Desk(desk.world), TooManyGuesses, attacker.sign_in(Desk(desk.world), "ani"))


def test_guesses_at_once_are_each_counted(desk: Desk) -> None:
    """Of forty at the same moment over two processes five are looked at."""
    run, attacker, other = desk.world.run, Visitor("203.0.113.66"), Desk(desk.world)
    run(desk.add("ani"))

    async def at_once() -> list[object]:
        tries = [attacker.sign_in(one, "ani", "tebakan") for one in [desk, other] * 20]
        return list(await asyncio.gather(*tries, return_exceptions=True))

    came = run(at_once())
    assert sum(isinstance(one, WrongCredentials) for one in came) <= 5


def test_one_network_is_slowed_over_all_names(desk: Desk) -> None:
    """Who tries one password on many names is slowed too, and an own right sign-in does not clear that."""
    run, attacker = desk.world.run, Visitor("203.0.113.66")
    run(desk.add("mallory"))
    run(desk.add("ani"))
    for number in range(59):
        refused(desk, WrongCredentials, attacker.sign_in(desk, f"name{number}", "Sampang2026"))
    run(attacker.sign_in(desk, "mallory"))
    attacker.device = ""
    refused(desk, WrongCredentials, attacker.sign_in(desk, "name60", "Sampang2026"))
    refused(desk, TooManyGuesses, attacker.sign_in(desk, "ani", "Sampang2026"))
    run(Visitor("198.51.100.1").sign_in(desk, "ani"))


def test_a_device_token_is_good_for_its_own_account_only(desk: Desk) -> None:
    """One account's token, a made-up one and a changed one give nobody the line of known browsers."""
    run, mallory = desk.world.run, Visitor("203.0.113.66")
    run(desk.add("mallory"))
    run(mallory.sign_in(desk, "mallory"))
    tokens = desk.people.tokens
    assert tokens.is_device(mallory.device, "mallory")
    for forged in (mallory.device, mallory.device[:-1] + "A", "", "é" * 44):
        assert not tokens.is_device(forged, "ani")


def test_guesses_at_the_second_step_are_slowed(desk: Desk) -> None:
    """Who knows the password gets ten codes to guess from everywhere together, then pauses; the own device goes on."""
    run, owner = desk.world.run, Visitor()
    secret, _ = enrolled(desk, "admin1", owner)
    for place in range(10):
        thief = Visitor(f"203.0.113.{place}")
        run(thief.sign_in(desk, "admin1"))
        refused(desk, WrongCredentials, desk.signing_in.give_code("123456", thief.browser))
    thief = Visitor("203.0.113.99")
    run(thief.sign_in(desk, "admin1"))
    refused(desk, TooManyGuesses, desk.signing_in.give_code(device_code(desk, secret, ahead=1), thief.browser))
    desk.world.clock.at += STEP
    run(owner.sign_in(desk, "admin1"))
    run(desk.signing_in.give_code(device_code(desk, secret), owner.browser))


def test_sessions_end_idle_and_in_any_case(desk: Desk) -> None:
    """Half an hour without a request ends one; so do twelve hours, however busy."""
    run, idle, busy = desk.world.run, Visitor(), Visitor("192.0.2.8")
    run(desk.add("ani"))
    run(idle.sign_in(desk, "ani"))
    run(busy.sign_in(desk, "ani"))
    for _ in range(47):
        desk.world.clock.at += 900.0
        busy.session = run(desk.people.sessions.find(busy.session)).token or busy.session
    refused(desk, SignInNeeded, desk.people.sessions.find(idle.session))
    desk.world.clock.at += 900.0
    refused(desk, SignInNeeded, desk.people.sessions.find(busy.session))
    run(desk.people.sweep())
    assert run(desk.database.read(lambda connection: connection.exec_driver_sql(
        "SELECT count(*) FROM person_sessions").scalar_one())) == 0  # fmt: skip


def test_a_renewed_token_that_got_lost_signs_nobody_out(desk: Desk) -> None:
    """The old token is good until the new one is shown, and a minute more; whoever shows it later ends the session."""
    run, find = desk.world.run, desk.people.sessions.find
    visitor = Visitor()
    run(desk.add("ani"))
    run(visitor.sign_in(desk, "ani"))
    desk.world.clock.at += 1_000.0
    lost = run(find(visitor.session)).token
    assert lost
    assert run(find(visitor.session)).token == ""  # it may be on its way
    desk.world.clock.at += 1_000.0
    new = run(find(visitor.session)).token
    assert new not in {"", lost}
    refused(desk, SignInNeeded, find(lost))
    assert run(find(new)).token == ""
    desk.world.clock.at += 30.0
    assert run(find(visitor.session)).token == ""  # was under way
    desk.world.clock.at += 31.0
    refused(desk, SignInNeeded, find(visitor.session))
    refused(desk, SignInNeeded, find(new))


def test_a_changed_role_holds_at_once_and_renews_the_token(desk: Desk) -> None:
    """The next request has the new roles, another session name, and a new token."""
    run, visitor = desk.world.run, Visitor()
    account = run(desk.add("ani"))
    before = run(visitor.sign_in(desk, "ani")).session
    run(desk.staff.grant(ROOT, account.id, grants(Role.VERIFIER, villages=[VILLAGE]), reason="moved"))
    after = run(desk.people.sessions.find(visitor.session))
    assert after.account.roles == {Role.VERIFIER}
    assert after.id != before.id
    assert after.token


@pytest.mark.parametrize("act", ["suspend", "sign_out", "set_up_anew"])
def test_what_is_taken_is_taken_at_once(desk: Desk, act: str) -> None:
    """Suspended, signed out everywhere or set up anew: no session of the account is good any more, anywhere."""
    run, visitor, other = desk.world.run, Visitor(), Desk(desk.world)
    account = run(desk.add("ani"))
    run(visitor.sign_in(desk, "ani"))
    run(getattr(desk.staff, act)(ROOT, account.id, reason="because"))
    refused(other, SignInNeeded, other.people.sessions.find(visitor.session))
    if act == "suspend":
        run(desk.staff.resume(ROOT, account.id, reason="back"))
        run(visitor.sign_in(desk, "ani"))


def test_a_sign_in_under_way_does_not_survive_a_suspension(desk: Desk) -> None:
    """A session that is begun from what was read before the suspension is none."""
    run, visitor = desk.world.run, Visitor()
    account = run(desk.add("ani"))
    run(desk.staff.sign_out(ROOT, account.id, reason="odd"))
    late = run(desk.people.sessions.begin(account, "open"))
    refused(desk, SignInNeeded, desk.people.sessions.find(late.token))
    del visitor


def test_a_set_up_code_is_good_once_and_for_a_while(desk: Desk) -> None:
    """It chooses a password once; a later one takes the place of an earlier; none is good after its time."""
    run, browser = desk.world.run, Visitor().browser
    account = run(desk.add("ani"))
    first = run(desk.staff.set_up_anew(ROOT, account.id, reason="forgot"))
    code = run(desk.staff.set_up_anew(ROOT, account.id, reason="lost the first"))
    choose = desk.signing_in.choose_password
    refused(desk, WrongCredentials, choose("ani", first, OTHER, browser))
    refused(desk, WrongCredentials, choose("nobody", code, OTHER, browser))
    refused(desk, Invalid, choose("ani", code, "Sampang2026!", browser))
    refused(desk, WrongCredentials, Visitor("192.0.2.3").sign_in(desk, "ani"))
    run(choose("ani", code.upper(), OTHER, browser))
    refused(desk, WrongCredentials, choose("ani", code, GOOD, browser))
    run(Visitor().sign_in(desk, "ani", OTHER))
    late = run(desk.staff.set_up_anew(ROOT, account.id, reason="forgot again"))
    desk.world.clock.at += 3_600.0
    refused(desk, WrongCredentials, choose("ani", late, GOOD, Visitor("192.0.2.4").browser))


def test_the_own_password_is_changed_with_the_old_one(desk: Desk) -> None:
    """It needs the old one, ends all other sessions, and goes on in this browser."""
    run, pc, phone = desk.world.run, Visitor(), Visitor("192.0.2.8")
    run(desk.add("ani"))
    run(phone.sign_in(desk, "ani"))
    run(pc.sign_in(desk, "ani"))
    session = run(desk.people.sessions.find(pc.session))
    change = desk.signing_in.change_password
    refused(desk, WrongCredentials, change(session, OTHER, OTHER, pc.browser))
    refused(desk, Invalid, change(session, GOOD, "nama ani nama ani", pc.browser))
    pc.keep(run(change(session, GOOD, OTHER, pc.browser)))
    assert run(desk.people.sessions.find(pc.session)).account.generation > session.account.generation
    refused(desk, SignInNeeded, desk.people.sessions.find(phone.session))
    run(Visitor().sign_in(desk, "ani", OTHER))


def test_sign_out_everywhere(desk: Desk) -> None:
    """One request ends all of a person's sessions, and nobody else's."""
    run, pc, phone, other = desk.world.run, Visitor(), Visitor("192.0.2.8"), Visitor("192.0.2.9")
    run(desk.add("ani"))
    run(desk.add("budi"))
    for visitor, name in ((pc, "ani"), (phone, "ani"), (other, "budi")):
        run(visitor.sign_in(desk, name))
    run(desk.signing_in.sign_out(pc.browser, everywhere=True))
    refused(desk, SignInNeeded, desk.people.sessions.find(phone.session))
    assert run(desk.people.sessions.find(other.session)).account.user_name == "budi"


def test_an_enrolment_is_one_at_a_time(desk: Desk) -> None:
    """There is nothing to confirm before an offer, nor after it was confirmed."""
    run, visitor = desk.world.run, Visitor()
    run(desk.add("ani"))
    run(visitor.sign_in(desk, "ani"))
    session = run(desk.people.sessions.find(visitor.session))
    refused(desk, Conflict, desk.signing_in.enrol(session, "123456", visitor.browser))
    offer = run(desk.signing_in.offer_second_step(session))
    visitor.keep(run(desk.signing_in.enrol(session, device_code(desk, offer.secret), visitor.browser)))
    session = run(desk.people.sessions.find(visitor.session))
    refused(desk, Conflict, desk.signing_in.offer_second_step(session))
    refused(desk, Conflict, desk.signing_in.enrol(session, "123456", visitor.browser))


def test_nothing_secret_is_stored(desk: Desk) -> None:
    """Neither passwords, tokens, codes, secrets nor names stand in the database."""
    run, visitor = desk.world.run, Visitor()
    secret, codes = enrolled(desk, "admin1", visitor)
    names = ("people", "person_sessions", "person_codes", "person_guesses")
    rows = run(
        desk.database.read(
            lambda connection: [
                bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                for name in names
                for row in connection.exec_driver_sql(f"SELECT * FROM {name}")  # noqa: S608 # names of our tables
                for value in row
            ]
        )
    )
    stored = b"\n".join(rows)
    for text in (GOOD, visitor.session, visitor.device, secret, codes[0], "Nama admin1", visitor.address):
        assert text.encode() not in stored
    assert b"$argon2id$v=19$m=8,t=1,p=1$" in stored
