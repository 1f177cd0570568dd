# SPDX-License-Identifier: Apache-2.0
"""Faces without area."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.subject import Part
from pipeline.checks.words import count


class DegenerateFaces(Rule):
    """Faces that name a vertex twice or have no area relative to the mesh's size."""

    id = "geometry.degenerate-faces"
    title = "faces without area"
    why = "They have no normal: shading, tangents and physics fail on them."
    severity = "warning"
    limit = 0
    unit = "faces"
    fixer = "remove-degenerate"
    advice = "Merge by distance and dissolve degenerate faces."
    minutes = 2

    def run(self, context: Context) -> Iterator[Finding]:
        for part in context.each_shape("degenerate"):
            flat = self.without_area(part)
            if len(flat) <= context.limit(self):
                continue
            yield self.found(
                context,
                f"{count(len(flat), 'face')} without area",
                part.prim,
                len(flat),
                (Marks(part.number, faces=flat),),
            )

    @staticmethod
    def without_area(part: Part) -> NDArray[np.int32]:
        """Triangles without area; those by which a sound polygon was cut up do not count."""
        topology = part.shape.topology
        flat = np.flatnonzero(topology.degenerate).astype(np.int32)
        counts = part.shape.mesh.face_counts
        if len(flat) == 0 or len(counts) == len(topology.faces):
            return flat
        face = part.shape.mesh.triangle_faces
        broken = np.bincount(face, topology.degenerate, minlength=len(counts))
        ring = topology.weld.index[part.shape.mesh.face_vertices]
        twice = _repeats(ring, np.asarray(counts))
        whole = (counts > 3) & (broken < np.asarray(counts) - 2) & ~twice
        return flat[~whole[face[flat]]]


def _repeats(ring: NDArray, counts: NDArray) -> NDArray[np.bool_]:
    """(f,) polygons whose ring of vertices names one twice in a row."""
    start = np.cumsum(counts) - counts
    following = np.arange(1, len(ring) + 1)
    following[start + counts - 1] = start
    same = ring == ring[following]
    return np.logical_or.reduceat(same, start) if len(start) else np.zeros(0, bool)
