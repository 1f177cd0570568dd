# SPDX-License-Identifier: Apache-2.0
"""Which packages of an asset are published: the newest number, and the one that the entry layer shows."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.versions.layout import Layout

__all__ = ["newest_number", "package_of_entry"]

_PINNED = re.compile(r"@\./(v\d+/[^@]+)@")
_NUMBER = re.compile(r"v(\d{3,})")


def newest_number(layout: Layout, asset: str) -> int:
    """The newest package's number; 0 where there is none."""
    home = layout.publish / asset
    found = [_NUMBER.fullmatch(path.name) for path in home.iterdir()] if home.is_dir() else []
    return max((int(match.group(1)) for match in found if match), default=0)


def package_of_entry(entry: Path) -> Path | None:
    """The layer of the numbered package that an entry layer shows; None where it shows none."""
    try:
        found = _PINNED.search(entry.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    return entry.parent / found.group(1) if found else None
