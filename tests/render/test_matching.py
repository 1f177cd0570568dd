# SPDX-License-Identifier: Apache-2.0
"""Pictures that compare the asset and nothing else; how far one has drifted, in known colours and outlines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import render_beds as stages
from pxr import Gf, UsdGeom
from skimage.color import deltaE_ciede2000, rgb2lab

from pipeline.errors import UsageError
from pipeline.render import drift, picture, render_matched
from pipeline.render.drifting import drift_sheet, product_drift


def cube(path: Path, glow: float = 0.0, size: float = 1.0, beside: bool = False) -> Path:
    """A cube on the ground that may glow."""
    stage = stages.new(path)
    body = UsdGeom.Cube.Define(stage, "/World/thing/body")
    body.CreateSizeAttr(size)
    UsdGeom.Xformable(body).AddTranslateOp().Set(Gf.Vec3d(0, size / 2, 0))
    look = stages.material(stage, "skin", diffuseColor=(0.2, 0.2, 0.2), emissiveColor=(glow, glow, glow))
    stages.bind(body, look)
    if beside:
        far = UsdGeom.Cube.Define(stage, "/World/thing/far")
        far.CreateSizeAttr(0.01)
        UsdGeom.Xformable(far).AddTranslateOp().Set(Gf.Vec3d(1.2, 0, 0))
    stage.GetRootLayer().Save()
    return path


def test_two_that_are_the_same_have_the_same_bytes(tmp_path: Path) -> None:
    paths = [cube(tmp_path / f"{n}.usda") for n in "ab"]
    outs = [tmp_path / "a.png", tmp_path / "b.png"]
    render_matched(paths, outs, size=(96, 96))
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert drift(*outs).colour_mean == 0.0


def test_neither_order_nor_company_changes_a_picture(tmp_path: Path) -> None:
    one, two = cube(tmp_path / "one.usda"), cube(tmp_path / "two.usda", glow=0.5)
    render_matched([one, two], [tmp_path / "1.png", tmp_path / "2.png"], size=(64, 64))
    render_matched([two, one], [tmp_path / "3.png", tmp_path / "4.png"], size=(64, 64))
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "4.png").read_bytes()
    assert (tmp_path / "2.png").read_bytes() == (tmp_path / "3.png").read_bytes()


def test_a_bright_one_does_not_darken_what_is_around_it(tmp_path: Path) -> None:
    dark, bright = cube(tmp_path / "dark.usda"), cube(tmp_path / "bright.usda", glow=50.0)
    outs = [tmp_path / "dark.png", tmp_path / "bright.png"]
    render_matched([dark, bright], outs, size=(96, 96))
    a, b = (picture.read(p) for p in outs)
    assert b[48, 48].min() == 1.0  # it is white
    # its glow may light the floor, but the exposure stays: nothing gets darker, the backdrop is as it was
    assert (b - a).min() >= -1 / 255
    np.testing.assert_array_equal(a[:10], b[:10])
    # and the light that falls on it is the same: with a glow that cannot be seen nothing changes
    faint = cube(tmp_path / "faint.usda", glow=1e-6)
    render_matched([dark, faint], [outs[0], tmp_path / "faint.png"], size=(96, 96))
    assert np.abs(picture.read(outs[0]) - picture.read(tmp_path / "faint.png")).max() <= 1 / 255


def test_the_light_stays_when_one_is_larger(tmp_path: Path) -> None:
    """The rig is fitted to the union, so that a small thing beside a cube changes no pixel of the cube."""
    one, two = cube(tmp_path / "one.usda"), cube(tmp_path / "two.usda", beside=True)
    outs = [tmp_path / "1.png", tmp_path / "2.png"]
    render_matched([one, two], outs, camera="front", size=(96, 96), background="transparent")
    a, b = (picture.read(p) for p in outs)
    inside = (a[..., 3] == 1) & (b[..., 3] == 1)
    assert inside.sum() > 500
    assert np.abs(a[inside] - b[inside]).mean() < 0.01


@pytest.mark.parametrize(
    ("before", "after"),
    [((200, 60, 50), (200, 60, 50)), ((200, 60, 50), (190, 60, 50)), ((20, 90, 200), (200, 90, 20))],
)
def test_a_known_shift_of_colour(tmp_path: Path, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    files = []
    for name, colour in (("before", before), ("after", after)):
        pixels = np.zeros((40, 40, 4))
        pixels[10:30, 10:30] = [*(c / 255 for c in colour), 1]
        files.append(picture.write(tmp_path / f"{name}.png", pixels))
    found = drift(*files)
    labs = [rgb2lab(np.array(c) / 255) for c in (before, after)]
    wanted = float(deltaE_ciede2000(*labs))
    assert found.colour_mean == pytest.approx(wanted, abs=0.02)
    assert found.colour_95 == pytest.approx(wanted, abs=0.02)
    assert found.changed == float(wanted > 2)
    assert found.accepted is (wanted <= 3)
    assert found.silhouette == 1


@pytest.mark.parametrize(("shift", "share"), [(0, 1.0), (1, 19 / 21), (5, 15 / 25), (20, 0.0)])
def test_a_known_overlap_of_outlines(tmp_path: Path, shift: int, share: float) -> None:
    files = []
    for name, left in (("before", 5), ("after", 5 + shift)):
        pixels = np.zeros((40, 60, 4))
        pixels[10:30, left : left + 20] = [0.5, 0.4, 0.3, 1]
        files.append(picture.write(tmp_path / f"{name}.png", pixels))
    assert drift(*files).silhouette == pytest.approx(share, abs=1e-4)


def test_pictures_of_different_size_do_not_compare(tmp_path: Path) -> None:
    files = [picture.write(tmp_path / f"{n}.png", np.zeros((n, n, 3))) for n in (8, 16)]
    with pytest.raises(UsageError, match="8x8"):
        drift(*files)


def test_a_product_and_its_approved_version(tmp_path: Path) -> None:
    before, same = cube(tmp_path / "before.usda"), cube(tmp_path / "same.usda")
    larger = cube(tmp_path / "larger.usda", size=1.25)
    (still,) = product_drift(before, same, "/World/thing", tmp_path, size=(96, 96), views=("front",))
    assert still.drift.accepted
    assert still.drift.colour_mean == 0
    (grown,) = product_drift(before, larger, "/World/thing", tmp_path, size=(96, 96), views=("front",))
    assert not grown.drift.accepted
    # the square of the nearer face; perspective takes a little more
    assert 0.5 < grown.drift.silhouette <= 1 / 1.25**2
    page = picture.read(drift_sheet([grown], tmp_path / "drift.png", tmp_path, "before and now"))
    assert page.shape[1] > 4 * page.shape[0] * 0.6  # four pictures in a row
