# SPDX-License-Identifier: Apache-2.0
"""Plug-ins, hooks and trust. `pipeline.plugins(...)` is `discover(...)`."""

from __future__ import annotations

from pipeline.callables import make_callable
from pipeline.plugins.discovery import Plugin, discover

__all__ = ["Plugin", "discover"]

make_callable(__name__, "discover")
