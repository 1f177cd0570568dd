# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, Vt

from pipeline.errors import ExportError, GatesError, ReadbackMismatch, StageError, UsageError
from pipeline.exporters import Reading, export, gltf, load_target, target_names


def test_the_result_says_what_the_stage_draws(plot: Any, tmp_path: Path) -> None:
    p = plot("Z", 0.01)
    p.bind(p.cube("/World/Box", 100, (100, 0, 50)), p.material("/World/M"))
    UsdGeom.Camera.Define(p.stage, "/World/Cam")
    result = export(p.save(), tmp_path / "b.glb")
    assert (result.stats.meshes, result.stats.triangles, result.stats.materials, result.stats.cameras) == (1, 12, 1, 1)
    assert result.stats.bounds_m is not None
    low, high = result.stats.bounds_m
    assert low == pytest.approx((0.5, 0.0, -0.5)) and high == pytest.approx((1.5, 1.0, 0.5))
    assert result.bytes == (tmp_path / "b.glb").stat().st_size
    assert result.readback.ok and "trimesh" in result.readback.reader


def test_a_reader_that_disagrees_keeps_the_old_file(plot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    p = plot()
    p.cube("/World/C")
    out = tmp_path / "c.glb"
    out.write_bytes(b"the good old file")
    monkeypatch.setattr(gltf, "read_back", lambda path: Reading("a stranger", {"triangles": 11}))
    with pytest.raises(ReadbackMismatch, match="the stage has 12, the file 11"):
        export(p.save(), out)
    assert out.read_bytes() == b"the good old file"
    assert [f.name for f in tmp_path.iterdir() if f.is_file()] == ["c.glb"]
    assert not [f for f in tmp_path.iterdir() if f.name.startswith(".")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError])
