# SPDX-License-Identifier: Apache-2.0
"""Where things lie in a project folder; nothing else knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError

__all__ = ["Layout", "checked_name"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def checked_name(name: str, what: str) -> str:
    """A name that may be part of a file path and of an expression.

    Raises
    ------
    UsageError
        It may not.
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UsageError(
            f"{name!r} cannot name a {what}",
            remedy="use letters, digits, dot, dash and underscore, starting with a letter or digit",
        )
    return name


@dataclass(frozen=True)
class Layout:
    """The paths of one project.

    Attributes
    ----------
    root
        The project folder, absolute.
    """

    root: Path

    @property
    def stage(self) -> Path:
        """The stage that everybody opens."""
        return self.root / "project.usda"

    @property
    def config(self) -> Path:
        """The project's configuration."""
        return self.root / "gates.toml"

    @property
    def branches(self) -> Path:
        """One layer a branch, each naming its newest version."""
        return self.root / "branches"

    @property
    def tags(self) -> Path:
        """One layer a tag."""
        return self.root / "tags"

    @property
    def versions(self) -> Path:
        """One immutable layer a version."""
        return self.root / "versions"

    @property
    def objects(self) -> Path:
        """Immutable bytes named by their content."""
        return self.root / "objects"

    @property
    def publish(self) -> Path:
        """Delivered packages by asset and number."""
        return self.root / "publish"

    @property
    def works(self) -> Path:
        """People's uncommitted layers."""
        return self.root / "work"

    @property
    def private(self) -> Path:
        """Caches and locks; may be deleted while nobody works."""
        return self.root / ".gates"

    @property
    def locks(self) -> Path:
        """Files that processes lock."""
        return self.private / "locks"

    def branch(self, name: str) -> Path:
        """The layer of a branch."""
        return self.branches / f"{checked_name(name, 'branch')}.usda"

    def tag(self, name: str) -> Path:
        """The layer of a tag."""
        return self.tags / f"{checked_name(name, 'tag')}.usda"

    def version(self, identifier: str) -> Path:
        """The layer of a version."""
        return self.versions / f"{identifier}.usda"

    def work(self, who: str, branch: str) -> Path:
        """The mutable layer of one person on one branch."""
        return self.works / who / f"{checked_name(branch, 'branch')}.usda"

    def person(self, who: str) -> Path:
        """The stage of one person: remembers the branch and shows the uncommitted work."""
        return self.works / f"{who}.usda"
