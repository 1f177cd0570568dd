# SPDX-License-Identifier: Apache-2.0
"""Inspection of a mesh of a million triangles: CPU seconds, ratios to peers in the same run, memory.

    python benchmarks/inspection_rules.py [--triangles 1300000] [--mesh FILE] [--no-peers] [--pymeshlab INTERPRETER]

* floor: one numpy edge sort (pack both ends into 64 bits, argsort, gather) of the same faces;
* peers: trimesh's nearest equivalent of each rule, and pymeshlab's where `--pymeshlab` or the environment variable
  `GATES_PYMESHLAB` names an interpreter that has it (`python -m venv V && V/bin/pip install pymeshlab`);
* wall: all rules one by one, and side by side;
* memory: the peak above what was in use before, as a multiple of the mesh's arrays (points, faces, UVs).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from pipeline.checks.context import Context
from pipeline.checks.reading import from_scene
from pipeline.checks.registry import built_in
from pipeline.checks.running import run_all
from pipeline.checks.threads import processors
from pipeline.settings.jobs import brief_for
from pipeline.usd.scene.model import Mesh, Node, Primvar, Scene

#: questions of pymeshlab that our edge rules answer; self-intersection is ours by rays
BY_RAYS = {"geometry.self-intersection"}
EDGES = [
    "geometry.degenerate-faces",
    "geometry.duplicate-faces",
    "geometry.holes",
    "geometry.non-manifold-edges",
    "geometry.inverted-normals",
]


def subject(points: np.ndarray, faces: np.ndarray, uv: np.ndarray | None) -> Any:
    """A scene of one mesh, its polygons already triangles."""
    sets = () if uv is None else (Primvar("st", uv, None, "vertex"),)
    mesh = Mesh("mesh", "/Asset/mesh", points, np.full(len(faces), 3, np.int32), faces.reshape(-1), uvs=sets)
    mesh.triangle_vertices  # noqa: B018  the reader's work, not ours
    node = Node("mesh", "/Asset/mesh", mesh=0, materials=(-1,))
    return from_scene(Scene("bench", "bench", (node,), (mesh,), ()), "/Asset")


def bumpy(triangles: int, shuffled: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A closed bumpy sphere, its layout the two hemispheres side by side."""
    ball = trimesh.creation.icosphere(subdivisions=max(1, round(np.log(triangles / 20) / np.log(4))))
    v = np.asarray(ball.vertices)
    bumps = 1 + 0.05 * np.sin(9 * v[:, 0]) * np.cos(7 * v[:, 1]) * np.sin(5 * v[:, 2] + 1)
    uv = np.stack([v[:, 0] * 0.24 + np.where(v[:, 2] > 0, 0.25, 0.75), v[:, 1] * 0.48 + 0.5], 1)
    faces = np.asarray(ball.faces, np.int32)
    if shuffled:
        faces = faces[np.random.default_rng(0).permutation(len(faces))]
    return (v * bumps[:, None]).astype(np.float32), np.ascontiguousarray(faces), uv.astype(np.float32)


