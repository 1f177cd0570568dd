# SPDX-License-Identifier: Apache-2.0
"""Names of versions: branches that move and tags that do not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UnknownRef, VersionError
from pipeline.usd.writing import replace_text
from pipeline.versions.layout import Layout
from pipeline.versions.version import pointer_text

__all__ = ["Refs"]

_HEAD = re.compile(r"@\.\./versions/([0-9a-f]+)\.usda@")
_ID = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True)
class Refs:
    """Branches, tags and version ids of one project, read from the disk at each call."""

    layout: Layout

    def branches(self) -> list[str]:
        """Names of all branches, sorted."""
        return sorted(p.stem for p in self.layout.branches.glob("[!.]*.usda"))

    def tags(self) -> list[str]:
        """Names of all tags, sorted."""
        return sorted(p.stem for p in self.layout.tags.glob("[!.]*.usda"))

    def head(self, branch: str) -> str:
        """The id of a branch's newest version.

        Raises
        ------
        UnknownRef
            There is no such branch.
        """
        path = self.layout.branch(branch)
        try:
            return named(path)
        except FileNotFoundError:
            raise UnknownRef(
                f"there is no branch {branch!r}",
                path=path,
                remedy=f"use one of: {', '.join(self.branches())}",
            ) from None

    def move(self, branch: str, identifier: str) -> None:
        """Point a branch to a version; the caller holds the branch's lock and has checked the old head."""
        path = self.layout.branch(branch)
        replace_text(path, pointer_text(self.layout, path.parent, identifier))

    def set_tag(self, name: str, identifier: str, facts: dict[str, str]) -> None:
        """Name a version for good.

        Raises
        ------
        VersionError
            The tag exists and names another version.
        """
        path = self.layout.tag(name)
        if path.exists():
            if named(path) == identifier:
                return
            raise VersionError(
                f"tag {name!r} names version {named(path)[:10]} already",
                path=path,
                remedy="tags never move: choose another name",
            )
        replace_text(path, pointer_text(self.layout, path.parent, identifier, facts), 0o444)

    def resolve(self, ref: str) -> str:
        """The version id of a branch, a tag or a unique beginning of an id.

        Raises
        ------
        UnknownRef
            Nothing is called that, or several versions begin so.
        """
        for path in (self.layout.branches / f"{ref}.usda", self.layout.tags / f"{ref}.usda"):
            if ref and "/" not in ref and path.exists():
                return named(path)
        if _ID.fullmatch(ref):
            found = [p.stem for p in self.layout.versions.glob(f"{ref}*.usda")]
            if len(found) == 1:
                return found[0]
            if found:
                raise UnknownRef(f"{len(found)} versions begin with {ref}", remedy="give more digits of the id")
        raise UnknownRef(
            f"no branch, tag or version is called {ref!r}",
            path=self.layout.root,
            remedy="see `gates branch` and `gates log`",
        )


def named(path: Path) -> str:
    """The id that a branch or tag layer names."""
    text = path.read_text(encoding="utf-8", errors="replace")
    found = _HEAD.search(text)
    if not found:
        raise VersionError(
            "this layer does not name a version",
            path=path,
            remedy="run `gates verify --repair`, or restore the file",
        )
    return found.group(1)
