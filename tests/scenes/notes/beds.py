# SPDX-License-Identifier: Apache-2.0
"""Scenes of plates and boxes in metres, Y up, whose every measure can be worked out by hand.

The camera stands at the origin's height on +Z and looks along -Z: a lens of 50 mm before a film of 36 x 24 mm, so that
at a distance of d metres the picture is 0.72 d wide and 0.48 d high.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdSemantics, UsdShade

from pipeline.scenes.notes import Note, Situation, View, load_measures

THING = "/World/Assets/thing"
WIDE, HIGH = 0.72, 0.48


def world() -> Usd.Stage:
    """A stage with one asset that shows nothing yet, dark but for what glows."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    UsdGeom.Xform.Define(stage, "/World")
    model(stage, THING)
    UsdLux.DistantLight.Define(stage, "/World/Lights/off").CreateIntensityAttr(0.0)
    camera(stage)
    return stage


def model(stage: Usd.Stage, path: str, label: str = "") -> Usd.Prim:
    """A component."""
    prim = UsdGeom.Xform.Define(stage, path).GetPrim()
    Usd.ModelAPI(prim).SetKind("component")
    if label:
        UsdSemantics.LabelsAPI.Apply(prim, "category").CreateLabelsAttr([label])
    return prim


def camera(stage: Usd.Stage, name: str = "front", z: float = 10.0, x: float = 0.0) -> str:
    """A camera on +Z, 50 mm before 36 x 24 mm; USD keeps them in tenths of a scene unit."""
    lens = UsdGeom.Camera.Define(stage, f"/World/Cameras/{name}")
    lens.CreateFocalLengthAttr(0.5)
    lens.CreateHorizontalApertureAttr(0.36)
    lens.CreateVerticalApertureAttr(0.24)
    lens.CreateClippingRangeAttr(Gf.Vec2f(0.01, 1000))
    UsdGeom.Xformable(lens).AddTranslateOp().Set(Gf.Vec3d(x, 0, z))
    return str(lens.GetPath())


def mesh(
    stage: Usd.Stage, path: str, points: Sequence, faces: Sequence[Sequence[int]], uvs: Sequence | None = None
) -> UsdGeom.Mesh:
    """Polygons, UVs one a corner."""
    made = UsdGeom.Mesh.Define(stage, path)
    made.CreatePointsAttr([Gf.Vec3f(*(float(v) for v in p)) for p in points])
    made.CreateFaceVertexCountsAttr([len(f) for f in faces])
    made.CreateFaceVertexIndicesAttr([i for f in faces for i in f])
    made.CreateSubdivisionSchemeAttr("none")
    if uvs is not None:
        primvar = UsdGeom.PrimvarsAPI(made).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
        primvar.Set([Gf.Vec2f(*(float(v) for v in uv)) for uv in uvs])
    return made


def box(stage: Usd.Stage, path: str, low: Sequence[float], high: Sequence[float]) -> UsdGeom.Mesh:
    """A closed box."""
    points = [(x, y, z) for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])]
    faces = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return mesh(stage, path, points, faces)


def plate(
    stage: Usd.Stage, path: str, left: float, bottom: float, right: float, top: float, z: float = 0.0, cells: int = 1
) -> UsdGeom.Mesh:
    """A plate that faces +Z, in `cells` x `cells` squares, with UVs from 0 to 1."""
    t = np.linspace(0, 1, cells + 1)
    grid = [(u, v) for v in t for u in t]
    points = [(left + u * (right - left), bottom + v * (top - bottom), z) for u, v in grid]
    row = cells + 1
    faces = [
        (y * row + x, y * row + x + 1, (y + 1) * row + x + 1, (y + 1) * row + x)
        for y in range(cells)
        for x in range(cells)
    ]
    return mesh(stage, path, points, faces, [grid[i] for f in faces for i in f])


def paint(
    stage: Usd.Stage,
    prim: UsdGeom.Mesh,
    name: str,
    diffuse: Sequence[float] = (0.0, 0.0, 0.0),
    glow: Sequence[float] = (0.0, 0.0, 0.0),
) -> UsdShade.Shader:
    """A material without any shine, bound to a mesh."""
    path = f"{prim.GetPath().GetParentPath()}/mtl/{name}"
    material = UsdShade.Material.Define(stage, path)
    shader = UsdShade.Shader.Define(stage, f"{path}/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    colour = Sdf.ValueTypeNames.Color3f
    shader.CreateInput("diffuseColor", colour).Set(Gf.Vec3f(*diffuse))
    shader.CreateInput("emissiveColor", colour).Set(Gf.Vec3f(*glow))
    shader.CreateInput("useSpecularWorkflow", Sdf.ValueTypeNames.Int).Set(1)
    shader.CreateInput("specularColor", colour).Set(Gf.Vec3f(0, 0, 0))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(material)
    return shader


def situation(stage: Usd.Stage, cameras: Sequence[str] = (), **more: object) -> Situation:
    """The thing in its world."""
    return Situation(stage, stage.GetPrimAtPath(THING), tuple(cameras), **more)  # type: ignore[arg-type]


def notes(stage: Usd.Stage, kind: str, camera: str = "front", **more: object) -> list[Note]:
    """What one measure says, of pictures 200 pixels wide."""
    here = situation(stage, **more)
    measure = load_measures().measures[kind]
    view = View(here, f"/World/Cameras/{camera}", 200) if measure.through_camera else None
    return list(measure.run(here, view))
