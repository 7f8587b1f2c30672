"""Files are kept twice before a receipt says so, come back, and are destroyed with what they belong to."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import sqlalchemy as sa

from gateway.cli.checkup_copies import copies
from gateway.contract.messages import CentreService, Priority
from gateway.contract.people import Role
from gateway.contract.submissions import AttachmentRef, IssuedDocument
from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.flows.rights import Rights
from gateway.flows.submit import Submitter
from gateway.outbox.following import Tiding
from gateway.outbox.outbox import Ending
from gateway.outbox.tables import PAYLOADS
from gateway.people.account import Grants
from gateway.settings import Settings
from gateway.vault.keys import Keyring, rotate
from gateway.wiring.backing_up import back_up
from gateway.wiring.keeping import Retention, keep_copy
from gateway.wiring.key_checks import SEALED
from gateway.wiring.offline import drop_keys, make_keys
from gateway.wiring.parts import open_blobs, open_documents, open_following, open_outbox, open_people
from gateway.wiring.returning import restore
from tests.blobs.world import CALLER, NAME, file_of, name_of
from tests.blobs.world import World as Files
from tests.flows.test_submit import CALLER as DESK
from tests.flows.test_submit import GOOD, RIGHT
from tests.outbox.world import NIK, HandClock, World, always
from tests.wiring.test_keeping import places_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.blobs.store import DatabaseBlobs
    from gateway.contract.errors import FieldFault
    from gateway.contract.submissions import Receipt, Submission
    from gateway.database.wrapped_keys import WrappedKeys
    from gateway.outbox.outbox import NewSubmission
    from gateway.people.people import People

DAY = 86_400.0
SOON = 10.0
CONTENT = file_of(150_000)
DOCUMENT = IssuedDocument("skpwni", "3527030101900001", "D1", NIK)


@dataclass
class Machine:
    """A gateway's storage with all its keys, and a second copy where one is configured."""

    settings: Settings
    database: Database
    clock: HandClock
    blobs: DatabaseBlobs
    world: World

    @classmethod
    async def start(cls, settings: Settings) -> Machine:
        """Open it; the copy is in step."""
        clock = HandClock(time.time())
        database = Database.open(settings.database_url({}))
        await keep_copy(settings, database)
        ring = Keyring.load(settings.secrets_folder)
        blobs = open_blobs(settings, database, ring, clock)
        world = World(open_outbox(database, ring, clock), clock, database)
        world.kept = (open_following(database, ring, clock), world.notifying())
        machine = cls(settings, database, clock, blobs, world)
        if settings.replica.path:
            await machine.copy_is("in_step")
        return machine

    @property
    def retention(self) -> Retention:
        """What destroys here."""
        outbox: Any = self.world.outbox
        ring = Keyring.load(self.settings.secrets_folder)
        documents = open_documents(self.database, self.blobs, ring, self.clock)
        return Retention(self.settings, self.database, outbox, self.blobs, self.clock, documents)

    @property
    def people(self) -> People:
        """Who may sign in here."""
        ring = Keyring.load(self.settings.secrets_folder)
        return open_people(self.settings, self.database, ring, self.clock)

    async def enlist(self) -> None:
        """Make an account, with nothing else in the database that names it."""
        grants, accounts = Grants(frozenset({Role.ADMIN})), self.people.accounts
        account, _code = await accounts.add("ani", "Ani", grants, by="operator:test")
        await accounts.set_password(account.id, "no hash")

    async def copy_is(self, state: Any) -> None:
        """Wait until the copy is in a state."""
        assert self.database.second_copy is not None
        assert await asyncio.to_thread(self.database.second_copy.wait_until, state, SOON)

    async def upload(self, content: bytes = CONTENT) -> None:
        """Upload a file."""
        await Files(self.blobs, self.world.outbox, self.clock, self.database).upload(content)

    async def new(self, content: bytes = CONTENT) -> NewSubmission:
        """A hand-in that needs an uploaded file."""
        plain = self.world.new(service="move_out")
        named = msgspec.structs.replace(plain.submission, attachments=(AttachmentRef(name_of(content), "kk"),))
        return msgspec.structs.replace(
            plain, submission=named, files=await self.blobs.named(CALLER, [name_of(content)])
        )

    async def hand_in(self, content: bytes = CONTENT) -> str:
        """Hand it in; its id."""
        return (await self.world.outbox.accept(await self.new(content))).receipt.id

    async def receipt(self, key: str) -> Receipt:
        """What a caller is given who hands it in by the verb."""
        priorities = dict.fromkeys(CentreService, Priority.URGENT)
        rights = Rights({"sampang": RIGHT}, {}, priorities, self.clock, UTC)
        submitter = Submitter(
            self.world.outbox, rights, {"birth": Priority.URGENT}, no_faults, self.blobs, self.clock, secrets.randbits
        )
        named = msgspec.structs.replace(GOOD, attachments=(AttachmentRef(name_of(CONTENT), "kk"),))
        return (await submitter.submit(DESK, named, key)).receipt

    async def file(self, content: bytes = CONTENT) -> bytes:
        """What is read of it."""
        opened = await self.blobs.open_(CALLER, name_of(content))
        assert opened is not None
        return await opened.read(0, opened.length)

    async def issue(self, id_: str) -> None:
        """Deliver what is queued, and have the centre issue it."""
        (claimed,) = await self.world.outbox.claim(1, 60.0, always)
        await self.world.outbox.finish(claimed, Ending(State.DELIVERED, centre_receipt="SK1"))
        token = await self.world.following().hold("test")
        assert token is not None
        await self.world.following().take_in(token, "sampang", (Tiding(1, id_, "SK1", (DOCUMENT,)),), 1)


