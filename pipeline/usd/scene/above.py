# SPDX-License-Identifier: Apache-2.0
"""What a prim gets from those above it, as the walk hands it down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Above"]


@dataclass(slots=True)
class Above:
    """What a prim inherits."""

    parent: int = -1
    purpose: str = "default"
    visible: bool = True
    bindings: tuple[Any, ...] = ()
    primvars: dict[str, Any] = field(default_factory=dict)
