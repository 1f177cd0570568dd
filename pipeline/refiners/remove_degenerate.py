# SPDX-License-Identifier: Apache-2.0
"""Remove faces without area, without opening the surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.mesh.caps import needles, without_caps
from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.removal import remove_faces
from pipeline.refiners.weld import without_collapsed


def run(subject: Subject, settings: Settings) -> None:
    """Join the near corners of needles, turn the long sides of caps, then remove what still has no area."""
    for part in subject.parts():
        if not part.mesh.topology.degenerate.any():
            continue
        mesh, free = part.mesh, not subject.deformed(part)
        joined = needles(mesh) if free else None
        if joined is not None:
            subject.count("points_joined", len(mesh.points) - joined.count)
            mesh = without_collapsed(mesh.welded(joined.index, joined.first))
        mesh, turned = without_caps(mesh, renumber=free)
        if turned:
            subject.count("edges_turned", turned)
        if joined is not None or turned:
            subject.deviation(part.mesh, mesh, part.to_asset)
            subject.write(part, mesh)
        flat = mesh.topology.degenerate
        solid = np.bincount(mesh.triangle_face[~flat], minlength=len(mesh.counts))
        remove_faces(subject, replace(part, mesh=mesh), solid == 0)


operation = Operation(
    name="remove-degenerate",
    summary="Remove faces without area",
    run=run,
    fixes=("geometry.degenerate-faces",),
)
