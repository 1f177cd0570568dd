# SPDX-License-Identifier: Apache-2.0
"""A small project: one asset, a crate with a lid, delivered as GLB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from pipeline.gates.generation import ingest, select
from pipeline.gates.inputs import add_inputs
from pipeline.gates.intent import set_intent
from pipeline.project import Project

ASSET = "crate"


def crate_glb(path: Path, height: float = 0.5, lid: bool = True) -> Path:
    """A closed box with a lid beside it, 0.6 x `height` x 0.4 m, standing on the ground, with UVs and a colour."""
    parts = [((0.6, height - (0.05 if lid else 0.0), 0.4), (0.0, 0.0))]
    if lid:
        parts.append(((0.6, 0.05, 0.4), (height - 0.05, 0.0)))
    scene = trimesh.Scene()
    for i, (size, (base, _)) in enumerate(parts):
        box = trimesh.creation.box(extents=size)
        box.apply_translation([0, base + size[1] / 2, 0])
        flat = trimesh.Trimesh(
            box.triangles.reshape(-1, 3), np.arange(len(box.faces) * 3).reshape(-1, 3), process=False
        )
        cell = np.arange(len(box.faces))
        corner = np.array([[0.02, 0.02], [0.96, 0.02], [0.02, 0.96]])
        uv = (np.column_stack([cell % 4, cell // 4])[:, None] + corner[None]) / 4
        material = trimesh.visual.material.PBRMaterial(
            name="wood" if i == 0 else "lid",
            baseColorFactor=[140 - 30 * i, 100, 70, 255],
            metallicFactor=0.0,
            roughnessFactor=0.8,
        )
        flat.visual = trimesh.visual.TextureVisuals(uv=uv.reshape(-1, 2), material=material)
        name = "body" if i == 0 else "lid"
        scene.add_geometry(flat, node_name=name, geom_name=name)
    scene.export(path)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A new project."""
    return Project.create(tmp_path / "a project", job="game-ready-prop", work="alice")


@pytest.fixture
def briefed(project: Project) -> Project:
    """With a locked intent and a prompt."""
    set_intent(project, ASSET, size=(0.6, 0.5, 0.4), formats=["glb", "usd"], max_triangles=500, lock=True)
    add_inputs(project, ASSET, prompt="a wooden crate with a lid")
    return project


@pytest.fixture
def with_candidate(briefed: Project, tmp_path: Path) -> Project:
    """With one selected candidate."""
    ingest(briefed, crate_glb(tmp_path / "crate.glb"), ASSET)
    select(briefed, ASSET, "c01")
    return briefed
