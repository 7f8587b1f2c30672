"""Who does the heavy work on PDFs: processes of their own, for checking one holds the interpreter for 10 ms.

```
run(work, …) ─► a process of the pool, bounded in time and memory ─► its result, or what it raised
       └─ the process died (memory, a fault of a library): once more in a new pool, then refused as TOO_COSTLY
```

A hostile PDF can thus neither stop the gateway nor use up its memory. With no processes at all the work is done on a
thread of the gateway: for tests, and for machines too small for more; then nothing bounds it but its size.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import resource
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from gateway.signing.faults import Fault, PaperRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.signing.certificates import Credentials
    from gateway.signing.pades import PdfKey

SECONDS: Final = 10.0
"""How long one piece of work may take."""

MEMORY: Final = 2 * 1024**3
"""Bytes of address space a process may have."""

P = ParamSpec("P")
T = TypeVar("T")


class Crew:
    """Does work in processes; made at once, its processes with the first piece of work.

    Args:
        processes: How many; 0 for a thread of this process.
        credentials: Of the key they sign under; None if they sign nothing.
        seconds: How long one piece of work may take.
    """

    def __init__(self, processes: int, credentials: Credentials | None = None, seconds: float = SECONDS) -> None:
        self._processes = processes
        self._credentials = credentials
        self._seconds = seconds
        self._pool: ProcessPoolExecutor | None = None
        self._own: _Worker | None = None
        self._turn = threading.Lock()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a piece of work; what it raises is raised here.

        Args:
            work: A function of a module, with arguments and a result that can be pickled.
            *args: Its arguments.
            **kwargs: Its arguments.

        Raises:
            PaperRefused: It took too much time or memory.
        """
        if not self._processes:
            return await asyncio.to_thread(self._in_turn, work, args, kwargs)
        loop = asyncio.get_running_loop()
        for _ in range(2):
            pool = self._opened()
            try:
                return await loop.run_in_executor(pool, _bounded, self._seconds, work, args, kwargs)
            except BrokenProcessPool:
                self._drop(pool)
        raise PaperRefused(Fault.TOO_COSTLY)

    async def check(self, pdf: bytes, roots: Sequence[bytes], largest: int) -> str:
        """The SHA-256 of a PDF that may be printed; as `pades.check`."""
        return await self.run(_check, pdf, tuple(roots), largest)

    async def sign(self, pdf: bytes, reason: str) -> bytes:
        """A PDF signed under the crew's key; as `PdfKey.sign`."""
        if not self._processes:
            return await asyncio.to_thread(self._sign_here, pdf, reason)
        return await self.run(_sign, pdf, reason)

    async def close(self) -> None:
        """End the processes; what they do is waited for."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    def _opened(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._processes, context, _begin, (self._credentials,))
        return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        if self._pool is pool:
            self._pool = None
        pool.shutdown(wait=False, cancel_futures=True)

    def _in_turn(self, work: Callable[..., T], args: tuple[object, ...], kwargs: dict[str, object]) -> T:
        with self._turn:
            return work(*args, **kwargs)

    def _sign_here(self, pdf: bytes, reason: str) -> bytes:
        with self._turn:
            if self._own is None:
                self._own = _Worker(self._credentials)
            return self._own.sign(pdf, reason)


class _Worker:
    """What a process keeps from one piece of work to the next."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        quieten()
        self._key: PdfKey | None = None
        if credentials is not None:
            from gateway.signing.pades import PdfKey  # noqa: PLC0415 # the gateway's own process never loads it

            self._key = PdfKey(credentials)

    def sign(self, pdf: bytes, reason: str) -> bytes:
        """See `PdfKey.sign`."""
        if self._key is None:
            raise RuntimeError("this crew was given no key")
        return self._key.sign(pdf, reason)


class _TooLong(BaseException):
    """The time is over; no library's `except Exception` stops it."""


def quieten() -> None:
    """Keep pyHanko from writing what it finds in PDFs to the log: reasons are told by `Fault` only."""
    for name in ("pyhanko", "pyhanko_certvalidator"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.disabled = True
        logger.addHandler(logging.NullHandler())


def _begin(credentials: Credentials | None) -> None:
    """A process begins."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the gateway ends it
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, _over)
    _WORKERS.append(_Worker(credentials))


_WORKERS: Final[list[_Worker]] = []
"""The worker of a process of the pool; empty in the gateway's own."""


def _over(_number: int, _frame: object) -> None:
    raise _TooLong


def _bounded(seconds: float, work: Callable[..., Any], args: tuple[object, ...], kwargs: dict[str, object]) -> Any:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return work(*args, **kwargs)
    except (_TooLong, MemoryError):
        raise PaperRefused(Fault.TOO_COSTLY) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _check(pdf: bytes, roots: tuple[bytes, ...], largest: int) -> str:
    from gateway.signing.pades import check  # noqa: PLC0415 # the gateway's own process never loads it

    quieten()
    return check(pdf, roots, largest)


def _sign(pdf: bytes, reason: str) -> bytes:
    return _WORKERS[0].sign(pdf, reason)
