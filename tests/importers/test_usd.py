# SPDX-License-Identifier: Apache-2.0
"""USD from outside: composed, flattened, brought to metres and Y-up, with nothing left that points elsewhere."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdShade, UsdUtils

from pipeline.errors import ImportRefused, SandboxLimit

SHARED = Path(__file__).parents[1] / "data/importers"
MESH = """
        int[] faceVertexCounts = [3]
        int[] faceVertexIndices = [0, 1, 2]
        point3f[] points = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
"""


def usda(body: str, **metadata: Any) -> str:
    lines = "".join(f"    {k} = {v}\n" for k, v in metadata.items())
    body = body.replace("{ ", "{\n").replace(" }", "\n}").replace("} ", "}\n")  # one statement a line
    return f"#usda 1.0\n(\n{lines})\n{body}"


def world_bounds(stage: Usd.Stage) -> np.ndarray:
    """Lowest and highest point (2, 3) of all meshes; a box around turned boxes would be looser."""
    clouds = []
    for prim in stage.Traverse(Usd.TraverseInstanceProxies()):
        if prim.IsA(UsdGeom.Mesh):
            matrix = UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(Usd.TimeCode.EarliestTime())
            points = UsdGeom.Mesh(prim).GetPointsAttr().Get(Usd.TimeCode.EarliestTime())
            clouds += [matrix.Transform(Gf.Vec3d(p)) for p in points]
    return np.array([np.min(clouds, axis=0), np.max(clouds, axis=0)])


@pytest.mark.parametrize("name", ["RoughnessTest.usdz", "texture_transform/TextureTransformTest.usd"])
def test_real_files_keep_their_bounds_and_triangles(bring_in: Any, name: str) -> None:
    report, stage = bring_in(SHARED / name)
    truth = Usd.Stage.Open(str(SHARED / name))
    expected = world_bounds(truth) * UsdGeom.GetStageMetersPerUnit(truth)
    if UsdGeom.GetStageUpAxis(truth) == "Z":
        low, high = expected
        expected = np.array([[low[0], low[2], -high[1]], [high[0], high[2], -low[1]]])
    assert world_bounds(stage) == pytest.approx(expected, abs=1e-5)
    assert np.array(report.bounds_m) == pytest.approx(expected, abs=1e-5)
    counted = sum(
        int((np.asarray(UsdGeom.Mesh(p).GetFaceVertexCountsAttr().Get()) - 2).sum())
        for p in truth.Traverse() if p.IsA(UsdGeom.Mesh)
    )  # fmt: skip
    assert report.triangles == counted
    assert report.losses == []


@pytest.mark.parametrize("name", ["RoughnessTest.usdz", "texture_transform/TextureTransformTest.usd"])
def test_packages_point_at_nothing_outside(bring_in: Any, name: str) -> None:
    report, stage = bring_in(SHARED / name)
    folder = Path(report.folder)
    layers, assets, unresolved = UsdUtils.ComputeAllDependencies(str(folder / "payload.usdc"))
    assert [Path(x.realPath) for x in layers] == [folder / "payload.usdc"]
    assert unresolved == []
    assert assets
    assert all(Path(a).is_relative_to(folder) for a in assets)
    authored = [a.Get() for p in stage.TraverseAll() for a in p.GetAttributes() if a.GetTypeName() == "asset"]
    assert all(not a.path.startswith("/") for a in authored if a)
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            bound = UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
            assert str(bound.GetPath()).startswith("/Asset/mtl/")
            assert bound.ComputeSurfaceSource()[0]


def test_references_variants_units_and_axis(bring_in: Any, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/leg.usda").write_text(
        usda('def Xform "Leg" { def Mesh "m" {' + MESH + "}\n}\n", defaultPrim='"Leg"')
    )
    text = usda(
        """
