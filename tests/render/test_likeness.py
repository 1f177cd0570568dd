# SPDX-License-Identifier: Apache-2.0
"""A subject looks most like the picture that was taken of it, from whatever side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from pipeline.references.png import write_png
from pipeline.render import framing, render
from pipeline.render.likeness import PictureLikeness, compare, contour_distance
from pipeline.render.portrait import Portrait

#: boxes (middle, size) in metres of three things that cannot be taken for each other
THINGS: dict[str, list[tuple[tuple[float, float, float], tuple[float, float, float]]]] = {
    "lamp": [((0, 1.5, 0), (0.1, 3.0, 0.1)), ((0.3, 2.9, 0), (0.7, 0.2, 0.2)), ((0, 0.1, 0), (0.5, 0.2, 0.5))],
    "table": [((0, 0.75, 0), (1.6, 0.1, 0.9))]
    + [((x, 0.35, z), (0.1, 0.7, 0.1)) for x in (-0.7, 0.7) for z in (-0.35, 0.35)],
    "chest": [((0, 0.3, 0), (1.0, 0.6, 0.6)), ((0.2, 0.7, 0), (0.3, 0.2, 0.6))],
}
RED, BLUE = (0.6, 0.08, 0.05), (0.05, 0.1, 0.55)


def thing(name: str, colour: tuple[float, float, float] = RED) -> Usd.Stage:
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageMetersPerUnit(stage, 1)
    root = UsdGeom.Xform.Define(stage, "/Asset").GetPrim()
    stage.SetDefaultPrim(root)
    material = UsdShade.Material.Define(stage, "/Asset/paint")
    shader = UsdShade.Shader.Define(stage, "/Asset/paint/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*colour))
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    for i, (middle, size) in enumerate(THINGS[name]):
        box = UsdGeom.Cube.Define(stage, f"/Asset/box_{i}")
        box.CreateSizeAttr(1.0)
        box.AddTranslateOp().Set(Gf.Vec3d(*middle))
        box.AddScaleOp().Set(Gf.Vec3f(*size))
        UsdShade.MaterialBindingAPI.Apply(box.GetPrim()).Bind(material)
    return stage


def photographed(stage: Usd.Stage, out: Path, azimuth: float, elevation: float) -> Path:
    lens = framing.fit(Portrait(stage, "/Asset").drawing.outline(), 1.0, azimuth, elevation)
    render(stage, out, camera=lens, prims=["/Asset"], quality="draft", size=(160, 160))
    return out


def against(stage: Usd.Stage, picture: Path, role: str = "shape") -> PictureLikeness:
    return compare(Portrait(stage, "/Asset"), [(picture, role, picture.stem)])[0]


def score(found: PictureLikeness) -> float:
    assert found.score is not None
    return found.score


@pytest.mark.parametrize("name", sorted(THINGS))
def test_the_thing_in_the_picture_ranks_first(name: str, tmp_path: Path) -> None:
    picture = photographed(thing(name), tmp_path / f"{name}.png", -37.0, 24.0)
    found = {other: against(thing(other), picture) for other in THINGS}
    assert max(found, key=lambda n: score(found[n])) == name
    own = found[name]
    assert own.silhouette is not None and own.silhouette > 0.75
    assert own.contour is not None and own.contour < 0.02
    others = [score(f) for n, f in found.items() if n != name]
    assert score(own) > max(others) + 0.15


def test_the_view_is_found_again(tmp_path: Path) -> None:
    # the chest has no symmetry: only one direction gives its outline
    found = against(thing("chest"), photographed(thing("chest"), tmp_path / "chest.png", 128.0, 33.0))
    assert found.azimuth == pytest.approx(128, abs=8)
    assert found.elevation == pytest.approx(33, abs=8)


def test_another_colour_looks_less_alike(tmp_path: Path) -> None:
    picture = photographed(thing("chest"), tmp_path / "red.png", 20.0, 15.0)
    same, other = against(thing("chest"), picture), against(thing("chest", BLUE), picture)
    assert same.colour is not None and same.colour < 6
    assert other.colour is not None and other.colour > 20
    assert other.silhouette == pytest.approx(same.silhouette, abs=0.03)
    assert score(same) > score(other) + 0.15


def test_a_material_picture_is_compared_by_colour_alone(tmp_path: Path) -> None:
    swatch = np.full((64, 64, 3), (205, 79, 63), np.uint8)  # sRGB of the linear red above
    write_png(tmp_path / "swatch.png", swatch)
    red, blue = (against(thing("table", c), tmp_path / "swatch.png", "material") for c in (RED, BLUE))
    assert red.silhouette is None and red.contour is None
    assert score(red) > 0.6 > score(blue)


def test_without_a_clean_foreground_no_outline_is_compared(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (96, 96, 3)).astype(np.uint8)
    write_png(tmp_path / "noise.png", noise)
    found = against(thing("table"), tmp_path / "noise.png")
    assert found.score is None and found.silhouette is None
    assert found.notes and "no clean foreground" in found.notes[0]


def test_contours_a_step_apart() -> None:
    # a square and the same one shifted by two pixels: horizontal edges lie on each other but for their ends
    one, other = np.zeros((50, 50), bool), np.zeros((50, 50), bool)
    one[10:40, 10:40] = other[10:40, 12:42] = True
    assert contour_distance(one, one) == 0
    assert 0 < contour_distance(one, other) < 2 / 50


def test_a_thumbnail_is_a_square_picture_of_the_subject(tmp_path: Path) -> None:
    import OpenImageIO as oiio

    out = Portrait(thing("chest"), "/Asset").thumbnail(tmp_path / "t.png")
    pixels = oiio.ImageBuf(str(out)).get_pixels(oiio.FLOAT)
    assert pixels.shape[:2] == (192, 192)
    middle = pixels[80:112, 80:112, :3].mean((0, 1))
    assert middle[0] > 2 * middle[2]  # the red chest stands in the middle
