# SPDX-License-Identifier: Apache-2.0
"""What pymeshlab takes for the questions our rules ask; run by an interpreter of its own, never imported by ours.

    <interpreter with pymeshlab> benchmarks/peer_pymeshlab.py MESH.npz

pymeshlab is under the GPL: it stays in its own environment and process, is no dependency, and only seconds come back.
The file holds `points` and `faces`; what is printed is one JSON object, question -> CPU seconds.
"""

import json
import sys
import time

import numpy as np
import pymeshlab


def main() -> None:
    """Ask each question on a mesh set of its own, so that nothing is left over from the one before."""
    arrays = np.load(sys.argv[1])
    points, faces = arrays["points"].astype(np.float64), arrays["faces"].astype(np.int32)
    questions = {
        "weld": ["meshing_remove_duplicate_vertices"],
        "edges, holes, non-manifold, shells": ["get_topological_measures"],
        "geometry.non-manifold-edges": ["compute_selection_by_non_manifold_edges_per_face"],
        "geometry.non-manifold-vertices": ["compute_selection_by_non_manifold_per_vertex"],
        "geometry.degenerate-faces": ["meshing_remove_null_faces"],
        "geometry.duplicate-faces": ["meshing_remove_duplicate_faces"],
        "geometry.inverted-normals": ["meshing_re_orient_faces_coherently"],
        "shells": ["generate_splitting_by_connected_components"],
        "geometry.self-intersection": ["compute_selection_by_self_intersections_per_face"],
    }
    told = {}
    for question, filters in questions.items():
        meshes = pymeshlab.MeshSet()
        meshes.add_mesh(pymeshlab.Mesh(points, faces))
        started = time.process_time()
        for name in filters:
            meshes.apply_filter(name)
        told[question] = round(time.process_time() - started, 3)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
