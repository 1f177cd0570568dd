#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: system.sh llvm|vulkan     a system package that something needs: installed where allowed, else named
set -uo pipefail
need() { # need PACKAGE... : apt-get installs them as root, otherwise the line to type
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    { apt-get install -y -q "$@" || { apt-get update -q && apt-get install -y -q "$@"; }; } >/dev/null 2>&1
  else
    false
  fi
}
case ${1:-} in
  llvm)
    # pictures are drawn five times faster with a libLLVM that Mitsuba can use; without it they are the same
    ldconfig -p 2>/dev/null | grep -qE 'libLLVM(-|\.so\.)(1[7-9]|2[0-9])' || need libllvm19 ||
      echo "pictures are slow without libLLVM: apt-get install libllvm19" >&2
    ;;
  vulkan)
    # the renderer `pygfx` and the viewport draw in software where there is no graphics card; `draft` needs neither
    ldconfig -p 2>/dev/null | grep -q libvulkan.so.1 && ls /usr/share/vulkan/icd.d/*.json >/dev/null 2>&1 ||
      need libvulkan1 mesa-vulkan-drivers ||
      echo "no Vulkan driver: apt-get install libvulkan1 mesa-vulkan-drivers" >&2
    ;;
  *)
    echo "usage: system.sh llvm|vulkan" >&2
    exit 2
    ;;
esac
exit 0
