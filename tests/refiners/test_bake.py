# SPDX-License-Identifier: Apache-2.0
"""Cage, padding, output and errors of a bake, by hand-made sheets whose answer is known."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image
from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade

from pipeline.errors import RefineError, UsageError
from pipeline.progress import listen
from pipeline.refiners import FolderStore, refine
from pipeline.refiners.core.looks import maps

SHEET = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
QUAD = np.array([[0, 1, 2, 3]], np.int32)
UV = SHEET[:, :2]


def _high(stage: Usd.Stage, add, name: str, points: np.ndarray, faces: np.ndarray, colour=None) -> UsdGeom.Mesh:  # type: ignore[no-untyped-def]
    """A mesh of the source, beneath /High."""
    made = add(name, points, faces)
    Sdf.CopySpec(stage.GetRootLayer(), made.GetPath(), stage.GetRootLayer(), f"/{name}")
    stage.RemovePrim(made.GetPath())
    if not stage.GetPrimAtPath("/High"):
        UsdGeom.Xform.Define(stage, "/High")
    edit = Sdf.BatchNamespaceEdit()
    edit.Add(f"/{name}", f"/High/{name}")
    stage.GetRootLayer().Apply(edit)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/High/{name}"))
    if colour is not None:
        mesh.CreateDisplayColorAttr([Gf.Vec3f(*colour)])
    return mesh


def _baked(stage: Usd.Stage, tmp_path: Path, **settings: object):  # type: ignore[no-untyped-def]
    values = {"source": "/High", "side": 32, "supersample": 1, **settings}
    told = refine(stage, "/Asset", "bake", values, store=FolderStore(tmp_path))
    material = UsdShade.Material(stage.GetPrimAtPath("/Asset/mtl/baked"))
    return told, {m.input: m for m in maps(material)}


def test_what_floats_over_the_surface_is_seen_first(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A red plate floats over the right half of a green ground: from the cage inward the plate hides it."""
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "ground", SHEET - [0, 0, 0.01], QUAD, (0, 1, 0))
    _high(stage, add, "plate", SHEET * [0.5, 1, 1] + [0.5, 0, 0.05], QUAD, (1, 0, 0))
    for cage in (0.1, 0.0):
        _, read = _baked(stage, tmp_path, maps="albedo", cage=cage)
        picture = read["diffuseColor"].whole()
        assert picture[16, 8] == pytest.approx([0, 1, 0], abs=0.01)
        assert picture[16, 24] == pytest.approx([1, 0, 0], abs=0.01)
    # a cage between the two does not reach the plate
    _, read = _baked(stage, tmp_path, maps="albedo", cage=0.03)
    assert read["diffuseColor"].whole()[16, 24] == pytest.approx([0, 1, 0], abs=0.01)


def test_the_back_of_a_thin_wall_does_not_bleed_through(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "front", SHEET - [0, 0, 0.02], QUAD, (0, 0, 1))
    _high(stage, add, "back", (SHEET + np.array([0, 0, 0.01]))[::-1], QUAD, (1, 0, 0))  # nearer, but it looks away
    told, read = _baked(stage, tmp_path, maps="normal,albedo", cage=0.1)
    assert read["diffuseColor"].whole()[16, 16] == pytest.approx([0, 0, 1], abs=0.01)
    assert "turned" not in told.details
    stage.GetPrimAtPath("/High/front").SetActive(False)
    told, read = _baked(stage, tmp_path, maps="normal,albedo", cage=0.11)
    assert read["diffuseColor"].whole()[16, 16] == pytest.approx([1, 0, 0], abs=0.01)
    assert told.details["turned"] == 1
    assert any("orient" in note for note in told.notes)
    assert read["normal"].whole()[16, 16] == pytest.approx([0, 0, 1], abs=0.01)  # towards who looks


