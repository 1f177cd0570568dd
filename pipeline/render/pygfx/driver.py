# SPDX-License-Identifier: Apache-2.0
"""Whether this machine has a Vulkan (or Metal, or DirectX) driver that pygfx can draw with."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.util import find_spec

_PROBE = "import wgpu; wgpu.gpu.request_adapter_sync(power_preference='high-performance').request_device_sync()"
_DRIVER = "apt-get install libvulkan1 mesa-vulkan-drivers, which draws in software where there is no graphics card"


@cache
def missing() -> tuple[str, str] | None:
    """Why pygfx cannot draw here and what changes that; None where it can.

    Tried in a process of its own: a broken driver may abort where Python cannot catch it.
    """
    if find_spec("pygfx") is None or find_spec("wgpu") is None:
        return "pygfx is not installed", "pip install 'sevengates[viewport]'"
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "the graphics driver does not answer", _DRIVER
    return None if done.returncode == 0 else ("no graphics driver was found", _DRIVER)
