# SPDX-License-Identifier: Apache-2.0
"""Give parts of different colour or body materials of their own, as face sets; nothing is cut."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Usd, UsdGeom, UsdShade, Vt
from pydantic import Field

from pipeline.refiners.core import Operation, Part, Settings, Subject
from pipeline.refiners.core.images import to_oklab
from pipeline.refiners.core.layouts import layout_of
from pipeline.refiners.core.looks import maps, surface


class SeparateSettings(Settings):
    """What makes a material of its own."""

    by: Literal["colour", "body"] = Field(
        default="colour", description="colour: faces of like colour; body: each body by its mean colour."
    )
    count: int = Field(default=4, ge=2, le=16, description="Materials that come of one at most.")
    apart: float = Field(default=0.12, gt=0, le=1, description="OKLab distance beneath which colours are one material.")


def run(subject: Subject, settings: SeparateSettings) -> None:
    """Cluster face colours of every mesh with one textured material; author face sets and copies of the material."""
    for part in subject.parts():
        if UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets():
            continue
        material = UsdShade.MaterialBindingAPI(part.prim).ComputeBoundMaterial()[0]
        colours = _face_colours(part, material)
        if colours is None:
            subject.skip(part.path, "no albedo texture or vertex colour tells its materials apart")
            continue
        label = clusters(to_oklab(colours), _sizes(part), settings.count, settings.apart, _bodies(part, settings.by))
        if label.max() == 0:
            continue
        _author(subject, part, material, label)


def _face_colours(part: Part, material: UsdShade.Material) -> NDArray | None:
    """(f, 3) linear colour at each face's middle."""
    mesh = part.mesh
    read = next((m for m in maps(material) if m.input == "diffuseColor" and m.path), None) if material else None
    layout = layout_of(mesh, read.uv) if read else None
    if read is not None and layout is not None:
        value = read.values(layout.uv[layout.corners].mean(axis=1))[:, :3]
    elif (colour := mesh.primvars.get("displayColor")) is not None and colour.interpolation != "constant":
        value = colour.values[mesh.corner_rows(colour)[mesh.triangle_corners]].mean(axis=1)
    else:
        return None
    count = np.bincount(mesh.triangle_face, minlength=len(mesh.counts))[:, None]
    summed = np.stack([np.bincount(mesh.triangle_face, value[:, k], minlength=len(mesh.counts)) for k in range(3)], 1)
    return np.asarray(summed / np.maximum(count, 1))


def _sizes(part: Part) -> NDArray:
    from pipeline.mesh.faces import areas

    area = areas(part.points, part.mesh.triangles)
    return np.bincount(part.mesh.triangle_face, area, minlength=len(part.mesh.counts))


def _bodies(part: Part, by: str) -> NDArray | None:
    if by != "body":
        return None
    topology = part.mesh.topology
    label = np.zeros(len(part.mesh.counts), np.int64)
    label[part.mesh.triangle_face[topology.live]] = topology.shells.label
    return label


