# SPDX-License-Identifier: Apache-2.0
"""Decimation of a million triangles to 8,000: time, error and seams of every library that is installed.

usage: python benchmarks/refine_decimate.py [--triangles 1000000] [--target 8000] [--only NAME] [--pymeshlab PYTHON]
                                            [--mesh FILE]... [--samples 200000] [--times 3]

pymeshlab is GPL: it runs as a process of its own, with the interpreter of another environment.

The mesh is a closed, bumpy sphere with two UV islands; or a real one (`--mesh`, any file that trimesh reads), cut into
four until it has the triangles and displaced by waves, so that there is detail to lose. CPU seconds of this process;
error is the sampled distance in both directions as a share of the diagonal, the largest with its spread over repeated
samplings; `uv` is the mean distance in UV between the result and the original at 20,000 places of the result; `open`
counts open edges after welding (0: no crack). Peak memory is the process's.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline.mesh import meshopt
from pipeline.mesh.deviation import deviation
from pipeline.mesh.faces import diagonal
from pipeline.mesh.nearest import Surface, samples
from pipeline.mesh.polygons import PolygonMesh, Primvar
from pipeline.mesh.seams import split
from pipeline.mesh.simplify import simplify


def bumpy(triangles: int) -> PolygonMesh:
    """A closed sphere with bumps of several sizes; the upper and lower half are UV islands."""
    rows = round((triangles / 4) ** 0.5)
    columns = 2 * rows
    lat = np.pi * (np.arange(rows - 1) + 1) / rows
    lon = 2 * np.pi * np.arange(columns) / columns
    ring = np.stack(
        [
            np.sin(lat)[:, None] * np.cos(lon),
            np.broadcast_to(np.cos(lat)[:, None], (rows - 1, columns)),
            np.sin(lat)[:, None] * np.sin(lon),
        ],
        -1,
    ).reshape(-1, 3)
    points = np.vstack([[[0, 1, 0]], ring, [[0, -1, 0]]])
    random = np.random.default_rng(1)
    bumps = sum(
        size * np.sin(points @ random.normal(size=3) * step + random.random())
        for size, step in ((0.06, 3), (0.04, 5), (0.02, 9), (0.01, 17), (0.004, 40), (0.001, 90))
    )
    points = points * (1 + bumps)[:, None]
    i, j = np.meshgrid(np.arange(rows - 2), np.arange(columns), indexing="ij")
    a, b = 1 + i * columns + j, 1 + i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    j = np.arange(columns)
    last, low = len(points) - 1, 1 + (rows - 2) * columns
    faces = np.concatenate(
        [
            np.stack([np.zeros(columns, int), 1 + (j + 1) % columns, 1 + j], 1),
            np.stack([a, b, c], -1).reshape(-1, 3),
            np.stack([b, d, c], -1).reshape(-1, 3),
            np.stack([np.full(columns, last), low + j, low + (j + 1) % columns], 1),
        ]
    ).astype(np.int32)
    upper = (points[faces][:, :, 1].mean(axis=1) > 0).astype(np.int32)
    base = points[:, [0, 2]] * 0.2 + 0.25
    uv = np.concatenate([base, base + np.array([0.5, 0])]).astype(np.float32)
    rows_of = (faces + upper[:, None] * len(points)).reshape(-1).astype(np.int32)
    return PolygonMesh(
        points.astype(np.float32),
        np.full(len(faces), 3, np.int32),
        faces.reshape(-1),
        {"st": Primvar(uv, rows_of, "faceVarying", "texCoord2f[]")},
    )


def dense(file: Path, triangles: int) -> PolygonMesh:
    """A mesh by others with at least so many triangles: every one cut into four, waves laid over it."""
    import trimesh

    from pipeline.mesh.weld import weld

    read = trimesh.load(file, force="mesh", process=False)
    points, faces = np.asarray(read.vertices, float), np.asarray(read.faces)
    uv = getattr(read.visual, "uv", None)
    st = np.zeros((len(points), 2)) if uv is None else np.asarray(uv)
    while len(faces) < triangles:
        (points, faces), st = (
            trimesh.remesh.subdivide(points, faces),
            trimesh.remesh.subdivide(np.column_stack([st, st[:, 0]]), faces)[0][:, :2],
        )
    joined = weld(points.astype(np.float32), 1e-6 * float(np.ptp(points, axis=0).max()))
    solid = joined.index[faces]
    live = (solid[:, 0] != solid[:, 1]) & (solid[:, 1] != solid[:, 2]) & (solid[:, 2] != solid[:, 0])
    solid, faces = solid[live], faces[live]
    places = points[joined.first]
    places = (places - places.mean(axis=0)) / np.ptp(places, axis=0).max() * 2
    random = np.random.default_rng(1)
    normal = trimesh.Trimesh(places, solid, process=False).vertex_normals
    for size, step in ((0.004, 9), (0.002, 25), (0.0006, 70)):
        places = places + size * normal * np.sin(places @ random.normal(size=3) * step)[:, None]
    st_ = Primvar(st.astype(np.float32), faces.reshape(-1).astype(np.int32), "faceVarying", "texCoord2f[]")
    counts = np.full(len(solid), 3, np.int32)
    more = {} if uv is None else {"st": st_}
    return PolygonMesh(places.astype(np.float32), counts, solid.reshape(-1).astype(np.int32), more)


def engines(mesh: PolygonMesh, target: int, pymeshlab: str):  # type: ignore[no-untyped-def]
    """Name, whether UVs are handled, and a function that returns (points, faces, uv or None)."""
    points, faces = mesh.points, mesh.triangles
    plain = PolygonMesh(mesh.points, mesh.counts, mesh.corners)

    def ours(source: PolygonMesh, **more: object):  # type: ignore[no-untyped-def]
        found = simplify(source, target, **more).mesh  # type: ignore[arg-type]
        uv = found.primvars.get("st")
        return found.points, found.triangles, None if uv is None else uv.values[found.corner_rows(uv)].reshape(-1, 3, 2)

    if meshopt.available():
        yield "meshoptimizer plain", lambda: (points, meshopt.simplify(points, faces, target)[0], None)
        yield "gates", lambda: ours(plain)
        if "st" in mesh.primvars:
            yield "gates, UVs", lambda: ours(mesh)
            yield "gates, UVs, no fit", lambda: ours(mesh, fit=False)
    try:
        import fast_simplification

        for agg in (3, 7):
            yield (
                f"fast_simplification agg={agg}",
                lambda agg=agg: (*fast_simplification.simplify(points, faces, target_count=target, agg=agg), None),
            )
    except ImportError:
        pass
    try:
        import pyfqmr

        def fqmr():  # type: ignore[no-untyped-def]
            tool = pyfqmr.Simplify()
            tool.setMesh(points, faces)
            tool.simplify_mesh(target_count=target, aggressiveness=7, preserve_border=True, verbose=0)
            found = tool.getMesh()
            return found[0], found[1], None

        yield "pyfqmr", fqmr
    except ImportError:
        pass
    try:
        import fast_simplification as _needed  # noqa: F401
        import trimesh

        def by_trimesh():  # type: ignore[no-untyped-def]
            found = trimesh.Trimesh(points, faces, process=False).simplify_quadric_decimation(face_count=target)
            return np.asarray(found.vertices), np.asarray(found.faces), None

        yield "trimesh", by_trimesh
    except ImportError:
        pass
    try:
        import opengl_decimate as gl

        def placed():  # type: ignore[no-untyped-def]
            source = split(mesh)
            st = source.values(source.mesh.primvars["st"])[:, :2]
            options = gl.SimplifyOptions(target_count=target, lock_seams=True)
            found = gl.simplify({"POSITION": source.points, "TEXCOORD_0": st}, source.faces.reshape(-1), options)
            faces = np.asarray(found.indices).reshape(-1, 3)
            return found.attributes["POSITION"], faces, np.asarray(found.attributes["TEXCOORD_0"])[faces]

        if "st" in mesh.primvars:
            yield "opengl-decimate alone, UVs", placed
    except ImportError:
        pass
    if pymeshlab:
        for seams in (False, True)[: 1 + ("st" in mesh.primvars)]:
            yield (
                f"pymeshlab{', UVs' if seams else ''}",
                lambda seams=seams: by_pymeshlab(mesh, target, pymeshlab, seams),
            )
    yield "gates, UVs, opengl-decimate", lambda: ours(mesh, use="opengl-decimate")


MESHLAB = """
import sys, resource, numpy as np, pymeshlab
given, target, out, seams = np.load(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "True"
more = {"v_tex_coords_matrix": given["uv"]} if seams else {}
tool = pymeshlab.MeshSet()
tool.add_mesh(pymeshlab.Mesh(given["points"].astype(float), given["faces"], **more))
clock = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
start = clock()
if seams:
    tool.compute_texcoord_transfer_vertex_to_wedge()
    tool.meshing_remove_duplicate_vertices()
    tool.meshing_decimation_quadric_edge_collapse_with_texture(targetfacenum=target, preservenormal=True)
else:
    tool.meshing_decimation_quadric_edge_collapse(targetfacenum=target, preservenormal=True)
spent = clock() - start
m = tool.current_mesh()
uv = m.wedge_tex_coord_matrix().reshape(-1, 3, 2) if seams else np.zeros((0, 3, 2))
np.savez(out, points=m.vertex_matrix(), faces=m.face_matrix(), uv=uv, spent=spent)
"""


def by_pymeshlab(mesh: PolygonMesh, target: int, python: str, seams: bool):  # type: ignore[no-untyped-def]
    """The same in a process of its own; the fourth value is the CPU seconds of the collapse alone."""
    source = split(mesh, seams)
    with tempfile.TemporaryDirectory() as folder:
        given, made, script = (Path(folder) / n for n in ("given.npz", "made.npz", "run.py"))
        uv = source.values(source.mesh.primvars["st"])[:, :2] if seams else np.zeros((0, 2))
        np.savez(given, points=source.points, faces=source.faces, uv=uv.astype(float))
        script.write_text(MESHLAB)
        subprocess.run([python, script, given, str(target), made, str(seams)], check=True, stdout=subprocess.DEVNULL)
        found = np.load(made)
        return found["points"], found["faces"], found["uv"] if seams else None, float(found["spent"])


def uv_error(mesh: PolygonMesh, points: np.ndarray, faces: np.ndarray, uv: np.ndarray) -> float:
    """Mean distance in UV, at places whose nearest original face lies on the same island."""
    place, face, weights = samples(points, faces, 20_000, seed=2)
    here = np.einsum("ki,kij->kj", weights, uv[face])
    near = Surface(mesh.points, mesh.triangles).nearest(place)
    st = mesh.primvars["st"]
    corner = st.values[mesh.corner_rows(st)].reshape(-1, 3, 2)[near.face]
    there = np.einsum("ki,kij->kj", near.weights, corner)
    gap = np.linalg.norm(here - there, axis=1)
    # what lies across a seam from its nearest place says nothing
    return float(gap[gap < 0.1 * float(np.ptp(st.values, axis=0).max())].mean())


def main() -> None:
    """Print one row for each engine."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--triangles", type=int, default=1_000_000)
    options.add_argument("--target", type=int, default=8000)
    options.add_argument("--only", default="")
    options.add_argument("--pymeshlab", default="", help="an interpreter that has pymeshlab")
    options.add_argument("--mesh", type=Path, action="append", help="a mesh by others instead of the sphere")
    options.add_argument("--samples", type=int, default=200_000)
    options.add_argument("--times", type=int, default=3, help="samplings; the spread of the largest error")
    given = options.parse_args()
    for file in given.mesh or [None]:
        measure(bumpy(given.triangles) if file is None else dense(file, given.triangles), given)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB")


