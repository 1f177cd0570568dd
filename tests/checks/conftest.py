# SPDX-License-Identifier: Apache-2.0
"""Small assets, built in memory with exactly the fault a test wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdSkel, Vt

from pipeline.checks import inspect
from pipeline.checks.report import FindingReport
from pipeline.settings.jobs import Brief, Budgets, Job, Needs, load_job

#: a job that asks for nothing but what a test adds
PLAIN = Job(name="plain", title="Plain", gates=["inspection"], formats=["usd"])


class Asset:
    """A stage with `/Asset/geo` and `/Asset/mtl`, metres, Y up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stage = Usd.Stage.CreateInMemory()
        UsdGeom.SetStageUpAxis(self.stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(self.stage, 1)
        self.stage.SetDefaultPrim(UsdGeom.Xform.Define(self.stage, "/Asset").GetPrim())
        UsdGeom.Scope.Define(self.stage, "/Asset/geo")
        UsdGeom.Scope.Define(self.stage, "/Asset/mtl")

    def mesh(
        self,
        points: Any,
        faces: Any,
        name: str = "body",
        uv: Any = None,
        material: str | None = None,
        move: Sequence[float] | None = None,
    ) -> UsdGeom.Mesh:
        """A mesh of triangles, quads or mixed polygons; `uv` one for each corner, or one for each point."""
        mesh = UsdGeom.Mesh.Define(self.stage, f"/Asset/geo/{name}")
        counts = [len(f) for f in faces]
        flat = np.concatenate([np.asarray(f, np.int32) for f in faces]) if counts else np.zeros(0, np.int32)
        mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(points, np.float32)))
        mesh.CreateFaceVertexCountsAttr(Vt.IntArray(counts))
        mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(flat.astype(np.int32)))
        mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
        if uv is not None:
            per = UsdGeom.Tokens.faceVarying if len(uv) == len(flat) else UsdGeom.Tokens.vertex
            primvar = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, per)
            primvar.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(uv, np.float32)))
        if material is not None:
            bound = UsdShade.Material.Get(self.stage, f"/Asset/mtl/{material}") or self.material(material)
            UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(bound)
        if move is not None:
            UsdGeom.XformCommonAPI(mesh).SetTranslate(Gf.Vec3d(*move))
        return mesh

    def tri(self, shape: trimesh.Trimesh, name: str = "body", **more: Any) -> UsdGeom.Mesh:
        """A mesh made by trimesh."""
        return self.mesh(shape.vertices, np.asarray(shape.faces), name, **more)

    def material(self, name: str, inputs: dict[str, Any] | None = None) -> UsdShade.Material:
        """A UsdPreviewSurface: inputs are numbers, colours, or (picture, colour space[, channel])."""
        made = UsdShade.Material.Define(self.stage, f"/Asset/mtl/{name}")
        surface = UsdShade.Shader.Define(self.stage, f"/Asset/mtl/{name}/surface")
        surface.CreateIdAttr("UsdPreviewSurface")
        made.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", Sdf.ValueTypeNames.Token))
        for key, value in (inputs or {}).items():
            kind = Sdf.ValueTypeNames.Color3f if "Color" in key else Sdf.ValueTypeNames.Float
            if key == "normal":
                kind = Sdf.ValueTypeNames.Normal3f
            own = surface.CreateInput(key, kind)
            if isinstance(value, (int, float)):
                own.Set(float(value))
            elif len(value) == 3 and all(isinstance(v, (int, float)) for v in value):
                own.Set(Gf.Vec3f(*value))
            else:
                self._texture(name, key, own, *value)
        return made

    def _texture(
        self, name: str, key: str, own: Any, picture: str | Path, space: str = "auto", channel: str = "rgb",
        wrap: str = "useMetadata",
    ) -> None:  # fmt: skip
        shader = UsdShade.Shader.Define(self.stage, f"/Asset/mtl/{name}/{key}_texture")
        shader.CreateIdAttr("UsdUVTexture")
        shader.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(str(picture))
        shader.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(space)
        shader.CreateInput("wrapS", Sdf.ValueTypeNames.Token).Set(wrap)
        shader.CreateInput("wrapT", Sdf.ValueTypeNames.Token).Set(wrap)
        reader = UsdShade.Shader.Define(self.stage, f"/Asset/mtl/{name}/st_reader")
        reader.CreateIdAttr("UsdPrimvarReader_float2")
        reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
        shader.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(
            reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
        )
        kind = Sdf.ValueTypeNames.Float3 if channel == "rgb" else Sdf.ValueTypeNames.Float
        own.ConnectToSource(shader.CreateOutput(channel, kind))

    def picture(self, name: str, pixels: NDArray) -> Path:
        """Write (h, w) or (h, w, c) bytes as PNG."""
        from PIL import Image

        path = self.folder / name
        Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
        return path

    def flat_picture(self, name: str, width: int, height: int, colour: Sequence[int] = (128, 128, 128)) -> Path:
        """A picture that is nearly one colour, but no constant."""
        pixels = np.empty((height, width, 3), np.uint8)
        pixels[:] = colour
        pixels[::2, ::2] = np.minimum(np.array(colour) + 6, 255)
        return self.picture(name, pixels)

    def rig(self, mesh: UsdGeom.Mesh, joints: dict[str, Sequence[float]], weights: NDArray, size: int) -> None:
        """Bind a mesh to a skeleton: joints by path with their places, weights flat with `size` a point."""
        root = UsdSkel.Root.Define(self.stage, "/Asset/geo")
        skeleton = UsdSkel.Skeleton.Define(self.stage, "/Asset/geo/skeleton")
        paths = list(joints)
        place = {p: np.array(v, float) for p, v in joints.items()}
        bind = [Gf.Matrix4d().SetTranslate(Gf.Vec3d(*place[p])) for p in paths]
        rest = [
            Gf.Matrix4d().SetTranslate(Gf.Vec3d(*(place[p] - place.get(p.rpartition("/")[0], np.zeros(3)))))
            for p in paths
        ]
        skeleton.CreateJointsAttr(Vt.TokenArray(paths))
        skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray(bind))
        skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray(rest))
        binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
        binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
        points = len(mesh.GetPointsAttr().Get())
        numbers = np.tile(np.arange(size, dtype=np.int32) % len(paths), points)
        binding.CreateJointIndicesPrimvar(False, size).Set(Vt.IntArray.FromNumpy(numbers))
        binding.CreateJointWeightsPrimvar(False, size).Set(
            Vt.FloatArray.FromNumpy(np.ascontiguousarray(weights, np.float32).reshape(-1))
        )
        UsdSkel.BindingAPI.Apply(root.GetPrim())

    def findings(self, rule: str, brief: Any = "game-ready-prop", **more: Any) -> list[FindingReport]:
        """What one rule says."""
        report = inspect(self.stage, job=brief, rules=[rule], **more)
        assert not report.errors, report.errors
        assert rule in {*report.passed, *report.skipped, *(f.rule for f in report.findings)}
        return report.findings


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    return Asset(tmp_path)


