# SPDX-License-Identifier: Apache-2.0
"""Set dressing: assets by reference, placements, sets and blockouts, in the project's stage or a scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from pipeline.errors import UsageError
from pipeline.gates.board import ASSETS, known_asset
from pipeline.gates.scenes import find_prim, prim_name, working
from pipeline.scenes.cameras import CameraSpec

if TYPE_CHECKING:
    from pxr import Usd

    from pipeline.project import Project
    from pipeline.scenes.blockout import Purpose
    from pipeline.scenes.placement import Placement
    from pipeline.scenes.shapes import Opening, ShapeName

__all__ = [
    "AssetResult",
    "PrimResult",
    "add_asset",
    "add_blockout",
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
    instead_of: str | None = None,
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
    instead_of
        A blockout, or another prim, whose place it takes; that one is deactivated.

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
        if instead_of:
            at, yaw = _taken(place.stage, instead_of, path, at, yaw)
        begins = at if at or on_top_of else (0.0, 0.0, 0.0)  # the project's placement is no part of the asset
        where = _placed(place.stage, prim, begins, yaw or 0.0, ground, next_to, on_top_of, **how)
        sets = prim.GetVariantSets()
        return AssetResult(
            prim=path, position_m=where.position, yaw=where.yaw, scene=place.scene, department=place.department,
            asset=asset, pin=source.pin, layer=relative, overruled=place.overruled(path),
            variants={n: sets.GetVariantSelection(n) for n in sets.GetNames() if sets.GetVariantSelection(n)},
        )  # fmt: skip


def _taken(stage: Usd.Stage, name: str, path: str, at: Point | None, yaw: float | None) -> tuple[Point, float]:
    """The place of what goes; what was said of place and turn counts more."""
    from pipeline.scenes.placement import current

    old = find_prim(stage, name)
    if str(old.GetPath()) == path:
        raise UsageError("it cannot stand in its own place", prim=path, remedy="name what it replaces")
    where = current(old)
    old.SetActive(False)
    return at or where.position, where.yaw if yaw is None else yaw


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


def _placed(
    stage: Usd.Stage, prim: Usd.Prim, at: Point | None, yaw: float | None, ground: bool, next_to: str | None,
    on_top_of: str | None, **how: Any,
) -> Placement:  # fmt: skip
    from pipeline.scenes.placement import place

    beside = find_prim(stage, next_to) if next_to else None
    below = find_prim(stage, on_top_of) if on_top_of else None
    return place(prim, at=at, yaw=yaw, ground=ground, next_to=beside, on_top_of=below, **how)