def test_an_interrupted_write_leaves_nothing(
    plot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    p = plot()
    p.cube("/World/C")
    out = tmp_path / "c.glb"
    out.write_bytes(b"old")

    def stop(scene: Any, draft: Path, target: Any) -> Any:
        draft.write_bytes(b"half")
        raise error

    monkeypatch.setattr(gltf, "write", stop)
    with pytest.raises(error):
        export(p.save(), out)
    assert out.read_bytes() == b"old"
    assert {f.name for f in tmp_path.iterdir()} == {"c.glb", "stages"}


def test_a_gltf_brings_its_files(plot: Any, picture: Any, tmp_path: Path) -> None:
    import numpy as np

    picture("base.png", np.full((4, 4, 3), 9, np.uint8))
    p = plot()
    p.bind(p.cube("/World/C"), p.material("/World/M"))
    p.texture("/World/M", "diffuseColor", "./base.png")
    result = export(p.save(), tmp_path / "ein schönes.gltf")
    assert result.files == ["ein_schönes.bin", "ein_schönes_textures/base.png", "ein schönes.gltf"]
    assert all((tmp_path / f).is_file() for f in result.files)
    assert result.readback.ok


@pytest.mark.parametrize(
    ("out", "target", "error", "words"),
    [
        ("a.xyz", None, UsageError, r"\.xyz"),
        ("a.glb", "playstation", UsageError, "unreal"),
        ("nowhere/a.glb", None, ExportError, "nowhere"),
    ],
)
def test_wrong_usage_is_told(
    plot: Any, tmp_path: Path, out: str, target: str | None, error: type[GatesError], words: str
) -> None:
    p = plot()
    p.cube("/World/C")
    with pytest.raises(error, match=words):
        export(p.save(), tmp_path / out, target)


def test_what_is_no_stage_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "b.usda"
    broken.write_text('#usda 1.0\ndef Mesh "x" { point3f[] points = [(0,0')
    with pytest.raises(StageError, match=r"b\.usda"):
        export(broken, tmp_path / "b.glb")
    with pytest.raises(StageError, match="no such file"):
        export(tmp_path / "gone.usd", tmp_path / "b.glb")
    assert not (tmp_path / "b.glb").exists()


def test_every_target_exports_and_none_is_unknown(plot: Any, tmp_path: Path) -> None:
    p = plot()
    p.cube("/World/C")
    p.save()
    assert target_names() == ["unreal", "unity", "godot", "web", "print", "ar"]
    for name in target_names():
        assert export(p.path, tmp_path / f"{name}.glb", name, verify=False).target == name


def test_a_wrong_key_in_a_target_is_named() -> None:
    from pipeline.errors import ConfigError

    with pytest.raises(ConfigError, match=r"geometry\.speed"):
        load_target(None, geometry={"speed": 3})


def test_a_prim_alone_stands_where_it_stood(plot: Any, tmp_path: Path) -> None:
    p = plot()
    group = UsdGeom.Xform.Define(p.stage, "/World/G")
    UsdGeom.XformCommonAPI(group).SetTranslate((5, 0, 0))
    p.cube("/World/G/C")
    p.cube("/World/Other", 9.0)
    p.save()
    for suffix in ("glb", "usdz", "usda"):
        result = export(p.path, tmp_path / f"a.{suffix}", prim="/World/G")
        assert result.stats.bounds_m is not None and result.stats.bounds_m[0][0] == 4.5
    opened = Usd.Stage.Open(str(tmp_path / "a.usda"))
    assert opened.GetDefaultPrim().GetPath() == "/G"
    world = UsdGeom.XformCache().GetLocalToWorldTransform(opened.GetPrimAtPath("/G/C"))
    assert world.ExtractTranslation() == Gf.Vec3d(5, 0, 0)
    assert not opened.GetPrimAtPath("/World/Other")


def test_levels_are_made_where_the_target_wants_them(plot: Any, tmp_path: Path) -> None:
    pytest.importorskip("meshoptimizer")
    import json
    import struct

    p = plot()
    sphere = UsdGeom.Sphere.Define(p.stage, "/World/S")
    sphere.CreateRadiusAttr(1.0)
    target = load_target(None, geometry={"lods": (0.5, 0.25)})
    result = export(p.save(), tmp_path / "l.glb", target)
    data = (tmp_path / "l.glb").read_bytes()
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    node = next(n for n in document["nodes"] if "MSFT_lod" in n.get("extensions", {}))
    counts = []
    for number in node["extensions"]["MSFT_lod"]["ids"]:
        mesh = document["meshes"][document["nodes"][number]["mesh"]]
        counts.append(document["accessors"][mesh["primitives"][0]["indices"]]["count"] // 3)
    full = result.stats.triangles
    assert counts[0] == pytest.approx(full * 0.5, rel=0.1) and counts[1] == pytest.approx(full * 0.25, rel=0.15)


# broken stages: sound parts are exported, the rest is named, or the export fails and names the prim


def missing_payload(p: Any) -> None:
    p.cube("/World/Good")
    UsdGeom.Xform.Define(p.stage, "/World/Bad").GetPrim().GetPayloads().AddPayload("./nowhere.usd")


def missing_texture(p: Any) -> None:
    p.bind(p.cube("/World/Good"), p.material("/World/Bad"))
    p.texture("/World/Bad", "diffuseColor", "./nowhere.png")


def nan_points(p: Any) -> None:
    p.cube("/World/Good")
    mesh = p.cube("/World/Bad")
    mesh.CreatePointsAttr([(float("nan"), 0, 0), *list(mesh.GetPointsAttr().Get())[1:]])


def empty_arrays(p: Any) -> None:
    p.cube("/World/Good")
    mesh = UsdGeom.Mesh.Define(p.stage, "/World/Bad")
    mesh.CreatePointsAttr([])
    mesh.CreateFaceVertexCountsAttr([])
    mesh.CreateFaceVertexIndicesAttr([])


def no_joints(p: Any) -> None:
    root = UsdSkel.Root.Define(p.stage, "/World/R")
    mesh = p.cube("/World/R/Good")
    skeleton = UsdSkel.Skeleton.Define(p.stage, "/World/Bad")
    UsdSkel.BindingAPI.Apply(root.GetPrim()).CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateJointIndicesPrimvar(False, 1).Set(Vt.IntArray([0] * 8))
    binding.CreateJointWeightsPrimvar(False, 1).Set(Vt.FloatArray([1] * 8))


def cyclic(p: Any) -> None:
    p.cube("/World/Good")
    UsdGeom.Xform.Define(p.stage, "/World/Bad").GetPrim().GetReferences().AddInternalReference("/World")


def outside_indices(p: Any) -> None:
    p.cube("/World/Good")
    mesh = p.cube("/World/Bad")
    mesh.CreateFaceVertexIndicesAttr([0, 1, 3, 99] + [0] * 20)


def nan_transform(p: Any) -> None:
    p.cube("/World/Good")
    UsdGeom.Xformable(p.cube("/World/Bad")).AddTransformOp().Set(Gf.Matrix4d(float("nan")))


def wrong_primvar(p: Any) -> None:
    p.cube("/World/Good")
    mesh = p.cube("/World/Bad", 3.0)
    UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("map2", Sdf.ValueTypeNames.TexCoord2fArray, "vertex").Set([(0, 0)] * 3)


BROKEN = [
    missing_payload, missing_texture, nan_points, empty_arrays, no_joints, cyclic, outside_indices, nan_transform,
    wrong_primvar,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["glb", "usdz", "usda"])
@pytest.mark.parametrize("make", BROKEN, ids=lambda f: f.__name__)
def test_a_broken_part_is_named_and_the_rest_arrives(plot: Any, tmp_path: Path, make: Any, suffix: str) -> None:
    p = plot()
    make(p)
    result = export(p.save(), tmp_path / f"x.{suffix}")
    assert result.stats.triangles >= 12
    assert any(x.prim.startswith("/World/Bad") for x in result.losses)
    assert result.readback.ok


def test_a_stage_of_which_nothing_is_left_names_the_prim(plot: Any, tmp_path: Path) -> None:
    p = plot()
    p.cube("/World/Bad").CreatePointsAttr([(float("nan"), 0, 0)] * 8)
    with pytest.raises(ExportError, match="/World/Bad"):
        export(p.save(), tmp_path / "x.glb")
    assert not (tmp_path / "x.glb").exists()
