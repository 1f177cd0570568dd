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


def crate_glb(path: Path, height: float = 0.5) -> Path:
    """Two closed boxes side by side, together 0.6 x `height` x 0.4 m on the ground, each with UVs and a material."""
    scene = trimesh.Scene()
    for name, width, left, tone in (("body", 0.3, -0.3, 140), ("chest", 0.2, 0.1, 110)):
        box = trimesh.creation.box(extents=(width, height, 0.4))
        box.apply_translation([left + width / 2, height / 2, 0])
        corners = np.arange(len(box.faces) * 3).reshape(-1, 3)
        flat = trimesh.Trimesh(box.triangles.reshape(-1, 3), corners, process=False)
        flat.visual = trimesh.visual.TextureVisuals(
            uv=_unfolded(box),
            material=trimesh.visual.material.PBRMaterial(
                name="wood" if name == "body" else "lid",
                baseColorFactor=[tone, 100, 70, 255],
                metallicFactor=0.0,
                roughnessFactor=0.8,
            ),
        )
        scene.add_geometry(flat, node_name=name, geom_name=name)
    scene.export(path)
    return path


def _unfolded(box: trimesh.Trimesh) -> np.ndarray:
    """Each triangle in a cell of its own, laid flat at one scale: no stretch, no overlap, none mirrored."""
    a, b, c = (box.triangles[:, i] for i in range(3))
    along = np.linalg.norm(b - a, axis=1)
    way = (b - a) / along[:, None]
    x = ((c - a) * way).sum(1)
    y = np.linalg.norm(c - a - way * x[:, None], axis=1)
    zero = np.zeros(len(x))
    flat = np.stack([np.stack([zero, zero], 1), np.stack([along, zero], 1), np.stack([x, y], 1)], 1)
    flat -= flat.min(1, keepdims=True)
    cell = np.arange(len(x))
    place = np.stack([cell % 4, cell // 4], 1)[:, None] + 0.02
    uv: np.ndarray = ((place + flat / flat.max() * 0.94) / 4).reshape(-1, 2)
    return uv


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
