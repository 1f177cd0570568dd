# SPDX-License-Identifier: Apache-2.0
"""What UsdPreviewSurface says at the places that rays found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.render.draft.tracing import Hits, World
from pipeline.render.lamps import Array
from pipeline.render.setting import Floor
from pipeline.render.surfaces import Surface
from pipeline.render.vectors import cross, dot, unit


@dataclass(frozen=True, eq=False)
class Look:
    """Surface values at n places, linear Rec.709.

    Attributes
    ----------
    point, face, normal
        ``(n, 3)``: metres; the triangle's and the shaded normal, both on the viewer's side.
    diffuse, specular, emission
        ``(n, 3)``: albedo, reflectance head on, radiance.
    roughness, clearcoat, clearcoat_roughness, opacity, occlusion
        ``(n,)``.
    """

    point: Array
    face: Array
    normal: Array
    diffuse: Array
    specular: Array
    emission: Array
    roughness: Array
    clearcoat: Array
    clearcoat_roughness: Array
    opacity: Array
    occlusion: Array


class Looks:
    """Reads surfaces at hits; constants as tables, pictures only where a surface has them."""

    def __init__(self, surfaces: tuple[Surface, ...], floor: Floor | None) -> None:
        self.surfaces = surfaces
        self.floor = floor
        self.tables = {
            name: np.array([s.values[name] for s in surfaces] + [_floor_value(name, floor)], np.float32)
            for name in (
                "diffuseColor", "emissiveColor", "specularColor", "metallic", "roughness", "clearcoat",
                "clearcoatRoughness", "opacity", "occlusion", "ior", "useSpecularWorkflow", "opacityThreshold",
            )
        }  # fmt: skip
        #: ``(surfaces + 1, 3)`` one colour for each, for light that bounces
        self.albedo = np.array(
            [s.value("diffuseColor") * (1 - 0.5 * s.value("metallic")[0]) for s in surfaces]
            + [floor.albedo.mean((0, 1)) if floor else np.zeros(3)],
            np.float32,
        )
        self.mapped = [i for i, s in enumerate(surfaces) if s.maps]
        self.tinted = np.array([bool(s.primvar) for s in surfaces] + [False])
        self.cleared = np.array([bool(s.opacity_primvar) for s in surfaces] + [False])
        self.presence = np.array([s.presence or s.cutout for s in surfaces] + [True])

    def at(self, world: World, hits: Hits, directions: Array) -> Look:
        """The look at every hit (all of them found)."""
        corners = world.triangles[hits.triangle]
        w = np.stack([1 - hits.u - hits.v, hits.u, hits.v], axis=1).astype(np.float32)
        a, b, c = (world.points[corners[:, k]] for k in range(3))
        point = w[:, :1] * a + w[:, 1:2] * b + w[:, 2:] * c
        face = unit(cross(b - a, c - a))
        smooth = np.einsum("nk,nkj->nj", w, world.normals[corners])
        normal = np.where(world.faceted[hits.triangle][:, None], face, unit(smooth, face))
        number = world.surface[hits.triangle]
        values = {name: table[number] for name, table in self.tables.items()}
        tint = np.einsum("nk,nkj->nj", w, world.tint[corners])
        shown = self.tinted[number] & np.isfinite(tint[:, 0])
        values["diffuseColor"] = np.where(shown[:, None], tint, values["diffuseColor"])
        clear = np.einsum("nk,nkj->nj", w, world.clear[corners])
        values["opacity"] = np.where(self.cleared[number][:, None], clear, values["opacity"])
        bent: list[tuple[Array, Array]] = []
        for i in self.mapped:
            rows = np.flatnonzero(number == i)
            if not len(rows):
                continue
            for name, picture in self.surfaces[i].maps.items():
                table = world.uvs.get(picture.uv_set)
                if table is None:
                    table = next(iter(world.uvs.values()), np.zeros((len(world.points), 2), np.float32))
                st = table[corners[rows]]
                value = picture.sample(np.einsum("nk,nkj->nj", w[rows], st))
                if name == "normal":
                    frame = _frame(a[rows], b[rows], c[rows], picture.coordinates(st.reshape(-1, 2)), normal[rows])
                    bent.append((rows, unit(np.einsum("nk,nkj->nj", value, frame), normal[rows])))
                else:
                    values[name][rows] = value
        for rows, new in bent:
            normal[rows] = new
        back = dot(face, directions) > 0
        face = np.where(back[:, None], -face, face)
        normal = np.where((dot(normal, face) < 0)[:, None], -normal, normal)
        # a bent normal that looks away from the viewer would be black
        lean = dot(normal, directions)[:, None]
        normal = np.where(lean > -0.01, unit(normal - (lean + 0.01) * directions, face), normal)
        return self._look(point, face, normal, values, number)

    def _look(self, point: Array, face: Array, normal: Array, values: dict[str, Array], number: Array) -> Look:
        metallic = np.clip(values["metallic"], 0, 1)
        base = np.maximum(values["diffuseColor"], 0)
        plain = ((1 - values["ior"]) / (1 + values["ior"])) ** 2
        authored = values["useSpecularWorkflow"] > 0
        specular = np.where(authored, values["specularColor"], plain * (1 - metallic) + base * metallic)
        diffuse = np.where(authored, base, base * (1 - metallic))
        opacity = np.clip(values["opacity"][:, 0], 0, 1)
        threshold = values["opacityThreshold"][:, 0]
        opacity = np.where(threshold > 0, (opacity >= threshold).astype(np.float32), opacity)
        is_floor = number == len(self.surfaces)
        if self.floor is not None and is_floor.any():
            opacity[is_floor] = self.floor.opacity(point[is_floor])
            specular[is_floor] = 0
            diffuse[is_floor] = self.floor.albedo_at(point[is_floor])
        return Look(
            point=point,
            face=face,
            normal=normal.astype(np.float32),
            diffuse=diffuse,
            specular=specular,
            emission=values["emissiveColor"],
            roughness=np.clip(values["roughness"][:, 0], 0.02, 1),
            clearcoat=np.clip(values["clearcoat"][:, 0], 0, 1),
            clearcoat_roughness=np.clip(values["clearcoatRoughness"][:, 0], 0.02, 1),
            opacity=opacity,
            occlusion=np.clip(values["occlusion"][:, 0], 0, 1),
        )


def _floor_value(name: str, floor: Floor | None) -> tuple[float, ...]:
    from pipeline.usd.scene.model import PREVIEW_SURFACE

    if name == "diffuseColor" and floor is not None:
        return tuple(float(v) for v in floor.albedo.mean((0, 1)))
    return (1.0,) if name == "roughness" else PREVIEW_SURFACE[name]


def _frame(a: Array, b: Array, c: Array, st: Array, normal: Array) -> Array:
    """``(n, 3, 3)``: tangent, bitangent and normal of the texture coordinates at each triangle."""
    corners = st.reshape(-1, 3, 2)
    d1, d2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    determinant = d1[:, 0] * d2[:, 1] - d2[:, 0] * d1[:, 1]
    safe = np.where(np.abs(determinant) < 1e-20, 1e-20, determinant)[:, None]
    tangent = ((b - a) * d2[:, 1:] - (c - a) * d1[:, 1:]) / safe
    tangent = unit(tangent - dot(tangent, normal)[:, None] * normal, np.roll(normal, 1, axis=1))
    # a mirrored layout turns the bitangent
    other = cross(normal, tangent)
    bitangent = ((c - a) * d1[:, :1] - (b - a) * d2[:, :1]) / safe
    turn = np.where(dot(bitangent, other)[:, None] < 0, -1.0, 1.0)
    return np.stack([tangent, other * turn, normal], axis=1)
