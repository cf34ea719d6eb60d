#!/bin/sh
# Make (or repair) a virtual environment with the best Python from 3.LOW to 3.HIGH: 3.11 if there is one.
# usage: tools/make_venv.sh FOLDER LOW HIGH
set -eu
folder=$1
low=$2
high=$3
here=$(dirname "$0")

# An environment whose interpreter still runs and still imports from here is kept.
if "$folder/bin/python" -c 'import sys, pip' 2>/dev/null; then
    exit 0
fi

if [ -n "${PYTHON:-}" ]; then
    python=$PYTHON
else
    found=$(sh "$here/pythons.sh" "$low" "$high")
    python=$(printf '%s\n' "$found" | sed -n 's/^3\.11 //p')
    [ -n "$python" ] || python=$(printf '%s\n' "$found" | tail -n 1 | cut -d" " -f2-)
fi
if [ -z "$python" ]; then
    echo "no usable Python 3.$low to 3.$high found (with venv and ensurepip); install one, or: make PYTHON=/path/to/python" >&2
    exit 2
fi
echo "making $folder with $python"
"$python" -m venv --clear "$folder"
