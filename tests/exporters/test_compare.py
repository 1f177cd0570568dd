# SPDX-License-Identifier: Apache-2.0
"""What a reader found is held against the stage, fact by fact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pxr import Sdf, UsdGeom

from pipeline.exporters.compare import differences, stats_of
from pipeline.exporters.seam import Reading
from pipeline.usd.scene import Loss, Scene, read_scene


@pytest.fixture
def scene(plot: Any, picture: Any) -> Scene:
    """Two cubes with two UV sets and a texture, one of them moving, a camera, a lamp and a sky."""
    picture("a.png", np.full((2, 2, 3), 9, np.uint8))
    p = plot()
    for name, x in (("A", 0.0), ("B", 3.0)):
        cube = p.cube(f"/World/{name}", 1.0, (x, 0, 0))
        second = UsdGeom.PrimvarsAPI(cube).CreatePrimvar("st1", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
        second.Set([(0.1 * k, 0) for k in range(8)])
    p.bind(cube, p.material("/World/M"))
    p.texture("/World/M", "diffuseColor", "./a.png")
    moving = UsdGeom.XformCommonAPI(cube)
    moving.SetTranslate((0, 0, 0), 1)
    moving.SetTranslate((0, 1, 0), 24)
    UsdGeom.Camera.Define(p.stage, "/World/Cam")
    p.stage.DefinePrim("/World/Lamp", "SphereLight")
    p.stage.DefinePrim("/World/Sky", "DomeLight")
    return read_scene(p.save())


#: what a faithful file has, counted by hand
RIGHT: dict[str, Any] = {
    "triangles": 24,
    "materials": 1,
    "textures": 1,
    "drawn_uv_sets": 4,
    "joints": 0,
    "clips": 1,
    "cameras": 1,
    "lights": 2,
    "bounds_m": [[-0.5, -0.5, -0.5], [3.5, 0.5, 0.5]],
}


def test_a_faithful_file_has_no_differences(scene: Scene) -> None:
    assert differences(scene, stats_of(scene), Reading("reader", RIGHT)) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("triangles", 23), ("materials", 0), ("textures", 0), ("drawn_uv_sets", 2), ("clips", 0), ("cameras", 0),
        ("lights", 1), ("bounds_m", [[-0.5, -0.5, -0.5], [3.5, 0.52, 0.5]]), ("has_textures", False),
    ],
)  # fmt: skip
def test_each_fact_counts(scene: Scene, key: str, value: Any) -> None:
    assert len(differences(scene, stats_of(scene), Reading("reader", {**RIGHT, key: value}))) == 1


def test_a_light_that_is_reported_lost_is_not_looked_for(scene: Scene) -> None:
    told = replace(scene, losses=(Loss("/World/Sky", "dome light", "none"), Loss("/World/Lamp", "size of a light", "")))
    assert differences(told, stats_of(scene), Reading("reader", {**RIGHT, "lights": 1})) == []
    assert differences(told, stats_of(scene), Reading("reader", {**RIGHT, "lights": 0})) != []


def test_one_lost_texture_does_not_hide_another(plot: Any, picture: Any) -> None:
    p = plot()
    for k in range(3):
        picture(f"{k}.png", np.full((2, 2, 3), 40 * k, np.uint8))
        p.bind(p.cube(f"/World/C{k}"), p.material(f"/World/M{k}"))
        p.texture(f"/World/M{k}", "diffuseColor", f"./{k}.png")
    read = read_scene(p.save())
    told = replace(read, losses=(Loss("/World/M0", "texture of diffuseColor", "no such map"),))
    stats = stats_of(read)
    assert differences(told, stats, Reading("reader", {"textures": 2})) == []
    assert differences(told, stats, Reading("reader", {"textures": 1})) != []


def test_the_same_picture_under_two_names_may_be_one(plot: Any, picture: Any) -> None:
    p = plot()
    for k in range(2):
        picture(f"{k}.png", np.full((2, 2, 3), 40, np.uint8))
        p.bind(p.cube(f"/World/C{k}"), p.material(f"/World/M{k}"))
        p.texture(f"/World/M{k}", "diffuseColor", f"./{k}.png")
    read = read_scene(p.save())
    assert differences(read, stats_of(read), Reading("reader", {"textures": 1})) == []
    assert differences(read, stats_of(read), Reading("reader", {"textures": 0})) != []
