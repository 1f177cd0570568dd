# SPDX-License-Identifier: Apache-2.0
"""Ingest of many small GLBs, what the sandbox adds to one file, and big meshes against trimesh.

usage: python benchmarks/ingest.py [--files 1000] [--faces 1000000] [--json OUT]

Processor seconds are of the host and of the workers together; the fork server's start is counted once, apart.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from pipeline import sandbox
from pipeline.importers import import_file
from pipeline.importers.convert import convert
from pipeline.importers.formats import sniff


def cpu() -> float:
    """Processor seconds of this process and of its finished children."""
    own, children = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def small_glb(folder: Path) -> Path:
    """A crate: 12 triangles, UVs, a material with two pictures of 64 x 64."""
    box = trimesh.creation.box((1, 1, 1))
    rng = np.random.default_rng(1)
    pictures = [Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)) for _ in range(2)]
    material = trimesh.visual.material.PBRMaterial(
        name="wood", baseColorTexture=pictures[0], metallicRoughnessTexture=pictures[1]
    )
    box.visual = trimesh.visual.TextureVisuals(uv=rng.random((len(box.vertices), 2)), material=material)
    path = folder / "crate.glb"
    box.export(path)
    return path


def many(path: Path, folder: Path, count: int) -> dict[str, Any]:
    """One after the other through the sandbox, and in this process without it."""
    started = cpu(), time.perf_counter()
    sandbox.warm()
    import_file(path, folder / "first")
    start_seconds = time.perf_counter() - started[1]
    wall, worker_cpu, peak = [], 0.0, 0.0
    host, begin = time.process_time(), time.perf_counter()
    for i in range(count):
        t = time.perf_counter()
        report = import_file(path, folder / f"s{i}")
        wall.append(time.perf_counter() - t)
        peak = max(peak, report.peak_mb)
    total = time.perf_counter() - begin
    host = time.process_time() - host
    sandbox.close()  # so that the server and its workers are counted among finished children
    worker_cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    bare_count = max(20, count // 10)
    bare = time.process_time()
    for i in range(bare_count):
        out = folder / f"b{i}"
        out.mkdir()
        convert(str(path), sniff(path).module, str(folder), str(out), None, None, "crate")
    bare = (time.process_time() - bare) / bare_count
    used = host + worker_cpu.ru_utime + worker_cpu.ru_stime
    return {
        "files": count,
        "seconds": round(total, 2),
        "files_per_second": round(count / total, 1),
        "cpu_seconds": round(used, 2),
        "cpu_ms_a_file": round(1000 * used / count, 1),
        "median_ms": round(1000 * statistics.median(wall), 1),
        "p95_ms": round(1000 * sorted(wall)[int(0.95 * len(wall))], 1),
        "unsandboxed_cpu_ms_a_file": round(1000 * bare, 1),
        "sandbox_adds_cpu_ms_a_file": round(1000 * (used / count - bare), 1),
        "server_start_seconds": round(start_seconds, 2),
        "worker_peak_mb": round(peak),
        "host_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def big(folder: Path, faces: int) -> list[dict[str, Any]]:
    """Processor seconds of reading and writing the package, against trimesh's reading alone."""
    side = int((faces / 2) ** 0.5)
    x, y = np.meshgrid(np.linspace(0, 10, side + 1), np.linspace(0, 10, side + 1))
    points = np.stack([x, np.sin(x) * np.cos(y), y], axis=-1).reshape(-1, 3)
    i = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).reshape(-1)
    quads = np.stack([i, i + side + 1, i + side + 2, i, i + side + 2, i + 1], axis=1).reshape(-1, 3)
    mesh = trimesh.Trimesh(points, quads, process=False)
    rows = []
    for kind in ("ply", "stl", "obj"):
        path = folder / f"big.{kind}"
        mesh.export(path)
        t = time.process_time()
        trimesh.load(path, process=False).triangles.sum()  # touch the content: trimesh reads lazily
        peer = time.process_time() - t
        report_started = time.perf_counter()
        report = import_file(path, folder / f"big_{kind}")
        wall = time.perf_counter() - report_started
        out = folder / f"bare_{kind}"
        out.mkdir()
        t = time.process_time()
        convert(str(path), sniff(path).module, str(folder), str(out), None, None, "big")
        own = time.process_time() - t
        rows.append({
            "format": kind, "triangles": report.triangles, "file_mb": round(path.stat().st_size / 1e6, 1),
            "cpu_seconds": round(own, 2), "trimesh_read_cpu_seconds": round(peer, 2),
            "ratio_to_trimesh": round(own / peer, 2), "sandboxed_wall_seconds": round(wall, 2),
            "worker_peak_mb": round(report.peak_mb),
        })  # fmt: skip
    return rows


def main() -> None:
    """Print the table; write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingest-") as temporary:
        folder = Path(temporary)
        path = small_glb(folder)
        result = {"small_glb": many(path, folder, options.files), "big": big(folder, options.faces)}
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
