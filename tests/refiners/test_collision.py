# SPDX-License-Identifier: Apache-2.0
"""Bodies for physics: nothing outside of them, few corners, sound schemas; distances and volumes by trimesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from pxr import Usd, UsdGeom, UsdPhysics, UsdValidation

from pipeline.refiners import RefineResult, refine

from .conftest import cube, sphere


def _twice(stage: Usd.Stage, **settings: object) -> RefineResult:
    first = refine(stage, "/Asset", "collision", settings)
    text = stage.GetRootLayer().ExportToString()
    assert not refine(stage, "/Asset", "collision", settings).changed
    assert stage.GetRootLayer().ExportToString() == text
    return first


def _prims(stage: Usd.Stage) -> list[Usd.Prim]:
    return list(stage.GetPrimAtPath("/Asset/collision").GetChildren())


def _solid(prim: Usd.Prim) -> trimesh.Trimesh:
    """What a body is, built by trimesh from USD's attributes."""
    if prim.IsA(UsdGeom.Mesh):
        mesh = UsdGeom.Mesh(prim)
        faces = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
        return trimesh.Trimesh(np.array(mesh.GetPointsAttr().Get(), float), faces, process=False)
    kind = prim.GetTypeName()
    if kind == "Cube":
        made = trimesh.creation.box([UsdGeom.Cube(prim).GetSizeAttr().Get()] * 3)
    elif kind == "Sphere":
        made = trimesh.creation.icosphere(5, UsdGeom.Sphere(prim).GetRadiusAttr().Get())
    else:
        shape = UsdGeom.Cylinder(prim) if kind == "Cylinder" else UsdGeom.Capsule(prim)
        assert shape.GetAxisAttr().Get() == "Z"
        radius, height = shape.GetRadiusAttr().Get(), shape.GetHeightAttr().Get()
        make = trimesh.creation.cylinder if kind == "Cylinder" else trimesh.creation.capsule
        made = make(radius=radius, height=height, **({"sections": 256} if kind == "Cylinder" else {"count": [64, 64]}))
    made.apply_transform(np.array(UsdGeom.Xformable(prim).GetLocalTransformation(), float).T)
    return made


def _outside(stage: Usd.Stage, shape: trimesh.Trimesh) -> float:
    """How far the surface of a shape lies outside of all bodies, as a share of its diagonal."""
    places = np.concatenate([shape.vertices, trimesh.sample.sample_surface(shape, 4000, seed=4)[0]])
    gap = np.full(len(places), np.inf)
    for prim in _prims(stage):
        body = _solid(prim)
        planes = (places @ body.face_normals.T) - np.einsum("ij,ij->i", body.face_normals, body.triangles[:, 0])
        gap = np.minimum(gap, planes.max(axis=1))
    return float(gap.max() / np.linalg.norm(shape.extents))


def _add(add, name: str, shape: trimesh.Trimesh) -> None:  # type: ignore[no-untyped-def]
    add(name, shape.vertices, shape.faces)


