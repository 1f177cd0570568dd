# SPDX-License-Identifier: Apache-2.0
"""One mesh for each material, for tools that want a material a mesh."""

from __future__ import annotations

import numpy as np
from pxr import UsdGeom, UsdShade

from pipeline.refiners.core import Operation, Settings, Subject
from pipeline.refiners.core.dividing import divide


def run(subject: Subject, settings: Settings) -> None:
    """Split every part whose material subsets bind more than one material."""
    for part in subject.parts():
        subsets = UsdShade.MaterialBindingAPI(part.prim).GetMaterialBindSubsets()
        owner = np.zeros(len(part.mesh.counts), np.int64)
        names = [part.prim.GetPrim().GetName()]
        for subset in subsets:
            faces = part.mesh.subsets.get(subset.GetPrim().GetName())
            if faces is None or len(faces) == 0:
                continue
            owner[faces] = len(names)
            names.append(f"{part.prim.GetPrim().GetName()}_{subset.GetPrim().GetName()}")
        used, owner = np.unique(owner, return_inverse=True)
        if len(used) > 1:
            divide(subject, part, owner.reshape(-1), [names[i] for i in used], _bound(part.prim, subsets))


def _bound(mesh: UsdGeom.Mesh, subsets: list[UsdGeom.Subset]) -> dict[str, UsdShade.Material]:
    name = mesh.GetPrim().GetName()
    found = {name: UsdShade.MaterialBindingAPI(mesh).ComputeBoundMaterial()[0]}
    for subset in subsets:
        material = UsdShade.MaterialBindingAPI(subset).ComputeBoundMaterial()[0]
        found[f"{name}_{subset.GetPrim().GetName()}"] = material
    return found


operation = Operation(
    name="split-materials",
    summary="One mesh for each material",
    run=run,
)
