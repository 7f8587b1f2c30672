#!/usr/bin/env bash
# Makes .venv from a hash-locked requirements file; does nothing when it is already in place.
# Usage: requirements/install.sh runtime|test
set -euo pipefail
cd "$(dirname "$0")/.."
set_name=${1:?runtime or test}
lock=requirements/$set_name.txt
venv=.venv

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed; set PYTHON to its path." >&2
    exit 1
}

make_venv() {
    local python
    python=$(find_python)
    "$python" -m venv "$venv" 2>/dev/null && return
    rm -rf "$venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv ..."
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
        "$python" -m venv "$venv"
    else
        echo "Python's venv module is missing; install the package python3-venv." >&2
        exit 1
    fi
}

wanted=$(cat "$lock" pyproject.toml | sha256sum | cut -d' ' -f1)
# the test set holds the runtime set, so it serves both
for stamp in "$venv/.installed-$set_name" "$venv/.installed-test"; do
    have_lock=requirements/${stamp##*-}.txt
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cat "$have_lock" pyproject.toml | sha256sum | cut -d' ' -f1)" ]; then
        exit 0
    fi
done

[ -x "$venv/bin/python" ] || make_venv
echo "Installing the locked requirements into $venv (about half a minute) ..."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" >"$venv/.installed-$set_name"
