# SPDX-License-Identifier: Apache-2.0
"""Rebuild meshes from quads of even size along the shape (Instant Meshes); UVs are given up."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.errors import MissingDependency, RefineError
from pipeline.mesh.polygons import PolygonMesh
from pipeline.progress import track
from pipeline.refiners.core import Operation, Part, Settings, Subject
from pipeline.refiners.decimate import shares

_CALL = "import json, sys, pyinstantmeshes as p; p.remesh_file(*sys.argv[1:3], **json.loads(sys.argv[3]))"
#: seconds that any mesh is given, and triangles of a further second: it hangs on some broken ones
_PATIENCE, _PACE = 60, 5000
#: shares of the wanted faces that are tried until a closed mesh stays closed
_TRIES = (1.0, 1.03, 0.97, 1.06)


class QuadSettings(Settings):
    """How many, how strictly."""

    faces: int = Field(default=4000, ge=20, description="Faces of the whole asset, about.")
    pure: bool = Field(default=False, description="Quads only; otherwise a few triangles and pentagons may be left.")
    crease: float = Field(default=30.0, ge=0, le=180, description="Degrees from which edges are kept sharp; 0: none.")
    borders: bool = Field(default=True, description="Run edges along open borders.")


def run(subject: Subject, settings: QuadSettings) -> None:
    """Remesh part by part; material subsets follow by the nearest old face."""
    parts = subject.editable()
    recipe = settings.model_dump_json()
    todo = [p for p in parts if p.prim.GetPrim().GetCustomDataByKey("gates:quads") != recipe]
    if not todo:
        return
    for part, budget in track(list(zip(todo, shares(todo, settings.faces), strict=True)), "quads"):
        new = _closed_if_it_was(subject, part, int(max(budget, 20)), settings)
        new = replace(new, subsets=_subsets(part.mesh, new))
        subject.deviation(part.mesh, new, part.to_asset)
        if any("texCoord" in p.kind for p in part.mesh.primvars.values()):
            subject.note("UVs are gone with the old faces: unwrap, then bake from the original")
        subject.write(part, new)
        part.prim.GetPrim().SetCustomDataByKey("gates:quads", recipe)
    subject.details["quads"] = round(_quad_share(subject), 4)


def _closed_if_it_was(subject: Subject, part: Part, faces: int, settings: QuadSettings) -> PolygonMesh:
    """The new mesh; where Instant Meshes tears a closed one, tried with a few faces more or fewer."""
    closed = not len(part.mesh.topology.edges.open)
    first: PolygonMesh | None = None
    for share in _TRIES:
        # quads only are made by cutting every face into four
        wanted = max(round(faces * share / (4 if settings.pure else 1)), 6)
        new = PolygonMesh(*_remeshed(part.mesh, wanted, settings, part.path), _kept(part.mesh))
        if not closed or not len(new.topology.edges.open):
            return new
        first = first or new
    assert first is not None
    subject.note(f"{part.path}: a few edges are open now where it was closed: run fill-holes")
    return first


def _remeshed(mesh: PolygonMesh, faces: int, settings: QuadSettings, prim: str) -> tuple[NDArray, NDArray, NDArray]:
    if find_spec("pyinstantmeshes") is None:
        raise MissingDependency("pyinstantmeshes is not installed", remedy="pip install 'sevengates[mesh]'")
    topology = mesh.topology
    with tempfile.TemporaryDirectory(prefix="quads-") as folder:
        source, result = Path(folder) / "in.ply", Path(folder) / "out.obj"
        _write_ply(source, topology.vertices, topology.solid)
        # through files, since its array function hands triangles back; in a process of its own, since it prints on
        # stdout and broken meshes end it
        wanted = {
            "target_face_count": faces,
            "deterministic": True,
            "pure_quad": settings.pure,
            "crease_angle": settings.crease or -1.0,
            "align_to_boundaries": settings.borders,
        }
        try:
            done = subprocess.run(
                [sys.executable, "-c", _CALL, str(source), str(result), json.dumps(wanted)],
                capture_output=True, text=True, timeout=_PATIENCE + len(topology.solid) / _PACE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise RefineError(
                f"Instant Meshes did not end within {error.timeout:.0f} s", prim=prim,
                remedy="fix the mesh first: weld, remove-degenerate, split-non-manifold",
            ) from error  # fmt: skip
        if done.returncode or not result.exists():
            said = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
            raise RefineError(
                f"Instant Meshes failed: {said[0]}", prim=prim, remedy="fix the mesh first: weld, remove-degenerate"
            )
        points, counts, corners = _read_obj(result.read_text(encoding="ascii"))
    if len(counts) == 0:
        raise RefineError("Instant Meshes left no face", prim=prim, remedy="ask for more faces")
    return points.astype(np.float32), counts, corners


def _write_ply(path: Path, points: NDArray, faces: NDArray) -> None:
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"element vertex {len(points)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    rows = np.zeros(len(faces), [("n", "u1"), ("v", "<i4", 3)])
    rows["n"], rows["v"] = 3, faces
    path.write_bytes(header.encode() + np.ascontiguousarray(points, "<f4").tobytes() + rows.tobytes())


def _read_obj(text: str) -> tuple[NDArray, NDArray, NDArray]:
    """Points and polygons of what Instant Meshes writes; faces with a corner twice lose it."""
    lines = text.splitlines()
    points = np.array([x.split()[1:4] for x in lines if x.startswith("v ")], float).reshape(-1, 3)
    rows = [[int(c.split("/")[0]) - 1 for c in x.split()[1:]] for x in lines if x.startswith("f ")]
    rows = [[c for i, c in enumerate(r) if c != r[i - 1]] for r in rows]
    rows = [r for r in rows if len(r) > 2]
    counts = np.array([len(r) for r in rows], np.int32)
    used, corners = np.unique(np.array([c for r in rows for c in r], np.int64), return_inverse=True)
    return points[used], counts, corners.astype(np.int32).reshape(-1)


def _kept(mesh: PolygonMesh) -> dict[str, Any]:
    return {name: p for name, p in mesh.primvars.items() if p.interpolation == "constant"}


def _subsets(old: PolygonMesh, new: PolygonMesh) -> dict[str, NDArray]:
    if not old.subsets:
        return {}
    from pipeline.mesh.nearest import Surface

    middle = np.stack(
        [np.bincount(new.face_of_corner, new.points[new.corners, k]) for k in range(3)], axis=1
    ) / new.counts[:, None]  # fmt: skip
    face = old.triangle_face[Surface(old.points, old.triangles).nearest(middle).face]
    return {n: np.flatnonzero(np.isin(face, f)).astype(np.int32) for n, f in old.subsets.items()}


def _quad_share(subject: Subject) -> float:
    counts = np.concatenate([p.mesh.counts for p in subject.parts()])
    return float((counts == 4).mean())


def measure(subject: Subject) -> dict[str, Any]:
    """Statistics and the share of quads."""
    return {**subject.stats(), "quads": round(_quad_share(subject), 4)}


operation = Operation(
    name="quads",
    summary="Rebuild from even quads; UVs are given up",
    settings=QuadSettings,
    run=run,
    measure=measure,
    fixes=("topology.uneven-density", "topology.slivers"),
)
