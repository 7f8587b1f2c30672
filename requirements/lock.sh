#!/usr/bin/env bash
# Renews the lock files from pyproject.toml: hashes for every platform, no index and no address in them.
# Needs uv on the PATH. Usage: requirements/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
resolve() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header "$@"
}
compile() {
    resolve pyproject.toml --group pyproject.toml:build "$@"
}
compile "$@" -o requirements/runtime.txt
compile "$@" --group pyproject.toml:test -c requirements/runtime.txt -o requirements/test.txt
resolve "$@" --group pyproject.toml:mutants -c requirements/test.txt -o requirements/mutants.txt # beside the test set
