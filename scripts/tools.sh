#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: tools.sh PYTHON    the readers that judge our files: glTF validator, Blender as a module, assimp, a browser
set -euo pipefail
python=$1
here=$(cd "$(dirname "$0")/.." && pwd)
tools=$here/build/tools
mkdir -p "$tools"
env=$tools/env

system() { # system PROGRAM PACKAGE...
  local program=$1
  shift
  command -v "$program" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get install -y -q "$@" >/dev/null 2>&1 || { apt-get update -q >/dev/null && apt-get install -y -q "$@" >/dev/null; }
  else
    echo "$program is missing: sudo apt-get install $*" >&2
    exit 1
  fi
}
bash "$here/scripts/system.sh" llvm
bash "$here/scripts/system.sh" vulkan
system assimp assimp-utils
system chromium chromium
system node nodejs npm
if [ ! -d "$tools/node_modules/gltf-validator" ]; then
  npm install --silent --no-audit --no-fund --prefix "$tools" gltf-validator >/dev/null
fi
if [ ! -x "$tools/blender/bin/python" ] || ! "$tools/blender/bin/python" -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("bpy") is None)'; then
  base=$("$python" -c 'import sys; print(sys._base_executable)')
  "$base" -m venv "$tools/blender"
  "$tools/blender/bin/python" -m pip install -q --disable-pip-version-check bpy
fi
cat >"$env" <<END
export GATES_NODE_TOOLS='$tools'
export GATES_BLENDER_PYTHON='$tools/blender/bin/python'
END
