# SPDX-License-Identifier: Apache-2.0
"""What pruning found and did, as it is printed."""

from __future__ import annotations

from pydantic import BaseModel, Field

__all__ = ["Pruned"]


class Pruned(BaseModel):
    """The report of a pruning.

    Attributes
    ----------
    removed
        Candidates that were taken out of the work layer.
    bytes_won, files_deleted
        Of objects that nothing needs any more.
    bytes_kept, files_kept
        Of the removed candidates' objects that a version, somebody's work or a published package still needs.
    dry_run
        Nothing was done: the numbers say what would be.
    """

    removed: list[str] = Field(default_factory=list)
    bytes_won: int = 0
    files_deleted: int = 0
    bytes_kept: int = 0
    files_kept: int = 0
    dry_run: bool = False
    notes: list[str] = Field(default_factory=list)

    def sentence(self) -> str:
        """The report in words."""
        if not self.removed:
            return "nothing to prune"
        would = "would remove" if self.dry_run else "removed"
        won = "would win" if self.dry_run else "won"
        return f"{would} {', '.join(self.removed)}; {won} {_size(self.bytes_won)} in {self.files_deleted} files" + (
            f"; {_size(self.bytes_kept)} in {self.files_kept} files are still needed" if self.files_kept else ""
        )


def _size(count: int) -> str:
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
