# SPDX-License-Identifier: Apache-2.0
"""UV sets of parts: which there are, giving a part a new one, whose materials read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pxr import UsdShade

from pipeline.mesh.bake import texels
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.unwrap import Layout, densities, percentiles
from pipeline.refiners.core.images import size_of
from pipeline.refiners.core.lookups import maps, surface
from pipeline.refiners.core.subject import Part, Subject

__all__ = [
    "groups_of",
    "layout_of",
    "materials_of",
    "measured",
    "triangulated",
    "uv_name",
    "with_layout",
]


def uv_name(mesh: PolygonMesh) -> str | None:
    """The UV set that textures are looked up with: `st`, or the first there is."""
    found = [n for n, p in mesh.primvars.items() if "texCoord2" in p.kind or (p.kind == "float2[]" and n != "normals")]
    return "st" if "st" in found else (sorted(found)[0] if found else None)


def layout_of(mesh: PolygonMesh, name: str | None = None) -> Layout | None:
    """A UV set over the mesh's triangles, or None."""
    chosen = name or uv_name(mesh)
    if chosen is None or chosen not in mesh.primvars:
        return None
    primvar = mesh.primvars[chosen]
    return Layout(
        np.asarray(primvar.values, np.float32)[:, :2], mesh.corner_rows(primvar)[mesh.triangle_corners].astype(np.int32)
    )


def with_layout(mesh: PolygonMesh, layout: Layout, name: str) -> PolygonMesh:
    """The mesh with that UV set; polygons whose triangles were cut apart become triangles."""
    first = np.full((len(mesh.corners), 1), -1, np.int64)
    flat = mesh.triangle_corners.reshape(-1)
    rows = layout.corners.reshape(-1)
    first[flat, 0] = rows
    torn = np.any(layout.uv[first[flat, 0]] != layout.uv[rows])
    if torn:
        mesh = triangulated(mesh)
        index = (layout.corners[:, ::-1] if mesh.left_handed else layout.corners).reshape(-1)
    else:
        index = np.maximum(first[:, 0], 0)
    primvar = Primvar(layout.uv, index.astype(np.int32), "faceVarying", "texCoord2f[]").compact()
    return replace(mesh, primvars={**mesh.primvars, name: primvar})


def triangulated(mesh: PolygonMesh) -> PolygonMesh:
    """The same with triangles for polygons."""
    if len(mesh.counts) and int(mesh.counts.max()) == 3:
        return mesh
    corner = mesh.triangle_corners[:, ::-1] if mesh.left_handed else mesh.triangle_corners
    flat, face = corner.reshape(-1), mesh.triangle_face
    chosen = {"faceVarying": flat, "uniform": face}
    subsets = {}
    for name, faces in mesh.subsets.items():
        inside = np.zeros(len(mesh.counts), bool)
        inside[faces] = True
        subsets[name] = np.flatnonzero(inside[face]).astype(np.int32)
    return replace(
        mesh,
        counts=np.full(len(face), 3, np.int32),
        corners=mesh.corners[flat],
        primvars={
            n: p.taken(chosen[p.interpolation]) if p.interpolation in chosen else p for n, p in mesh.primvars.items()
        },
        subsets=subsets,
    )


def measured(subject: Subject) -> dict[str, object]:
    """Density of all parts' layouts by area, with the textures that are read, else at 1024 pixels, and what is covered.

    `texels_per_m` is the mean, `density_ratio` the 95th percentile over the 5th, `covered` the share of the unit
    square (tiles beyond it are laid over it).
    """
    used = materials_of(subject, subject.parts())
    spread, surface_area, flat, mask = [], [], 0.0, np.zeros((256, 256), bool)
    sides = []
    for part in subject.parts():
        layout = layout_of(part.mesh)
        if layout is None:
            continue
        side = _side(part, used, uv_name(part.mesh))
        each, area = densities(part.points * subject.metres, part.mesh.triangles, layout)
        spread.append(each * (side or 1024))
        surface_area.append(area)
        flat += float((spread[-1] ** 2 * area).sum())
        sides.append(side)
        mask |= texels(layout.uv, layout.corners, 256).mask
    if not spread:
        return {"uv_sets": 0}
    low, high = percentiles(np.concatenate(spread), np.concatenate(surface_area))
    return {
        "texture_side": max(sides) or 1024,
        "texels_per_m": round(float(np.sqrt(flat / max(sum(float(a.sum()) for a in surface_area), 1e-30))), 2),
        "density_ratio": round(high / max(low, 1e-9), 3),
        "covered": round(float(mask.mean()), 4),
    }


def _side(part: Part, used: dict[tuple[str, int], UsdShade.Material], uv: str | None) -> int:
    """Side of the largest texture that is looked up with the set: the root of its pixels; 0 without any."""
    sides = [0.0]
    for (path, _), material in used.items():
        if path == part.path:
            for read in maps(material):
                if read.path and read.uv == uv:
                    width, height, _ = size_of(read.path)
                    sides.append(float(np.sqrt(width * height)))
    return round(max(sides))


def groups_of(part: Part) -> NDArray[np.int64]:
    """(f,) 0 for the mesh's own material, 1… for its material subsets in order."""
    group = np.zeros(len(part.mesh.counts), np.int64)
    for number, subset in enumerate(UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets()):
        faces = part.mesh.subsets.get(subset.GetPrim().GetName())
        if faces is not None:
            group[faces] = number + 1
    return group


def materials_of(subject: Subject, parts: list[Part]) -> dict[tuple[str, int], UsdShade.Material]:
    found = {}
    for part in parts:
        subsets = UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets()
        for number, prim in enumerate([part.prim.GetPrim(), *(s.GetPrim() for s in subsets)]):
            material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
            if material and surface(material) is not None:
                found[part.path, number] = material
    return found
