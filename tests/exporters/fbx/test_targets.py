# SPDX-License-Identifier: Apache-2.0
"""What engines ask: names, hulls, sockets, levels of detail, materials, textures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.exporters.fbx import FbxOptions, options_of, write_fbx
from pipeline.exporters.targets import load_target
from pipeline.usd.scene import Mesh, Node, Scene

Stage = Callable[..., Path]


def png(path: Path, pixels: np.ndarray) -> Path:
    """A PNG by hand: `(height, width, channels) uint8`, channels 1, 3 or 4."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    return path


def test_unreal_names_hulls_and_sockets(stage: Stage, export: Callable, cube: str) -> None:
    body = f"""def Xform "World"
{{
  double3 xformOp:translate = (1, 0, 0)
  uniform token[] xformOpOrder = ["xformOp:translate"]
  def Mesh "Seat"
  {{ {cube} }}
  def Xform "socket_Hand"
  {{
    double3 xformOp:translate = (0, 2, 0)
    uniform token[] xformOpOrder = ["xformOp:translate"]
  }}
}}
"""
    made = export(stage(body), options_of(load_target("unreal")))
    models = made.models()
    assert {"SM_Seat", "UCX_SM_Seat_01", "SOCKET_Hand"} <= set(models)
    assert made.parent(models["UCX_SM_Seat_01"]) == ""
    assert made.parent(models["SOCKET_Hand"]) == "SM_Seat"
    hull = made.document.children(models["UCX_SM_Seat_01"], "Geometry")[0].record
    points = made.document.rows(hull, "Vertices", 3)
    assert np.ptp(points, axis=0).tolist() == [200, 200, 200]
    assert models["UCX_SM_Seat_01"].vector("Lcl Translation", (0, 0, 0)) == pytest.approx([100, 0, 0])
    assert models["SOCKET_Hand"].vector("Lcl Translation", (0, 0, 0)) == pytest.approx([0, 0, 200])


def scene_with_levels() -> Scene:
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.float32)
    mesh = Mesh("Box", "/Box", points, np.array([3], np.int32), np.arange(3, dtype=np.int32))
    move = np.eye(4)
    move[3, 0] = 4
    nodes = (
        Node("Box", "/Box", matrix=move, mesh=0, lods=(1, 2)),
        Node("Box_1", "/Box_1", matrix=move, mesh=0, lod=1),
        Node("Box_2", "/Box_2", matrix=move, mesh=0, lod=2),
    )
    return Scene("s", "s", nodes, (mesh,), ())


@pytest.mark.parametrize("how", ["attribute", "property"])
def test_levels_of_detail_are_children_of_a_group(tmp_path: Path, how: str) -> None:
    from pipeline.importers.fbx.document import Document
    from pipeline.importers.fbx.records import Reader
    from pipeline.importers.scene import Source

    out = tmp_path / "lod.fbx"
    write_fbx(scene_with_levels(), out, FbxOptions(lod_groups=how))  # type: ignore[arg-type]
    reader = Reader(Source(out), out.read_bytes())
    document = Document(Source(out), reader.root(), reader)
    models = {o.name: o for o in document.of_kind("Model")}
    group = models["Box_LODs"]
    children = [o.name for o in document.children(group, "Model")]
    assert children == ["Box_LOD0", "Box_LOD1", "Box_LOD2"]
    assert models["Box_LOD2"].vector("Lcl Translation", (0, 0, 0)).tolist() == [4, 0, 0]
    if how == "property":
        assert group.properties["fbx_type"] == ["LodGroup"]
    else:
        attribute = document.children(group, "NodeAttribute")[0]
        assert attribute.subclass == group.subclass == "LodGroup"
        assert [attribute.number(f"Thresholds|Level{i}", 0) for i in range(2)] == [50, 25]


