# SPDX-License-Identifier: Apache-2.0
"""The low side of a bake: the surface that textures are made for, its frame at texels, its cage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RefineError
from pipeline.mesh.bake import Texels, gathered
from pipeline.mesh.faces import diagonal, normals
from pipeline.mesh.mikktspace import mikktspace
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.projection import averaged
from pipeline.mesh.rays import Rays
from pipeline.mesh.shading import corner_normals
from pipeline.mesh.unwrap import Layout
from pipeline.refiners.core.layouts import uv_name
from pipeline.refiners.core.part import Part
from pipeline.refiners.core.subject import Subject
from pipeline.usd.scene.triangulate import triangulate

__all__ = ["Low", "cross", "shading", "unit", "wound"]


def shading(part: Part, corner: NDArray) -> NDArray[np.float64]:
    """(t, 3, 3) unit normals at the triangles' corners in the asset's space: authored, else smooth to 60 degrees.

    Parameters
    ----------
    corner : (t, 3) int
        Corners of the part's triangles, wound as its faces are seen from outside.
    """
    mesh, linear = part.mesh, part.to_asset[:3, :3]
    authored = mesh.primvars.get("normals")
    if authored is not None and authored.values.ndim == 2:
        value = authored.values[mesh.corner_rows(authored)][corner].astype(np.float64)
    else:
        value = _smooth(mesh)[corner]
    turned = value @ np.linalg.inv(linear).T
    length = np.linalg.norm(turned, axis=2, keepdims=True)
    flat = normals(part.points, wound(part, mesh.corners[corner]))[:, None]
    if np.linalg.det(linear) < 0:
        turned, length = turned[:, ::-1], length[:, ::-1]
    return np.where(length > 1e-9, turned / np.where(length > 1e-9, length, 1), flat)


def _smooth(mesh: PolygonMesh) -> NDArray[np.float64]:
    """(c, 3) normals at the corners of the faces, smooth up to the crease angle."""
    result = np.zeros((len(mesh.corners), 3))
    result[mesh.triangle_corners] = corner_normals(mesh)
    return result


def wound(part: Part, faces: NDArray) -> NDArray:
    """Triangles counter-clockwise in the asset's space, also where the part's transform mirrors."""
    return faces[:, ::-1] if np.linalg.det(part.to_asset[:3, :3]) < 0 else faces


@dataclass(frozen=True, eq=False)
class Low:
    """What textures are baked for.

    Attributes
    ----------
    points : (n, 3) float64, faces : (t, 3) int
        All parts in the asset's space, stage units; polygons are cut as the exporters cut them.
    owner : (t,) int
        The part of each triangle.
    layout
        Over all triangles.
    normals : (t, 3, 3) float64
        At corners.
    uv
        Name of the UV set.
    metres
        Metres in one stage unit.
    parts
        The parts.
    """

    points: NDArray[np.float64]
    faces: NDArray
    owner: NDArray
    layout: Layout
    normals: NDArray[np.float64]
    uv: str
    metres: float
    parts: list[Part]

    @classmethod
    def of(cls, subject: Subject, parts: list[Part]) -> Low:
        """Gather the parts of the asset.

        Raises
        ------
        RefineError
            A part has no UVs.
        """
        points, faces, owner, uv, corners, normal, base, first = [], [], [], [], [], [], 0, 0
        name = next((n for p in parts if (n := uv_name(p.mesh))), "st")
        for number, part in enumerate(parts):
            mesh = part.mesh
            st = mesh.primvars.get(name)
            if st is None:
                raise RefineError(
                    "there are no UVs to bake to" if uv_name(mesh) is None else f"there is no UV set {name!r} here",
                    prim=part.path, remedy="lay it out first: gates refine ASSET unwrap --set textures=leave",
                )  # fmt: skip
            corner = triangulate(mesh.points, mesh.counts, mesh.corners)
            corner = corner[:, ::-1] if mesh.left_handed else corner
            points.append(part.points)
            faces.append(wound(part, mesh.corners[corner]).astype(np.int64) + base)
            owner.append(np.full(len(corner), number))
            uv.append(np.asarray(st.values, np.float32)[:, :2])
            corners.append(wound(part, mesh.corner_rows(st)[corner]).astype(np.int64) + first)
            normal.append(shading(part, corner))
            base += len(mesh.points)
            first += len(st.values)
        layout = Layout(np.concatenate(uv), np.concatenate(corners).astype(np.int32))
        if not np.isfinite(layout.uv).all():
            raise RefineError(
                "UVs are not finite", prim=str(subject.prim.GetPath()),
                remedy="lay it out anew: gates refine ASSET unwrap --set textures=leave",
            )  # fmt: skip
        return cls(
            np.concatenate(points), np.concatenate(faces), np.concatenate(owner), layout, np.concatenate(normal),
            name, subject.metres, parts,
        )  # fmt: skip

    @property
    def size(self) -> float:
        """Diagonal."""
        return diagonal(self.points)

    @cached_property
    def middle(self) -> NDArray[np.float64]:
        """(3,) rays are counted from here, so that float32 serves far from the origin too."""
        return np.asarray((self.points.min(axis=0) + self.points.max(axis=0)) / 2)

    @cached_property
    def frames(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(t, 3, 6) normals and tangents at corners; (t, 1) the side that v grows to."""
        tangent, sign = mikktspace(self.points, self.faces, self.layout.uv, self.layout.corners, self.normals)
        return np.concatenate([self.normals, tangent], axis=2).astype(np.float32), sign[:, :1].astype(np.float32)

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """(t, 3, 3) one unit direction for each position: where an even cage lies."""
        return averaged(self.points, self.faces, self.normals)

    @cached_property
    def rays(self) -> Rays:
        """Rays against the low surface itself."""
        return Rays(self.points - self.middle, self.faces)

    def local(self, directions: NDArray, grid: Texels) -> NDArray[np.float32]:
        """(k, 3) unit directions in the tangent space of the texels, as MikkTSpace has it.

        The frame is interpolated and not made unit: its inverse then is what a shader undoes.
        """
        table, sign = self.frames
        both = gathered(table, grid)
        n, t = both[:, :3], both[:, 3:]
        across = cross(n, t)
        result = np.empty((len(directions), 3), np.float32)
        for column, axis in enumerate((cross(across, n), across, cross(t, across))):
            result[:, column] = np.einsum("ij,ij->i", directions, axis)
        result[:, 1] *= sign[grid.triangle, 0]
        return unit(result)


def unit(vectors: NDArray) -> NDArray:
    """Vectors of length one; zeros stay."""
    length = np.sqrt(_squared(vectors))
    length[length <= 1e-12] = 1
    return np.asarray(vectors / length[:, None])


def _squared(vectors: NDArray) -> NDArray:
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors))


def cross(a: NDArray, b: NDArray) -> NDArray:
    """Several times faster than numpy's own."""
    result = np.empty_like(a)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        np.subtract(a[:, j] * b[:, k], a[:, k] * b[:, j], out=result[:, i])
    return result
