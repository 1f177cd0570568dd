# SPDX-License-Identifier: Apache-2.0
"""Unwrap and bake: CPU seconds of each step, from a dense mesh to textures.

usage: python benchmarks/refine_bake.py [--triangles 500000] [--target 4000] [--side 512]

`missed` is the share of pixels that no ray served; `flat` the mean angle between the baked normals and those of the
original at the same pixels, degrees (0: the low mesh with its normal map shades as the original).
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from refine_decimate import bumpy

from pipeline.mesh.bake import dilated, gathered, occlusion, project, texels
from pipeline.mesh.faces import normals
from pipeline.mesh.polygons import PolygonMesh
from pipeline.mesh.rays import Rays
from pipeline.mesh.shading import corner_normals, tangents
from pipeline.mesh.simplify import simplify
from pipeline.mesh.unwrap import unwrap


class Clock:
    """Prints what each step took."""

    def __init__(self) -> None:
        self.last = time.process_time()

    def __call__(self, label: str) -> None:
        now = time.process_time()
        print(f"{label:22} {now - self.last:7.2f} CPU s", flush=True)
        self.last = time.process_time()


def main() -> None:
    """Run the chain once."""
    options = argparse.ArgumentParser()
    options.add_argument("--triangles", type=int, default=500_000)
    options.add_argument("--target", type=int, default=4000)
    options.add_argument("--side", type=int, default=512)
    given = options.parse_args()
    dense = bumpy(given.triangles)
    dense = PolygonMesh(dense.points, dense.counts, dense.corners)
    tick = Clock()
    low = simplify(dense, given.target).mesh
    tick("decimate")
    [layout], facts = unwrap([(low.points, low.triangles)], given.side, 4)
    tick("unwrap")
    grid = texels(layout.uv, layout.corners, given.side)
    tick("texels")
    smooth, fine = corner_normals(low), corner_normals(dense)
    tick("normals")
    places = gathered(low.points[low.triangles].astype(float), grid)
    outward = gathered(smooth, grid)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    hits = project(places, outward, dense.points, dense.triangles, normals(dense.points, dense.triangles), 0.05)
    tick("project")
    there = np.einsum("ki,kic->kc", hits.weights, fine[hits.face])
    there /= np.linalg.norm(there, axis=1, keepdims=True)
    along, sign = tangents(low.points, low.triangles, layout.uv, layout.corners, smooth)
    tangent = gathered(along, grid)
    tangent -= np.einsum("ij,ij->i", tangent, outward)[:, None] * outward
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    across = np.cross(outward, tangent) * sign[grid.triangle, None]
    local = np.stack([np.einsum("ij,ij->i", there, axis) for axis in (tangent, across, outward)], axis=1)
    picture = dilated(grid.grid(local), grid.mask, 16)
    stored = np.round((picture / 2 + 0.5) * 255) / 255 * 2 - 1
    tick("normal map")
    back = stored.reshape(-1, 3)[grid.index]
    again = back[:, :1] * tangent + back[:, 1:2] * across + back[:, 2:] * outward
    again /= np.linalg.norm(again, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", again, there), -1, 1)))
    before = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", outward, there), -1, 1)))
    at = np.einsum("ki,kic->kc", hits.weights, dense.points[dense.triangles[hits.face]].astype(float))
    rays = Rays(dense.points, dense.triangles)
    tick("hierarchy")
    occlusion(rays, at, there, 16, 1.0)
    tick("occlusion, 16 rays")
    print(f"charts {facts['charts']}, used {facts['used']:.0%}, shared texels {grid.shared}, texels {len(grid.index)}")
    print(f"missed {hits.missed / len(grid.index):.4%}, flat {angle.mean():.2f} (without the map {before.mean():.2f})")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
