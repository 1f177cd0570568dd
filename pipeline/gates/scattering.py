# SPDX-License-Identifier: Apache-2.0
"""Scatter: many of an asset over the surfaces of the project's stage or a scene, as one PointInstancer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.gates.dressing import SET, PrimResult
from pipeline.gates.scenes import Workplace, find_prim, prim_name, working

if TYPE_CHECKING:
    from pxr import Sdf, Usd

    from pipeline.project import Project
    from pipeline.scenes.scatter import ScatterSpec

__all__ = ["ScatterResult", "add_scatter"]


class ScatterResult(PrimResult):
    """What was scattered: how many, on how many square metres, and the least distance between two."""

    instances: int
    area_m2: float
    spacing_m: float
    prototypes: dict[str, int]


def add_scatter(
    project: Project,
    name: str,
    assets: Sequence[str],
    spec: ScatterSpec,
    *,
    on: Sequence[str] = (),
    keep_out: Sequence[str] = (),
    margin: float = 0.0,
    origin: str | None = None,
    variants: Mapping[str, str] | None = None,
    scene: str | None = None,
) -> ScatterResult:
    """Scatter assets or set pieces over surfaces as one PointInstancer below /World/Set.

    Parameters
    ----------
    assets
        Assets (see `origin`), or prims of the scene by path or as set pieces.
    on
        Prims whose meshes are scattered on; unless told, the whole set.
    keep_out, margin
        Prims whose bounds, grown by so many metres, stay free.

    Raises
    ------
    UsageError
        Nothing to scatter or nothing to scatter on, or a number that does not fit.
    """
    import numpy as np
    from pxr import UsdGeom

    from pipeline.scenes.instancers import PROTOTYPES, author_extent, author_instancer
    from pipeline.scenes.scatter import scatter

    if not assets:
        raise UsageError("nothing to scatter", remedy="name an asset or a set piece")
    if spec.weights and len(spec.weights) != len(assets):
        raise UsageError(f"{len(spec.weights)} weights for {len(assets)} things", remedy="give one for each")
    path = f"{SET}/{prim_name(name)}"
    with working(project, "scatter", scene) as place:
        points, faces = _surface(place.stage, on or (SET,), path)
        boxes = _boxes(place.stage, keep_out, margin)
        found = scatter(points, faces, spec, len(assets), boxes)
        UsdGeom.PointInstancer.Define(place.stage, path)
        targets = [f"{path}/{PROTOTYPES}/p{i}" for i in range(len(assets))]
        bases = [
            _prototype(project, place, asset, target, origin, variants)
            for asset, target in zip(assets, targets, strict=True)
        ]
        instancer = author_instancer(
            place.stage, path, found, np.array(bases), lambda layer: _kept(project, place, layer)
        )
        author_extent(instancer)
        counts = {asset: int((found.prototypes == i).sum()) for i, asset in enumerate(assets)}
        return ScatterResult(
            prim=path, scene=place.scene, department=place.department, instances=len(found.positions),
            area_m2=round(found.area, 3), spacing_m=round(found.spacing, 4), prototypes=counts,
        )  # fmt: skip


def _surface(stage: Usd.Stage, on: Sequence[str], without: str) -> tuple[Any, Any]:
    """The triangles of prims in metres, Y up, without what stands at a path."""
    import numpy as np

    from pipeline.scenes.surface import prim_triangles

    points, faces, count = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], 0
    for name in on:
        prim = find_prim(stage, name)
        if str(prim.GetPath()) == without:
            continue
        here, corners = prim_triangles(prim)
        points.append(here)
        faces.append(corners + count)
        count += len(here)
    if not count:
        raise UsageError("there is nothing to scatter on", prim=on[0], remedy="name a prim with meshes: --on PRIM")
    return np.concatenate(points), np.concatenate(faces)


def _boxes(stage: Usd.Stage, names: Sequence[str], margin: float) -> tuple[Any, ...]:
    from pipeline.scenes.bounds import world_box
    from pipeline.scenes.scatter import Keepout

    boxes = []
    for name in names:
        box = world_box(find_prim(stage, name))
        if box is not None:
            boxes.append(Keepout(tuple(box.low - margin), tuple(box.high + margin)))
    return tuple(boxes)


def _prototype(
    project: Project, place: Workplace, name: str, path: str, origin: str | None, variants: Mapping[str, str] | None
) -> float:
    """Reference what is scattered at its own origin; returns how far its lowest point lies above that."""
    from pxr import Gf, Sdf, UsdGeom

    from pipeline.scenes.bounds import world_box
    from pipeline.scenes.references import reference, select_variants
    from pipeline.scenes.sources import find_source

    piece = name if name.startswith("/") else f"{SET}/{name}"
    if place.stage.GetPrimAtPath(piece) and not piece.startswith(f"{path.rpartition('/')[0]}/"):
        prim = UsdGeom.Xform.Define(place.stage, path).GetPrim()
        prim.GetReferences().SetReferences([Sdf.Reference("", Sdf.Path(piece))])
        select_variants(prim, variants or {})
    else:
        source = find_source(project, name, origin)
        prim = reference(
            place.stage, path, source.path, place.anchor(source.path), source.prim, variants=variants,
            info={"name": name, "version": source.pin},
        )  # fmt: skip
    for operation in UsdGeom.Xformable(prim).GetOrderedXformOps():
        if operation.GetOpName().endswith(":placement"):
            moves = operation.GetOpType() == UsdGeom.XformOp.TypeTranslate
            operation.Set(Gf.Vec3d(0) if moves else 0.0)
    box = world_box(prim)
    if box is None:
        raise UsageError(f"{name} shows nothing to scatter", prim=piece, remedy="select a variant that loads")
    return float(box.low[1])


def _kept(project: Project, place: Workplace, layer: Sdf.Layer) -> str:
    return place.anchor(project.objects.add_content(layer, ".usdc"))
