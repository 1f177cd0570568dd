# SPDX-License-Identifier: Apache-2.0
"""Set dressing: assets by reference, placements, sets, blockouts and scatter, in the project's stage or a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.gates.board import ASSETS, known_asset
from pipeline.gates.scenes import Workplace, find_prim, prim_name, working
from pipeline.scenes.cameras import CameraSpec

if TYPE_CHECKING:
    from pxr import Sdf, Usd

    from pipeline.project import Project
    from pipeline.scenes.blockout import Purpose
    from pipeline.scenes.placement import Placement
    from pipeline.scenes.scatter import ScatterSpec
    from pipeline.scenes.shapes import Opening, ShapeName

__all__ = [
    "AssetResult",
    "PrimResult",
    "ScatterResult",
    "add_asset",
    "add_blockout",
    "add_scatter",
    "add_set",
    "place_asset",
]

SET = "/World/Set"
Point = tuple[float, float, float]


class PrimResult(BaseModel):
    """A prim of a scene; lengths in metres, angles in degrees.

    Attributes
    ----------
    scene, department
        Where it was written; empty for the project's own stage.
    overruled
        Stronger departments that say otherwise, so that it does not show.
    """

    prim: str
    position_m: Point | None = None
    yaw: float | None = None
    camera: CameraSpec | None = None
    rig: str | None = None
    scene: str = ""
    department: str = ""
    overruled: list[str] = Field(default_factory=list)


class AssetResult(PrimResult):
    """An asset in a scene.

    Attributes
    ----------
    pin
        `v003`, the first digits of a version, a branch's name or `latest` for what moves on, `file`.
    layer
        What is referenced, relative to the project.
    variants
        What is selected, by set.
    """

    asset: str
    pin: str
    layer: str
    variants: dict[str, str] = Field(default_factory=dict)


class ScatterResult(PrimResult):
    """What was scattered: how many, on how many square metres, and the least distance between two."""

    instances: int
    area_m2: float
    spacing_m: float
    prototypes: dict[str, int]


def add_set(project: Project, name: str, layer: Path, *, scene: str | None = None) -> PrimResult:
    """Reference a set (a blockout of the level, a stage of neighbours) below /World/Set.

    The layer and all it needs are stored in the project. A set that ships may be named by its stem.

    Raises
    ------
    UsageError
        There is no such file and no set of that name.
    """
    from pipeline.resources import folder
    from pipeline.scenes.references import reference

    source = layer if layer.exists() else folder("stages") / f"{layer}.usda"
    if not source.exists():
        known = ", ".join(sorted(p.stem for p in folder("stages").glob("*.usda")))
        raise UsageError("there is no such set", path=layer, remedy=f"give a USD file, or one of: {known}")
    stored = project.objects.add_layer(source)
    path = f"{SET}/{prim_name(name)}"
    with working(project, "set", scene) as place:
        reference(place.stage, path, stored, place.anchor(stored), kind="assembly")
        return PrimResult(prim=path, scene=place.scene, department=place.department)


def place_asset(
    project: Project,
    asset: str,
    *,
    at: Point | None = None,
    yaw: float | None = None,
    ground: bool = False,
    next_to: str | None = None,
    on_top_of: str | None = None,
    scene: str | None = None,
    **how: Any,
) -> PrimResult:
    """Give an asset or a set piece its place (metres with Y up, degrees).

    Parameters
    ----------
    how
        `side`, `gap`, `snap`, `align`: see `pipeline.scenes.placement.place`.

    Raises
    ------
    UsageError
        The asset or the neighbour is not there.
    """
    with working(project, "placement", scene) as place:
        prim = _movable(project, place.stage, asset, scene)
        where = _placed(place.stage, prim, at, yaw, ground, next_to, on_top_of, **how)
        return PrimResult(
            prim=str(prim.GetPath()), position_m=where.position, yaw=where.yaw, scene=place.scene,
            department=place.department, overruled=place.overruled(str(prim.GetPath())),
        )  # fmt: skip


def _movable(project: Project, stage: Usd.Stage, name: str, scene: str | None) -> Usd.Prim:
    """An asset of the board, or anything of a scene."""
    piece = stage.GetPrimAtPath(f"{SET}/{name}") if name.isidentifier() else None
    if scene is not None or name.startswith("/") or piece:
        return find_prim(stage, name)
    known_asset(stage, name)
    prim = stage.GetPrimAtPath(f"{ASSETS}/{name}")
    if not prim:
        raise UsageError(f"{name} has nothing to place yet", prim=f"{ASSETS}/{name}", remedy=f"gates generate {name}")
    return prim


def add_asset(
    project: Project,
    scene: str,
    asset: str,
    *,
    name: str | None = None,
    origin: str | None = None,
    follow: bool = False,
    variants: Mapping[str, str] | None = None,
    instanceable: bool = False,
    at: Point | None = None,
    yaw: float | None = None,
    ground: bool = False,
    next_to: str | None = None,
    on_top_of: str | None = None,
    department: str | None = None,
    **how: Any,
) -> AssetResult:
    """Put an asset into a scene: one reference with variant selections, pinned to a package or a version.

    Parameters
    ----------
    name
        Of its prim below /World/Assets; unless told, the asset's.
    origin, follow
        Where it comes from, see `pipeline.scenes.sources.find_source`.

    Raises
    ------
    UsageError
        There is no such package, version, variant or scene.
    """
    from pipeline.scenes.references import reference
    from pipeline.scenes.sources import find_source

    source = find_source(project, asset, origin, follow=follow)
    path = f"{ASSETS}/{prim_name(name or asset)}"
    relative = source.path.relative_to(project.root).as_posix()
    with working(project, "asset", scene, department) as place:
        prim = reference(
            place.stage, path, source.path, place.anchor(source.path), source.prim,
            variants=variants, instanceable=instanceable,
            info={"name": asset, "version": source.pin, "identifier": place.anchor(source.path)},
        )  # fmt: skip
        begins = at if at or on_top_of else (0.0, 0.0, 0.0)  # the project's placement is no part of the asset
        where = _placed(place.stage, prim, begins, yaw or 0.0, ground, next_to, on_top_of, **how)
        sets = prim.GetVariantSets()
        return AssetResult(
            prim=path, position_m=where.position, yaw=where.yaw, scene=place.scene, department=place.department,
            asset=asset, pin=source.pin, layer=relative, overruled=place.overruled(path),
            variants={n: sets.GetVariantSelection(n) for n in sets.GetNames() if sets.GetVariantSelection(n)},
        )  # fmt: skip


def add_blockout(
    project: Project,
    name: str,
    shape: ShapeName,
    size: Point,
    *,
    scene: str | None = None,
    at: Point | None = None,
    yaw: float | None = None,
    ground: bool = False,
    next_to: str | None = None,
    on_top_of: str | None = None,
    steps: int | None = None,
    openings: Sequence[Opening] = (),
    purpose: Purpose = "default",
    kind: str = "component",
    label: str = "",
    color: str | None = None,
    **how: Any,
) -> PrimResult:
    """Put a shape that stands in for something below /World/Set (metres, Y up).

    Parameters
    ----------
    color
        As #rrggbb, sRGB; unless told, a light grey.

    Raises
    ------
    UsageError
        A size or an opening that cannot be.
    """
    from pipeline.scenes.blockout import GREY, author_blockout
    from pipeline.scenes.shapes import make_shape
    from pipeline.usd.colour import linear_of_hex

    solid = make_shape(shape, size, steps=steps, openings=tuple(openings))
    path = f"{SET}/{prim_name(name)}"
    shade = linear_of_hex(color) if color else GREY
    with working(project, "blockout", scene) as place:
        prim = author_blockout(place.stage, path, solid, kind=kind, label=label)
        where = _placed(place.stage, prim, at, yaw, ground, next_to, on_top_of, **how)
        author_blockout(place.stage, path, solid, purpose=purpose, kind=kind, label=label, color=shade)
        return PrimResult(
            prim=path, position_m=where.position, yaw=where.yaw, scene=place.scene, department=place.department,
            overruled=place.overruled(path),
        )  # fmt: skip


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


def _placed(
    stage: Usd.Stage, prim: Usd.Prim, at: Point | None, yaw: float | None, ground: bool, next_to: str | None,
    on_top_of: str | None, **how: Any,
) -> Placement:  # fmt: skip
    from pipeline.scenes.placement import place

    beside = find_prim(stage, next_to) if next_to else None
    below = find_prim(stage, on_top_of) if on_top_of else None
    return place(prim, at=at, yaw=yaw, ground=ground, next_to=beside, on_top_of=below, **how)
