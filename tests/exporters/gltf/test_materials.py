# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pxr import Gf

from pipeline.exporters import export, load_target
from pipeline.exporters.gltf.textures import transform_extension
from pipeline.usd.scene import Texture, TextureTransform

number = st.floats(-3, 3)


@given(number, number, st.floats(-360, 360), number, number, st.floats(0, 1), st.floats(0, 1))
def test_a_texture_transform_reads_the_same_texel(
    sx: float, sy: float, turn: float, tx: float, ty: float, u: float, v: float
) -> None:
    texture = Texture("a", "a", transform=TextureTransform((sx, sy), turn, (tx, ty)))
    # UsdTransform2d: scale, then rotate anticlockwise, then translate
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    usd = (c * u * sx - s * v * sy + tx, s * u * sx + c * v * sy + ty)
    found = transform_extension(texture) or {}
    # KHR_texture_transform: offset + R(scale * uv) with R = [[c, s], [-s, c]], V from the top
    ox, oy = found.get("offset", (0, 0))
    gx, gy = found.get("scale", (1, 1))
    r = found.get("rotation", 0.0)
    x, y = u * gx, (1 - v) * gy
    gltf = (ox + math.cos(r) * x + math.sin(r) * y, oy - math.sin(r) * x + math.cos(r) * y)
    assert gltf[0] == pytest.approx(usd[0], abs=1e-6)
    assert 1 - gltf[1] == pytest.approx(usd[1], abs=1e-6)


def pixels(g: Any, info: dict[str, Any]) -> np.ndarray:
    texture = g.json["textures"][info["index"]]
    source = texture.get("source", texture.get("extensions", {}).get("EXT_texture_webp", {}).get("source"))
    return np.asarray(Image.open(io.BytesIO(g.image(source))))


def flat(*values: int) -> np.ndarray:
    return np.full((8, 8, len(values)), values, np.uint8)


def one(plot: Any, glb: Any, tmp_path: Path, textures: dict[str, Any], target: Any = None, **inputs: Any) -> Any:
    p = plot()
    p.bind(p.cube("/World/C"), p.material("/World/M", **inputs))
    for name, (file, channel, more) in textures.items():
        p.texture("/World/M", name, file, channel, **more)
    result = export(p.save(), tmp_path / "m.glb", target)
    g = glb(tmp_path / "m.glb")
    return g, g.json["materials"][0], result


def test_separate_maps_are_packed(plot: Any, glb: Any, picture: Any, tmp_path: Path) -> None:
    picture("rough.png", flat(40))
    picture("metal.png", flat(80))
    picture("ao.png", flat(120))
    raw = {"sourceColorSpace": "raw"}
    g, m, _ = one(plot, glb, tmp_path, {
        "roughness": ("rough.png", "r", raw), "metallic": ("metal.png", "r", raw), "occlusion": ("ao.png", "r", raw),
    })  # fmt: skip
    packed = pixels(g, m["pbrMetallicRoughness"]["metallicRoughnessTexture"])
    assert packed[0, 0].tolist() == [120, 40, 80]
    assert m["occlusionTexture"]["index"] == m["pbrMetallicRoughness"]["metallicRoughnessTexture"]["index"]
    assert len(g.json["images"]) == 1


def test_a_packed_map_is_taken_as_it_is(plot: Any, glb: Any, picture: Any, tmp_path: Path) -> None:
    file = picture("orm.png", flat(10, 20, 30))
    raw = {"sourceColorSpace": "raw"}
    g, m, _ = one(plot, glb, tmp_path, {
        "roughness": ("orm.png", "g", raw), "metallic": ("orm.png", "b", raw), "occlusion": ("orm.png", "r", raw),
    })  # fmt: skip
    assert len(g.json["images"]) == 1
    found = g.image(0)
    assert pixels(g, m["occlusionTexture"])[0, 0].tolist() == [10, 20, 30]
    assert found[-60:] == file.read_bytes()[-60:]  # the same compressed pixels


def test_opacity_of_its_own_file_becomes_alpha(plot: Any, glb: Any, picture: Any, tmp_path: Path) -> None:
    picture("base.png", flat(200, 100, 50))
    picture("cut.png", flat(64))
    g, m, _ = one(plot, glb, tmp_path, {
        "diffuseColor": ("base.png", "rgb", {"sourceColorSpace": "sRGB"}),
        "opacity": ("cut.png", "r", {"sourceColorSpace": "raw"}),
    }, opacityThreshold=0.25)  # fmt: skip
    assert pixels(g, m["pbrMetallicRoughness"]["baseColorTexture"])[0, 0].tolist() == [200, 100, 50, 64]
    assert (m["alphaMode"], m["alphaCutoff"]) == ("MASK", 0.25)


def test_scale_is_a_factor_and_bias_is_baked(plot: Any, glb: Any, picture: Any, tmp_path: Path) -> None:
    picture("base.png", flat(255, 255, 255))
    scaled = {"sourceColorSpace": "sRGB", "scale": Gf.Vec4f(0.5, 0.25, 1, 1)}
    _, m, _ = one(plot, glb, tmp_path, {"diffuseColor": ("base.png", "rgb", scaled)})
    assert m["pbrMetallicRoughness"]["baseColorFactor"] == [0.5, 0.25, 1.0, 1.0]
    biased = {"sourceColorSpace": "sRGB", "scale": Gf.Vec4f(0), "bias": Gf.Vec4f(0.2158605, 0, 1, 0)}
    g, m, _ = one(plot, glb, tmp_path, {"diffuseColor": ("base.png", "rgb", biased)})
    # 0.2158605 in linear light is 128 of 255 on the sRGB curve
    assert pixels(g, m["pbrMetallicRoughness"]["baseColorTexture"])[0, 0].tolist() == [128, 0, 255]


