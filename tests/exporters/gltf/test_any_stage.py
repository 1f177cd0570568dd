# SPDX-License-Identifier: Apache-2.0
"""Stages made by chance, sound and broken: nothing for the Khronos validator, points where USD puts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, UsdSkel, Vt

from pipeline.errors import GatesError
from pipeline.exporters import export, load_target

_NAMES = ["Körper", "部品", "a_b", "Arm", "Émile", "x1", "Ω", "wheel"]


class Chance:
    """One stage full of chance; `broken` also puts in what no stage should have."""

    def __init__(self, path: Path, seed: int, *, broken: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.broken = broken
        self.stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(self.stage, self.pick(["Y", "Z"]))
        UsdGeom.SetStageMetersPerUnit(self.stage, float(self.pick([1, 0.01, 0.0254, 0.3])))
        self.stage.SetTimeCodesPerSecond(float(self.pick([24, 25, 29.97, 60, 1, 120])))
        self.start = float(self.rng.integers(-20, 40))
        self.end = self.start + float(self.rng.integers(2, 30))
        self.stage.SetStartTimeCode(self.start)
        self.stage.SetEndTimeCode(self.end)
        self.world = UsdGeom.Xform.Define(self.stage, "/World")
        self.stage.SetDefaultPrim(self.world.GetPrim())
        self.materials = [self.material(k) for k in range(4)]
        parents = ["/World"]
        for k in range(int(self.rng.integers(3, 8))):
            path_of = f"{self.pick(parents)}/{self.pick(_NAMES)}{k}"
            made = self.pick([self.mesh, self.mesh, self.group, self.shape, self.light, self.camera, self.instancer])
            self.place(made(path_of))
            if made == self.group:
                parents.append(path_of)
        if self.chance(0.5):
            self.character("/World/Char")
        if broken:
            for make in (self.missing, self.cycle, self.empty, self.jointless):
                if self.chance(0.5):
                    make()
        self.stage.GetRootLayer().Save()

    def pick(self, of: Any) -> Any:
        return of[int(self.rng.integers(len(of)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def numbers(self, *shape: int, scale: float = 1.0) -> Any:
        return (self.rng.standard_normal(shape) * scale).astype(np.float32)

    def place(self, prim: Any) -> None:
        """Any operations in any order, still or moving."""
        if not prim or not prim.IsA(UsdGeom.Xformable):
            return
        x = UsdGeom.Xformable(prim)
        codes = np.linspace(self.start, self.end, 4).tolist() if self.chance(0.4) else [None]
        kinds = self.rng.permutation(["translate", "pivot", "rotate", "orient", "scale", "matrix"])[
            : self.pick([0, 1, 2, 4])
        ]
        for kind in kinds:
            if kind == "translate":
                op, value = x.AddTranslateOp(), lambda: Gf.Vec3d(*self.numbers(3, scale=3).tolist())
            elif kind == "pivot":
                op, value = x.AddTranslateOp(opSuffix="pivot"), lambda: Gf.Vec3d(*self.numbers(3).tolist())
            elif kind == "rotate":
                order = self.pick(["RotateXYZ", "RotateZYX", "RotateYXZ"])
                op = getattr(x, f"Add{order}Op")()
                value = lambda: Gf.Vec3f(*self.numbers(3, scale=90).tolist())  # noqa: E731
            elif kind == "orient":
                op = x.AddOrientOp()
                value = lambda: Gf.Quatf(*(self.numbers(4) + np.float32(0.01)).tolist()).GetNormalized()  # noqa: E731
            elif kind == "scale":
                op, value = (
                    x.AddScaleOp(),
                    lambda: Gf.Vec3f(*self.pick([(2, 2, 2), (-1, 1, 1), (1, 3, 0.5), (-2, -2, -2)])),
                )
            else:
                op, value = x.AddTransformOp(), lambda: Gf.Matrix4d(1).SetScale((1, 1.5, 2)).SetTranslateOnly((1, 0, 2))
            for code in codes:
                op.Set(value()) if code is None else op.Set(value(), code)
        if self.chance(0.1):
            x.SetResetXformStack(True)
        if self.broken and self.chance(0.1):
            x.ClearXformOpOrder()
            x.AddTransformOp(opSuffix="bad").Set(Gf.Matrix4d(float("nan")))

    def material(self, k: int) -> Any:
        m = UsdShade.Material.Define(self.stage, f"/World/M{k}")
        s = UsdShade.Shader.Define(self.stage, f"/World/M{k}/s")
        s.CreateIdAttr("UsdPreviewSurface")
        low, high = (-1.0, 3.0) if self.broken else (0.0, 1.0)
        for name in ("roughness", "metallic", "opacity", "clearcoat", "opacityThreshold", "ior", "occlusion"):
            if self.chance(0.4):
                s.CreateInput(name, Sdf.ValueTypeNames.Float).Set(float(self.rng.uniform(low, high)))
        for name in ("diffuseColor", "emissiveColor", "specularColor"):
            if self.chance(0.4):
                s.CreateInput(name, Sdf.ValueTypeNames.Color3f).Set(tuple(self.rng.uniform(low, high, 3).tolist()))
        if self.chance(0.2):
            s.CreateInput("useSpecularWorkflow", Sdf.ValueTypeNames.Int).Set(1)
        if self.broken and self.chance(0.3):
            t = UsdShade.Shader.Define(self.stage, f"/World/M{k}/t")
            t.CreateIdAttr("UsdUVTexture")
            t.CreateInput("file", Sdf.ValueTypeNames.Asset).Set("./nowhere.png")
            s.CreateInput("normal", Sdf.ValueTypeNames.Normal3f).ConnectToSource(t.ConnectableAPI(), "rgb")
        m.CreateSurfaceOutput().ConnectToSource(s.ConnectableAPI(), "surface")
        return m

    def group(self, path: str) -> Any:
        return UsdGeom.Xform.Define(self.stage, path).GetPrim()

    def mesh(self, path: str) -> Any:
        rng = self.rng
        faces, count = int(rng.integers(1, 12)), int(rng.integers(5, 20))
        counts = rng.integers(3, 6, faces).astype(np.int32)
        vertices = np.concatenate([rng.permutation(count)[:n] for n in counts]).astype(np.int32)
        points = self.numbers(count, 3)
        if self.broken and self.chance(0.5):
            kind = self.pick(["nan", "index", "short", "flat", "negative", "two"])
            if kind == "nan":
                points[0] = np.nan
            elif kind == "index":
                vertices[-1] = 10**6
            elif kind == "short":
                vertices = vertices[:-2]
            elif kind == "flat":
                points[:] = points[0]
            elif kind == "negative":
                counts[0] = -3
            else:
                counts[0] = 2
        mesh = UsdGeom.Mesh.Define(self.stage, path)
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
        if self.chance(0.15) and not np.isnan(points).any():
            for code in (self.start, self.end):
                mesh.GetPointsAttr().Set(Vt.Vec3fArray.FromNumpy(points + self.numbers(count, 3, scale=0.2)), code)
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(counts))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(vertices))
        mesh.CreateSubdivisionSchemeAttr(self.pick(["none", "catmullClark"]))
        mesh.CreateOrientationAttr(self.pick(["rightHanded", "leftHanded"]))
        mesh.CreateDoubleSidedAttr(self.chance(0.3))
        sizes = {"constant": 1, "uniform": faces, "vertex": count, "faceVarying": len(vertices)}
        primvars = UsdGeom.PrimvarsAPI(mesh)
        for name, kind in (("st", "TexCoord2fArray"), ("uv2", "Float2Array")):
            if self.chance(0.6):
                where = self.pick(["vertex", "faceVarying", "uniform"])
                p = primvars.CreatePrimvar(name, getattr(Sdf.ValueTypeNames, kind), where)
                size = sizes[where] - (1 if self.broken and self.chance(0.2) else 0)
                if self.chance(0.5):
                    p.Set(Vt.Vec2fArray.FromNumpy(self.numbers(3, 2)))
                    p.SetIndices(Vt.IntArray.FromNumpy(rng.integers(0, 3, size).astype(np.int32)))
                else:
                    p.Set(Vt.Vec2fArray.FromNumpy(self.numbers(size, 2)))
        if self.chance(0.5):
            where = self.pick(["vertex", "faceVarying", "uniform"])
            normals = self.numbers(sizes[where], 3)
            if self.broken and self.chance(0.3):
                normals[0] = self.pick([np.nan, 0.0])
            mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
            mesh.SetNormalsInterpolation(where)
        if self.chance(0.4):
            where = self.pick(list(sizes))
            mesh.CreateDisplayColorPrimvar(where).Set(Vt.Vec3fArray.FromNumpy(self.numbers(sizes[where], 3)))
        if self.chance(0.2):
            mesh.CreateDisplayOpacityPrimvar("constant").Set([0.5])
        if self.chance(0.3):
            mesh.CreateHoleIndicesAttr([0])
        if self.chance(0.3):
            chosen = Vt.IntArray(list(range(0, faces, 2)))
            part = UsdGeom.Subset.CreateGeomSubset(mesh, "part", "face", chosen, "materialBind")
            UsdShade.MaterialBindingAPI.Apply(part.GetPrim()).Bind(self.pick(self.materials))
        if self.chance(0.6):
            UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(self.pick(self.materials))
        return mesh.GetPrim()

    def shape(self, path: str) -> Any:
        return (
            self.pick([UsdGeom.Cube, UsdGeom.Sphere, UsdGeom.Cone, UsdGeom.Capsule]).Define(self.stage, path).GetPrim()
        )

    def light(self, path: str) -> Any:
        kind = self.pick([UsdLux.SphereLight, UsdLux.DistantLight, UsdLux.RectLight, UsdLux.DomeLight])
        made = kind.Define(self.stage, path)
        made.CreateIntensityAttr(float("inf") if self.broken and self.chance(0.3) else 30.0)
        return made.GetPrim()

    def camera(self, path: str) -> Any:
        made = UsdGeom.Camera.Define(self.stage, path)
        made.CreateProjectionAttr(self.pick(["perspective", "orthographic"]))
        made.CreateClippingRangeAttr(self.pick([(0.1, 100), (0, 0), (5, 1)] if self.broken else [(0.1, 100)]))
        if self.broken:
            made.CreateFocalLengthAttr(self.pick([0.0, 35.0]))
        return made.GetPrim()

    def instancer(self, path: str) -> Any:
        made = UsdGeom.PointInstancer.Define(self.stage, path)
        self.mesh(f"{path}/proto")
        count = int(self.rng.integers(1, 9))
        made.CreatePrototypesRel().SetTargets([f"{path}/proto"])
        which = [0] * count
        if self.broken and self.chance(0.3):
            which[-1] = 7
        made.CreateProtoIndicesAttr(which)
        made.CreatePositionsAttr(Vt.Vec3fArray.FromNumpy(self.numbers(count, 3, scale=4)))
        if self.chance(0.5):
            made.CreateScalesAttr(Vt.Vec3fArray.FromNumpy(self.numbers(count, 3)))
        return made.GetPrim()

    def character(self, path: str) -> None:
        """Any number of influences, joints that share a parent, moving by samples that are not everywhere."""
        rng, stage = self.rng, self.stage
        joints = ["a", "a/b", "a/b/c", "a/d"][: int(rng.integers(1, 5))]
        UsdSkel.Root.Define(stage, path)
        skeleton = UsdSkel.Skeleton.Define(stage, f"{path}/Skel")
        skeleton.CreateJointsAttr(joints)
        rest = [Gf.Matrix4d().SetTranslate(Gf.Vec3d(*self.numbers(3).tolist())) for _ in joints]
        world: dict[str, Any] = {}
        for joint, own in zip(joints, rest, strict=True):
            above = world.get(joint.rpartition("/")[0])
            world[joint] = own * above if above is not None else own
        skeleton.CreateRestTransformsAttr(rest)
        skeleton.CreateBindTransformsAttr(list(world.values()))
        animation = UsdSkel.Animation.Define(stage, f"{path}/Anim")
        animation.CreateJointsAttr(joints)
        for code in np.linspace(self.start, self.end, 5).tolist():
            turns = [Gf.Quatf(*(self.numbers(4) + np.float32(0.02)).tolist()).GetNormalized() for _ in joints]
            animation.CreateRotationsAttr().Set(turns, code)
            animation.CreateTranslationsAttr().Set([Gf.Vec3f(m.ExtractTranslation()) for m in rest], code)
            animation.CreateScalesAttr().Set([Gf.Vec3h(1)] * len(joints), code)
        UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
        was, self.broken = self.broken, False
        prim = self.mesh(f"{path}/Body")
        self.broken = was
        UsdGeom.Mesh(prim).GetPointsAttr().Set(Vt.Vec3fArray.FromNumpy(self.numbers(20, 3)))
        for name in ("points",):
            for code in prim.GetAttribute(name).GetTimeSamples():
                prim.GetAttribute(name).ClearAtTime(code)
        binding = UsdSkel.BindingAPI.Apply(prim)
        binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
        wide = int(rng.integers(1, 11))
        which = rng.integers(0, len(joints), (20, wide)).astype(np.int32)
        weights = rng.random((20, wide)).astype(np.float32)
        binding.CreateJointIndicesPrimvar(False, wide).Set(Vt.IntArray.FromNumpy(which.reshape(-1)))
        weights /= weights.sum(axis=1, keepdims=True)
        binding.CreateJointWeightsPrimvar(False, wide).Set(Vt.FloatArray.FromNumpy(weights.reshape(-1)))

    # what no stage should have

    def missing(self) -> None:
        self.stage.DefinePrim("/World/Gone").GetPayloads().AddPayload("./not_there.usda", "/A")

    def cycle(self) -> None:
        self.stage.DefinePrim("/World/Round/Again").GetReferences().AddInternalReference("/World/Round")

    def empty(self) -> None:
        mesh = UsdGeom.Mesh.Define(self.stage, "/World/Empty")
        mesh.CreatePointsAttr([])
        mesh.CreateFaceVertexCountsAttr([])
        mesh.CreateFaceVertexIndicesAttr([])

    def jointless(self) -> None:
        UsdSkel.Root.Define(self.stage, "/World/Ghost")
        UsdSkel.Skeleton.Define(self.stage, "/World/Ghost/Skel")
        prim = self.mesh("/World/Ghost/Body")
        binding = UsdSkel.BindingAPI.Apply(prim)
        binding.CreateSkeletonRel().SetTargets(["/World/Ghost/Skel"])
        binding.CreateJointIndicesPrimvar(False, 1).Set([0] * 4)
        binding.CreateJointWeightsPrimvar(False, 1).Set([1.0] * 4)


_TARGETS = [None, "web", "unreal", "godot", "unity"]


@pytest.mark.node
@pytest.mark.long
@pytest.mark.parametrize("broken", [False, True])
def test_the_validator_finds_nothing(tmp_path: Path, broken: bool, node_tools: Path) -> None:
    for seed in range(8):
        path = tmp_path / f"s{seed}.usda"
        Chance(path, seed, broken=broken)
        target = load_target(_TARGETS[seed % len(_TARGETS)])
        if seed % 8 == 5:
            target = load_target(None, geometry={"compression": "draco"})
        try:
            # every error and warning of the validator, and every difference, is a ReadbackMismatch
            result = export(path, tmp_path / f"s{seed}.glb", target)
        except GatesError as error:
            assert broken and error.prim, f"seed {seed}: {error}"
            continue
        assert "gltf-validator" in result.readback.reader and result.readback.ok


@pytest.mark.parametrize("seed", range(100, 110))
def test_points_stand_where_usd_puts_them_at_any_time(tmp_path: Path, glb: Any, seed: int) -> None:
    made = Chance(tmp_path / "s.usda", seed, broken=False)
    stage = made.stage
    export(tmp_path / "s.usda", tmp_path / "s.glb", verify=False)
    g = glb(tmp_path / "s.glb")
    codes = np.linspace(made.start, made.end, 7).tolist()
    character = UsdSkel.Root(stage.GetPrimAtPath("/World/Char"))
    if character:
        assert UsdSkel.BakeSkinning(character, Gf.Interval(made.start, made.end))
        baked = UsdGeom.Mesh(stage.GetPrimAtPath("/World/Char/Body")).GetPointsAttr()
        codes = baked.GetTimeSamples()[:: max(1, len(baked.GetTimeSamples()) // 7)]
    rows = [(code, _placed(UsdGeom.Mesh(prim), code)) for code in codes for prim in stage.Traverse() if _counts(prim)]
    size = max((float(np.ptp(p, axis=0).max()) for _, p in rows), default=1.0)
    for code, placed in rows:
        found = g.points((code - made.start) / stage.GetTimeCodesPerSecond())
        gaps = np.linalg.norm(placed[:, None] - found[None], axis=2).min(axis=1)
        assert gaps.max() < 1e-3 * size, code


def _counts(prim: Any) -> bool:
    """Meshes that are drawn where they stand; an instancer's prototype is not."""
    return prim.GetTypeName() == "Mesh" and prim.GetName() != "proto"


def _placed(mesh: Any, code: float) -> Any:
    """The points that faces name, in the world, in Y-up metres."""
    stage = mesh.GetPrim().GetStage()
    points = np.array(mesh.GetPointsAttr().Get(code))[np.unique(_drawn(mesh))]
    world = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(mesh.GetPrim()))
    placed = (points @ world[:3, :3] + world[3, :3]) * UsdGeom.GetStageMetersPerUnit(stage)
    if UsdGeom.GetStageUpAxis(stage) == "Z":
        return np.stack([placed[:, 0], placed[:, 2], -placed[:, 1]], -1)
    return placed


def _drawn(mesh: Any) -> list[int]:
    """The points that faces beside holes name."""
    counts, vertices = mesh.GetFaceVertexCountsAttr().Get(), list(mesh.GetFaceVertexIndicesAttr().Get())
    holes = set(mesh.GetHoleIndicesAttr().Get() or ())
    found: list[int] = []
    at = 0
    for face, count in enumerate(counts):
        if face not in holes:
            found += vertices[at : at + count]
        at += count
    return found
