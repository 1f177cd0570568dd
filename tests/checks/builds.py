# SPDX-License-Identifier: Apache-2.0
"""Assets with exactly as much of a fault as a number says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, Vt

from tests.checks.conftest import Asset, grid

SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)


def merged(*shapes: trimesh.Trimesh) -> trimesh.Trimesh:
    """Shapes as one mesh, nothing joined."""
    start = np.cumsum([0, *(len(s.vertices) for s in shapes)])
    faces = np.concatenate([np.asarray(s.faces) + n for s, n in zip(shapes, start, strict=False)])
    return trimesh.Trimesh(np.concatenate([s.vertices for s in shapes]), faces, process=False)


def box(size: Any = (1, 1, 1), at: Any = (0, 0, 0)) -> trimesh.Trimesh:
    """A box with its middle at a place."""
    return trimesh.creation.box(extents=size).apply_translation(at)


def ball(radius: float = 0.5, at: Any = (0, 0, 0), fine: int = 3) -> trimesh.Trimesh:
    """An icosphere."""
    return trimesh.creation.icosphere(fine, radius).apply_translation(at)


def squares(asset: Asset, boxes: Any, **more: Any) -> None:
    """Separate unit squares in space, each laid out as the box (u, v, width, height)."""
    points = [np.column_stack([SQUARE[:, 0] + 3 * i, SQUARE[:, 1], np.zeros(4)]) for i in range(len(boxes))]
    uv = [SQUARE * [w, h] + [u, v] for u, v, w, h in boxes]
    asset.mesh(np.concatenate(points), np.arange(4 * len(boxes)).reshape(-1, 4), uv=np.concatenate(uv), **more)


def painted(asset: Asset, inputs: dict[str, Any]) -> None:
    """A unit square with a material."""
    asset.material("paint", inputs)
    squares(asset, [(0, 0, 1, 1)], material="paint")


def picture(asset: Asset, width: int, height: int) -> None:
    """A square with an albedo of so many pixels."""
    painted(asset, {"diffuseColor": (asset.flat_picture("a.png", width, height), "sRGB")})


def clip(asset: Asset, degrees: float) -> None:
    mesh = asset.tri(ball())
    chain = {"root": (0, 0, 0), "root/mid": (0, 0.5, 0)}
    asset.rig(mesh, chain, np.full((len(ball().vertices), 2), 0.5), 2)
    asset.stage.SetStartTimeCode(0)
    asset.stage.SetEndTimeCode(24)
    clip = UsdSkel.Animation.Define(asset.stage, "/Asset/geo/walk_loop")
    clip.CreateJointsAttr(Vt.TokenArray(["root/mid"]))
    clip.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1)]))
    clip.CreateTranslationsAttr(Vt.Vec3fArray([Gf.Vec3f(0, 0.5, 0)]))
    turn = clip.CreateRotationsAttr()
    for time, angle in ((0, 0.0), (12, 40.0), (24, degrees)):
        turn.Set(Vt.QuatfArray([Gf.Quatf(Gf.Rotation(Gf.Vec3d(0, 0, 1), angle).GetQuat())]), time)
    skeleton = asset.stage.GetPrimAtPath("/Asset/geo/skeleton")
    UsdSkel.BindingAPI.Apply(skeleton).CreateAnimationSourceRel().SetTargets([clip.GetPath()])


def file(asset: Asset, kilobytes: int) -> Path:
    path = asset.folder / "a.usda"
    stage = Usd.Stage.CreateNew(str(path))
    mesh = UsdGeom.Mesh.Define(stage, "/A")
    mesh.CreatePointsAttr([(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    mesh.CreateFaceVertexCountsAttr([3])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2])
    stage.Save()
    with path.open("ab") as file:  # a comment up to the size to the byte
        file.write(b"#" * (kilobytes * 1000 - path.stat().st_size - 1) + b"\n")
    return path


def low_triangle(asset: Asset, height: float) -> None:
    asset.mesh([[0, 0, 0], [1, 0, 0], [0.5, height, 0], [0, -1, 0]], [[0, 1, 2], [0, 3, 1]])


def doubles(asset: Asset, double: tuple[int, float]) -> None:
    many, away = double
    own = ball()
    again = own.vertices[own.faces[:many]] + np.array([0, away, 0])
    faces = np.concatenate([own.faces, len(own.vertices) + np.arange(3 * many).reshape(-1, 3)])
    asset.mesh(np.concatenate([own.vertices, again.reshape(-1, 3)]), faces)


def crumb(asset: Asset, gap: float) -> None:
    """A small box over a large one, so far away as a share of the diagonal."""
    diagonal = np.sqrt(2 + 1.05**2)
    asset.tri(merged(box(), box((0.05, 0.05, 0.05), (0, 0, 0.525 + gap * diagonal))))


def two_balls(asset: Asset, share: float) -> None:
    """Balls whose larger one has a share of the area."""
    asset.tri(merged(ball(), ball(0.5 * np.sqrt(1 / share - 1), (2, 0, 0))))


def inner(asset: Asset, share: float) -> None:
    """A ball in a ball that has a share of the area of both."""
    asset.tri(merged(ball(), ball(0.5 * np.sqrt(share / (1 - share)))))


def lifted_face(asset: Asset, gap: float) -> None:
    """A box one of whose faces is lifted by a share of the diagonal."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [8, 9, 10, 11], [0, 2, 6, 4], [1, 5, 7, 3]]
    asset.mesh(np.vstack([corners, corners[[2, 3, 7, 6]] + [0, gap * np.sqrt(3), 0]]), faces)


