# SPDX-License-Identifier: Apache-2.0
"""Close small holes with faces that go on as the surface around them does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.mesh.curving import curved
from pipeline.mesh.inlay import inlaid
from pipeline.mesh.meeting import closed_by_others
from pipeline.mesh.patches import Patches, joined, patches
from pipeline.mesh.piercing import piercing
from pipeline.mesh.rings import LONGEST, rings
from pipeline.mesh.topology import Topology
from pipeline.refiners.core import Operation, Part, Settings, Subject


class HoleSettings(Settings):
    """How large a hole may be."""

    longest: float = Field(
        default=LONGEST, gt=0, description="Length of a hole's border, as a share of the asset's diagonal."
    )
    curve: bool = Field(
        default=True, description="New points inside large holes, bent on as the surface bends; false: flat patches."
    )


def run(subject: Subject, settings: HoleSettings) -> None:
    """Fill each part; borders that another part closes stay, and so do the borders of sheets."""
    limit = settings.longest * subject.size
    parts = subject.parts()
    met = closed_by_others([_rim(p) for p in parts]) if len(parts) > 1 else {}
    for number, part in enumerate(parts):
        topology = part.mesh.topology
        half = topology.edges.open
        if number in met:
            half = half[~met[number]]
        if len(half) == 0:
            continue
        scale = float(np.cbrt(abs(np.linalg.det(part.to_asset[:3, :3]))))
        found = _holes(topology, half, limit / max(scale, 1e-30))
        if found.left:
            subject.count("holes_left", found.left)
            subject.note("holes with a long border stay: rebuild them by hand, or allow more with `longest`")
        if found.patches.sheets:
            subject.count("sheets_left", found.patches.sheets)
            subject.note("borders of open sheets stay: what would close them is their back")
        made, crossing = _sound(topology, found.patches, settings.curve and not subject.deformed(part))
        if crossing:
            subject.count("holes_crossing", crossing)
            subject.note("holes whose patch would run through the surface stay: rebuild them by hand")
        if len(made.faces) == 0:
            continue
        mesh = inlaid(part.mesh, made)
        if subject.deformed(part) and len(mesh.points) != len(part.mesh.points):
            subject.skip(part.path, subject.deformed(part))
            continue
        subject.write(part, mesh)
        subject.count("holes_filled", len(made.rings.size))
        subject.count("faces_added", len(made.faces))
        subject.count("points_added", len(mesh.points) - len(part.mesh.points))


@dataclass(frozen=True)
class _Holes:
    patches: Patches
    left: int


def _holes(topology: Topology, half: NDArray, longest: float) -> _Holes:
    """Patches over the rings that are short enough, and how many borders are too long or do not close."""
    found = rings(topology.edges, half)
    ends = topology.vertices[topology.edges.ends(found.half)].astype(np.float64)
    side = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
    length = np.bincount(found.label, side, len(found.size))
    short = length <= longest
    shells = topology.shells
    made = patches(topology.vertices, topology.edges, found.chosen(short), shells.area[shells.label])
    return _Holes(made, int((~short).sum()) + (found.left > 0))


def _sound(topology: Topology, flat: Patches, bend: bool) -> tuple[Patches, int]:
    """Patches that cross nothing, and how many were left out for that: curved ones, else flat ones."""
    made = curved(topology.vertices, topology.edges, flat) if bend else flat
    bad = piercing(topology, made)
    if len(made.points) > len(flat.points) and bad.any():
        straight = flat.chosen(bad)
        made = joined(made.chosen(~bad), straight)
        bad = piercing(topology, made)
    return (made.chosen(~bad), int(bad.sum())) if bad.any() else (made, 0)


def _rim(part: Part) -> NDArray[np.float64]:
    """(h, 2, 3) ends of a part's open half-edges, in the asset's space."""
    topology = part.mesh.topology
    return np.asarray(part.points[topology.weld.first[topology.edges.ends(topology.edges.open)]], np.float64)


operation = Operation(
    name="fill-holes",
    summary="Close small holes",
    settings=HoleSettings,
    run=run,
    fixes=("geometry.holes",),
    rounds=8,
)