def test_hulls_of_shells(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("ball", *sphere(24))
    add("box", *cube(2, at=(4, 0, 0)))
    result = _twice(stage, vertices=32, simple=0)
    assert len(_prims(stage)) == 2
    for prim in _prims(stage):
        assert prim.HasAPI(UsdPhysics.CollisionAPI)
        assert UsdPhysics.MeshCollisionAPI(prim).GetApproximationAttr().Get() == "convexHull"
        assert UsdGeom.Imageable(prim).ComputePurpose() == "guide"
        body = _solid(prim)
        assert body.is_watertight
        assert body.is_convex
        assert body.volume > 0
        assert len(body.vertices) <= 32
    assert _outside(stage, trimesh.util.concatenate([trimesh.Trimesh(*sphere(24))])) < 1e-6
    # the cube exactly; a polyhedron of 32 corners around the unit ball is larger by a quarter at most
    assert 8 + 4.15 < result.details["volume_m3"] < 8 + 1.25 * 4.19
    assert result.details["outside_share"] == 0
    assert result.details["most_vertices"] <= 32
    assert refine(stage, "/Asset", "decimate", {"triangles": 10_000}).before["meshes"] == 2  # hulls are no geometry


TURN = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3], [1, 0, 0])
SIMPLE = {
    "Cube": trimesh.creation.box([1, 2, 3]),
    "Sphere": trimesh.creation.icosphere(4, 0.8),
    "Cylinder": trimesh.creation.cylinder(radius=0.5, height=2, sections=48),
    "Capsule": trimesh.creation.capsule(radius=0.3, height=1.4, count=[48, 48]),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", SIMPLE)
def test_a_part_that_is_a_simple_body_gets_one(stage: Usd.Stage, add, kind: str, turned: bool) -> None:  # type: ignore[no-untyped-def]
    shape = SIMPLE[kind].copy()
    if turned:
        shape.apply_transform(TURN)
    _add(add, "part", shape)
    result = _twice(stage)
    (prim,) = _prims(stage)
    assert prim.GetTypeName() == kind
    assert prim.HasAPI(UsdPhysics.CollisionAPI)
    assert not prim.HasAPI(UsdPhysics.MeshCollisionAPI)
    assert _outside(stage, shape) < 2e-3  # the trimesh bodies of comparison are polyhedra themselves
    assert result.details["volume_m3"] == pytest.approx(shape.volume, rel=0.05)
    assert result.details["outside_share"] == 0


def test_unreals_names_and_no_cylinder(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    for i, kind in enumerate(SIMPLE):
        shape = SIMPLE[kind].copy()
        shape.apply_translation([5 * i, 0, 0])
        _add(add, kind, shape)
    _twice(stage, names="unreal")
    names = {p.GetName(): p.GetTypeName() for p in _prims(stage)}
    assert names == {
        "UBX_Asset_01": "Cube", "USP_Asset_02": "Sphere", "UCX_Asset_03": "Mesh", "UCP_Asset_04": "Capsule",
    }  # fmt: skip


def _ell() -> trimesh.Trimesh:
    import manifold3d

    solid = manifold3d.Manifold.cube((2, 0.5, 0.5)) + manifold3d.Manifold.cube((0.5, 2, 0.5))
    mesh = solid.to_mesh()
    return trimesh.Trimesh(np.asarray(mesh.vert_properties), np.asarray(mesh.tri_verts))


@pytest.mark.parametrize("cutter", ["gates", "coacd"])
def test_concave_bodies_are_cut_into_pieces(stage: Usd.Stage, add, cutter: str) -> None:  # type: ignore[no-untyped-def]
    if cutter == "coacd":
        pytest.importorskip("coacd")
    shape = _ell()
    _add(add, "angle", shape)
    one = refine(stage, "/Asset", "collision", {"mode": "one"}).details["volume_m3"]
    result = _twice(stage, mode="pieces", cutter=cutter)
    exact = 2 * 0.5 * 0.5 + 1.5 * 0.5 * 0.5
    assert shape.volume == pytest.approx(exact)
    assert result.details["hulls"] >= 2
    assert abs(result.details["volume_m3"] - exact) < 0.5 * abs(one - exact)
    assert _outside(stage, shape) < 1e-5


def test_a_ring_is_followed_and_held(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    ring = trimesh.creation.torus(1, 0.3, major_sections=32, minor_sections=16)
    _add(add, "ring", ring)
    result = _twice(stage, mode="pieces", most=16, vertices=64, simple=0)
    assert _outside(stage, ring) < 1e-4
    assert result.details["volume_m3"] < 1.25 * ring.volume < 0.8 * result.details["convex_volume_m3"]
    # the hole is left open
    assert not any(_solid(p).contains([[0, 0, 0]])[0] for p in _prims(stage))


def test_usd_finds_nothing_wrong(stage: Usd.Stage, add) -> None:  # type: ignore[no-untyped-def]
    add("box", *cube())
    _add(add, "ell", _ell().apply_translation([4, 0, 0]))
    refine(stage, "/Asset", "collision", {"mode": "shells"})
    registry = UsdValidation.ValidationRegistry()
    validators = registry.GetOrLoadAllValidators()
    context = UsdValidation.ValidationContext(validators)
    found = [
        f"{e.GetName()}: {e.GetMessage()}" for e in context.Validate(stage)
        if any("collision" in str(s.GetPrim().GetPath()) for s in e.GetSites() if s.IsPrim())
    ]  # fmt: skip
    assert found == []
