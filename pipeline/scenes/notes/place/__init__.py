# SPDX-License-Identifier: Apache-2.0
"""Does it stand? Size against its like, contact with the ground, crossings."""

from __future__ import annotations

__all__: list[str] = []
