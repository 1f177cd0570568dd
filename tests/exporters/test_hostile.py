# SPDX-License-Identifier: Apache-2.0
"""Broken stages: what is sound arrives and the rest is named, or the export fails; nothing bad, nothing by halves."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, UsdSkel, Vt

from pipeline.errors import GatesError, ReadbackMismatch
from pipeline.exporters import export

NAN, INF = float("nan"), float("inf")
FORMATS = ["glb", "fbx", "obj", "stl", "usda", "usdz"]


def attempt(stage: Path, out: Path) -> str:
    """Export over an older file; says how it went."""
    out.write_bytes(b"older")
    try:
        result = export(stage, out)
    except ReadbackMismatch:
        raise
    except GatesError as error:
        assert out.read_bytes() == b"older"
        assert str(error)
        return "refused"
    finally:
        assert not [p for p in out.parent.iterdir() if p.name.startswith(".")]
    assert result.readback.ok
    json.dumps(result.model_dump(), allow_nan=False)
    assert out.read_bytes() != b"older"
    return "written"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(24))
def test_a_broken_stage_is_exported_or_refused(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATES_BLENDER_PYTHON", raising=False)
    monkeypatch.delenv("GATES_NODE_TOOLS", raising=False)
    stage = hostile_stage(seed, tmp_path / "stage.usda")
    for suffix in FORMATS:
        assert attempt(stage, tmp_path / f"out.{suffix}") in {"written", "refused"}


@pytest.mark.blender
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(24, 40))
def test_foreign_readers_take_what_is_written(seed: int, tmp_path: Path, blender_python: Path) -> None:
    stage = hostile_stage(seed, tmp_path / "stage.usda")
    attempt(stage, tmp_path / "out.fbx")
    attempt(stage, tmp_path / "out.glb")


def hostile_stage(seed: int, path: Path) -> Path:
    """Write the stage of a seed; pictures that are missing, broken or a folder lie beside it."""
    (path.parent / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nxxxx")
    (path.parent / "folder").mkdir(exist_ok=True)
    made = _Stage(random.Random(seed), path)
    made.fill()
    made.stage.GetRootLayer().Save()
    return path


class _Stage:
    def __init__(self, dice: random.Random, path: Path) -> None:
        self.dice, self.name = dice, path.name
        self.stage = Usd.Stage.CreateNew(str(path))
        self.stage.SetDefaultPrim(UsdGeom.Xform.Define(self.stage, "/W").GetPrim())
        UsdGeom.SetStageUpAxis(self.stage, dice.choice("YZ"))
        UsdGeom.SetStageMetersPerUnit(self.stage, dice.choice([1, 0.01, 0.0254, 0, NAN]))
        if self.one_in(2):
            self.stage.SetStartTimeCode(dice.choice([0, 5]))
            self.stage.SetEndTimeCode(dice.choice([0, 9, -5]))
        if self.one_in(4):
            self.stage.SetTimeCodesPerSecond(dice.choice([0, 17.5]))

    def one_in(self, count: int) -> bool:
        return self.dice.randrange(count) == 0

    def fill(self) -> None:
        material = self.material() if self.one_in(2) else None
        kinds = [self.mesh, self.mesh, self.shape, self.curves, self.instancer, self.camera, self.light, self.character]
        for k in range(self.dice.randrange(1, 6)):
            prim = self.dice.choice(kinds)(f"/W/P{k}")
            self.place(UsdGeom.Xformable(prim))
            if material is not None:
                UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).Bind(material)
            elif self.one_in(5):
                UsdShade.MaterialBindingAPI.Apply(prim.GetPrim()).GetDirectBindingRel().SetTargets(["/Not/There"])
            if self.one_in(8):
                shown = UsdGeom.Imageable(prim).CreateVisibilityAttr()
                shown.Set("invisible", 1)
                shown.Set("inherited", 5)
        arcs = {"Lost": "./not_there.usda", "Ring": f"./{self.name}"}
        for name, target in arcs.items():
            if self.one_in(4):
                self.stage.DefinePrim(f"/W/{name}").GetReferences().AddReference(target)
        if self.one_in(6):
            self.stage.DefinePrim("/W/Pay").GetPayloads().AddPayload("./gone.usdc")

    def points(self, count: int) -> list[tuple[float, float, float]]:
        factor = self.dice.choice([1, 1, 1, 1, 0, 1e30, 1e-30])
        found = [tuple(factor * self.dice.uniform(-1, 1) for _ in range(3)) for _ in range(count)]
        if found and self.one_in(5):
            found[0] = (self.dice.choice([NAN, INF]), 0.0, 0.0)
        return found  # type: ignore[return-value]

    def mesh(self, path: str) -> Any:
        dice = self.dice
        mesh = UsdGeom.Mesh.Define(self.stage, path)
        count = dice.choice([0, 3, 8, 20])
        mesh.CreatePointsAttr(self.points(count))
        counts = [
            dice.choice([3, 3, 4, 5, 2, 1, 0, -1 if self.one_in(9) else 3]) for _ in range(dice.choice([0, 1, 6]))
        ]
        corners = [dice.randrange(max(count, 1)) for _ in range(sum(max(c, 0) for c in counts))]
        if corners and self.one_in(4):
            corners[0] = dice.choice([-3, 99])
        if self.one_in(6):
            corners = corners[:-1]
        mesh.CreateFaceVertexCountsAttr(counts)
        mesh.CreateFaceVertexIndicesAttr(corners)
        mesh.CreateSubdivisionSchemeAttr(dice.choice(["none", "catmullClark", "loop", "bilinear"]))
        if self.one_in(4):
            mesh.CreateHoleIndicesAttr([-1, 0, 77])
        if self.one_in(4):
            mesh.CreateOrientationAttr("leftHanded")
        for name, kind, value in (
            ("st", Sdf.ValueTypeNames.TexCoord2fArray, (0.5, NAN if self.one_in(3) else 0.2)),
            ("displayColor", Sdf.ValueTypeNames.Color3fArray, (INF, 0, 1)),
            ("normals", Sdf.ValueTypeNames.Normal3fArray, (0, 0, NAN if self.one_in(3) else 0)),
        ):
            if self.one_in(2):
                where = dice.choice(["constant", "uniform", "vertex", "faceVarying"])
                sizes = {"constant": 1, "uniform": len(counts), "vertex": count, "faceVarying": len(corners)}
                primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(name, kind, where)
                primvar.Set([value] * max(0, sizes[where] + dice.choice([0, 0, 0, -1, 4])))
                if self.one_in(4):
                    primvar.SetIndices(Vt.IntArray([dice.choice([0, 0, -1, 9])] * sizes[where]))
        if self.one_in(4):
            part = UsdGeom.Subset.Define(self.stage, f"{path}/part")
            part.CreateIndicesAttr([-2, 0, 55])
            part.CreateElementTypeAttr(dice.choice(["face", "point"]))
            part.CreateFamilyNameAttr("materialBind")
        if self.one_in(5):
            mesh.GetPointsAttr().Set(self.points(count), 1)
            mesh.GetPointsAttr().Set(self.points(count + dice.choice([0, 1])), 7)
        return mesh

    def shape(self, path: str) -> Any:
        shape = self.dice.choice([UsdGeom.Sphere, UsdGeom.Cube, UsdGeom.Cone, UsdGeom.Capsule]).Define(self.stage, path)
        for name in ("radius", "size", "height"):
            if shape.GetPrim().HasAttribute(name):
                shape.GetPrim().GetAttribute(name).Set(self.dice.choice([1.0, 0.0, -2.0, NAN]))
        return shape

    def curves(self, path: str) -> Any:
        kind = self.dice.choice([UsdGeom.BasisCurves, UsdGeom.NurbsCurves, UsdGeom.HermiteCurves])
        curves = kind.Define(self.stage, path)
        curves.CreatePointsAttr(self.points(self.dice.choice([0, 2, 4, 7])))
        curves.CreateCurveVertexCountsAttr([self.dice.choice([0, 2, 4, 7, -1, 99])])
        curves.CreateWidthsAttr([self.dice.choice([0.1, NAN, -1.0])] * self.dice.choice([1, 4]))
        if kind is UsdGeom.NurbsCurves:
            curves.CreateOrderAttr([self.dice.choice([4, 2, 0, -1])])
            curves.CreateKnotsAttr([self.dice.choice([float(k), NAN]) for k in range(self.dice.choice([0, 8, 11]))])
        return curves

    def instancer(self, path: str) -> Any:
        dice = self.dice
        many = UsdGeom.PointInstancer.Define(self.stage, path)
        self.mesh(f"{path}/Proto")
        proto = f"{path}/Proto"
        many.CreatePrototypesRel().SetTargets(dice.choice([[proto], [proto, "/No/Where"], [], [path]]))
        count = dice.choice([0, 1, 5])
        many.CreateProtoIndicesAttr([dice.choice([0, 0, 1, -1, 9]) for _ in range(count)])
        many.CreatePositionsAttr(self.points(count + dice.choice([0, 0, 1])))
        many.CreateOrientationsAttr([Gf.Quath(dice.choice([0, 1]), 0, 0, 0)] * count)
        many.CreateScalesAttr([(dice.choice([0, 1, NAN]), 1, 1)] * count)
        if self.one_in(3):
            many.GetPositionsAttr().Set(self.points(count), 1)
            many.GetPositionsAttr().Set(self.points(count + dice.choice([0, 2])), 8)
        return many

    def camera(self, path: str) -> Any:
        camera = UsdGeom.Camera.Define(self.stage, path)
        camera.CreateFocalLengthAttr(self.dice.choice([0, NAN, -5, 35]))
        camera.CreateClippingRangeAttr((self.dice.choice([0, -1, 1]), self.dice.choice([0, 1, NAN, INF])))
        return camera

    def light(self, path: str) -> Any:
        light = self.dice.choice([UsdLux.SphereLight, UsdLux.RectLight, UsdLux.DomeLight]).Define(self.stage, path)
        light.CreateIntensityAttr(self.dice.choice([0, NAN, INF, 1e38, 3]))
        light.CreateExposureAttr(self.dice.choice([0, 200, -300]))
        UsdLux.ShapingAPI.Apply(light.GetPrim()).CreateShapingConeAngleAttr(self.dice.choice([30, -10, NAN, 200]))
        return light

    def character(self, path: str) -> Any:
        dice = self.dice
        root = UsdSkel.Root.Define(self.stage, path)
        bones = UsdSkel.Skeleton.Define(self.stage, f"{path}/Skel")
        joints = dice.choice([[], ["a"], ["a", "a/b"], ["a/b", "a"], ["a", "a"]])
        bones.CreateJointsAttr(joints)
        bones.CreateBindTransformsAttr([Gf.Matrix4d(dice.choice([1, 1, 0, NAN])) for _ in joints])
        bones.CreateRestTransformsAttr([Gf.Matrix4d(1)] * (len(joints) + dice.choice([0, 0, 1])))
        body = self.mesh(f"{path}/Body")
        count = len(body.GetPointsAttr().Get() or ())
        bound = UsdSkel.BindingAPI.Apply(body.GetPrim())
        bound.CreateSkeletonRel().SetTargets([dice.choice([f"{path}/Skel", "/No/Where"])])
        bound.CreateJointIndicesPrimvar(False, 2).Set([dice.choice([0, 0, 1, -1, 77]) for _ in range(2 * count)])
        bound.CreateJointWeightsPrimvar(False, 2).Set([dice.choice([0, 1, 0.5, NAN, -1]) for _ in range(2 * count)])
        shape = UsdSkel.BlendShape.Define(self.stage, f"{path}/Body/smile")
        shape.CreateOffsetsAttr(self.points(count + dice.choice([0, 0, 2])))
        bound.CreateBlendShapesAttr(["smile"])
        bound.CreateBlendShapeTargetsRel().SetTargets([dice.choice([f"{path}/Body/smile", "/No/Where"])])
        moves = UsdSkel.Animation.Define(self.stage, f"{path}/Moves")
        moves.CreateJointsAttr(joints)
        moves.CreateBlendShapesAttr(["smile"])
        for time in (0, 4):
            moves.CreateTranslationsAttr().Set([(time, dice.choice([0, NAN]), 0)] * len(joints), time)
            moves.CreateRotationsAttr().Set([Gf.Quatf(dice.choice([1, 0]), 0, 0, 0)] * len(joints), time)
            moves.CreateScalesAttr().Set([Gf.Vec3h(1, 1, 1)] * len(joints), time)
            moves.CreateBlendShapeWeightsAttr().Set([dice.choice([0, 1, NAN])], time)
        UsdSkel.BindingAPI.Apply(bones.GetPrim()).CreateAnimationSourceRel().SetTargets([f"{path}/Moves"])
        return root

    def place(self, prim: Any) -> None:
        kind = self.dice.randrange(8)
        if kind == 0:
            prim.AddTransformOp().Set(Gf.Matrix4d(*[self.dice.uniform(-2, 2) for _ in range(16)]))
        elif kind == 1:
            prim.AddTransformOp().Set(Gf.Matrix4d(0))
        elif kind == 2:
            prim.AddTranslateOp().Set((self.dice.choice([NAN, 1e300, 4]), 0, 0))
        elif kind == 3:
            prim.AddScaleOp().Set((self.dice.choice([0, -1, 1e20]), 1, 1))
        elif kind == 4:
            spin = prim.AddRotateXYZOp()
            for time in (0, 3, 10):
                spin.Set((self.dice.uniform(-400, 400), 0, 90), time)
        elif kind == 5:
            names = ["xformOp:translate", "xformOp:not_there"]
            prim.GetPrim().CreateAttribute("xformOpOrder", Sdf.ValueTypeNames.TokenArray).Set(names)

    def material(self) -> Any:
        dice = self.dice
        material = UsdShade.Material.Define(self.stage, "/W/Looks/M")
        surface = UsdShade.Shader.Define(self.stage, "/W/Looks/M/s")
        surface.CreateIdAttr(dice.choice(["UsdPreviewSurface", "UsdPreviewSurface", "NobodyKnows"]))
        material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
        for name in ("roughness", "opacity", "ior", "opacityThreshold"):
            given = surface.CreateInput(name, Sdf.ValueTypeNames.Float)
            given.Set(dice.choice([0.5, NAN, -3, INF]))
            if self.one_in(3):
                texture = UsdShade.Shader.Define(self.stage, f"/W/Looks/M/{name}")
                texture.CreateIdAttr("UsdUVTexture")
                file = texture.CreateInput("file", Sdf.ValueTypeNames.Asset)
                file.Set(
                    dice.choice(["./missing.png", "./broken.png", "./folder", "", "./t.<UDIM>.png", "a.usdz[b.png]"])
                )
                texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set((dice.choice([1, NAN]), 1, 1, 1))
                given.ConnectToSource(texture.ConnectableAPI(), dice.choice(["r", "a", "nothing"]))
        return material
