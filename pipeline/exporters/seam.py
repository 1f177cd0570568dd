# SPDX-License-Identifier: Apache-2.0
"""What an exporter is: a module with three functions, found by the suffix of the file.

    write(scene, out, target) -> list[Loss]      write `out` and whatever lies beside it in the same folder
    read_back(path) -> Reading                   what a reader that is not ours finds in it
    reading(target) -> dict                      (optional) arguments for `read_scene`
    LEVELS = True                                (optional) the format holds levels of detail, `Node.lods`

USD writers keep composition instead of arrays; they define `write_stage(stage, scene, out, target)` in place of
`write`, and may define `read_back_stage(stage, path, …)`, which holds the file against the stage itself.

The folder of `out` is a fresh staging folder: everything in it is delivered together or not at all.

A plug-in adds a format through the entry point group `sevengates.exporters`: the entry's name is the suffix
without its dot, its value the module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from pipeline.errors import UsageError
from pipeline.exporters.targets import Target
from pipeline.usd.scene.model import Loss, Scene

__all__ = ["FORMATS", "Exporter", "Reading", "exporter_for", "formats"]

#: suffix to module; imported when a file of that suffix is written
FORMATS = {
    ".fbx": "pipeline.exporters.fbx",
    ".glb": "pipeline.exporters.gltf",
    ".gltf": "pipeline.exporters.gltf",
    ".obj": "pipeline.exporters.obj",
    ".stl": "pipeline.exporters.stl",
    ".usd": "pipeline.exporters.usd",
    ".usda": "pipeline.exporters.usd",
    ".usdc": "pipeline.exporters.usd",
    ".usdz": "pipeline.exporters.usdz",
}


@dataclass
class Reading:
    """What a foreign reader found in a written file.

    Attributes
    ----------
    reader
        Its name and version; several joined by ` + `.
    facts
        Whatever it can tell, under the names of the result's stats (`triangles`, `bounds_m`, `materials`, …);
        what it cannot tell is left out and not compared.
    problems
        Errors and warnings that it raised; each fails the export.
    unavailable
        Readers that would have been asked and are not installed.
    """

    reader: str
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)


class Exporter(Protocol):
    """A module that writes one format."""

    def write(self, scene: Scene, out: Path, target: Target) -> list[Loss]:
        """Write the scene to `out`; what the format cannot hold is returned, by prim."""
        ...

    def read_back(self, path: Path) -> Reading:
        """Read the written file with a reader that is not ours."""
        ...


def formats() -> Mapping[str, str]:
    """All suffixes that can be written, with the module of each; plug-ins included."""
    from importlib.metadata import entry_points

    found = {f".{e.name}": e.value for e in entry_points(group="sevengates.exporters")}
    return {**found, **FORMATS}


def exporter_for(path: Path) -> Exporter:
    """The exporter of a file's suffix.

    Raises
    ------
    UsageError
        Nothing writes that suffix.
    """
    known = formats()
    name = known.get(path.suffix.lower())
    if name is None:
        raise UsageError(
            f"no exporter writes {path.suffix or 'a file without suffix'}",
            path=path,
            remedy=f"use one of: {' '.join(sorted(known))}",
        )
    return cast(Exporter, import_module(name))
