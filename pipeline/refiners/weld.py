# SPDX-License-Identifier: Apache-2.0
"""Join points that lie at the same place, so that one solid is one solid; UV seams stay, by corner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.topology import Topology
from pipeline.mesh.weld import weld
from pipeline.refiners.core import Operation, Settings, Subject


class WeldSettings(Settings):
    """How near is the same place."""

    tolerance: float = Field(
        default=0.0,
        ge=0,
        description="Metres; 0 joins equal positions, and open borders that only rounding keeps apart.",
    )


def run(subject: Subject, settings: WeldSettings) -> None:
    """Weld every part."""
    for part in subject.parts():
        why = subject.deformed(part)
        if why:
            subject.skip(part.path, why)
            continue
        mesh = part.mesh
        scale = float(np.cbrt(abs(np.linalg.det(part.to_asset[:3, :3])))) * subject.metres
        joined = (
            weld(mesh.points, settings.tolerance / max(scale, 1e-30))
            if settings.tolerance > 0
            else Topology(mesh.points, mesh.triangles).weld
        )
        if joined.count == len(mesh.points):
            continue
        welded = without_collapsed(mesh.welded(joined.index, joined.first))
        subject.count("points_joined", len(mesh.points) - joined.count)
        if settings.tolerance > 0:
            subject.deviation(mesh, welded, part.to_asset)
        subject.write(part, welded)


def without_collapsed(mesh: PolygonMesh) -> PolygonMesh:
    """Drop faces that have fewer than three different points; polygons keep repeated corners out."""
    following = np.arange(1, len(mesh.corners) + 1, dtype=np.int32)
    following[mesh.starts + mesh.counts - 1] = mesh.starts
    stays = mesh.corners != mesh.corners[following]
    left = np.bincount(mesh.face_of_corner[stays], minlength=len(mesh.counts))
    keep = left >= 3
    if keep.all() and stays.all():
        return mesh
    kept = stays & keep[mesh.face_of_corner]
    thinned = replace(
        mesh,
        counts=left.astype(np.int32),
        corners=mesh.corners[stays],
        primvars={
            n: p.taken(np.flatnonzero(stays)) if p.interpolation == "faceVarying" else p
            for n, p in mesh.primvars.items()
        },
    )
    return thinned if kept.sum() == stays.sum() else thinned.with_faces(keep)


operation = Operation(
    name="weld",
    summary="Join points at the same place",
    settings=WeldSettings,
    run=run,
    fixes=("geometry.holes",),
)
