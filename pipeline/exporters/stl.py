# SPDX-License-Identifier: Apache-2.0
"""Binary STL: triangles without names, units or axes. By the trade's habit Z-up millimetres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.exporters.placed import face_normals, placed_meshes, report_still
from pipeline.exporters.seam import Reading
from pipeline.exporters.targets import Target
from pipeline.usd.scene import Loss, Scene
from pipeline.usd.scene.report import Report

__all__ = ["open_edges", "read_back", "reading", "write"]

_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_UNITS = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
_BATCH = 500_000
_MOST = 2**32 - 1
_PRINT = "print"


def write(scene: Scene, out: Path, target: Target) -> list[Loss]:
    """Write everything that is drawn as triangles.

    Without a target, Z-up millimetres, which is what slicers take a number for; with one, its unit and axis. For
    the print target every mesh that is not closed is reported.

    Raises
    ------
    ExportError
        The file cannot be written.
    """
    report = Report()
    report_still(scene, report, "STL")
    unit = target.unit if target.name else "mm"
    scale = _UNITS[unit]
    z_up = target.up_axis == "Z" if target.name else True
    count = 0
    materials = False
    with out.open("wb") as file:
        head = f"Seven Gates binary STL, unit {unit}, up {'Z' if z_up else 'Y'}".encode()
        file.write(head.ljust(80, b" ") + bytes(4))
        for placed in placed_meshes(scene, report, "STL", scale=scale, z_up=z_up, detail=False):
            mesh = placed.mesh
            if mesh.kind != "polygons":
                report.lose(placed.path, "curves" if mesh.kind == "lines" else "points", "STL has triangles only")
                continue
            if mesh.edges is not None:
                report.lose(placed.path, "faces of two corners", "STL has triangles only")
            materials |= any(m >= 0 for m in placed.materials) or mesh.color is not None
            # corner numbers of the triangles are of the mesh's own order; a mirrored place turned the corners
            triangles = mesh.triangle_vertices
            if placed.vertices is not mesh.face_vertices:
                triangles = triangles[:, ::-1]
            if target.name == _PRINT:
                _report_open(placed.path, placed.points, triangles, report)
            for start in range(0, len(triangles), _BATCH):
                part = triangles[start : start + _BATCH]
                facets = np.zeros(len(part), _FACET)
                facets["corners"] = placed.points[part]
                facets["normal"] = face_normals(
                    facets["corners"].reshape(-1, 3), np.full(len(part), 3), np.arange(3 * len(part))
                )
                file.write(facets.data)
            count += len(triangles)
        if count > _MOST:
            from pipeline.errors import ExportError

            raise ExportError(f"STL counts at most {_MOST} triangles; there are {count}", path=out)
        file.seek(80)
        file.write(count.to_bytes(4, "little"))
    if materials:
        report.lose(scene.source, "materials, colours and UVs", "STL has triangles only")
    return list(report.losses)


def _report_open(path: str, points: NDArray[np.floating], triangles: NDArray[np.integer], report: Report) -> None:
    open_, crowded = open_edges(points, triangles)
    if open_ or crowded:
        counts = ((open_, "open edges"), (crowded, "edges with more than two faces"))
        found = " and ".join(f"{n} {what}" for n, what in counts if n)
        report.lose(path, "watertight", f"not closed: {found}; repair it before printing")


def open_edges(points: NDArray[np.floating], triangles: NDArray[np.integer]) -> tuple[int, int]:
    """How many edges have one face, and how many have more than two; points at one place count as one.

    Parameters
    ----------
    points
        `(n, 3)`, compared as float32, the precision of STL.
    triangles
        `(t, 3)` into the points.
    """
    same = np.ascontiguousarray(points.astype(np.float32) + 0.0).view("V12").reshape(-1)
    _, weld = np.unique(same, return_inverse=True)
    t = weld[triangles]
    t = t[(t[:, 0] != t[:, 1]) & (t[:, 1] != t[:, 2]) & (t[:, 2] != t[:, 0])]
    edges = np.sort(np.concatenate([t[:, :2], t[:, 1:], t[:, [2, 0]]]), axis=1).astype(np.int64)
    _, uses = np.unique(edges[:, 0] * (len(points) + 1) + edges[:, 1], return_counts=True)
    return int((uses == 1).sum()), int((uses > 2).sum())


def reading(target: Target) -> dict[str, Any]:
    """Arguments for `read_scene`: STL stands still and has tubes for curves."""
    return {"clips": False, "refine_level": target.geometry.refine_level, "curves": "tubes"}


def read_back(path: Path) -> Reading:
    """Read the written file with trimesh."""
    from pipeline.exporters.trimesh_reader import read_with_trimesh

    return read_with_trimesh(path)
