# SPDX-License-Identifier: Apache-2.0
"""STL and PLY in all their forms, against trimesh's writers and files made by hand."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from pxr import UsdGeom

from pipeline.errors import ImportRefused

BALL = trimesh.creation.icosphere(subdivisions=2, radius=0.5)
BALL.apply_translation([1, 2, 3])


def triangles(stage: Any, name: str) -> np.ndarray:
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/Asset/geo/{name}"))
    return np.asarray(mesh.GetPointsAttr().Get())[np.asarray(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)]


@pytest.mark.parametrize("kind", ["stl", "stl_ascii"])
def test_stl(bring_in: Any, kind: str) -> None:
    report, stage = bring_in(BALL.export(file_type=kind), "ball.stl")
    assert triangles(stage, "ball") == pytest.approx(BALL.triangles, abs=1e-5)  # in the file's order
    assert (report.triangles, report.vertices, report.units_from, report.up_from) == (320, 960, "guess", "guess")
    assert any("neither unit nor up axis" in n for n in report.notes)


def test_print_files_are_turned_and_scaled_when_told(bring_in: Any) -> None:
    report, stage = bring_in(BALL.export(file_type="stl"), "ball.stl", units="mm", up="Z")
    x, y, z = np.moveaxis(BALL.triangles, -1, 0)
    assert triangles(stage, "ball") == pytest.approx(np.stack([x, z, -y], -1) / 1000, abs=1e-8)
    assert (report.units_from, report.up_from, report.up_axis, report.meters_per_unit) == (
        "option",
        "option",
        "Z",
        0.001,
    )
    assert len(report.converted) == 2


def test_stl_with_several_solids_and_odd_numbers(bring_in: Any) -> None:
    corners = "vertex 0 0 {0}\n  vertex 1E0 0 {0}\n  vertex 0 +1.0e-0 {0}\n"
    facet = f"facet normal 0 0 1\n outer loop\n  {corners} endloop\nendfacet\n"
    text = (
        "solid lower\n"
        + facet.format("0")
        + "endsolid lower\nsolid upper part\r\n"
        + facet.format(".5").upper()
        + "endsolid\n"
    )
    report, stage = bring_in(text, "a.stl")
    assert [p.GetName() for p in stage.GetPrimAtPath("/Asset/geo").GetChildren()] == ["lower", "upper_part"]
    assert report.bounds_m == ((0, 0, 0), (1, 1, 0.5))


@pytest.mark.parametrize(
    "data",
    [
        bytes(80) + struct.pack("<I", 1000) + bytes(50 * 3),
        bytes(84),
        b"solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n",
        b"solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 x\nendloop\nendfacet\nendsolid\n",
        b"hello",
        bytes(80) + struct.pack("<I", 1) + struct.pack("<12f", *[float("nan")] * 12) + b"\0\0",
    ],
)
def test_broken_stl(bring_in: Any, data: bytes) -> None:
    with pytest.raises(ImportRefused):
        bring_in(data, "a.stl")


@pytest.mark.parametrize("encoding", ["binary", "ascii"])
def test_ply(bring_in: Any, encoding: str) -> None:
    report, stage = bring_in(BALL.export(file_type="ply", encoding=encoding), "ball.ply")
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/ball"))
    assert np.asarray(mesh.GetPointsAttr().Get()) == pytest.approx(BALL.vertices, abs=1e-5)
    assert np.asarray(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3).tolist() == BALL.faces.tolist()
    assert np.array(report.bounds_m) == pytest.approx(BALL.bounds, abs=1e-5)


XYZ = b"property float x\nproperty float y\nproperty float z\n"
HEADER = """ply
format {0} 1.0
comment made by hand
element vertex 5
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property float s
property float t
property float quality
element face 2
property uchar flags
property list uchar int vertex_indices
end_header
"""
ROWS = [(0, 0, 0, 255, 0, 0, 0.0, 0.0, 1.0), (1, 0, 0, 0, 255, 0, 1.0, 0.0, 1.0), (1, 1, 0, 0, 0, 255, 1.0, 1.0, 1.0),
        (0, 1, 0, 128, 128, 128, 0.0, 1.0, 1.0), (0, 0, 2, 0, 0, 0, 0.5, 0.5, 1.0)]  # fmt: skip
FACES = [(7, [0, 1, 2, 3]), (9, [0, 1, 4])]


@pytest.mark.parametrize("order", ["<", ">", ""])
def test_ply_with_everything_and_faces_of_mixed_size(bring_in: Any, order: str) -> None:
    if order:
        name = "binary_little_endian" if order == "<" else "binary_big_endian"
        body = b"".join(struct.pack(order + "fffBBBfff", *r) for r in ROWS)
        body += b"".join(struct.pack(f"{order}BB{len(f)}i", flag, len(f), *f) for flag, f in FACES)
    else:
        name = "ascii"
        lines = [" ".join(map(str, r)) for r in ROWS] + [
            f"{flag} {len(f)} {' '.join(map(str, f))}" for flag, f in FACES
        ]
        body = "\n".join(lines).encode()
    report, stage = bring_in(HEADER.format(name).encode() + body, "a.ply")
    prim = stage.GetPrimAtPath("/Asset/geo/a")
    mesh = UsdGeom.Mesh(prim)
    assert list(mesh.GetFaceVertexCountsAttr().Get()) == [4, 3]
    assert list(mesh.GetFaceVertexIndicesAttr().Get()) == [0, 1, 2, 3, 0, 1, 4]
    assert (report.triangles, report.bounds_m) == (3, ((0, 0, 0), (1, 1, 2)))
    api = UsdGeom.PrimvarsAPI(prim)
    assert np.asarray(api.GetPrimvar("st").Get()).tolist() == [list(r[6:8]) for r in ROWS]
    color = np.asarray(api.GetPrimvar("displayColor").Get())
    assert color[:3].tolist() == np.eye(3).tolist()
    assert color[3] == pytest.approx([0.21586] * 3, abs=1e-4)  # sRGB 128 by IEC 61966-2-1
    assert {x.where for x in report.losses} == {"vertex.quality", "face.flags"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ply\nformat ascii 1.0\n", "header"),
        (b"ply\nformat utf9 1.0\nend_header\n", "means nothing"),
        (b"ply\nformat ascii 1.0\nelement vertex 1\n" + XYZ + b"end_header\n0 0 0\n", "no faces"),
        (b"ply\nformat ascii 1.0\nelement vertex -1\nend_header\n", "negative"),
        (b"ply\nformat ascii 1.0\nelement vertex 99\nproperty float x\nend_header\n0\n", "cut short"),
        (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\nzero\n", "no number"),
    ],
)  # fmt: skip
def test_broken_ply(bring_in: Any, data: bytes, message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        bring_in(data, "a.ply")


def test_truncated_binary_ply(bring_in: Any) -> None:
    data = BALL.export(file_type="ply")
    for cut in (len(data) - 1, len(data) // 2, 300):
        with pytest.raises(ImportRefused):
            bring_in(data[:cut], "a.ply")


def test_planted_defects_survive(bring_in: Any) -> None:
    faces = np.vstack([BALL.faces, BALL.faces[:3], [[0, 1, 1]], BALL.faces[5:6, ::-1]])
    vertices = np.vstack([BALL.vertices, BALL.vertices[:2], [[9, 9, 9]]])  # twins, and one that no face uses
    data = trimesh.Trimesh(vertices, faces, process=False).export(file_type="ply")
    report, stage = bring_in(data, "a.ply")
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/a"))
    assert np.asarray(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3).tolist() == faces.tolist()
    assert (report.vertices, report.bounds_m[1]) == (len(vertices), (9, 9, 9))


def test_large_files_are_read_as_blocks(tmp_path: Path, bring_in: Any) -> None:
    """300,000 faces in mixed sizes within seconds of processor time, as one would read them by hand."""
    n = 300_000
    points = np.random.default_rng(3).random((n, 3)).astype("<f4")
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {n}\n".encode() + XYZ
    header += f"element face {n}\nproperty list uchar uint vertex_indices\nend_header\n".encode()
    rows = np.zeros(n, [("n", "u1"), ("i", "<u4", 3)])
    rows["n"], rows["i"] = 3, np.arange(3 * n).reshape(n, 3) % n
    report, _ = bring_in(header + points.tobytes() + rows.tobytes(), "big.ply")
    assert report.triangles == n
    assert report.seconds < 10
