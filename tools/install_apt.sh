#!/bin/sh
# Install the Debian packages of a list that are missing, as root or through sudo.
# usage: tools/install_apt.sh LIST...
set -eu
packages=$(sed 's/#.*//' "$@" | tr -s ' \t\n' ' ')

if ! command -v dpkg-query >/dev/null; then
    echo "not a Debian system: these are needed, install them your way: $packages"
    exit 0
fi

missing=
for package in $packages; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        echo "these packages are needed, and only root can install them: apt-get install$missing" >&2
        exit 2
    fi
    as_root=sudo
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
quiet="-qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0"
# shellcheck disable=SC2086  # the lists are meant to be split
if ! { $as_root apt-get update $quiet && $as_root apt-get install -y --no-install-recommends $quiet $missing; } >/dev/null; then
    echo "apt-get could not install$missing; install them by hand and run make again" >&2
    exit 2
fi
