# SPDX-License-Identifier: Apache-2.0
"""Textures that follow their surface, judged by looking the surface up before and after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, UsdSkel

from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.looks import connect_texture, surface
from pipeline.refiners.core.subject import Subject

from .judge import looked_up, triangles

SIDE = 256


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    found = FolderStore(tmp_path / "kept")
    found.inline_geometry = True  # type: ignore[attr-defined]
    return found


def _waves(seed: int) -> np.ndarray:
    """(SIDE, SIDE, 3) slow waves, 8 bits: bilinear lookups of it are near the wave itself."""
    y, x = np.meshgrid(*[np.arange(SIDE) / SIDE] * 2, indexing="ij")
    phase = np.random.default_rng(seed).random((3, 3)) * 6
    wave = [0.5 + 0.2 * np.sin(6.28 * (3 * x + y) + p[0]) + 0.2 * np.sin(6.28 * (x - 2 * y) + p[1]) for p in phase]
    return (np.stack(wave, axis=2) * 255).round().astype(np.uint8)


def _picture(tmp_path: Path, name: str, seed: int) -> str:
    path = tmp_path / f"{name}.png"
    Image.fromarray(_waves(seed)).save(path)
    return str(path)


def _tiles() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four square sheets of 8 by 8 quads side by side; in the layout each is turned, and the last mirrored."""
    points, faces, corners = [], [], []
    step = np.linspace(0, 1, 9)
    x, y = np.meshgrid(step, step, indexing="ij")
    flat = np.stack([x, y], axis=2).reshape(-1, 2)
    i, j = np.meshgrid(range(8), range(8), indexing="ij")
    a = (i * 9 + j).reshape(-1)
    quads = np.stack([a, a + 9, a + 10, a + 1], axis=1)
    for number, degrees in enumerate((0, 90, 35, -20)):
        angle = np.radians(degrees)
        turned = (flat - 0.5) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * 0.3
        if number == 3:
            turned[:, 0] *= -1
        points.append(np.column_stack([flat[:, 0] + 1.5 * number, flat[:, 1], np.zeros(len(flat))]))
        faces.append(quads + 81 * number)
        centre = np.array([0.25 + 0.5 * (number % 2), 0.25 + 0.5 * (number // 2)])
        corners.append((turned + centre)[quads].reshape(-1, 2))
    return np.concatenate(points), np.concatenate(faces), np.concatenate(corners)


def _dressed(stage: Usd.Stage, mesh: UsdGeom.Mesh, material: UsdShade.Material, **pictures: str) -> None:
    for name, path in pictures.items():
        connect_texture(Subject(stage.GetDefaultPrim()), material, name, path)
    UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim()).Bind(material)


@pytest.mark.parametrize("op", ["repack", "unwrap", "texel-density"])
def test_paint_and_bumps_stay_where_they_were(op: str, stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    sheets = add("sheets", *_tiles())
    _dressed(
        stage, sheets, material("paint"), diffuseColor=_picture(tmp_path, "a", 1), normal=_picture(tmp_path, "n", 2)
    )
    before = {n: looked_up(sheets, n) for n in ("diffuseColor", "normal")}
    refine(stage, "/Asset", op, {"side": 512}, store=store)
    for name, limit in (("diffuseColor", 0.004), ("normal", 0.012)):
        places, values = looked_up(sheets, name)
        assert places == pytest.approx(before[name][0], abs=1e-6)
        assert np.abs(values - before[name][1]).mean() < limit


def test_islands_keep_the_padding_to_each_other_and_half_to_the_border(stage, add) -> None:  # type: ignore[no-untyped-def]
    # axis-parallel squares of four sizes: the gaps are those of their boxes
    points, faces, _ = _tiles()
    step = (points - [[1.5 * (n // 81), 0, 0] for n in range(len(points))])[:, :2]
    size = np.repeat([0.1, 0.2, 0.3, 0.4], 81)[:, None]
    shift = np.repeat([[0, 0], [0.5, 0], [0, 0.5], [0.5, 0.5]], 81, axis=0)
    sheets = add("sheets", points, faces, (step * size + shift)[faces].reshape(-1, 2))
    for padding in (4, 12):
        refine(stage, "/Asset", "repack", {"side": 512, "padding": padding, "turn": False})
        uv = triangles(sheets, "st")[1] * 512
        group = np.rint(triangles(sheets, "st")[0][:, 0, 0] // 1.5).astype(int)
        boxes = [(uv[group == n].min(axis=(0, 1)), uv[group == n].max(axis=(0, 1))) for n in range(4)]
        for number, (low, high) in enumerate(boxes):
            assert min(low.min(), 512 - high.max()) >= padding / 2 - 1
            for other_low, other_high in boxes[:number]:
                assert max((other_low - high).max(), (low - other_high).max()) >= padding - 1.5
        # the sizes stay in proportion: nothing was scaled by itself
        assert [np.ptp(b, axis=0)[0] for b in boxes] == pytest.approx(
            np.array([1, 2, 3, 4]) * np.ptp(boxes[0], axis=0)[0], rel=0.02
        )


def test_channels_that_were_packed_stay_packed(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    sheets, paint = add("sheets", *_tiles()), material("paint")
    file = _picture(tmp_path, "orm", 4)
    inputs = {"occlusion": "r", "roughness": "g", "metallic": "b"}
    for name, output in inputs.items():
        connect_texture(Subject(stage.GetDefaultPrim()), paint, name, file, output, node="orm")
    UsdShade.MaterialBindingAPI.Apply(sheets.GetPrim()).Bind(paint)
    before = {n: looked_up(sheets, n)[1] for n in inputs}
    refine(stage, "/Asset", "repack", {"side": 512}, store=store)
    assert len(list((tmp_path / "kept").iterdir())) == 1
    for name, values in before.items():
        assert np.abs(looked_up(sheets, name)[1] - values).mean() < 0.004


def test_a_tint_is_not_laid_on_twice(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    sheets, paint = add("sheets", *_tiles()), material("paint")
    _dressed(stage, sheets, paint, diffuseColor=_picture(tmp_path, "a", 1))
    refine(stage, "/Asset", "colour", {"tint": "0.5,0.5,1"}, store=store)
    before = looked_up(sheets, "diffuseColor")[1]
    refine(stage, "/Asset", "repack", {"side": 512}, store=store)
    assert np.abs(looked_up(sheets, "diffuseColor")[1] - before).mean() < 0.004


def test_tiles_come_into_one_square(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    points, faces, uv = _tiles()
    sheets, paint = add("sheets", points, faces, uv * [2, 1]), material("paint")
    both = np.concatenate([_waves(5), _waves(6)], axis=1)
    for number in (0, 1):
        Image.fromarray(both[:, number * SIDE : (number + 1) * SIDE]).save(tmp_path / f"t.{1001 + number}.png")
    _dressed(stage, sheets, paint, diffuseColor=str(tmp_path / "t.<UDIM>.png"))
    # the same as one wide picture
    Image.fromarray(both).save(tmp_path / "wide.png")
    other = add("other", points, faces, uv)
    wide = material("wide")
    _dressed(stage, other, wide, diffuseColor=str(tmp_path / "wide.png"))
    before = looked_up(other, "diffuseColor")[1]
    other.GetPrim().SetActive(False)
    refine(stage, "/Asset", "repack", {"side": 512}, store=store)
    assert np.abs(looked_up(sheets, "diffuseColor")[1] - before).mean() < 0.006


def test_what_stays_keeps_its_texture(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    moves, paint = add("moves", *_tiles()), material("paint")
    stays = add("stays", *_tiles())
    _dressed(stage, moves, paint, diffuseColor=_picture(tmp_path, "a", 1))
    _dressed(stage, stays, paint)
    shape = UsdSkel.BlendShape.Define(stage, "/Asset/geo/stays/smile")
    UsdSkel.BindingAPI.Apply(stays.GetPrim()).CreateBlendShapeTargetsRel().SetTargets([shape.GetPath()])
    before = looked_up(stays, "diffuseColor")[1], looked_up(moves, "diffuseColor")[1]
    result = refine(stage, "/Asset", "repack", {"side": 512}, store=store)
    assert looked_up(stays, "diffuseColor")[1] == pytest.approx(before[0])
    assert np.abs(looked_up(moves, "diffuseColor")[1] - before[1]).mean() < 0.004
    assert any("copy" in note for note in result.notes)


def test_another_uv_set_is_left_alone(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    sheets, paint = add("sheets", *_tiles()), material("paint")
    second = UsdGeom.PrimvarsAPI(sheets).CreatePrimvar("st1", Sdf.ValueTypeNames.TexCoord2fArray, "faceVarying")
    second.Set([Gf.Vec2f(*p) for p in _tiles()[2][:, ::-1].tolist()])
    _dressed(stage, sheets, paint, diffuseColor=_picture(tmp_path, "a", 1))
    file = _picture(tmp_path, "light", 7)
    connect_texture(Subject(stage.GetDefaultPrim()), paint, "occlusion", file, "r", uv="st1")
    before = looked_up(sheets, "occlusion")[1]
    refine(stage, "/Asset", "repack", {"side": 512}, store=store)
    assert looked_up(sheets, "occlusion")[1] == pytest.approx(before)
    shader = surface(paint)
    assert shader is not None
    source = shader.GetInput("occlusion").GetConnectedSources()[0][0].source
    assert UsdShade.Shader(source.GetPrim()).GetInput("file").Get().path == file


def test_a_wanted_density_is_reached_by_the_texture_that_gives_it(stage, add, material, tmp_path: Path, store) -> None:  # type: ignore[no-untyped-def]
    sheets, paint = add("sheets", *_tiles()), material("paint")
    _dressed(stage, sheets, paint, diffuseColor=_picture(tmp_path, "a", 1))
    result = refine(stage, "/Asset", "texel-density", {"wanted": 200}, store=store)
    points, uv = triangles(sheets, "st")
    with Image.open(next((tmp_path / "kept").iterdir())) as picture:
        side = picture.width
    length = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    density = np.linalg.norm(uv[:, 1] - uv[:, 0], axis=1) * side / length
    assert density.min() >= 200
    assert density.max() / density.min() < 1.01
    assert any("not more detailed" in note for note in result.notes)
    assert not refine(stage, "/Asset", "texel-density", {"wanted": 200}, store=store).changed