def window(asset: Asset, share: float) -> None:
    """A box of 1 x 1 x 0.02 with a square window in its back that takes a share of it."""
    half = np.sqrt(share) / 2
    outer, inner = SQUARE - 0.5, (2 * SQUARE - 1) * half
    ring = np.vstack([np.column_stack([p, np.full(4, -0.01)]) for p in (outer, inner)])
    front = np.column_stack([outer, np.full(4, 0.01)])
    frame = [[i, 4 + i, 4 + (i + 1) % 4, (i + 1) % 4] for i in range(4)]
    walls = [[i, (i + 1) % 4, 8 + (i + 1) % 4, 8 + i] for i in range(4)]
    asset.mesh(np.vstack([ring, front]), [*frame, *walls, [8, 9, 10, 11]])


def far_point(asset: Asset, metres: float) -> None:
    points = np.array(ball().vertices)
    points[0, 0] = metres
    asset.mesh(points, ball().faces)


def turned(asset: Asset, faces: int) -> None:
    own = ball()
    asset.mesh(own.vertices, np.concatenate([own.faces[:faces, ::-1], own.faces[faces:]]))


def needle(asset: Asset, side: int) -> None:
    """A needle through a sheet of side x side squares: it and the triangle that it pierces cross."""
    points, faces, _ = grid(side, side, side, side)
    at = side // 2 + np.array([0.6, 0.2])
    needle = [[*at, -1], [at[0] + 0.1, at[1], 1], [at[0] + 0.1, at[1] + 0.05, 1]]
    asset.mesh(np.vstack([points, needle]), np.vstack([faces, len(points) + np.arange(3)]))


def levels(asset: Asset, levels: int) -> None:
    asset.tri(ball())
    variants = asset.stage.GetDefaultPrim().GetVariantSets().AddVariantSet("LOD")
    for i in range(levels):
        variants.AddVariant(f"lod{i}")


def materials(asset: Asset, many: int) -> None:
    for i in range(many):
        asset.tri(box(), f"part_{i}", material=f"m{i}")