def settings_of(folder: Path, **more: Any) -> Settings:
    """A config whose second copy lies beside its data, with keys."""
    (folder / "copy").mkdir(exist_ok=True)
    replica = {"path": str(folder / "copy"), "same_device": True, "patience": SOON}
    data = {"data": {"folder": str(folder / "var")}, "secrets": {"folder": str(folder / "keys")}}
    settings = Settings.model_validate({**data, "replica": replica, **more})
    make_keys(settings, {})
    return settings


def no_faults(_submission: Submission, _filed_at: float) -> tuple[FieldFault, ...]:
    """Every form is well."""
    return ()


def copies_in(folder: Path) -> list[Path]:
    """The copies of files in a folder."""
    return sorted(path for path in (folder / "blobs").rglob("*") if path.is_file())


def story(settings: Settings, told: Callable[[Machine], Any]) -> None:
    """Run a story on one machine from its start to its end."""

    async def run() -> None:
        machine = await Machine.start(settings)
        try:
            await told(machine)
        finally:
            await machine.database.close()

    asyncio.run(run())


def test_files_are_in_the_copy_before_a_receipt_counts_them(tmp_path: Path) -> None:
    """With its file in the copy a submission has two copies; while the device is away one, and two once it is back."""
    settings = settings_of(tmp_path)
    away = tmp_path / "unplugged"

    async def told(machine: Machine) -> None:
        await machine.upload()
        (copied,) = copies_in(tmp_path / "copy")
        (here,) = copies_in(tmp_path / "var")
        assert copied.read_bytes() == here.read_bytes()
        assert copied.stat().st_mode & 0o777 == 0o600
        assert await machine.blobs.copied(await machine.hand_in())
        (tmp_path / "copy").rename(away)
        later = file_of(9_000, seed=2)
        await machine.upload(later)
        id_ = await machine.hand_in(later)
        assert not await machine.blobs.copied(id_)
        assert await machine.blobs.fill() == 0
        away.rename(tmp_path / "copy")
        await machine.copy_is("in_step")
        assert await machine.blobs.fill() == 1
        assert await machine.blobs.fill() == 0
        assert len(copies_in(tmp_path / "copy")) == 2
        assert await machine.blobs.copied(id_)

    story(settings, told)


def test_a_receipt_counts_the_copy_that_holds_least(tmp_path: Path) -> None:
    """Rows twice and a file once is one copy, though all of it is accepted; a repetition after its return says two."""
    settings = settings_of(tmp_path)
    in_the_way = tmp_path / "copy" / "blobs"
    in_the_way.touch()

    async def told(machine: Machine) -> None:
        await machine.upload()
        first = await machine.receipt("k")
        assert (first.copies, machine.database.copies) == (1, 2)
        in_the_way.unlink()
        again = await machine.receipt("k")
        assert (again.id, again.copies) == (first.id, 2)
        assert len(copies_in(tmp_path / "copy")) == 1

    story(settings, told)


