# SPDX-License-Identifier: Apache-2.0
"""Remove faces that repeat another one."""

from __future__ import annotations

import numpy as np

from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.removal import remove_faces


def run(subject: Subject, settings: Settings) -> None:
    """Keep the first of every set of faces on the same points, whatever way they look."""
    for part in subject.parts():
        mesh = part.mesh
        repeats = mesh.topology.duplicate
        fresh = np.bincount(mesh.triangle_face[~repeats], minlength=len(mesh.counts))
        again = np.bincount(mesh.triangle_face[repeats], minlength=len(mesh.counts))
        remove_faces(subject, part, (fresh == 0) & (again > 0))


operation = Operation(
    name="remove-duplicates",
    summary="Remove faces that repeat another one",
    run=run,
    fixes=("geometry.duplicate-faces",),
)
