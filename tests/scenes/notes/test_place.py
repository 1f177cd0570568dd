# SPDX-License-Identifier: Apache-2.0
"""Does it stand? Heights, gaps and depths that are chosen by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Gf, UsdGeom

from .beds import THING, box, mesh, model, notes, world


@pytest.mark.parametrize(
    ("height", "found"), [(1.0, False), (0.981, False), (0.979, True), (1.019, False), (1.021, True)]
)
def test_height_against_alike_neighbours_within_two_percent(height: float, found: bool) -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 0, 0), (1, height, 1))
    for i, tall in enumerate((0.9, 1.0, 1.1)):  # their median is 1.0
        box(stage, f"{model(stage, f'/World/Set/n{i}', 'thing').GetPath()}/body", (2 + i, 0, 0), (2.5 + i, tall, 1))
    said = notes(stage, "scale")
    assert bool(said) is found
    if found:
        assert said[0].expected == "1.000 m"
        assert said[0].correction["scale"] == pytest.approx(1 / height, abs=1e-4)


def test_height_against_the_places_of_an_instancer() -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 0, 0), (1, 1, 1))
    scatter = model(stage, "/World/Set/scatter", "thing")
    instancer = UsdGeom.PointInstancer.Define(stage, f"{scatter.GetPath()}/places")
    box(stage, f"{instancer.GetPath()}/protos/one", (0, 0, 0), (1, 2, 1))
    instancer.CreatePrototypesRel().SetTargets([f"{instancer.GetPath()}/protos/one"])
    instancer.CreateProtoIndicesAttr([0, 0, 0])
    instancer.CreatePositionsAttr([Gf.Vec3f(5, 0, 0), Gf.Vec3f(5, 9, 0), Gf.Vec3f(5, 0, 9)])
    (said,) = notes(stage, "scale")  # each place is 2 m tall, however high it stands
    assert said.expected == "2.000 m"


def test_a_label_of_its_own_finds_its_like() -> None:
    stage = world()
    box(stage, f"{model(stage, THING, 'crate').GetPath()}/body", (0, 0, 0), (1, 1, 1))
    box(stage, f"{model(stage, '/World/Set/a', 'crate').GetPath()}/body", (3, 0, 0), (4, 2, 1))
    box(stage, f"{model(stage, '/World/Set/b', 'house').GetPath()}/body", (6, 0, 0), (9, 8, 1))
    assert [n.expected for n in notes(stage, "scale")] == ["2.000 m"]


@pytest.mark.parametrize(
    ("allowed", "said"),
    [((0.9, 1.1), None), ((1.0, 1.0), None), ((1.2, 1.4), "1.200 m to 1.400 m"), ((1.2, 0.0), "at least 1.200 m")],
)
def test_remembered_heights(allowed: tuple[float, float], said: str | None) -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 0, 0), (1, 1, 1))
    found = notes(stage, "scale", heights_m={"thing": allowed, "other thing": (5.0, 6.0)})
    assert [n.expected for n in found] == ([said] if said else [])


@pytest.mark.parametrize(
    ("height", "kind"),
    [(0.0, ""), (0.009, ""), (0.011, "floating"), (0.5, "floating"), (-0.009, ""), (-0.02, "sunk"), (-0.3, "sunk")],
)
def test_the_gap_to_the_ground(height: float, kind: str) -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 2 + height, 0), (1, 3 + height, 1))
    box(stage, f"{model(stage, '/World/Set/floor').GetPath()}/slab", (-9, 1, -9), (9, 2, 9))
    said = notes(stage, "grounding")
    assert [n.kind for n in said] == ([kind] if kind else [])
    if kind:
        assert said[0].value == pytest.approx(height, abs=1e-4)


def test_standing_on_legs_counts_feet_and_not_the_belly() -> None:
    stage = world()
    for i, (x, z) in enumerate(((0, 0), (0.9, 0), (0, 0.9), (0.9, 0.9))):
        box(stage, f"{THING}/leg{i}", (x, 0, z), (x + 0.1, 0.7, z + 0.1))
    box(stage, f"{THING}/top", (0, 0.7, 0), (1, 0.75, 1))
    box(stage, f"{model(stage, '/World/Set/floor').GetPath()}/slab", (-9, -1, -9), (9, 0, 9))
    # a crate beneath the table, taller than any sinking
    box(stage, f"{model(stage, '/World/Set/crate').GetPath()}/body", (0.3, 0, 0.3), (0.7, 0.5, 0.7))
    assert not notes(stage, "grounding")


def test_one_foot_on_a_slope_is_enough_to_stand() -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 0, 0), (1, 1, 1))
    # falls away towards +X from the box's lower edge
    points = [(0, 0, -5), (0, 0, 5), (5, -1, 5), (5, -1, -5), (-5, 0, -5), (-5, 0, 5)]
    mesh(stage, f"{model(stage, '/World/Set/hill').GetPath()}/slope", points, [(0, 1, 2, 3), (4, 5, 1, 0)])
    assert not notes(stage, "grounding")


def test_without_anything_beneath_the_ground_is_zero() -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 0.4, 0), (1, 1, 1))
    (said,) = notes(stage, "grounding")
    assert (said.kind, said.measured) == ("floating", "+0.400 m")


@pytest.mark.parametrize(("depth", "found"), [(-0.1, False), (0.0, False), (0.009, False), (0.012, True), (0.3, True)])
def test_depth_in_a_neighbour(depth: float, found: bool) -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 0, 0), (1, 1, 1))
    # a wall that reaches past the box everywhere but along x
    box(stage, f"{model(stage, '/World/Set/wall').GetPath()}/body", (1 - depth, -1, -1), (3, 3, 3))
    said = notes(stage, "intersection")
    assert bool(said) is found
    if found:
        assert said[0].against == "wall"
        assert said[0].value == pytest.approx(depth, abs=1e-4)
        assert f"{depth * 1000:.3g} litres" in said[0].measured  # depth x 1 m x 1 m
        assert said[0].place is not None
        assert 1 - depth - 1e-4 <= said[0].place[0] <= 1 + 1e-4


def test_wholly_inside_of_another_is_as_deep_as_its_way_out() -> None:
    stage = world()
    box(stage, f"{THING}/body", (-0.1, -0.1, -0.1), (0.1, 0.1, 0.1))
    box(stage, f"{model(stage, '/World/Set/rock').GetPath()}/body", (-1, -1, -1), (1, 1, 1))
    said = [n for n in notes(stage, "intersection") if n.kind == "intersection"]
    # its face centres are 0.9 from the rock's nearest face, its corners too
    assert said[0].value == pytest.approx(0.9, abs=0.11)
    assert "8 litres" in said[0].measured  # 0.2 m cubed


def test_crossing_beams_have_no_corner_inside_of_each_other() -> None:
    stage = world()
    box(stage, f"{THING}/beam", (-2, 1, -0.1), (2, 1.2, 0.1))
    box(stage, f"{model(stage, '/World/Set/beam').GetPath()}/body", (-0.1, 1, -2), (0.1, 1.2, 2))
    (said,) = notes(stage, "intersection")
    assert said.value == pytest.approx(0.1, abs=0.02)  # the middle line of a face, 0.1 from the other's sides
    assert "8 litres" in said.measured


def test_sunk_into_the_floor_is_told_once() -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, -0.2, 0), (1, 0.8, 1))
    box(stage, f"{model(stage, '/World/Set/floor').GetPath()}/slab", (-9, -1, -9), (9, 0, 9))
    assert [n.kind for n in notes(stage, "grounding")] == ["sunk"]
    assert not notes(stage, "intersection")


def test_a_mirrored_place_keeps_its_inside() -> None:
    stage = world()
    box(stage, f"{THING}/body", (0, 0, 0), (1, 1, 1))
    wall = model(stage, "/World/Set/wall")
    body = box(stage, f"{wall.GetPath()}/body", (0.8, -1, -1), (3, 3, 3))
    UsdGeom.Xformable(body).AddScaleOp().Set(Gf.Vec3f(-1, 1, 1))
    UsdGeom.Xformable(wall).AddTranslateOp().Set(Gf.Vec3d(3.7, 0, 0))  # spans x from 0.7 to 2.9
    (said,) = notes(stage, "intersection")
    assert said.value == pytest.approx(0.3, abs=1e-4)
    assert np.isfinite(said.value or np.nan)