def test_factors_and_extensions(plot: Any, glb: Any, tmp_path: Path) -> None:
    _, m, result = one(
        plot, glb, tmp_path, {}, diffuseColor=(0.5, 0.25, 0.125), opacity=0.5, metallic=1.0, roughness=0.3, ior=1.3,
        clearcoat=0.6, clearcoatRoughness=0.2, emissiveColor=(4.0, 2.0, 0.0), displacement=0.5,
    )  # fmt: skip
    pbr = m["pbrMetallicRoughness"]
    assert np.allclose(pbr["baseColorFactor"], [0.5, 0.25, 0.125, 0.5])
    assert (pbr["metallicFactor"], m["alphaMode"]) == (1.0, "BLEND")
    assert pbr["roughnessFactor"] == pytest.approx(0.3)
    found = m["extensions"]
    assert found["KHR_materials_ior"]["ior"] == pytest.approx(1.3)
    assert found["KHR_materials_clearcoat"]["clearcoatFactor"] == pytest.approx(0.6)
    assert found["KHR_materials_emissive_strength"]["emissiveStrength"] == 4.0
    assert m["emissiveFactor"] == [1.0, 0.5, 0.0]
    assert ("/World/M", "displacement") in {(x.prim, x.what) for x in result.losses}


def test_the_specular_workflow_keeps_its_reflectance(plot: Any, glb: Any, tmp_path: Path) -> None:
    _, m, _ = one(plot, glb, tmp_path, {}, useSpecularWorkflow=1.0, specularColor=(0.08, 0.04, 0.02))
    tint = m["extensions"]["KHR_materials_specular"]["specularColorFactor"]
    # KHR_materials_specular multiplies ((ior - 1) / (ior + 1))^2 = 0.04
    assert np.allclose(np.array(tint) * 0.04, (0.08, 0.04, 0.02))
    assert m["pbrMetallicRoughness"]["metallicFactor"] == 0.0


@pytest.mark.parametrize(("kind", "head"), [("webp", b"RIFF"), ("jpeg", b"\xff\xd8\xff"), ("png", b"\x89PNG")])
def test_pictures_are_resized_and_written_as_asked(
    plot: Any, glb: Any, picture: Any, tmp_path: Path, kind: str, head: bytes
) -> None:
    picture("base.png", np.full((64, 32, 3), (250, 10, 10), np.uint8))
    target = load_target(None, textures={"max_size": 16, "format": kind})
    g, m, _ = one(plot, glb, tmp_path, {"diffuseColor": ("base.png", "rgb", {"sourceColorSpace": "sRGB"})}, target)
    assert g.image(0).startswith(head)
    found = pixels(g, m["pbrMetallicRoughness"]["baseColorTexture"])
    assert found.shape[:2] == (16, 8)
    assert np.abs(found[..., :3].astype(int) - (250, 10, 10)).max() < 8


def test_tiles_become_primitives_of_their_own(plot: Any, glb: Any, picture: Any, tmp_path: Path) -> None:
    from pxr import UsdGeom

    picture("t.1001.png", flat(255, 0, 0))
    picture("t.1002.png", flat(0, 255, 0))
    p = plot()
    mesh = p.cube("/World/C")
    uv = [(k + x, y) for k in (0, 0, 0, 1, 1, 1) for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))]
    UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").Set(uv)
    p.bind(mesh, p.material("/World/M"))
    p.texture("/World/M", "diffuseColor", "./t.<UDIM>.png", "rgb", sourceColorSpace="sRGB")
    export(p.save(), tmp_path / "u.glb")
    g = glb(tmp_path / "u.glb")
    shown = {}
    for k, primitive in enumerate(g.json["meshes"][0]["primitives"]):
        m = g.json["materials"][primitive["material"]]
        used = g.attribute("TEXCOORD_0", 0, k)[g.array(primitive["indices"])[:, 0], 0]
        shown[int(used.min())] = pixels(g, m["pbrMetallicRoughness"]["baseColorTexture"])[0, 0].tolist()
    assert shown == {0: [255, 0, 0], 1: [0, 255, 0]}


def test_a_broken_picture_is_a_loss_and_no_crash(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    (p.path.parent / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    p.bind(p.cube("/World/C"), p.material("/World/M"))
    p.texture("/World/M", "diffuseColor", "./bad.png")
    result = export(p.save(), tmp_path / "b.glb")
    assert ("/World/M", "texture bad.png") in {(x.prim, x.what) for x in result.losses}
    assert "images" not in glb(tmp_path / "b.glb").json


def test_variants_map_each_primitive(plot: Any, glb: Any, tmp_path: Path) -> None:
    p = plot()
    body = p.cube("/World/Body")
    chosen = p.world.GetPrim().GetVariantSets().AddVariantSet("look")
    for name, color in (("red", (1.0, 0.0, 0.0)), ("blue", (0.0, 0.0, 1.0))):
        material = p.material(f"/World/Looks/{name}", diffuseColor=color)
        chosen.AddVariant(name)
        chosen.SetVariantSelection(name)
        with chosen.GetVariantEditContext():
            p.bind(body, material)
    chosen.SetVariantSelection("red")
    export(p.save(), tmp_path / "v.glb")
    g = glb(tmp_path / "v.glb")
    names = [v["name"] for v in g.json["extensions"]["KHR_materials_variants"]["variants"]]
    mappings = g.primitive()["extensions"]["KHR_materials_variants"]["mappings"]
    shown = {names[v]: g.json["materials"][m["material"]]["name"] for m in mappings for v in m["variants"]}
    assert shown == {"red": "red", "blue": "blue"}
