# SPDX-License-Identifier: Apache-2.0
"""UV sets of parts: which there are, giving a part a new one, moving its textures along."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, UsdShade

from pipeline.mesh.bake import Texels, dilated, gathered, texels
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.unwrap import Layout, density
from pipeline.refiners.core.images import linear_to_srgb
from pipeline.refiners.core.looks import COLOURS, Map, connect_texture, input_of, maps, surface, write_map
from pipeline.refiners.core.subject import Part, Subject

__all__ = [
    "groups_of",
    "layout_of",
    "materials_of",
    "measured",
    "move_textures",
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


def measured(subject: Subject, side: int = 1024) -> dict[str, object]:
    """Islands and texels per metre of all parts, at a texture of `side` pixels."""
    low, mean, high, covered = [], [], [], 0
    for part in subject.parts():
        layout = layout_of(part.mesh)
        if layout is None:
            continue
        found = density(part.points * subject.metres, part.mesh.triangles, layout, side)
        low.append(found[0])
        mean.append(found[1])
        high.append(found[2])
        covered += len(texels(layout.uv, layout.corners, 256).index)
    if not low:
        return {"uv_sets": 0}
    return {
        "texels_per_m": round(float(np.mean(mean)), 2),
        "density_ratio": round(max(high) / max(min(low), 1e-9), 3),
        "covered": round(covered / 256**2, 4),
    }


def move_textures(subject: Subject, moved: list[tuple[Part, Layout, Layout]], side: int, padding: int, uv: str) -> None:
    """Paint the asset's textures anew for parts whose layout changed, so that the look stays.

    One picture an input for the whole asset; parts keep their materials, which read the new pictures where they
    read any before.

    Parameters
    ----------
    moved
        Each part with its old and its new layout, both over the part's triangles before the change.
    """
    used = materials_of(subject, [m[0] for m in moved])
    read = {m.GetPath(): {x.input: x for x in maps(m) if x.path} for m in used.values()}
    wanted = sorted({name for inputs in read.values() for name in inputs})
    if not wanted:
        return
    found = [texels(new.uv, new.corners, side) for _, _, new in moved]
    mask = np.any([f.mask for f in found], axis=0)
    for name in wanted:
        channels = 3 if name in COLOURS or name == "normal" else 1
        grid = np.zeros((side, side, channels), np.float32)
        for (part, old, _), texel in zip(moved, found, strict=True):
            value = _painted(subject, part, old, texel, used, read, name, channels)
            grid += texel.grid(value)
        picture = dilated(grid, mask, padding)[::-1]
        if name in COLOURS:
            picture = linear_to_srgb(picture)
        elif name == "normal":
            picture = picture / 2 + 0.5
            picture[~dilated(mask[:, :, None], mask, padding)[::-1, :, 0]] = (0.5, 0.5, 1.0)
        asset = write_map(subject, f"{subject.prim.GetName()}_{name}", picture)
        for path, inputs in read.items():
            if name in inputs:
                output = "rgb" if channels == 3 else "r"
                material = UsdShade.Material(subject.stage.GetPrimAtPath(path))
                connect_texture(subject, material, name, asset, output, node=f"{name}_map", uv=uv)
    subject.details["textures_moved"] = wanted
    if "normal" in wanted:
        subject.note("normal maps were moved as they are: bake them again where islands were turned")


def _painted(
    subject: Subject, part: Part, old: Layout, texel: Texels, used: dict[tuple[str, int], UsdShade.Material],
    read: dict[Sdf.Path, dict[str, Map]], name: str, channels: int,
) -> NDArray[np.float32]:  # fmt: skip
    uv = gathered(old.uv[old.corners].astype(np.float64), texel)
    group = groups_of(part)[part.mesh.triangle_face[texel.triangle]]
    result = np.zeros((len(uv), channels), np.float32)
    for number in np.unique(group):
        material = used.get((part.path, int(number)))
        mine = group == number
        source = read.get(material.GetPath(), {}).get(name) if material else None
        if source is not None:
            result[mine] = source.values(uv[mine])[:, :channels]
        else:
            constant = input_of(material, name) if material else None
            result[mine] = np.array(constant or (0,) * channels, np.float32)[:channels]
    return result


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
