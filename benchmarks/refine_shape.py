# SPDX-License-Identifier: Apache-2.0
"""Collision, quads, levels of detail and rig preparation: time, quality, and a peer or floor in the same run.

usage: python benchmarks/refine_shape.py

Collision: share of the surface outside of all hulls, how far, the hulls' volume over the solid's; the peer is CoACD
at its default threshold. Quads: share of quads, count over the wanted count, error; the peer is QuadriFlow, where it
is installed.
Levels: time over one plain collapse of the same mesh. Rig preparation: time over one skinning of the same clip by USD.
CPU seconds, those of child processes included.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

import numpy as np
import trimesh
from pxr import Gf, Usd, UsdGeom, UsdSkel, Vt

from pipeline.mesh.deviation import deviation
from pipeline.mesh.faces import diagonal
from pipeline.mesh.hulls import convex_hull, hull_volume, outside
from pipeline.mesh.nearest import samples
from pipeline.mesh.simplify import simplify
from pipeline.refiners import refine
from pipeline.refiners.core.geometry import read_mesh


def spent(run: Callable[[], Any]) -> tuple[Any, float]:
    """A result and its CPU seconds, with those of child processes."""

    def clock() -> float:
        both = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in both)

    start = clock()
    result = run()
    return result, clock() - start


def stage_of(points: np.ndarray, faces: np.ndarray) -> Usd.Stage:
    """A stage with one mesh, metres, Y up."""
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Asset").GetPrim())
    mesh = UsdGeom.Mesh.Define(stage, "/Asset/geo/shape")
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(points, np.float32)))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(np.ascontiguousarray(faces.reshape(-1), np.int32)))
    mesh.CreateSubdivisionSchemeAttr("none")
    return stage


def shapes() -> dict[str, trimesh.Trimesh]:
    """Closed shapes that anybody can make."""
    import manifold3d

    chair = manifold3d.Manifold.cube((1, 0.1, 1)).translate((0, 1, 0)) + manifold3d.Manifold.cube(
        (1, 1.1, 0.1)
    ).translate((0, 1, 0))
    for x in (0, 0.9):
        for z in (0, 0.9):
            chair += manifold3d.Manifold.cube((0.1, 1.05, 0.1)).translate((x, 0, z))
    made = chair.to_mesh()
    return {
        "ring": trimesh.creation.torus(1, 0.3, major_sections=64, minor_sections=32),
        "chair": trimesh.Trimesh(np.asarray(made.vert_properties)[:, :3], np.asarray(made.tri_verts)).subdivide_to_size(
            0.1
        ),
    }


def collision(name: str, shape: trimesh.Trimesh) -> None:
    """Ours and CoACD on one shape."""
    places = samples(shape.vertices, shape.faces, 20_000, seed=7)[0]
    size = diagonal(shape.vertices)

    def ours() -> list:
        stage = stage_of(shape.vertices, shape.faces)
        refine(stage, "/Asset", "collision", {"mode": "pieces", "simple": 0, "most": 16, "vertices": 64})
        prims = stage.GetPrimAtPath("/Asset/collision").GetChildren()
        return [convex_hull(np.array(UsdGeom.Mesh(p).GetPointsAttr().Get(), float)) for p in prims]

    rows = {"gates": spent(ours)}
    try:
        import coacd

        coacd.set_log_level("error")
        whole = coacd.Mesh(np.asarray(shape.vertices, float), np.asarray(shape.faces, np.int32))
        rows["coacd"] = spent(
            lambda: [
                convex_hull(p) for p, _ in coacd.run_coacd(whole, max_convex_hull=16, max_ch_vertex=64, decimate=True)
            ]
        )
    except ImportError:
        pass
    base = rows["gates"][1]
    for who, (hulls, seconds) in rows.items():
        gap, _ = outside(places, hulls)
        out = gap > 1e-6 * size
        volume = sum(map(hull_volume, hulls)) / shape.volume
        print(
            f"collision {name:6} {who:6} {seconds:7.2f} s {seconds / base:6.2f}x  {len(hulls):3} hulls  outside "
            f"{out.mean():6.1%} by {100 * max(float(gap.max()), 0) / size:6.3f} %  volume {volume:5.2f}",
            flush=True,
        )


def quads(name: str, shape: trimesh.Trimesh, wanted: int = 1000) -> None:
    """Ours and QuadriFlow on one shape."""

    def ours() -> tuple[np.ndarray, np.ndarray]:
        stage = stage_of(shape.vertices, shape.faces)
        refine(stage, "/Asset", "quads", {"faces": wanted})
        made = read_mesh(UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/shape")))
        return made.points, made

    (points, made), seconds = spent(ours)
    gap = deviation(shape.vertices, shape.faces, points, made.triangles)
    size = diagonal(shape.vertices)
    print(
        f"quads     {name:6} gates  {seconds:7.2f} s   1.00x  {(made.counts == 4).mean():6.1%} quads, "
        f"{len(made.counts) / wanted:4.2f} of the count, open {len(made.topology.edges.open)}, "
        f"error mean {100 * gap.mean / size:.3f} max {100 * gap.maximum / size:.3f} %",
        flush=True,
    )
    try:
        import pyQuadriFlow
    except ImportError:
        return
    (found), took = spent(
        lambda: pyQuadriFlow.pyqf(wanted, shape.vertices.astype(np.float32), shape.faces.astype(np.int32))
    )
    corners, faces = np.asarray(found[0]), np.asarray(found[1]).reshape(-1, 4)
    triangles = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
    gap = deviation(shape.vertices, shape.faces, corners, triangles)
    print(
        f"quads     {name:6} qflow  {took:7.2f} s {took / seconds:6.2f}x  100.0% quads, "
        f"{len(faces) / wanted:4.2f} of the count, "
        f"error mean {100 * gap.mean / size:.3f} max {100 * gap.maximum / size:.3f} %",
        flush=True,
    )


def levels() -> None:
    """Three levels of 80,000 triangles against one collapse to the last of them."""
    ball = trimesh.creation.icosphere(6)
    ball.vertices *= 1 + 0.05 * np.sin(ball.vertices @ np.array([[9.0], [7.0], [5.0]]))
    stage = stage_of(ball.vertices, ball.faces)
    mesh = read_mesh(UsdGeom.Mesh(stage.GetPrimAtPath("/Asset/geo/shape")))
    _, floor = spent(lambda: simplify(mesh, len(ball.faces) // 8))
    _, seconds = spent(lambda: refine(stage, "/Asset", "lods"))
    print(f"lods      {len(ball.faces)} triangles {seconds:7.2f} s {seconds / floor:6.2f}x of one collapse")


def rig(points: int = 50_000, keys: int = 60) -> None:
    """Turned joints, 12 influences to 4, against USD's skinning of the clip."""
    random = np.random.default_rng(1)
    count = 60
    joints = ["j0"]
    for j in range(1, count):
        joints.append(f"{joints[(j - 1) // 2]}/j{j}")
    bind = np.tile(np.eye(4), (count, 1, 1))
    bind[:, 3, :3] = random.random((count, 3))
    parents = [-1, *((j - 1) // 2 for j in range(1, count))]
    rest = np.stack([bind[j] if p < 0 else bind[j] @ np.linalg.inv(bind[p]) for j, p in enumerate(parents)])
    places = random.random((points, 3)).astype(np.float32)
    stage = stage_of(places, np.arange(points - points % 3).reshape(-1, 3))
    UsdSkel.Root.Define(stage, "/Asset/geo")
    skeleton = UsdSkel.Skeleton.Define(stage, "/Asset/geo/skel")
    skeleton.CreateJointsAttr(joints)
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray.FromNumpy(bind))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray.FromNumpy(rest))
    api = UsdSkel.BindingAPI.Apply(stage.GetPrimAtPath("/Asset/geo/shape"))
    api.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    index = np.argsort(random.random((points, count)), axis=1)[:, :12].astype(np.int32)
    weight = random.random((points, 12)).astype(np.float32) ** 4
    api.CreateJointIndicesPrimvar(False, 12).Set(Vt.IntArray.FromNumpy(index.reshape(-1)))
    api.CreateJointWeightsPrimvar(False, 12).Set(
        Vt.FloatArray.FromNumpy((weight / weight.sum(axis=1, keepdims=True)).reshape(-1))
    )
    clip = UsdSkel.Animation.Define(stage, "/Asset/geo/clip")
    clip.CreateJointsAttr(joints)
    clip.CreateScalesAttr(Vt.Vec3hArray.FromNumpy(np.ones((count, 3), np.float16)))
    turns, moves = clip.CreateRotationsAttr(), clip.CreateTranslationsAttr()
    for key in range(keys):
        turn = random.normal(size=(count, 4)) * 0.1 + [0, 0, 0, 1]
        turns.Set(Vt.QuatfArray.FromNumpy((turn / np.linalg.norm(turn, axis=1, keepdims=True)).astype("f4")), key)
        moves.Set(Vt.Vec3fArray.FromNumpy(rest[:, 3, :3].astype("f4")), key)
    UsdSkel.BindingAPI.Apply(skeleton.GetPrim()).CreateAnimationSourceRel().SetTargets([clip.GetPath()])
    copy = Usd.Stage.Open(stage.Flatten())
    root = UsdSkel.Root(copy.GetPrimAtPath("/Asset/geo"))
    _, floor = spent(lambda: UsdSkel.BakeSkinning(root, Gf.Interval(0, keys - 1)))
    done, seconds = spent(lambda: refine(stage, "/Asset", "rig-prep", {"orient": "x", "names": "clean"}))
    print(
        f"rig-prep  {points} points, {count} joints, {keys} keys {seconds:7.2f} s {seconds / floor:6.2f}x "
        f"of baking the clip; {done.details['deformation']}"
    )


def main() -> None:
    """Print one row for each."""
    for name, shape in shapes().items():
        collision(name, shape)
    for name, shape in shapes().items():
        quads(name, shape)
    levels()
    rig()


if __name__ == "__main__":
    main()
