# SPDX-License-Identifier: Apache-2.0
"""Does it belong? Colours that are given, differences by scikit-image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from pxr import Gf, Usd, UsdGeom, UsdShade
from skimage.color import deltaE_ciede2000, rgb2lab

from pipeline.scenes.notes import View
from pipeline.scenes.notes.look.readability import LOST, contrast

from .beds import THING, model, notes, paint, plate, situation, world

Colour = tuple[float, float, float]


def encoded(linear: Sequence[float]) -> np.ndarray:
    """sRGB of linear Rec.709 (IEC 61966-2-1)."""
    x = np.asarray(linear, float)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


def lightness(linear: Sequence[float]) -> float:
    return float(rgb2lab(encoded(linear))[0])


def difference(a: Sequence[float], b: Sequence[float]) -> float:
    return float(deltaE_ciede2000(rgb2lab(encoded(a)), rgb2lab(encoded(b))))


def grey_of(target: float) -> Colour:
    """The grey of this CIE L*."""
    f = (target + 16) / 116
    y = f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29)
    return (y, y, y)


def painted(own: Colour, others: Sequence[Colour]) -> Usd.Stage:
    """A plate of one colour among plates of others."""
    stage = world()
    paint(stage, plate(stage, f"{THING}/body", -1, -1, 1, 1), "skin", own)
    for i, colour in enumerate(others):
        home = model(stage, f"/World/Set/n{i}").GetPath()
        paint(stage, plate(stage, f"{home}/body", 2 + 2 * i, -1, 4 + 2 * i, 1), f"paint{i}", colour)
    return stage


def test_distance_from_the_remembered_palette() -> None:
    red, blue = (0.5, 0.03, 0.02), (0.02, 0.05, 0.5)
    stage = painted(blue, [])
    away = difference(blue, red)
    assert away > 40
    (said,) = notes(stage, "palette", palette=[red])
    assert said.value == pytest.approx(away, abs=0.05)
    assert said.prim == f"{THING}/mtl/skin"
    assert not notes(stage, "palette", palette=[red, (0.03, 0.05, 0.45)])
    # on either side of a limit between
    assert not notes(stage, "palette", palette=[red], settings={"palette": {"limit": away + 0.1}})
    assert notes(stage, "palette", palette=[red], settings={"palette": {"limit": away - 0.1}})


def test_without_a_palette_the_scene_is_one() -> None:
    earth = [(0.2, 0.15, 0.1), (0.3, 0.22, 0.15), (0.1, 0.08, 0.06)]
    near = {"palette": {"limit": 30.0}}
    (said,) = notes(painted((0.02, 0.05, 0.5), earth), "palette", settings=near)
    assert said.value == pytest.approx(min(difference((0.02, 0.05, 0.5), e) for e in earth), abs=0.05)
    assert not notes(painted((0.22, 0.15, 0.1), earth), "palette", settings=near)
    two = painted((0.02, 0.05, 0.5), earth[:2])
    assert not notes(two, "palette", settings=near)  # two materials are no palette


@pytest.mark.parametrize(("limit", "found"), [(0.5, True), (0.59, True), (0.61, False), (0.0, False)])
def test_saturation_against_the_remembered_limit(limit: float, found: bool) -> None:
    srgb = np.array([0.8, 0.5, 0.32])  # HSV saturation 1 - 0.32 / 0.8 = 0.6
    linear = ((srgb + 0.055) / 1.055) ** 2.4
    stage = painted(tuple(float(v) for v in linear), [])  # type: ignore[arg-type]
    said = notes(stage, "saturation", max_saturation=limit)
    assert bool(said) is found
    if found:
        assert said[0].value == pytest.approx(0.6, abs=1e-3)
        assert 0 < said[0].correction["saturation_skin"] < 1


def test_saturation_against_the_scene() -> None:
    quiet = [(0.2, 0.2, 0.2), (0.3, 0.3, 0.3), (0.1, 0.1, 0.1)]
    linear = ((np.array([0.8, 0.7, 0.64]) + 0.055) / 1.055) ** 2.4  # 0.2, the scene has 0 and allows 0.15 more
    own = tuple(float(v) for v in linear)
    assert notes(painted(own, quiet), "saturation")  # type: ignore[arg-type]
    assert not notes(painted(own, [*quiet, own]), "saturation")  # type: ignore[list-item,arg-type]


@pytest.mark.parametrize(
    ("own", "found"), [(50.0, False), (69.5, False), (70.5, True), (30.5, False), (29.5, True), (95.0, True)]
)
def test_value_of_the_paint_against_the_scene(own: float, found: bool) -> None:
    stage = painted(grey_of(own), [grey_of(40), grey_of(50), grey_of(60)])  # allowed: 30 to 70
    said = notes(stage, "albedo")
    assert bool(said) is found
    if found:
        assert said[0].value == pytest.approx(own, abs=0.1)


def test_a_texture_is_looked_at_where_faces_wear_it(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from pipeline.render import picture

    from .test_frame import textured

    stage, _ = textured(tmp_path, 64)
    halves = np.zeros((64, 64, 3))
    halves[:, 32:] = 1.0  # the right half is white
    picture.write(tmp_path / "t.png", halves)
    body = UsdGeom.Mesh(stage.GetPrimAtPath(f"{THING}/body"))
    st = UsdGeom.PrimvarsAPI(body).GetPrimvar("st")
    st.Set([Gf.Vec2f(0.6 + 0.3 * uv[0], uv[1]) for uv in st.Get()])
    for i in range(3):
        home = model(stage, f"/World/Set/n{i}").GetPath()
        paint(stage, plate(stage, f"{home}/body", 2, -1, 4, 1), f"paint{i}", grey_of(40))
    (said,) = notes(stage, "albedo")
    assert said.value == pytest.approx(100.0, abs=0.1)


def lit(own: Colour, behind: Colour, other: Colour | None = None) -> Usd.Stage:
    """A plate that glows before a wall that glows, of one colour or of two halves; no other light."""
    stage = world()
    paint(stage, plate(stage, f"{THING}/body", -1, -1, 1, 1), "skin", glow=own)
    wall = str(model(stage, "/World/Set/wall").GetPath())
    if other is None:
        paint(stage, plate(stage, f"{wall}/all", -9, -9, 9, 9, z=-1), "all", glow=behind)
    else:
        paint(stage, plate(stage, f"{wall}/left", -9, -9, 0, 9, z=-1), "left", glow=behind)
        paint(stage, plate(stage, f"{wall}/right", 0, -9, 9, 9, z=-1), "right", glow=other)
    return stage


@pytest.mark.parametrize(("own", "found"), [(74.0, False), (76.0, True), (26.0, False), (24.0, True)])
def test_brightness_of_the_lit_picture(own: float, found: bool) -> None:
    said = notes(lit(grey_of(own), grey_of(50)), "brightness")  # 25 either way
    assert bool(said) is found
    if found:
        assert said[0].value == pytest.approx(own - 50, abs=0.3)
        assert ("darker" in said[0].message) is (own < 50)


def test_what_is_beyond_white_is_blown_out() -> None:
    assert "highlights" in [n.against for n in notes(lit((1.3, 1.3, 1.3), grey_of(90)), "brightness")]
    assert not notes(lit((0.95, 0.95, 0.95), grey_of(90)), "brightness")
    # a pure colour may leave the screen's range without being white
    assert not notes(lit((0.3, 1.2, 0.0), grey_of(90)), "brightness")


def test_contrast_across_the_outline_is_ciede2000_of_both_sides() -> None:
    own, behind = (0.4, 0.1, 0.05), (0.1, 0.25, 0.3)
    stage = lit(own, behind)
    found, places = contrast(View(situation(stage), "/World/Cameras/front", 200).picture)
    assert np.median(found) == pytest.approx(difference(own, behind), abs=0.05)
    assert np.ptp(found) < 0.1
    # four sides of 2 / 7.2 of 200 pixels, without the corners' doubles
    assert len(places) == pytest.approx(4 * 55.5, rel=0.03)


@pytest.mark.parametrize(("own", "found"), [(54.0, True), (70.0, False)])
def test_a_silhouette_that_melts_into_the_wall(own: float, found: bool) -> None:
    assert (difference(grey_of(own), grey_of(50)) < LOST) is found
    said = notes(lit(grey_of(own), grey_of(50)), "readability")
    assert bool(said) is found
    if found:
        assert said[0].value == pytest.approx(1.0)


def test_half_a_silhouette() -> None:
    stage = lit(grey_of(50), grey_of(50), grey_of(80))
    (said,) = notes(stage, "readability")
    assert said.value == pytest.approx(0.5, abs=0.02)
    assert not notes(stage, "readability", settings={"readability": {"limit": 0.53}})


def test_the_outline_of_what_hides_it_is_not_its_own() -> None:
    stage = lit(grey_of(50), grey_of(90))
    fence = str(model(stage, "/World/Set/fence").GetPath())
    # covers the lower half with the asset's own colour: an edge that nobody asks about
    paint(stage, plate(stage, f"{fence}/body", -3, -3, 3, 0, z=1), "fence", glow=grey_of(50))
    assert not notes(stage, "readability")


@pytest.mark.long
def test_drift_of_a_known_colour_and_a_known_silhouette() -> None:
    now, before = lit((0.4, 0.1, 0.05), grey_of(50)), lit((0.3, 0.1, 0.05), grey_of(50))
    limit = {"drift": {"limit": 0.5}}
    (said,) = notes(now, "drift", approved=before, settings=limit)
    assert said.against == "colour"
    # eight bits a channel leave a little
    assert said.value == pytest.approx(difference((0.4, 0.1, 0.05), (0.3, 0.1, 0.05)), abs=0.2)
    assert not notes(now, "drift", approved=lit((0.4, 0.1, 0.05), grey_of(50)), settings=limit)
    assert not notes(now, "drift")
    narrow = lit((0.4, 0.1, 0.05), grey_of(50))
    UsdGeom.Mesh(narrow.GetPrimAtPath(f"{THING}/body")).GetPointsAttr().Set(
        [Gf.Vec3f(x, y, 0) for x, y in ((-1, -1), (0.8, -1), (-1, 1), (0.8, 1))]
    )
    (said,) = notes(narrow, "drift", approved=now)
    assert said.against == "silhouette"
    assert 0.8 < (said.value or 0) < 0.92  # 1.8 of 2 metres, the missing strip towards the camera


def test_drift_does_not_ask_where_it_stands() -> None:
    now, before = lit((0.4, 0.1, 0.05), grey_of(50)), lit((0.4, 0.1, 0.05), grey_of(50))
    place = UsdGeom.Xformable(now.GetPrimAtPath(THING))
    place.AddTranslateOp(UsdGeom.XformOp.PrecisionDouble, "placement").Set(Gf.Vec3d(5, 1, 2))
    place.AddRotateYOp(UsdGeom.XformOp.PrecisionFloat, "placement").Set(70.0)
    assert not notes(now, "drift", approved=before, settings={"drift": {"limit": 0.01, "ceiling": 0.001}})
    # and it was not moved by being looked at
    assert UsdGeom.XformCache().GetLocalToWorldTransform(place.GetPrim()).ExtractTranslation() == Gf.Vec3d(5, 1, 2)


def test_things_without_material_have_no_colour() -> None:
    stage = painted((0.5, 0.5, 0.5), [grey_of(30)] * 3)
    UsdShade.MaterialBindingAPI(stage.GetPrimAtPath(f"{THING}/body")).UnbindAllBindings()
    for kind in ("palette", "saturation", "albedo"):
        assert not notes(stage, kind)
