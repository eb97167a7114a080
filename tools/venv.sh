#!/bin/sh
# Make .venv from requirements.lock: once, and again only when the lock has changed. PYTHON=… names another Python.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "error: $*" >&2
    exit 1
}

[ -x .venv/bin/python ] && cmp -s requirements.lock .venv/requirements.lock && exit 0

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "no Python 3.11 or newer found; install one, or name it: make report PYTHON=/path/to/python3"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "this Python has no venv module; on Debian or Ubuntu: apt install python3-venv"

# PyPI's torch for Linux brings gigabytes of CUDA that a run on the CPU never uses. PyTorch's own index has a build without;
# it is asked first, unless the configuration wants a GPU. TORCH_INDEX= names another index, or none.
index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
extra=
if [ -n "$index" ] && [ "$(uname -s)" = Linux ] && ! grep -qsE "^device: *['\"]?(cuda|auto)" config/config.yaml; then
    if "$python" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$index/torch/" 2>/dev/null; then
        extra="--extra-index-url $index"
        echo "torch: the build for the CPU, from $index."
    else
        echo "torch: the build from pip's own index, as $index does not answer."
    fi
fi

echo "Making .venv from requirements.lock, once; this takes a minute or more."
rm -rf .venv
"$python" -m venv .venv
quiet=--quiet
[ -t 1 ] && quiet=
# shellcheck disable=SC2086 # empty ones are to vanish
.venv/bin/python -m pip install $quiet $extra --disable-pip-version-check --requirement requirements.lock 2>.venv/pip.log || {
    reason=$(grep -v -i '^warning' .venv/pip.log | tail -n 1)
    fail "the packages could not be installed; is the network there? pip says: ${reason:-nothing} (all of it: .venv/pip.log)"
}
cp requirements.lock .venv/requirements.lock
