# SPDX-License-Identifier: Apache-2.0
"""Inspection of a mesh of a million triangles: CPU seconds of each rule, ratio to an edge sort, memory.

    python benchmarks/inspection_rules.py [--triangles 1300000] [--kind smooth | --all-kinds | --mesh FILE]

* floor: one numpy edge sort (pack both ends into 64 bits, argsort, gather) of the same faces;
* wall: all rules one by one, and side by side;
* memory: the peak above what was in use before, as a multiple of the mesh's arrays (points, faces, UVs).

`inspection_peers.py` beside it compares each question with trimesh and pymeshlab.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from inspection_meshes import KINDS, smooth

from pipeline.checks.context import Context
from pipeline.checks.reading import from_scene
from pipeline.checks.registry import built_in
from pipeline.checks.running import run_all
from pipeline.checks.threads import processors
from pipeline.settings.jobs import brief_for
from pipeline.usd.scene.model import Mesh, Node, Primvar, Scene

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


def warm() -> None:
    """Import what rules import, and let every rule run once on a few faces: neither is what is measured."""
    context = Context(subject(*smooth(80)), brief_for("game-ready-prop"))
    run_all([rule() for rule in built_in()], context, 1)


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
    options.add_argument("--kind", choices=sorted(KINDS), default="smooth")
    options.add_argument("--all-kinds", action="store_true", help="a line for each kind, each in a process of its own")
    options.add_argument("--mesh", type=Path, help="any file that trimesh reads")
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    if given.all_kinds:
        for kind in KINDS:
            more = ["--triangles", str(given.triangles), "--kind", kind]
            ran = subprocess.run([sys.executable, __file__, *more], capture_output=True, text=True, check=False)
            print(f"{kind:10} {ran.stdout.strip().splitlines()[-1] if ran.returncode == 0 else ran.stderr[-300:]}")
        return
    if given.mesh:
        read = trimesh.load(given.mesh, force="mesh", process=False)
        points, faces, uv = np.asarray(read.vertices, np.float32), np.asarray(read.faces, np.int32), None
    else:
        points, faces, uv = KINDS[given.kind](given.triangles)
    warm()
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
    del context
    one, many = walls(points, faces, uv)
    result = {
        "triangles": len(faces),
        "edge_rules_s": round(edge, 3),
        "edge_rules_to_sort": round(edge / floor, 2),
        "geometry_rules_s": round(geometry, 2),
        "all_s": round(sum(spent.values()), 2),
        "peak_to_arrays": round(highest / arrays, 1),
        "wall_one_by_one_s": round(one, 2),
        "wall_side_by_side_s": round(many, 2),
    }
    print(
        f"edges {edge:.2f} s = {edge / floor:.2f} x the sort (aim 3); geometry {geometry:.2f} s (aim 10); "
        f"with topology and UVs {sum(spent.values()):.2f} s; memory {highest / arrays:.1f} x the arrays (aim 20); "
        f"wall {one:.1f} s, side by side {many:.1f} s on {processors()}"
    )
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
