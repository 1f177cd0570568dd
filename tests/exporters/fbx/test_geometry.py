# SPDX-License-Identifier: Apache-2.0
"""What stands in the file, by a parser that shares no code with the writer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.exporters.fbx import FbxOptions

Stage = Callable[..., Path]


def test_units_and_axes_are_in_the_numbers_and_stated(stage: Stage, export: Callable, cube: str) -> None:
    body = f'def Xform "World" {{\n def Mesh "Box" {{ {cube} double3 xformOp:translate = (300, 0, 50)\n'
    body += ' uniform token[] xformOpOrder = ["xformOp:translate"] }\n}\n'
    path = stage(body.replace("{ ", "{\n"), up="Z", unit=0.01)
    for options, factor, up, at in (
        (FbxOptions(), 100.0, 1, (3, 0.5, 0)),
        (FbxOptions(unit="cm"), 1.0, 1, (300, 50, 0)),
        (FbxOptions(unit="cm", up_axis="Z"), 1.0, 2, (300, 0, 50)),
        (FbxOptions(unit="mm", up_axis="Z"), 0.1, 2, (3000, 0, 500)),
    ):
        made = export(path, options)
        settings = made.document.settings
        assert settings.number("UnitScaleFactor", 0) == pytest.approx(factor)
        assert settings.number("UpAxis", -1) == up
        box = made.models()["Box"]
        assert np.allclose(box.vector("Lcl Translation", (9, 9, 9)), at)
        for model in made.models().values():
            assert np.allclose(model.vector("Lcl Scaling", (1, 1, 1)), 1)
            assert np.allclose(model.vector("Lcl Rotation", (0, 0, 0)), 0)
        points = made.document.rows(made.document.of_kind("Geometry")[0].record, "Vertices", 3)
        assert np.ptp(points, axis=0) * factor / 100 == pytest.approx([0.02, 0.02, 0.02])


def test_polygons_stay_and_end_with_an_inverted_index(stage: Stage, export: Callable) -> None:
    path = stage(
        """def Mesh "World"
{
  point3f[] points = [(0,0,0), (2,0,0), (2,1,0), (1,1,0), (1,2,0), (0,2,0)]
  int[] faceVertexCounts = [6]
  int[] faceVertexIndices = [0,1,2,3,4,5]
  uniform token subdivisionScheme = "none"
}
"""
    )
    made = export(path)
    geometry = made.document.of_kind("Geometry")[0].record
    assert made.document.array(geometry, "PolygonVertexIndex", int).tolist() == [0, 1, 2, 3, 4, ~5]
    normals = made.document.rows(geometry.child("LayerElementNormal"), "Normals", 3)
    assert np.allclose(normals, [[0, 0, 1]])
    cut = export(path, FbxOptions(triangulate=True)).document.of_kind("Geometry")[0].record
    indices = made.document.array(cut, "PolygonVertexIndex", int)
    triangles = np.where(indices < 0, ~indices, indices).reshape(-1, 3)
    points = np.array([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], float)[triangles]
    u, v = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    areas = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    assert (areas > 0).all()  # the notch stays open: no triangle turns over
    assert areas.sum() == pytest.approx(3.0)


def test_instances_share_one_geometry(stage: Stage, export: Callable, cube: str) -> None:
    path = stage(
        f"""class Xform "Proto"
{{
  def Mesh "Box"
  {{ {cube} }}
}}
def Xform "World"
{{
  def Xform "A" (instanceable = true
    references = </Proto>)
  {{ double3 xformOp:translate = (5, 0, 0)
     uniform token[] xformOpOrder = ["xformOp:translate"]
  }}
  def Xform "B" (instanceable = true
    references = </Proto>)
  {{ }}
  def PointInstancer "Many"
  {{
    rel prototypes = </World/Many/P>
    int[] protoIndices = [0, 0, 0]
    point3f[] positions = [(0, 0, 9), (0, 3, 9), (0, 6, 9)]
    quath[] orientations = [(1,0,0,0), (0.70710678,0,0.70710678,0), (1,0,0,0)]
    float3[] scales = [(1,1,1), (2,2,2), (1,1,1)]
    int64[] invisibleIds = [2]
    def Mesh "P"
    {{ {cube} }}
  }}
}}
"""
    )
    made = export(path)
    meshes = [o for o in made.document.of_kind("Geometry") if o.subclass == "Mesh"]
    assert len(meshes) == 1
    shown = [x.object for x in made.document.out[meshes[0].id] if x.object.kind == "Model"]
    assert len(shown) == 4
    copies = sorted((o for o in shown if o.name.startswith("P_")), key=lambda o: o.name)
    assert [o.vector("Lcl Translation", (0, 0, 0)).tolist() for o in copies] == [[0, 0, 9], [0, 3, 9]]
    assert np.allclose(copies[1].vector("Lcl Scaling", (1, 1, 1)), 2)
    assert np.allclose(copies[1].vector("Lcl Rotation", (0, 0, 0)), (0, 90, 0), atol=0.1)  # half floats


def test_layers_of_a_mesh_with_everything(stage: Stage, export: Callable, cube: str) -> None:
    corners = ", ".join(f"({i / 24}, {i / 48})" for i in range(24))
    path = stage(
        f"""def Mesh "World"
{{ {cube}
  texCoord2f[] primvars:st = [(0,0), (1,0), (1,1), (0,1)] (interpolation = "faceVarying")
  int[] primvars:st:indices = [0,1,2,3, 0,1,2,3, 0,1,2,3, 0,1,2,3, 0,1,2,3, 0,1,2,3]
  texCoord2f[] primvars:st1 = [{corners}] (interpolation = "faceVarying")
  color3f[] primvars:displayColor = [(1, 0, 0)] (interpolation = "constant")
  float[] primvars:displayOpacity = [0.25] (interpolation = "constant")
}}
"""
    )
    made = export(path)
    geometry = made.document.of_kind("Geometry")[0].record
    first, second = geometry.all("LayerElementUV")
    assert [first.value("Name"), second.value("Name")] == ["st", "st1"]
    assert made.document.rows(first, "UV", 2).shape == (4, 2)
    assert len(made.document.array(first, "UVIndex", int)) == 24
    colors = geometry.child("LayerElementColor")
    assert np.allclose(made.document.rows(colors, "Colors", 4), [[1, 0, 0, 0.25]])
    layers = geometry.all("Layer")
    listed = {(e.value("Type"), e.value("TypedIndex")) for layer in layers for e in layer.all("LayerElement")}
    assert {("LayerElementUV", 0), ("LayerElementUV", 1), ("LayerElementColor", 0)} <= listed
    assert ("LayerElementSmoothing", 0) in listed


def test_a_linear_half_is_written_as_its_display_number(stage: Stage, export: Callable, cube: str) -> None:
    path = stage(f'def Mesh "World"\n{{ {cube}\n color3f[] primvars:displayColor = [(0.2140411, 0, 1)]\n}}\n')

    def red(options: FbxOptions) -> float:
        made = export(path, options)
        layer = made.document.of_kind("Geometry")[0].record.child("LayerElementColor")
        return float(made.document.rows(layer, "Colors", 4)[0, 0])

    assert red(FbxOptions()) == pytest.approx(0.5, abs=1e-4)  # 0.5 on the sRGB curve is 0.2140411 linear
    assert red(FbxOptions(vertex_colors="linear")) == pytest.approx(0.2140411)


def test_slots_with_one_material_name_it_once(stage: Stage, export: Callable, cube: str) -> None:
    material = 'def Material "{0}"\n {{ token outputs:surface.connect = </World/{0}/S.outputs:surface>\n'
    material += '  def Shader "S" {{ uniform token info:id = "UsdPreviewSurface"\n token outputs:surface }}\n }}\n'
    subsets = "".join(
        f'def GeomSubset "{n}" (prepend apiSchemas = ["MaterialBindingAPI"])\n {{ uniform token elementType = "face"\n'
        f' uniform token familyName = "materialBind"\n int[] indices = [{i}, {i + 1}]\n'
        f" rel material:binding = </World/{m}>\n }}\n"
        for n, i, m in (("a", 0, "Red"), ("b", 2, "Blue"), ("c", 4, "Red"))
    )
    body = f'def Xform "World"\n{{\n def Mesh "Box"\n {{ {cube}\n{subsets} }}\n'
    body += material.format("Red") + material.format("Blue") + "}\n"
    body = body.replace('def Shader "S" {', 'def Shader "S"\n {').replace("\n }\n }\n", "\n }\n }\n")
    made = export(stage(body))
    box = made.models()["Box"]
    used = [o.name for o in made.document.children(box, "Material")]
    assert sorted(used) == ["Blue", "Red"]
    layer = made.document.of_kind("Geometry")[0].record.child("LayerElementMaterial")
    slots = made.document.array(layer, "Materials", int)
    assert [used[s] for s in slots] == ["Red", "Red", "Blue", "Blue", "Red", "Red"]


def test_a_sheared_transform_is_kept_exactly(stage: Stage, export: Callable, cube: str) -> None:
    body = f"""def Xform "World"
{{
  def Mesh "Box"
  {{ {cube}
    matrix4d xformOp:transform = ((1, 0.5, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (3, 0, 0, 1))
    uniform token[] xformOpOrder = ["xformOp:transform"]
  }}
}}
"""
    made = export(stage(body))
    from pipeline.exporters.fbx.keys import compose
    from pipeline.importers.fbx.nodes import local

    chain, model = np.eye(4), made.models()["Box"]
    while True:
        t, q, s = local(model)
        chain = chain @ compose(t, q, s)
        above = made.parent(model)
        if not above:
            break
        model = made.models()[above]
    expected = [[1, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [3, 0, 0, 1]]
    assert np.allclose(chain, expected, atol=1e-9)


def test_names_of_any_script(stage: Stage, export: Callable, cube: str) -> None:
    made = export(stage(f'def Xform "World"\n{{\n def Mesh "Würfel_茶"\n {{ {cube} }}\n}}\n'))
    assert "Würfel_茶" in made.models()


def test_version_7500_has_the_same_content(stage: Stage, export: Callable, cube: str) -> None:
    made = export(stage(f'def Mesh "World"\n{{ {cube} }}\n'), FbxOptions(version=7500))
    assert made.version == 7500
    assert made.document.rows(made.document.of_kind("Geometry")[0].record, "Vertices", 3).shape == (8, 3)


def test_an_older_file_stays_when_the_new_one_cannot_be_written(
    stage: Stage, tmp_path: Path, cube: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.errors import ExportError
    from pipeline.exporters.fbx import write_fbx, writer
    from pipeline.usd.scene import read_scene

    out = tmp_path / "old.fbx"
    out.write_bytes(b"old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer.Document, "write", full)
    with pytest.raises(ExportError, match="No space left"):
        write_fbx(read_scene(stage(f'def Mesh "World"\n{{ {cube} }}\n')), out)
    assert out.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["old.fbx", "stage.usda"]
