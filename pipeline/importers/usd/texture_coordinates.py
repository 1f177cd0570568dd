# SPDX-License-Identifier: Apache-2.0
"""UV sets of any name become st, st1 …, and the readers that name them follow."""

from __future__ import annotations

from pxr import Sdf, Usd, UsdGeom

from pipeline.importers.scene import Scene

_KINDS = (Sdf.ValueTypeNames.TexCoord2fArray, Sdf.ValueTypeNames.Float2Array)


def rename(stage: Usd.Stage, layer: Sdf.Layer, scene: Scene) -> list[str]:
    """Rename where every mesh agrees; returns what was renamed."""
    order: dict[str, int] = {}
    for prim in stage.TraverseAll():
        if not prim.IsA(UsdGeom.Mesh):
            continue
        sets = [p.GetPrimvarName() for p in UsdGeom.PrimvarsAPI(prim).GetPrimvars() if p.GetTypeName() in _KINDS]
        sets.sort(key=lambda n: (n != "st", not n.startswith("st"), n))
        for i, name in enumerate(sets):
            if order.setdefault(name, i) != i:
                scene.notes.append(f"UV set {name!r} is not the same set on every mesh and keeps its name")
                return []
    names = {old: f"st{i or ''}" for old, i in order.items() if old != f"st{i or ''}"}
    taken = {old for old in order if old not in names}
    if not names or len(set(names.values())) < len(names) or set(names.values()) & (taken | set(names)):
        return []
    found: list[Sdf.Path] = []
    layer.Traverse(Sdf.Path.absoluteRootPath, found.append)
    for path in found:
        spec = layer.GetAttributeAtPath(path) if path.IsPropertyPath() else None
        if spec is None:
            continue
        head, _, rest = path.name.removeprefix("primvars:").partition(":")
        if path.name.startswith("primvars:") and head in names and rest in ("", "indices"):
            spec.name = f"primvars:{names[head]}{':' + rest if rest else ''}"
        elif isinstance(spec.default, str) and spec.default in names and "inputs:" in path.name:
            spec.default = names[spec.default]
    return [f"UV set {old} became {new}" for old, new in names.items()]
