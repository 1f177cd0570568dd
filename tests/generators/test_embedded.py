# SPDX-License-Identifier: Apache-2.0
"""The embedded generator: deterministic, closed, apart, textured; hulls and reliefs against known solids."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import manifold3d
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from pxr import Usd, UsdGeom, UsdShade, UsdValidation

from pipeline.errors import GeneratorError, UsageError
from pipeline.generators import ALGORITHMIC, Picture, Request, load_generator
from pipeline.generators.embedded.atlas import pack
from pipeline.generators.embedded.fault import FAULTS, fault_model
from pipeline.generators.embedded.fusing import solid
from pipeline.generators.embedded.gltf import glb_bytes
from pipeline.generators.embedded.kit import build, kit_model
from pipeline.generators.embedded.model import Model
from pipeline.generators.embedded.paint import PAINTERS
from pipeline.generators.embedded.pieces import Piece
from pipeline.generators.embedded.props import PROPS
from pipeline.references.png import png_bytes, write_png

SIZE = (2.4, 2.6, 1.8)
PROMPT = "a stylised market stall with a red and white striped canopy, crates of apples and a lantern"


def stall(**more: object) -> Request:
    return Request(**{"asset": "stall", "prompt": PROMPT, "size_m": SIZE, "texture_size": 256, **more})  # type: ignore[arg-type]


def loaded(model: Model) -> trimesh.Trimesh:
    """The model as a reader that is not ours sees it, welded by position."""
    scene = trimesh.load(io.BytesIO(glb_bytes(model, textures=False)), file_type="glb")
    mesh = trimesh.util.concatenate(list(scene.dump()))
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return mesh


def as_solid(piece: Piece) -> manifold3d.Manifold:
    quads = piece.faces[:, 3] >= 0
    return solid(piece.points, np.concatenate([piece.faces[:, :3], piece.faces[quads][:, [0, 2, 3]]]))


@pytest.mark.parametrize("thing", sorted(PROPS))
@pytest.mark.parametrize("seed", [0, 5])
def test_every_prop_is_closed_apart_and_unfolded(thing: str, seed: int) -> None:
    kit = build(Request(asset="x", prompt=f"a {thing}"), seed)
    pieces = [p for part in kit.parts.values() for p in part]
    solids = [as_solid(p) for p in pieces]
    assert all(s.status() == manifold3d.Error.NoError and s.volume() > 0 for s in solids)
    low = np.array([p.points.min(0) for p in pieces])
    high = np.array([p.points.max(0) for p in pieces])
    near = (low[:, None] < high[None]).all(2) & (high[:, None] > low[None]).all(2)
    pairs = zip(*np.nonzero(np.triu(near, 1)), strict=True)
    assert max(((solids[i] ^ solids[j]).volume() for i, j in pairs), default=0.0) < 1e-6
    for p in pieces:
        edge = p.uv[:, 1:3] - p.uv[:, :1]
        assert (edge[:, 0, 0] * edge[:, 1, 1] > edge[:, 0, 1] * edge[:, 1, 0]).all()


@pytest.mark.parametrize("seed", range(4))
def test_the_stall_has_the_size_parts_and_triangles_asked(seed: int) -> None:
    model = kit_model(stall(), seed)
    assert model.bounds == pytest.approx(np.array([[-1.2, 0, -0.9], [1.2, 2.6, 0.9]]), abs=1e-9)
    assert 12_000 <= model.triangles <= 20_000
    assert {"frame", "counter", "canopy", "crates", "goods", "sign", "lamp"} <= {m.part for m in model.meshes}
    assert set(model.surfaces) == {"wood", "timber", "cloth", "metal", "goods"}
    mesh = loaded(model)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.bounds == pytest.approx(model.bounds, abs=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_inspection_passes_a_kit_and_no_broken_one(seed: int, tmp_path: Path) -> None:
    from pipeline.checks import inspect
    from pipeline.settings.jobs import Brief, load_job

    parts = ["frame", "counter", "canopy"]
    brief = Brief(job=load_job("game-ready-prop"), size_m=SIZE, parts=parts)

    def findings(options: dict[str, object]) -> tuple[str, set[str]]:
        request = stall(seed=seed, texture_size=1024, options={"embedded": options})
        [c] = load_generator("embedded").generate(request, tmp_path / str(options.get("faults", "kit")))
        report = inspect(str(c.file), brief)
        return report.verdict, {f.rule for f in report.findings if f.severity == "error"}

    assert findings({}) == ("pass", set())
    verdict, errors = findings({"mode": "fault", "faults": "fused"})
    assert verdict != "pass" and "geometry.fused" in errors
    verdict, errors = findings({"mode": "fault", "faults": "collapsed-canopy"})
    assert verdict != "pass" and "scale.implausible" in errors


@pytest.mark.long
def test_islands_of_a_material_do_not_overlap() -> None:
    model = kit_model(stall(), 0)
    for material in model.surfaces:
        corners = [m.triangulated()[1] for m in model.meshes if m.material == material]
        uv = np.concatenate(corners)
        assert uv.min() >= 0 and uv.max() <= 1
        edge = uv[:, 1:] - uv[:, :1]
        area = (edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]) / 2
        # scattered points count a texel once per triangle over it: an overlap would be counted twice
        side = 1024
        centre = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) + 0.5) / side
        hits = np.zeros(len(centre), int)
        grid = centre.reshape(side, side, 2)
        for t in uv:
            x0, y0 = np.floor(t.min(0) * side).astype(int)
            x1, y1 = np.ceil(t.max(0) * side).astype(int)
            p = grid[y0:y1, x0:x1]
            inside = np.ones(p.shape[:2], bool)
            for a, b in ((0, 1), (1, 2), (2, 0)):
                e, d = t[b] - t[a], p - t[a]
                inside &= e[0] * d[..., 1] - e[1] * d[..., 0] > 1e-9
            hits.reshape(side, side)[y0:y1, x0:x1] += inside
        assert (hits > 1).sum() == 0
        assert area.sum() > 0.25


@pytest.mark.long
def test_the_same_request_gives_the_same_bytes_and_another_seed_another_stall(tmp_path: Path) -> None:
    def digests(folder: Path, seed: int) -> dict[str, str]:
        [c] = load_generator("embedded").generate(stall(seed=seed), folder)
        files = sorted(c.file.parent.rglob("*.*"))
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    first, again, other = digests(tmp_path / "a", 3), digests(tmp_path / "b", 3), digests(tmp_path / "c", 4)
    assert first == again
    assert len(first) == 16
    assert first["payload.usdc"] != other["payload.usdc"]


def test_the_package_is_a_sound_usd_asset(tmp_path: Path) -> None:
    [c] = load_generator("embedded").generate(stall(), tmp_path)
    assert c.provenance["digital_source_type"] == ALGORITHMIC
    stage = Usd.Stage.Open(str(c.file))
    assert stage.GetDefaultPrim().GetPath() == "/Asset"
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    registry = UsdValidation.ValidationRegistry()
    # USD's own: another test may have registered ours
    own = [v for v in registry.GetOrLoadAllValidators() if not v.GetMetadata().name.startswith("pipeline")]
    assert len(own) >= 30
    context = UsdValidation.ValidationContext(own)
    assert [str(e.GetMessage()) for e in context.Validate(stage)] == []
    for prim in stage.Traverse():
        if prim.IsA(UsdGeom.Mesh):
            assert UsdShade.MaterialBindingAPI(prim).ComputeBoundMaterial()[0]
        if prim.GetTypeName() == "Shader" and prim.GetAttribute("inputs:file"):
            path = prim.GetAttribute("inputs:file").Get()
            assert not Path(path.path).is_absolute()
            assert Path(path.resolvedPath).is_file()


def test_maps_stay_in_the_range_of_real_materials() -> None:
    for name, surface in kit_model(stall(), 1).surfaces.items():
        luminance = surface.albedo @ np.array([0.2126, 0.7152, 0.0722])
        assert luminance.min() >= 30 and luminance.max() <= 243, name
        length = np.linalg.norm(surface.normal / 127.5 - 1, axis=2)
        assert np.abs(length - 1).max() < 0.02
        assert surface.normal[..., 2].min() > 127
        assert surface.metallic == (1.0 if name == "metal" else 0.0)


def test_fewer_triangles_where_fewer_are_asked() -> None:
    assert kit_model(stall(target_triangles=9000), 0).triangles <= 9000
    low = kit_model(stall(target_triangles=500), 0)
    assert any("refinement" in n for n in low.notes)


def test_an_unknown_thing_is_a_box_and_says_so() -> None:
    model = kit_model(Request(asset="x", prompt="a spaceship", size_m=(3, 1, 2), texture_size=512), 0)
    assert [m.part for m in model.meshes] == ["block"]
    assert "does not know 'spaceship'" in model.notes[0]
    assert "spaceship" in model.notes[-1]


def test_what_a_negative_prompt_names_is_left_out() -> None:
    parts = build(stall(negative_prompt="no lantern, barrels"), 0).parts
    assert "lamp" not in parts and "barrel" not in parts and "sign" in parts


def test_several_of_a_thing_stand_side_by_side() -> None:
    parts = build(Request(asset="x", prompt="three barrels"), 0).parts
    assert sorted(parts) == sorted(f"{n}_{i}" for i in (1, 2, 3) for n in ("staves", "hoops"))
    edges = [np.concatenate([p.points for p in parts[f"staves_{i}"]])[:, 0] for i in (1, 2, 3)]
    assert edges[0].max() < edges[1].min() and edges[1].max() < edges[2].min()


def test_fused_is_one_shell_with_one_material() -> None:
    model = fault_model(stall(), 3, ["fused"])
    assert len(model.meshes) == len(model.surfaces) == 1
    mesh = loaded(model)
    assert mesh.is_watertight and mesh.body_count == 1
    whole = kit_model(stall(), 3)
    # uniting hides what touches; nothing else may be missing
    assert mesh.volume == pytest.approx(loaded(whole).volume, rel=0.12)
    assert mesh.bounds == pytest.approx(whole.bounds, abs=0.01)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_what_they_say(fault: str) -> None:
    clean = loaded(kit_model(stall(), 3))
    model = fault_model(stall(), 3, [fault])
    mesh = loaded(model)
    extent = mesh.bounds[1] - mesh.bounds[0]
    expected = {
        "fused": lambda: mesh.body_count == 1,
        "collapsed-canopy": lambda: extent[1] < 0.85 * 2.6,
        "floaters": lambda: mesh.body_count == clean.body_count + 4,
        "inner-shell": lambda: mesh.body_count == 2 * clean.body_count,
        "holes": lambda: not mesh.is_watertight,
        "flipped": lambda: not mesh.is_winding_consistent,
        "heading": lambda: extent == pytest.approx([1.8, 2.6, 2.4], abs=1e-5),
        "unit-cube": lambda: extent.max() == pytest.approx(1.0, abs=1e-6),
        "baked-light": lambda: model.surfaces["wood"].albedo.mean() < 0.8 * _albedo_mean(),
    }
    assert expected[fault]()


def _albedo_mean() -> float:
    return float(kit_model(stall(), 3).surfaces["wood"].albedo.mean())


def test_an_unknown_fault_lists_the_known() -> None:
    with pytest.raises(UsageError, match="unit-cube"):
        fault_model(stall(), 0, ["ugly"])


def _ellipse(path: Path, width: int, height: int, colour: tuple[int, int, int]) -> Path:
    y, x = np.mgrid[0:height, 0:width] + 0.5
    mask = ((x - width / 2) / (width / 2 - 6)) ** 2 + ((y - height / 2) / (height / 2 - 6)) ** 2 < 1
    image = np.full((height, width, 3), 255, np.uint8)
    image[mask] = colour
    write_png(path, image)
    return path


def test_a_hull_of_three_ellipses_is_the_tricylinder(tmp_path: Path) -> None:
    pictures = [
        Picture(path=_ellipse(tmp_path / "f.png", 156, 300, (200, 60, 40)), view="front"),
        Picture(path=_ellipse(tmp_path / "r.png", 84, 300, (40, 120, 60)), view="right"),
        Picture(path=_ellipse(tmp_path / "t.png", 156, 84, (60, 60, 200)), view="top"),
    ]
    options = {"embedded": {"mode": "hull", "format": "glb"}}
    request = Request(asset="e", images=pictures, size_m=(1.0, 2.0, 0.5), options=options, texture_size=256)
    [c] = load_generator("embedded").generate(request, tmp_path / "out")
    mesh = trimesh.load(c.file, force="mesh")
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight and mesh.body_count == 1
    # three crossing cylinders of radius r share (16 - 8 sqrt 2) r^3; here each axis has a radius of its own
    assert mesh.volume == pytest.approx((16 - 8 * np.sqrt(2)) * 0.5 * 1.0 * 0.25, rel=0.03)
    assert any("concavities" in n for n in c.notes)


@pytest.mark.long
def test_hull_colours_come_from_the_side_that_shows_them(tmp_path: Path) -> None:
    from pipeline.generators.embedded.hull import hull_model
    from pipeline.generators.embedded.splatting import splat

    pictures = [
        Picture(path=_ellipse(tmp_path / "f.png", 200, 200, (200, 60, 40)), view="front"),
        Picture(path=_ellipse(tmp_path / "r.png", 200, 200, (40, 120, 60)), view="right"),
    ]
    model = hull_model(Request(asset="e", images=pictures, texture_size=256), 0)
    field = splat(model.meshes, 256)
    albedo = model.surfaces["body"].albedo
    front = albedo[field[..., 2] > 0.95].mean(0)
    right = albedo[field[..., 0] > 0.95].mean(0)
    assert front[0] > 1.5 * front[1] and right[1] > 1.5 * right[0]


def test_contradicting_silhouettes_are_refused(tmp_path: Path) -> None:
    image = np.full((64, 64, 3), 128, np.uint8)
    write_png(tmp_path / "flat.png", image)
    options = {"embedded": {"mode": "hull"}}
    request = Request(asset="e", images=[Picture(path=tmp_path / "flat.png")], options=options)
    with pytest.raises(GeneratorError, match="stand out"):
        load_generator("embedded").generate(request, tmp_path)


def test_a_relief_has_the_outline_of_its_picture(tmp_path: Path) -> None:
    options = {"embedded": {"mode": "relief", "format": "glb"}}
    picture = Picture(path=_ellipse(tmp_path / "f.png", 150, 300, (200, 60, 40)))
    request = Request(asset="e", images=[picture], size_m=(1, 2, 0.5), options=options, texture_size=256)
    [c] = load_generator("embedded").generate(request, tmp_path / "out")
    mesh = trimesh.load(c.file, force="mesh")
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight and mesh.body_count == 1
    # the widest section, straight through the middle, is the ellipse itself
    body = manifold3d.Manifold(manifold3d.Mesh64(np.array(mesh.vertices), np.array(mesh.faces, np.uint64)))
    area = body.slice(0.0).area()
    assert area == pytest.approx(np.pi * 0.5 * 1.0, rel=0.04)


@given(
    st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(0.01, 0.5)), min_size=1, max_size=60),
    st.sampled_from([256, 1024]),
)
@settings(max_examples=40, deadline=None)
def test_packed_boxes_stay_inside_and_apart(boxes: list[tuple[float, float]], side: int) -> None:
    extent = np.array(boxes)
    atlas = pack(extent, side)
    low, high = atlas.corner, atlas.corner + extent * atlas.density
    assert low.min() >= 0 and high.max() <= side
    apart = (low[:, None] >= high[None] - 1e-9).any(2) | (high[:, None] <= low[None] + 1e-9).any(2)
    assert apart[~np.eye(len(boxes), dtype=bool)].all()


def test_png_reads_back_in_another_program() -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    for shape in ((5, 7), (5, 7, 3), (5, 7, 4)):
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        assert (np.asarray(Image.open(io.BytesIO(png_bytes(pixels)))) == pixels).all()


def test_every_material_has_a_painter() -> None:
    used = {
        p.look.material
        for thing in PROPS
        for part in build(Request(asset="x", prompt=f"a {thing}"), 0).parts.values()
        for p in part
    }
    assert used <= set(PAINTERS)