def textured(tmp_path: Path, stage: Stage, cube: str) -> Path:
    png(tmp_path / "base.png", np.full((4, 4, 3), 200, np.uint8))
    packed = np.zeros((4, 4, 3), np.uint8)
    packed[..., 0], packed[..., 1], packed[..., 2] = 10, 20, 30
    png(tmp_path / "orm.png", packed)
    shader = """
    def Shader "{0}"
    {{
      uniform token info:id = "UsdUVTexture"
      asset inputs:file = @{1}@
      token inputs:wrapS = "clamp"
      float2 inputs:st.connect = </World/Mat/Move.outputs:result>
      float3 outputs:rgb
      float outputs:g
      float outputs:b
    }}
"""
    return stage(
        f"""def Xform "World"
{{
  def Mesh "Box" (prepend apiSchemas = ["MaterialBindingAPI"])
  {{ {cube}
    rel material:binding = </World/Mat>
    texCoord2f[] primvars:st = [(0,0)] (interpolation = "constant")
  }}
  def Material "Mat"
  {{
    token outputs:surface.connect = </World/Mat/S.outputs:surface>
    def Shader "S"
    {{
      uniform token info:id = "UsdPreviewSurface"
      color3f inputs:diffuseColor.connect = </World/Mat/Base.outputs:rgb>
      float inputs:roughness.connect = </World/Mat/Orm.outputs:g>
      float inputs:metallic.connect = </World/Mat/Orm.outputs:b>
      color3f inputs:emissiveColor.connect = </World/Mat/Gone.outputs:rgb>
      float inputs:clearcoat = 0.25
      token outputs:surface
    }}
    def Shader "Move"
    {{
      uniform token info:id = "UsdTransform2d"
      float2 inputs:in.connect = </World/Mat/Read.outputs:result>
      float2 inputs:scale = (2, 3)
      float inputs:rotation = 30
      float2 inputs:translation = (0.25, 0.5)
      float2 outputs:result
    }}
    def Shader "Read"
    {{
      uniform token info:id = "UsdPrimvarReader_float2"
      string inputs:varname = "st"
      float2 outputs:result
    }}
    {shader.format("Base", "base.png")}{shader.format("Orm", "orm.png")}{shader.format("Gone", "gone.png")}
  }}
}}
"""
    )


@pytest.mark.parametrize(
    ("material", "base", "rough"),
    [
        ("gltf", "3dsMax|main|baseColorMap", "3dsMax|main|roughnessMap"),
        ("physical", "3dsMax|Parameters|base_color_map", "3dsMax|Parameters|roughness_map"),
        ("metal_rough", "3dsMax|main|base_color_map", "3dsMax|main|roughness_map"),
    ],
)
def test_maps_go_where_readers_look(
    tmp_path: Path, stage: Stage, export: Callable, cube: str, material: str, base: str, rough: str
) -> None:
    made = export(textured(tmp_path, stage, cube), FbxOptions(material=material))  # type: ignore[arg-type]
    document = made.document
    m = document.of_kind("Material")[0]
    maps = {x.property: x.object for x in document.into[m.id] if x.object.kind == "Texture"}
    assert {base, rough, "DiffuseColor"} <= set(maps)
    assert maps[base] is maps["DiffuseColor"]
    texture = maps[base]
    assert texture.vector("Scaling", (1, 1, 1)).tolist() == [2, 3, 1]
    assert texture.vector("Rotation", (0, 0, 0)).tolist() == [0, 0, 30]
    assert texture.vector("Translation", (0, 0, 0)).tolist() == [0.25, 0.5, 0]
    assert [texture.number("WrapModeU", 9), texture.number("WrapModeV", 9)] == [1, 0]
    video = document.children(texture, "Video")[0]
    assert bytes(video.record.value("Content")) == (tmp_path / "base.png").read_bytes()
    lost = {(x.prim, x.what) for x in made.told.losses}
    assert not any("Box" in prim for prim, _ in lost)


def test_a_packed_channel_becomes_a_picture_of_its_own(
    tmp_path: Path, stage: Stage, export: Callable, cube: str
) -> None:
    import OpenImageIO as oiio

    made = export(textured(tmp_path, stage, cube))
    document = made.document
    m = document.of_kind("Material")[0]
    for slot, value in (("roughness", 20), ("metalness", 30)):
        texture = next(x.object for x in document.into[m.id] if x.property == f"3dsMax|Parameters|{slot}_map")
        file = tmp_path / f"{slot}.png"
        file.write_bytes(bytes(document.children(texture, "Video")[0].record.value("Content")))
        pixels = oiio.ImageInput.open(str(file)).read_image("uint8")
        assert pixels.shape[2] == 1
        assert (pixels == value).all()
    kept = export(textured(tmp_path, stage, cube), FbxOptions(packed="keep"))
    assert len(kept.document.of_kind("Video")) == 2
    assert any("channel g" in x.what for x in kept.told.losses)


def test_copied_textures_lie_where_the_file_says(tmp_path: Path, stage: Stage, export: Callable, cube: str) -> None:
    made = export(textured(tmp_path, stage, cube), FbxOptions(textures="copy"))
    for video in made.document.of_kind("Video"):
        assert (tmp_path / video.record.value("RelativeFilename")).is_file()
        assert video.record.value("Content") is None


