# SPDX-License-Identifier: Apache-2.0
"""Does it belong? Palette, saturation, value, brightness, readability, drift."""

from __future__ import annotations

__all__: list[str] = []
