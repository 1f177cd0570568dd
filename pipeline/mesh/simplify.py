# SPDX-License-Identifier: Apache-2.0
"""Fewer triangles: edge collapse that keeps seams and borders, then a fit to the original surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingDependency, RefineError
from pipeline.mesh import meshopt
from pipeline.mesh.edges import edges
from pipeline.mesh.faces import repeated
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.refit import refit
from pipeline.mesh.seams import Split, rebuild, split
from pipeline.mesh.weld import weld

__all__ = ["ENGINES", "Simplified", "engine", "simplify"]

ENGINES = ("meshoptimizer", "opengl-decimate")
#: beyond this many times the target, the collapse looks at positions only: the triangles are too small to matter
_FAR = 8
_UV_WEIGHT = 1.0
_SKIN_WEIGHT = 0.5
_MOST_ATTRIBUTES = 16


@dataclass(frozen=True, eq=False)
class Simplified:
    """A mesh with fewer triangles.

    Attributes
    ----------
    mesh
        Triangles; every primvar and face set of the original but its normals.
    engine
        The library that collapsed the edges.
    triangles
        How many are left.
    """

    mesh: PolygonMesh
    engine: str
    triangles: int


def engine(wanted: str = "") -> str:
    """The engine that runs here: the wanted one, or the best that is installed.

    Raises
    ------
    MissingDependency
        It is not installed.
    """
    here = {"meshoptimizer": meshopt.available, "opengl-decimate": _has_fallback}
    for name in [wanted] if wanted else ENGINES:
        if here[name]():
            return name
    raise MissingDependency(
        f"{wanted or 'no library that decimates'} is not installed", remedy="pip install 'sevengates[fast]'"
    )


def simplify(
    mesh: PolygonMesh, target: int, seams: bool = True, fit: bool = True, lock_border: bool = False, use: str = ""
) -> Simplified:
    """Reduce a mesh to about `target` triangles.

    Parameters
    ----------
    mesh
        Finite, any polygons. A mesh that has no more than `target` triangles is returned triangulated.
    seams
        Keep UV islands and face sets apart. False gives up the UVs (they are dropped) for a better shape.
    fit
        Move vertices to the least squares of the original surface.
    lock_border
        Keep every vertex of open borders.
    use
        Name of the engine; the best that is installed where empty.

    Raises
    ------
    RefineError
        The engine refuses this mesh.
    MissingDependency
        No engine is installed.
    """
    name = engine(use)
    source = split(mesh if seams else _without_seams(mesh), seams)
    solid = source.position[source.faces]
    faces = source.faces[~repeated(solid)]
    positions = None
    if len(faces) > target:
        if name == "meshoptimizer":
            faces = _collapse(source, faces, target, lock_border)
        else:
            faces, positions = _fallback(source, faces, target, lock_border)
        faces = _without_flaps(source, faces)
        if fit and len(faces):
            positions = _fitted(source, faces, positions)
    if len(faces) == 0:
        raise RefineError("nothing would be left of the mesh", remedy="ask for more triangles")
    return Simplified(rebuild(source, faces, positions), name, len(faces))


def _without_seams(mesh: PolygonMesh) -> PolygonMesh:
    from dataclasses import replace

    kept = {n: p for n, p in mesh.primvars.items() if p.interpolation != "faceVarying" and "texCoord" not in p.kind}
    return replace(mesh, primvars=kept)


def _collapse(source: Split, faces: NDArray, target: int, lock_border: bool) -> NDArray:
    options = meshopt.LOCK_BORDER if lock_border else 0
    points = _unit(source.points)
    columns, weights = _attributes(source)
    if len(faces) > 2 * _FAR * target or columns is None:
        middle = target if columns is None else _FAR * target
        faces, _ = meshopt.simplify(points, faces, middle, options=options)
    if columns is not None and len(faces) > target:
        used, local = np.unique(faces, return_inverse=True)
        inner, _ = meshopt.simplify(points[used], local.reshape(-1, 3), target, columns(used), weights, options=options)
        faces = used[inner]
    return faces


def _attributes(source: Split):  # type: ignore[no-untyped-def]
    """A function that gives the attributes of chosen vertices, and their weights; None where there are none."""
    uvs: list[Primvar] = []
    skin = None
    for name, primvar in source.mesh.primvars.items():
        if name == "normals" or primvar.values.dtype.kind != "f":
            continue
        if "texCoord" in primvar.kind or (primvar.kind in ("float2[]", "double2[]") and len(uvs) == 0):
            uvs.append(primvar)
        elif name == "skel:jointWeights" and primvar.interpolation == "vertex":
            skin = primvar
    joints = source.mesh.primvars.get("skel:jointIndices")
    if not uvs and (skin is None or joints is None):
        return None, None
    room = _MOST_ATTRIBUTES - 2 * len(uvs[:2])
    weights = [_UV_WEIGHT, _UV_WEIGHT] * len(uvs[:2])
    busiest = np.zeros(0, int)
    if skin is not None and joints is not None:
        load = np.bincount(joints.values.reshape(-1), skin.values.reshape(-1))
        busiest = np.argsort(-load)[: min(room, int((load > 0).sum()))]
        weights += [_SKIN_WEIGHT] * len(busiest)

    def columns(vertices: NDArray) -> NDArray:
        part = Split(source.mesh, source.faces, source.corner[vertices], source.position[vertices], source.group)
        found = [part.values(uv)[:, :2] for uv in uvs[:2]]
        if len(busiest) and skin is not None and joints is not None:
            index, weight = part.values(joints), part.values(skin)
            found.append(np.stack([(weight * (index == j)).sum(axis=1) for j in busiest], axis=1))
        return np.concatenate(found, axis=1).astype(np.float32)

    return columns, np.array(weights, np.float32)


def _without_flaps(source: Split, faces: NDArray) -> NDArray:
    """Drop what collapse folded flat: two triangles on the same corners, back to back, and repeats of one."""
    used, local = np.unique(source.position[faces], return_inverse=True)
    solid = weld(np.ascontiguousarray(source.mesh.points[used])).index[local.reshape(-1, 3)]
    names = np.sort(solid, axis=1)
    _, name, times = np.unique(names, axis=0, return_inverse=True, return_counts=True)
    name = name.reshape(-1)
    suspects = np.flatnonzero(times[name] > 1)
    if len(suspects) == 0:
        return faces
    # the parity of the corners' order tells the side a triangle looks at
    order = np.argsort(solid[suspects], axis=1)
    even = np.isin(order @ [9, 3, 1], [0 * 9 + 1 * 3 + 2, 1 * 9 + 2 * 3 + 0, 2 * 9 + 0 * 3 + 1])
    balance = np.bincount(name[suspects], np.where(even, 1, -1), minlength=len(times))
    keep = np.ones(len(faces), bool)
    keep[suspects] = False
    # one of a name stays where more look one way than the other
    wanted = suspects[np.where(even, balance[name[suspects]] > 0, balance[name[suspects]] < 0)]
    _, first = np.unique(name[wanted], return_index=True)
    keep[wanted[first]] = True
    return faces[keep]


def _unit(points: NDArray) -> NDArray[np.float32]:
    """Centred and scaled to one, so that float32 serves for any place and size."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    middle = ((low + high) / 2).astype(points.dtype)
    return np.asarray((points - middle) * points.dtype.type(1 / max(float((high - low).max()), 1e-30)), np.float32)


