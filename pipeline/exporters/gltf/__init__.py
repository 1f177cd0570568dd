# SPDX-License-Identifier: Apache-2.0
"""glTF 2.0, as one GLB or as `.gltf` with its data beside it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.exporters.gltf.readback import read_back
from pipeline.exporters.gltf.scene import SceneWriter
from pipeline.exporters.targets import Target
from pipeline.usd.scene.collecting import uncollected
from pipeline.usd.scene.model import Loss, Scene

__all__ = ["LEVELS", "read_back", "reading", "write"]

#: levels of detail can be stored (MSFT_lod)
LEVELS = True


def reading(target: Target) -> dict[str, Any]:
    """What glTF wants of `read_scene`."""
    return {"material_variants": target.geometry.variants, "levels": True}


@uncollected()
def write(scene: Scene, out: Path, target: Target) -> list[Loss]:
    """Write a scene to `.glb` or `.gltf`; returns what glTF cannot hold.

    Raises
    ------
    pipeline.errors.ExportError
        It does not fit the format.
    """
    embed = out.suffix.lower() == ".glb"
    try:
        generator = f"Seven Gates {version('sevengates')}"
    except PackageNotFoundError:
        generator = "Seven Gates"
    writer = SceneWriter(scene, target, embed=embed, generator=generator)
    document = writer.write()
    if embed:
        document.write_glb(out)
    else:
        document.write_gltf(out, writer.images.files)
    return list(writer.report.losses)
