#!/usr/bin/env bash
# Installs the Debian packages the tests need where root and apt are there; elsewhere it names what is left out.
# With CI=true nothing may be left out.
set -euo pipefail
declare -A needed=([postgresql]='ls /usr/lib/postgresql/*/bin/initdb' [curl]='command -v curl' [chromium]='command -v chromium || command -v chromium-browser')
needed+=([poppler-utils]='command -v pdfsig' [zbar-tools]='command -v zbarimg')
needed+=([php-cli]='command -v php' [php-curl]='php -m | grep -qx curl')
if [ "${CI:-}" = true ]; then # large, and only for clients of the drop-in face in their own languages
    needed+=([default-jdk-headless]='command -v javac' [nodejs]='command -v node')
fi
missing=()
for package in "${!needed[@]}"; do
    sh -c "${needed[$package]}" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian packages for the tests: ${missing[*]}"
    # one at a time: requirements/install.sh may run beside
    if flock /var/lib/apt sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null' sh "${missing[@]}"; then
        exit 0
    fi
fi
echo "Left out, since these Debian packages are missing and could not be installed: ${missing[*]}" >&2
[ "${CI:-}" != true ]
