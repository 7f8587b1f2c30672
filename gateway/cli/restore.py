"""`siak-gateway restore`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gateway.settings import Settings

_LOST = """\
Yang diajukan setelah cadangan itu{made} TIDAK dikenal di sini, dan bila diajukan lagi dapat tercatat dua kali di pusat:
  1. Minta desa dan aplikasi: jangan mengajukan lagi sebelum nomor (id) di tanda terimanya diperiksa.
  2. Sebut id itu sebelum diajukan lagi:  siak-gateway strays recall ID ...
  3. Lalu ajukan lagi dengan origin_id atau Idempotency-Key yang SAMA: pusat ditanya dahulu, jadi tidak ganda.
  4. Yang sudah diputus pusat dikenali sendiri:  siak-gateway strays list
What was handed in after that backup{made} is NOT known here, and may be doubled at the centre if it is handed in anew:
  1. Ask villages and apps to hand nothing in again before the ids on their receipts were looked at.
  2. Name those ids before that:  siak-gateway strays recall ID ...
  3. Then hand in with the SAME origin_id or Idempotency-Key: the centre is asked first, so nothing is doubled.
  4. What the centre decides is known by itself:  siak-gateway strays list"""

_folder = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command(epilog="Example: siak-gateway restore --from /mnt/backup --copy /mnt/second-copy")
@click.option("--from", "backup", type=_folder, help="A backup, or the folder of backups: then the newest.")
@click.option("--copy", "copy", type=_folder, help="The second copy, the folder of replica.path.")
@click.option("--without-copy", is_flag=True, help="Leave the configured second copy out; the next start replaces it.")
@click.option(
    "--mark", is_flag=True, help="Only mark a database that was restored by other means, such as PostgreSQL's own."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
def restore(
    *,
    backup: Path | None,
    copy: Path | None,
    without_copy: bool,
    mark: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Put everything back into an empty data folder; put the keys into their folder first.

    The centre is then asked about whatever it may know better of before anything is sent, so that nothing is doubled.
    What came after a backup that is restored alone is not known here: what to do about it is told first.
    """
    from gateway.cli.faults import read_config, stop_on_fault
    from gateway.wiring.returning import mark as mark_only

    if mark == (backup is not None or copy is not None):
        raise click.UsageError("name --from, --copy or both; or --mark alone")
    settings = read_config(config_file)
    if copy is None:
        _tell_what_is_lost(backup)
    with stop_on_fault():
        if mark:
            told: dict[str, object] = {"doubted": mark_only(settings, os.environ)}
        else:
            told = _put_back(settings, backup, copy, without_copy=without_copy)
    if copy is not None and told["from"] == "backup":  # the copy was damaged, or older
        _tell_what_is_lost(backup)
    if as_json:
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{told['doubted']} submissions will be asked about at the centre before anything is sent again.")
    if not mark:
        click.echo(f"Restored from the {told['from']}: {told['submissions']} submissions. Now: siak-gateway doctor")


def _put_back(settings: Settings, backup: Path | None, copy: Path | None, *, without_copy: bool) -> dict[str, object]:
    from gateway.wiring.returning import copy_left_out, restore  # imports late

    left_out = None if without_copy else copy_left_out(settings, copy)
    if left_out is not None:
        raise click.UsageError(f"there is a second copy at {left_out}: add --copy {left_out} or --without-copy")
    restored = restore(settings, os.environ, backup, copy, lambda text: click.echo(f"… {text}", err=True))
    return {"from": restored.how, "submissions": restored.submissions, "doubted": restored.doubted}


def _tell_what_is_lost(backup: Path | None) -> None:
    from gateway.wiring.returning import made_of  # imports late

    click.echo(_LOST.format(made=made_of(backup)), err=True)
