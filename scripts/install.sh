#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: install.sh VENV    makes the environment; what needs a compiler is left out, and said, where there is none
set -euo pipefail
venv=$1
python=${PYTHON:-}
for candidate in $python python3.13 python3.12 python3.11 python3; do
  if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "Python 3.11 or later is needed: apt-get install python3.11 python3.11-venv" >&2
  exit 1
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || {
  echo "venv is missing: apt-get install $(basename "$python")-venv" >&2
  exit 1
}
# meshoptimizer comes as source only
if ! command -v c++ >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install -y -q g++ || { apt-get update -q && apt-get install -y -q g++; }; } >/dev/null 2>&1 || true
  fi
  command -v c++ >/dev/null || {
    echo "a C++ compiler is needed once: sudo apt-get install g++" >&2
    exit 1
  }
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$venv/bin/python" -m pip install -q -e '.[dev]'
