# SPDX-License-Identifier: Apache-2.0
"""Remove faces without area."""

from __future__ import annotations

import numpy as np

from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.removal import remove_faces


def run(subject: Subject, settings: Settings) -> None:
    """Remove every face all of whose triangles have no area."""
    for part in subject.parts():
        flat = part.mesh.topology.degenerate
        solid = np.bincount(part.mesh.triangle_face[~flat], minlength=len(part.mesh.counts))
        remove_faces(subject, part, solid == 0)


operation = Operation(
    name="remove-degenerate",
    summary="Remove faces without area",
    run=run,
    fixes=("geometry.degenerate-faces",),
)
