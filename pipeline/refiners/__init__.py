# SPDX-License-Identifier: Apache-2.0
"""Fixers and refiners: one operation per file, non-destructive, each with its numbers before and after.

`refine(stage, prim, op, settings)` authors opinions into the stage's current edit target; `refine_file` makes a
mended copy of a file. The file's name is the operation's name with `-` for `_`.
"""

from __future__ import annotations

from pipeline.refiners.core.apply import refine
from pipeline.refiners.core.base import Operation, RefineResult, Settings
from pipeline.refiners.core.files import refine_file
from pipeline.refiners.core.registry import failed, find, names, operations
from pipeline.refiners.core.stores import FolderStore, ProjectStore, Store

__all__ = [
    "FolderStore",
    "Operation",
    "ProjectStore",
    "RefineResult",
    "Settings",
    "Store",
    "failed",
    "find",
    "names",
    "operations",
    "refine",
    "refine_file",
]
