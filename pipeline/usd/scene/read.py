# SPDX-License-Identifier: Apache-2.0
"""Read a composed stage into a Scene: one walk over the prims, arrays fetched as numpy views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pxr import Usd, UsdGeom

from pipeline.errors import StageError
from pipeline.usd.scene.above import Above
from pipeline.usd.scene.clips import read_clips
from pipeline.usd.scene.collecting import uncollected
from pipeline.usd.scene.levels import read_levels
from pipeline.usd.scene.model import Node, Scene
from pipeline.usd.scene.opening import open_stage, private_stage, select_variants
from pipeline.usd.scene.unread import Unread, has_samples
from pipeline.usd.scene.variants import read_material_variants
from pipeline.usd.scene.walk import INSIDE, SceneReader

__all__ = ["DEFAULT_PURPOSES", "read_scene"]

DEFAULT_PURPOSES = ("default", "render")


@uncollected()
def read_scene(
    stage_or_path: Any,
    *,
    purposes: Iterable[str] = DEFAULT_PURPOSES,
    variants: Mapping[str, str] | None = None,
    time: float | None = None,
    refine_level: int = 0,
    root: str | None = None,
    curves: Literal["tubes", "lines"] = "tubes",
    material_variants: bool = False,
    levels: bool = False,
    clips: bool = True,
    account: bool = False,
    follow: bool = False,
) -> Scene:
    """Everything a composed stage draws, as arrays in Y-up metres.

    Parameters
    ----------
    stage_or_path
        A `Usd.Stage` (left as it is) or the path of any USD file.
    purposes
        UsdGeomImageable purposes that are drawn.
    variants
        Selections by set name, `{"look": "red"}`, or by prim, `{"/World/Tea{look}": "red"}`.
    time
        Time code; by default the stage's start where it has one, else its earliest sample.
    refine_level
        How often subdivision surfaces are refined (Catmull-Clark, with creases); 0 keeps the control cage.
    root
        Only the subtree of this prim, with the transform it has in the world.
    curves
        `tubes` where curves have widths, or `lines`.
    material_variants
        Read variant sets that only change materials into `Scene.variants`.
    levels
        Read the coarser levels of detail of variant sets called LOD.
    clips
        Read what moves.
    account
        Also name in the losses what the stage says and nothing here reads: other types of prims, schemas,
        attributes, motion.
    follow
        Follow the visibility of what shows at the time that is read (`Clip.visibility`). Otherwise that it changes
        is reported; what is hidden then is left out in any case.

    Returns
    -------
    Scene
        Its `losses` say what could not be read, by prim.

    Raises
    ------
    pipeline.errors.StageError
        The file does not open, or there is no prim at `root`.
    """
    stage = open_stage(stage_or_path)
    wants_levels = levels
    if material_variants or levels:
        has_variants = _has_variants(stage)
        material_variants, levels = material_variants and has_variants, levels and has_variants
    if variants or material_variants or levels:
        stage = private_stage(stage)
    unknown = select_variants(stage, variants or {}, root)
    top = stage.GetPseudoRoot()
    if root is not None:
        top = stage.GetPrimAtPath(root)
        if not top:
            raise StageError("there is no such prim", path=_name(stage), prim=root, remedy="see its outline")
    at = _time(stage, time)
    reader = SceneReader(stage, purposes, at, refine_level, curves)
    reader.clips = clips
    reader.follow = follow and clips
    if account:
        reader.unread = Unread(reader.report, moves=has_samples(stage))
        reader.unread.unloaded(stage)
    for prim, what, why in unknown:
        reader.report.lose(prim, what, why)
    for error in stage.GetCompositionErrors():
        reader.report.lose(str(error.rootSite.path), "composition", " ".join(str(error).split())[:400])
    nodes: list[Node] = []
    above = Above()
    if root is not None:
        above = _above(top, at)
        reader.looks.bindings_seen = True  # what lies above is not walked
    reader.walk([top] if root is not None else top.GetFilteredChildren(INSIDE), nodes, above, main=True)
    if root is not None:
        _stand(reader, top, nodes)
    reader.bodies.settle()
    reader.looks.bind()
    reader.bodies.link_skins(nodes)
    if reader.unread:
        for path in reader.looks.by_path:
            reader.unread.material(stage.GetPrimAtPath(path))
        reader.unread.variants(stage, root, variants or {}, levels=levels, materials=material_variants)
    scene = _scene(reader, stage, nodes)
    if clips:
        scene = read_clips(scene, reader)
    if material_variants:
        scene = read_material_variants(scene, reader, variants or {}, root)
    if levels or (wants_levels and reader.leveled):
        return read_levels(scene, reader, variants or {}, root)
    for found in reader.leveled:
        reader.report.reduce(found.path, "levels of detail", "the default level is read alone")
    return replace(scene, losses=reader.report.losses)


def _has_variants(stage: Any) -> bool:
    return any(prim.HasVariantSets() for prim in stage.Traverse())


def _scene(reader: SceneReader, stage: Any, nodes: list[Node]) -> Scene:
    default = stage.GetDefaultPrim()
    source = _name(stage)
    return Scene(
        source=source,
        name=default.GetName() if default else source.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0],
        nodes=tuple(nodes),
        meshes=tuple(reader.bodies.meshes),
        materials=tuple(reader.looks.materials),
        prototypes=reader.repeats.prototypes(),
        skeletons=tuple(reader.bodies.skeletons),
        cameras=tuple(reader.cameras),
        lights=tuple(reader.lights),
        losses=reader.report.losses,
        meters_per_unit=reader.space.scale,
        up_axis=reader.space.up_axis,
    )


def _name(stage: Any) -> str:
    layer = stage.GetRootLayer()
    return str(layer.realPath or layer.identifier)


def _time(stage: Any, time: float | None) -> Any:
    if time is not None:
        return Usd.TimeCode(time)
    if stage.HasAuthoredTimeCodeRange():
        return Usd.TimeCode(stage.GetStartTimeCode())
    return Usd.TimeCode.EarliestTime()


def _above(prim: Any, time: Any) -> Above:
    """What a prim inherits that is read without its parents."""
    parent = prim.GetParent()
    image = UsdGeom.Imageable(parent)
    if not image:
        return Above()
    primvars = {p.GetPrimvarName(): p.GetAttr() for p in UsdGeom.PrimvarsAPI(parent).FindInheritablePrimvars()}
    return Above(
        purpose=str(image.ComputePurpose()),
        visible=image.ComputeVisibility(time) != "invisible",
        primvars=primvars,
    )


def _stand(reader: SceneReader, top: Any, nodes: list[Node]) -> None:
    """Give the topmost node of a subtree the transform that its parents have."""
    parent = top.GetParent()
    if not nodes or not parent or parent.IsPseudoRoot():
        return
    image = UsdGeom.Xformable(top)
    if image and image.GetResetXformStack():
        return
    world = reader.space.matrices(np.array(UsdGeom.XformCache(reader.time).GetLocalToWorldTransform(parent)))
    reader.above_matrix = world
    local = nodes[0].matrix
    nodes[0] = replace(nodes[0], matrix=world if local is None else local @ world)
