#!/usr/bin/env bash
# Makes .venv from a hash-locked requirements file; does nothing when it is already in place.
# The set `mutants` (test and mutmut) has a .venv-mutants of its own. Usage: requirements/install.sh runtime|test|mutants
set -euo pipefail
cd "$(dirname "$0")/.."
set_name=${1:?runtime, test or mutants}
venv=.venv
[ "$set_name" != mutants ] || venv=.venv-mutants

locks_of() {
    echo "requirements/$1.txt"
    [ "$1" != mutants ] || echo requirements/test.txt
}

state_of() { # what a set is installed from
    local locks
    mapfile -t locks < <(locks_of "$1")
    cat "${locks[@]}" pyproject.toml | sha256sum | cut -d' ' -f1
}

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

apt_install() { # one at a time: tests/packages.sh may run beside
    flock /var/lib/apt sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null' sh "$@"
}

make_venv() {
    local python
    python=$(find_python)
    "$python" -m venv "$venv" 2>/dev/null && return
    rm -rf "$venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv ..."
        apt_install python3-venv
        "$python" -m venv "$venv"
    else
        echo "Python's venv module is missing; install the package python3-venv." >&2
        exit 1
    fi
}

# the test set holds the runtime set, so it serves both
for name in "$set_name" test; do
    stamp=$venv/.installed-$name
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(state_of "$name")" ]; then
        exit 0
    fi
done

[ -x "$venv/bin/python" ] || make_venv
echo "Installing the locked requirements into $venv (about half a minute) ..."
mapfile -t locked < <(locks_of "$set_name" | sed 's/^/--requirement=/')
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes "${locked[@]}"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
state_of "$set_name" >"$venv/.installed-$set_name"
