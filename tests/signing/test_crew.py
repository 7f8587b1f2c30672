"""The processes in which PDFs are checked and signed."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest

from gateway.signing.authority import LocalAuthority
from gateway.signing.crew import Crew
from gateway.signing.digests import digest_of
from gateway.signing.faults import Fault, PaperRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.signing.certificates import Credentials


LARGEST = 1_000_000


def pid() -> int:
    """Which process works."""
    return os.getpid()


def die() -> None:
    """Be killed, as by the kernel when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def turn_forever() -> None:
    """Never end, and stop at no exception."""
    while True:
        try:
            while True:
                pass
        except Exception:  # noqa: BLE001, S112
            continue


def eat() -> int:
    """Take more memory than there is for one process."""
    return len(bytearray(8 * 1024**3))


@pytest.mark.parametrize("acts", [(die,), pytest.param((turn_forever, eat, die), marks=pytest.mark.soak)])
def test_a_crew_of_processes(plain: bytes, credentials: Credentials, acts: tuple[Callable[[], object], ...]) -> None:
    """Work is done elsewhere, signed and checked; what never ends, eats memory or dies is refused, and all goes on."""

    async def story() -> None:
        crew = Crew(1, credentials, seconds=1.0)
        try:
            authority = LocalAuthority(crew, credentials.roots)
            signed = await authority.sign(plain, "Uji coba")
            assert await crew.check(signed, credentials.roots, LARGEST) == digest_of(signed)
            with pytest.raises(PaperRefused) as refused:
                await crew.check(signed + b"x", credentials.roots, LARGEST)
            assert refused.value.fault is Fault.NOT_WHOLE
            for hostile in acts:
                with pytest.raises(PaperRefused) as costly:
                    await crew.run(hostile)
                assert costly.value.fault is Fault.TOO_COSTLY
            assert await crew.run(pid) != os.getpid()
        finally:
            await crew.close()

    asyncio.run(story())


def test_a_crew_of_no_processes(plain: bytes, credentials: Credentials) -> None:
    """Without processes the work is done here, with the same outcome."""

    async def story() -> None:
        crew = Crew(0, credentials)
        signed = await crew.sign(plain, "Uji coba")
        assert await crew.check(signed, credentials.roots, LARGEST) == digest_of(signed)
        assert await crew.run(pid) == os.getpid()
        await crew.close()

    asyncio.run(story())


def test_a_crew_without_a_key_signs_nothing(plain: bytes) -> None:
    """Who was given no key cannot sign."""
    with pytest.raises(RuntimeError):
        asyncio.run(Crew(0).sign(plain, "Uji coba"))
