"""All benchmarks, one after the other; figures go to `bench/results/`.

make bench
"""

from __future__ import annotations

import subprocess
import sys

SUITES = (
    "bench.reads",
    "bench.links",
    "bench.pages",
    "bench.footprint",
    "bench.claiming",
    "bench.ledger",
    "bench.blobs",
    "bench.submissions",
)


def main() -> int:
    """Run every suite; 1 if one failed to run."""
    return max(subprocess.run([sys.executable, "-m", suite, "--write"], check=False).returncode for suite in SUITES)


if __name__ == "__main__":
    sys.exit(main())
