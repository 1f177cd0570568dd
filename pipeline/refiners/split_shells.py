# SPDX-License-Identifier: Apache-2.0
"""One mesh for each body, so that parts can be moved, painted and named."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.dividing import divide


class ShellSettings(Settings):
    """Which bodies become parts."""

    least: float = Field(
        default=0.002, ge=0, lt=1, description="Share of the part's area beneath which a body stays with the nearest."
    )
    most: int = Field(default=64, ge=2, le=4096, description="Parts one mesh is split into at most.")


def run(subject: Subject, settings: ShellSettings) -> None:
    """Split every part that holds several bodies; crumbs stay with the body whose middle is nearest."""
    for part in subject.parts():
        topology = part.mesh.topology
        shells = topology.shells
        if shells.count < 2:
            continue
        order = np.argsort(-shells.area, kind="stable")
        large = shells.area[order] >= settings.least * shells.area.sum()
        heads = order[large][: settings.most]
        if len(heads) < 2:
            continue
        low, high = shells.box
        middle = (low + high) / 2
        gap = np.linalg.norm(middle[:, None] - middle[heads][None], axis=2)
        owner = gap.argmin(axis=1)
        owner[heads] = np.arange(len(heads))
        faces = np.zeros(len(part.mesh.counts), np.int64)
        faces[part.mesh.triangle_face[topology.live]] = owner[shells.label]
        divide(subject, part, faces, [f"{part.prim.GetPrim().GetName()}_{i:02d}" for i in range(len(heads))])


operation = Operation(
    name="split-shells",
    summary="One mesh for each body",
    settings=ShellSettings,
    run=run,
    fixes=("geometry.fused",),
    rounds=8,
)
