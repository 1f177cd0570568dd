# SPDX-License-Identifier: Apache-2.0
"""Scatter: evenly by area, never too near, where it is allowed; expected values by geometry."""

from __future__ import annotations

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom

from pipeline.errors import UsageError
from pipeline.scenes.instancers import author_extent, author_instancer
from pipeline.scenes.scatter import Keepout, ScatterSpec, scatter

FLOOR = np.array([[0, 0, 0], [0, 0, 10], [10, 0, 0], [10, 0, 10]], float)
FACES = np.array([[0, 1, 2], [2, 1, 3]])


def nearest(points: np.ndarray) -> np.ndarray:
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(points).query(points, k=2)[0][:, 1])


def test_a_count_is_kept_and_none_is_nearer_than_it_says() -> None:
    found = scatter(FLOOR, FACES, ScatterSpec(count=500, seed=4))
    assert len(found.positions) == 500
    assert found.area == pytest.approx(100)
    assert nearest(found.positions).min() >= found.spacing
    assert found.spacing > 0.5 * np.sqrt(100 / 500)  # a random 500 would have pairs a hundredth of that apart


def test_quarters_of_the_floor_get_a_quarter_each() -> None:
    found = scatter(FLOOR, FACES, ScatterSpec(count=4000))
    quarter = (found.positions[:, 0] > 5) * 2 + (found.positions[:, 2] > 5)
    counts = np.bincount(quarter.astype(int), minlength=4)
    assert np.abs(counts - 1000).max() < 60  # white noise would be off by 27 on average, blue noise by less


def test_the_same_seed_gives_the_same_places_and_another_one_others() -> None:
    a, b, c = (scatter(FLOOR, FACES, ScatterSpec(count=50, seed=s)) for s in (1, 1, 2))
    assert np.array_equal(a.positions, b.positions)
    assert not np.allclose(a.positions[:5], c.positions[:5])


def test_density_counts_what_is_allowed() -> None:
    keep = Keepout((0, -1, 0), (5, 1, 10))  # half of the floor
    found = scatter(FLOOR, FACES, ScatterSpec(density=3.0), keepouts=(keep,))
    assert found.positions[:, 0].min() >= 5
    assert len(found.positions) == pytest.approx(3 * 50, rel=0.03)  # the free half is measured by samples


def test_slopes_are_limited_by_the_face() -> None:
    ramp = np.array([[20, 0, 0], [20, 0, 10], [30, 10, 0], [30, 10, 10]], float)  # 45 degrees
    points, faces = np.vstack([FLOOR, ramp]), np.vstack([FACES, FACES + 4])
    flat = scatter(points, faces, ScatterSpec(count=100, slope=(0, 30)))
    assert flat.positions[:, 0].max() <= 10
    steep = scatter(points, faces, ScatterSpec(count=100, slope=(30, 60), align=1.0, yaw=0.0))
    assert steep.positions[:, 0].min() >= 20
    assert steep.area == pytest.approx(10 * np.hypot(10, 10))
    x, y, z, w = steep.rotations.T
    up = np.stack([2 * (x * y - z * w), 1 - 2 * (x * x + z * z)], axis=1)
    assert np.allclose(up, np.array([-1, 1]) / np.sqrt(2), atol=1e-9)  # the normal of a ramp that rises along +X
    with pytest.raises(UsageError, match="steep"):
        scatter(points, faces, ScatterSpec(count=5, slope=(70, 90)))


def test_what_does_not_fit_is_refused_with_how_many_do() -> None:
    with pytest.raises(UsageError, match="do not fit"):
        scatter(FLOOR, FACES, ScatterSpec(count=500, spacing=1.0))
    full = scatter(FLOOR, FACES, ScatterSpec(density=100.0, spacing=1.0))
    # dart throwing fills 0.547 of the plane with discs of half the distance, here a little less
    discs = len(full.positions) * np.pi * 0.5**2 / 100
    assert 0.42 < discs < 0.62


def test_weights_and_scales_keep_to_their_ranges() -> None:
    spec = ScatterSpec(count=3000, weights=(3, 1), scale=(0.5, 2.0), yaw=90)
    found = scatter(FLOOR, FACES, spec, prototypes=2)
    assert (found.prototypes == 0).mean() == pytest.approx(0.75, abs=0.03)
    assert 0.5 <= found.scales.min() < 0.55
    assert 1.9 < found.scales.max() <= 2.0
    assert np.exp(np.log(found.scales).mean()) == pytest.approx(1.0, abs=0.05)  # as many halves as doubles


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 1, "density": 1.0},
        {},
        {"count": 0},
        {"density": -1.0},
        {"count": 5, "spacing": 0.0},
        {"count": 5, "slope": (40.0, 20.0)},
        {"count": 5, "scale": (2.0, 1.0)},
        {"count": 5, "align": 2.0},
        {"count": 5, "weights": (0.0, 0.0)},
    ],
)
def test_numbers_that_nobody_can_mean_are_refused(wrong: dict) -> None:
    with pytest.raises(UsageError):
        scatter(FLOOR, FACES, ScatterSpec(**wrong))


@pytest.mark.parametrize(("axis", "unit"), [("Y", 1.0), ("Z", 0.01)])
def test_instances_stand_where_they_should_in_any_stage(axis: str, unit: float, tmp_path) -> None:
    stage = Usd.Stage.CreateNew(str(tmp_path / "s.usda"))
    UsdGeom.SetStageUpAxis(stage, axis)
    UsdGeom.SetStageMetersPerUnit(stage, unit)
    found = scatter(FLOOR, FACES, ScatterSpec(count=40, seed=2))

    def store(layer: Sdf.Layer) -> str:
        layer.Export(str(tmp_path / "arrays.usdc"))
        return "./arrays.usdc"

    instancer = author_instancer(stage, "/Set/rocks", found, np.array([-0.25]), store)
    cube = UsdGeom.Cube.Define(stage, "/Set/rocks/Prototypes/p0")
    cube.CreateSizeAttr(0.5 / unit)
    author_extent(instancer)
    matrices = instancer.ComputeInstanceTransformsAtTime(Usd.TimeCode.Default(), Usd.TimeCode.Default())
    places = np.array([list(Gf.Matrix4d(m).ExtractTranslation()) for m in matrices]) * unit
    if axis == "Z":
        places = places @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    assert np.allclose(places[:, [0, 2]], found.positions[:, [0, 2]], atol=1e-4)
    assert np.allclose(places[:, 1], 0.25, atol=1e-4)  # its lowest point touches the floor
    assert instancer.GetExtentAttr().Get() is not None