def test_a_copy_of_another_state_is_not_counted(tmp_path: Path) -> None:
    """A file that was damaged and sent anew is copied anew, though one of its name and size is there."""
    settings = settings_of(tmp_path)

    async def told(machine: Machine) -> None:
        await machine.upload()
        id_ = await machine.hand_in()
        (copied,) = copies_in(tmp_path / "copy")
        before = copied.read_bytes()
        (here,) = copies_in(tmp_path / "var")
        here.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        blob = await machine.blobs.find(CALLER, name_of(CONTENT))
        assert blob is not None
        await machine.blobs.mend(blob, name_of(CONTENT))
        assert not await machine.blobs.copied(id_)  # it is not whole here
        await machine.upload()
        assert len(copied.read_bytes()) == len(before)
        assert copied.read_bytes() == here.read_bytes() != before
        assert await machine.blobs.copied(id_)

    story(settings, told)


@pytest.mark.parametrize("came_from", ["copy", "backup"])
def test_files_come_back_to_an_empty_machine(tmp_path: Path, came_from: str) -> None:
    """Burnt, then put back from the copy or a backup: what was complete reads whole, an upload goes on."""
    settings = settings_of(tmp_path, blobs={"folder": str(tmp_path / "var" / "files")})
    half = file_of(9_000, seed=3)

    async def told(machine: Machine) -> None:
        await machine.upload()
        await machine.hand_in()
        begun = await machine.blobs.begin(CALLER, name_of(half), len(half), 1 << 30)
        await machine.blobs.add(begun, half[:5_000], "application/pdf")
        await asyncio.to_thread(back_up, settings, {}, tmp_path / "backups", None, print)

    async def after(machine: Machine) -> None:
        assert await machine.file() == CONTENT
        await machine.upload(file_of(20_000, seed=4))

    story(settings, told)
    shutil.rmtree(settings.data_folder)
    copy = tmp_path / "copy" if came_from == "copy" else None
    assert restore(settings, {}, None if copy else tmp_path / "backups", copy, print).how == came_from
    story(settings, after)


def test_shredding_takes_the_files_everywhere(tmp_path: Path) -> None:
    """After its time neither the sealed file nor its key is anywhere, also not in the copy; what is open stays."""
    settings = settings_of(tmp_path)
    kept = file_of(9_000, seed=2)

    async def told(machine: Machine) -> None:
        await machine.upload()
        await machine.upload(kept)
        ended = await machine.hand_in()
        await machine.hand_in(kept)
        await machine.issue(ended)
        blob = await machine.blobs.find(CALLER, name_of(CONTENT))
        assert blob is not None
        sealed = (settings.blobs_folder / blob.id[:2] / blob.id).read_bytes()
        needles = (sealed[40:72], sealed[-32:], blob.wrapped_key[17:])
        assert [places_of(tmp_path / folder, *needles) != set() for folder in ("var", "copy")] == [True, True]
        machine.clock.at += 91 * DAY
        await machine.retention.run()
        copy = machine.database.second_copy
        assert copy is not None
        assert await asyncio.to_thread(copy.wait_scrubbed, SOON)
        assert places_of(tmp_path, *needles) == set()
        assert await machine.world.following().documents(ended) == ()
        assert await machine.file(kept) == kept
        assert len(copies_in(tmp_path / "copy")) == len(copies_in(tmp_path / "var")) == 1
        assert places_of(tmp_path, NAME, CONTENT[:64]) == set()

    story(settings, told)


def test_an_upload_nobody_handed_in_is_nowhere_after_its_days(tmp_path: Path) -> None:
    """Neither its sealed bytes nor its key are anywhere, nor in the copy; likewise what stood before a correction."""
    settings = settings_of(tmp_path)

    async def told(machine: Machine) -> None:
        await machine.upload()
        blob = await machine.blobs.find(CALLER, name_of(CONTENT))
        accepted = await machine.world.outbox.accept(new := machine.world.new())
        before = await machine.database.read(lambda connection: connection.execute(sa.select(PAYLOADS)).one())
        assert blob is not None
        sealed = (settings.blobs_folder / blob.id[:2] / blob.id).read_bytes()
        needles = (sealed[40:72], blob.wrapped_key[17:], before.wrapped_key[17:], before.sealed[13:45])
        assert [places_of(tmp_path / folder, *needles) != set() for folder in ("var", "copy")] == [True, True]
        other = msgspec.structs.replace(new.submission, form=msgspec.Raw(b'{"other":1}'))
        await machine.world.outbox.correct(accepted.receipt.id, other, (), "caller:test")
        machine.clock.at += settings.blobs.keep_days * DAY + 1.0
        assert await machine.blobs.sweep(machine.clock.at - settings.blobs.keep_days * DAY) == 1
        await machine.retention.run()
        copy = machine.database.second_copy
        assert copy is not None
        assert await asyncio.to_thread(copy.wait_scrubbed, SOON)
        assert places_of(tmp_path, *needles) == set()

    story(settings, told)


