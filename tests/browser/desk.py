"""A gateway with the desk that `docs/how-to/pages-and-forms.md` writes, as a reader would have copied it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.docs.test_plugin_example import files_of
from tests.http.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDE = Path(__file__).resolve().parents[2] / "docs/how-to/pages-and-forms.md"
PLACE = "/apps/birth_desk/form"
KEY = "SIAK_GATEWAY_SECRET_BIRTH_DESK_KEY"
ADAPTER = '[adapters]\nenabled = ["birth_desk"]\n'
COMPLETE = {
    "form/no_kk": "3527033103260001",
    "form/child/name": "SYNTHETIC BAYI",
    "form/child/sex": "P",
    "form/child/birth_date": "20-03-2026",
    "form/child/birth_place": "SAMPANG",
    "form/child/birth_time": "07:30",
    "form/child/place_kind": "2",
    "form/child/kind": "1",
    "form/child/order": "2",
    "form/child/helper": "2",
    "form/mother/nik": "3527035101900002",
    "form/mother/name": "SYNTHETIC IBU",
    "form/reporter/nik": "3527031101900001",
    "form/reporter/name": "SYNTHETIC BAPAK",
    "form/witnesses/0/nik": "3527031101900011",
    "form/witnesses/0/name": "SYNTHETIC SATU",
    "form/witnesses/1/nik": "3527035101900012",
    "form/witnesses/1/name": "SYNTHETIC DUA",
}
"""A whole form, as it is typed."""


def body_of(**others: str) -> bytes:
    """The whole form as it is posted."""
    return urlencode({**COMPLETE, **others}).encode()


@contextmanager
def desk(folder: Path) -> Iterator[Rig]:
    """The gateway; the package can be found while it starts only, so that other tests do not see it installed."""
    packages = folder / "packages"
    for name, text in files_of(GUIDE.read_text(encoding="utf-8")).items():
        file = packages / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    metadata = packages / "birth_desk-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: birth_desk\nVersion: 1.0\n", encoding="utf-8")
    points = "[siak_gateway]\nbirth_desk = birth_desk:BirthDesk\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    rig = Rig(folder, config=ADAPTER)
    sys.path.insert(0, str(packages))
    try:
        with rig:
            sys.path.remove(str(packages))
            rig.environ[KEY] = rig.add_client("desk", adapter="birth_desk")
            yield rig
    finally:
        sys.modules.pop("birth_desk", None)
        if str(packages) in sys.path:
            sys.path.remove(str(packages))
