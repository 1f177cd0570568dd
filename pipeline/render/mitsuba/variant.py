# SPDX-License-Identifier: Apache-2.0
"""Which Mitsuba variant this machine can run.

`llvm_ad_rgb` is several times faster than `scalar_rgb` but needs a libLLVM, and some versions (14 to 16 of
Debian) make the process abort where Python cannot catch it. So each library is tried once in a process of its
own, and the verdict is remembered until Mitsuba or the library change.
"""

from __future__ import annotations

import ctypes.util
import json
import os
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

_PROBE = """
import sys
import mitsuba as mi
mi.set_variant('llvm_ad_rgb')
scene = mi.load_dict({'type': 'scene', 'i': {'type': 'path'}, 'e': {'type': 'constant'}, 's': {'type': 'sphere'},
  'c': {'type': 'perspective', 'film': {'type': 'hdrfilm', 'width': 8, 'height': 8}}})
import numpy as np
sys.exit(0 if np.isfinite(np.array(mi.render(scene, spp=1))).all() else 3)
"""
_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
            "/opt/homebrew/opt/llvm/lib")  # fmt: skip


@cache
def usable() -> str:
    """`llvm_ad_rgb` or `scalar_rgb`; sets DRJIT_LIBLLVM_PATH for the first of them."""
    authored = os.environ.get("DRJIT_LIBLLVM_PATH")
    candidates = [authored] if authored else libraries()
    known = _remembered()
    for library in candidates:
        key = f"{version('mitsuba')} {library} {_stamp(library)}"
        if key not in known:
            known[key] = _runs(library)
            _remember(known)
        if known[key]:
            os.environ["DRJIT_LIBLLVM_PATH"] = library
            return "llvm_ad_rgb"
    return "scalar_rgb"


def libraries() -> list[str]:
    """libLLVM files of this machine, newest first; those that are known to abort come last."""
    found: dict[str, int] = {}
    for folder in _FOLDERS:
        for path in Path(folder).glob("libLLVM*"):
            number = re.search(r"LLVM(?:-|\.so\.|\.)?(\d+)", path.name)
            if ".so" in path.name or path.suffix == ".dylib":
                found.setdefault(str(path.resolve()), int(number.group(1)) if number else 0)
    plain = ctypes.util.find_library("LLVM")
    if plain and not found:
        found[plain] = 0
    order = sorted(found, key=lambda p: (14 <= found[p] <= 16, -found[p]))
    return order


def _runs(library: str) -> bool:
    environment = {**os.environ, "DRJIT_LIBLLVM_PATH": library}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], env=environment, capture_output=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _stamp(library: str) -> int:
    try:
        return int(Path(library).stat().st_mtime)
    except OSError:
        return 0


def _cache_file() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "sevengates" / "mitsuba.json"


def _remembered() -> dict[str, bool]:
    try:
        held: Any = json.loads(_cache_file().read_text(encoding="utf-8"))
        return {str(k): bool(v) for k, v in held.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _remember(known: dict[str, bool]) -> None:
    from pipeline.render.picture import whole_file

    try:
        with whole_file(_cache_file()) as temporary:
            temporary.write_text(json.dumps(known, indent=1), encoding="utf-8")
    except OSError:
        return  # tried again next time