def clusters(lab: NDArray, weight: NDArray, count: int, apart: float, body: NDArray | None = None) -> NDArray[np.int64]:
    """(f,) cluster of each face, the largest 0: weighted k-means from the farthest seeds, near clusters joined.

    Parameters
    ----------
    lab : (f, 3) float
        OKLab.
    weight : (f,) float
        Areas.
    body : (f,) int, optional
        Faces of one body stay together.
    """
    if body is not None:
        total = np.maximum(np.bincount(body, weight), 1e-300)
        means = np.stack([np.bincount(body, weight * lab[:, k]) for k in range(3)], axis=1) / total[:, None]
        return np.asarray(clusters(means, total, count, apart)[body])
    seeds = [int(np.argmax(weight))]
    for _ in range(count - 1):
        gap = np.min([np.linalg.norm(lab - lab[s], axis=1) for s in seeds], axis=0)
        if gap.max() < apart:
            break
        seeds.append(int(np.argmax(gap * (weight > 0))))
    centre = lab[seeds]
    label = np.zeros(len(lab), np.int64)
    for _ in range(20):
        label = np.linalg.norm(lab[:, None] - centre[None], axis=2).argmin(axis=1)
        total = np.bincount(label, weight, minlength=len(centre))
        new = np.stack([np.bincount(label, weight * lab[:, k], minlength=len(centre)) for k in range(3)], axis=1)
        new = np.where(total[:, None] > 0, new / np.maximum(total, 1e-300)[:, None], centre)
        if np.allclose(new, centre, atol=1e-5):
            break
        centre = new
    for first in range(len(centre)):
        for second in range(first + 1, len(centre)):
            if np.linalg.norm(centre[first] - centre[second]) < apart:
                label[label == second] = first
    order = np.argsort(-np.bincount(label, weight, minlength=len(centre)), kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    _, result = np.unique(rank[label], return_inverse=True)
    return np.asarray(result.reshape(-1))


def _author(subject: Subject, part: Part, material: UsdShade.Material, label: NDArray) -> None:
    stage, path = subject.stage, part.prim.GetPath()
    name = material.GetPrim().GetName() if material else "material"
    scope = material.GetPath().GetParentPath() if material else subject.prim.GetPath().AppendChild("mtl")
    for number in range(int(label.max()) + 1):
        child = path.AppendChild(f"{name}_{number + 1}")
        subset = UsdGeom.Subset.Define(stage, child)
        subset.CreateElementTypeAttr().Set("face")
        subset.CreateFamilyNameAttr().Set("materialBind")
        subset.CreateIndicesAttr().Set(Vt.IntArray.FromNumpy(np.flatnonzero(label == number).astype(np.int32)))
        goal = scope.AppendChild(f"{name}_{number + 1}")
        if not stage.GetPrimAtPath(goal):
            if material:
                copy_material(stage, material, goal)
            else:
                UsdShade.Material.Define(stage, goal)
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(UsdShade.Material(stage.GetPrimAtPath(goal)))
    UsdGeom.Subset.SetFamilyType(part.prim, "materialBind", UsdGeom.Tokens.nonOverlapping)
    subject.changed = True
    subject.count("materials_made", int(label.max()) + 1)


def copy_material(stage: Usd.Stage, source: UsdShade.Material, goal: Sdf.Path) -> None:
    """Author the same network at `goal`: values, asset paths as resolved, connections among its own nodes."""
    start = source.GetPath()
    for prim in Usd.PrimRange(source.GetPrim()):
        made = stage.DefinePrim(prim.GetPath().ReplacePrefix(start, goal), prim.GetTypeName())
        for attribute in prim.GetAuthoredAttributes():
            copy = made.CreateAttribute(
                attribute.GetName(), attribute.GetTypeName(), attribute.IsCustom(), attribute.GetVariability()
            )
            value = attribute.Get()
            if isinstance(value, Sdf.AssetPath):
                value = _local(stage, value)
            if value is not None:
                copy.Set(value)
            targets = attribute.GetConnections()
            if targets:
                copy.SetConnections([t.ReplacePrefix(start, goal) for t in targets])


def _local(stage: Usd.Stage, value: Sdf.AssetPath) -> Sdf.AssetPath:
    """The same file, named from the layer that is edited."""
    from pathlib import Path

    from pipeline.usd.anchoring import relative

    layer = stage.GetEditTarget().GetLayer()
    outer, bracket, inner = value.resolvedPath.partition("[")
    if not outer or not layer.realPath:
        return Sdf.AssetPath(value.resolvedPath or value.path)
    return Sdf.AssetPath(relative(Path(outer), Path(layer.realPath).parent) + bracket + inner)


def measure(subject: Subject) -> dict[str, Any]:
    """Materials that are bound."""
    found = set()
    for part in subject.parts():
        for prim in (part.prim.GetPrim(), *(s.GetPrim() for s in UsdGeom.Subset.GetAllGeomSubsets(part.prim))):
            material = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
            if material and surface(material) is not None:
                found.add(str(material.GetPath()))
    return {"materials": len(found)}


operation = Operation(
    name="separate-materials",
    summary="Materials of their own for parts of different colour",
    settings=SeparateSettings,
    run=run,
    measure=measure,
    fixes=("material.single",),
)