def test_an_automatic_cage_stops_half_way_to_the_neighbour(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Two low sheets face one another a little apart; a wide cage would see the other one's source from behind it."""
    add("one", SHEET, QUAD, UV * [0.5, 1])
    add("two", (SHEET + np.array([0, 0, 0.1]))[::-1], QUAD, UV * [0.5, 1] + [0.5, 0])
    _high(stage, add, "first", SHEET, QUAD, (0, 1, 0))
    _high(stage, add, "second", (SHEET + np.array([0, 0, 0.1]))[::-1], QUAD, (1, 0, 0))
    # both faces of the neighbour are there, so that its back shows a front
    _high(stage, add, "second_back", SHEET + np.array([0, 0, 0.11]), QUAD, (0, 0, 1))
    _high(stage, add, "aside", SHEET * 0.1 + np.array([1.15, 0.4, 0.04]), QUAD, (1, 1, 0))  # makes the cage wide
    told, read = _baked(stage, tmp_path, maps="albedo")
    assert told.details["cage_m"] > 0.1  # wide enough to stand behind the neighbour
    assert read["diffuseColor"].whole()[4, 4] == pytest.approx([0, 1, 0], abs=0.01)


def test_misses_are_told_by_prim(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("here", SHEET, QUAD, UV * [0.5, 1])
    add("there", SHEET + np.array([2, 0, 0]), QUAD, UV * [0.5, 1] + [0.5, 0])
    _high(stage, add, "high", SHEET, QUAD)
    told, _ = _baked(stage, tmp_path, maps="normal", cage=0.05)
    assert told.details["missed"] == pytest.approx(0.5)
    assert told.details["missed_by"] == {"/Asset/geo/there": pytest.approx(0.5)}
    assert any("/Asset/geo/there" in note and "cage=" in note for note in told.notes)


def test_islands_do_not_mix_at_an_eighth(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Red and green islands sixteen pixels apart; a box filter of eight must find each pure over all its texels."""
    add("one", SHEET, QUAD, UV * [0.4, 0.8] + [0.04, 0.1])
    add("two", SHEET + np.array([2, 0, 0]), QUAD, UV * [0.4, 0.8] + [0.5625, 0.1])
    _high(stage, add, "red", SHEET, QUAD, (1, 0, 0))
    _high(stage, add, "green", SHEET + np.array([2, 0, 0]), QUAD, (0, 1, 0))
    _, read = _baked(stage, tmp_path, maps="albedo", side=256, padding=8, cage=0.05)
    small = read["diffuseColor"].whole().reshape(32, 8, 32, 8, 3).mean(axis=(1, 3))
    used = slice(int(0.1 * 32), int(np.ceil(0.9 * 32)))
    assert small[used, 1 : int(np.ceil(0.44 * 32))].reshape(-1, 3).min(axis=0)[0] > 0.99
    assert small[used, 18:30].reshape(-1, 3).min(axis=0)[1] > 0.99
    # where no island is near, the mean of all stands, not black
    assert read["diffuseColor"].whole()[0, 0] == pytest.approx([0.5, 0.5, 0], abs=0.02)


def test_sixteen_bits_hold_a_slope_that_eight_cannot(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "high", SHEET + SHEET[:, :1] * [0, 0, 0.001], QUAD)
    for bits, near in ((8, 4e-3), (16, 2e-5)):
        _, read = _baked(stage, tmp_path, maps="normal", cage=0.05, normal_bits=bits)
        assert oiio.ImageInput.open(read["normal"].path).spec().format.basesize() * 8 == bits
        assert read["normal"].whole().reshape(-1, 3).mean(axis=0) == pytest.approx([-0.001, 0, 1], abs=near)
        shader = read["normal"].shader
        assert shader.GetInput("sourceColorSpace").Get() == "raw"
        assert tuple(shader.GetInput("scale").Get()) == (2, 2, 2, 1)
        assert tuple(shader.GetInput("bias").Get()) == (-1, -1, -1, 0)


def test_a_cage_mesh_decides_where_rays_begin(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "ground", SHEET, QUAD, (0, 1, 0))
    _high(stage, add, "plate", SHEET + np.array([0, 0, 0.1]), QUAD, (1, 0, 0))
    # over the plate on the left, under it on the right
    lift = np.array([0.2, 0.02, 0.02, 0.2])
    cage = add("cage", SHEET + lift[:, None] * [0, 0, 1], QUAD)
    layer = stage.GetRootLayer()
    Sdf.CopySpec(layer, cage.GetPath(), layer, "/Cage")
    stage.RemovePrim(cage.GetPath())
    _, read = _baked(stage, tmp_path, maps="albedo", cage_mesh="/Cage")
    assert read["diffuseColor"].whole()[16, 2] == pytest.approx([1, 0, 0], abs=0.01)
    assert read["diffuseColor"].whole()[16, 29] == pytest.approx([0, 1, 0], abs=0.01)
    with pytest.raises(RefineError, match="8 points, the asset 4") as told:
        _baked(stage, tmp_path, maps="albedo", cage_mesh="/High")
    assert "copy of the asset" in str(told.value)


def test_mirrored_use_of_texels_is_baked_from_the_unmirrored_half(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("a_mirrored", SHEET + np.array([2, 0, 0]), QUAD, np.stack([1 - UV[:, 0], UV[:, 1]], 1))
    add("b_upright", SHEET, QUAD, UV)
    _high(stage, add, "left", SHEET, QUAD, (0, 1, 0))
    _high(stage, add, "right", SHEET + np.array([2, 0, 0]), QUAD, (1, 0, 0))
    with pytest.raises(RefineError, match="several faces") as told:
        _baked(stage, tmp_path, maps="albedo")
    assert "overlap=first" in str(told.value)
    _, read = _baked(stage, tmp_path, maps="albedo", overlap="first")
    assert read["diffuseColor"].whole().reshape(-1, 3) == pytest.approx(np.tile([0, 1, 0], (1024, 1)), abs=0.01)


def test_the_normals_a_map_was_baked_for_are_held(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    low = add("low", SHEET, QUAD, UV)
    _high(stage, add, "high", SHEET, QUAD)
    told, _ = _baked(stage, tmp_path, maps="normal")
    held = UsdGeom.PrimvarsAPI(low).GetPrimvar("normals")
    assert held.GetInterpolation() == "faceVarying"
    assert np.array(held.ComputeFlattened()) == pytest.approx(np.tile([0, 0, 1], (4, 1)))
    assert told.details["tilt_deg"] == pytest.approx(0, abs=0.01)
    assert not _baked(stage, tmp_path, maps="normal")[0].changed


def test_a_source_without_words_is_told(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "high", SHEET, QUAD)
    told, read = _baked(stage, tmp_path, maps="normal,albedo,metallic")
    assert set(read) == {"normal"}
    assert any("albedo, metallic" in note for note in told.notes)


def _without_uvs(stage: Usd.Stage) -> None:
    UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/Asset/geo/low")).RemovePrimvar("st")


def _away(stage: Usd.Stage) -> None:
    UsdGeom.Xformable(stage.GetPrimAtPath("/High/high")).AddTranslateOp().Set(Gf.Vec3d(30, 40, 0))


def _lost_texture(stage: Usd.Stage) -> None:
    material = UsdShade.Material.Define(stage, "/High/paint")
    shader = UsdShade.Shader.Define(stage, "/High/paint/surface")
    shader.CreateIdAttr("UsdPreviewSurface")
    material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
    texture = UsdShade.Shader.Define(stage, "/High/paint/wood")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set("./gone.png")
    texture.CreateOutput("r", Sdf.ValueTypeNames.Float)
    shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).ConnectToSource(texture.ConnectableAPI(), "r")
    UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath("/High")).Bind(material)


def _empty(stage: Usd.Stage) -> None:
    stage.GetPrimAtPath("/High/high").SetActive(False)


def _broken_uvs(stage: Usd.Stage) -> None:
    UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/Asset/geo/low")).GetPrimvar("st").Set([Gf.Vec2f(float("nan"), 0)] * 4)


@pytest.mark.parametrize(
    ("spoil", "settings", "said"),
    [
        (_without_uvs, {}, r"no UVs.*</Asset/geo/low>.*gates refine ASSET unwrap"),
        (_away, {}, r"100% of the texels.*50 m from the asset's, its size is 1 of"),
        (_away, {"cage": 0.1}, r"100% of the texels.*cage="),
        (_lost_texture, {}, r"roughness does not resolve: \./gone\.png.*</High/paint/wood>.*maps="),
        (_empty, {}, r"no mesh to bake from.*</High>"),
        (_broken_uvs, {}, r"UVs are not finite"),
        (lambda stage: None, {"source": "/Nowhere"}, r"no prim /Nowhere"),
        (lambda stage: None, {"source": "gone.usda"}, r"gone\.usda"),
    ],
)
def test_errors_say_where_and_what_to_do(stage: Usd.Stage, add, tmp_path: Path, spoil, settings, said: str) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "high", SHEET, QUAD)
    spoil(stage)
    before = stage.GetRootLayer().ExportToString()
    with pytest.raises(RefineError, match=said):
        _baked(stage, tmp_path, **settings)
    assert stage.GetRootLayer().ExportToString() == before
    assert not list(tmp_path.iterdir())


def test_more_than_the_memory_is_refused(stage: Usd.Stage, add, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "high", SHEET, QUAD)
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}[name])
    with pytest.raises(RefineError, match="GB while they are baked"):
        _baked(stage, tmp_path, side=4096)
    with pytest.raises(UsageError):
        _baked(stage, tmp_path, side=100_000)
    with pytest.raises(UsageError, match="no name for a prim"):
        _baked(stage, tmp_path, material="a/b")


def test_an_interrupt_leaves_the_stage_and_the_folder_alone(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "high", SHEET, QUAD)
    before = stage.GetRootLayer().ExportToString()
    seen = []

    def stop(label: str, done: int, total: int) -> None:
        seen.append((label, done, total))
        if label == "bake" and done >= 75:
            raise KeyboardInterrupt

    with listen(stop), pytest.raises(KeyboardInterrupt):
        _baked(stage, tmp_path, supersample=2)
    assert seen[-1][2] == 400  # a hundred steps for each of the samples in a pixel
    assert stage.GetRootLayer().ExportToString() == before
    assert not list(tmp_path.iterdir())


def test_a_source_in_tiles_is_read_tile_by_tile(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    high = _high(stage, add, "high", SHEET, QUAD)
    st = UsdGeom.PrimvarsAPI(high).CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, "vertex")
    st.Set([Gf.Vec2f(*(float(x) for x in p[:2] * [2, 1])) for p in SHEET])
    for tile, value in ((1001, 51), (1002, 204)):
        Image.new("L", (8, 8), value).save(tmp_path / f"rough.{tile}.png")
    _lost_texture(stage)
    file = UsdShade.Shader(stage.GetPrimAtPath("/High/paint/wood")).GetInput("file")
    file.Set(str(tmp_path / "rough.<UDIM>.png"))
    reader = UsdShade.Shader.Define(stage, "/High/paint/uv")
    reader.CreateIdAttr("UsdPrimvarReader_float2")
    reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
    reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
    texture = UsdShade.Shader(stage.GetPrimAtPath("/High/paint/wood"))
    texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
    _, read = _baked(stage, tmp_path / "baked", maps="roughness")
    picture = read["roughness"].whole()[:, :, 0]
    assert picture[:, :15] == pytest.approx(0.2, abs=1e-3)
    assert picture[:, 17:] == pytest.approx(0.8, abs=1e-3)


_FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from pipeline.errors import RefineError
from pipeline.refiners.core.images import write_picture
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for name in ("a.png", "a.jpg", "a.exr"):
    try:
        write_picture(Path(sys.argv[1]) / name, np.random.default_rng(1).random((128, 128, 3)))
    except RefineError as error:
        print(error)
"""


def test_a_disk_without_room_is_told_and_nothing_half_written_stays(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert [line.count("cannot be written") for line in done.stdout.splitlines()] == [1, 1, 1]
    assert "free space" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_pixel_is_enough(stage: Usd.Stage, add, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    add("low", SHEET, QUAD, UV)
    _high(stage, add, "high", SHEET, QUAD, (0, 1, 0))
    told, read = _baked(stage, tmp_path, side=1, supersample=4)
    assert told.details["texels"] == 1
    assert read["diffuseColor"].whole()[0, 0] == pytest.approx([0, 1, 0])
