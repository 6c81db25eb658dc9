#!/bin/sh
# Makes .venv from requirements.lock. Installs what pip cannot bring where root may, else names the command to type.
# Does nothing when the lock and pyproject.toml have not changed since the last run.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
stamp=.venv/.lifecycle-setup

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

wanted() {
    cat requirements.lock pyproject.toml scripts/setup.sh | cksum
}

command -v "$python" >/dev/null 2>&1 ||
    fail "lifecycle needs Python 3.11, 3.12 or 3.13; '$python' was not found." "Type: apt-get install python3"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case "$version" in
3.11 | 3.12 | 3.13) ;;
*) fail "lifecycle needs Python 3.11, 3.12 or 3.13; '$python' is $version." "Type: make PYTHON=python3.12 run" ;;
esac

# LightGBM's wheel links to GNU OpenMP; Debian's minimal python3 has no ensurepip.
missing=""
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python$version-venv"
if [ "$(uname -s)" = Linux ]; then
    "$python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null || missing="$missing libgomp1"
fi
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing system packages:$missing"
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    else
        fail "System packages are missing:$missing" "Type: sudo apt-get install -y$missing"
    fi
fi

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted)" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi
echo "Setting up .venv (Python $version); this is done once and takes two to four minutes."
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "Compiling the passes over histories."
.venv/bin/python -m lifecycle.pipelines.warm_up
wanted >"$stamp"
