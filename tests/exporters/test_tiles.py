# SPDX-License-Identifier: Apache-2.0
"""UDIM tiles as parts with materials of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pxr import UsdGeom

from pipeline.exporters import export
from pipeline.exporters.tiles import with_tiles
from pipeline.usd.scene import read_scene
from pipeline.usd.scene.report import Report


def tiled(plot: Any, picture: Any) -> Path:
    """A cube whose first three faces lie in 1001, two in 1002 and one in 1011, of which there is no picture."""
    for tile in (1001, 1002):
        picture(f"t.{tile}.png", np.full((2, 2, 3), tile % 255, np.uint8))
    p = plot()
    cube = p.cube("/World/C")
    st = np.array([(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)])
    right, above = np.array([1, 0]), np.array([0, 1])
    rows = np.concatenate([st, st, st, st + right, st + right, st + above])
    UsdGeom.PrimvarsAPI(cube).GetPrimvar("st").Set(rows.tolist())
    p.bind(cube, p.material("/World/M"))
    p.texture("/World/M", "diffuseColor", "./t.<UDIM>.png")
    path: Path = p.save()
    return path


def test_each_tile_gets_its_faces_and_its_picture(plot: Any, picture: Any) -> None:
    report = Report()
    scene = with_tiles(read_scene(tiled(plot, picture)), report)
    node = next(n for n in scene.nodes if n.mesh is not None)
    assert node.mesh is not None
    mesh = scene.meshes[node.mesh]
    assert mesh.face_slots is not None
    assert mesh.face_slots.tolist() == [0, 0, 0, 1, 1, 2]
    pictures = [scene.materials[m].texture("diffuseColor") for m in node.materials]
    assert [Path(t.path).name if t else None for t in pictures] == ["t.1001.png", "t.1002.png", None]
    assert [(x.prim, x.what) for x in report.losses] == [("/World/M", "UDIM tile 1011 of diffuseColor")]


def test_a_scene_without_tiles_stays_as_it_is(plot: Any) -> None:
    p = plot()
    p.cube("/World/C")
    scene = read_scene(p.save())
    assert with_tiles(scene, Report()) is scene


def test_obj_names_each_picture(plot: Any, picture: Any, tmp_path: Path) -> None:
    export(tiled(plot, picture), tmp_path / "c.obj")
    text = (tmp_path / "c.mtl").read_text()
    assert text.count("t.1001.png") == 1
    assert text.count("t.1002.png") == 1
    assert (tmp_path / "c.obj").read_text().count("usemtl") == 3