def test_doctor_counts_files_that_are_not_in_the_copy(tmp_path: Path) -> None:
    """A file that is missing there, or is of another state, burns with this machine; whole copies are not mentioned."""
    settings = settings_of(tmp_path)

    def told_of() -> list[str]:
        return [finding.text for finding in copies(settings, {}) if "files are not" in finding.text]

    async def told(machine: Machine) -> None:
        for seed in (1, 2, 3):
            await machine.upload(file_of(2_000, seed))
        assert await asyncio.to_thread(told_of) == []
        one, other, _ = copies_in(tmp_path / "copy")
        one.unlink()
        os.utime(other, ns=(1, 1))
        (text,) = await asyncio.to_thread(told_of)
        assert text.startswith("2 files are not in the second copy")

    story(settings, told)


def _key_in(connection: sa.Connection, keys: WrappedKeys) -> bytes:
    return bytes(connection.execute(sa.select(keys.key)).scalar_one())


def _empty(connection: sa.Connection, keys: WrappedKeys) -> None:
    connection.execute(sa.delete(keys.key.table))


def test_a_master_is_dropped_once_nothing_at_all_needs_it(tmp_path: Path) -> None:
    """Contents, outcomes and files each keep it; wrapped anew, all open under the new one alone."""
    settings = settings_of(tmp_path)
    ids = []

    async def seal(machine: Machine) -> None:
        await machine.upload()
        ids.append(await machine.hand_in())
        await machine.issue(ids[0])
        await machine.enlist()

    story(settings, seal)
    rotate(settings.secrets_folder)
    old = time.time() - 2 * DAY
    os.utime(settings.secrets_folder / "master-2.key", (old, old))
    database = Database.open(settings.database_url({}))
    for keys in SEALED:
        own = database.read_sync(partial(_key_in, keys=keys))
        assert own[1:3] == (1).to_bytes(2)
    database.close_sync()
    assert drop_keys(settings, {}, days=1.0) == ([], ["master-1"])

    async def wrap_anew(machine: Machine) -> None:
        await machine.retention.run()
        await machine.people.sweep()
        assert await machine.blobs.rewrap() + await machine.people.accounts.rewrap() == 0

    async def read(machine: Machine) -> None:
        assert await machine.file() == CONTENT
        assert (await machine.people.accounts.named("ani")).name == "Ani"
        assert await machine.world.following().documents(ids[0]) == (DOCUMENT,)
        assert await machine.world.outbox.read(ids[0]) is not None

    story(settings, wrap_anew)
    assert drop_keys(settings, {}, days=1.0) == (["master-1"], [])
    story(settings, read)


def test_each_column_of_wrapped_keys_is_known(tmp_path: Path) -> None:
    """One that is not named where masters are dropped would lose its contents with the master; files alone keep it."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    migrate(url)
    database = Database.open(url)

    def columns(connection: sa.Connection) -> set[tuple[str, str]]:
        look = sa.inspect(connection)
        tables = {name: [column["name"] for column in look.get_columns(name)] for name in look.get_table_names()}
        return {(table, name) for table, names in tables.items() for name in names if "wrapped" in name}

    found = database.read_sync(columns)
    database.close_sync()
    assert found == {(keys.key.table.name, keys.key.name) for keys in SEALED}


@pytest.mark.parametrize("sealed", ["content", "outcome", "file", "person", "document"])
def test_each_alone_keeps_a_master(tmp_path: Path, sealed: str) -> None:
    """As long as anything is under it, it stays."""
    settings = settings_of(tmp_path)

    async def told(machine: Machine) -> None:
        await machine.upload()
        await machine.issue(await machine.hand_in())
        await machine.enlist()

    story(settings, told)
    rotate(settings.secrets_folder)
    database = Database.open(settings.database_url({}))
    for name, keys in zip(("content", "outcome", "file", "person", "document"), SEALED, strict=True):
        if name != sealed:
            database.write_sync(partial(_empty, keys=keys))
    database.close_sync()
    assert drop_keys(settings, {}, days=0.0) == ([], ["master-1"])
