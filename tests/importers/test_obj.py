# SPDX-License-Identifier: Apache-2.0
"""OBJ and MTL: every spelling, as the file has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import UsdGeom, UsdShade

from pipeline.errors import ImportRefused

SHARED = Path(__file__).parents[1] / "data/importers"
CUBE = "\n".join(f"v {x} {y} {z}" for z in (0, 1) for y in (0, 1) for x in (0, 1)) + "\n"


def faces(stage: Any, name: str) -> list[list[int]]:
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Asset/geo/{name}"))
    counts, indices = list(mesh.GetFaceVertexCountsAttr().Get()), list(mesh.GetFaceVertexIndicesAttr().Get())
    ends = np.cumsum(counts)
    return [indices[e - c : e] for c, e in zip(counts, ends, strict=True)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("f 1 2 4 3", [[0, 1, 3, 2]]),
        ("f -8 -7 -5", [[0, 1, 3]]),
        ("f 1/1 2/1 3/1", [[0, 1, 2]]),
        ("f 1//1 2//1 3//1", [[0, 1, 2]]),
        ("f 1/1/1 2/1/1 3/1/1 4/1/1\nf 5 6 7", [[0, 1, 2, 3], [4, 5, 6]]),
        ("f 1/1 2//1 3/1/1", [[0, 1, 2]]),
        ("f 1/ 2/ 3/", [[0, 1, 2]]),
        ("\tf  1\t2   3  \r\n\n# f 9 9 9\nf 4 5 6", [[0, 1, 2], [3, 4, 5]]),
        ("f 1 2 \\\n3", [[0, 1, 2]]),
        ("f 1 2 2\nf 1 2 3\nf 1 2 3", [[0, 1, 1], [0, 1, 2], [0, 1, 2]]),
    ],
)
def test_faces_in_every_spelling(bring_in: Any, lines: str, expected: list[list[int]]) -> None:
    _, stage = bring_in(CUBE + "vt 0.5 0.5\nvn 0 0 1\n" + lines + "\n", "a.obj")
    assert faces(stage, "a") == expected


def test_numbers_count_from_what_stands_above(bring_in: Any) -> None:
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 5\nv 1 0 5\nv 0 1 5\nf -3 -2 -1\n"
    _, stage = bring_in(text, "a.obj")
    assert faces(stage, "a") == [[0, 1, 2], [3, 4, 5]]


def test_objects_and_groups_become_parts(bring_in: Any) -> None:
    text = CUBE + "f 1 2 3\no Dach\nf 2 3 4\ng Tuch\nf 3 4 5\no Theke\nf 5 6 7\ng Dach\ng default\no Dach\nf 6 7 8\n"
    report, stage = bring_in(text, "stall.obj")
    parts = [p.GetName() for p in stage.GetPrimAtPath("/Asset/geo").GetChildren()]
    assert parts == ["stall", "Dach", "Dach_Tuch", "Theke"]
    assert len(faces(stage, "Dach")) == 2
    assert report.faces == 5


def test_values_sit_on_corners(bring_in: Any) -> None:
    text = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0.25 0.75\nvn 0 0 1\n"
    text += "f 1/1/1 2/2/1 3/3/1\nf 1/4/1 3/3/1 4/1/1\n"
    _, stage = bring_in(text, "a.obj")
    prim = stage.GetPrimAtPath("/Asset/geo/a")
    st = UsdGeom.PrimvarsAPI(prim).GetPrimvar("st")
    assert st.GetInterpolation() == "faceVarying"
    expected = [[0, 0], [1, 0], [1, 1], [0.25, 0.75], [1, 1], [0, 0]]
    assert np.asarray(st.ComputeFlattened()).tolist() == expected
    mesh = UsdGeom.Mesh(prim)
    assert mesh.GetNormalsInterpolation() == "faceVarying"
    assert np.asarray(mesh.GetNormalsAttr().Get()).tolist() == [[0, 0, 1]] * 6


def test_vertex_colours(bring_in: Any) -> None:
    _, stage = bring_in("v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 0 1 0 0.5 0.5 0.5\nf 1 2 3\n", "a.obj")
    color = UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/Asset/geo/a")).GetPrimvar("displayColor").Get()
    assert np.asarray(color) == pytest.approx(np.array([[1, 0, 0], [0, 1, 0], [0.214041] * 3]), abs=1e-5)


def test_materials_and_their_pictures(bring_in: Any, tmp_path: Path) -> None:
    import OpenImageIO as oiio

    (tmp_path / "tex").mkdir()
    for name in ("wood a.png", "n_norm.png"):
        out = oiio.ImageOutput.create(str(tmp_path / "tex" / name))
        out.open(str(tmp_path / "tex" / name), oiio.ImageSpec(2, 2, 3, "uint8"))
        out.write_image(np.full((2, 2, 3), ord(name[0]), np.uint8))
        out.close()
    (tmp_path / "a.mtl").write_text(
        "newmtl Wood\nKd 0.5 1 1\nNs 30\nd 0.5\nmap_Kd -s 2 3 -o 0.5 0 tex\\wood a.png\n"
        "map_Bump -bm 0.5 tex/n_norm.png\n"
        "map_Ks tex/s.png\nnewmtl Metal\nPr 0.2\nPm 0.9\nKe 1 2 3\nmap_Kd ../../etc/passwd\n"
    )
    text = (
        "mtllib a.mtl\n"
        + CUBE
        + "vt 0 0\nusemtl Wood\nf 1/1 2/1 3/1\nusemtl Metal\nf 2/1 3/1 4/1\nusemtl Ghost\nf 3/1 4/1 5/1\n"
    )
    report, stage = bring_in(text, "a.obj")
    assert {p.GetName() for p in stage.GetPrimAtPath("/Asset/mtl").GetChildren()} == {"Wood", "Metal", "Ghost"}
    assert [n for n in report.file_digests if n.startswith("textures/")] == [
        "textures/n_norm.png",
        "textures/wood_a.png",
    ]
    wood = UsdShade.Material(stage.GetPrimAtPath("/Asset/mtl/Wood")).ComputeSurfaceSource()[0]
    assert wood.GetInput("roughness").Get() == pytest.approx(0.25)  # sqrt(2 / 32)
    assert wood.GetInput("opacity").Get() == 0.5
    assert wood.GetInput("normal").HasConnectedSource()
    node = UsdShade.Shader(wood.GetInput("diffuseColor").GetConnectedSource()[0].GetPrim())
    assert tuple(node.GetInput("scale").Get()) == (0.5, 1, 1, 1)
    transform = UsdShade.Shader(node.GetInput("st").GetConnectedSource()[0].GetPrim())
    assert tuple(transform.GetInput("scale").Get()) == (2, 3)
    metal = UsdShade.Material(stage.GetPrimAtPath("/Asset/mtl/Metal")).ComputeSurfaceSource()[0]
    assert metal.GetInput("metallic").Get() == pytest.approx(0.9)
    assert tuple(metal.GetInput("emissiveColor").Get()) == (1, 2, 3)
    assert not metal.GetInput("diffuseColor").HasConnectedSource()
    assert {(x.where, x.what.split()[0]) for x in report.losses} == {("Wood", "map_ks"), ("Metal", "texture")}
    assert any("Ghost" in n for n in report.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "empty"),
        (b"v nan 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 3\n", "not finite"),
        (b"v 1e30 0 0\nv 0 1e30 0\nv 1 0 0\nf 1 2 3\n", "metres from the origin"),
        (b"v 0 0 0\nv 0 1 0\n", "no faces"),
        (b"v 0 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 99\n", "names v 99, there are 3"),
        (b"v 0 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 -4\n", "bad index"),
        (b"v 0 0 0\nv 0 1 0\nv 1 0 0\nf 0 1 2\n", "bad index"),
        (b"v 0 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 x\n", "'x', which is no number"),
        (b"v 0 0\nv 0 1 0\nv 1 0 0\nf 1 2 3\n", "fewer than three"),
        (b"v 0 0 0\nv 0 1 0\nv 1 0 0\nf 1/1/1/1 2 3\n", "two slashes"),
        (b"v 0 0 zero\nf 1 1 1\n", "'zero'"),
        (b"\0\1\2\3binary", "no text"),
        (b"just prose about nothing\n", "no faces"),
    ],
)
def test_broken_files(bring_in: Any, text: bytes, message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        bring_in(text, "a.obj")


def test_a_missing_library_is_a_loss(bring_in: Any) -> None:
    report, _ = bring_in("mtllib gone.mtl\n" + CUBE + "usemtl a\nf 1 2 3\n", "a.obj")
    assert [x.what for x in report.losses] == ["material library"]


def test_a_real_mesh_is_what_trimesh_reads(bring_in: Any) -> None:
    report, stage = bring_in(SHARED / "spot.obj")
    truth = trimesh.load(SHARED / "spot.obj", process=False, maintain_order=True)
    assert report.triangles == len(truth.faces)
    assert np.array(report.bounds_m) == pytest.approx(truth.bounds, abs=1e-6)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/spot"))
    p = np.asarray(mesh.GetPointsAttr().Get(), float)[np.asarray(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)]
    area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1).sum() / 2
    assert area == pytest.approx(truth.area, rel=1e-5)


def test_pictures_whose_path_is_of_another_machine_are_found_beside_the_file(bring_in: Any, tmp_path: Path) -> None:
    import OpenImageIO as oiio

    (tmp_path / "textures").mkdir()
    out = oiio.ImageOutput.create("wood.png")
    out.open(str(tmp_path / "textures/wood.png"), oiio.ImageSpec(2, 2, 3, "uint8"))
    out.write_image(np.zeros((2, 2, 3), np.uint8))
    out.close()
    (tmp_path / "a.mtl").write_text("newmtl m\nmap_Kd C:\\Users\\me\\project\\wood.png\n")
    report, _ = bring_in("mtllib a.mtl\nusemtl m\n" + CUBE + "f 1 2 3\n", "a.obj")
    assert (report.textures, report.losses) == (1, [])
