# SPDX-License-Identifier: Apache-2.0
"""What pymeshlab takes for the questions our rules ask; run by an interpreter of its own, never imported by ours.

    <interpreter with pymeshlab> benchmarks/peer_pymeshlab.py MESH.npz

pymeshlab is under the GPL: it stays in its own environment and process, is no dependency, and only seconds come back.
The file holds `points`, `faces` and `uv` (one for each point). What is printed is one JSON object: question -> CPU and
wall seconds of the filter alone; handing the mesh over is not counted. Each mesh is new, so nothing is left over.
"""

import json
import sys
import time

import numpy as np
import pymeshlab

#: question -> filter, its settings, and whether it needs UVs
QUESTIONS = {
    "weld": ("meshing_remove_duplicate_vertices", {}, False),
    "holes, non-manifold, bodies": ("get_topological_measures", {}, False),
    "area, volume, size": ("get_geometric_measures", {}, False),
    "open borders": ("compute_selection_from_mesh_border", {}, False),
    "non-manifold edges": ("compute_selection_by_non_manifold_edges_per_face", {}, False),
    "non-manifold vertices": ("compute_selection_by_non_manifold_per_vertex", {}, False),
    "faces without area": ("meshing_remove_null_faces", {}, False),
    "repeated faces": ("meshing_remove_duplicate_faces", {}, False),
    "winding": ("meshing_re_orient_faces_coherently", {}, False),
    "bodies": ("generate_splitting_by_connected_components", {}, False),
    "small bodies": ("compute_selection_by_small_disconnected_components_per_face", {}, False),
    "self-intersection": ("compute_selection_by_self_intersections_per_face", {}, False),
    "slender faces": ("compute_scalar_by_aspect_ratio_per_face", {}, False),
    "edge lengths": ("compute_selection_by_edge_length", {}, False),
    "UV seams": ("compute_selection_by_texture_seams_per_vertex", {}, True),
    "UV stretch": ("compute_scalar_by_aspect_ratio_per_face", {"metric": 4}, True),
}


def main() -> None:
    """Ask each question on a mesh set of its own."""
    arrays = np.load(sys.argv[1])
    points, faces = arrays["points"].astype(np.float64), arrays["faces"].astype(np.int32)
    corners = arrays["uv"].astype(np.float64)[faces.reshape(-1)]
    told = {}
    for question, (name, settings, with_uv) in QUESTIONS.items():
        meshes = pymeshlab.MeshSet()
        more = {"w_tex_coords_matrix": corners} if with_uv else {}
        meshes.add_mesh(pymeshlab.Mesh(points, faces, **more))
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            meshes.apply_filter(name, **settings)
        except pymeshlab.PyMeshLabException:
            continue  # it refuses some meshes
        told[question] = [round(time.process_time() - cpu, 3), round(time.perf_counter() - wall, 3)]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
