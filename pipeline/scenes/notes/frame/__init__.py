# SPDX-License-Identifier: Apache-2.0
"""Is it seen? Size, crop and occlusion, texels, triangles and levels for its pixels."""

from __future__ import annotations

__all__: list[str] = []
