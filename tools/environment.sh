#!/bin/sh
# Makes .venv in the current folder from the first Python that will do, or says in one line what is missing.
# A .venv that still works is left as it is, so this is cheap to call again.
set -eu

venv=.venv

if [ -x "$venv/bin/python" ] &&
    "$venv/bin/python" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exit 0
fi

fits() { # a Python of at least 3.11 that can make environments; sets `lack` to what is wrong with one that is there
    command -v "$1" >/dev/null 2>&1 || return 1
    version=$("$1" -c 'import platform; print(platform.python_version())' 2>/dev/null) || return 1
    if ! "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        lack="$lack; $1 is Python $version"
    elif ! "$1" -c 'import ensurepip, venv' 2>/dev/null; then
        lack="$lack; $1 (Python $version) lacks \`venv\` or \`ensurepip\`: install it, on Debian and Ubuntu with \`apt install python3-venv\`"
    else
        return 0
    fi
    return 1
}

lack=
found=
if [ -n "${PYTHON:-}" ]; then
    if ! fits "$PYTHON"; then
        echo "licet: PYTHON=$PYTHON does not do${lack:-; it does not run}. Name a Python of at least 3.11." >&2
        exit 2
    fi
    found=$PYTHON
else
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if fits "$candidate"; then
            found=$candidate
            break
        fi
    done
    if [ -z "$found" ]; then
        echo "licet: needs Python 3.11 or newer with \`venv\`${lack:-; there is no python3}. Another one is chosen with \`make ... PYTHON=/path/to/python\`." >&2
        exit 2
    fi
fi

"$found" -m venv --clear "$venv"
