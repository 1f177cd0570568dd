# SPDX-License-Identifier: Apache-2.0
"""One mesh prim becomes several beside it."""

from __future__ import annotations

from dataclasses import replace

from numpy.typing import NDArray
from pxr import Tf, UsdGeom, UsdShade

from pipeline.refiners.core.subject import Part, Subject

__all__ = ["divide"]


def divide(
    subject: Subject,
    part: Part,
    owner: NDArray,
    names: list[str],
    materials: dict[str, UsdShade.Material] | None = None,
) -> None:
    """Split a part by faces into siblings; the original is deactivated.

    Parameters
    ----------
    owner : (f,) int
        Which piece each face belongs to, 0 to len(names) - 1.
    names
        Names of the pieces, made valid and free.
    materials
        What a piece is bound to; where nothing is given it is bound as the original, subset by subset.
    """
    why = subject.deformed(part)
    if why:
        subject.skip(part.path, why)
        return
    prim = part.prim.GetPrim()
    parent = prim.GetParent()
    taken = {child.GetName() for child in parent.GetAllChildren()}
    subsets = {s.GetPrim().GetName(): s for s in UsdGeom.Subset.GetAllGeomSubsets(part.prim)}
    made = []
    for number, wanted in enumerate(names):
        mesh = part.mesh.with_faces(owner == number)
        name = _free(Tf.MakeValidIdentifier(wanted), taken)
        path = parent.GetPath().AppendChild(name)
        bound = (materials or {}).get(wanted)
        if bound:
            mesh = replace(mesh, subsets={})
        else:
            mesh = replace(mesh, subsets={n: f for n, f in mesh.subsets.items() if len(f)})
        made.append(str(path))
        subject.add_mesh(part, path, mesh)
        new = subject.stage.GetPrimAtPath(path)
        if bound:
            UsdShade.MaterialBindingAPI.Apply(new).Bind(bound)
            continue
        _bind_like(prim, new)
        for subset in mesh.subsets:
            _bind_like(subsets[subset].GetPrim(), subject.stage.GetPrimAtPath(path.AppendChild(subset)))
    prim.SetActive(False)
    subject.forget(part)
    subject.count("parts_made", len(made))


def _bind_like(source, target) -> None:  # type: ignore[no-untyped-def]
    relation = UsdShade.MaterialBindingAPI(source).GetDirectBindingRel()
    targets = relation.GetTargets() if relation else []
    if targets and target:
        rel = UsdShade.MaterialBindingAPI.Apply(target).GetDirectBindingRel()
        (rel or target.CreateRelationship("material:binding", False)).SetTargets(targets)


def _free(name: str, taken: set[str]) -> str:
    base, count = name, 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    return name
