# SPDX-License-Identifier: Apache-2.0
"""Scenes and shots as stages of a project, judged by USD in an interpreter that knows nothing of us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade, UsdSkel, Vt

from pipeline.errors import StageError, UsageError
from pipeline.gates.dressing import add_asset, add_blockout, add_set, place_asset
from pipeline.gates.filming import add_camera, add_lights, link_lights, move_camera, set_rendering
from pipeline.gates.revising import choose_variants, remove_prim
from pipeline.gates.scattering import add_scatter
from pipeline.gates.scene_versions import check_continuity, commit_scenes, list_scene_pins, pin_scene, restore
from pipeline.gates.scenes import list_scenes, new_scene, set_departments, set_range, show_scene, view, working
from pipeline.project import Project
from pipeline.scenes import CameraSpec, world_box
from pipeline.scenes.motion import MotionSpec
from pipeline.scenes.scatter import ScatterSpec
from pipeline.usd.render_settings import read_render_settings

SHOT = "market/sh010"

# fmt: off
STOCK = """
import json, sys
from pxr import Sdf, Usd, UsdGeom, UsdLux, UsdRender, UsdUtils, UsdValidation
stage = Usd.Stage.Open(sys.argv[1])
context = UsdValidation.ValidationContext(UsdValidation.ValidationRegistry().GetOrLoadAllValidators())
errors = [(e.GetName(), e.GetMessage()[:200], [str(s.GetPrim().GetPath()) for s in e.GetSites() if s.IsPrim()][:2])
          for e in context.Validate(stage)]
absolute = [p for layer in stage.GetUsedLayers()
            for p in [*layer.GetExternalReferences(), *layer.subLayerPaths] if str(p).startswith('/')]
cache = UsdGeom.BBoxCache(Usd.TimeCode(stage.GetStartTimeCode()), ['default', 'render'])
settings = UsdRender.Settings.GetStageRenderSettings(stage)
camera = stage.GetPrimAtPath(settings.GetCameraRel().GetTargets()[0]) if settings else None
print(json.dumps(dict(
    composition=[str(e) for e in stage.GetCompositionErrors()], errors=errors, absolute=absolute,
    missing=UsdUtils.ComputeAllDependencies(sys.argv[1])[2],
    prims=sorted(str(p.GetPath()) for p in stage.Traverse()),
    instances={str(p.GetPath()): len(UsdGeom.PointInstancer(p).GetPositionsAttr().Get())
               for p in stage.Traverse() if p.IsA(UsdGeom.PointInstancer)},
    frames=[stage.GetStartTimeCode(), stage.GetEndTimeCode(), stage.GetTimeCodesPerSecond()],
    moves=bool(camera and UsdGeom.Camera(camera).TransformMightBeTimeVarying()),
    resolution=list(settings.GetResolutionAttr().Get()) if settings else None,
    products=[str(UsdRender.Product(stage.GetPrimAtPath(p)).GetProductNameAttr().Get())
              for p in settings.GetProductsRel().GetTargets()] if settings else [],
    lights=sorted(str(p.GetPath()) for p in stage.Traverse() if p.HasAPI(UsdLux.LightAPI)),
    expressions=[l.identifier for l in stage.GetLayerStack() if l.HasExpressionVariables()])))