def test_every_lost_thing_names_its_prim(stage: Stage, export: Callable, cube: str) -> None:
    body = f"""def Xform "World"
{{
  def Mesh "Moving"
  {{ {cube}
    point3f[] points.timeSamples = {{
      1: [(-1,-1,-1), (1,-1,-1), (1,1,-1), (-1,1,-1), (-1,-1,1), (1,-1,1), (1,1,1), (-1,1,1)],
      2: [(-1,-1,-1), (1,-1,-1), (1,1,-1), (-1,1,-1), (-1,-1,1), (1,-1,1), (1,1,1), (-1,1,2)] }}
  }}
  def DomeLight "Sky"
  {{ }}
  def Points "Dots"
  {{ point3f[] points = [(0,0,0)] }}
}}
"""
    made = export(stage(body, more="  startTimeCode = 1\n  endTimeCode = 2\n"))
    lost = {x.prim: x.what for x in made.told.losses}
    assert lost["/World/Moving"] == "point animation"
    assert lost["/World/Sky"] == "dome light"
    assert lost["/World/Dots"] == "points"


def test_godot_hulls_hang_beneath_their_mesh(stage: Stage, export: Callable, cube: str) -> None:
    options = replace(options_of(load_target("godot")), max_hulls=4)
    made = export(stage(f'def Xform "World"\n{{\n def Mesh "Seat"\n {{ {cube} }}\n}}\n'), options)
    hull = made.models()["Seat_01-convcolonly"]
    assert made.parent(hull) == "Seat"


def test_influences_beyond_the_target_are_dropped_and_reported(tmp_path: Path) -> None:
    from pipeline.importers.fbx.document import Document
    from pipeline.importers.fbx.records import Reader
    from pipeline.importers.scene import Source
    from pipeline.usd.scene import Skeleton, Skin

    eye = np.tile(np.eye(4), (5, 1, 1))
    names = tuple(f"j{k}" for k in range(5))
    skeleton = Skeleton("S", "/S", names, names, np.full(5, -1, np.int32), eye, eye, eye)
    weights = np.array([[0.4, 0.3, 0.15, 0.1, 0.05]] * 3, np.float32)
    skin = Skin(np.tile(np.arange(5, dtype=np.int32), (3, 1)), weights, np.eye(4))
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.float32)
    mesh = Mesh("M", "/M", points, np.array([3], np.int32), np.arange(3, dtype=np.int32), skin=skin)
    nodes = (Node("S", "/S", skeleton=0), Node("M", "/M", mesh=0, skin_root=0))
    scene = Scene("s", "s", nodes, (mesh,), (), skeletons=(skeleton,))
    for most, count, first in ((0, 5, 0.4), (4, 4, 0.4 / 0.95)):
        out = tmp_path / f"{most}.fbx"
        told = write_fbx(scene, out, FbxOptions(max_influences=most))
        reader = Reader(Source(out), out.read_bytes())
        document = Document(Source(out), reader.root(), reader)
        clusters = {o.name: o.record for o in document.of_kind("Deformer") if o.subclass == "Cluster"}
        assert len(clusters) == count
        assert document.array(clusters["j0"], "Weights", float) == pytest.approx([first] * 3, rel=1e-5)
        assert [x.what for x in told.losses] == (["skin influences"] if most else [])


def test_levels_of_a_character_are_in_one_group_at_the_root(stage: Stage, tmp_path: Path) -> None:
    from pipeline.importers.fbx.document import Document
    from pipeline.importers.fbx.records import Reader
    from pipeline.importers.scene import Source
    from pipeline.usd.scene import Skeleton, Skin

    eye = np.eye(4)[None]
    skeleton = Skeleton("S", "/W/S", ("j",), ("j",), np.array([-1], np.int32), eye, eye, eye)
    skin = Skin(np.zeros((3, 1), np.int32), np.ones((3, 1), np.float32), np.eye(4))
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.float32)
    mesh = Mesh("M", "/W/M", points, np.array([3], np.int32), np.arange(3, dtype=np.int32), skin=skin)
    nodes = (
        Node("W", "/W"),
        Node("S", "/W/S", parent=0, skeleton=0),
        Node("M", "/W/M", parent=0, mesh=0, skin_root=1, lods=(3,)),
        Node("M_1", "/W/M", parent=0, mesh=0, skin_root=1, lod=1),
    )
    out = tmp_path / "lods.fbx"
    write_fbx(Scene("s", "s", nodes, (mesh,), (), skeletons=(skeleton,)), out)
    reader = Reader(Source(out), out.read_bytes())
    document = Document(Source(out), reader.root(), reader)
    models = {o.name: o for o in document.of_kind("Model")}
    assert set(models) == {"j", "M_LODs", "M_LOD0", "M_LOD1"}
    assert [o.name for o in document.children(models["M_LODs"], "Model")] == ["M_LOD0", "M_LOD1"]
