# SPDX-License-Identifier: Apache-2.0
"""One mesh of an asset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pxr import UsdGeom

from pipeline.mesh.polygons import PolygonMesh

__all__ = ["Part"]


@dataclass(frozen=True, eq=False)
class Part:
    """One mesh prim and what it holds.

    Attributes
    ----------
    prim
        The mesh.
    mesh
        Its arrays, in its own space.
    to_asset : (4, 4) float64
        Mesh space to the asset's space, row vectors.
    """

    prim: UsdGeom.Mesh
    mesh: PolygonMesh
    to_asset: NDArray[np.float64]

    @cached_property
    def path(self) -> str:
        """The prim's path."""
        return str(self.prim.GetPath())

    @property
    def points(self) -> NDArray[np.float64]:
        """(n, 3) points in the asset's space."""
        result: NDArray[np.float64] = self.mesh.points @ self.to_asset[:3, :3] + self.to_asset[3, :3]
        return result