"""
# fmt: on


def stock(path: Path) -> dict[str, Any]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PXR_", "GATES_", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-I", "-c", STOCK, str(path)], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.fixture
def market(project: Project) -> Project:
    """A sequence with a floor, a crate and the sun, and two shots of it."""
    new_scene(project, "market", frames=(1001, 1024))
    new_scene(project, SHOT)
    new_scene(project, "market/sh020", frames=(1025, 1040))
    add_blockout(project, "floor", "floor", (20, 0.2, 20), scene="market")
    add_blockout(project, "crate", "box", (0.6, 0.5, 0.4), scene="market", at=(2, 3, 0), ground=True)
    add_lights(project, "sun_and_sky", scene="market")
    return project


def box_of(project: Project, scene: str, prim: str) -> Any:
    box = world_box(view(project, scene).GetPrimAtPath(prim))
    assert box is not None
    return box


# ---------------------------------------------------------------- stages and departments


def test_a_shot_opens_in_stock_usd_wherever_the_folder_lies(market: Project, tmp_path: Path) -> None:
    add_blockout(market, "rock", "box", (0.2, 0.1, 0.2), scene=SHOT, at=(5, 0, 5))
    add_scatter(market, "rocks", ["rock"], ScatterSpec(count=60), on=["floor"], keep_out=["crate"], scene=SHOT)
    spec, path = CameraSpec(fstop=2.8), MotionSpec(move="path", points=[(5, 1, 5), (5, 1, 0), (3, 2, -4)])
    move_camera(market, "run", "crate", spec, path, scene=SHOT)
    add_lights(market, "three_point", subject="crate", only=["Key"], link=["crate"], scene=SHOT)
    set_rendering(market, "run", scene=SHOT, resolution=(320, 180))
    moved = tmp_path / "moved and renamed"
    shutil.copytree(market.root, moved)
    for name, root in (("sh010/sh010", moved), ("market", moved), ("sh010/sh010", market.root)):
        seen = stock(root / "scenes" / "market" / f"{name}.usda")
        assert seen["composition"] == seen["errors"] == seen["absolute"] == seen["missing"] == seen["expressions"] == []
    assert seen["instances"] == {"/World/Set/rocks": 60}
    assert seen["frames"] == [1001, 1024, 24]
    assert seen["moves"]
    assert seen["resolution"] == [320, 180]
    assert seen["products"] == ["renders/sh010.####.exr"]
    assert "/World/Set/crate/geo" in seen["prims"]  # from the sequence
    assert [p.rpartition("/")[2] for p in seen["lights"]] == ["Dome", "Fill", "Key", "Rim"]


def test_departments_come_from_the_kind_and_the_strongest_wins(project: Project) -> None:
    config = project.root / "gates.toml"
    config.write_text(
        config.read_text(encoding="utf-8")
        + '\n[scenes.kinds.shot]\ndepartments = ["lighting", "layout", "animation"]\n'
        + '[scenes.kinds.title]\ndepartments = ["type"]\n',
        encoding="utf-8",
    )
    new_scene(project, "market")
    assert [d.name for d in new_scene(project, SHOT).departments] == ["lighting", "layout", "animation"]
    assert [d.name for d in new_scene(project, "market/t1", kind="title").departments] == ["type"]
    for department, size in (("layout", 1.0), ("animation", 2.0)):
        with working(project, "layout", SHOT, department) as place:
            UsdGeom.Cube.Define(place.stage, "/World/Set/cube").CreateSizeAttr(size)

    def size_now() -> float:
        return float(UsdGeom.Cube(view(project, SHOT).GetPrimAtPath("/World/Set/cube")).GetSizeAttr().Get())

    assert size_now() == 1.0
    row = set_departments(project, SHOT, order=["animation", "layout", "lighting"])
    assert [d.name for d in row.departments] == ["animation", "layout", "lighting"]
    assert size_now() == 2.0
    assert [d.name for d in set_departments(project, SHOT, from_kind=True).departments][:2] == ["lighting", "layout"]
    assert size_now() == 1.0
    row = set_departments(project, SHOT, add="grooming", above="layout")
    assert [d.name for d in row.departments] == ["lighting", "grooming", "layout", "animation"]
    set_departments(project, SHOT, remove="layout")
    assert size_now() == 2.0
    assert (project.root / "scenes/market/sh010/layout.usda").is_file()  # what it said is not lost
    with pytest.raises(UsageError, match="no department"):
        set_departments(project, SHOT, remove="layout")


def test_a_shot_may_say_otherwise_than_its_sequence(market: Project) -> None:
    place_asset(market, "crate", at=(-3, 0, 0), scene=SHOT)
    assert box_of(market, SHOT, "/World/Set/crate").centre[0] == pytest.approx(-3)
    assert box_of(market, "market", "/World/Set/crate").centre[0] == pytest.approx(2)
    assert box_of(market, "market/sh020", "/World/Set/crate").centre[0] == pytest.approx(2)


def test_it_is_told_when_a_stronger_department_says_otherwise(market: Project) -> None:
    move_camera(market, "run", "crate", CameraSpec(), MotionSpec(move="orbit"), scene=SHOT)
    assert add_camera(market, "run", "crate", CameraSpec(), scene=SHOT).overruled == ["animation"]
    place_asset(market, "crate", at=(1, 0, 0), scene=SHOT)
    assert place_asset(market, "crate", at=(2, 0, 0), scene=SHOT).overruled == []
    assert place_asset(market, "crate", at=(3, 0, 0), scene="market").overruled == []


def test_metadata_is_one_on_all_layers_and_a_difference_is_told(market: Project) -> None:
    set_range(market, SHOT, (1001, 1100))
    for layer in ("sh010", "layout", "animation"):
        found = Sdf.Layer.OpenAsAnonymous(str(market.root / f"scenes/market/sh010/{layer}.usda"))
        assert (found.startTimeCode, found.endTimeCode, found.timeCodesPerSecond) == (1001, 1100, 24)
        assert found.pseudoRoot.GetInfo("upAxis") == "Y"
        assert found.pseudoRoot.GetInfo("metersPerUnit") == 1
    assert show_scene(market, SHOT).problems == []
    path = market.root / "scenes/market/sh010/layout.usda"
    path.write_text(path.read_text(encoding="utf-8").replace("timeCodesPerSecond = 24", "timeCodesPerSecond = 30"))
    (market.root / "scenes/market/sh010/fx.usda").unlink()
    problems = " ".join(show_scene(market, SHOT).problems)
    assert "layout says timeCodesPerSecond 30" in problems
    assert "the layer of fx is missing" in problems


def test_a_broken_layer_is_told_and_hides_nothing_else(market: Project) -> None:
    layout, root = (market.root / f"scenes/market/sh010/{name}.usda" for name in ("layout", "sh010"))
    layout.write_text("garbage {{", encoding="utf-8")
    assert "layer of layout cannot be read" in " ".join(show_scene(market, SHOT).problems)
    with pytest.raises(StageError, match="cannot be read"):
        place_asset(market, "crate", at=(0, 0, 0), scene=SHOT)
    with pytest.raises(StageError):
        commit_scenes(market, "broken")
    root.write_text("garbage {{", encoding="utf-8")
    rows = {row.name: row for row in list_scenes(market)}
    assert rows[SHOT].problems
    assert rows["market/sh020"].problems == []
    with pytest.raises(StageError):
        view(market, SHOT)


def test_an_error_leaves_the_layer_as_it_was(market: Project) -> None:
    path = market.root / "scenes/market/sh010/layout.usda"
    before = path.read_bytes()
    with pytest.raises(RuntimeError), working(market, "set", SHOT) as place:
        UsdGeom.Cube.Define(place.stage, "/World/Set/half")
        raise RuntimeError
    assert path.read_bytes() == before
    assert not view(market, SHOT).GetPrimAtPath("/World/Set/half")


@pytest.mark.parametrize(
    "name", ["../out", "market/../../x", "", "a b", "market//sh030", "nosuch/sh010", "market", "market/market/x"]
)
def test_names_that_cannot_be_are_refused(market: Project, name: str) -> None:
    with pytest.raises(UsageError):
        new_scene(market, name)
    assert [row.name for row in list_scenes(market)] == ["market", "market/sh010", "market/sh020"]


WRITER = """
import sys
from pipeline.gates.scenes import working
from pipeline.project import Project
from pxr import UsdGeom
project = Project.open(sys.argv[1], work=sys.argv[2])
for i in range(4):
    with working(project, "set", "market/sh010", sys.argv[3]) as place:
        UsdGeom.Cube.Define(place.stage, f"/World/Set/{sys.argv[2]}_{i}")