@pytest.fixture
def job() -> Callable[..., Brief]:
    """A brief with only what is named: budgets, needs, and the brief's own fields."""

    def make(
        base: str | None = None, budgets: dict[str, Any] | None = None, needs: dict[str, Any] | None = None, **more: Any
    ) -> Brief:
        made = load_job(base) if base else PLAIN
        usage = more.pop("usage", made.usage)
        rules = more.pop("rules", made.rules)
        targets = more.pop("targets", made.targets)
        verdict = more.pop("verdict", made.verdict)
        own = made.model_copy(
            update={
                "budgets": Budgets(**{**made.budgets.model_dump(), **(budgets or {})}),
                "needs": Needs(**{**made.needs.model_dump(), **(needs or {})}),
                "usage": usage,
                "rules": rules,
                "targets": targets,
                "verdict": verdict,
            }
        )
        return Brief(job=own, **more)

    return make


def grid(columns: int, rows: int, width: float = 1.0, height: float = 1.0) -> tuple[NDArray, NDArray, NDArray]:
    """Points (in the xy plane), triangles and UVs of a flat sheet, facing +Z."""
    x, y = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
    uv = np.stack([x.ravel(), y.ravel()], 1)
    points = np.column_stack([uv[:, 0] * width, uv[:, 1] * height, np.zeros(len(uv))])
    i = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    a, b, c, d = i, i + 1, i + columns + 2, i + columns + 1
    return points, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]), uv


@pytest.fixture
def sheet() -> Callable[..., tuple[NDArray, NDArray, NDArray]]:
    return grid


@pytest.fixture
def ball() -> trimesh.Trimesh:
    """A closed sphere of 1,280 triangles, a metre across, standing on the ground."""
    made = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    made.apply_translation([0, 0.5, 0])
    return made
