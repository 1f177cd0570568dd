# SPDX-License-Identifier: Apache-2.0
"""The two sides of a bake: the low surface with its layout, the high surface with its looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdShade

from pipeline.errors import RefineError
from pipeline.mesh.bake import Hits, Texels, gathered, occlusion, project
from pipeline.mesh.faces import diagonal, normals
from pipeline.mesh.rays import Rays
from pipeline.mesh.shading import corner_normals, tangents
from pipeline.mesh.unwrap import Layout
from pipeline.refiners.core.layouts import groups_of, layout_of, materials_of, uv_name
from pipeline.refiners.core.looks import DEFAULTS, Map, input_of, maps
from pipeline.refiners.core.subject import Part, Subject

if TYPE_CHECKING:
    from pipeline.refiners.bake import BakeSettings

__all__ = ["High", "Low"]

_INPUTS = {"albedo": "diffuseColor", "roughness": "roughness", "metallic": "metallic", "emissive": "emissiveColor"}


def shading(part: Part) -> NDArray[np.float64]:
    """(t, 3, 3) unit normals at the triangles' corners in the asset's space: authored, else smooth to 60 degrees."""
    mesh = part.mesh
    authored = mesh.primvars.get("normals")
    if authored is not None and authored.values.ndim == 2:
        value = authored.values[mesh.corner_rows(authored)][mesh.triangle_corners].astype(np.float64)
    else:
        value = corner_normals(mesh)
    turned = value @ np.linalg.inv(part.to_asset[:3, :3]).T
    if np.linalg.det(part.to_asset[:3, :3]) < 0:
        turned = turned[:, ::-1]
    length = np.linalg.norm(turned, axis=2, keepdims=True)
    flat = normals(part.points, _wound(part))[:, None]
    return np.where(length > 1e-9, turned / np.where(length > 1e-9, length, 1), flat)


def _wound(part: Part) -> NDArray:
    """(t, 3) triangles counter-clockwise in the asset's space, also where the transform mirrors."""
    faces = part.mesh.triangles
    return faces[:, ::-1] if np.linalg.det(part.to_asset[:3, :3]) < 0 else faces


