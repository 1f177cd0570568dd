# SPDX-License-Identifier: Apache-2.0
"""Scatter: CPU seconds of placing and of authoring, beside the neighbour search that it cannot do without.

    python benchmarks/scenes.py [--count 100000]

Prints CPU seconds of this process, because a shared clock lies, and the ratio to finding all pairs of the same
number of candidates (scipy's cKDTree), which is the floor of any method that keeps points apart.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from pipeline.gates.dressing import add_blockout
from pipeline.gates.scattering import add_scatter
from pipeline.gates.scenes import new_scene
from pipeline.project import Project
from pipeline.scenes.scatter import DRAWN, ScatterSpec, scatter

SIDE = 100.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    half = SIDE / 2
    points = np.array([[-half, 0, -half], [-half, 0, half], [half, 0, -half], [half, 0, half]])
    faces = np.array([[0, 1, 2], [2, 1, 3]])
    spec = ScatterSpec(count=count, scale=(0.5, 1.5), align=1.0)

    begun = time.process_time()
    found = scatter(points, faces, spec)
    placing = time.process_time() - begun

    chance = np.random.default_rng(0).uniform(-half, half, (count * DRAWN, 3)) * [1, 0, 1]
    begun = time.process_time()
    cKDTree(chance, leafsize=16, compact_nodes=False, balanced_tree=False).query_pairs(
        found.spacing, output_type="ndarray"
    )
    floor = time.process_time() - begun
    apart = cKDTree(found.positions).query(found.positions, k=2)[0][:, 1].min()

    with tempfile.TemporaryDirectory() as folder:
        project = Project.create(Path(folder) / "p", work="bench")
        new_scene(project, "field")
        add_blockout(project, "ground", "floor", (SIDE, 0.2, SIDE), scene="field")
        add_blockout(project, "rock", "box", (0.2, 0.1, 0.2), scene="field", at=(0, -3, 0))
        begun = time.process_time()
        add_scatter(project, "rocks", ["rock"], spec, on=["ground"], scene="field")
        whole = time.process_time() - begun

    print(f"{count:,} instances, none nearer than {apart:.4f} m (asked: {found.spacing:.4f} m)")
    print(f"placing   {placing:6.2f} CPU s   {placing / floor:4.2f} x the neighbour search of {floor:.2f} CPU s")
    print(f"authored  {whole:6.2f} CPU s   with placing, into a scene of a project")


if __name__ == "__main__":
    main()
