"""Plain handlers that take a submission in, beside which the gateway is measured.

Usage: handing_in.py MODE DATABASE     prints its URL

single    one commit of its own for each request, in one thread that owns the SQLite file
grouped   all that waits in one commit, the same thread, one wake-up of the loop for each commit
defer     procrastinate's `defer_async` on PostgreSQL; the form goes into the job as it is

All three stand on the gateway's own server (Starlette on Granian, one loop), read the body into the gateway's own
structure and check the form by the gateway's own schemas. The two on SQLite seal the content as the gateway does and
store three rows: the submission with its Idempotency-Key, its content, its first move. None of them knows callers,
rights, switches, the order within a subject, or lanes.
"""

from __future__ import annotations

import asyncio
import os
import queue
import secrets
import signal
import sqlite3
import sys
import threading
import time
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from gateway.catalogue.forms.checking import check_submission
from gateway.catalogue.receipts import new_id, new_number
from gateway.contract.submissions import Subject, Submission
from gateway.http.server import Listener
from gateway.http.submissions import PATH, SubmissionBody
from gateway.outbox.sealing import Sealer
from gateway.vault.keys import Keyring

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

CONNECTIONS = 16
KEYRING = Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32)
TABLES = """
CREATE TABLE submissions (id TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE,
  service TEXT NOT NULL, village TEXT NOT NULL, subject BLOB NOT NULL, state TEXT NOT NULL, filed_at REAL NOT NULL)
  WITHOUT ROWID;
CREATE TABLE payloads (submission TEXT PRIMARY KEY, wrapped_key BLOB NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE moves (submission TEXT, number INTEGER, at REAL NOT NULL, after TEXT NOT NULL,
  PRIMARY KEY (submission, number)) WITHOUT ROWID;
"""
ROWS = (
    "INSERT INTO submissions VALUES (?, ?, ?, ?, ?, ?, 'queued', ?)",
    "INSERT INTO payloads VALUES (?, ?, ?)",
    "INSERT INTO moves VALUES (?, 1, ?, 'queued')",
)
Rows = tuple[tuple[Any, ...], ...]
_read = msgspec.json.Decoder(SubmissionBody).decode
_encode = msgspec.json.Encoder().encode


class Writer:
    """A thread that owns a SQLite file: WAL, FULL."""

    def __init__(self, file: str, most: int) -> None:
        self._file = file
        self._most = most
        self._waiting: queue.SimpleQueue[tuple[Rows, asyncio.Future[None]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def store(self, rows: Rows) -> asyncio.Future[None]:
        """Store rows; settled once they are committed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put((rows, future))
        return future

    def _run(self) -> None:
        connection = sqlite3.connect(self._file, isolation_level=None)
        for setting in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {setting}")
        connection.executescript(TABLES)
        while True:
            taken = [self._waiting.get()]
            while len(taken) < self._most and not self._waiting.empty():
                taken.append(self._waiting.get())
            connection.execute("BEGIN IMMEDIATE")
            for statement, values in zip(ROWS, zip(*(rows for rows, _ in taken), strict=True), strict=True):
                connection.executemany(statement, values)
            connection.execute("COMMIT")
            futures = [future for _, future in taken]
            futures[0].get_loop().call_soon_threadsafe(_settle, futures)


def _settle(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def on_sqlite(file: str, most: int) -> Callable[[Submission, str], Awaitable[tuple[str, str]]]:
    """Stores a submission in SQLite, sealed; its id and receipt number."""
    writer, sealer = Writer(file, most), Sealer(KEYRING, time.time)

    async def store(submission: Submission, key: str) -> tuple[str, str]:
        now = time.time()
        id_, number = new_id(now, secrets.randbits), new_number(secrets.randbits)
        wrapped, sealed = sealer.seal(id_, submission)
        subject = sealer.subject(submission.subject)
        await writer.store(
            (
                (id_, number, key, submission.service, submission.village, subject, now),
                (id_, wrapped, sealed),
                (id_, now),
            )
        )
        return id_, number

    return store


async def on_procrastinate(conninfo: str) -> Callable[[Submission, str], Awaitable[tuple[str, str]]]:
    """Defers a job for a submission; the job's number twice."""
    procrastinate: Any = import_module("procrastinate")  # in the folder named by PYTHONPATH

    connector = procrastinate.PsycopgConnector(conninfo=conninfo, min_size=CONNECTIONS, max_size=CONNECTIONS)
    app = procrastinate.App(connector=connector)

    async def never_run() -> None:
        """Nobody works here."""

    submit = app.task(name="submit")(never_run)
    await app.open_async()
    await app.schema_manager.apply_schema_async()

    async def store(submission: Submission, key: str) -> tuple[str, str]:
        job = submit.configure(lock=submission.subject.number, queueing_lock=key)
        number = str(await job.defer_async(**msgspec.json.decode(_encode(submission))))
        return number, number

    return store


async def main(mode: str, database: str) -> None:
    """Serve until SIGTERM."""
    if mode == "defer":
        store = await on_procrastinate(database)
    else:
        store = on_sqlite(database, 1 if mode == "single" else 256)
    today = date.today()  # noqa: DTZ011 # only to choose the form's requirements

    async def answer(request: Request) -> Response:
        body = _read(await request.body())
        subject = Subject(body.subject.no_kk, body.subject.nik)
        submission = Submission(body.service, body.version, body.village, subject, body.form)
        if check_submission(submission, today):
            return Response(status_code=422)
        id_, number = await store(submission, request.headers["idempotency-key"])
        receipt = {"id": id_, "number": number, "state": "queued"}
        headers = {"location": f"{PATH}/{id_}", "cache-control": "private, no-store"}
        return Response(_encode(receipt), status_code=202, headers=headers, media_type="application/json")

    listener = Listener(Starlette(routes=[Route(PATH, answer, methods=["POST"])]), "127.0.0.1", 0)
    await listener.start()
    print(listener.url, flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await listener.stop()
    os._exit(0)  # the thread that owns the file has nothing left to do


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
