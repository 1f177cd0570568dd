# SPDX-License-Identifier: Apache-2.0
"""The cage of a bake: from where rays start towards the low surface, and how far they go on beneath it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pxr import Usd

from pipeline.errors import RefineError
from pipeline.mesh.nearest import Surface, samples
from pipeline.mesh.projection import project
from pipeline.refiners.core.high import High
from pipeline.refiners.core.low import Low
from pipeline.refiners.core.subject import Subject

__all__ = ["Cage"]

#: an automatic cage lies at least and at most this share of the diagonal outside
_LEAST, _MOST = 2e-3, 0.1
_SAMPLES = 10_000


@dataclass(frozen=True, eq=False)
class Cage:
    """Where rays start and end.

    Attributes
    ----------
    reach : (t, 3, 3) float64
        From each corner of the low surface to the cage.
    inward
        How far beneath the low surface rays go on.
    careful
        Rays start no further than half-way to the next low surface outside, so that a wide cage does not see the
        neighbour instead.
    """

    reach: NDArray[np.float64]
    inward: float
    careful: bool

    @property
    def outward(self) -> float:
        """The largest distance from the low surface to the cage."""
        return float(np.sqrt(np.einsum("tck,tck->tc", self.reach, self.reach).max(initial=0)))

    @classmethod
    def even(cls, along: NDArray, distance: float, inward: float = 0.0) -> Cage:
        """A cage of one distance along (t, 3, 3) unit directions; `inward` 0 is as far."""
        return cls(along * distance, inward or distance, careful=False)

    @classmethod
    def measured(cls, low: Low, high: High, along: NDArray, inward: float = 0.0) -> Cage:
        """Half again as far out and in as the high surface lies, by samples of both."""
        size = low.size
        least, most = _LEAST * size, _MOST * size
        places, _, _ = samples(high.points, high.faces, _SAMPLES, seed=3)
        near = Surface(low.points - low.middle, low.faces, spread=50_000).nearest(places)
        normal = np.einsum("ki,kic->kc", near.weights, low.normals[near.face])
        foot = np.einsum("ki,kic->kc", near.weights, (low.points - low.middle)[low.faces[near.face]])
        outside = np.einsum("ij,ij->i", places - foot, normal) > 0
        outward = float(np.clip(1.5 * near.distance[outside].max(initial=0), least, most))
        if not inward:
            from_, face, weights = samples(low.points - low.middle, low.faces, _SAMPLES, seed=5)
            way = np.einsum("ki,kic->kc", weights, along[face])
            hits = project(high.target, from_.astype(np.float32), (way * outward).astype(np.float32), most)
            found = np.einsum("ij,ij->i", from_ - high.places(hits), way)[~hits.missed]
            inward = float(np.clip(1.5 * found.max(initial=0), least, most))
        return cls(along * outward, inward, careful=True)

    @classmethod
    def modelled(cls, low: Low, prim: Usd.Prim, inward: float = 0.0) -> Cage:
        """A mesh of the low side's points, moved outward; `inward` 0 is as far as the cage lies out.

        Raises
        ------
        RefineError
            It has other points or faces than the low side.
        """
        subject = Subject(prim)
        parts = subject.parts()
        points = np.concatenate([p.points for p in parts]) * (subject.metres / low.metres)
        if len(points) != len(low.points):
            raise RefineError(
                f"the cage has {len(points)} points, the asset {len(low.points)}", prim=str(prim.GetPath()),
                remedy="make the cage from a copy of the asset by moving its points outward, or give a distance",
            )  # fmt: skip
        reach = (points - low.points)[low.faces]
        beneath = np.einsum("tck,tck->tc", reach, low.directions) <= 0
        if beneath.mean() > 0.5:
            raise RefineError(
                f"{beneath.mean():.0%} of the cage lies on or beneath the asset's surface", prim=str(prim.GetPath()),
                remedy="move the cage's points outward, over the high surface",
            )  # fmt: skip
        cage = cls(reach, inward, careful=False)
        return cage if inward else cls(reach, cage.outward, careful=False)
