"""What browsers load: hashes, licences, no outside address, nothing inline, small, kept for ever by content."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from gateway.contract.errors import NotFound
from gateway.pages import AssetFolder, Pages, core_assets
from gateway.pages.assets import FOREVER, NoSuchAsset

ROOM = Path(__file__).resolve().parents[2] / "gateway" / "pages"
VENDORED = tomllib.loads((ROOM / "assets/vendored.toml").read_text(encoding="utf-8"))["asset"]
NOTICE = (ROOM.parents[1] / "NOTICE").read_text(encoding="utf-8")
TEMPLATES = sorted((*ROOM.rglob("*.html"), *(ROOM.parent / "cli/template").rglob("*.html*")))
GZIP = {"accept-encoding": "gzip, deflate, br"}
FIRST_VISIT = 150_000
"""Bytes that a first visit may transfer."""


@pytest.mark.parametrize("told", VENDORED, ids=lambda told: str(told["file"]))
def test_what_came_from_elsewhere_is_as_it_was_written_down(told: dict[str, str]) -> None:
    """A vendored file has the hash of the list, and NOTICE names its package, version and licence."""
    content = (ROOM / "assets" / told["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    assert f"{told['name']} {told['version']}, {told['licence']}" in NOTICE


def test_every_asset_is_ours_or_listed() -> None:
    """A file that is neither written here nor listed would have no licence."""
    ours = {"icon.svg", "site.css", "site.js", "fields.js", "worker.js", "drafts.js"}
    ours |= {f"drafts_{part}.js" for part in ("delivery", "form", "sealing", "shell", "store")}
    assert set(core_assets().names) == ours | {told["file"] for told in VENDORED}


def test_nothing_leads_to_another_site() -> None:
    """No asset and no template loads anything from elsewhere, be it in a style, a script or an attribute."""
    for name in core_assets().names:
        text = (ROOM / "assets" / name).read_text(encoding="utf-8")
        assert not re.search(r"url\((?!['\"]?#)", text), name
        if name.endswith(".js"):
            assert not re.search(r"https?://", text), name
            assert not re.search(r"\b(?:eval|Function)\(", text), name
    for template in TEMPLATES:
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"""(?:src|href|action|hx-\w+)=["'](?:https?:)?//""", text), template


def test_nothing_is_inline() -> None:
    """The policy lets no inline script, style or handler run; so no template has one that silently would not."""
    for template in TEMPLATES:
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), template
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), template


def test_a_first_visit_is_small() -> None:
    """The page and all that any page may load stay under the bound together, compressed as they are sent."""
    folder = core_assets()
    page = Pages().render("errors.html", {"errors": []}).body
    sent = sum(len(folder.answer(folder.digest, name, GZIP).body) for name in folder.names)
    assert sent + len(page) < FIRST_VISIT


def test_a_file_is_sent_compressed_and_kept_for_ever() -> None:
    """Its address names its content, so browsers never ask again; those that do are told it is the same."""
    folder = core_assets()
    owner, digest, name = folder.address("site.css").split("/")[2:]
    packed = folder.answer(digest, name, GZIP)
    plain = folder.answer(digest, name, {"accept-encoding": "gzip;q=0"})
    assert (owner, digest) == (folder.owner, folder.digest)
    assert gzip.decompress(packed.body) == plain.body == (ROOM / "assets/site.css").read_bytes()
    fields, plain_fields = dict(packed.headers), dict(plain.headers)
    assert fields["cache-control"] == FOREVER
    assert fields["vary"] == "accept-encoding"
    assert "content-encoding" not in plain_fields
    assert fields["etag"] != plain_fields["etag"]
    again = folder.answer(digest, name, {**GZIP, "if-none-match": fields["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_an_address_of_another_version_is_answered_and_not_kept() -> None:
    """A page from before an upgrade still gets its style."""
    answer = core_assets().answer("0123456789abcdef", "site.css", {})
    assert answer.status == 200
    assert dict(answer.headers)["cache-control"] == "no-cache"


def test_only_known_files_are_served() -> None:
    """The list of what came from elsewhere, what is not there and what lies above are no assets."""
    for name in ("vendored.toml", "nothing.css", "../pages.py", "..%2fpages.py", ""):
        with pytest.raises(NotFound):
            core_assets().answer("x", name, {})
    with pytest.raises(NoSuchAsset):
        core_assets().address("vendored.toml")


def test_the_digest_follows_every_byte(tmp_path: Path) -> None:
    """A changed file, a renamed one and a further one each give other addresses."""
    digests = set()
    for name, text in (("a.css", "a"), ("a.css", "b"), ("b.css", "b"), ("c.js", "")):
        (tmp_path / name).write_text(text)
        digests.add(AssetFolder("kit", tmp_path).digest)
    assert len(digests) == 4