def timed(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """Least CPU seconds of a few runs, and the result."""
    best, result = float("inf"), None
    for _ in range(times):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    return best, result


def in_use() -> float:
    """Megabytes resident now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def reset_peak() -> None:
    """Give freed memory back and start counting the peak anew (Linux)."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Megabytes resident at most since `reset_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def edge_sort(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The floor: every edge once, sorted, by numpy alone."""
    ends = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(np.int64)
    key = ends[:, 0] * len(points) + ends[:, 1]
    return key[np.argsort(key)]


def peers(points: np.ndarray, faces: np.ndarray) -> dict[str, Callable[[], Any]]:
    """What trimesh does for the same question, on a new mesh each time so that nothing is cached."""

    def fresh() -> trimesh.Trimesh:
        return trimesh.Trimesh(points, faces, process=False)

    def watertight() -> Any:
        mesh = fresh()
        mesh.merge_vertices()
        return mesh.is_watertight

    return {
        "geometry.holes": watertight,
        "geometry.degenerate-faces": lambda: fresh().nondegenerate_faces(),
        "geometry.duplicate-faces": lambda: fresh().unique_faces(),
        "geometry.non-manifold-edges": lambda: trimesh.repair.broken_faces(fresh()),  # with networkx installed
        "geometry.inverted-normals": lambda: trimesh.repair.fix_normals(fresh(), multibody=True),
        "shells": lambda: fresh().split(only_watertight=False),
    }


def pymeshlab_seconds(interpreter: str, points: np.ndarray, faces: np.ndarray) -> dict[str, float]:
    """CPU seconds of each question, measured by pymeshlab's own process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mesh.npz"
        np.savez(file, points=points, faces=faces)
        script = Path(__file__).with_name("peer_pymeshlab.py")
        ran = subprocess.run([interpreter, str(script), str(file)], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(ran.stdout.strip().splitlines()[-1])
    return told


def walls(points: np.ndarray, faces: np.ndarray, uv: np.ndarray | None) -> tuple[float, float]:
    """Wall seconds of all rules one by one, and side by side."""
    rules = [rule() for rule in built_in()]
    result = []
    for threads in (1, None):
        context = Context(subject(points, faces, uv), brief_for("game-ready-prop"))
        started = time.perf_counter()
        run_all(rules, context, threads)
        result.append(time.perf_counter() - started)
    return result[0], result[1]


def main() -> None:
    """Run, and print one line for each rule and the ratios."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--triangles", type=int, default=1_300_000)
    options.add_argument("--mesh", type=Path, help="any file that trimesh reads, instead of the bumpy sphere")
    options.add_argument("--shuffled", action="store_true", help="faces in random order: the caches' worst case")
    options.add_argument("--no-peers", action="store_true")
    options.add_argument("--pymeshlab", default=os.environ.get("GATES_PYMESHLAB", ""), metavar="INTERPRETER")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    if given.mesh:
        read = trimesh.load(given.mesh, force="mesh", process=False)
        points, faces, uv = np.asarray(read.vertices, np.float32), np.asarray(read.faces, np.int32), None
    else:
        points, faces, uv = bumpy(given.triangles, given.shuffled)
    # UVs as they are read: values, and an index for each corner
    arrays = (points.nbytes + faces.nbytes + (0 if uv is None else uv.nbytes + faces.nbytes)) / 1e6
    print(f"{len(faces):,} triangles, arrays {arrays:.0f} MB, {platform.processor() or platform.machine()}")
    floor, _ = timed(lambda: edge_sort(points, faces), 3)
    print(f"{'one numpy edge sort':32} {floor:6.2f} s")

    context = Context(subject(points, faces, uv), brief_for("game-ready-prop"))
    rules = {rule.id: rule() for rule in built_in()}
    order = EDGES + [r for r in rules if r.startswith(("geometry.", "topology.", "uv.")) and r not in EDGES]
    spent: dict[str, float] = {}
    highest = 0.0
    reset_peak()
    before = in_use()
    for name in order:
        started = time.process_time()
        told = [f.message for f in rules[name].run(context)]
        spent[name] = time.process_time() - started
        highest = max(highest, peak() - before)
        print(f"{name:32} {spent[name]:6.2f} s  +{peak() - before:5.0f} MB  {'; '.join(told)[:60]}")
    edge = sum(spent[name] for name in EDGES)
    geometry = sum(seconds for name, seconds in spent.items() if name.startswith("geometry."))
    result = {
        "triangles": len(faces),
        "edge_rules_s": round(edge, 3),
        "edge_rules_to_sort": round(edge / floor, 2),
        "geometry_rules_s": round(geometry, 2),
        "all_s": round(sum(spent.values()), 2),
        "peak_to_arrays": round(highest / arrays, 1),
    }
    print(f"\nedge rules, weld and shells included: {edge:.2f} s = {edge / floor:.2f} x the sort (aim: 3)")
    print(f"all geometry rules, rays included: {geometry:.2f} s (aim: 10)")
    print(f"memory: {highest:.0f} MB = {highest / arrays:.1f} x the arrays (aim: 20)")
    if not given.no_peers:
        total = 0.0
        for name, work in peers(points, faces).items():
            try:
                seconds, _ = timed(work)
            except ImportError as error:
                print(f"trimesh, {name:23} not measured: {error}")
                continue
            total += seconds
            print(f"trimesh, {name:23} {seconds:6.2f} s")
        result["trimesh_s"] = round(total, 2)
        result["trimesh_to_edge_rules"] = round(total / edge, 1)
        print(f"trimesh's equivalents: {total:.2f} s = {total / edge:.1f} x ours (aim: 5)")
        if given.pymeshlab:
            told = pymeshlab_seconds(given.pymeshlab, points, faces)
            for name, seconds in told.items():
                print(f"pymeshlab, {name:34} {seconds:6.2f} s")
            theirs = sum(seconds for name, seconds in told.items() if name not in BY_RAYS)
            ours = edge + spent["geometry.non-manifold-vertices"]
            crossing = spent["geometry.self-intersection"]
            result["pymeshlab_to_edge_rules"] = round(theirs / ours, 1)
            result["pymeshlab_to_self_intersection"] = round(told["geometry.self-intersection"] / crossing, 1)
            print(f"pymeshlab's equivalents: {theirs:.2f} s = {theirs / ours:.1f} x ours (aim: 5)")
            print(
                f"self-intersection: {told['geometry.self-intersection'] / crossing:.1f} x ours, the hierarchy shared"
            )
        else:
            print("pymeshlab: not measured (name an interpreter that has it: --pymeshlab or GATES_PYMESHLAB)")
    one, many = walls(points, faces, uv)
    result["wall_one_by_one_s"], result["wall_side_by_side_s"] = round(one, 2), round(many, 2)
    print(f"all rules: {one:.2f} s one by one, {many:.2f} s side by side (wall, {processors()} processors)")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
