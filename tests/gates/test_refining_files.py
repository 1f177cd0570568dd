# SPDX-License-Identifier: Apache-2.0
"""Mesh files outside any project, refined."""

from __future__ import annotations

from pathlib import Path

import pytest
import trimesh

from pipeline.gates.refinement import refine_any_file


@pytest.mark.parametrize("suffix", [".usda", ".glb"])
def test_what_the_reader_could_not_bring_in_is_told(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "quad.obj"
    source.write_text(
        "mtllib quad.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 0\nv 1 1 0\n"
        "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nusemtl wood\nf 1/1 2/2 3/3\nf 5/1 6/3 4/4\n"
    )
    (tmp_path / "quad.mtl").write_text("newmtl wood\nKd 0.5 0.5 0.5\nmap_Kd not_there.png\n")
    out = tmp_path / f"out{suffix}"
    done = refine_any_file(source, out, [("weld", {})])
    assert any("not_there.png" in line for line in done.losses), done.losses
    if suffix == ".glb":
        mesh = trimesh.load(out, force="mesh", process=False)
        assert len(mesh.faces) == 2
        assert len(mesh.vertices) == 4  # six before: two pairs were one point each
