# SPDX-License-Identifier: Apache-2.0
"""Crumbs: small bodies that hang in the air beside the object."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from pipeline.checks.context import Context
from pipeline.checks.protocol import Finding, Rule
from pipeline.checks.words import count
from pipeline.mesh.clusters import clusters
from pipeline.mesh.distinct import distinct

#: a body this large a share of the largest one is no crumb, however many there are
PEER = 0.1


class Floaters(Rule):
    """A shell with less than 1 % of the area, apart from all the rest."""

    id = "geometry.floaters"
    title = "small bodies apart from the rest"
    why = "Crumbs in the air widen the bounds, spoil collision and show in silhouettes."
    severity = "error"
    limit = 0
    unit = "bodies"
    fixer = "remove-floaters"
    advice = "Delete them, or join what belongs to the object."
    regenerate = "use pictures with a plain background and no small loose things"
    minutes = 2
    counted = True

    #: a body under the share `small` of the whole area is small; nearer than `gap` of the size it belongs together
    options = MappingProxyType({"small": 0.01, "gap": 0.01})

    def run(self, context: Context) -> Iterator[Finding]:
        body = context.body
        if body.shells < 2:
            return
        small = context.option(self, "small")
        area = body.shell_area
        tiny = (area < small * area.sum()) & (area < PEER * area.max())
        if not tiny.any():
            return
        group = clusters(body.rays, body.shell, body.shells, tiny, context.option(self, "gap") * body.size, body.size)
        held = np.bincount(group, area, minlength=int(group.max()) + 1)
        loose = tiny & (held[group] < small * area.sum())
        bodies = len(distinct(group[loose]))
        if bodies <= context.limit(self):
            return
        faces = np.flatnonzero(loose[body.shell])
        yield self.found(
            context,
            f"{count(bodies, 'small body', 'small bodies')} apart from the rest "
            f"({count(len(faces), 'face')}, {area[loose].sum() / area.sum():.2%} of the area)",
            body.prim(faces),
            bodies,
            body.marks(faces),
        )
