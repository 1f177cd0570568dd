# SPDX-License-Identifier: Apache-2.0
"""Assets in a scene: a reference, variant selections, and the scale and turn between two stages' units and axes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pxr import Gf, Sdf, Usd, UsdGeom

from pipeline.errors import StageError, UsageError

__all__ = ["reference", "select_variants"]

#: the suffix of the operations that bring another stage's units and axis to ours (as other tools name them)
UNITS = "unitsResolve"


def reference(
    stage: Usd.Stage,
    path: str,
    layer: Path,
    asset_path: str,
    prim: str = "",
    *,
    kind: str = "component",
    variants: Mapping[str, str] | None = None,
    instanceable: bool = False,
    info: Mapping[str, str] | None = None,
) -> Usd.Prim:
    """Make `path` exactly one reference, at the stage's edit target.

    Parameters
    ----------
    layer
        The file that `asset_path` names, to read its units and up axis from.
    prim
        The prim in it; empty for its default prim.
    kind
        Of the prim, where the referenced one has none.
    variants
        Selections by set.
    info
        AssetInfo: `name`, `identifier`, `version`.

    Raises
    ------
    StageError
        The reference brings nothing in.
    UsageError
        There is no such variant.
    """
    made = UsdGeom.Xform.Define(stage, path).GetPrim()
    made.GetReferences().SetReferences([Sdf.Reference(asset_path, Sdf.Path(prim) if prim else Sdf.Path())])
    if not _arrived(made):
        raise StageError(
            "this reference brings nothing in", path=layer, prim=prim or None, remedy="check its default prim"
        )
    select_variants(made, variants or {})
    model = Usd.ModelAPI(made)
    if not model.GetKind():
        model.SetKind(kind)
    for key, value in (info or {}).items():
        made.SetAssetInfoByKey(key, Sdf.AssetPath(value) if key == "identifier" else value)
    made.SetInstanceable(instanceable)
    resolve_units(made, layer)
    return made


def select_variants(prim: Usd.Prim, variants: Mapping[str, str]) -> None:
    """Author variant selections on a prim.

    Raises
    ------
    UsageError
        There is no such set or variant.
    """
    for name, variant in variants.items():
        sets = prim.GetVariantSets()
        if not sets.HasVariantSet(name):
            known = ", ".join(sets.GetNames()) or "none"
            raise UsageError(f"there is no variant set {name!r}", prim=str(prim.GetPath()), remedy=f"it has: {known}")
        known = sets.GetVariantSet(name).GetVariantNames()
        if variant not in known:
            raise UsageError(
                f"no variant {name}={variant}", prim=str(prim.GetPath()), remedy=f"choose from: {', '.join(known)}"
            )
        sets.GetVariantSet(name).SetVariantSelection(variant)


def resolve_units(prim: Usd.Prim, layer: Path) -> None:
    """Author what turns and scales a referenced layer's space to the stage's; nothing where they are alike."""
    stage = prim.GetStage()
    other = Usd.Stage.Open(str(layer), Usd.Stage.LoadNone)
    scale = UsdGeom.GetStageMetersPerUnit(other) / UsdGeom.GetStageMetersPerUnit(stage)
    turn = {("Z", "Y"): -90.0, ("Y", "Z"): 90.0}.get(
        (str(UsdGeom.GetStageUpAxis(other)), str(UsdGeom.GetStageUpAxis(stage))), 0.0
    )
    xform = UsdGeom.Xformable(prim)
    rest = [op for op in xform.GetOrderedXformOps() if not op.GetOpName().endswith(f":{UNITS}")]
    head = [op for op in rest if op.GetOpName().endswith(":placement")]
    made: list[UsdGeom.XformOp] = []
    if turn:
        made.append(_operation(xform, UsdGeom.XformOp.TypeRotateX))
        made[-1].Set(turn)
    if abs(scale - 1) > 1e-9:
        made.append(_operation(xform, UsdGeom.XformOp.TypeScale))
        made[-1].Set(Gf.Vec3f(scale))
    order = [*head, *made, *(op for op in rest if op not in head)]
    if [op.GetOpName() for op in order] != [op.GetOpName() for op in xform.GetOrderedXformOps()]:
        xform.SetXformOpOrder(order)


def _operation(xform: UsdGeom.Xformable, kind: object) -> UsdGeom.XformOp:
    name = f"xformOp:{'scale' if kind == UsdGeom.XformOp.TypeScale else 'rotateX'}:{UNITS}"
    for op in xform.GetOrderedXformOps():
        if op.GetOpName() == name:
            return op
    return xform.AddXformOp(kind, UsdGeom.XformOp.PrecisionFloat, UNITS)


def _arrived(prim: Usd.Prim) -> bool:
    """Whether something beyond the stage's own layers says what the prim is."""
    own = set(prim.GetStage().GetLayerStack())
    return any(spec.layer not in own for spec in prim.GetPrimStack())