def Xform "Table" (variants = { string color = "red" }
                   prepend variantSets = "color")
{
    def "a" (prepend references = @./parts/leg.usda@) { double3 xformOp:translate = (0, 0, 100)
        uniform token[] xformOpOrder = ["xformOp:translate"] }
    def "b" (instanceable = true; prepend references = @parts/leg.usda@) {}
    def "c" (instanceable = true; prepend references = @parts/leg.usda@) { double3 xformOp:translate = (200, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"] }
    variantSet "color" = { "red" { custom int kept = 1 } "blue" { custom int kept = 2 } }
}
""",
        defaultPrim='"Table"', metersPerUnit=0.01, upAxis='"Z"',
    )  # fmt: skip
    report, stage = bring_in(text, "table.usda")
    assert (report.meshes, report.triangles, report.units_from, report.up_from) == (3, 3, "file", "file")
    # 200 along X and 100 along Z of the file, in centimetres, Z up
    assert np.array(report.bounds_m) == pytest.approx(np.array([[0, 0, -0.01], [2.01, 1, 0]]), abs=1e-6)
    assert [x.what for x in report.losses] == ["variants blue of color"]
    assert stage.GetPrimAtPath("/Asset/geo/Table").GetAttribute("kept").Get() == 1
    assert stage.GetPrimAtPath("/Asset/geo/Table/b").IsInstance()


def test_targets_follow_their_prims(bring_in: Any) -> None:
    text = usda(
        'def Scope "Asset" { def Mesh "m" (prepend apiSchemas = ["MaterialBindingAPI"]) {'
        + MESH
        + """        rel material:binding = </Looks/Rot>
        texCoord2f[] primvars:UVMap = [(0, 0), (1, 0), (0, 1)] (interpolation = "vertex")
    } }
