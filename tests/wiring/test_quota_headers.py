"""What a caller is told of its quota, whatever the outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.http.rig import LOOKUP, Rig

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[plugins]
enabled = ["caller_quota"]
[plugins.caller_quota]
per_minute = 60
burst = 2
"""


def test_every_answer_after_the_quota_says_what_is_left(tmp_path: Path) -> None:
    """A good answer, a refusal of the centre's and the quota's own refusal carry `RateLimit` and its policy."""
    with Rig(tmp_path, config=CONFIG) as rig:
        key = rig.add_client("desk")
        good = rig.post(LOOKUP, {"nik": rig.nik(), "purpose": "pelayanan"}, key=key)
        unknown = rig.post(LOOKUP, {"nik": "3527010101019998", "purpose": "pelayanan"}, key=key)
        spent = rig.post(LOOKUP, {"nik": rig.nik(), "purpose": "pelayanan"}, key=key)
    assert [heard.status for heard in (good, unknown, spent)] == [200, 404, 429]
    assert [heard.headers["ratelimit"].partition(";t=")[0] for heard in (good, unknown, spent)] == [
        '"minute";r=1',
        '"minute";r=0',
        '"minute";r=0',
    ]
    assert all("ratelimit-policy" in heard.headers for heard in (good, unknown, spent))
    assert int(spent.headers["retry-after"]) >= 1
