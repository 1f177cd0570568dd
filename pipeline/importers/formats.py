# SPDX-License-Identifier: Apache-2.0
"""Which format a file is, by its first bytes where they say so, else by its name; and who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ImportRefused


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its reader's module, and whether it may name other files."""

    name: str
    module: str
    extensions: tuple[str, ...]
    names_files: bool = False


FORMATS = (
    Format("glb", "pipeline.importers.gltf", (".glb",), names_files=True),
    Format("gltf", "pipeline.importers.gltf", (".gltf",), names_files=True),
    Format("fbx", "pipeline.importers.fbx", (".fbx",), names_files=True),
    Format("obj", "pipeline.importers.obj", (".obj",), names_files=True),
    Format("stl", "pipeline.importers.stl", (".stl",)),
    Format("ply", "pipeline.importers.ply", (".ply",)),
    Format("usdz", "pipeline.importers.usd", (".usdz",)),
    Format("usd", "pipeline.importers.usd", (".usd", ".usda", ".usdc"), names_files=True),
)
_BY_NAME = {f.name: f for f in FORMATS}
_MAGIC = (
    (b"glTF", "glb"), (b"Kaydara FBX Binary", "fbx"), (b"PXR-USDC", "usd"), (b"#usda", "usd"), (b"#sdf", "usd"),
    (b"PK\x03\x04", "usdz"), (b"ply\n", "ply"), (b"ply\r", "ply"),
)  # fmt: skip


def extensions() -> tuple[str, ...]:
    """Every extension that can be imported, with its dot."""
    return tuple(e for f in FORMATS for e in f.extensions)


def is_importable(path: str | Path) -> bool:
    """Whether the name has an extension that can be imported."""
    return Path(path).suffix.lower() in extensions()


def sniff(path: Path) -> Format:
    """The format of a regular file.

    Raises
    ------
    ImportRefused
        Empty, or no format that can be read.
    """
    with path.open("rb") as f:
        head = f.read(64)
    if not head:
        raise ImportRefused("is empty (0 bytes)", path=path, remedy="export or download it again")
    suffix = path.suffix.lower()
    by_suffix = next((f for f in FORMATS if suffix in f.extensions), None)
    by_magic = next((_BY_NAME[n] for magic, n in _MAGIC if head.startswith(magic)), None)
    if by_magic is not None and by_magic.name == "usdz" and suffix not in ("", ".usdz"):
        raise ImportRefused("is a zip archive", path=path, remedy="unpack it and give the model inside")
    found = by_magic or by_suffix
    if found is None:
        known = " ".join(extensions())
        raise ImportRefused(f"is of no format that can be read ({suffix or 'no extension'})", path=path,
                            remedy=f"known are {known}")  # fmt: skip
    return found
