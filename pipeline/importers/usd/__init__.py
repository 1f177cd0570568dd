# SPDX-License-Identifier: Apache-2.0
"""USD and USDZ: composed once in the worker, flattened, rearranged as a package without arcs to elsewhere.

Nothing that the project opens later can reach outside or multiply: the package has no references but those
to its own prototypes. Variant sets are settled on their selections and reported.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pxr import Gf, Sdf, Usd, UsdGeom, Vt

from pipeline.importers.package import prims
from pipeline.importers.package.labels import label_parts
from pipeline.importers.package.prims import T
from pipeline.importers.package.textures import Textures
from pipeline.importers.package.write import LAYER
from pipeline.importers.scene import Scene, Source
from pipeline.importers.usd import dependencies, measure, pictures, shaders, structure, texture_coordinates
from pipeline.sandbox.archive import unpack

__all__ = ["repackage"]

_UNPACKED = ".unpacked"


def repackage(source: Source, out: Path, *, units: str | None, up: str | None, name: str) -> dict[str, Any]:
    """Write the package; returns fields of `ImportReport`."""
    scene = Scene()
    root, folder = source.path, source.folder or source.path.parent
    unpacked = out / _UNPACKED
    if root.suffix.lower() == ".usdz" or root.read_bytes()[:4] == b"PK\x03\x04":
        root, folder = _unpack(source, unpacked), unpacked
    try:
        return _repackage(source, root, folder, out, scene, units, up, name)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _unpack(source: Source, into: Path) -> Path:
    """The first layer of the archive is its root (USDZ specification)."""
    into.mkdir()
    files = unpack(source.path, into)
    root = next((f for f in files if f.suffix.lower() in dependencies.LAYER_SUFFIXES), None)
    if root is None:
        raise source.refuse("holds no USD layer")
    return root


def _repackage(
    source: Source, root: Path, folder: Path, out: Path, scene: Scene, units: str | None, up: str | None, name: str
) -> dict[str, Any]:
    from pipeline.importers.convert import UNITS

    needed = dependencies.gather(source, root, folder)
    for layer, arc in needed.missing:
        scene.lose(layer, f"layer {arc!r}", "is not there")
    stage = Usd.Stage.Open(str(root))
    measure.bounded(stage, source)
    _report_variants(stage, scene)
    metres = UNITS[units] if units else float(UsdGeom.GetStageMetersPerUnit(stage))
    axis = up or str(UsdGeom.GetStageUpAxis(stage))
    if not 1e-9 < metres < 1e9:
        raise source.refuse(f"states {metres:g} metres a unit", "give its unit with --units")
    stated = stage.GetPseudoRoot()
    flat = stage.Flatten(addSourceFileComment=False)
    moves = structure.plan(Usd.Stage.Open(flat), scene)
    layer = Sdf.Layer.CreateAnonymous(".usdc")
    structure.rearrange(flat, moves, layer, scene)
    converted = _to_metres(layer, metres, axis)
    textures = Textures(out, scene)
    pictures.localise(layer, root.parent, folder, textures, scene)
    _metadata(layer, flat, name)
    result = Usd.Stage.Open(layer)
    converted += shaders.correct(layer)
    converted += texture_coordinates.rename(result, layer, scene)
    told = measure.measure(result, source, scene)
    label_parts(layer)
    layer.Export(str(out / LAYER))
    return {
        **told,
        "textures": len(set(textures.files.values())),
        "meters_per_unit": metres,
        "units_from": "option" if units else "file" if stated.HasAuthoredMetadata("metersPerUnit") else "guess",
        "up_axis": axis,
        "up_from": "option" if up else "file" if stated.HasAuthoredMetadata("upAxis") else "guess",
        "converted": converted + textures.converted,
        "losses": [{"where": x.where, "what": x.what, "why": x.why} for x in scene.losses],
        "notes": scene.notes,
    }


def _report_variants(stage: Usd.Stage, scene: Scene) -> None:
    for prim in stage.TraverseAll():
        sets = prim.GetVariantSets()
        for name in sets.GetNames():
            chosen = sets.GetVariantSelection(name)
            others = [v for v in sets.GetVariantSet(name).GetVariantNames() if v != chosen]
            if others:
                what = f"variants {', '.join(others)[:200]} of {name}"
                scene.lose(str(prim.GetPath()), what, f"the selection {chosen or 'none'!r} was kept")


def _to_metres(layer: Sdf.Layer, metres: float, axis: str) -> list[str]:
    """One transform over the geometry: what the file moves, skins and instances stays as it is."""
    if metres == 1.0 and axis == "Y":
        return []
    geo = layer.GetPrimAtPath(structure.GEO)
    if not geo.typeName or geo.typeName == "Scope":
        geo.typeName = "Xform"
    old = geo.attributes.get("xformOpOrder")
    order, converted = list(old.default or []) if old is not None else [], []
    if metres != 1.0:
        prims.attribute(geo, "xformOp:scale:unitsResolve", T.Float3, Gf.Vec3f(metres))
        order.insert(0, "xformOp:scale:unitsResolve")
        converted.append(f"lengths times {metres:g}, to metres")
    if axis != "Y":
        op, degrees = ("rotateX", -90.0) if axis == "Z" else ("rotateZ", 90.0)
        prims.attribute(geo, f"xformOp:{op}:unitsResolve", T.Float, degrees)
        order.insert(0, f"xformOp:{op}:unitsResolve")
        converted.append("turned to Y-up")
    if old is not None:
        old.default = Vt.TokenArray(order)
    else:
        prims.attribute(geo, "xformOpOrder", T.TokenArray, Vt.TokenArray(order), uniform=True)
    return converted


def _metadata(layer: Sdf.Layer, flat: Sdf.Layer, name: str) -> None:
    layer.defaultPrim = "Asset"
    root = layer.pseudoRoot
    root.SetInfo("upAxis", "Y")
    root.SetInfo("metersPerUnit", 1.0)
    for key in ("timeCodesPerSecond", "framesPerSecond", "startTimeCode", "endTimeCode"):
        if flat.pseudoRoot.HasInfo(key):
            root.SetInfo(key, flat.pseudoRoot.GetInfo(key))
    if name:
        layer.GetPrimAtPath(structure.ROOT).SetInfo("displayName", name)
