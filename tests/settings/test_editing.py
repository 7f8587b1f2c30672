"""Changing the config in place keeps what people wrote, and never leaves half a file."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from gateway.settings.editing import replace_file, with_extension

if TYPE_CHECKING:
    from pathlib import Path

COMMENTED = """# above
[plugins] # beside
enabled = [
    "metrics", # figures
] # behind

# below
[plugins.metrics]
process = true
"""


def test_enabling_keeps_comments_and_order() -> None:
    """Every comment is still there, and the new name is the last."""
    text = with_extension(COMMENTED, "plugins", "caller_quota", enabled=True)
    assert tomllib.loads(text)["plugins"]["enabled"] == ["metrics", "caller_quota"]
    assert all(f"# {word}" in text for word in ("above", "beside", "figures", "behind", "below"))


def test_disabling_takes_one_name_out() -> None:
    """The settings of a disabled extension stay for another day."""
    text = with_extension(COMMENTED, "plugins", "metrics", enabled=False)
    assert tomllib.loads(text)["plugins"] == {"enabled": [], "metrics": {"process": True}}


@pytest.mark.parametrize(("name", "enabled"), [("metrics", True), ("absent", False)])
def test_what_is_so_already_stays_to_the_byte(name: str, *, enabled: bool) -> None:
    """Nothing is written where nothing changes."""
    assert with_extension(COMMENTED, "plugins", name, enabled=enabled) == COMMENTED


def test_a_missing_table_is_added() -> None:
    """An extension can be enabled in a config that names none."""
    text = with_extension("[log]\nlevel = 'info'\n", "adapters", "jepara", enabled=True)
    assert tomllib.loads(text) == {"log": {"level": "info"}, "adapters": {"enabled": ["jepara"]}}


def test_what_is_no_list_is_left_to_the_check() -> None:
    """A wrong `enabled` is not repaired silently; the check names it."""
    assert with_extension("plugins.enabled = 1\n", "plugins", "x", enabled=True) == "plugins.enabled = 1\n"


def test_a_file_is_replaced_with_its_mode_and_through_its_link(tmp_path: Path) -> None:
    """Mode and symbolic link stay, and nothing else is left in the folder."""
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "gateway.toml", tmp_path / "gateway.toml"
    real.write_text("a = 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    replace_file(link, "a = 2\n")
    assert link.is_symlink()
    assert real.read_text() == "a = 2\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in real.parent.iterdir()] == ["gateway.toml"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """Text that cannot be encoded changes nothing and leaves no temporary file."""
    file = tmp_path / "gateway.toml"
    file.write_text("a = 1\n")
    with pytest.raises(UnicodeEncodeError):
        replace_file(file, "\ud800")
    assert file.read_text() == "a = 1\n"
    assert [each.name for each in tmp_path.iterdir()] == ["gateway.toml"]
