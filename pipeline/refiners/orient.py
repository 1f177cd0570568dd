# SPDX-License-Identifier: Apache-2.0
"""Turn faces so that every shell is wound one way, closed ones outward."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.mesh.inside import inside_out
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.rays import Rays
from pipeline.refiners.core import Operation, Settings, Subject


def run(subject: Subject, settings: Settings) -> None:
    """Turn the smaller side of every shell, then whole shells that look inward; cavities stay."""
    for part in subject.parts():
        mesh = part.mesh
        faces = _faces(mesh, mesh.topology.turned)
        turned = mesh.flipped(faces) if faces.any() else mesh
        topology = turned.topology
        shells = topology.shells
        wrong = np.zeros(shells.count, bool)
        wrong[inside_out(shells, partial(Rays, shells.points, shells.edges.faces))] = True
        whole = _faces(turned, wrong[shells.label])
        if whole.any():
            turned = turned.flipped(whole)
        faces ^= whole
        if faces.any():
            subject.write(part, turned)
            subject.count("faces_turned", int(faces.sum()))


def _faces(mesh: PolygonMesh, triangles: NDArray) -> NDArray[np.bool_]:
    """Faces most of whose live triangles are in the mask; broken and repeated faces stay as they are."""
    votes = np.bincount(mesh.triangle_face[mesh.topology.live], np.where(triangles, 1, -1), minlength=len(mesh.counts))
    return np.asarray(votes > 0)


operation = Operation(
    name="orient",
    summary="Wind all faces consistently and outward",
    run=run,
    fixes=("geometry.inverted-normals",),
)
