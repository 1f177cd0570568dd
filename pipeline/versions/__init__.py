# SPDX-License-Identifier: Apache-2.0
"""Versions as layer stacks: objects, commit, branches, history, diff, merge, packages, verify.

Each module stands alone; `store.VersionStore` holds what they work on. `pipeline.project.Project` is how
programs and people use them.
"""

from __future__ import annotations

from pipeline.versions.layout import Layout
from pipeline.versions.store import VersionStore
from pipeline.versions.version import Version

__all__ = ["Layout", "Version", "VersionStore"]