def two_greys(asset: Asset, apart: int) -> None:
    pixels = np.full((32, 32, 3), 100)
    pixels[:, 16:] += apart
    asset.material("all", {"diffuseColor": (asset.picture("a.png", pixels), "sRGB")})
    squares(asset, [(0.1, 0.1, 0.3, 0.8), (0.6, 0.1, 0.3, 0.8)], material="all")


def half_green(asset: Asset, share: float) -> None:
    """A square of which a share is green, the rest brown."""
    pixels = np.empty((16, 200, 3), np.uint8)
    pixels[:] = (137, 89, 57)
    pixels[:, : round(200 * share)] = (40, 200, 40)
    painted(asset, {"diffuseColor": (asset.picture("a.png", pixels), "sRGB")})


def joints(asset: Asset, many: int, used: int = 1) -> None:
    mesh = asset.tri(box())
    weights = np.zeros((8, max(many, used)))
    weights[:, :used] = 1 / used
    names = {"root" if not i else f"root/j{i}": (0, 0, 0.01 * i) for i in range(many)}
    asset.rig(mesh, names, weights, max(many, used))


def arms(asset: Asset, degrees: float) -> None:
    joints = {"hips": (0, 1, 0)}
    a = np.radians(degrees)
    for side, sign in (("Left", 1), ("Right", -1)):
        shoulder = np.array([0.2 * sign, 1.5, 0])
        joints[f"hips/{side}Arm"] = tuple(shoulder)
        joints[f"hips/{side}Arm/{side}ForeArm"] = tuple(shoulder + 0.3 * np.array([sign * np.cos(a), -np.sin(a), 0]))
    asset.rig(asset.tri(box()), joints, np.ones((8, 1)), 1)


def rig(asset: Asset, there: str) -> None:
    mesh = asset.tri(box())
    if there in ("bound", "bound second"):
        if there == "bound second":
            asset.tri(box(), "hat", move=[0, 2, 0])
        asset.rig(mesh, {"root": (0, 0, 0)}, np.ones((8, 1)), 1)
    elif there == "unbound":
        UsdSkel.Skeleton.Define(asset.stage, "/Asset/geo/skeleton").CreateJointsAttr(Vt.TokenArray(["root"]))


def skeleton(asset: Asset, scale: float) -> None:
    """A chain of two joints, the second's bind transform scaled."""
    joints(asset, 2)
    skeleton = UsdSkel.Skeleton(asset.stage.GetPrimAtPath("/Asset/geo/skeleton"))
    turned = Gf.Matrix4d(1).SetScale(Gf.Vec3d(scale)) * Gf.Matrix4d(1).SetTranslate(Gf.Vec3d(0, 0, 0.01))
    skeleton.GetBindTransformsAttr().Set(Vt.Matrix4dArray([Gf.Matrix4d(1), turned]))


def weights(asset: Asset, total: float) -> None:
    asset.rig(asset.tri(box()), {"a": (0, 0, 0), "b": (0, 1, 0)}, np.tile([0.5, total - 0.5], (8, 1)), 2)


def bar(asset: Asset, height: float) -> None:
    """A ball, and a reference of a bar as wide as its disc and so high."""
    pixels = np.full((400, 400, 3), 255, np.uint8)
    half = round(160 * height)
    pixels[200 - half : 200 + half, 40:360] = 40
    asset.picture("bar.png", pixels)
    asset.tri(ball())


def bar_overlap(height: float) -> float:
    """Of a disc of diameter 1 and a bar 1 x height: what both cover over what either does."""
    both = height * np.sqrt(1 - height**2) / 2 + np.arcsin(height) / 2
    return float(both / (np.pi / 4 + height - both))


def cabinet(asset: Asset, turned: tuple[float, bool]) -> None:
    """A box 1 high, 1 deep and so wide, turned by a quarter or not; its picture from the front is not turned."""
    width, aside = turned
    pixels = np.full((300, 300, 3), 255, np.uint8)
    half = round(100 * width)
    pixels[50:250, 150 - half : 150 + half] = 40
    asset.picture("front.png", pixels)
    asset.tri(box((1, 1, width) if aside else (width, 1, 1)))


