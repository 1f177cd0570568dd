# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import UsdGeom

from pipeline.exporters import export, obj
from pipeline.exporters.targets import load_target
from pipeline.usd.scene import Input, InstanceGroup, Material, Mesh, Node, Primvar, Prototype, Scene, Slot, Texture

QUAD = np.array([(0, 0, 0), (2, 0, 0), (2, 1, 0), (0, 1, 0)], np.float32)


def quad(**more: object) -> Mesh:
    indices = np.arange(4, dtype=np.int32)
    return Mesh("Quad", "/Quad", QUAD, np.array([4], np.int32), indices, **more)  # type: ignore[arg-type]


def scene(*meshes: Mesh, materials: tuple[Material, ...] = (), nodes: tuple[Node, ...] = ()) -> Scene:
    made = nodes or tuple(Node(m.name, m.path, mesh=i, materials=(-1,)) for i, m in enumerate(meshes))
    return Scene("stage.usda", "stage", made, meshes, materials)


def write(tmp_path: Path, s: Scene, target: str | None = None) -> tuple[list[str], list]:
    out = tmp_path / "out.obj"
    losses = obj.write(s, out, load_target(target))
    return out.read_text(encoding="utf-8").splitlines(), losses


def test_a_polygon_is_written_as_it_is(tmp_path: Path) -> None:
    uv = Primvar("st", np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32), None, "faceVarying")
    lines, losses = write(tmp_path, scene(quad(uvs=(uv,))))
    assert lines == [
        "# Seven Gates, unit m, up Y",
        "v 0.000000 0.000000 0.000000", "v 2.000000 0.000000 0.000000",
        "v 2.000000 1.000000 0.000000", "v 0.000000 1.000000 0.000000",
        "vt 0.000000 0.000000", "vt 1.000000 0.000000", "vt 1.000000 1.000000", "vt 0.000000 1.000000",
        "vn 0.000000 0.000000 1.000000",
        "o Quad",
        "f 1/1/1 2/2/1 3/3/1 4/4/1",
    ]  # fmt: skip
    assert losses == []


def test_a_mirrored_place_turns_the_faces(tmp_path: Path) -> None:
    mirror = np.diag([-1.0, 1, 1, 1])
    nodes = (Node("A", "/A", mesh=0, matrix=mirror, materials=(-1,)),)
    lines, _ = write(tmp_path, scene(quad(), nodes=nodes))
    assert lines[-1] == "f 4//1 3//1 2//1 1//1"
    assert lines[-3] == "vn -0.000000 0.000000 1.000000".replace("-0.", "0.")
    found = trimesh.load(tmp_path / "out.obj", force="mesh", process=False)
    assert np.allclose(found.face_normals, [0, 0, 1])


def test_instances_are_objects_of_their_own(tmp_path: Path) -> None:
    n = 5
    group = InstanceGroup(
        "/Many", (0,), np.zeros(n, np.int32), np.arange(3 * n, dtype=np.float32).reshape(n, 3),
        np.tile(np.array([0, 0, 0, 1], np.float32), (n, 1)), np.ones((n, 3), np.float32), np.arange(n),
    )  # fmt: skip
    prototype = Prototype("/P", (Node("Quad", "/P/Quad", mesh=0, materials=(-1,)),))
    s = Scene("s", "s", (Node("Many", "/Many", instances=group),), (quad(),), (), prototypes=(prototype,))
    lines, _ = write(tmp_path, s)
    assert [x for x in lines if x.startswith("o ")] == [f"o Quad_{k}" for k in range(n)]
    assert lines[-1] == "f 17//5 18//5 19//5 20//5"
    assert trimesh.load(tmp_path / "out.obj", force="mesh", process=False).bounds.tolist() == [[0, 1, 2], [14, 14, 14]]


