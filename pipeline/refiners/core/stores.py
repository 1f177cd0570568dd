# SPDX-License-Identifier: Apache-2.0
"""Where an operation puts the files it makes: geometry layers and textures, named by their content."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import RefineError

if TYPE_CHECKING:
    from pipeline.project import Project


#: what stands for the number of a UDIM tile
_TILES = "<UDIM>"


class Store(Protocol):
    """A keeper of files."""

    def keep(self, path: Path) -> str:
        """Keep a copy of `path`; returns the asset path that names it in the layer being edited.

        A path with `<UDIM>` in it stands for all its tiles, and so does what is returned.
        """
        ...


class FolderStore:
    """Files in a folder, named by content.

    Parameters
    ----------
    folder
        Made when the first file comes.
    anchor
        The folder of the layer being edited; paths are relative to it. Absolute where None.
    """

    def __init__(self, folder: Path, anchor: Path | None = None) -> None:
        self.folder = folder
        self.anchor = anchor

    def keep(self, path: Path) -> str:
        """Copy the file under the name of its SHA-256, tiles under one name."""
        tiles = sorted(path.parent.glob(path.name.replace(_TILES, "1???"))) if _TILES in path.name else []
        total = hashlib.sha256()
        for one in tiles or [path]:
            total.update(one.read_bytes())
        target = self.folder / f"{path.name.split('.')[0]}-{total.hexdigest()[:16]}{path.suffix}"
        copies = [(p, target.with_suffix(f"{p.suffixes[-2]}{path.suffix}")) for p in tiles] or [(path, target)]
        partial = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for source, goal in copies:
                if not goal.exists():
                    partial = goal.with_name(f".partial-{os.getpid()}-{goal.name}")
                    shutil.copyfile(source, partial)
                    partial.replace(goal)
        except OSError as error:
            if partial is not None:
                partial.unlink(missing_ok=True)
            raise RefineError(
                f"the new file could not be kept: {error.strerror}", path=target,
                remedy="free space or check the folder's permissions",
            ) from error  # fmt: skip
        target = target.with_suffix(f".{_TILES}{path.suffix}") if tiles else target
        if self.anchor is None:
            return target.as_posix()
        relative = Path(os.path.relpath(target, self.anchor)).as_posix()
        return relative if relative.startswith("..") else f"./{relative}"


class ProjectStore:
    """A project's object store."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def keep(self, path: Path) -> str:
        """Put the file into `objects/`."""
        objects = self.project.objects
        layer = path.suffix.lower() in (".usd", ".usda", ".usdc")
        stored = objects.add_layer(path) if layer else objects.add_file(path)
        return str(self.project.anchor(stored))
