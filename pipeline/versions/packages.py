# SPDX-License-Identifier: Apache-2.0
"""Publish numbers: `publish/<asset>/v003` never changes, `publish/<asset>/<asset>.usda` is the newest of them.

The entry layer is for browsing and for first use; whatever is committed names a number.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["package_of_entry"]

_PINNED = re.compile(r"@\./(v\d+/[^@]+)@")


def package_of_entry(entry: Path) -> Path | None:
    """The layer of the numbered package that an entry layer shows; None where it shows none."""
    found = _PINNED.search(entry.read_text(encoding="utf-8", errors="replace"))
    return entry.parent / found.group(1) if found else None
