# SPDX-License-Identifier: Apache-2.0
"""What every operation stands on: the prim it acts on, where its opinions go, how its result is told."""

from __future__ import annotations

from pipeline.refiners.core.base import Operation, RefineResult, Settings
from pipeline.refiners.core.stores import FolderStore, ProjectStore, Store
from pipeline.refiners.core.subject import Part, Subject

__all__ = [
    "FolderStore",
    "Operation",
    "Part",
    "ProjectStore",
    "RefineResult",
    "Settings",
    "Store",
    "Subject",
]
