"""How the command line tells what is wrong: one message, no traceback, the right exit code."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.settings import Settings

FAILED = 1
BAD_CONFIG = 2


def read_config(option: Path | None) -> Settings:
    """The config named by `--config`, the environment or its default place; exits 2 with every fault."""
    from gateway.log import configure
    from gateway.settings import ConfigFaults, config_path, load  # pydantic is slow to import

    configure("warning")  # a command's own words go to stdout; what rooms log goes to stderr, if it matters
    try:
        return load(config_path(option, os.environ), os.environ)
    except ConfigFaults as faults:
        click.echo(str(faults), err=True)
        sys.exit(BAD_CONFIG)


@contextmanager
def stop_on_fault() -> Iterator[None]:
    """Turn what an admin can mend into one line and an exit code."""
    from gateway.contract.errors import GatewayError
    from gateway.http.server import CertificateUnusable, PortTaken
    from gateway.http.table import RouteFault
    from gateway.settings import ConfigFaults, SecretMissing
    from gateway.vault.errors import VaultError
    from gateway.wiring.claim import FolderTaken

    try:
        yield
    except (ConfigFaults, SecretMissing, CertificateUnusable) as error:
        click.echo(str(error), err=True)
        sys.exit(BAD_CONFIG)
    except OSError as error:  # a folder that cannot be written, a file that is not there
        click.echo(f"{error.filename or 'a file or connection'}: {error.strerror or error}", err=True)
        sys.exit(FAILED)
    except (GatewayError, VaultError, PortTaken, RouteFault, FolderTaken) as error:
        click.echo(str(error), err=True)
        for fault in getattr(error, "faults", ()):
            click.echo(f"  {fault.field}: {fault.message}", err=True)
        sys.exit(FAILED)
