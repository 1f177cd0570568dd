# SPDX-License-Identifier: Apache-2.0
"""Fewer triangles: edge collapse that keeps seams and borders, then a fit to the original surface."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import MissingDependency, RefineError
from pipeline.mesh import meshopt
from pipeline.mesh.carry import Blend, blend, rebuild
from pipeline.mesh.collapse import Collapsed, is_there, keep, place, seam_share, stay
from pipeline.mesh.distinct import numbered
from pipeline.mesh.edges import edges
from pipeline.mesh.faces import repeated
from pipeline.mesh.layover import lay_over
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.refit import Fit, refit
from pipeline.mesh.seams import Split, split
from pipeline.mesh.weld import weld

__all__ = ["ENGINES", "Simplified", "engine", "simplify"]

ENGINES = ("meshoptimizer", "opengl-decimate")
#: meshoptimizer goes down to this many times the target, where opengl-decimate takes over
_NEAR = 2
#: up to this many times the target, opengl-decimate does all of it
_FEW = 3
#: share of points on seams from which they decide the shape: hard-surface parts whose every edge is one
_SEAMED = 0.1
#: share of the triangles that is spent on the places that were missed most
_SPARE = 0.02
#: nobody is put nearer to a side of its triangle than this, as a barycentric coordinate
_INSIDE = 0.12


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
    here = {"meshoptimizer": meshopt.available, "opengl-decimate": is_there}
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
    faces = source.faces
    flat = repeated(source.mesh.triangles)
    if flat.any():
        faces = faces[~flat]
    if len(faces) == 0:
        raise RefineError("the mesh has no face with three corners", remedy="remove-degenerate first")
    if len(faces) <= target:
        found = stay(source, faces)
        return Simplified(rebuild(source, found, _own(found)), name, len(faces))
    layout = source.layout
    spare = int(_SPARE * target) if fit else 0
    seamed = seam_share(source) > _SEAMED
    if name == "opengl-decimate" and seamed and layout is not None:
        found = _placed(source, faces, target - spare, lock_border, lock_seams=False)
        found = _finished(source, found, fit, target)
        found, mixture = lay_over(source, found, source.values(layout)[:, :2])
    else:
        finer, found = _collapsed(source, faces, target - spare, fit and not seamed, lock_border, name)
        found = _finished(source, found, fit, target)
        mixture = blend(source, finer, found)
    return Simplified(rebuild(source, found, mixture), name, len(found.faces))


def _finished(source: Split, found: Collapsed, fit: bool, target: int) -> Collapsed:
    found = _without_flaps(found)
    if len(found.faces) == 0:
        raise RefineError("nothing would be left of the mesh", remedy="ask for more triangles")
    return _fitted(source, found, target) if fit else found


def _placed(source: Split, faces: NDArray, target: int, lock_border: bool, lock_seams: bool = True) -> Collapsed:
    found = place(source, faces, target, lock_border, lock_seams)
    if found is None:
        raise RefineError("opengl-decimate refuses this mesh", remedy="pip install 'sevengates[fast]'")
    return found


def _collapsed(
    source: Split, faces: NDArray, target: int, move: bool, lock_border: bool, name: str
) -> tuple[NDArray, Collapsed]:
    """The triangles that stay where they are, and what became of them."""
    if name == "opengl-decimate":
        return faces, _placed(source, faces, target, lock_border)
    # skin weights count in meshoptimizer alone
    if move and is_there() and "skel:jointWeights" not in source.mesh.primvars:
        finer = keep(source, faces, _NEAR * target, lock_border, values=False) if len(faces) > _FEW * target else faces
        found = place(source, finer, target, lock_border) if len(finer) <= _FEW * target else None
        if found is not None and len(found.faces) <= 1.01 * target:
            return finer, found
    finer = keep(source, faces, target, lock_border)
    return finer, stay(source, finer)


def _without_seams(mesh: PolygonMesh) -> PolygonMesh:
    kept = {n: p for n, p in mesh.primvars.items() if p.interpolation != "faceVarying" and "texCoord" not in p.kind}
    return replace(mesh, primvars=kept)


def _own(found: Collapsed) -> Blend:
    """Every row has the values of its vertex."""
    return Blend(np.repeat(found.vertex[:, None], 3, axis=1), np.tile([1.0, 0.0, 0.0], (len(found.vertex), 1)))


def _without_flaps(found: Collapsed) -> Collapsed:
    """Drop what collapse folded flat: two triangles on the same corners, back to back, and repeats of one."""
    solid = weld(found.places).index[found.solid]
    names = np.sort(solid, axis=1)
    order = np.lexsort(names.T)
    fresh = np.any(names[order][1:] != names[order][:-1], axis=1)
    name = np.zeros(len(names), np.int64)
    name[order[1:]] = np.cumsum(fresh)
    times = np.bincount(name)
    suspects = np.flatnonzero(times[name] > 1)
    if len(suspects) == 0:
        return found
    # the parity of the corners' order tells the side a triangle looks at
    order = np.argsort(solid[suspects], axis=1)
    even = np.isin(order @ [9, 3, 1], [0 * 9 + 1 * 3 + 2, 1 * 9 + 2 * 3 + 0, 2 * 9 + 0 * 3 + 1])
    balance = np.bincount(name[suspects], np.where(even, 1, -1), minlength=len(times))
    keeps = np.ones(len(names), bool)
    keeps[suspects] = False
    # one of a name stays where more look one way than the other
    wanted = suspects[np.where(even, balance[name[suspects]] > 0, balance[name[suspects]] < 0)]
    _, first = np.unique(name[wanted], return_index=True)
    keeps[wanted[first]] = True
    return found.chosen(keeps)


def _fitted(source: Split, found: Collapsed, target: int) -> Collapsed:
    """The same after the fit; seams move as one and do not slide, borders stay.

    What is left of the budget goes where the original is missed most.
    """
    used, local = numbered(found.solid, len(found.places))
    joined = weld(np.ascontiguousarray(found.places[used]))
    simple = joined.index[local]
    whole = edges(simple[~repeated(simple)])
    border = np.zeros(joined.count, bool)
    border[whole.ends(whole.open).reshape(-1)] = True
    rows, _ = numbered(found.faces, len(found.vertex))
    place_of = np.zeros(len(found.places), np.int64)
    place_of[used] = joined.index
    seam = np.bincount(place_of[found.point[rows]], minlength=joined.count) > 1
    count = max(len(simple), 4000)
    fit = refit(
        source.mesh.points,
        source.mesh.triangles,
        found.places[used[joined.first]],
        simple,
        border,
        seam,
        rounds=(count, 9 * count),
    )
    places = found.places.copy()
    places[used] = fit.points[joined.index]
    return _touched_up(replace(found, places=places), simple, fit, (target - len(simple)) // 2)


def _touched_up(found: Collapsed, simple: NDArray, fit: Fit, most: int) -> Collapsed:
    """Up to `most` triangles get a new vertex at the place of the original that lies farthest from them."""
    inside = np.flatnonzero(fit.weights.min(axis=1, initial=1) > _INSIDE)
    if most <= 0 or len(inside) == 0:
        return found
    miss = fit.misses(simple)[inside]
    far = np.argsort(-miss, kind="stable")[: 8 * most]
    face, first = np.unique(fit.face[inside[far]], return_index=True)
    chosen = np.sort(first)[:most]
    sample = inside[far[chosen]]
    face = fit.face[sample]
    row = len(found.vertex) + np.arange(len(face))
    a, b, c = found.faces[face].T
    three = np.stack([a, b, row, b, c, row, c, a, row], axis=1).reshape(-1, 3)
    stays = np.ones(len(found.faces), bool)
    stays[face] = False
    return Collapsed(
        np.concatenate([found.faces[stays], three]),
        np.concatenate([found.vertex, found.vertex[a]]),
        np.concatenate([found.point, len(found.places) + np.arange(len(face))]),
        np.concatenate([found.places, fit.places[sample]]),
    )