def Scope "Looks" { def Material "Rot" {
    token outputs:surface.connect = </Looks/Rot/s.outputs:surface>
    def Shader "s" { uniform token info:id = "UsdPreviewSurface"
        color3f inputs:diffuseColor.connect = </Looks/Rot/t.outputs:rgb>
        token outputs:surface }
    def Shader "t" { uniform token info:id = "UsdUVTexture"
        float2 inputs:st.connect = </Looks/Rot/r.outputs:result>
        float3 outputs:rgb }
    def Shader "r" { uniform token info:id = "UsdPrimvarReader_float2"
        string inputs:varname = "UVMap"
        float2 outputs:result }
} }
""",
        defaultPrim='"Asset"',
    )
    report, stage = bring_in(text, "a.usda")
    bound = UsdShade.MaterialBindingAPI(stage.GetPrimAtPath("/Asset/geo/Asset/m")).ComputeBoundMaterial()[0]
    assert bound.GetPath() == "/Asset/mtl/Rot"
    surface = bound.ComputeSurfaceSource()[0]
    texture = UsdShade.Shader(surface.GetInput("diffuseColor").GetConnectedSource()[0].GetPrim())
    reader = UsdShade.Shader(texture.GetInput("st").GetConnectedSource()[0].GetPrim())
    assert reader.GetPath() == "/Asset/mtl/Rot/r"
    assert reader.GetInput("varname").Get() == "st"
    assert UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/Asset/geo/Asset/m")).HasPrimvar("st")
    assert "UV set UVMap became st" in report.converted


def test_what_was_packaged_once_keeps_its_shape(bring_in: Any) -> None:
    first, _ = bring_in(SHARED / "spot.obj")
    _, again = bring_in(Path(first.folder) / "payload.usdc")
    assert again.GetPrimAtPath("/Asset/geo/spot").IsA(UsdGeom.Mesh)


def test_moving_things_keep_moving(bring_in: Any) -> None:
    text = usda(
        'def Xform "Top" { double3 xformOp:translate.timeSamples = { 0: (0, 0, 0), 48: (10, 0, 0) }\n'
        'uniform token[] xformOpOrder = ["xformOp:translate"]\ndef Mesh "m" {' + MESH + "} }",
        defaultPrim='"Top"', metersPerUnit=0.1, timeCodesPerSecond=48, startTimeCode=0, endTimeCode=48,
    )  # fmt: skip
    _, stage = bring_in(text, "a.usda")
    assert (stage.GetTimeCodesPerSecond(), stage.GetEndTimeCode()) == (48, 48)
    matrix = UsdGeom.XformCache(24).GetLocalToWorldTransform(stage.GetPrimAtPath("/Asset/geo/Top/m"))
    assert matrix.Transform(Gf.Vec3d(1, 0, 0)) == pytest.approx((0.6, 0, 0))


def test_cameras_and_lights_stay_behind(bring_in: Any) -> None:
    text = usda(
        f'def Xform "A" {{ def Camera "c" {{}} def SphereLight "l" {{}} def Mesh "m" {{ {MESH} }} }}', defaultPrim='"A"'
    )
    report, stage = bring_in(text, "a.usda")
    assert {x.what for x in report.losses} == {"camera", "light"}
    assert [p.GetName() for p in stage.GetPrimAtPath("/Asset/geo/A").GetChildren()] == ["m"]


@pytest.mark.parametrize(
    "arc",
    ["../secret.usda", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/x.usda", "pipe.usda", "a.usdz[x.usda]",
     "../../../../../../etc/passwd", "`\"${X}\"`"],
)  # fmt: skip
def test_arcs_that_lead_out_are_refused(bring_in: Any, tmp_path: Path, arc: str) -> None:
    (tmp_path.parent / "secret.usda").write_text(usda('def Mesh "S" {' + MESH + "}", defaultPrim='"S"'))
    os.mkfifo(tmp_path / "pipe.usda")
    text = usda(f'def Xform "A" (prepend references = @{arc}@) {{ def Mesh "m" {{ {MESH} }} }}', defaultPrim='"A"')
    with pytest.raises(ImportRefused):
        bring_in(text, "a.usda")


@pytest.mark.parametrize("place", ["sublayer", "payload", "variant", "clips", "nested"])
def test_no_kind_of_arc_is_overlooked(bring_in: Any, tmp_path: Path, place: str) -> None:
    (tmp_path.parent / "secret.usda").write_text(usda('def Mesh "S" {' + MESH + "}", defaultPrim='"S"'))
    mesh = f'def Mesh "m" {{ {MESH} }}'
    bad = "@../secret.usda@"
    text = {
        "sublayer": usda(f'def "A" {{ {mesh} }}', subLayers=f"[{bad}]"),
        "payload": usda(f'def "A" (prepend payload = {bad}</S>) {{ {mesh} }}'),
        "variant": usda(
            f'def "A" (prepend variantSets = "v") {{ {mesh} variantSet "v" = {{ "x" {{ '
            f'def "y" (references = {bad}) {{}} }} }} }}'
        ),
        "clips": usda(f'def "A" (clips = {{ dictionary default = {{ asset[] assetPaths = [{bad}] }} }}) {{ {mesh} }}'),
        "nested": usda(f'def "A" (references = @inner.usda@</B>) {{ {mesh} }}'),
    }[place]
    (tmp_path / "inner.usda").write_text(usda(f'def "B" (references = {bad}) {{}}'))
    with pytest.raises(ImportRefused, match="outside"):
        bring_in(text, "a.usda")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secret.png", "https://x.test/a.png", "pipe.png", "gone.png", "a.usda"]
)
def test_pictures_that_lead_out_are_cut_off(bring_in: Any, tmp_path: Path, path: str) -> None:
    (tmp_path.parent / "secret.png").write_bytes(b"\x89PNG\r\n\x1a\nsecret")
    os.mkfifo(tmp_path / "pipe.png")
    text = usda(f'def Xform "A" {{ def Mesh "m" {{ {MESH}\n asset x = @{path}@ }} }}', defaultPrim='"A"')
    report, stage = bring_in(text, "a.usda")
    assert not stage.GetPrimAtPath("/Asset/geo/A/m").GetAttribute("x").Get()
    assert list(report.file_digests) == ["payload.usdc"]
    assert len(report.losses) == 1


def test_bombs_of_references_end_at_a_limit(bring_in: Any) -> None:
    """Ten in ten in ten …: two kilobytes of text, a billion prims."""
    levels = "".join(
        f'class "L{i}" {{ ' + " ".join(f'def "c{k}" (references = </L{i - 1}>) {{}}' for k in range(10)) + " }\n"
        for i in range(1, 9)
    )
    text = usda(
        f'class "L0" {{ def Mesh "m" {{ {MESH} }} }}\n{levels}def "Top" (references = </L8>) {{}}', defaultPrim='"Top"'
    )
    from pipeline import sandbox

    with pytest.raises(SandboxLimit):
        bring_in(text, "a.usda", limits=sandbox.Limits(memory=1 << 29, cpu=1, wall=20))


def test_nesting_without_end_does_not_end_us(bring_in: Any) -> None:
    depth = 60_000
    text = usda('def "a" {\n' * depth + "}\n" * depth)
    with pytest.raises(ImportRefused):
        bring_in(text, "a.usda")


@pytest.mark.parametrize(
    "content",
    [b"#usda 1.0\ndef", b"PXR-USDC" + bytes(200), b"#usda 1.0\n", b"not usd at all",
     usda(f'def Mesh "m" {{ {MESH} }}').replace("0, 1, 2]", "0, 1, 9]").encode(),
     usda(f'def Mesh "m" {{ {MESH} }}').replace("(0, 1, 0)", "(nan, 1, 0)").encode()],
)  # fmt: skip
def test_broken_layers(bring_in: Any, content: bytes) -> None:
    with pytest.raises(ImportRefused):
        bring_in(content, "a.usd")


def test_an_archive_that_climbs_out(bring_in: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.usdz", "w") as z:
        z.writestr("a.usda", usda(f'def Mesh "m" {{ {MESH} }}'))
        z.writestr("../../evil.png", b"x")
    with pytest.raises(ImportRefused, match="climbs out"):
        bring_in(tmp_path / "x.usdz")
    with zipfile.ZipFile(tmp_path / "y.usdz", "w") as z:
        z.writestr("a.txt", b"x")
    with pytest.raises(ImportRefused, match="no USD layer"):
        bring_in(tmp_path / "y.usdz")


def test_a_wider_folder_may_be_allowed(bring_in: Any, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "shot").mkdir()
    (tmp_path / "lib/box.usda").write_text(usda('def Mesh "S" {' + MESH + "}", defaultPrim='"S"'))
    (tmp_path / "shot/a.usda").write_text(usda('def "A" (references = @../lib/box.usda@) {}', defaultPrim='"A"'))
    with pytest.raises(ImportRefused, match="outside"):
        bring_in(tmp_path / "shot/a.usda")
    report, _ = bring_in(tmp_path / "shot/a.usda", root=tmp_path)
    assert report.triangles == 1


def test_types_of_shader_inputs_follow_the_specification(bring_in: Any) -> None:
    from pxr import UsdValidation

    truth = Usd.Stage.Open(str(SHARED / "RoughnessTest.usdz"))
    report, stage = bring_in(SHARED / "RoughnessTest.usdz")
    registry = UsdValidation.ValidationRegistry()
    names = [str(data.name) for data in registry.GetAllValidatorMetadata() if not data.isSuite]
    theirs = [name for name in names if not name.startswith("pipeline.")]  # USD's, whoever registered ours
    context = UsdValidation.ValidationContext(registry.GetOrLoadValidatorsByName(theirs))
    assert any("MismatchedPropertyType" in e.GetErrorAsString() for e in context.Validate(truth))
    assert not [e.GetErrorAsString() for e in context.Validate(stage)]
    assert any("diffuseColor got the type" in c for c in report.converted)


def test_tiles_of_a_udim_set_come_along(bring_in: Any, tmp_path: Path) -> None:
    import OpenImageIO as oiio

    (tmp_path / "tex").mkdir()
    for tile in (1001, 1002, 1011):
        out = oiio.ImageOutput.create("a.png")
        out.open(str(tmp_path / f"tex/skin.{tile}.png"), oiio.ImageSpec(2, 2, 3, "uint8"))
        out.write_image(np.full((2, 2, 3), tile % 256, np.uint8))
        out.close()
    text = usda(f'def Xform "A" {{ def Mesh "m" {{ {MESH}\n asset x = @tex/skin.<UDIM>.png@ }} }}', defaultPrim='"A"')
    report, stage = bring_in(text, "a.usda")
    path = stage.GetPrimAtPath("/Asset/geo/A/m").GetAttribute("x").Get().path
    assert path.count("<UDIM>") == 1
    kept = {p for p in report.file_digests if p.startswith("textures/")}
    assert kept == {path.replace("<UDIM>", str(t)) for t in (1001, 1002, 1011)}
    assert report.losses == []
