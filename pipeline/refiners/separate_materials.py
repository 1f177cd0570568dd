# SPDX-License-Identifier: Apache-2.0
"""Give parts of different colour, body or name materials of their own, as face sets; nothing is cut."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pxr import Sdf, Tf, UsdGeom, UsdShade, Vt
from pydantic import Field

from pipeline.mesh.faces import areas
from pipeline.mesh.regions import clusters, joined, smoothed
from pipeline.refiners.core import Operation, Part, Settings, Subject
from pipeline.refiners.core.copying import copy_material
from pipeline.refiners.core.images import to_oklab
from pipeline.refiners.core.layouts import layout_of
from pipeline.refiners.core.looks import define_surface, maps, surface
from pipeline.refiners.core.words import colour_word

#: places of a triangle where its colour is looked up, barycentric
_PLACES = np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 2], [1, 2.5, 2.5], [2.5, 1, 2.5], [2.5, 2.5, 1]]) / 6


class SeparateSettings(Settings):
    """What makes a material of its own."""

    by: Literal["colour", "body", "name"] = Field(
        default="colour",
        description="colour: faces of like colour; body: each body by its mean colour; name: meshes by their names, "
        "wheel_01 and wheel_02 alike.",
    )
    count: int = Field(default=4, ge=2, le=16, description="Materials that come of one at most.")
    apart: float = Field(default=0.12, gt=0, le=1, description="OKLab distance beneath which colours are one material.")
    smooth: float = Field(
        default=1.0, ge=0, le=10, description="For colour: how much a straight border is worth; 0: each face by itself."
    )
    least: float = Field(
        default=0.002, ge=0, lt=0.5, description="For colour: share of a mesh's area beneath which a patch is joined."
    )


def run(subject: Subject, settings: SeparateSettings) -> None:
    """Group the faces of every mesh with one material; author face sets and copies of the material."""
    if settings.by == "name":
        _by_name(subject)
        return
    for part in subject.parts():
        if UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets():
            continue
        material = UsdShade.MaterialBindingAPI(part.prim).ComputeBoundMaterial()[0]
        colours = _face_colours(part, material)
        if colours is None:
            subject.skip(part.path, "no albedo texture or vertex colour tells its materials apart")
            continue
        label, centre = _labels(part, to_oklab(colours), settings)
        if label.max() > 0:
            _author(subject, part, material, label, centre)


def _labels(part: Part, lab: NDArray, settings: SeparateSettings) -> tuple[NDArray, NDArray]:
    """(f,) group of each face, the largest 0, and (k, 3) OKLab of each."""
    topology, faces = part.mesh.topology, len(part.mesh.counts)
    area = np.bincount(part.mesh.triangle_face, areas(part.points, part.mesh.triangles), minlength=faces)
    if settings.by == "body":
        body = np.zeros(faces, np.int64)
        body[part.mesh.triangle_face[topology.live]] = topology.shells.label
        return clusters(lab, area, settings.count, settings.apart, body)
    label, centre = clusters(lab, area, settings.count, settings.apart)
    if label.max() == 0:
        return label, centre
    paired = topology.edges.paired
    owner = part.mesh.triangle_face[topology.live]
    pairs = owner[paired // 3].astype(np.int64)
    corner = topology.edges.faces
    half = paired[:, 0]
    ends = topology.vertices[[corner[half // 3, half % 3], corner[half // 3, (half + 1) % 3]]].astype(np.float64)
    length = np.linalg.norm(ends[1] - ends[0], axis=1)
    between = pairs[:, 0] != pairs[:, 1]
    pairs, length = pairs[between], length[between]
    if settings.smooth > 0:
        cost = np.stack([((lab - c) ** 2).sum(axis=1) for c in centre], axis=1) / (settings.apart**2 / 2)
        label = smoothed(label, cost, pairs, length, settings.smooth)
    label = joined(label, area, pairs, length, settings.least)
    total = np.bincount(label, area, minlength=len(centre))
    order = np.argsort(-total, kind="stable")[: int((np.bincount(label, minlength=len(centre)) > 0).sum())]
    rank = np.zeros(len(centre), np.int64)
    rank[order] = np.arange(len(order))
    return rank[label], centre[order]


def _face_colours(part: Part, material: UsdShade.Material) -> NDArray | None:
    """(f, 3) mean linear colour of each face."""
    mesh = part.mesh
    read = next((m for m in maps(material) if m.input == "diffuseColor" and m.path), None) if material else None
    layout = layout_of(mesh, read.uv) if read else None
    if read is not None and layout is not None:
        corner = layout.uv[layout.corners].astype(np.float64)
        value = np.mean([read.values(np.einsum("k,tkc->tc", w, corner))[:, :3] for w in _PLACES], axis=0)
    elif (colour := mesh.primvars.get("displayColor")) is not None and colour.interpolation != "constant":
        value = colour.values[mesh.corner_rows(colour)[mesh.triangle_corners]].mean(axis=1)
    else:
        return None
    area = areas(part.points, mesh.triangles) + 1e-30
    total = np.maximum(np.bincount(mesh.triangle_face, area, minlength=len(mesh.counts)), 1e-30)[:, None]
    summed = [np.bincount(mesh.triangle_face, area * value[:, k], minlength=len(mesh.counts)) for k in range(3)]
    return np.asarray(np.stack(summed, 1) / total)


def _author(subject: Subject, part: Part, material: UsdShade.Material, label: NDArray, centre: NDArray) -> None:
    stage, path = subject.stage, part.prim.GetPath()
    base = material.GetPrim().GetName() if material else part.prim.GetPrim().GetName()
    taken: set[str] = set()
    for number, middle in enumerate(centre):
        word = colour_word(middle)
        name, count = f"{base}_{word}", 1
        while name in taken or stage.GetPrimAtPath(path.AppendChild(name)):
            count += 1
            name = f"{base}_{word}_{count}"
        taken.add(name)
        subset = UsdGeom.Subset.Define(stage, path.AppendChild(name))
        subset.CreateElementTypeAttr().Set("face")
        subset.CreateFamilyNameAttr().Set("materialBind")
        subset.CreateIndicesAttr().Set(Vt.IntArray.FromNumpy(np.flatnonzero(label == number).astype(np.int32)))
        made = copy_material(subject, material, name) if material else _of_colours(subject, name)
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(made)
    UsdGeom.Subset.SetFamilyType(part.prim, "materialBind", UsdGeom.Tokens.partition)
    subject.changed = True
    subject.count("materials_made", len(centre))


def _of_colours(subject: Subject, name: str) -> UsdShade.Material:
    """A material for what has none, that reads the colours of points or faces as before."""
    path = subject.prim.GetPath().AppendPath(f"mtl/{Tf.MakeValidIdentifier(name)}")
    if subject.stage.GetPrimAtPath(path):
        return UsdShade.Material(subject.stage.GetPrimAtPath(path))
    material, shader = define_surface(subject, path)
    reader = UsdShade.Shader.Define(subject.stage, path.AppendChild("colours"))
    reader.CreateIdAttr("UsdPrimvarReader_float3")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
    result = reader.CreateOutput("result", Sdf.ValueTypeNames.Float3)
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).ConnectToSource(result)
    return material


def _by_name(subject: Subject) -> None:
    """One material for each name where meshes of several names share one."""
    shared: dict[Sdf.Path, dict[str, list[Part]]] = defaultdict(lambda: defaultdict(list))
    for part in subject.parts():
        material = UsdShade.MaterialBindingAPI(part.prim).ComputeBoundMaterial()[0]
        if UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets():
            subject.skip(part.path, "it has face sets with materials already")
        elif not material:
            subject.skip(part.path, "it has no material: pbr-set gives it one")
        else:
            stem = re.sub(r"[_.\-]*(\d+|[lr]|left|right)?[_.\-]*$", "", part.prim.GetPrim().GetName(), flags=re.I)
            shared[material.GetPath()][stem or part.prim.GetPrim().GetName()].append(part)
    for path, stems in shared.items():
        if len(stems) < 2:
            continue
        material = UsdShade.Material(subject.stage.GetPrimAtPath(path))
        for stem, parts in stems.items():
            made = copy_material(subject, material, f"{path.name}_{stem}")
            for part in parts:
                UsdShade.MaterialBindingAPI.Apply(part.prim.GetPrim()).Bind(made)
            subject.count("materials_made", 1)
        subject.changed = True


def measure(subject: Subject) -> dict[str, Any]:
    """Materials that faces are drawn with."""
    found = set()
    for part in subject.parts():
        subsets = UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets()
        prims = [s.GetPrim() for s in subsets]
        dressed = [np.asarray(x.GetIndicesAttr().Get() or (), int) for x in subsets]
        if len(np.unique(np.concatenate([*dressed, np.zeros(0, int)]))) < len(part.mesh.counts):
            prims.append(part.prim.GetPrim())
        for prim in prims:
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
