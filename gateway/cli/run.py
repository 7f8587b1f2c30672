"""`siak-gateway run` (and `make run`): mock centre and gateway together, with demo keys, until Ctrl-C.

```
secrets (once) ─► mock SIAK, a process ─► demo clients (once) ─► gateway, a process ─► demo.json, things to try
Ctrl-C, or the terminal closes ─► SIGTERM to both ─► gone within five seconds
```
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from types import FrameType


_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a trial: Ctrl-C, a supervisor, or the terminal that is closed."""


@click.command(epilog="Example: siak-gateway run    (the same as: make run)")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
@click.option("--population", default=20_000, show_default=True, type=click.IntRange(100, 1_000_000), help="People.")
@click.option("--dev", is_flag=True, help="Reload when a file of an enabled extension changes.")
def run(config_file: Path | None, population: int, *, dev: bool) -> None:
    """Try it out: start the mock centre and the gateway, and say what to do with them."""
    from gateway.cli.faults import FAILED, read_config, stop_on_fault  # imports late
    from gateway.cli.trial import Trial, TrialFailed

    settings = read_config(config_file)
    end = End()
    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves SIGHUP
            signal.signal(number, end)
    with stop_on_fault():
        trial = Trial(settings, config_file, population, os.environ, dev=dev)
        try:
            trial.start(click.echo)
            click.echo(trial.things_to_try())
            ended = trial.wait(lambda: end.is_asked)
            click.echo(f"{ended} ended by itself; stopping the other.", err=True)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            click.echo("\nStopping ...")
        except TrialFailed as error:
            click.echo(str(error), err=True)
            sys.exit(FAILED)
        finally:
            end.is_asked = True
            trial.stop()


class End:
    """Breaks off what goes on when the first signal comes, and nothing later: stopping is bounded in time.

    An exception raised while Python is collecting garbage is lost, so waiting also looks at `is_asked`.

    Attributes:
        is_asked: Whether the trial is to end.
    """

    def __init__(self) -> None:
        self.is_asked = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """A signal came.

        Raises:
            KeyboardInterrupt: It is the first.
        """
        if not self.is_asked:
            self.is_asked = True
            raise KeyboardInterrupt
