# SPDX-License-Identifier: Apache-2.0
"""glTF as the specification says, from files made by hand."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from pxr import Usd, UsdGeom, UsdShade, UsdSkel

from pipeline.errors import ImportRefused

SQUARE = ([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])


def png(tmp_path: Path, color: tuple[int, int, int]) -> bytes:
    path = tmp_path / "made.png"
    out = oiio.ImageOutput.create(str(path))
    out.open(str(path), oiio.ImageSpec(2, 2, 3, "uint8"))
    out.write_image(np.full((2, 2, 3), color, np.uint8))
    out.close()
    return path.read_bytes()


def shader(stage: Usd.Stage, material: str) -> UsdShade.Shader:
    return UsdShade.Material(stage.GetPrimAtPath(f"/Asset/mtl/{material}")).ComputeSurfaceSource()[0]


def source_of(surface: UsdShade.Shader, name: str) -> tuple[UsdShade.Shader, str]:
    api, output, _ = surface.GetInput(name).GetConnectedSource()
    return UsdShade.Shader(api.GetPrim()), output


def test_hierarchy_names_and_transforms(glb: Any, bring_in: Any, points_of: Any) -> None:
    half = math.sqrt(0.5)
    child = glb.node(name="Tür (links)", mesh=glb.mesh(*SQUARE, name="leaf"), translation=[1, 2, 3], scale=[2, 2, 2])
    glb.node(name="Haus", children=[child], rotation=[0, half, 0, half])  # 90 degrees about Y: x to -z, z to x
    report, stage = bring_in(glb.bytes())
    door = stage.GetPrimAtPath("/Asset/geo/Haus/Tur_links")
    assert door.GetDisplayName() == "Tür (links)"
    assert report.renamed["/Asset/geo/Haus/Tur_links"] == "Tür (links)"
    local = np.array(SQUARE[0]) * 2 + [1, 2, 3]
    expected = np.stack([local[:, 2], local[:, 1], -local[:, 0]], axis=1)
    assert points_of(stage, str(door.GetPath())) == pytest.approx(expected, abs=1e-6)
    assert report.bounds_m == pytest.approx(np.array([expected.min(0), expected.max(0)]), abs=1e-6)
    assert (report.meshes, report.triangles, report.vertices) == (1, 2, 4)


def test_texture_coordinates_are_turned_over_and_named(glb: Any, bring_in: Any) -> None:
    uv0, uv1 = [[0, 0], [1, 0], [1, 1], [0, 0.25]], [[0.5, 0.5]] * 4
    attributes = {"TEXCOORD_0": glb.accessor(uv0), "TEXCOORD_1": glb.accessor(uv1)}
    glb.node(mesh=glb.mesh(*SQUARE, attributes=attributes))
    report, stage = bring_in(glb.bytes())
    api = UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/Asset/geo/node_0"))
    assert report.uv_sets == 2
    assert np.asarray(api.GetPrimvar("st").Get()) == pytest.approx(np.array([[0, 1], [1, 1], [1, 0], [0, 0.75]]))
    assert np.asarray(api.GetPrimvar("st1").Get()) == pytest.approx(np.array(uv1))


def test_strips_and_fans(glb: Any, bring_in: Any) -> None:
    points = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]
    strip = glb.mesh(points, [0, 1, 2, 3], mode=5)
    fan = glb.mesh(points, [0, 1, 3, 2], mode=6)
    glb.node(name="strip", mesh=strip)
    glb.node(name="fan", mesh=fan)
    _, stage = bring_in(glb.bytes())
    # both wound counter-clockwise seen from +z: every normal is +z
    for name in ("strip", "fan"):
        mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Asset/geo/{name}"))
        p = np.asarray(mesh.GetPointsAttr().Get())[np.asarray(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)]
        z = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])[:, 2]
        assert z == pytest.approx([1, 1])


def test_primitives_of_one_mesh_become_subsets(glb: Any, bring_in: Any) -> None:
    red = glb.add("materials", name="red")
    blue = glb.add("materials", name="blue", doubleSided=True)
    points, faces = SQUARE
    index = glb.mesh(points, faces[:1], material=red)
    second = glb.mesh(points, faces[1:], material=blue)
    glb.json["meshes"][index]["primitives"] += glb.json["meshes"].pop(second)["primitives"]
    glb.node(name="wall", mesh=index)
    report, stage = bring_in(glb.bytes())
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/wall"))
    assert (report.meshes, report.triangles, report.materials) == (1, 2, 2)
    subsets = {s.GetPrim().GetName(): list(s.GetIndicesAttr().Get()) for s in UsdGeom.Subset.GetAllGeomSubsets(mesh)}
    assert subsets == {"red": [0], "blue": [1]}
    bound = UsdShade.MaterialBindingAPI(stage.GetPrimAtPath("/Asset/geo/wall/blue")).ComputeBoundMaterial()[0]
    assert bound.GetPath() == "/Asset/mtl/blue"
    assert mesh.GetDoubleSidedAttr().Get() is True


def test_one_mesh_on_many_nodes_is_stored_once(glb: Any, bring_in: Any, points_of: Any) -> None:
    mesh = glb.mesh(*SQUARE)
    for i in range(50):
        glb.node(name=f"copy{i}", mesh=mesh, translation=[i * 2, 0, 0])
    report, stage = bring_in(glb.bytes())
    assert (report.meshes, report.triangles) == (50, 100)
    assert points_of(stage, "/Asset/geo/copy49")[:, 0].tolist() == [98, 99, 99, 98]
    assert points_of(stage, "/Asset/geo/copy0")[:, 0].tolist() == [0, 1, 1, 0]
    specs = [stage.GetRootLayer().GetAttributeAtPath(f"/Asset/geo/copy{i}.points") for i in range(50)]
    assert sum(s is not None for s in specs) == 1


def test_gpu_instances_become_parts(glb: Any, bring_in: Any) -> None:
    shifts = glb.accessor([[0, 0, 0], [5, 0, 0], [0, 7, 0]])
    instancing = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": shifts}}}
    glb.node(name="tile", mesh=glb.mesh(*SQUARE), extensions=instancing)
    glb.json["extensionsRequired"] = ["EXT_mesh_gpu_instancing"]
    report, _ = bring_in(glb.bytes())
    assert report.meshes == 3
    assert report.bounds_m == ((0, 0, 0), (6, 8, 0))


def test_pbr_materials_and_their_textures(glb: Any, bring_in: Any, tmp_path: Path) -> None:
    images = [glb.add("images", bufferView=glb.view(png(tmp_path, c)), mimeType="image/png", name=n)
              for n, c in (("wood", (200, 100, 50)), ("orm", (0, 100, 200)), ("bumps", (128, 128, 255)))]  # fmt: skip
    sampler = glb.add("samplers", wrapS=33071, wrapT=33648)
    base, orm, normal = (glb.add("textures", source=i, sampler=sampler) for i in images)
    theta = 0.3
    moved = {"KHR_texture_transform": {"offset": [0.1, 0.2], "rotation": theta, "scale": [2, 3]}}
    glb.add(
        "materials", name="Wood", alphaMode="MASK", alphaCutoff=0.25, emissiveFactor=[1, 0.5, 0],
        pbrMetallicRoughness={
            "baseColorFactor": [0.5, 1, 1, 0.75], "baseColorTexture": {"index": base, "extensions": moved},
            "metallicFactor": 0.5, "roughnessFactor": 0.25, "metallicRoughnessTexture": {"index": orm},
        },
        normalTexture={"index": normal}, occlusionTexture={"index": orm, "strength": 0.5},
        extensions={"KHR_materials_emissive_strength": {"emissiveStrength": 4}, "KHR_materials_ior": {"ior": 1.33},
                    "KHR_materials_sheen": {}},
    )  # fmt: skip
    uv = {"TEXCOORD_0": glb.accessor([[0, 0], [1, 0], [1, 1], [0, 1]])}
    glb.node(name="w", mesh=glb.mesh(*SQUARE, attributes=uv, material=0))
    report, stage = bring_in(glb.bytes())
    surface = shader(stage, "Wood")
    assert [x.what for x in report.losses] == ["KHR_materials_sheen"]
    assert report.textures == 3
    node, output = source_of(surface, "diffuseColor")
    assert output == "rgb"
    assert node.GetInput("sourceColorSpace").Get() == "sRGB"
    assert (node.GetInput("wrapS").Get(), node.GetInput("wrapT").Get()) == ("clamp", "mirror")
    assert tuple(node.GetInput("scale").Get()) == pytest.approx((0.5, 1, 1, 0.75))
    assert node.GetInput("file").Get().path == "textures/wood.png"
    metal, output = source_of(surface, "metallic")
    assert output == "b"
    assert metal.GetInput("sourceColorSpace").Get() == "raw"
    rough, output = source_of(surface, "roughness")
    assert output == "g"
    assert rough.GetPrim() == metal.GetPrim()
    occlusion, output = source_of(surface, "occlusion")
    assert output == "r"
    # one node serves all three channels: occlusion 1 + 0.5 (t - 1), roughness 0.25, metallic 0.5
    assert tuple(occlusion.GetInput("scale").Get()) == pytest.approx((0.5, 0.25, 0.5, 1))
    assert tuple(occlusion.GetInput("bias").Get()) == pytest.approx((0.5, 0, 0, 0))
    bumps, _ = source_of(surface, "normal")
    assert tuple(bumps.GetInput("scale").Get()) == (2, 2, 2, 1)
    assert tuple(bumps.GetInput("bias").Get()) == (-1, -1, -1, 0)
    assert surface.GetInput("opacityThreshold").Get() == 0.25
    assert tuple(surface.GetInput("emissiveColor").Get()) == (4, 2, 0)
    assert surface.GetInput("ior").Get() == pytest.approx(1.33)
    transform, _ = source_of(node, "st")
    t, r, s = (transform.GetInput(n).Get() for n in ("translation", "rotation", "scale"))
    # a point goes the same way through both: glTF's T R S with v down, UsdTransform2d's scale, rotate, move with v up
    for u, v in ((0.0, 0.0), (0.7, 0.2)):
        x, y = 2 * u, 3 * v
        there = (x * math.cos(theta) + y * math.sin(theta) + 0.1, -x * math.sin(theta) + y * math.cos(theta) + 0.2)
        x, y, a = s[0] * u, s[1] * (1 - v), math.radians(r)
        here = (x * math.cos(a) - y * math.sin(a) + t[0], x * math.sin(a) + y * math.cos(a) + t[1])
        assert here == pytest.approx((there[0], 1 - there[1]), abs=1e-5)


def test_opaque_materials_ignore_alpha_and_vertex_colours_show(glb: Any, bring_in: Any) -> None:
    glb.add("materials", name="plain", pbrMetallicRoughness={"baseColorFactor": [1, 1, 1, 0.3]})
    color = {"COLOR_0": glb.accessor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [51, 51, 51]], "u1", normalized=True)}
    glb.node(name="c", mesh=glb.mesh(*SQUARE, attributes=color, material=0))
    _, stage = bring_in(glb.bytes())
    assert not shader(stage, "plain").GetInput("opacity")
    reader, _ = source_of(shader(stage, "plain"), "diffuseColor")
    assert reader.GetIdAttr().Get() == "UsdPrimvarReader_float3"
    shown = UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/Asset/geo/c")).GetPrimvar("displayColor")
    assert np.asarray(shown.Get())[3] == pytest.approx([0.2, 0.2, 0.2])


def test_data_uris_and_files_beside_it(glb: Any, bring_in: Any, tmp_path: Path) -> None:
    glb.add("images", uri="data:image/png;base64," + base64.b64encode(png(tmp_path, (1, 2, 3))).decode())
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a b.png").write_bytes(png(tmp_path, (9, 9, 9)))
    glb.add("images", uri="sub/a%20b.png")
    for i in (0, 1):
        glb.add("textures", source=i)
        glb.add("materials", name=f"m{i}", pbrMetallicRoughness={"baseColorTexture": {"index": i}})
        glb.node(name=f"n{i}", mesh=glb.mesh(*SQUARE, material=i))
    document = glb
    document.bytes()
    document.json["buffers"] = [{"byteLength": len(glb.binary), "uri": "geometry.bin"}]
    (tmp_path / "geometry.bin").write_bytes(glb.binary)
    report, _ = bring_in(json.dumps(document.json), "model.gltf")
    assert (report.textures, report.losses) == (2, [])
    assert "textures/a_b.png" in report.file_digests


@pytest.mark.parametrize(
    "uri", ["../secret.png", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/a.png", "pipe.png"]
)
def test_pictures_elsewhere_are_lost_and_said(glb: Any, bring_in: Any, tmp_path: Path, uri: str) -> None:
    import os

    (tmp_path.parent / "secret.png").write_bytes(png(tmp_path, (1, 1, 1)))
    os.mkfifo(tmp_path / "pipe.png")
    glb.add("images", uri=uri)
    glb.add("textures", source=0)
    glb.add("materials", name="m", pbrMetallicRoughness={"baseColorTexture": {"index": 0}})
    glb.node(mesh=glb.mesh(*SQUARE, material=0))
    report, _ = bring_in(glb.bytes())
    assert report.textures == 0
    assert [x.what for x in report.losses] == ["texture of diffuseColor"]
    assert list(report.file_digests) == ["payload.usdc"]


def test_skin_and_clip_move_as_gltf_says(glb: Any, bring_in: Any) -> None:
    """A bar of two joints; the upper one bends 90 degrees about Z in one second, and grows."""
    points = [[0, 0, 0], [0, 1, 0], [0, 2, 0], [0.5, 2, 0]]
    inverse = np.array([np.eye(4), np.eye(4)])
    inverse[1, 3, :3] = [0, -1, 0]
    half = math.sqrt(0.5)
    upper = glb.node(name="upper", translation=[0, 1, 0])
    lower = glb.node(name="lower", children=[upper])
    armature = glb.node(name="armature", children=[lower], translation=[3, 0, 0])
    binds = glb.accessor(inverse[::-1].reshape(2, 16))
    skin = glb.add("skins", name="rig", joints=[upper, lower], inverseBindMatrices=binds)
    attributes = {
        "JOINTS_0": glb.accessor([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], "u1"),
        "WEIGHTS_0": glb.accessor([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]),
    }
    mesh = glb.mesh(points, [[0, 1, 3], [1, 2, 3]], attributes=attributes)
    glb.node(name="bar", mesh=mesh, skin=skin, translation=[100, 0, 0])  # a skinned mesh's own node counts for nothing
    times = glb.accessor([0, 1])
    turn = glb.accessor([[0, 0, 0, 1], [0, 0, half, half]])
    grow = glb.accessor([[1, 1, 1], [1, 2, 1]])
    glb.add(
        "animations", name="bend",
        samplers=[{"input": times, "output": turn}, {"input": times, "output": grow}],
        channels=[{"sampler": 0, "target": {"node": upper, "path": "rotation"}},
                  {"sampler": 1, "target": {"node": lower, "path": "scale"}}],
    )  # fmt: skip
    report, stage = bring_in(glb.bytes(roots=[armature, 3]))
    assert (report.joints, report.clips) == (2, ["bend"])
    assert report.bounds_m == ((3, 0, 0), (3.5, 2, 0))  # where the joints carry it at rest, not where its points lie
    skeleton = UsdSkel.Skeleton(stage.GetPrimAtPath("/Asset/geo/rig"))
    assert list(skeleton.GetJointsAttr().Get()) == ["lower", "lower/upper"]
    cache = UsdSkel.Cache()
    root = UsdSkel.Root(stage.GetPrimAtPath("/Asset/geo"))
    cache.Populate(root, Usd.PrimDefaultPredicate)
    prim = stage.GetPrimAtPath("/Asset/geo/bar")
    query = cache.GetSkinningQuery(prim)
    for seconds in (0.0, 0.5, 1.0):
        xforms = cache.GetSkelQuery(skeleton).ComputeSkinningTransforms(seconds * stage.GetTimeCodesPerSecond())
        moved = UsdGeom.Mesh(prim).GetPointsAttr().Get()
        assert query.ComputeSkinnedPoints(xforms, moved, seconds)
        a = math.radians(90) * seconds
        bend = np.array(
            [[math.cos(a), math.sin(a), 0, 0], [-math.sin(a), math.cos(a), 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]]
        )
        tall = np.diag([1, 1 + seconds, 1, 1])
        place = np.eye(4)
        place[3, 0] = 3
        at_lower = tall @ place
        at_upper = bend @ at_lower
        p = np.c_[np.array(points), np.ones(4)]
        below, above = p @ inverse[0] @ at_lower, p @ inverse[1] @ at_upper
        expected = np.array([below[0], (below[1] + above[1]) / 2, above[2], above[3]])[:, :3]
        assert np.asarray(moved) == pytest.approx(expected, abs=2e-3 if seconds else 1e-5)


def test_node_animation_keeps_times_and_steps(glb: Any, bring_in: Any) -> None:
    node = glb.node(name="door", mesh=glb.mesh(*SQUARE))
    times = glb.accessor([0, 0.25, 1])
    glb.add(
        "animations", name="open",
        samplers=[{"input": times, "output": glb.accessor([[0, 0, 0], [1, 0, 0], [4, 0, 0]])},
                  {"input": times, "output": glb.accessor([[1, 1, 1], [2, 2, 2], [3, 3, 3]]), "interpolation": "STEP"}],
        channels=[{"sampler": 0, "target": {"node": node, "path": "translation"}},
                  {"sampler": 1, "target": {"node": node, "path": "scale"}}],
    )  # fmt: skip
    _, stage = bring_in(glb.bytes())
    rate = stage.GetTimeCodesPerSecond()
    assert stage.GetEndTimeCode() == rate
    xform = UsdGeom.Xformable(stage.GetPrimAtPath("/Asset/geo/door"))
    for seconds, x, scale in ((0, 0, 1), (0.125, 0.5, 1), (0.24, 0.96, 1), (0.25, 1, 2), (0.99, 3.96, 2), (1, 4, 3)):
        matrix = xform.GetLocalTransformation(seconds * rate)
        assert matrix[3][0] == pytest.approx(x, abs=1e-5)
        assert matrix[0][0] == pytest.approx(scale, abs=1e-4)


def test_cubic_splines_follow_the_curve(glb: Any, bring_in: Any) -> None:
    node = glb.node(name="ball", mesh=glb.mesh(*SQUARE))
    # from 0 to 1 in one second with slopes 2 and 0 (Hermite): at 0.5 it is 0.5 + 0.125 * 2
    keys = np.array([[[0, 0, 0], [0, 0, 0], [2, 0, 0]], [[0, 0, 0], [1, 0, 0], [0, 0, 0]]], float)
    sampler = {
        "input": glb.accessor([0, 1]),
        "output": glb.accessor(keys.reshape(6, 3)),
        "interpolation": "CUBICSPLINE",
    }
    moves = {"sampler": 0, "target": {"node": node, "path": "translation"}}
    glb.add("animations", samplers=[sampler], channels=[moves])
    _, stage = bring_in(glb.bytes())
    xform = UsdGeom.Xformable(stage.GetPrimAtPath("/Asset/geo/ball"))
    rate = stage.GetTimeCodesPerSecond()
    assert xform.GetLocalTransformation(0.5 * rate)[3][0] == pytest.approx(0.75, abs=1e-3)


def test_blend_shapes_and_their_weights(glb: Any, bring_in: Any) -> None:
    target = {"POSITION": glb.accessor([[0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])}
    mesh = glb.mesh(*SQUARE, targets=[target])
    glb.json["meshes"][mesh]["extras"] = {"targetNames": ["Lächeln"]}
    node = glb.node(name="face", mesh=mesh)
    sampler = {"input": glb.accessor([0, 1]), "output": glb.accessor([0, 1])}
    glb.add("animations", samplers=[sampler], channels=[{"sampler": 0, "target": {"node": node, "path": "weights"}}])
    report, stage = bring_in(glb.bytes())
    assert report.blend_shapes == 1
    binding = UsdSkel.BindingAPI(stage.GetPrimAtPath("/Asset/geo/face"))
    assert list(binding.GetBlendShapesAttr().Get()) == ["Lacheln"]
    shape = UsdSkel.BlendShape(stage.GetPrimAtPath(binding.GetBlendShapeTargetsRel().GetTargets()[0]))
    assert list(shape.GetPointIndicesAttr().Get()) == [1]
    assert np.asarray(shape.GetOffsetsAttr().Get()).tolist() == [[0, 0, 1]]
    skeleton = UsdSkel.Skeleton(stage.GetPrimAtPath(binding.GetSkeletonRel().GetTargets()[0]))
    cache = UsdSkel.Cache()
    cache.Populate(UsdSkel.Root(stage.GetPrimAtPath("/Asset/geo")), Usd.PrimDefaultPredicate)
    weights = cache.GetSkelQuery(skeleton).GetAnimQuery().ComputeBlendShapeWeights(stage.GetTimeCodesPerSecond() / 2)
    assert np.asarray(weights) == pytest.approx([0.5])


def test_sparse_accessors(triangle: Any, bring_in: Any) -> None:
    rows, values = triangle.view(np.array([1], "<u2").tobytes()), triangle.view(np.array([[5, 0, 0]], "<f4").tobytes())
    triangle.json["accessors"][0]["sparse"] = {
        "count": 1, "indices": {"bufferView": rows, "componentType": 5123}, "values": {"bufferView": values},
    }  # fmt: skip
    report, _ = bring_in(triangle.bytes())
    assert report.bounds_m == ((0, 0, 0), (5, 1, 0))


def test_quantised_positions(glb: Any, bring_in: Any) -> None:
    position = glb.accessor([[0, 0, 0, 0], [32767, 0, 0, 0], [0, 32767, 0, 0]], "i2", normalized=True)
    glb.json["accessors"][position]["type"] = "VEC3"
    glb.json["bufferViews"][0]["byteStride"] = 8
    indices = glb.accessor([0, 1, 2], "u1")
    glb.add("meshes", primitives=[{"attributes": {"POSITION": position}, "indices": indices}])
    glb.node(mesh=0, scale=[3, 3, 3])
    glb.json["extensionsRequired"] = ["KHR_mesh_quantization"]
    report, _ = bring_in(glb.bytes())
    assert report.bounds_m == ((0, 0, 0), (3, 3, 0))


def test_draco(glb: Any, bring_in: Any, points_of: Any) -> None:
    draco = pytest.importorskip("DracoPy")
    points = np.array(SQUARE[0], np.float32)
    packed = draco.encode(points, np.array(SQUARE[1], np.uint32), quantization_bits=16, preserve_order=True)
    view = glb.view(packed)
    position = glb.add("accessors", componentType=5126, count=4, type="VEC3")
    indices = glb.add("accessors", componentType=5125, count=6, type="SCALAR")
    ids = draco.decode(packed).attributes
    extension = {"bufferView": view, "attributes": {"POSITION": ids[0]["unique_id"]}}
    primitive = {"attributes": {"POSITION": position}, "indices": indices,
                 "extensions": {"KHR_draco_mesh_compression": extension}}  # fmt: skip
    glb.node(name="d", mesh=glb.add("meshes", primitives=[primitive]))
    glb.json["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    report, stage = bring_in(glb.bytes())
    assert report.triangles == 2
    assert points_of(stage, "/Asset/geo/d") == pytest.approx(points, abs=1e-4)


def test_meshopt(glb: Any, bring_in: Any, points_of: Any) -> None:
    meshoptimizer = pytest.importorskip("meshoptimizer")
    points = np.array(SQUARE[0], np.float32)
    faces = np.array(SQUARE[1], np.uint32).reshape(-1)
    told = []
    for data, count, stride, mode in (
        (meshoptimizer.encode_vertex_buffer(points, 4, 12), 4, 12, "ATTRIBUTES"),
        (meshoptimizer.encode_index_buffer(faces, 6, 4), 6, 4, "TRIANGLES"),
    ):
        packed = glb.view(bytes(data))
        inner = {**glb.json["bufferViews"][packed], "count": count, "byteStride": stride, "mode": mode}
        told.append(glb.add("bufferViews", buffer=1, byteOffset=0, byteLength=count * stride,
                            extensions={"EXT_meshopt_compression": inner}))  # fmt: skip
    position = glb.add("accessors", bufferView=told[0], componentType=5126, count=4, type="VEC3")
    indices = glb.add("accessors", bufferView=told[1], componentType=5125, count=6, type="SCALAR")
    mesh = glb.add("meshes", primitives=[{"attributes": {"POSITION": position}, "indices": indices}])
    glb.node(name="m", mesh=mesh)
    glb.json["extensionsRequired"] = ["EXT_meshopt_compression"]
    report, stage = bring_in(glb.bytes())
    assert report.triangles == 2
    assert points_of(stage, "/Asset/geo/m") == pytest.approx(points)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda j: j["accessors"][0].update(count=1000), "cut short"),
        (lambda j: j["bufferViews"][0].update(byteOffset=1 << 40), "cut short"),
        (lambda j: j["bufferViews"][0].update(byteOffset=-4), "cut short"),
        (lambda j: j["meshes"][0]["primitives"][0].update(indices=99), "bad index"),
        (lambda j: j["meshes"][0]["primitives"][0].update(material=3), "material"),
        (lambda j: j["nodes"][0].update(mesh=7), "bad index"),
        (lambda j: j["nodes"][0].update(children=[0]), "parent"),
        (lambda j: j["nodes"][0].update(translation=[1, 2]), "transform"),
        (lambda j: j["nodes"][0].update(translation=["a", 2, 3]), "transform"),
        (lambda j: j.update(extensionsRequired=["FB_ngon_magic"]), "FB_ngon_magic"),
        (lambda j: j["asset"].update(version="1.0"), "1.0"),
        (lambda j: j.update(nodes=[]), "bad index|no faces"),
        (lambda j: j.update(meshes="what"), "is no object"),
        (lambda j: j["accessors"][0].update(componentType=77), "component type"),
    ],
)
def test_broken_files_are_refused_with_a_reason(triangle: Any, bring_in: Any, change: Any, message: str) -> None:
    triangle.bytes()
    change(triangle.json)
    with pytest.raises(ImportRefused, match=message):
        bring_in(triangle.bytes())


def test_an_index_beyond_the_points_and_nan(glb: Any, bring_in: Any) -> None:
    glb.node(mesh=glb.mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 3]]))
    with pytest.raises(ImportRefused, match="1 indices that name no point"):
        bring_in(glb.bytes())
    other = type(glb)()
    other.node(mesh=other.mesh([[0, 0, 0], [float("nan"), 0, 0], [0, 1, 0]], [[0, 1, 2]]))
    with pytest.raises(ImportRefused, match="1 of 3 points"):
        bring_in(other.bytes())


def test_every_truncation_is_refused(triangle: Any, bring_in: Any) -> None:
    data = triangle.bytes()
    for length in range(4, len(data) - 4, 61):
        with pytest.raises(ImportRefused):
            bring_in(data[:length])


def test_degenerate_and_duplicate_faces_stay(glb: Any, bring_in: Any) -> None:
    faces = [[0, 1, 2], [0, 1, 2], [2, 2, 3], [0, 2, 3]]
    glb.node(name="bad", mesh=glb.mesh(SQUARE[0], faces))
    _, stage = bring_in(glb.bytes())
    kept = UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/bad")).GetFaceVertexIndicesAttr().Get()
    assert np.asarray(kept).reshape(-1, 3).tolist() == faces