def black_rows(asset: Asset, rows: int) -> None:
    pixels = np.full((128, 128, 3), 120)
    pixels[:rows] = 0
    painted(asset, {"diffuseColor": (asset.picture("a.png", pixels), "sRGB")})


def sky(asset: Asset, strength: float) -> None:
    """Paint of one hue on a ball, its brightness exp(strength y + noise); the noise's deviation is 0.35."""
    from tests.checks.test_texture import encode, painted_ball

    noise = np.random.default_rng(3).normal(scale=0.35, size=(256, 512, 1))
    painted_ball(asset, lambda n: encode(0.15 * np.exp(strength * n[..., 1:2] + noise) * np.ones(3)))


def normal_map(asset: Asset, kind: tuple[str, str, int]) -> None:
    """An input with a colour space, its picture with so many channels."""
    name, space, channels = kind
    shape = (16, 16) if channels == 1 else (16, 16, channels)
    pixels = np.random.default_rng(1).integers(0, 255, shape)
    channel = "rgb" if name in ("normal", "diffuseColor") else "r"
    painted(asset, {name: (asset.picture("a.png", pixels), space, channel)})


def picture_file(asset: Asset, cut: int) -> None:
    """A picture that lacks so many of its last bytes; all of them: it is not there."""
    path = asset.picture("a.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3)))
    whole = path.read_bytes()
    path.write_bytes(whole[: max(0, len(whole) - cut)])
    if cut >= len(whole):
        path.unlink()
    painted(asset, {"diffuseColor": (path, "sRGB")})


def pbr(asset: Asset, inputs: str) -> None:
    """A material with textures on the inputs whose letters are given: albedo, normal, roughness, metallic."""
    file = asset.flat_picture("a.png", 8, 8)
    made = {"a": "diffuseColor", "n": "normal", "r": "roughness", "m": "metallic"}
    painted(asset, {made[x]: (file, "sRGB" if x == "a" else "raw", "rgb" if x in "an" else "r") for x in inputs})


def slivers(asset: Asset, narrow: int) -> None:
    """A hundred triangles, so many of them with an angle of 1.9 degrees, the others of 2.1."""
    angle = np.radians(np.where(np.arange(100) < narrow, 1.9, 2.1))
    x = 3.0 * np.arange(100)
    zero = np.zeros(100)
    corners = [(x, zero), (x + 1, zero), (x + np.cos(angle), np.sin(angle))]
    points = np.stack([np.stack([a, b, zero], 1) for a, b in corners], 1)
    asset.mesh(points.reshape(-1, 3), np.arange(300).reshape(-1, 3))


def sides(asset: Asset, ratio: float) -> None:
    """Squares of side 1 and squares of side 1 / ratio, as many of each."""
    side = np.where(np.arange(200) % 2, 1.0, 1.0 / ratio)
    points = np.zeros((200, 4, 3))
    points[..., :2] = SQUARE * side[:, None, None]
    points[..., 0] += 3 * np.arange(200)[:, None]
    faces = 4 * np.arange(200)[:, None, None] + np.array([[0, 1, 2], [0, 2, 3]])
    asset.mesh(points.reshape(-1, 3), faces.reshape(-1, 3))


def islands(asset: Asset, many: int) -> None:
    side = int(np.ceil(np.sqrt(many)))
    squares(asset, [((i % side) / side, (i // side) / side, 0.5 / side, 0.5 / side) for i in range(many)])


def layout(asset: Asset, kind: str) -> None:
    points, faces, uv = grid(3, 3)
    mesh = asset.mesh(points, faces, uv=None if kind == "none" else uv)
    if kind == "other name":
        UsdGeom.PrimvarsAPI(mesh).RemovePrimvar("st")
        made = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar("map1", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
        made.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(uv, np.float32)))
    if kind == "empty":
        UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").Set(Vt.Vec2fArray())
