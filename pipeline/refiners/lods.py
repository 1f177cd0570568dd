# SPDX-License-Identifier: Apache-2.0
"""Levels of detail by screen error: a variant set `lod` for any tool, UsdLod for those that know it.

The variants `lod0` (as it is) and `lod1` … show one level; the variant `all` holds every level beneath a prim
with UsdLod's LODRootAPI and a screen size heuristic. A level is a set of meshes of its own, `lod/lod1/…`, that
references the geometry it stands for, so materials and transforms stay those of the asset.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLod, UsdShade
from pydantic import Field

from pipeline.errors import RefineError, UsageError
from pipeline.mesh.deviation import deviation
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.shading import with_normals
from pipeline.mesh.simplify import engine, simplify
from pipeline.progress import track
from pipeline.refiners.core import Operation, Part, Settings, Subject
from pipeline.refiners.decimate import shares

#: the variant set, and the variant that holds all levels for UsdLod
SET, ALL = "lod", "all"
SCOPE = "lod"


class LodSettings(Settings):
    """How many levels, how coarse, when they change."""

    ratios: str = Field(default="0.5,0.25,0.125", description="Share of the triangles each further level keeps.")
    pixels: float = Field(default=1.0, gt=0, le=64, description="Error on screen that is accepted, pixels.")
    viewport: int = Field(default=1080, ge=120, description="Height of the picture the error is counted in, pixels.")
    aspect: float = Field(default=16 / 9, gt=0.1, le=10, description="Width of the picture over its height.")
    usd_lod: bool = Field(default=True, description="Author the variant `all` with UsdLod too.")


def run(subject: Subject, settings: LodSettings) -> None:
    """Reduce each level from the full geometry, author its variant, then the thresholds."""
    ratios = _ratios(settings.ratios)
    recipe = settings.model_dump_json()
    if subject.prim.GetCustomDataByKey("gates:lods") == recipe:
        return
    parts = subject.editable()
    if not parts:
        return
    for part in parts:
        assert part.path  # known before its prim goes
    total = sum(len(p.mesh.triangles) for p in parts)
    holders = _holders(subject)
    levels: list[list[PolygonMesh]] = []
    errors: list[float] = []
    for ratio in track(ratios, "lods"):
        meshes, worst = _level(parts, max(int(total * ratio), 12 * len(parts)))
        levels.append(meshes)
        errors.append(max(worst, errors[-1] if errors else 0.0))
    low, high = subject.bounds()
    size = subject.size
    thresholds = _thresholds(errors, size, settings)
    variants = subject.prim.GetVariantSets().AddVariantSet(SET, Usd.ListPositionFrontOfPrependList)
    variants.AddVariant("lod0")
    layer = subject.stage.GetEditTarget().GetLayer()
    for number, meshes in enumerate(levels, start=1):
        with _Inside(subject, variants, f"lod{number}", layer):
            _level_prims(subject, holders, parts, number, meshes)
            _hide(subject, holders)
    if settings.usd_lod:
        with _Inside(subject, variants, ALL, layer):
            _full_level(subject, holders)
            for number, meshes in enumerate(levels, start=1):
                _level_prims(subject, holders, parts, number, meshes)
            _hide(subject, holders)
            _schema(subject, thresholds, low, high)
    subject.prim.SetCustomDataByKey("gates:lods", recipe)
    subject.changed = True
    subject.details |= {
        "engine": engine(),
        "triangles": [total, *(int(sum(len(m.counts) for m in meshes)) for meshes in levels)],
        "error_m": [round(e * subject.metres, 7) for e in errors],
        "screen_size": [round(t, 6) for t in thresholds],
        "screen_height": [round(t, 4) for t in heights(thresholds, settings.aspect)],
    }


def _ratios(text: str) -> list[float]:
    try:
        found = [float(x) for x in text.split(",")]
    except ValueError:
        found = []
    if not found or any(not 0 < x < 1 for x in found) or sorted(found, reverse=True) != found:
        raise UsageError(f"{text!r} are no ratios", remedy="write falling shares, like 0.5,0.25,0.125")
    return found


def _level(parts: list[Part], budget: int) -> tuple[list[PolygonMesh], float]:
    meshes, worst = [], 0.0
    for part, target in zip(parts, shares(parts, budget), strict=True):
        found = with_normals(simplify(part.mesh, int(target)).mesh)
        place = part.to_asset[:3, :3]
        gap = deviation(
            part.mesh.points @ place, part.mesh.triangles, found.points @ place, found.triangles, count=6000
        )
        worst = max(worst, gap.maximum)
        meshes.append(found)
    return meshes, worst


def _thresholds(errors: list[float], size: float, settings: LodSettings) -> list[float]:
    """Share of the picture's area beneath which each level serves, as UsdLod counts; falling, one a level.

    A level of error e on an asset of diagonal d whose bounding sphere fills the share s of a picture's height of h
    pixels is wrong by s h e / d pixels: it serves beneath s = pixels d / (h e). UsdLod's `projectedSphere` compares the
    sphere's disc with the whole picture, pi s^2 / (4 aspect).
    """
    found: list[float] = []
    for error in errors:
        share = settings.pixels * size / (settings.viewport * max(error, 1e-12))
        area = np.pi * share**2 / (4 * settings.aspect)
        found.append(float(min(area, 1.0, 0.64 * found[-1] if found else 1.0)))
    return found


def heights(areas: list[float], aspect: float) -> list[float]:
    """Shares of a picture's height that bounding spheres fill, from UsdLod's shares of its area."""
    return [float(np.sqrt(4 * aspect * area / np.pi)) for area in areas]


def _holders(subject: Subject) -> list[Sdf.Path]:
    """Children of the asset that hold its meshes."""
    if subject.prim.IsA(UsdGeom.Gprim):
        raise RefineError(
            "a single mesh prim has no place for levels beneath it", prim=str(subject.prim.GetPath()),
            remedy="refine the asset's root prim instead",
        )  # fmt: skip
    parts = [p.prim.GetPath() for p in subject.parts()]
    return [
        child.GetPath()
        for child in subject.prim.GetChildren()
        if child.GetName() != SCOPE and any(p.HasPrefix(child.GetPath()) for p in parts)
    ]


class _Inside:
    """Edit inside a variant of the set while the block runs; selected in the session layer."""

    def __init__(self, subject: Subject, variants: Usd.VariantSet, name: str, layer: Sdf.Layer) -> None:
        self.subject, self.variants, self.name, self.layer = subject, variants, name, layer

    def __enter__(self) -> None:
        stage = self.subject.stage
        self.variants.AddVariant(self.name)
        with Usd.EditContext(stage, stage.GetSessionLayer()):
            self.variants.SetVariantSelection(self.name)
        self.context = self.variants.GetVariantEditContext(self.layer)
        self.context.__enter__()

    def __exit__(self, *error: object) -> None:
        self.context.__exit__(*error)
        stage = self.subject.stage
        with Usd.EditContext(stage, stage.GetSessionLayer()):
            self.variants.ClearVariantSelection()


def _level_prims(
    subject: Subject, holders: list[Sdf.Path], parts: list[Part], number: int, meshes: list[PolygonMesh]
) -> None:
    root = subject.prim.GetPath().AppendPath(f"{SCOPE}/lod{number}")
    _reference(subject, root, holders)
    for part, mesh in zip(parts, meshes, strict=True):
        # hiding the geometry in the variant before has ended the life of its prim objects
        source = UsdGeom.Mesh(subject.stage.GetPrimAtPath(part.path))
        path = source.GetPath().ReplacePrefix(subject.prim.GetPath(), root)
        subject.overlay(path, mesh, source)
        made = subject.stage.OverridePrim(path)
        UsdGeom.Mesh(made).CreateSubdivisionSchemeAttr().Set(UsdGeom.Tokens.none)
        _bind(source.GetPrim(), made)
        for subset in UsdShade.MaterialBindingAPI(source).GetMaterialBindSubsets():
            _bind(subset.GetPrim(), subject.stage.OverridePrim(path.AppendChild(subset.GetPrim().GetName())))
    subject.attach(root)


def _full_level(subject: Subject, holders: list[Sdf.Path]) -> None:
    root = subject.prim.GetPath().AppendPath(f"{SCOPE}/lod0")
    _reference(subject, root, holders)
    for part in subject.parts():
        if not part.prim.GetPath().HasPrefix(root.GetParentPath()):
            path = part.prim.GetPath().ReplacePrefix(subject.prim.GetPath(), root)
            _bind(part.prim.GetPrim(), subject.stage.OverridePrim(path))


def _reference(subject: Subject, root: Sdf.Path, holders: list[Sdf.Path]) -> None:
    UsdGeom.Xform.Define(subject.stage, root)
    for holder in holders:
        copy = subject.stage.OverridePrim(root.AppendChild(holder.name))
        copy.GetReferences().AddInternalReference(holder)
        copy.SetActive(True)


def _bind(source: Usd.Prim, target: Usd.Prim) -> None:
    """A relative path inside the reference would lead out of it: the binding is said again."""
    relation = UsdShade.MaterialBindingAPI(source).GetDirectBindingRel()
    if relation and relation.GetTargets():
        UsdShade.MaterialBindingAPI.Apply(target)
        target.CreateRelationship("material:binding", False).SetTargets(relation.GetTargets())


def _hide(subject: Subject, holders: list[Sdf.Path]) -> None:
    for holder in holders:
        subject.stage.OverridePrim(holder).SetActive(False)


def _schema(subject: Subject, thresholds: list[float], low: NDArray, high: NDArray) -> None:
    stage = subject.stage
    root = UsdGeom.Xform.Define(stage, subject.prim.GetPath().AppendChild(SCOPE)).GetPrim()
    rule = UsdLod.ScreenSizeHeuristic.Define(stage, subject.prim.GetPath().AppendChild("lod_screen_size"))
    rule.CreateLodDomainAttr().Set(UsdLod.Tokens.imaging)
    rule.CreateProjectionMethodAttr().Set(UsdLod.Tokens.projectedSphere)
    rule.CreateThresholdsAttr().Set([float(t) for t in thresholds])
    rule.CreateExtentAttr().Set([Gf.Vec3f(*low.tolist()), Gf.Vec3f(*high.tolist())])
    api = UsdLod.RootAPI.Apply(root)
    api.CreateLodHeuristicsRel().SetTargets([rule.GetPath()])
    api.CreateLodDefaultIndexAttr().Set(0)
    root.SetMetadata("primOrder", [f"lod{n}" for n in range(len(thresholds) + 1)])


def measure(subject: Subject) -> dict[str, Any]:
    """Levels beside the full one."""
    variants = subject.prim.GetVariantSets()
    names = variants.GetVariantSet(SET).GetVariantNames() if variants.HasVariantSet(SET) else []
    return {**subject.stats(), "levels": len([n for n in names if n not in (ALL, "lod0")])}


operation = Operation(
    name="lods",
    summary="Levels of detail by screen error",
    settings=LodSettings,
    run=run,
    measure=measure,
    fixes=("lod.missing",),
)
