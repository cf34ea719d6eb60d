#!/bin/sh
# Print every usable Python 3.LOW to 3.HIGH of this machine as "3.X PATH", one a version, oldest first.
# usage: tools/pythons.sh LOW HIGH
#
# Looks at $PYTHON, the PATH and the versions that pyenv has installed. A name on the PATH proves nothing:
# pyenv leaves launchers there that refuse to run, and Debian's own Python comes without ensurepip, so
# each candidate is asked to run and to import what a virtual environment needs.
set -eu
low=$1
high=$2

probe='import sys, venv, ensurepip, ssl, ctypes
print("%d %s" % (sys.version_info[1], sys.executable))'

candidates() {
    [ -z "${PYTHON:-}" ] || echo "$PYTHON"
    minor=$low
    while [ "$minor" -le "$high" ]; do
        for folder in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin; do
            [ ! -x "$folder/python3" ] || echo "$folder/python3"
        done
        command -v "python3.$minor" || true
        minor=$((minor + 1))
    done
    command -v python3 || true
}

candidates | while read -r candidate; do
    "$candidate" -c "$probe" 2>/dev/null </dev/null || true
done | awk -v low="$low" -v high="$high" '
    $1 >= low && $1 <= high && !seen[$1]++ { minor = $1; sub(/^[0-9]+ /, ""); print minor, "3." minor, $0 }
' | sort -n | cut -d" " -f2-
