"""The gateway as a process: its loop, its signals, its pid file."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import signal
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import structlog
import uvloop

from gateway.database.engine import kind_of, parse_url
from gateway.http.table import RouteFault
from gateway.log import configure
from gateway.settings import ConfigFaults, SecretMissing, load
from gateway.wiring.claim import SERVING, claimed
from gateway.wiring.clock import SystemClock
from gateway.wiring.dev import SourceWatch, watch_forever
from gateway.wiring.files import raise_limit
from gateway.wiring.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gateway.settings import Settings

log = structlog.get_logger("gateway.process")


def run_forever(settings: Settings, *, dev: bool = False) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the config again.

    Args:
        settings: The config.
        dev: Watch the files of extensions and reload when they change.

    Raises:
        ConfigFaults, SecretMissing, CertificateUnusable: The config, or a file it names, cannot be used.
        FolderTaken: Another gateway serves the same data folder, on SQLite.
        VaultError, GatewayError, PortTaken, RouteFault, OSError: It could not start.
    """
    configure(settings.log.level, settings.log.format)
    raise_limit()
    with ExitStack() as held:
        if kind_of(parse_url(settings.database_url(os.environ))) == "sqlite":
            held.enter_context(claimed(settings.data_folder, SERVING))
        uvloop.run(_serve(settings, os.environ, dev=dev))


async def _serve(settings: Settings, environ: Mapping[str, str], *, dev: bool) -> None:
    gateway = await Gateway.open(settings, environ, SystemClock(), random.Random())  # noqa: S311 # jitter, not secrets
    stopping = asyncio.Event()
    reloads: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()

    def reload() -> None:
        task = loop.create_task(_reload(gateway, environ))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    try:
        urls = await gateway.listen()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        loop.add_signal_handler(signal.SIGHUP, reload)
        settle_interpreter()
        if dev:
            reloads.add(loop.create_task(watch_forever(SourceWatch(lambda: gateway.settings), reload)))
        with _announced(settings.data_folder, urls):
            log.info("gateway.started", url=urls["gateway"], operator_port=urls["operator"].rpartition(":")[2])
            await stopping.wait()
            log.info("gateway.stopping")
    finally:
        for task in reloads:
            task.cancel()
        await asyncio.gather(*reloads, return_exceptions=True)
        await gateway.close()
    log.info("gateway.stopped")


def settle_interpreter() -> None:
    """Suit the interpreter to one loop and a writer's thread, once all has started.

    What the start made is taken out of the garbage collector's rounds, and the rounds made rarer: requests make few
    cycles, and at the default thresholds the collector took half of the loop's time under overload. And who waits for
    the interpreter's lock asks for it ten times as soon: loop and writer each waited five milliseconds for the other,
    which cost a dispatch a fifth of its rate.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.0005)


async def _reload(gateway: Gateway, environ: Mapping[str, str]) -> None:
    """Read the config again; a bad one is told and the old one stays."""
    try:
        settings = load(gateway.settings.source.path, environ)
        reloaded = await gateway.reload(settings)
    except ConfigFaults as faults:
        for fault in faults.faults:
            log.error("gateway.reload.refused", file=fault.file, line=fault.line, key=fault.key, reason=fault.message)
        return
    except (SecretMissing, RouteFault) as error:
        log.error("gateway.reload.refused", reason=str(error))
        return
    except Exception:  # whatever it was, the old config stays and the log says why
        log.exception("gateway.reload.failed")
        return
    configure(settings.log.level, settings.log.format)
    if reloaded.stranded:
        log.error("gateway.rights.gone", rights=list(reloaded.stranded))
    for key in reloaded.restart_needed:
        log.warning("gateway.restart.needed", key=key)
    log.info("gateway.reloaded")


@contextmanager
def _announced(folder: Path, urls: Mapping[str, str]) -> Iterator[None]:
    """While it runs, `gateway.pid` and `addresses.json` in the data folder say where it is.

    The pid comes last, so that whoever reads its own child's there finds the child's addresses too. What another
    gateway put in their place since, as several on one PostgreSQL may, is left alone.
    """
    pid, addresses = folder / "gateway.pid", folder / "addresses.json"
    ours, where = f"{os.getpid()}\n", json.dumps(urls) + "\n"
    _replace(addresses, where)
    _replace(pid, ours)
    try:
        yield
    finally:
        _remove(pid, ours)
        _remove(addresses, where)


def _remove(file: Path, text: str) -> None:
    """Remove a file that still holds this text."""
    try:
        if file.read_text(encoding="utf-8") == text:
            file.unlink()
    except FileNotFoundError:
        return


def _replace(file: Path, text: str) -> None:
    part = file.with_name(file.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