def _fitted(source: Split, faces: NDArray, positions: NDArray | None) -> NDArray:
    """Places of all points of the mesh after the fit; seams move as one, borders stay."""
    points = source.mesh.points if positions is None else positions
    used, local = np.unique(source.position[faces], return_inverse=True)
    joined = weld(np.ascontiguousarray(points[used]))
    simple_faces = joined.index[local.reshape(-1, 3)]
    whole = simple_faces[~repeated(simple_faces)]
    border = np.zeros(joined.count, bool)
    found = edges(whole)
    border[found.ends(found.open).reshape(-1)] = True
    result = np.array(points, np.float64)
    fitted = refit(
        source.mesh.points,
        source.position[source.faces],
        points[used[joined.first]],
        simple_faces,
        border,
        count=max(3 * len(faces), 12_000),
    )
    result[used] = fitted[joined.index]
    return result


def _has_fallback() -> bool:
    from importlib.util import find_spec

    return find_spec("opengl_decimate") is not None


def _fallback(source: Split, faces: NDArray, target: int, lock_border: bool) -> tuple[NDArray, NDArray]:
    """The same by a library that comes as a wheel: slower, and it moves vertices itself."""
    from opengl_decimate import DecimateError, SimplifyOptions, simplify

    points = _unit(source.points)
    attributes = {"POSITION": points}
    uvs = [p for n, p in source.mesh.primvars.items() if "texCoord" in p.kind or p.kind == "float2[]"]
    chart = source.group[source.mesh.face_of_corner[source.corner]].astype(np.float32)
    if uvs or chart.any():
        uv = source.values(uvs[0])[:, :2].astype(np.float32) if uvs else np.zeros((len(points), 2), np.float32)
        attributes["TEXCOORD_0"] = uv + 16 * chart[:, None]  # face sets are islands of their own
    options = SimplifyOptions(target_count=target, lock_seams="TEXCOORD_0" in attributes, lock_boundary=lock_border)
    try:
        found = simplify(attributes, faces.reshape(-1).astype(np.uint32), options)
    except DecimateError as error:
        raise RefineError(
            f"opengl-decimate refuses this mesh: {error}", remedy="pip install 'sevengates[fast]' and try again"
        ) from error
    # every vertex of the result stands for input vertices: the nearest of them lends its values
    new = np.asarray(found.attributes["POSITION"], np.float64)
    member = np.flatnonzero(np.asarray(found.vertex_map) >= 0)
    owner = np.asarray(found.vertex_map)[member]
    gap = np.linalg.norm(points[member] - new[owner], axis=1)
    order = np.lexsort((gap, owner))
    first = np.concatenate([[True], owner[order][1:] != owner[order][:-1]])
    lender = np.zeros(len(new), np.int64)
    lender[owner[order][first]] = member[order][first]
    result = lender[np.asarray(found.indices).reshape(-1, 3)]
    low, high = source.points.min(axis=0).astype(np.float64), source.points.max(axis=0).astype(np.float64)
    places = np.array(source.mesh.points, np.float64)
    places[source.position[lender]] = new * float((high - low).max()) + (low + high) / 2
    result = result[~repeated(source.position[result])]
    return result, places