"""


@pytest.mark.long
def test_many_writers_of_one_shot_lose_nothing(market: Project) -> None:
    writers = [("day", "layout"), ("night", "layout"), ("farm", "animation")]
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(market.root), who, department])
        for who, department in writers
    ]
    assert [each.wait(timeout=120) for each in running] == [0, 0, 0]
    stage = view(market, SHOT)
    missing = [f"{who}_{i}" for who, _ in writers for i in range(4) if not stage.GetPrimAtPath(f"/World/Set/{who}_{i}")]
    assert missing == []
    layout = Sdf.Layer.OpenAsAnonymous(str(market.root / "scenes/market/sh010/layout.usda"))
    assert not layout.GetPrimAtPath("/World/Set/farm_0")


# ---------------------------------------------------------------- dressing


def test_on_top_beside_against_and_down(market: Project) -> None:
    add_blockout(market, "table", "box", (1, 0.8, 1), scene=SHOT, at=(-4, 0, 0))
    add_blockout(market, "cup", "cylinder", (0.1, 0.2, 0.1), scene=SHOT, on_top_of="table")
    cup = box_of(market, SHOT, "/World/Set/cup")
    assert cup.low[1] == pytest.approx(0.8, abs=1e-6)
    assert np.allclose(cup.centre[[0, 2]], (-4, 0), atol=1e-6)
    place_asset(market, "cup", at=(-4.3, 9, 0.2), on_top_of="table", scene=SHOT)
    cup = box_of(market, SHOT, "/World/Set/cup")
    assert np.allclose([cup.centre[0], cup.low[1], cup.centre[2]], (-4.3, 0.8, 0.2), atol=1e-6)
    for side, axis, edge, sign in (("left", 0, -4.5, -1), ("front", 2, 0.5, 1), ("back", 2, -0.5, -1)):
        place_asset(market, "cup", next_to="table", side=side, gap=0.25, scene=SHOT)
        cup = box_of(market, SHOT, "/World/Set/cup")
        near = cup.low[axis] if sign > 0 else cup.high[axis]
        assert near == pytest.approx(edge + sign * 0.25, abs=1e-5)
    add_blockout(market, "wall", "wall", (0.2, 3, 8), scene=SHOT, at=(6, 0, 0))
    place_asset(market, "crate", at=(3, 1, 0), snap="right", align=True, scene=SHOT)
    crate = box_of(market, SHOT, "/World/Set/crate")
    assert crate.high[0] == pytest.approx(5.9, abs=1e-5)  # its back at the wall's face, turned a quarter
    assert np.allclose(crate.size, (0.4, 0.5, 0.6), atol=1e-5)
    place_asset(market, "crate", ground=True, scene=SHOT)
    assert box_of(market, SHOT, "/World/Set/crate").low[1] == pytest.approx(0, abs=1e-5)
    with pytest.raises(UsageError, match="itself"):
        place_asset(market, "cup", on_top_of="cup", scene=SHOT)


def test_scatter_stands_on_the_ground_and_keeps_clear(market: Project) -> None:
    add_blockout(market, "rock", "box", (0.2, 0.1, 0.2), scene=SHOT, at=(5, 0, 5), label="rock")
    result = add_scatter(
        market, "rocks", ["rock"], ScatterSpec(density=0.5, scale=(0.5, 2)), on=["floor"], keep_out=["crate"],
        margin=1.0, scene=SHOT,
    )  # fmt: skip
    stage = view(market, SHOT)
    instancer = UsdGeom.PointInstancer(stage.GetPrimAtPath("/World/Set/rocks"))
    places = np.array(instancer.GetPositionsAttr().Get())
    assert len(places) == result.instances == pytest.approx(0.5 * (400 - 2.6 * 2.4), abs=4)
    assert np.allclose(places[:, 1], 0, atol=1e-5)
    inside = (np.abs(places[:, 0] - 2) < 1.3) & (np.abs(places[:, 2]) < 1.2)
    assert not inside.any()
    box = world_box(instancer.GetPrim())
    assert box is not None
    assert box.low[1] == pytest.approx(0, abs=1e-4)
    layer = (market.root / "scenes/market/sh010/layout.usda").read_text(encoding="utf-8")
    assert len(layer) < 10_000  # arrays are in a crate file among the objects
    again = add_scatter(market, "rocks", ["rock"], ScatterSpec(count=7), on=["floor"], scene=SHOT)
    assert again.instances == 7
    with pytest.raises(UsageError, match="nothing called"):
        add_scatter(market, "x", ["rock"], ScatterSpec(count=7), on=["nowhere"], scene=SHOT)


def test_a_guide_is_drawn_nowhere_but_stands_in_its_place(market: Project) -> None:
    add_blockout(market, "eye", "box", (0.1, 1.7, 0.1), scene=SHOT, at=(1, 4, 1), ground=True, purpose="guide")
    prim = view(market, SHOT).GetPrimAtPath("/World/Set/eye")
    assert UsdGeom.Imageable(prim.GetChild("geo")).ComputePurpose() == "guide"
    assert prim.GetAttribute("xformOp:translate:placement").Get()[1] == pytest.approx(0, abs=1e-6)
    assert world_box(prim) is None


def test_a_version_of_the_project_is_placed_with_its_variants(market: Project) -> None:
    with market.edit() as stage:
        prim = UsdGeom.Xform.Define(stage, "/World/Assets/stool").GetPrim()
        UsdGeom.Xformable(prim).AddTranslateOp(opSuffix="placement").Set(Gf.Vec3d(9, 9, 9))
        styles = prim.GetVariantSets().AddVariantSet("style")
        for style, size in (("low", 0.4), ("high", 0.8)):
            styles.AddVariant(style)
            styles.SetVariantSelection(style)
            with styles.GetVariantEditContext():
                UsdGeom.Cube.Define(stage, "/World/Assets/stool/seat").CreateSizeAttr(size)
    first = market.commit("a stool").id
    result = add_asset(market, SHOT, "stool", name="stool_a", variants={"style": "low"}, at=(1, 0, 1))
    assert result.pin == first[:12]
    assert result.layer == f"versions/{first}.usda"
    assert result.variants == {"style": "low"}
    box = box_of(market, SHOT, "/World/Assets/stool_a")
    assert np.allclose(box.size, 0.4)
    assert np.allclose(box.centre, (1, 0, 1), atol=1e-6)  # the project's placement is no part of the asset
    with market.edit() as stage:
        stage.GetPrimAtPath("/World/Assets/stool").GetVariantSet("style").SetVariantSelection("low")
        UsdGeom.Cube.Define(stage, "/World/Assets/stool/leg")
    market.commit("a leg")
    assert not view(market, SHOT).GetPrimAtPath("/World/Assets/stool_a/leg")  # pinned
    add_asset(market, SHOT, "stool", name="stool_b", origin="main", follow=True, ground=True)
    assert view(market, SHOT).GetPrimAtPath("/World/Assets/stool_b/leg")
    add_asset(market, SHOT, "stool", name="stool_c", variants={"style": "low"}, on_top_of="crate")
    box = box_of(market, SHOT, "/World/Assets/stool_c")
    assert box.low[1] == pytest.approx(0.5, abs=1e-5)
    assert np.allclose(box.centre[[0, 2]], (2, 0), atol=1e-5)
    with pytest.raises(UsageError, match="choose from: high, low"):
        add_asset(market, SHOT, "stool", variants={"style": "huge"})
    with pytest.raises(UsageError, match="no asset"):
        add_asset(market, SHOT, "nobody")
    seen = stock(market.root / "scenes/market/sh010/sh010.usda")
    assert seen["errors"] == seen["composition"] == seen["absolute"] == []


def test_units_and_axis_of_another_stage_are_resolved(market: Project, tmp_path: Path) -> None:
    other = Usd.Stage.CreateNew(str(tmp_path / "pole.usda"))
    UsdGeom.SetStageUpAxis(other, "Z")
    UsdGeom.SetStageMetersPerUnit(other, 0.01)
    other.SetDefaultPrim(UsdGeom.Xform.Define(other, "/Pole").GetPrim())
    pole = UsdGeom.Cylinder.Define(other, "/Pole/geo")
    pole.CreateHeightAttr(200)
    pole.CreateRadiusAttr(10)
    pole.CreateAxisAttr("Z")
    pole.CreateExtentAttr([(-10, -10, -100), (10, 10, 100)])
    other.Save()
    add_asset(market, SHOT, "pole", origin=str(tmp_path / "pole.usda"), at=(0, 0, 0), yaw=30, ground=True)
    box = box_of(market, SHOT, "/World/Assets/pole")
    assert box.size[1] == pytest.approx(2.0, abs=1e-5)
    assert box.low[1] == pytest.approx(0.0, abs=1e-4)
    prim = view(market, SHOT).GetPrimAtPath("/World/Assets/pole")
    names = [op.GetOpName().rpartition(":")[2] for op in UsdGeom.Xformable(prim).GetOrderedXformOps()]
    assert names == ["placement", "placement", "unitsResolve", "unitsResolve"]


def test_a_set_and_a_camera_stand_in_a_shot(market: Project) -> None:
    add_set(market, "square", Path("market_square"), scene=SHOT)
    result = add_camera(market, "turn", "crate", CameraSpec(kind="turntable", fill=0.8), scene=SHOT)
    assert result.frames == (1001, 1024)
    assert result.department == "animation"
    assert stock(market.root / "scenes/market/sh010/sh010.usda")["errors"] == []


def test_an_asset_takes_the_place_of_its_blockout(market: Project, tmp_path: Path) -> None:
    lamp = Usd.Stage.CreateNew(str(tmp_path / "lamp.usda"))
    UsdGeom.SetStageUpAxis(lamp, "Y")
    UsdGeom.SetStageMetersPerUnit(lamp, 1)
    lamp.SetDefaultPrim(UsdGeom.Xform.Define(lamp, "/Lamp").GetPrim())
    UsdGeom.Cube.Define(lamp, "/Lamp/geo").CreateSizeAttr(0.2)
    lamp.Save()
    place_asset(market, "crate", yaw=40, scene="market")
    result = add_asset(market, SHOT, "lamp", origin=str(tmp_path / "lamp.usda"), instead_of="crate")
    assert result.position_m == pytest.approx((2, 0, 0), abs=1e-5)
    assert result.yaw == pytest.approx(40)
    assert not view(market, SHOT).GetPrimAtPath("/World/Set/crate").IsActive()
    assert view(market, "market").GetPrimAtPath("/World/Set/crate").IsActive()


def test_variants_change_and_things_go_where_they_stand(market: Project) -> None:
    with market.edit() as stage:
        styles = UsdGeom.Xform.Define(stage, "/World/Assets/stool").GetPrim().GetVariantSets().AddVariantSet("style")
        for style in ("low", "high"):
            styles.AddVariant(style)
        styles.SetVariantSelection("low")
    market.commit("a stool")
    add_asset(market, "market", "stool", at=(1, 0, 2))
    assert choose_variants(market, SHOT, "stool", {"style": "high"}).variants == {"style": "high"}
    prim = view(market, SHOT).GetPrimAtPath("/World/Assets/stool")
    assert prim.GetAttribute("xformOp:translate:placement").Get() == (1, 0, 2)
    with pytest.raises(UsageError, match="no variant set"):
        choose_variants(market, SHOT, "stool", {"size": "high"})
    choose_variants(market, SHOT, "stool", {"style": "low"}, department="lighting")
    with pytest.raises(UsageError, match="stronger department selects style=low"):
        choose_variants(market, SHOT, "stool", {"style": "high"})
    add_blockout(market, "post", "box", (0.1, 2, 0.1), scene=SHOT)
    assert remove_prim(market, SHOT, "post").how == "deleted"
    assert remove_prim(market, SHOT, "crate").how == "deactivated"  # the sequence has it
    shown = view(market, SHOT)
    assert not shown.GetPrimAtPath("/World/Set/post")
    assert not shown.GetPrimAtPath("/World/Set/crate").IsActive()
    assert view(market, "market/sh020").GetPrimAtPath("/World/Set/crate").IsActive()
    assert remove_prim(market, "market", "stool").how == "deleted"  # though a version has a prim of that path
    with pytest.raises(UsageError, match="groups"):
        remove_prim(market, SHOT, "/World/Set")


# ---------------------------------------------------------------- light and render settings


def test_a_rig_grows_around_its_subject(market: Project) -> None:
    add_lights(market, "studio_softbox", subject="crate", scene=SHOT)
    stage = view(market, SHOT)
    crate = box_of(market, SHOT, "/World/Set/crate")
    radius = float(np.linalg.norm(crate.size)) / 2
    overhead = stage.GetPrimAtPath("/World/Lights/studio_softbox/Overhead")
    matrix = np.array(UsdGeom.XformCache().GetLocalToWorldTransform(overhead))
    middle = np.array([2, max(0.25 - 0.1 * radius, 0), 0])
    assert np.linalg.norm(matrix[3, :3] - middle) == pytest.approx(3.6 * radius, rel=1e-5)
    assert np.linalg.norm(matrix[0, :3]) == pytest.approx(radius, rel=1e-5)  # it grows, so its radiance stays
    assert not stage.GetPrimAtPath("/World/Lights/sun_and_sky").IsActive()


def test_light_links_are_what_usd_computes(market: Project) -> None:
    add_blockout(market, "post", "box", (0.2, 2, 0.2), scene=SHOT, at=(-2, 0, 0))
    add_lights(market, "three_point", only=["Key"], link=["crate"], scene=SHOT)
    link_lights(market, "three_point/Fill", exclude=["post"], scene=SHOT)
    stage = view(market, SHOT)

    def reached(light: str) -> set[str]:
        api = UsdLux.LightAPI(stage.GetPrimAtPath(f"/World/Lights/three_point/{light}")).GetLightLinkCollectionAPI()
        query = api.ComputeMembershipQuery()
        names = ("crate", "post", "floor")
        return {n for n in names if query.IsPathIncluded(Sdf.Path(f"/World/Set/{n}/geo"))}

    assert reached("Key") == {"crate"}
    assert reached("Fill") == {"crate", "floor"}
    assert reached("Rim") == {"crate", "post", "floor"}
    link_lights(market, "three_point", scene=SHOT)
    stage = view(market, SHOT)
    assert reached("Key") == {"crate", "post", "floor"}
    with pytest.raises(UsageError, match="Key"):
        add_lights(market, "three_point", only=["Moon"], link=["crate"], scene=SHOT)


def test_render_settings_are_found_and_used(market: Project, tmp_path: Path) -> None:
    from pipeline.render import render

    add_camera(market, "hero", "crate", CameraSpec(kind="hero"), scene=SHOT)
    add_camera(market, "other", "crate", CameraSpec(kind="top"), scene=SHOT)
    set_rendering(market, "hero", scene=SHOT, resolution=(64, 36), aovs=["color", "depth", "primvars:st"])
    stage = view(market, SHOT)
    settings = read_render_settings(stage)
    assert settings is not None
    assert settings.camera == "/World/Cameras/hero"
    assert settings.products[0].variables == ("color", "depth", "st")
    result = render(stage, tmp_path / "a.png", quality="draft")
    assert result.size == (64, 36)
    assert result.camera == "/World/Cameras/hero"
    assert render(stage, tmp_path / "b.png", size=(40, 40), quality="draft").size == (40, 40)
    for product in ("/abs/a.exr", "../out.exr", "noending"):
        with pytest.raises(UsageError, match="product"):
            set_rendering(market, "hero", scene=SHOT, product=product)
    with pytest.raises(UsageError, match="render variable"):
        set_rendering(market, "hero", scene=SHOT, aovs=["beauty"])
    with pytest.raises(UsageError, match="camera"):
        set_rendering(market, "nobody", scene=SHOT)


def test_the_projects_own_stage_takes_all_of_it(project: Project) -> None:
    add_blockout(project, "floor", "floor", (4, 0.1, 4))
    add_blockout(project, "rock", "box", (0.1, 0.1, 0.1), at=(1, 0, 1))
    add_scatter(project, "rocks", ["rock"], ScatterSpec(count=9), on=["floor"])
    add_camera(project, "hero", "rock", CameraSpec(kind="hero"))
    set_rendering(project, "hero")
    project.commit("a floor with rocks")
    seen = stock(project.stage_path)
    assert seen["instances"] == {"/World/Set/rocks": 9}
    assert seen["errors"] == seen["composition"] == seen["absolute"] == []
    assert seen["resolution"] == [1920, 1080]


# ---------------------------------------------------------------- continuity


def fields(project: Project) -> dict[tuple[str, str], tuple[str, str]]:
    return {(d.prim, d.field): (d.expected, d.found) for d in check_continuity(project, "market").drifts}


def test_shots_of_one_sequence_agree_until_one_says_otherwise(market: Project) -> None:
    assert fields(market) == {}
    place_asset(market, "crate", at=(2.5, 0, 0), yaw=5, scene="market/sh020")
    found = fields(market)
    assert found["/World/Set/crate", "position"] == (
        "2.000, -0.000, 0.000 m".replace("-0.000", "0.000"),
        "2.500, 0.000, 0.000 m",
    )
    assert found["/World/Set/crate", "rotation"][1] == "turned by 5.00 degrees"
    with working(market, "light", "market/sh020") as place:
        sun = UsdLux.DistantLight(place.stage.GetPrimAtPath("/World/Lights/sun_and_sky/Sun"))
        sun.GetIntensityAttr().Set(20500.0)
        place.stage.GetPrimAtPath("/World/Set/floor").SetActive(False)
    found = fields(market)
    assert found["/World/Lights/sun_and_sky/Sun", "light"] == ("intensity 41000", "intensity 20500")
    assert found["/World/Set/floor", "presence"] == ("there", "not there")


def test_what_moves_in_a_shot_is_taken_where_it_ends(market: Project) -> None:
    with working(market, "motion", SHOT) as place:
        operation = UsdGeom.Xformable(place.stage.GetPrimAtPath("/World/Set/crate")).GetOrderedXformOps()[0]
        operation.Set(Gf.Vec3d(2, 0, 0), 1001)
        operation.Set(Gf.Vec3d(-2, 0, 0), 1024)
    assert fields(market)["/World/Set/crate", "position"][0] == "-2.000, 0.000, 0.000 m"
    place_asset(market, "crate", at=(-2, 0, 0), scene="market/sh020")
    assert fields(market) == {}
    found = check_continuity(market, "market", shots=["sh020", "sh010"]).drifts  # cut the other way round
    assert [(d.shot, d.field) for d in found] == [("market/sh010", "position")]


def test_material_and_pose_are_compared(market: Project) -> None:
    with working(market, "set", "market") as place:
        stage = place.stage
        material = UsdShade.Material.Define(stage, "/World/Set/crate/mtl/wood")
        shader = UsdShade.Shader.Define(stage, "/World/Set/crate/mtl/wood/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.5, 0.3, 0.2))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        UsdShade.MaterialBindingAPI.Apply(stage.GetPrimAtPath("/World/Set/crate/geo")).Bind(material)
        root = UsdSkel.Root.Define(stage, "/World/Assets/walker")
        skeleton = UsdSkel.Skeleton.Define(stage, "/World/Assets/walker/skel")
        skeleton.CreateJointsAttr(["hip", "hip/knee"])
        skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray([Gf.Matrix4d(1)] * 2))
        skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray([Gf.Matrix4d(1)] * 2))
        UsdSkel.BindingAPI.Apply(root.GetPrim())
    assert fields(market) == {}
    with working(market, "motion", "market/sh020") as place:
        animation = UsdSkel.Animation.Define(place.stage, "/World/Assets/walker/walk")
        animation.CreateJointsAttr(["hip", "hip/knee"])
        animation.CreateTranslationsAttr([(0, 0, 0)] * 2)
        animation.CreateScalesAttr([(1, 1, 1)] * 2)
        turn = Gf.Quatf(Gf.Rotation(Gf.Vec3d(1, 0, 0), 30).GetQuat())
        animation.CreateRotationsAttr(Vt.QuatfArray([Gf.Quatf(1), turn]))
        skeleton = place.stage.GetPrimAtPath("/World/Assets/walker/skel")
        UsdSkel.BindingAPI.Apply(skeleton).CreateAnimationSourceRel().SetTargets([animation.GetPath()])
        shader = UsdShade.Shader(place.stage.GetPrimAtPath("/World/Set/crate/mtl/wood/surface"))
        shader.GetInput("diffuseColor").Set(Gf.Vec3f(0.5, 0.1, 0.2))
    found = fields(market)
    assert found["/World/Assets/walker/skel", "pose"][1] == "1 of 2 joints differ, joint 1 by 30.0 degrees"
    colour = "/World/Set/crate/mtl/wood/surface.inputs:diffuseColor"
    assert found[colour, "material"] == ("(0.5, 0.3, 0.2)", "(0.5, 0.1, 0.2)")


def test_pins_and_variants_are_compared(market: Project) -> None:
    with market.edit() as stage:
        prim = UsdGeom.Xform.Define(stage, "/World/Assets/stool").GetPrim()
        styles = prim.GetVariantSets().AddVariantSet("style")
        for style in ("low", "high"):
            styles.AddVariant(style)
        styles.SetVariantSelection("low")
    market.commit("a stool")
    add_asset(market, "market", "stool")
    add_asset(market, "market/sh020", "stool", variants={"style": "high"})
    assert fields(market) == {("/World/Assets/stool", "variant"): ("style=low", "style=high")}
    with market.edit() as stage:
        UsdGeom.Cube.Define(stage, "/World/Assets/stool/seat")
    second = market.commit("a seat").id
    add_asset(market, "market/sh020", "stool", variants={"style": "low"})
    assert fields(market)["/World/Assets/stool", "pin"][1] == f"versions/{second}.usda"


# ---------------------------------------------------------------- versions


def test_a_version_holds_what_every_scene_was(market: Project) -> None:
    assert commit_scenes(market, "first").scenes == ["market", "market/sh010", "market/sh020"]
    assert commit_scenes(market, "again").version is None
    market.tag("client-v1")
    place_asset(market, "crate", at=(7, 0, 7), scene=SHOT)
    second = commit_scenes(market, "moved", SHOT)
    assert second.scenes == [SHOT]
    place_asset(market, "crate", at=(-7, 0, -7), scene=SHOT)  # not committed
    result = restore(market, SHOT, "client-v1")
    assert box_of(market, SHOT, "/World/Set/crate").centre[0] == pytest.approx(2)
    kept = Sdf.Layer.OpenAsAnonymous(str(market.root / result.kept[0]))
    assert kept.GetAttributeAtPath("/World/Set/crate.xformOp:translate:placement").default[0] == -7
    restore(market, SHOT)
    assert box_of(market, SHOT, "/World/Set/crate").centre[0] == pytest.approx(7)
    (market.root / "scenes/market/.partial-left").write_text("half", encoding="utf-8")
    assert [p.kind for p in market.verify(repair=True).problems] == ["partial"]
    assert market.verify().problems == []
    # the stage that the tag names opens by itself, without the files that departments work on
    shutil.rmtree(market.root / "scenes")
    tagged = market.open_stage("client-v1")
    record = tagged.GetPrimAtPath("/Project/Scenes/market/sh010")
    frozen = Path(record.GetAttribute("gates:stage").Get().resolvedPath)
    assert frozen.is_relative_to(market.root / "objects")
    assert "/World/Set/crate/geo" in stock(frozen)["prims"]
    restore(market, "market")
    restore(market, SHOT)
    assert show_scene(market, SHOT).problems == []


def test_two_people_commit_two_shots_and_nothing_is_lost(market: Project) -> None:
    other = Project.open(market.root, work="night")
    with other.edit() as stage:
        UsdGeom.Scope.Define(stage, "/Project/Others")
    commit_scenes(market, "the first")
    place_asset(other, "crate", at=(3, 0, 3), scene=SHOT)
    assert commit_scenes(other, "the other").scenes == [SHOT]
    place_asset(market, "crate", at=(4, 0, 4), scene="market/sh020")
    assert commit_scenes(market, "the first again").scenes == ["market/sh020"]
    for name in (SHOT, "market/sh020"):
        restore(market, name)
    assert box_of(market, SHOT, "/World/Set/crate").centre[0] == pytest.approx(3)
    assert box_of(market, "market/sh020", "/World/Set/crate").centre[0] == pytest.approx(4)


def test_packages_are_pinned_and_repinned_by_department(market: Project, tmp_path: Path) -> None:
    from pipeline.versions.packages import publish_package

    def publish(height: float) -> None:
        path = tmp_path / "stool.usda"
        path.unlink(missing_ok=True)
        stage = Usd.Stage.CreateInMemory()
        UsdGeom.SetStageUpAxis(stage, "Y")
        UsdGeom.SetStageMetersPerUnit(stage, 1)
        stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/stool").GetPrim())
        UsdGeom.Cube.Define(stage, "/stool/geo").CreateSizeAttr(height)
        stage.GetRootLayer().Export(str(path))
        publish_package(market, "stool", {"stool.usda": path}, market.head())

    publish(0.4)
    pinned = add_asset(market, "market", "stool")
    follows = add_asset(market, "market", "stool", name="newest", origin="published", follow=True)
    assert (pinned.pin, follows.pin) == ("v001", "latest")
    publish(0.6)
    assert box_of(market, SHOT, "/World/Assets/stool").size[0] == pytest.approx(0.4)
    assert box_of(market, SHOT, "/World/Assets/newest").size[0] == pytest.approx(0.6)
    pins = {p.prim: (p.pin, p.newest, p.department) for p in list_scene_pins(market, "market").pins}
    assert pins["/World/Assets/stool"] == ("v001", 2, "layout")
    commit_scenes(market, "two stools")
    publish(0.8)
    restore(market, "market")  # what followed names what it was then
    assert box_of(market, SHOT, "/World/Assets/newest").size[0] == pytest.approx(0.6)
    changed = pin_scene(market, "stool", 3)
    assert sorted(changed.changed["market"]) == ["/World/Assets/newest", "/World/Assets/stool"]
    assert box_of(market, SHOT, "/World/Assets/stool").size[0] == pytest.approx(0.8)
    assert show_scene(market, SHOT).assets["/World/Assets/stool"] == "stool publish/stool/v003/stool.usda"
    with pytest.raises(UsageError, match="no package v009"):
        pin_scene(market, "stool", 9)
