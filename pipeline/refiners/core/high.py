# SPDX-License-Identifier: Apache-2.0
"""The high side of a bake: the surface that is looked at, and what its materials say there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pxr import Usd, UsdShade

from pipeline.errors import RefineError
from pipeline.mesh.mikktspace import mikktspace
from pipeline.mesh.projection import Hits, Target, project
from pipeline.refiners.core.layouts import groups_of, materials_of, uv_name
from pipeline.refiners.core.looks import DEFAULTS, Map, input_of, maps
from pipeline.refiners.core.low import Low, cross, shading, unit, wound
from pipeline.refiners.core.subject import Part, Subject

__all__ = ["High"]


@dataclass(frozen=True, eq=False)
class High:
    """What is baked from.

    Attributes
    ----------
    points : (n, 3) float64, faces : (m, 3) int
        All parts in the space and unit of the low side, counted from its middle.
    owner : (m,) int, triangle : (m,) int
        The part of each triangle, and its number there.
    normals : (m, 3, 3) float32
        At corners.
    look : (m,) int
        The material of each triangle: number in `looks`.
    looks
        Part and material, where it has one.
    """

    points: NDArray[np.float64]
    faces: NDArray
    owner: NDArray
    triangle: NDArray
    normals: NDArray[np.float32]
    look: NDArray
    looks: list[tuple[Part, UsdShade.Material | None]]
    parts: list[Part]
    subject: Subject
    _uvs: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _reads: dict[str, list[Map | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, prim: Usd.Prim, low: Low) -> High:
        """Gather the parts of the source; its stage may have another unit."""
        subject = Subject(prim)
        try:
            parts = subject.parts()
        except RefineError as error:
            raise RefineError(
                "the source has no mesh to bake from", prim=str(prim.GetPath()),
                path=prim.GetStage().GetRootLayer().realPath or None,
                remedy="name the prim or the file that holds the high surface: --set source=…",
            ) from error  # fmt: skip
        scale = subject.metres / low.metres
        materials = materials_of(subject, parts)
        points, faces, owner, triangle, normal, look, base = [], [], [], [], [], [], 0
        looks: list[tuple[Part, UsdShade.Material | None]] = []
        for number, part in enumerate(parts):
            corner = part.mesh.triangle_corners
            points.append(part.points * scale - low.middle)
            faces.append(wound(part, part.mesh.triangles).astype(np.int64) + base)
            owner.append(np.full(len(corner), number))
            triangle.append(np.arange(len(corner)))
            normal.append(shading(part, corner).astype(np.float32))
            group = groups_of(part)
            look.append(group[part.mesh.triangle_face] + len(looks))
            looks += [(part, materials.get((part.path, k))) for k in range(int(group.max(initial=0)) + 1)]
            base += len(part.mesh.points)
        return cls(
            np.concatenate(points), np.concatenate(faces), np.concatenate(owner), np.concatenate(triangle),
            np.concatenate(normal), np.concatenate(look), looks, parts, subject,
        )  # fmt: skip

    def same_as(self, low: Low) -> bool:
        """Whether both sides are one geometry."""
        return (
            self.faces.shape == low.faces.shape and self.points.shape == low.points.shape
            and np.array_equal(self.faces, low.faces) and np.allclose(self.points, low.points - low.middle, atol=0)
        )  # fmt: skip

    @cached_property
    def target(self) -> Target:
        """For rays."""
        return Target(self.points, self.faces)

    @cached_property
    def corners(self) -> NDArray[np.float32]:
        """(m, 3, 3) positions at corners."""
        return np.asarray(self.points.astype(np.float32)[self.faces])

    def project(self, places: NDArray, reach: NDArray, inward: float, outward: NDArray | None) -> Hits:
        """What of the high surface lies over each place: see `projection.project`."""
        return project(self.target, places, reach, inward, outward)

    def places(self, hits: Hits) -> NDArray[np.float32]:
        """(k, 3) where the hits lie."""
        return np.asarray(_at(hits.weights, self.corners[hits.face]))

    def smooth(self, hits: Hits) -> NDArray[np.float32]:
        """(k, 3) unit shading normals; turned towards the low side where only a face that looks away was met."""
        result = np.asarray(unit(_at(hits.weights, self.normals[hits.face])), np.float32)
        result[hits.turned] *= -1
        return result

    def bumped(self, smooth: NDArray, hits: Hits) -> NDArray:
        """Shading normals with the source's own normal maps."""
        result = smooth
        for look, read, chosen in self._read("normal", hits):
            if result is smooth:
                result = smooth.copy()
            part = self.looks[look][0]
            along, sign = self._tangents[self.parts.index(part), read.uv]
            triangle = self.triangle[hits.face[chosen]]
            weights = hits.weights[chosen]
            n = _at(weights, self.normals[hits.face[chosen]])
            t = _at(weights, along[triangle])
            b = cross(n, t) * sign[triangle]
            bump = read.values(_at(weights, self._uv(read.uv)[hits.face[chosen]]))
            turned = np.where(hits.turned[chosen], np.float32(-1), np.float32(1))[:, None]
            result[chosen] = unit(bump[:, :1] * t + bump[:, 1:2] * b + bump[:, 2:3] * n) * turned
        return result

    @cached_property
    def _tangents(self) -> _Tangents:
        return _Tangents(self)

    def says(self, name: str) -> bool:
        """Whether any material or display colour says something about an input of UsdPreviewSurface."""
        return any(
            (material is not None and (read is not None or input_of(material, name) is not None))
            or (material is None and name == "diffuseColor" and "displayColor" in part.mesh.primvars)
            for (part, material), read in zip(self.looks, self._maps(name), strict=True)
        )  # fmt: skip

    def look_at(self, name: str, channels: int, hits: Hits) -> NDArray[np.float32]:
        """(k, c) an input of UsdPreviewSurface at the hits, linear."""
        result = self._constants(name, channels)[self.look[hits.face]]
        for _, read, chosen in self._read(name, hits):
            uv = _at(hits.weights[chosen], self._uv(read.uv)[hits.face[chosen]])
            result[chosen] = read.values(uv)[:, :channels]
        if name == "diffuseColor":
            self._paint(result, hits)
        return np.asarray(result)

    def _paint(self, result: NDArray, hits: Hits) -> None:
        """Display colours where there is no material."""
        bare = [n for n, (p, m) in enumerate(self.looks) if m is None and "displayColor" in p.mesh.primvars]
        for number, chosen in self._runs(hits, bare):
            part = self.looks[number][0]
            colours = part.mesh.primvars["displayColor"]
            face = hits.face[chosen]
            corner = part.mesh.triangle_corners[self.triangle[face]]
            rows = part.mesh.corner_rows(colours)[wound(part, corner)]
            result[chosen] = _at(hits.weights[chosen], np.asarray(colours.values, np.float32)[rows])

    def _read(self, name: str, hits: Hits) -> Iterator[tuple[int, Map, NDArray]]:
        """Each look that reads an input from a texture, with the hits on it."""
        reads = self._maps(name)
        for number, chosen in self._runs(hits, [n for n, read in enumerate(reads) if read is not None]):
            read = reads[number]
            assert read is not None
            yield number, read, chosen

    def _runs(self, hits: Hits, wanted: list[int]) -> Iterator[tuple[int, NDArray]]:
        """The hits on each of the wanted looks."""
        if not wanted:
            return
        look = self.look[hits.face]
        for number in np.intersect1d(look, wanted):
            yield int(number), np.flatnonzero(look == number)

    def _maps(self, name: str) -> list[Map | None]:
        """The texture each look reads an input from.

        Raises
        ------
        RefineError
            One does not resolve.
        """
        if name in self._reads:
            return self._reads[name]
        found: list[Map | None] = []
        known: dict[str, Map | None] = {}
        for _, material in self.looks:
            path = str(material.GetPath()) if material else ""
            if path not in known:
                known[path] = next((m for m in maps(material) if m.input == name), None) if material else None
                read = known[path]
                if read is not None and not read.path and not read.tiles:
                    raise RefineError(
                        f"the source's texture for {name} does not resolve: {read.asset or 'no file is named'}",
                        prim=str(read.shader.GetPath()),
                        remedy="restore the file, or leave that map out: --set maps=…",
                    )  # fmt: skip
            found.append(known[path])
        self._reads[name] = found
        return found

    def _constants(self, name: str, channels: int) -> NDArray[np.float32]:
        """(looks, c) what each look says without a texture."""
        key = f"{name} constants"
        if key not in self._uvs:
            values = [(input_of(m, name) if m else None) or DEFAULTS[name] for _, m in self.looks]
            self._uvs[key] = np.array(values, np.float32).reshape(len(values), -1)[:, :channels]
        return self._uvs[key]

    def _uv(self, name: str) -> NDArray[np.float32]:
        """(m, 3, 2) UVs at corners; another set where a part has none of that name, zero without any."""
        if name not in self._uvs:
            table = np.zeros((len(self.faces), 3, 2), np.float32)
            for number, part in enumerate(self.parts):
                st = part.mesh.primvars.get(name) or part.mesh.primvars.get(uv_name(part.mesh) or "")
                if st is not None:
                    rows = part.mesh.corner_rows(st)[part.mesh.triangle_corners]
                    table[self.owner == number] = np.asarray(st.values, np.float32)[:, :2][wound(part, rows)]
            self._uvs[name] = table
        return self._uvs[name]


class _Tangents:
    """Tangents and signs of a part for a UV set, made when asked for."""

    def __init__(self, high: High) -> None:
        self._high = high
        self._made: dict[tuple[int, str], tuple[NDArray, NDArray]] = {}

    def __getitem__(self, key: tuple[int, str]) -> tuple[NDArray, NDArray]:
        if key not in self._made:
            number, name = key
            high = self._high
            mine = high.owner == number
            uv = high._uv(name)[mine]
            along, sign = mikktspace(
                high.points, high.faces[mine], uv.reshape(-1, 2), np.arange(uv.shape[0] * 3).reshape(-1, 3),
                high.normals[mine],
            )  # fmt: skip
            self._made[key] = along.astype(np.float32), sign[:, :1].astype(np.float32)
        return self._made[key]


def _at(weights: NDArray, values: NDArray) -> NDArray:
    """(k, c) corner values (k, 3, c) at barycentric coordinates."""
    result: NDArray = np.einsum("ki,kic->kc", weights, values)
    return result