def measure(mesh: PolygonMesh, given: argparse.Namespace) -> None:
    """One table."""
    size = diagonal(mesh.points)
    print(f"{len(mesh.counts)} triangles to {given.target}")
    print(f"{'':30} {'CPU s':>7} {'ratio':>6} {'left':>7} {'mean %':>8} {'max %':>15} {'uv':>9} {'open':>5}")
    simplify(bumpy(4000), 1000)  # what is imported once is not counted
    fastest = 0.0
    for name, run in engines(mesh, given.target, given.pymeshlab):
        if given.only not in name:
            continue
        started = time.process_time()
        points, faces, uv, *spent = run()
        seconds = spent[0] if spent else time.process_time() - started
        fastest = fastest or seconds
        gaps = [
            deviation(mesh.points, mesh.triangles, points, faces, given.samples, seed) for seed in range(given.times)
        ]
        high = np.array([g.maximum for g in gaps]) * 100 / size
        mean = 100 * float(np.mean([g.mean for g in gaps])) / size
        welded = PolygonMesh(np.asarray(points), np.full(len(faces), 3, np.int32), np.asarray(faces, np.int32).ravel())
        told = "" if uv is None else f"{uv_error(mesh, np.asarray(points, float), faces, uv):.6f}"
        cracks = len(welded.topology.edges.open)
        print(
            f"{name:30} {seconds:7.2f} {seconds / fastest:6.2f} {len(faces):7} "
            f"{mean:8.4f} {high.mean():7.3f} +-{high.std():6.4f} {told:>9} {cracks:5}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
