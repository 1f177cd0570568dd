# SPDX-License-Identifier: Apache-2.0
"""Winding: faces that look the other way than their neighbours, and bodies turned inside out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Marks, Rule
from pipeline.checks.subject import Part
from pipeline.checks.words import count
from pipeline.mesh.inside import inside_out


class InvertedNormals(Rule):
    """Neighbours wound against each other, or a closed shell of negative volume that is no cavity's wall."""

    id = "geometry.inverted-normals"
    title = "faces wound the wrong way"
    why = "Engines cull backs: such faces are holes on screen and bake black."
    severity = "error"
    limit = 0
    unit = "faces"
    fixer = "orient"
    advice = "Recalculate the normals outward."
    minutes = 3

    def run(self, context: Context) -> Iterator[Finding]:
        for part in context.each_shape("turned"):
            topology = part.shape.topology
            wrong = topology.turned.copy()
            conflicts = int(np.count_nonzero(topology.edges.conflicting))
            turned = int(wrong.sum())
            shells = self.inside_out(context, part)
            if len(shells):
                wrong |= np.isin(topology.shells.label, shells)
            total = max(int(wrong.sum()), conflicts and 1)
            if total <= context.limit(self):
                continue
            said = []
            if conflicts:
                said.append(f"{count(turned, 'face')} wound against the rest ({count(conflicts, 'edge')} in conflict)")
            if len(shells):
                said.append(f"{count(len(shells), 'closed shell')} inside out")
            faces = topology.live[wrong]
            yield self.found(context, "; ".join(said), part.prim, total, (Marks(part.number, faces=faces),))

    @staticmethod
    def inside_out(context: Context, part: Part) -> NDArray[np.int64]:
        """The closed shells of a part that are turned inside out."""
        shells = part.shape.topology.shells
        return inside_out(shells, lambda: context.shape_rays(part))