def test_faces_of_one_material_stand_together(tmp_path: Path) -> None:
    points = np.array([(i % 2, i // 2, 0) for i in range(8)], np.float32)
    mesh = Mesh(
        "M", "/M", points, np.array([4, 4, 3], np.int32), np.array([0, 1, 3, 2, 2, 3, 5, 4, 4, 5, 6], np.int32),
        slots=(Slot("a", "/M/a"), Slot("b", "/M/b")), face_slots=np.array([1, 0, 1], np.int32),
    )  # fmt: skip
    nodes = (Node("M", "/M", mesh=0, materials=(0, 1)),)
    both = (Material("Red", "/Red"), Material("Blue", "/Blue"))
    lines, _ = write(tmp_path, scene(mesh, materials=both, nodes=nodes))
    start = lines.index("o M")
    assert lines[start + 1 : start + 3] == ["usemtl Red", "g a"]
    assert lines[start + 3].startswith("f 3//")
    assert lines[start + 4 : start + 6] == ["usemtl Blue", "g b"]
    assert [x.split("//")[0] for x in lines[start + 6 :]] == ["f 1", "f 5"]
    assert lines[1] == "mtllib out.mtl"


def test_materials_have_the_pbr_words_and_textures_lie_beside(tmp_path: Path) -> None:
    import OpenImageIO as oiio

    source = tmp_path / "a picture.png"
    image = oiio.ImageBuf(oiio.ImageSpec(4, 4, 3, "uint8"))
    oiio.ImageBufAlgo.fill(image, (0.1, 0.2, 0.3))
    image.write(str(source))
    base = Texture(str(source), "a picture.png")
    rough = Texture(str(source), "a picture.png", channel="g")
    inputs = {
        "diffuseColor": Input((0.5, 0.5, 0.5), base),
        "roughness": Input((0.5,), rough),
        "metallic": Input((0.25,)),
        "opacity": Input((0.5,)),
    }
    nodes = (Node("Quad", "/Quad", mesh=0, materials=(0,)),)
    write(tmp_path, scene(quad(), materials=(Material("Two Words", "/M", inputs),), nodes=nodes))
    lines = (tmp_path / "out.mtl").read_text().splitlines()
    assert "newmtl Two_Words" in lines
    assert {"Pm 0.25", "d 0.5", "Kd 1 1 1", "map_Kd out_textures/a_picture.png"} <= set(lines)
    assert (tmp_path / "out_textures/a_picture.png").read_bytes() == source.read_bytes()
    grey = next(x.split()[-1] for x in lines if x.startswith("map_Pr"))
    pixels = oiio.ImageInput.open(str(tmp_path / grey)).read_image("uint8")
    assert pixels.shape == (4, 4, 1)
    assert (pixels == 51).all()  # 0.2 of 255


def test_colours_of_points_stand_behind_them(tmp_path: Path) -> None:
    colors = Primvar("displayColor", np.eye(4, 3, dtype=np.float32), None, "vertex")
    lines, _ = write(tmp_path, scene(quad(color=colors)))
    assert lines[2] == "v 2.000000 0.000000 0.000000 0.000000 1.000000 0.000000"
    by_face = Primvar("displayColor", np.ones((1, 3), np.float32), None, "uniform")
    _, losses = write(tmp_path, scene(quad(color=by_face)))
    assert [(x.prim, x.what) for x in losses] == [("/Quad", "displayColor")]


def test_a_target_chooses_unit_and_axis(tmp_path: Path) -> None:
    write(tmp_path, scene(quad()), "unreal")
    found = trimesh.load(tmp_path / "out.obj", force="mesh", process=False).bounds
    assert found.tolist() == [[0, 0, 0], [200, 0, 100]]
    reading = obj.read_back(tmp_path / "out.obj")
    assert np.allclose(reading.facts["bounds_m"], [[0, 0, 0], [2, 1, 0]])
    assert reading.facts["triangles"] == 2


def test_batches_give_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = tuple(
        Node(f"Q{k}", f"/Q{k}", mesh=0, matrix=np.diag([1.0 + k, 1, 1, 1]), materials=(-1,)) for k in range(50)
    )
    whole, _ = write(tmp_path, scene(quad(), nodes=nodes))
    monkeypatch.setattr(obj, "_BATCH", 30)
    parts, _ = write(tmp_path, scene(quad(), nodes=nodes))
    assert len(whole) == len(parts)
    assert sorted(whole) == sorted(parts)
    assert [x for x in whole if x[0] in "of"] == [x for x in parts if x[0] in "of"]


def test_faces_of_two_corners_are_lines_and_one_colour_shows(plot: Any, tmp_path: Path) -> None:
    p = plot()
    mesh = UsdGeom.Mesh.Define(p.stage, "/World/L")
    mesh.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0), (5, 0, 0), (6, 0, 0)])
    mesh.CreateFaceVertexCountsAttr([3, 2])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2, 3, 4])
    mesh.CreateSubdivisionSchemeAttr("none")
    mesh.CreateDisplayColorAttr([(1, 0, 0.5)])
    p.cube("/World/Next")
    result = export(p.save(), tmp_path / "c.obj")
    assert result.readback.ok
    text = (tmp_path / "c.obj").read_text().splitlines()
    assert text.index("l 4 5") < text.index("o Next")
    assert sum(line.startswith("v ") and line.endswith("1.000000 0.000000 0.500000") for line in text) == 5