@dataclass(frozen=True, eq=False)
class Low:
    """What textures are baked for.

    Attributes
    ----------
    points : (n, 3) float64, faces : (t, 3) int
        All parts in the asset's space, stage units.
    layout
        Over all triangles.
    normals : (t, 3, 3) float64
        At corners.
    uv
        Name of the UV set.
    metres
        Metres in one stage unit.
    """

    points: NDArray[np.float64]
    faces: NDArray
    layout: Layout
    normals: NDArray[np.float64]
    uv: str
    metres: float

    @classmethod
    def of(cls, subject: Subject) -> Low:
        """Gather the parts of the asset.

        Raises
        ------
        RefineError
            A part has no UVs.
        """
        points, faces, uv, corners, normal, base, first = [], [], [], [], [], 0, 0
        name = "st"
        for part in subject.parts():
            layout = layout_of(part.mesh)
            if layout is None:
                raise RefineError("a part has no UVs to bake to", prim=part.path, remedy="unwrap first")
            name = uv_name(part.mesh) or name
            mirrored = np.linalg.det(part.to_asset[:3, :3]) < 0
            points.append(part.points)
            faces.append(_wound(part) + base)
            uv.append(layout.uv)
            corners.append((layout.corners[:, ::-1] if mirrored else layout.corners) + first)
            normal.append(shading(part))
            base += len(part.mesh.points)
            first += len(layout.uv)
        layout = Layout(np.concatenate(uv), np.concatenate(corners).astype(np.int32))
        return cls(np.concatenate(points), np.concatenate(faces), layout, np.concatenate(normal), name, subject.metres)

    @property
    def size(self) -> float:
        """Diagonal."""
        return diagonal(self.points)

    @cached_property
    def tangents(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Tangents at corners and the sign of each triangle."""
        return tangents(self.points, self.faces, self.layout.uv, self.layout.corners, self.normals)

    def frame(self, grid: Texels) -> tuple[NDArray, NDArray, NDArray]:
        """(k, 3) tangent, bitangent and normal at the texels, unit."""
        along, sign = self.tangents
        normal = _unit(gathered(self.normals, grid))
        tangent = gathered(along, grid)
        tangent = _unit(tangent - np.einsum("ij,ij->i", tangent, normal)[:, None] * normal)
        return tangent, np.cross(normal, tangent) * sign[grid.triangle, None], normal


@dataclass(frozen=True, eq=False)
class High:
    """What is baked from.

    Attributes
    ----------
    points, faces
        All parts in the space and unit of the low side.
    part : (m,) int, triangle : (m,) int
        Where each face comes from.
    parts
        The parts.
    normals : (m, 3, 3) float64
        At corners.
    materials
        What the parts' face groups are bound to.
    """

    points: NDArray[np.float64]
    faces: NDArray
    part: NDArray
    triangle: NDArray
    parts: list[Part]
    normals: NDArray[np.float64]
    materials: dict[tuple[str, int], UsdShade.Material]
    subject: Subject

    @classmethod
    def of(cls, prim: Usd.Prim, low: Low) -> High:
        """Gather the parts of the source; its stage may have another unit."""
        subject = Subject(prim)
        parts = subject.parts()
        scale = subject.metres / low.metres
        points, faces, owner, triangle, normal, base = [], [], [], [], [], 0
        for number, part in enumerate(parts):
            points.append(part.points * scale)
            faces.append(_wound(part) + base)
            owner.append(np.full(len(part.mesh.triangles), number))
            triangle.append(np.arange(len(part.mesh.triangles)))
            normal.append(shading(part))
            base += len(part.mesh.points)
        return cls(
            np.concatenate(points), np.concatenate(faces), np.concatenate(owner), np.concatenate(triangle), parts,
            np.concatenate(normal), materials_of(subject, parts), subject,
        )  # fmt: skip

    def same_as(self, low: Low) -> bool:
        """Whether both sides are one geometry."""
        return self.points.shape == low.points.shape and np.array_equal(self.points, low.points)

    @cached_property
    def rays(self) -> Rays:
        """Rays against the high surface."""
        return Rays(self.points, self.faces)

    def project(self, low: Low, grid: Texels, cage: float) -> Hits:
        """What of the high surface lies over each texel."""
        places = gathered(low.points[low.faces], grid)
        outward = _unit(gathered(low.normals, grid))
        return project(places, outward, self.points, self.faces, normals(self.points, self.faces), cage)

    def values(
        self, name: str, channels: int, low: Low, grid: Texels, hits: Hits, settings: BakeSettings, cage: float
    ) -> NDArray | None:
        """(k, channels) one map at the texels, linear; None where the source does not say anything."""
        smooth = _unit(np.einsum("ki,kic->kc", hits.weights, self.normals[hits.face]))
        if name == "normal":
            smooth = self._bumped(smooth, hits)
            tangent, bitangent, normal = low.frame(grid)
            return np.stack([np.einsum("ij,ij->i", smooth, axis) for axis in (tangent, bitangent, normal)], axis=1)
        if name == "ao":
            return self._open(smooth, grid, hits, settings, low.size)
        return self._look(_INPUTS[name], channels, hits)

    def _open(
        self, smooth: NDArray, grid: Texels, hits: Hits, settings: BakeSettings, size: float
    ) -> NDArray[np.float64]:
        """Ambient occlusion, at one sample a pixel: the rays already average."""
        n = settings.supersample
        row, column = np.divmod(grid.index, grid.side)
        pixel = (row // n) * (grid.side // n) + column // n
        _, first, of = np.unique(pixel, return_index=True, return_inverse=True)
        places = np.einsum("ki,kic->kc", hits.weights, self.points[self.faces[hits.face]])[first]
        free = occlusion(self.rays, places, smooth[first], settings.ao_rays, settings.ao_reach * size)
        return np.asarray(free[of.reshape(-1)][:, None])

    def _groups(self, hits: Hits):  # type: ignore[no-untyped-def]
        """Part, material and texels of each run with one material."""
        owner = self.part[hits.face]
        for number in np.unique(owner):
            part = self.parts[number]
            mine = np.flatnonzero(owner == number)
            group = groups_of(part)[part.mesh.triangle_face[self.triangle[hits.face[mine]]]]
            for one in np.unique(group):
                yield part, self.materials.get((part.path, int(one))), mine[group == one]

    def _look(self, name: str, channels: int, hits: Hits) -> NDArray | None:
        result = np.zeros((len(hits.face), channels))
        said = False
        for part, material, chosen in self._groups(hits):
            read = _read(material, name)
            if read is not None:
                result[chosen] = read.values(self._uv(part, read.uv, hits, chosen))[:, :channels]
                said = True
                continue
            value = input_of(material, name) if material else None
            colours = part.mesh.primvars.get("displayColor") if name == "diffuseColor" else None
            if material is None and colours is not None:
                rows = part.mesh.corner_rows(colours)[part.mesh.triangle_corners[self.triangle[hits.face[chosen]]]]
                result[chosen] = np.einsum("ki,kic->kc", hits.weights[chosen], colours.values[rows])
                said = True
                continue
            said |= value is not None
            result[chosen] = np.array(value or DEFAULTS[name])[:channels]
        return result if said else None

    def _bumped(self, smooth: NDArray, hits: Hits) -> NDArray:
        """Shading normals with the source's own normal maps."""
        result = smooth.copy()
        for part, material, chosen in self._groups(hits):
            read = _read(material, "normal")
            layout = layout_of(part.mesh, read.uv) if read is not None else None
            if read is None or layout is None:
                continue
            mirrored = np.linalg.det(part.to_asset[:3, :3]) < 0
            corners = layout.corners[:, ::-1] if mirrored else layout.corners
            mine = self.part == self.parts.index(part)
            along, sign = tangents(part.points, _wound(part), layout.uv, corners, self.normals[mine])
            triangle = self.triangle[hits.face[chosen]]
            tangent = np.einsum("ki,kic->kc", hits.weights[chosen], along[triangle])
            normal = smooth[chosen]
            tangent = _unit(tangent - np.einsum("ij,ij->i", tangent, normal)[:, None] * normal)
            bitangent = np.cross(normal, tangent) * sign[triangle, None]
            bump = read.values(self._uv(part, read.uv, hits, chosen))
            result[chosen] = _unit(bump[:, :1] * tangent + bump[:, 1:2] * bitangent + bump[:, 2:3] * normal)
        return result

    def _uv(self, part: Part, name: str, hits: Hits, chosen: NDArray) -> NDArray:
        layout = layout_of(part.mesh, name) or layout_of(part.mesh)
        if layout is None:
            return np.zeros((len(chosen), 2))
        mirrored = np.linalg.det(part.to_asset[:3, :3]) < 0
        corners = layout.corners[:, ::-1] if mirrored else layout.corners
        value = layout.uv[corners[self.triangle[hits.face[chosen]]]].astype(np.float64)
        return np.asarray(np.einsum("ki,kic->kc", hits.weights[chosen], value))


def _read(material: UsdShade.Material | None, name: str) -> Map | None:
    if not material:
        return None
    return next((m for m in maps(material) if m.input == name and m.path), None)


def _unit(vectors: NDArray) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(length > 1e-12, length, 1))
