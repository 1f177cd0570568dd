# SPDX-License-Identifier: Apache-2.0
"""FBX by hand, FBX by Blender, FBX that is broken."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipeline.errors import ImportRefused
from pipeline.importers.fbx import read
from pipeline.importers.fbx.nodes import Chain, quaternions
from pipeline.importers.scene import Scene, Source

DATA = Path(__file__).parents[1] / "data" / "fbx"

TEXT = """; FBX 7.4.0 project file
FBXHeaderExtension:  {{
	FBXHeaderVersion: 1003
	FBXVersion: {version}
	Creator: "by hand"
}}
GlobalSettings:  {{
	Version: 1000
	Properties70:  {{
		P: "UpAxis", "int", "Integer", "",{up}
		P: "UpAxisSign", "int", "Integer", "",1
		P: "FrontAxis", "int", "Integer", "",{front}
		P: "FrontAxisSign", "int", "Integer", "",{sign}
		P: "CoordAxis", "int", "Integer", "",0
		P: "CoordAxisSign", "int", "Integer", "",1
		P: "UnitScaleFactor", "double", "Number", "",2.54
	}}
}}
Objects:  {{
	Geometry: 1, "Geometry::Shape", "Mesh" {{
		Vertices: *15 {{
			a: 0,0,0,1,0,0,1,1,0,0,1,0,
0.5,2,0
		}}
		PolygonVertexIndex: *7 {{
			a: 0,1,2,-4,3,2,-5
		}}
		LayerElementNormal: 0 {{
			Version: 101
			Name: ""
			MappingInformationType: "ByPolygon"
			ReferenceInformationType: "Direct"
			Normals: *6 {{
				a: 0,0,1,0,0,1
			}}
		}}
		LayerElementUV: 0 {{
			Name: "map1"
			MappingInformationType: "ByPolygonVertex"
			ReferenceInformationType: "IndexToDirect"
			UV: *6 {{
				a: 0,0,1,0,1,1
			}}
			UVIndex: *7 {{
				a: 0,1,2,0,0,2,1
			}}
		}}
		LayerElementMaterial: 0 {{
			MappingInformationType: "ByPolygon"
			ReferenceInformationType: "IndexToDirect"
			Materials: *2 {{
				a: 1,0
			}}
		}}
	}}
	Model: 2, "Model::Stück", "Mesh" {{
		Properties70:  {{
			P: "Lcl Translation", "Lcl Translation", "", "A",1,2,3
			P: "Lcl Rotation", "Lcl Rotation", "", "A",0,90,0
			P: "PreRotation", "Vector3D", "Vector", "",90,0,0
			P: "RotationPivot", "Vector3D", "Vector", "",5,0,0
			{extra}
		}}
	}}
	Model: 5, "Model::Parent", "Null" {{
	}}
	Material: 3, "Material::Red", "" {{
		ShadingModel: "phong"
		Properties70:  {{
			P: "DiffuseColor", "Color", "", "A",1,0,0
			P: "ShininessExponent", "Number", "", "A",6
			P: "TransparencyFactor", "Number", "", "A",0.25
			P: "TransparentColor", "Color", "", "A",1,1,1
		}}
	}}
	Material: 4, "Material::Blue", "" {{
		ShadingModel: "unknown"
		Properties70:  {{
			P: "3dsMax|Parameters|base_color", "ColorAndAlpha", "", "A",0,0,1,1
			P: "3dsMax|Parameters|metalness", "Float", "", "A",0.75
			P: "3dsMax|Parameters|roughness", "Float", "", "A",0.125
		}}
	}}
	Texture: 6, "Texture::pic", "" {{
		FileName: "C:\\nowhere\\pic.png"
		RelativeFilename: "..\\elsewhere\\pic.png"
	}}
}}
Connections:  {{
	C: "OO",5,0
	C: "OO",2,{parent}
	C: "OO",1,2
	C: "OO",3,2
	C: "OO",4,2
	C: "OP",6,3, "DiffuseColor"
}}
"""


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., Scene]:
    def make(*, change: tuple[str, str] = ("", ""), **told: object) -> Scene:
        values = {"version": 7400, "up": 1, "front": 2, "sign": 1, "parent": 5, "extra": "", **told}
        body = TEXT.format(**values).replace(*change) if change[0] else TEXT.format(**values)
        path = tmp_path / "hand.fbx"
        path.write_text(body, encoding="utf-8")
        return read(Source(path, tmp_path))

    return make


def test_text_mesh_with_its_layers(text: Callable[..., Scene]) -> None:
    scene = text()
    mesh = scene.meshes[0]
    assert mesh.points.tolist()[4] == [0.5, 2, 0]
    assert mesh.counts.tolist() == [4, 3]
    assert mesh.indices.tolist() == [0, 1, 2, 3, 3, 2, 4]
    assert mesh.normals is not None
    assert mesh.normals.interpolation == "uniform"
    assert mesh.uvs[0].name == "map1"
    assert mesh.uvs[0].indices is not None
    assert mesh.uvs[0].indices.tolist() == [0, 1, 2, 0, 0, 2, 1]
    names = [scene.materials[i].name for i in np.asarray(mesh.face_material)]
    assert names == ["Blue", "Red"]
    assert scene.nodes[[n.name for n in scene.nodes].index("Stück")].mesh == 0
    assert scene.metres_per_unit == pytest.approx(0.0254)
    assert scene.generator == "by hand"


def test_materials_old_and_new(text: Callable[..., Scene], tmp_path: Path) -> None:
    (tmp_path / "pic.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    scene = text()
    red, blue = (next(m for m in scene.materials if m.name == n) for n in ("Red", "Blue"))
    assert red.diffuse == (1, 0, 0)
    assert red.roughness == pytest.approx(0.5)  # sqrt(2 / (6 + 2))
    assert red.opacity == pytest.approx(0.75)
    assert blue.diffuse == (0, 0, 1)
    assert (blue.metallic, blue.roughness) == (0.75, 0.125)
    # the paths lead elsewhere, the picture of that name lies beside the file
    assert scene.images[red.textures["diffuseColor"].image].path == tmp_path / "pic.png"


def test_a_texture_that_is_nowhere_is_a_loss(text: Callable[..., Scene]) -> None:
    scene = text()
    assert not scene.images
    assert any("pic.png" in x.what for x in scene.losses)


def test_pivots_and_pre_rotation(text: Callable[..., Scene]) -> None:
    node = next(n for n in text().nodes if n.name == "Stück")
    # column vectors, from the FBX SDK's documentation: T Roff Rp Rpre R Rpost^-1 Rp^-1 Soff Sp S Sp^-1
    turn = Rotation.from_euler("x", 90, degrees=True) * Rotation.from_euler("y", 90, degrees=True)
    pivot = np.array([5.0, 0, 0])
    expected = np.array([1.0, 2, 3]) + pivot + turn.apply(-pivot)
    assert np.allclose(node.translation, expected)
    assert abs(np.dot(node.rotation, turn.as_quat())) == pytest.approx(1)


@pytest.mark.parametrize(("number", "order"), list(enumerate(["xyz", "xzy", "yzx", "yxz", "zxy", "zyx"])))
def test_every_rotation_order(text: Callable[..., Scene], number: int, order: str) -> None:
    extra = f'P: "RotationOrder", "enum", "", "",{number}'
    scene = text(extra=extra, change=('"A",0,90,0', '"A",10,20,30'))
    node = next(n for n in scene.nodes if n.name == "Stück")
    angles = [{"x": 10, "y": 20, "z": 30}[axis] for axis in order]
    turn = Rotation.from_euler("x", 90, degrees=True) * Rotation.from_euler(order, angles, degrees=True)
    assert abs(np.dot(node.rotation, turn.as_quat())) == pytest.approx(1)


def test_axes_are_taken_from_the_file(text: Callable[..., Scene]) -> None:
    scene = text(up=2, front=1, sign=-1)
    assert np.array([1.0, 2, 3]) @ scene.basis == pytest.approx([1, 3, -2])
    assert scene.up_stated
    odd = text(up=2, front=2)
    assert np.array_equal(odd.basis, np.eye(3))
    assert odd.notes


def test_an_animated_chain_is_the_still_one_at_each_key() -> None:
    from pipeline.importers.fbx.document import Object
    from pipeline.importers.fbx.records import Record

    model = Object(1, "Model", "m", "Mesh", Record("Model"))
    rng = np.random.default_rng(0)
    for name in ("PreRotation", "PostRotation", "RotationOffset", "RotationPivot", "ScalingOffset", "ScalingPivot"):
        model.properties[name] = rng.uniform(-40, 40, 3).tolist()
    t, r, s = rng.normal(size=3), rng.uniform(-180, 180, 3), rng.uniform(0.5, 2, 3)

    def move(v: np.ndarray) -> np.ndarray:
        m = np.eye(4)
        m[:3, 3] = v
        return m

    def turn(v: list[float] | np.ndarray) -> np.ndarray:
        m = np.eye(4)
        m[:3, :3] = Rotation.from_euler("xyz", v, degrees=True).as_matrix()
        return m

    p = {k: np.array(v) for k, v in model.properties.items()}
    inverse = np.linalg.inv
    chain = (
        move(t) @ move(p["RotationOffset"]) @ move(p["RotationPivot"]) @ turn(p["PreRotation"]) @ turn(r)
        @ inverse(turn(p["PostRotation"])) @ inverse(move(p["RotationPivot"])) @ move(p["ScalingOffset"])
        @ move(p["ScalingPivot"]) @ np.diag([*s, 1.0]) @ inverse(move(p["ScalingPivot"]))
    )  # fmt: skip
    moved, q, scale = Chain.of(model).apply(t, r, s)
    ours = np.eye(4)
    ours[:3, :3] = Rotation.from_quat(q).as_matrix() @ np.diag(scale)
    ours[:3, 3] = moved
    assert np.allclose(ours, chain)
    assert np.allclose(np.abs(quaternions(np.array([0.0, 180, 0]), "XYZ")), [0, 1, 0, 0])


def test_what_blender_writes_moves_as_in_blender(tmp_path: Path) -> None:
    from pxr import Usd, UsdGeom, UsdSkel

    from pipeline.importers import import_file

    report = import_file(DATA / "blender_rig.fbx", tmp_path / "package")
    assert (report.meshes, report.joints, report.up_axis) == (2, 2, "Y")
    assert report.meters_per_unit == pytest.approx(0.01)
    stage = Usd.Stage.Open(str(tmp_path / "package" / "payload.usdc"))
    first = stage.GetStartTimeCode()
    codes = [first, first + 19 / 24 * stage.GetTimeCodesPerSecond()]
    for root in (p for p in stage.Traverse() if p.IsA(UsdSkel.Root)):
        UsdSkel.BakeSkinning(UsdSkel.Root(root))
    meshes = {p.GetName(): UsdGeom.Mesh(p) for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)}
    cylinder = next(m for n, m in meshes.items() if "ylinder" in n)

    def box(mesh: UsdGeom.Mesh, code: float) -> np.ndarray:
        points = np.array(mesh.GetPointsAttr().Get(code), float)
        world = np.array(UsdGeom.XformCache(code).GetLocalToWorldTransform(mesh.GetPrim()))
        points = points @ world[:3, :3] + world[3, :3]
        return np.stack([points.min(0), points.max(0)])

    assert box(cylinder, codes[0]) == pytest.approx(np.array([[-0.2, 0, -0.2], [0.2, 2, 0.2]]), abs=1e-3)
    end = box(cylinder, codes[1])  # the upper half turned by one radian about X at the height of one metre
    assert end[1, 2] == pytest.approx(np.sin(1) + 0.2 * np.cos(1), abs=5e-3) or end[0, 2] == pytest.approx(
        -np.sin(1) - 0.2 * np.cos(1), abs=5e-3
    )


# ---------------------------------------------------------------------- broken files


def binary(children: bytes) -> bytes:
    return b"Kaydara FBX Binary  \x00\x1a\x00" + struct.pack("<I", 7400) + children + bytes(13)


def record(at: int, name: bytes, properties: bytes, count: int, inner: bytes = b"") -> bytes:
    end = at + 13 + len(name) + len(properties) + len(inner)
    return struct.pack("<IIIB", end, count, len(properties), len(name)) + name + properties + inner


def refused(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "bad.fbx"
    path.write_bytes(data)
    with pytest.raises(ImportRefused) as caught:
        read(Source(path))
    return caught.value.message


def test_broken_records_are_refused(tmp_path: Path) -> None:
    assert "runs beyond" in refused(tmp_path, binary(struct.pack("<IIIB", 10**9, 0, 0, 1) + b"A"))
    assert "claims" in refused(tmp_path, binary(record(27, b"A", b"", 10**6)))
    assert "unknown type" in refused(tmp_path, binary(record(27, b"A", b"\x01", 1)))
    assert "no end" in refused(tmp_path, binary(record(27, b"A", b"", 0))[:-13])
    assert "no objects" in refused(tmp_path, binary(record(27, b"A", b"", 0)))


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    inner = b""
    for depth in range(200, 0, -1):
        inner = record(27 + 14 * (depth - 1), b"A", b"", 0, inner + bytes(13) if inner else b"")
    assert "deeper" in refused(tmp_path, binary(inner))


def test_an_array_that_expands_beyond_what_it_says_is_refused(tmp_path: Path) -> None:
    packed = zlib.compress(bytes(80_000_000), 9)
    for count, why in ((10, "not as long"), (4_000_000_000, "beyond 4 GiB")):
        array = b"d" + struct.pack("<III", count, 1, len(packed)) + packed
        kind = b"S" + struct.pack("<I", 4) + b"Mesh"
        head = b"L" + struct.pack("<q", 1) + b"S\x03\0\0\0a\0\1" + kind
        model = b"L" + struct.pack("<q", 2) + b"S\x03\0\0\0b\0\1" + kind
        connection = b"S\x02\0\0\0OO" + b"L" + struct.pack("<q", 1) + b"L" + struct.pack("<q", 2)
        start = 27
        geometry_at = start + 13 + 7
        vertices_at = geometry_at + 13 + 8 + len(head)
        corners = np.array([0, 1, -3], "<i4").tobytes()
        corners = b"i" + struct.pack("<III", 3, 0, 12) + corners
        vertices = record(vertices_at, b"Vertices", array, 1)
        polygons = record(vertices_at + len(vertices), b"PolygonVertexIndex", corners, 1)
        geometry = record(geometry_at, b"Geometry", head, 3, vertices + polygons + bytes(13))
        node = record(geometry_at + len(geometry), b"Model", model, 3)
        objects = record(start, b"Objects", b"", 0, geometry + node + bytes(13))
        link_at = start + len(objects) + 13 + 11
        link = record(link_at, b"C", connection, 3)
        links = record(start + len(objects), b"Connections", b"", 0, link + bytes(13))
        assert why in refused(tmp_path, binary(objects + links))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("0,1,2,-4,3,2,-5", "0,1,2,-4,3,2,-9"), "names point 8 of 5"),
        (("0,1,2,-4,3,2,-5", "0,1,2,-4,3,2,4"), "cut off"),
        (("*7 {\n\t\t\ta: 0,1", "*70 {\n\t\t\ta: 0,1"), "not as long"),
        (("Connections:  {", "Connections:  {{"), "brace"),
        (("0,0,0,1,0,0", "0,0,0,abc,0,0"), "no number"),
        (("FBXVersion: 7400", "FBXVersion: 6100"), "FBX 6.1"),
    ],
)
def test_broken_text_is_refused(text: Callable[..., Scene], change: tuple[str, str], why: str) -> None:
    with pytest.raises(ImportRefused, match=why):
        text(change=change)


def test_nodes_that_are_their_own_parents(text: Callable[..., Scene]) -> None:
    with pytest.raises(ImportRefused, match="own parents"):
        text(change=('C: "OO",5,0', 'C: "OO",5,2'))
