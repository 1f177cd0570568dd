# SPDX-License-Identifier: Apache-2.0
"""OBJ and STL as trimesh reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.exporters.seam import Reading

__all__ = ["read_with_trimesh"]


_STATED = re.compile(rb"Seven Gates[^\n]*, unit (m|cm|mm), up (Y|Z)")
_METRES = {b"m": 1.0, b"cm": 0.01, b"mm": 0.001}


def _in_metres(bounds: Any, path: Path) -> list[list[float]]:
    """Bounds in Y-up metres, by the unit and axis that the file's comment or header states."""
    with path.open("rb") as file:
        stated = _STATED.search(file.read(200))
    unit, up = (stated[1], stated[2]) if stated else (b"m", b"Y")
    box = np.asarray(bounds, float) * _METRES[unit]
    if up == b"Z":
        low, high = box
        box = np.array([[low[0], low[2], -high[1]], [high[0], high[2], -low[1]]])
    return box.tolist()  # type: ignore[no-any-return]


def read_with_trimesh(path: Path) -> Reading:
    """Triangles and bounds of a written file; what trimesh raises is a problem."""
    import trimesh

    facts: dict[str, Any] = {"polygons_only": True}
    problems: list[str] = []
    try:
        scene = trimesh.load_scene(path, process=False)
        meshes = [g for g in scene.dump() if isinstance(g, trimesh.Trimesh)]
        facts["triangles"] = sum(len(m.faces) for m in meshes)
        if scene.bounds is not None:
            facts["bounds_m"] = _in_metres(scene.bounds, path)
        if path.suffix.lower() == ".stl":
            whole: Any = trimesh.util.concatenate(meshes) if meshes else None
            if whole is not None:
                whole.merge_vertices()
                facts["watertight"] = bool(whole.is_watertight)
    except Exception as e:  # noqa: BLE001 - whatever another reader raises is its verdict
        problems.append(f"trimesh cannot read it: {type(e).__name__}: {e}")
    return Reading(f"trimesh {trimesh.__version__}", facts, problems)
